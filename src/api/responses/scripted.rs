//! What the API would send, for a rehearsal: the same bytes that a server sends.

use std::fmt::Write;

use serde_json::{Value, json};

use super::options::Searches;
use crate::api::{Request, Scenario};
use crate::response::Response;

/// The addresses that a simulated search finds, with their titles.
const SOURCES: [(&str, &str); 2] =
    [("https://example.com/", "Example"), ("https://example.org/rehearsal", "2")];

/// The response of a scenario in which the API answers.
pub fn scripted(request: &Request, scenario: Scenario, text: &str) -> Response {
    let scenario = match scenario {
        Scenario::Ok if request.options.requests_search() => Scenario::Searched,
        scenario => scenario,
    };
    let script = Script {
        model: &request.model,
        scenario,
        text: scenario.text(text),
        searches: Searches::requested(&request.options),
    };
    if request.transfer.stream { script.stream() } else { script.whole() }
}

/// An answer to be put on the wire.
struct Script<'a> {
    model: &'a str,
    scenario: Scenario,
    text: &'a str,
    searches: Searches,
}

impl Script<'_> {
    /// The response in one JSON.
    fn whole(&self) -> Response {
        let mut json = self.response(self.status(), &self.items()).to_string();
        if self.scenario == Scenario::Cut {
            json.truncate(json.len() / 2);
        }
        Response::json(200, json)
    }

    /// The response as server-sent events, a word an event.
    fn stream(&self) -> Response {
        let mut events = Events::default();
        let begun = self.response("in_progress", &[]);
        events.push("response.created", json!({ "response": begun.clone() }));
        events.push("response.in_progress", json!({ "response": begun }));
        let items = self.items();
        for (index, item) in items.iter().enumerate() {
            self.push_item(&mut events, index, item);
        }
        let status = self.status();
        if self.scenario != Scenario::Cut {
            let end = self.response(status, &items);
            events.push(&format!("response.{status}"), json!({ "response": end }));
        }
        Response::local(200, "text/event-stream", events.stream)
    }

    fn push_item(&self, events: &mut Events, index: usize, item: &Value) {
        let mut begun = item.clone();
        begun["status"] = "in_progress".into();
        if item["type"] == "message" {
            begun["content"] = json!([]);
        }
        events.push("response.output_item.added", json!({ "output_index": index, "item": begun }));
        if item["type"] == "message" {
            self.push_text(events, index, item);
            if self.scenario == Scenario::Cut {
                return;
            }
        }
        events.push("response.output_item.done", json!({ "output_index": index, "item": item }));
    }

    fn push_text(&self, events: &mut Events, index: usize, item: &Value) {
        let id = &item["id"];
        let place = |fields: Value| {
            let mut place = json!({ "item_id": id, "output_index": index, "content_index": 0 });
            for (name, value) in fields.as_object().into_iter().flatten() {
                place[name] = value.clone();
            }
            place
        };
        let kind = if self.scenario == Scenario::Refused { "refusal" } else { "output_text" };
        let part = &item["content"][0];
        let begun = match kind {
            "refusal" => json!({ "type": "refusal", "refusal": "" }),
            _ => json!({ "type": "output_text", "text": "", "annotations": [] }),
        };
        events.push("response.content_part.added", place(json!({ "part": begun })));
        let mut pieces: Vec<&str> = self.text.split_inclusive(' ').collect();
        if self.scenario == Scenario::Cut {
            pieces.truncate(pieces.len() / 2);
        }
        for piece in pieces {
            events.push(&format!("response.{kind}.delta"), place(json!({ "delta": piece })));
        }
        if self.scenario == Scenario::Cut {
            return;
        }
        for (at, annotation) in part["annotations"].as_array().into_iter().flatten().enumerate() {
            let annotation = json!({ "annotation_index": at, "annotation": annotation });
            events.push("response.output_text.annotation.added", place(annotation));
        }
        let done = match kind {
            "refusal" => json!({ "refusal": self.text }),
            _ => json!({ "text": self.text }),
        };
        events.push(&format!("response.{kind}.done"), place(done));
        events.push("response.content_part.done", place(json!({ "part": part })));
    }

    fn status(&self) -> &'static str {
        match self.scenario {
            Scenario::Length | Scenario::Filtered => "incomplete",
            _ => "completed",
        }
    }

    /// The items of the output.
    fn items(&self) -> Vec<Value> {
        if self.scenario == Scenario::Tools {
            return vec![json!({
                "id": "fc_rehearsal", "type": "function_call", "status": "completed",
                "call_id": "call_rehearsal", "name": "rehearsal", "arguments": "{}",
            })];
        }
        let mut items = Vec::new();
        if self.searches_web() {
            items.push(json!({
                "id": "ws_rehearsal", "type": "web_search_call", "status": "completed",
                "action": { "type": "search", "query": "rehearsal" },
            }));
        }
        if self.searches_x() {
            items.push(json!({
                "id": "ctc_rehearsal", "type": "custom_tool_call", "status": "completed",
                "call_id": "xs_call_rehearsal", "name": "x_keyword_search",
                "input": "{\"query\":\"rehearsal\"}",
            }));
        }
        let part = match self.scenario {
            Scenario::Refused => json!({ "type": "refusal", "refusal": self.text }),
            _ => json!({
                "type": "output_text", "text": self.text, "annotations": self.annotations(),
            }),
        };
        items.push(json!({
            "id": "msg_rehearsal", "type": "message", "role": "assistant",
            "status": self.status(), "content": [part],
        }));
        items
    }

    fn annotations(&self) -> Value {
        let sources = if self.scenario == Scenario::Searched { &SOURCES[..] } else { &[] };
        let annotation = |(url, title): &(&str, &str)| json!({ "type": "url_citation", "url": url, "title": title });
        sources.iter().map(annotation).collect()
    }

    /// A search that is simulated although none was requested is one of the web.
    fn searches_web(&self) -> bool {
        self.scenario == Scenario::Searched && (self.searches.web || !self.searches.x)
    }

    fn searches_x(&self) -> bool {
        self.scenario == Scenario::Searched && self.searches.x
    }

    fn response(&self, status: &str, items: &[Value]) -> Value {
        let is_done = status != "in_progress";
        let details = match (status, self.scenario) {
            ("incomplete", Scenario::Length) => json!({ "reason": "max_output_tokens" }),
            ("incomplete", _) => json!({ "reason": "content_filter" }),
            _ => Value::Null,
        };
        let usage = json!({
            "input_tokens": 0, "output_tokens": 0, "total_tokens": 0, "cost_in_usd_ticks": 0,
            "server_side_tool_usage_details": {
                "web_search_calls": u8::from(self.searches_web()),
                "x_search_calls": u8::from(self.searches_x()),
            },
        });
        json!({
            "id": "rehearsal", "object": "response", "created_at": 0, "model": self.model,
            "status": status, "error": null, "incomplete_details": details, "output": items,
            "usage": if is_done { usage } else { Value::Null }, "store": false,
        })
    }
}

/// A stream being written.
#[derive(Default)]
struct Events {
    stream: String,
    count: u64,
}

impl Events {
    fn push(&mut self, name: &str, mut fields: Value) {
        fields["type"] = name.into();
        fields["sequence_number"] = self.count.into();
        self.count += 1;
        // Writing to a string cannot fail.
        let _ = write!(self.stream, "event: {name}\ndata: {fields}\n\n");
    }
}
