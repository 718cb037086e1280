//! Answers from inside the program, in the service's own wire format: no key, no network, no cost.
//!
//! Every branch of a script can be tried with it. What comes out is read by the same code that reads
//! the service's replies.

use std::io::{self, Cursor};
use std::str::FromStr;

use anyhow::Result;
use serde_json::{Value, json};

use super::{Ask, Reply, ReplyHeaders, sample};
use crate::error::{Exit, Failure, from_io};
use crate::request::CompletionRequest;

/// What a rehearsal plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RehearsalCase {
    /// An answer that describes the request.
    Ok,
    /// An answer cut at the token limit.
    Length,
    /// An answer cut by a content filter.
    Filtered,
    /// A refusal.
    Refused,
    /// An answer without a word.
    Empty,
    /// A call of a tool in place of an answer.
    Tools,
    /// A connection that breaks in the middle of the answer.
    Cut,
    /// A key that is not known.
    Unauthorized,
    /// A key that may not do this.
    Forbidden,
    /// Too many requests.
    RateLimit,
    /// A service that fails.
    ServerError,
    /// A network that is not there.
    Offline,
}

impl RehearsalCase {
    /// The names that `--rehearse` and `XASK_REHEARSE` take.
    pub const NAMES: [&str; 12] = [
        "ok", "length", "filtered", "refused", "empty", "tools", "cut", "401", "403", "429", "500",
        "offline",
    ];
}

impl FromStr for RehearsalCase {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Ok(match name {
            "ok" | "1" => Self::Ok,
            "length" => Self::Length,
            "filtered" => Self::Filtered,
            "refused" => Self::Refused,
            "empty" => Self::Empty,
            "tools" => Self::Tools,
            "cut" => Self::Cut,
            "401" => Self::Unauthorized,
            "403" => Self::Forbidden,
            "429" => Self::RateLimit,
            "500" => Self::ServerError,
            "offline" => Self::Offline,
            _ => return Err(format!("expected one of {}", Self::NAMES.join(", "))),
        })
    }
}

/// A service that is not asked.
#[derive(Debug)]
pub struct Rehearsal {
    case: RehearsalCase,
}

impl Rehearsal {
    /// A rehearsal of one case.
    pub fn new(case: RehearsalCase) -> Self {
        Self { case }
    }

    /// The reply of the case to a request.
    ///
    /// # Errors
    ///
    /// Status 6 where the case is `offline`; local trouble where the body cannot be read to its end;
    /// a usage failure where a sample for the schema cannot be made.
    pub fn reply(&self, ask: &Ask) -> Result<Reply> {
        if let Some(failed) = self.failed_reply()? {
            return Ok(failed);
        }
        match ask {
            Ask::Completion(request, body) => {
                // As the network would: an image that changed meanwhile is found out here too.
                io::copy(&mut body.reader(), &mut io::sink()).map_err(from_io)?;
                let answer = self.answer(request)?;
                Ok(if request.stream { answer.stream(request) } else { answer.whole(request) })
            }
            Ask::Models(model) => {
                let model =
                    json!({ "id": model, "created": 0, "object": "model", "owned_by": "xask" });
                Ok(reply(200, &json!({ "object": "list", "data": [model] })))
            }
        }
    }

    /// The reply of a case in which there is no answer.
    fn failed_reply(&self) -> Result<Option<Reply>> {
        let (status, code, words) = match self.case {
            RehearsalCase::Unauthorized => {
                (401, "unauthenticated:no-credentials", "No credentials presented.")
            }
            RehearsalCase::Forbidden => {
                (403, "permission-denied", "The key is not permitted to use this model.")
            }
            RehearsalCase::RateLimit => {
                (429, "resource-exhausted", "Too many requests. Try again later.")
            }
            RehearsalCase::ServerError => (500, "internal", "Internal server error."),
            RehearsalCase::Offline => {
                return Err(Failure::new(
                    Exit::NotDelivered,
                    "cannot connect: rehearsed as offline",
                )
                .into());
            }
            _ => return Ok(None),
        };
        Ok(Some(reply(status, &json!({ "code": code, "error": words }))))
    }

