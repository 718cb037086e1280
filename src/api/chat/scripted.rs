//! What the API would send, for a rehearsal: the same bytes that a server sends.

use serde_json::{Value, json};

use crate::api::{Request, Scenario};
use crate::response::Response;

/// The response of a scenario in which the API answers.
pub fn scripted(request: &Request, scenario: Scenario, text: &str) -> Response {
    let script = Script { model: &request.model, scenario, text: scenario.text(text) };
    if request.transfer.stream {
        script.stream(request.transfer.stream_usage)
    } else {
        script.whole()
    }
}

/// An answer to be put on the wire.
struct Script<'a> {
    model: &'a str,
    scenario: Scenario,
    text: &'a str,
}

impl Script<'_> {
    fn finish_reason(&self) -> &'static str {
        match self.scenario {
            Scenario::Length => "length",
            Scenario::Filtered => "content_filter",
            Scenario::Tools => "tool_calls",
            _ => "stop",
        }
    }

    /// `choices[0].message` or a `delta`, with a piece of the text.
    fn message(&self, piece: &str) -> Value {
        match self.scenario {
            Scenario::Refused => json!({ "content": null, "refusal": piece }),
            Scenario::Tools => json!({ "content": null, "tool_calls": [{
                "id": "call_rehearsal", "type": "function", "function": { "name": "rehearsal", "arguments": "{}" }
            }] }),
            _ => json!({ "content": piece }),
        }
    }

    /// The response in one JSON.
    fn whole(&self) -> Response {
        let mut message = self.message(self.text);
        message["role"] = "assistant".into();
        let choice =
            json!({ "index": 0, "message": message, "finish_reason": self.finish_reason() });
        let mut json = self.envelope("chat.completion", &json!([choice]), Some(&no_tokens()));
        if self.scenario == Scenario::Cut {
            json.truncate(json.len() / 2);
        }
        Response::json(200, json)
    }

    /// The response as server-sent events, a word an event.
    fn stream(&self, with_usage: bool) -> Response {
        let chunk = |delta: Value, finish: Option<&str>| {
            let mut choice = json!({ "index": 0, "delta": delta });
            if let Some(finish) = finish {
                choice["finish_reason"] = finish.into();
            }
            self.envelope("chat.completion.chunk", &json!([choice]), None)
        };
        let mut events = vec![chunk(json!({ "role": "assistant" }), None)];
        if self.scenario == Scenario::Tools {
            events.push(chunk(self.message(""), None));
        }
        let mut pieces: Vec<&str> = self.text.split_inclusive(' ').collect();
        if self.scenario == Scenario::Cut {
            pieces.truncate(pieces.len() / 2);
        }
        events.extend(pieces.into_iter().map(|piece| chunk(self.message(piece), None)));
        if self.scenario != Scenario::Cut {
            events.push(chunk(json!({}), Some(self.finish_reason())));
            if with_usage {
                let usage = no_tokens();
                events.push(self.envelope("chat.completion.chunk", &json!([]), Some(&usage)));
            }
            events.push("[DONE]".to_owned());
        }
        let stream: Vec<[&str; 3]> = events.iter().map(|event| ["data: ", event, "\n\n"]).collect();
        Response::local(200, "text/event-stream", stream.concat().concat())
    }

    /// What stands around the choices.
    fn envelope(&self, object: &str, choices: &Value, usage: Option<&Value>) -> String {
        let mut envelope = json!({
            "id": "rehearsal", "object": object, "created": 0, "model": self.model, "choices": choices,
        });
        if let Some(usage) = usage {
            envelope["usage"] = usage.clone();
        }
        envelope.to_string()
    }
}

/// What a rehearsal uses.
fn no_tokens() -> Value {
    json!({ "prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0, "cost_in_usd_ticks": 0 })
}
