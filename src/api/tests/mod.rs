//! Whole responses and streams of both APIs, read as the program reads them.

mod alike;
mod chat;
mod deferred;
mod ends;
mod json;
mod requests;
mod responses;

use std::io::{self, Cursor, Read};
use std::time::Duration;

use anyhow::Result;

use super::{Answer, Api, Expectations, StreamSink, read_answer};
use crate::error::{ExitStatus, Failure, exit_status, failure};
use crate::response::{Response, ResponseBody, ResponseHeaders};

/// What was passed on while a stream arrived.
#[derive(Debug, Default)]
struct Sink {
    text: String,
    events: Vec<String>,
    thoughts: usize,
    /// Text is not shown before the end.
    is_late: bool,
}

impl StreamSink for Sink {
    fn text(&mut self, piece: &str) -> Result<()> {
        self.text.push_str(piece);
        Ok(())
    }

    fn event(&mut self, payload: &[u8]) -> Result<()> {
        self.events.push(String::from_utf8_lossy(payload).into_owned());
        Ok(())
    }

    fn thinking(&mut self) {
        self.thoughts += 1;
    }

    fn take_back_text(&mut self) -> bool {
        if self.is_late {
            self.text.clear();
        }
        self.is_late
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

/// The outcome of a response: an exit status, and the printed text or the error.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Outcome {
    code: u8,
    text: String,
    why: String,
}

fn outcome(read: &Result<Answer>) -> Outcome {
    let shown = |failure: &Failure| match &failure.detail {
        Some(detail) => format!("{failure}: {detail}"),
        None => failure.to_string(),
    };
    match read {
        Ok(Answer { text, unusable: None, .. }) => {
            Outcome { code: 0, text: text.clone(), why: String::new() }
        }
        Ok(Answer { text, unusable: Some(why), .. }) => {
            Outcome { code: why.status as u8, text: text.clone(), why: shown(why) }
        }
        Err(error) => Outcome {
            code: exit_status(error) as u8,
            text: String::new(),
            why: failure(error).map_or_else(|| error.to_string(), shown),
        },
    }
}

/// A body that arrives in pieces, and then ends, fails or stalls.
struct Pieces {
    left: Vec<Vec<u8>>,
    end: End,
    limit: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Clean,
    Reset,
    /// Ends in time only if the wait was limited.
    Silence,
    /// Is not read.
    Unread,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(piece) = self.left.first_mut() {
            if piece.is_empty() {
                self.left.remove(0);
                continue;
            }
            let n = piece.len().min(buffer.len());
            buffer[..n].copy_from_slice(&piece[..n]);
            piece.drain(..n);
            return Ok(n);
        }
        match (self.end, self.limit) {
            (End::Clean, _) => Ok(0),
            (End::Silence, None) => panic!("it is waited for without end"),
            (End::Unread, _) => panic!("it is read past its end"),
            _ => Err(Failure::incomplete("connection lost").into()),
        }
    }
}

impl ResponseBody for Pieces {
    fn limit_wait(&mut self, limit: Duration) {
        assert!(limit <= Duration::from_secs(5), "{limit:?}");
        assert_eq!(self.limit.replace(limit), None, "the wait is limited once");
    }
}

fn response(content_type: &str, body: Box<dyn ResponseBody>) -> Response {
    let content_type = Some(content_type.to_owned()).filter(|name| !name.is_empty());
    let headers =
        ResponseHeaders { content_type, has_declared_length: true, ..ResponseHeaders::default() };
    Response { status: 200, headers, body }
}

fn read_pieces(api: Api, pieces: Vec<Vec<u8>>, end: End, sink: &mut Sink) -> Result<Answer> {
    let body = Box::new(Pieces { left: pieces, end, limit: None });
    read_answer(api, response("text/event-stream", body), Expectations::default(), sink)
}

/// Reads a body with this content type.
fn read_as(api: Api, content_type: &str, body: impl Into<Vec<u8>>) -> Result<Answer> {
    let body = Box::new(Cursor::new(body.into()));
    let response = response(content_type, body);
    read_answer(api, response, Expectations::default(), &mut Sink::default())
}

fn read_json(api: Api, body: impl Into<Vec<u8>>) -> Result<Answer> {
    read_as(api, "application/json", body)
}

fn read_sse(api: Api, body: impl Into<Vec<u8>>) -> Result<Answer> {
    read_as(api, "text/event-stream", body)
}

/// Events with these payloads.
fn events(payloads: &[&str]) -> String {
    let events: Vec<[&str; 3]> =
        payloads.iter().map(|payload| ["data: ", payload, "\n\n"]).collect();
    events.concat().concat()
}

fn usable(text: &str) -> Outcome {
    Outcome { code: 0, text: text.to_owned(), why: String::new() }
}

#[track_caller]
fn assert_fails(read: &Result<Answer>, status: ExitStatus, why: &str, case: &str) {
    let outcome = outcome(read);
    assert_eq!(outcome.code, status as u8, "{case}: {outcome:?}");
    assert!(outcome.why.contains(why), "{case}: {outcome:?}");
}
