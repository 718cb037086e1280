//! The Responses API: the outcomes of its responses and streams, row by row.

mod alike;
mod damage;
mod outcome;
mod recorded;
mod rehearsal;
mod stream;
mod whole;

use serde_json::Value;

use super::super::Citation;
use super::*;

/// A message with one text.
fn message(text: &str) -> String {
    format!(
        r#"{{"id":"m","type":"message","role":"assistant","status":"completed","content":[{{"type":"output_text","text":"{text}","annotations":[]}}]}}"#
    )
}

/// A response with this status, these further fields, and these items.
fn envelope(status: &str, fields: &str, items: &[&str]) -> String {
    format!(
        r#"{{"id":"u","object":"response","model":"grok-4.7","status":{status}{fields},"output":[{}]}}"#,
        items.join(",")
    )
}

fn completed(items: &[&str]) -> String {
    envelope("\"completed\"", r#","error":null,"incomplete_details":null"#, items)
}

/// An event with its name, as the API sends it.
fn event(name: &str, fields: &str) -> String {
    let comma = if fields.is_empty() { "" } else { "," };
    format!("event: {name}\ndata: {{\"type\":\"{name}\"{comma}{fields}}}\n\n")
}

fn delta(index: u64, text: &str) -> String {
    event(
        "response.output_text.delta",
        &format!(r#""output_index":{index},"content_index":0,"delta":"{text}""#),
    )
}

fn added(index: u64, item: &str) -> String {
    event("response.output_item.added", &format!(r#""output_index":{index},"item":{item}"#))
}

fn done(index: u64, item: &str) -> String {
    event("response.output_item.done", &format!(r#""output_index":{index},"item":{item}"#))
}

fn terminal(kind: &str, response: &str) -> String {
    event(&format!("response.{kind}"), &format!(r#""response":{response}"#))
}

fn whole(json: &str) -> Result<Answer> {
    read_json(Api::Responses, json)
}

fn stream(body: &str) -> Result<Answer> {
    read_sse(Api::Responses, body)
}

/// Events with the lines that name them, and their numbers.
fn named(events: &[Value]) -> String {
    let numbered = events.iter().enumerate().map(|(number, event)| {
        let mut event = event.clone();
        event["sequence_number"] = number.into();
        format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or_default())
    });
    numbered.collect()
}
