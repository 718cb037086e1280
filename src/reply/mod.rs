//! A reply becomes an answer, or the failure it tells of.
//!
//! It knows bytes, not sockets; what it prints while a stream is running goes through [`Live`].

mod answer;
mod completion;
mod mend;
mod models;
mod refusal;
mod sse;
mod stream;
mod usage;

use std::io::Read;

use anyhow::Result;

pub use self::answer::Answer;
pub use self::usage::Usage;
use crate::error::{Exit, Failure, Repeat, exit, from_io};
use crate::service::{Reply, ReplyHeaders};

/// The largest reply in one JSON, and the longest text of a stream, in bytes: far over any answer, and
/// bounded.
const MAX_REPLY: u64 = 64 * 1024 * 1024;

/// Who is told of a stream while it is running.
pub trait Live {
    /// A piece of the answer's text.
    ///
    /// # Errors
    ///
    /// Whatever ends the stream.
    fn text(&mut self, piece: &str) -> Result<()>;

    /// The payload of an event, as it came.
    ///
    /// # Errors
    ///
    /// Whatever ends the stream.
    fn event(&mut self, payload: &[u8]) -> Result<()>;

    /// All that has arrived has been told: the time to write it.
    ///
    /// # Errors
    ///
    /// Whatever ends the stream.
    fn caught_up(&mut self) -> Result<()>;
}

/// Reads the reply to a question to its end. Where `must_be_json`, an answer that is not is unfit.
///
/// # Errors
///
/// A failure with the exit status that fits what came back; an error of `live`.
pub fn read(reply: Reply, must_be_json: bool, live: &mut dyn Live) -> Result<Answer> {
    read_answer(reply, |headers, body| {
        let answer = if is_stream(headers) {
            stream::read(body, live)?
        } else {
            let bytes = read_whole(body, headers)?;
            let answer = completion::parse(&bytes)?;
            Answer { body: Some(bytes), ..answer }
        };
        Ok(if must_be_json { answer.held_to_json() } else { answer })
    })
}

/// Reads the list of models, as an answer of one name a line.
///
/// # Errors
///
/// As [`read`].
pub fn read_models(reply: Reply) -> Result<Answer> {
    read_answer(reply, |headers, body| {
        let bytes = read_whole(body, headers)?;
        let answer = models::parse(&bytes)?;
        Ok(Answer { body: Some(bytes), ..answer })
    })
}

fn read_answer(
    reply: Reply,
    read: impl FnOnce(&ReplyHeaders, Box<dyn Read>) -> Result<Answer>,
) -> Result<Answer> {
    let Reply { status, headers, body } = reply;
    if !(200..300).contains(&status) || status == 204 {
        return Err(refusal::of_status(status, &headers, body).into());
    }
    // Whatever is wrong with it, the user is told which reply it was.
    match read(&headers, body) {
        Ok(answer) => Ok(Answer {
            unfit: answer.unfit.map(|why| about_reply(why, status, &headers)),
            ..answer
        }),
        // But trouble on this machine is not the reply's, and what caused it stays in its chain.
        Err(error) if matches!(exit(&error), Exit::Local | Exit::ReaderLeft) => Err(error),
        Err(error) => Err(match error.downcast::<Failure>() {
            Ok(failure) => about_reply(failure, status, &headers).into(),
            Err(error) => error,
        }),
    }
}

/// Events, by their content type; whatever else was asked for, a JSON reply is read as JSON.
fn is_stream(headers: &ReplyHeaders) -> bool {
    let content_type = headers.content_type.as_deref().unwrap_or_default();
    content_type.trim_start().to_ascii_lowercase().starts_with("text/event-stream")
}

fn read_whole(body: Box<dyn Read>, headers: &ReplyHeaders) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    body.take(MAX_REPLY + 1).read_to_end(&mut bytes).map_err(from_io)?;
    if bytes.len() as u64 > MAX_REPLY {
        return Err(too_large().into());
    }
    if bytes.is_empty() && headers.is_framed {
        return Err(no_completion("the reply is empty".into()).into());
    }
    Ok(bytes)
}

/// Whether JSON is wrong because it ends too early: also in the middle of a number, which serde tells
/// as a number that is wrong.
fn is_cut(bytes: &[u8], error: &serde_json::Error) -> bool {
    let last_line = bytes.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    let in_number =
        last_line.last().is_some_and(|byte| byte.is_ascii_digit() || b"+-.eE".contains(byte));
    error.is_eof() || (error.is_syntax() && in_number && error.column() >= last_line.len())
}

/// A reply whose JSON ends in the middle, which proves that it is not whole.
fn cut_json() -> Failure {
    Failure::lost("the reply is cut: its JSON ends in the middle")
}

/// A reply that passes the cap, in one JSON or as the text of a stream.
fn too_large() -> Failure {
    no_completion(format!("the reply is larger than {} MiB", MAX_REPLY >> 20))
}

/// A reply that is no completion.
fn no_completion(what: String) -> Failure {
    Failure::new(Exit::Service, what)
}

/// Adds which reply it was, and what its headers say about asking again.
fn about_reply(failure: Failure, status: u16, headers: &ReplyHeaders) -> Failure {
    let repeat = if headers.forbids_retry { Repeat::Never } else { failure.repeat };
    failure
        .repeat(repeat)
        .retry_after(headers.retry_after)
        .reply(status, headers.request_id.as_deref())
}
