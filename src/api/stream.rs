//! A stream of events is read to its end, whichever API it comes from.

use std::ops::ControlFlow;
use std::time::Duration;

use anyhow::Result;
use serde::de::IgnoredAny;

use super::events::{Decoder, Event};
use super::lenient::{self, Fields, Object};
use super::{Answer, StreamSink, error_body};
use crate::error::{ExitStatus, Failure, Retry, exit_status};
use crate::response::ResponseBody;

/// How long to wait, once an answer is complete, for what may follow it.
const WAIT_FOR_END: Duration = Duration::from_secs(5);

/// The payload that ends a stream of chat completions, and some others.
const DONE: &[u8] = b"[DONE]";

/// The answer as far as an API's events have told it.
pub trait StreamState {
    /// The message for an event that is not one of this API.
    fn foreign_event(&self) -> &'static str;

    /// The message for a stream that ended before the answer did.
    fn cut(&self) -> &'static str;

    /// Takes the next event, whose payload is this JSON, and hands its text to `sink`.
    ///
    /// # Errors
    ///
    /// The outer error is that of the parser: nothing was taken, and the caller may try again with repaired JSON. The
    /// inner one is final: status 8 for an error that the event reports, or an error of `sink`.
    fn on_json(
        &mut self,
        json: &str,
        event: Event,
        sink: &mut dyn StreamSink,
    ) -> Result<Result<Taken>, serde_json::Error>;

    /// Takes note of an event whose payload is no JSON object.
    fn on_unreadable(&mut self, _event: Event) {}

    /// Whether a piece of the answer has arrived.
    fn has_text(&self) -> bool;

    /// Whether the answer is complete: what follows may be missing.
    fn is_complete(&self) -> bool;

    /// Whether nothing that follows counts.
    fn is_final(&self) -> bool {
        false
    }

    /// What was said beside an answer that is not there.
    fn take_aside(&mut self) -> Option<String> {
        None
    }

    /// The answer, if it is complete.
    fn into_answer(self: Box<Self>) -> Option<Answer>;
}

/// Reads the payload of an event, and hands its fields to `take`.
///
/// # Errors
///
/// The outer error is that of the parser; the inner one is that of `take` or of `sink`.
pub fn read_payload<'a, T: Fields<'a>>(
    json: &'a str,
    event: Event,
    sink: &mut dyn StreamSink,
    take: impl FnOnce(T, &mut dyn StreamSink) -> Result<Taken>,
) -> Result<Result<Taken>, serde_json::Error> {
    Ok(match serde_json::from_str::<Object<T>>(json)? {
        Object::Fields(fields) => take(fields, sink),
        Object::Null => sink.event(event.data).map(|()| Taken::Yes),
        Object::EmptyList | Object::Other => Ok(Taken::No),
    })
}

/// Whether an event was one of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It was, and has been handed on.
    Yes,
    /// It is something else, and has not been handed on.
    No,
}

/// Reads a stream to its end and hands it to `sink` as it arrives; `buffer` holds its first `len` bytes
/// already.
///
/// # Errors
///
/// Status 7 if the stream was cut, 8 if it is no stream of the API or carries an error; an error of
/// `sink`.
pub fn read_stream(
    state: Box<dyn StreamState>,
    mut buffer: Vec<u8>,
    mut len: usize,
    body: &mut dyn ResponseBody,
    sink: &mut dyn StreamSink,
) -> Result<Answer> {
    let mut decoder = Decoder::default();
    let mut stream = Stream { state, began: false, ended: false };
    let mut is_limited = false;
    let mut late_error = None;
    loop {
        let handled = decoder.feed(&buffer[..len], |event| stream.on_event(event, sink));
        // Also before an error: what has arrived is shown.
        sink.flush()?;
        if let Err(error) = handled {
            late_error = Some(stream.late(error)?);
            break;
        }
        if stream.is_done() {
            break;
        }
        if stream.state.is_complete() && !is_limited {
            is_limited = true;
            body.limit_wait(WAIT_FOR_END);
        }
        len = match body.read(&mut buffer) {
            Ok(0) => {
                let handled = decoder.finish(|event| stream.on_last_event(event, sink));
                sink.flush()?;
                if let Err(error) = handled {
                    late_error = Some(stream.late(error)?);
                }
                break;
            }
            Ok(len) => len,
            // What was to follow is missing, and that is all.
            Err(_) if stream.state.is_complete() => break,
            Err(error) => return Err(error.into()),
        };
    }
    let answer = stream.into_answer(decoder.stray())?;
    Ok(Answer { late_error, ..answer })
}