    fn answer(&self, request: &CompletionRequest) -> Result<Answer> {
        Ok(match self.case {
            RehearsalCase::Length => {
                Answer { finish: "length", ..Answer::complete("This answer is cut at the") }
            }
            RehearsalCase::Filtered => {
                Answer { finish: "content_filter", ..Answer::complete("This answer is") }
            }
            RehearsalCase::Refused => {
                Answer { refused: true, ..Answer::complete("I cannot help with that.") }
            }
            RehearsalCase::Empty => Answer::complete(""),
            RehearsalCase::Tools => {
                Answer { calls_tool: true, finish: "tool_calls", ..Answer::complete("") }
            }
            RehearsalCase::Cut => {
                Answer { cut: true, ..Answer::complete("This answer breaks off in the middle.") }
            }
            _ => match &request.schema {
                Some(schema) => Answer::complete(&sample::of_schema(schema)?),
                None => Answer::complete(&request.describe()),
            },
        })
    }
}

/// An answer to be put on the wire.
struct Answer {
    text: String,
    finish: &'static str,
    refused: bool,
    calls_tool: bool,
    cut: bool,
}

impl Answer {
    fn complete(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            finish: "stop",
            refused: false,
            calls_tool: false,
            cut: false,
        }
    }

    /// `choices[0].message` or a `delta`, with a piece of the text.
    fn message(&self, piece: &str) -> Value {
        match self {
            Self { refused: true, .. } => json!({ "content": null, "refusal": piece }),
            Self { calls_tool: true, .. } => json!({ "content": null, "tool_calls": [{
                "id": "call_rehearsal", "type": "function", "function": { "name": "rehearsal", "arguments": "{}" }
            }] }),
            _ => json!({ "content": piece }),
        }
    }

    /// The reply in one JSON.
    fn whole(&self, request: &CompletionRequest) -> Reply {
        let mut message = self.message(&self.text);
        message["role"] = "assistant".into();
        let choice = json!({ "index": 0, "message": message, "finish_reason": self.finish });
        let mut text = envelope(request, "chat.completion", &json!([choice]), Some(&no_tokens()));
        if self.cut {
            text.truncate(text.len() / 2);
        }
        Reply::of_json(200, text.into_bytes())
    }

    /// The reply as server-sent events, a word an event.
    fn stream(&self, request: &CompletionRequest) -> Reply {
        let chunk = |delta: Value, finish: Option<&str>| {
            let mut choice = json!({ "index": 0, "delta": delta });
            if let Some(finish) = finish {
                choice["finish_reason"] = finish.into();
            }
            envelope(request, "chat.completion.chunk", &json!([choice]), None)
        };
        let mut events = vec![chunk(json!({ "role": "assistant" }), None)];
        if self.calls_tool {
            events.push(chunk(self.message(""), None));
        }
        let mut pieces: Vec<&str> = self.text.split_inclusive(' ').collect();
        if self.cut {
            pieces.truncate(pieces.len() / 2);
        }
        events.extend(pieces.into_iter().map(|piece| chunk(self.message(piece), None)));
        if !self.cut {
            events.push(chunk(json!({}), Some(self.finish)));
            if request.stream_usage {
                events.push(envelope(
                    request,
                    "chat.completion.chunk",
                    &json!([]),
                    Some(&no_tokens()),
                ));
            }
            events.push("[DONE]".to_owned());
        }
        let stream: Vec<[&str; 3]> = events.iter().map(|event| ["data: ", event, "\n\n"]).collect();
        let headers = ReplyHeaders {
            content_type: Some("text/event-stream".to_owned()),
            ..ReplyHeaders::default()
        };
        let body = Box::new(Cursor::new(stream.concat().concat().into_bytes()));
        Reply { status: 200, headers, body }
    }
}

/// What stands around the choices.
fn envelope(
    request: &CompletionRequest,
    object: &str,
    choices: &Value,
    usage: Option<&Value>,
) -> String {
    let mut envelope = json!({
        "id": "rehearsal", "object": object, "created": 0, "model": request.model, "choices": choices,
    });
    if let Some(usage) = usage {
        envelope["usage"] = usage.clone();
    }
    envelope.to_string()
}

/// What a rehearsal uses.
fn no_tokens() -> Value {
    json!({ "prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0, "cost_in_usd_ticks": 0 })
}

fn reply(status: u16, body: &Value) -> Reply {
    Reply::of_json(status, body.to_string().into_bytes())
}
