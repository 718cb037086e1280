//! Replies of the Responses API, as recorded (xAI API reference): the JSON of an answer, the payloads of a stream's
//! events.

use serde_json::{Value, json};

use super::Reply;

/// What [`response`] says of the tokens.
pub const USAGE: &str =
    "xask: usage: prompt=216 cached=4 reasoning=237 completion=626 total=1079 cost_usd=0.00577\n";

/// A message with one text.
pub fn message(text: &str) -> Value {
    cited_message(text, &[])
}

/// A message with one text that cites these addresses, each with its title.
pub fn cited_message(text: &str, sources: &[(&str, &str)]) -> Value {
    let annotations = sources.iter().map(|(url, title)| {
        json!({"type": "url_citation", "url": url, "title": title, "start_index": 0, "end_index": 0})
    });
    json!({
        "id": "msg_u", "type": "message", "role": "assistant", "status": "completed",
        "content": [{
            "type": "output_text", "text": text, "logprobs": null,
            "annotations": annotations.collect::<Vec<_>>(),
        }],
    })
}

/// A search of the web that has ended.
pub fn web_search() -> Value {
    json!({
        "id": "ws_u", "type": "web_search_call", "status": "completed",
        "action": {"type": "search", "query": "linux"},
    })
}

/// A complete response with these items.
pub fn response(items: &[Value]) -> Value {
    json!({
        "id": "5b0e3c6a-0000-4000-8000-1c9b553f2a7d", "object": "response", "created_at": 1_795_600_000,
        "model": "grok-4.7", "status": "completed", "error": null, "incomplete_details": null,
        "output": items, "store": false, "metadata": {},
        "usage": {
            "input_tokens": 216, "input_tokens_details": {"cached_tokens": 4}, "output_tokens": 863,
            "output_tokens_details": {"reasoning_tokens": 237}, "total_tokens": 1079,
            "cost_in_usd_ticks": 57_700_000,
        },
    })
}

/// The same, cut at the token limit.
pub fn truncated_response(items: &[Value]) -> Value {
    let mut response = response(items);
    response["status"] = "incomplete".into();
    response["incomplete_details"] = json!({"reason": "max_output_tokens"});
    response
}

/// A complete answer.
pub fn whole_answer(text: &str) -> Reply {
    Reply::json(200, response(&[message(text)]).to_string())
}

/// The payloads of the events of a message, a word an event.
pub fn message_events(index: usize, item: &Value) -> Vec<String> {
    let text = item["content"][0]["text"].as_str().expect("a message has a text");
    let begun = json!({"id": "msg_u", "type": "message", "role": "assistant", "content": []});
    let mut events =
        vec![payload("response.output_item.added", json!({"output_index": index, "item": begun}))];
    events.extend(text.split_inclusive(' ').map(|word| delta(index, word)));
    events.push(payload("response.output_text.done", json!({"output_index": index, "text": text})));
    events.push(payload("response.output_item.done", json!({"output_index": index, "item": item})));
    events
}

/// The payload of an event with a piece of a text.
pub fn delta(index: usize, piece: &str) -> String {
    payload(
        "response.output_text.delta",
        json!({"output_index": index, "content_index": 0, "delta": piece}),
    )
}

/// The payload of the event that ends a stream.
pub fn terminal(name: &str, response: &Value) -> String {
    payload(&format!("response.{name}"), json!({"response": response}))
}

/// The payload of an event.
pub fn payload(kind: &str, mut fields: Value) -> String {
    fields["type"] = kind.into();
    fields.to_string()
}

/// All events of a complete response of messages.
pub fn events(response: &Value) -> Vec<String> {
    let begun = json!({"id": "u", "status": "in_progress", "output": []});
    let mut events = vec![terminal("created", &begun), terminal("in_progress", &begun)];
    for (index, item) in response["output"].as_array().into_iter().flatten().enumerate() {
        if item["type"] == "message" {
            events.extend(message_events(index, item));
        } else {
            let fields = json!({"output_index": index, "item": item});
            events.push(payload("response.output_item.added", fields.clone()));
            events.push(payload("response.output_item.done", fields));
        }
    }
    events.push(terminal("completed", response));
    events
}

/// A stream of these events, each with the line that names it.
pub fn stream(payloads: &[String]) -> Reply {
    Reply::new(200, "text/event-stream", sse(payloads)).close_delimited()
}

/// Events as they are sent.
pub fn sse(payloads: &[String]) -> String {
    let event = |payload: &String| {
        let json: Value = serde_json::from_str(payload).expect("a payload is JSON");
        format!("event: {}\ndata: {payload}\n\n", json["type"].as_str().unwrap_or("message"))
    };
    payloads.iter().map(event).collect()
}