/// What all streams have in common.
struct Stream {
    state: Box<dyn StreamState>,
    /// An event arrived: it is a stream.
    began: bool,
    /// `[DONE]` was seen.
    ended: bool,
}

impl Stream {
    fn on_event(&mut self, event: Event, sink: &mut dyn StreamSink) -> Result<ControlFlow<()>> {
        let payload = event.data;
        if payload.trim_ascii() == DONE {
            self.ended = true;
            return Ok(ControlFlow::Break(()));
        }
        self.began = true;
        if event.is_error() {
            return Err(self.no_retry(error_body::api_error(payload).into()));
        }
        if !payload.trim_ascii().is_empty() {
            self.on_payload(event, sink).map_err(|error| self.no_retry(error))?;
        }
        Ok(if self.is_done() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    fn on_payload(&mut self, event: Event, sink: &mut dyn StreamSink) -> Result<()> {
        let taken = lenient::parse(event.data, |json| self.state.on_json(json, event, sink));
        let taken = taken.unwrap_or(Ok(Taken::No))?;
        if taken == Taken::Yes {
            return Ok(());
        }
        self.state.on_unreadable(event);
        if event.is_named() {
            // Its name says that it is none of the answer.
            return sink.event(event.data);
        }
        Err(match event.data.trim_ascii().first() {
            Some(b'"') => error_body::api_error(event.data),
            _ => error_body::not_an_answer(self.state.foreign_event(), event.data),
        }
        .into())
    }

    /// The event at which a stream ended without a blank line: what is no JSON was cut.
    fn on_last_event(
        &mut self,
        event: Event,
        sink: &mut dyn StreamSink,
    ) -> Result<ControlFlow<()>> {
        match lenient::parse(event.data, |json| serde_json::from_str::<IgnoredAny>(json)) {
            Err(_) if event.data.trim_ascii() != DONE && !event.is_error() => {
                Ok(ControlFlow::Break(()))
            }
            _ => self.on_event(event, sink),
        }
    }

    /// Whether nothing that follows counts.
    fn is_done(&self) -> bool {
        self.ended || self.state.is_final()
    }

    /// An error after a piece of the answer may have been billed, and is never retried.
    fn no_retry(&self, error: anyhow::Error) -> anyhow::Error {
        match error.downcast_ref::<Failure>() {
            Some(failure) if self.state.has_text() && failure.retry != Retry::Never => error
                .downcast::<Failure>()
                .map_or_else(|error| error, |failure| failure.retry(Retry::Never).into()),
            _ => error,
        }
    }

    /// What was reported after the answer was complete; before that, and on this machine, it is an error.
    fn late(&self, error: anyhow::Error) -> Result<Failure> {
        let is_local = matches!(exit_status(&error), ExitStatus::Local | ExitStatus::BrokenPipe);
        if is_local || !self.state.is_complete() {
            return Err(error);
        }
        error.downcast()
    }

    /// The answer of a stream that ended, with the beginning of its lines that were no fields.
    fn into_answer(mut self, stray: &[u8]) -> Result<Answer, Failure> {
        let (aside, cut) = (self.state.take_aside(), self.state.cut());
        self.state.into_answer().ok_or_else(|| {
            let has_stray = !stray.trim_ascii().is_empty();
            if has_stray && !self.began {
                return error_body::not_an_answer("the response is not a stream of events", stray);
            }
            let stray = has_stray.then(|| error_body::detail(stray)).flatten();
            Failure::incomplete(cut).detail(stray.or(aside))
        })
    }
}
