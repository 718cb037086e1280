//! A stream of events is read to its end, whichever API it comes from.

use std::time::Duration;

use anyhow::Result;

use serde::de::IgnoredAny;

use super::events::{Decoder, Event};
use super::{Answer, StreamSink, error_body, lenient};
use crate::error::{ExitStatus, Failure, exit_status};
use crate::response::ResponseBody;

/// How long to wait, once an answer is complete, for what may follow it.
const WAIT_FOR_END: Duration = Duration::from_secs(5);

/// What an API's events amount to.
pub trait StreamState {
    /// Takes the next event, and hands on what is to be shown of it.
    ///
    /// # Errors
    ///
    /// Status 8 for an error, or for what is no event of the API; an error of `sink`.
    fn on_event(&mut self, event: Event, sink: &mut dyn StreamSink) -> Result<()>;

    /// Whether nothing that follows counts.
    fn is_done(&self) -> bool;

    /// Whether the answer is complete: what follows may be missing.
    fn is_complete(&self) -> bool;

    /// The answer of a stream that ended, with the beginning of its lines that were no fields.
    ///
    /// # Errors
    ///
    /// Status 7 if the answer is not complete.
    fn into_answer(self, stray: &[u8], sink: &mut dyn StreamSink) -> Result<Answer>;
}

/// Reads a stream to its end and hands it to `sink` as it arrives; `buffer` holds its first `len` bytes
/// already.
///
/// # Errors
///
/// Status 7 if the stream was cut, 8 if it is no stream of the API or carries an error; an error of
/// `sink`.
pub fn read_stream<S: StreamState>(
    mut state: S,
    mut buffer: Vec<u8>,
    mut len: usize,
    body: &mut dyn ResponseBody,
    sink: &mut dyn StreamSink,
) -> Result<Answer> {
    let mut decoder = Decoder::default();
    let mut is_limited = false;
    let mut late_error = None;
    loop {
        let handled = decoder.feed(&buffer[..len], |event| feed(&mut state, event, sink));
        // Also before an error: what has arrived is shown.
        sink.flush()?;
        if let Err(error) = handled {
            late_error = Some(late(&state, error)?);
            break;
        }
        if state.is_done() {
            break;
        }
        if state.is_complete() && !is_limited {
            is_limited = true;
            body.limit_wait(WAIT_FOR_END);
        }
        len = match body.read(&mut buffer) {
            Ok(0) => {
                let handled = decoder.finish(|event| feed_last(&mut state, event, sink));
                sink.flush()?;
                if let Err(error) = handled {
                    late_error = Some(late(&state, error)?);
                }
                break;
            }
            Ok(len) => len,
            // What was to follow is missing, and that is all.
            Err(_) if state.is_complete() => break,
            Err(error) => return Err(error.into()),
        };
    }
    let answer = state.into_answer(decoder.stray(), sink)?;
    Ok(Answer { late_error, ..answer })
}

fn feed(state: &mut impl StreamState, event: Event, sink: &mut dyn StreamSink) -> Result<()> {
    if state.is_done() { Ok(()) } else { state.on_event(event, sink) }
}

/// The event at which a stream ended without a blank line: what is no JSON was cut.
fn feed_last(state: &mut impl StreamState, event: Event, sink: &mut dyn StreamSink) -> Result<()> {
    match lenient::parse(event.data, |json| serde_json::from_str::<IgnoredAny>(json)) {
        Err(_) if event.data.trim_ascii() != DONE && !event.is_error() => Ok(()),
        _ => feed(state, event, sink),
    }
}

/// A stream that ended before its answer: what else was in it is told along.
pub fn cut(what: &str, stray: &[u8], began: bool, aside: Option<String>) -> Failure {
    let has_stray = !stray.trim_ascii().is_empty();
    if has_stray && !began {
        return error_body::not_an_answer("the response is not a stream of events", stray);
    }
    let stray = has_stray.then(|| error_body::detail(stray)).flatten();
    Failure::incomplete(what).detail(stray.or(aside))
}

/// The payload that ends a stream of chat completions, and some others.
pub const DONE: &[u8] = b"[DONE]";

/// What was reported after the answer was complete; before that, and on this machine, it is an error.
fn late(state: &impl StreamState, error: anyhow::Error) -> Result<Failure> {
    let is_local = matches!(exit_status(&error), ExitStatus::Local | ExitStatus::BrokenPipe);
    if is_local || !state.is_complete() {
        return Err(error);
    }
    error.downcast()
}
