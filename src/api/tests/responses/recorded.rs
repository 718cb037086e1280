//! A stream in the order in which it was recorded, whole and truncated.

use serde_json::{Value, json};

use super::*;
use crate::error::Retry;

/// The items of the recorded answer: reasoning, a search of the web, one of X, and two messages.
fn items() -> Vec<Value> {
    let annotation = json!({"type": "url_citation", "url": "https://kernel.org/", "title": "1"});
    let message = |id: &str, text: &str, annotations: Value| {
        json!({
            "id": id, "type": "message", "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": text, "annotations": annotations, "logprobs": []}],
        })
    };
    vec![
        json!({
            "id": "rs_u", "type": "reasoning", "status": "completed", "encrypted_content": "…",
            "summary": [{"type": "summary_text", "text": "First, I look it up."}],
        }),
        message("msg_u_0", "I'll look that up.", json!([])),
        json!({
            "id": "ws_u", "type": "web_search_call", "status": "completed",
            "action": {"type": "search", "query": "linux"},
        }),
        json!({
            "id": "ctc_u", "type": "custom_tool_call", "call_id": "xs_call_1",
            "name": "x_keyword_search", "input": "{\"query\":\"linux\"}", "status": "completed",
        }),
        message("msg_u_1", "Seven.[[1]](https://kernel.org/)", json!([annotation])),
    ]
}

/// The whole response (responses-api.md, 5).
fn response() -> Value {
    json!({
        "id": "5b0e3c6a-0000-4000-8000-1c9b553f2a7d", "object": "response", "model": "grok-4.7",
        "status": "completed", "error": null, "incomplete_details": null, "output": items(),
        "usage": {
            "input_tokens": 216, "input_tokens_details": {"cached_tokens": 4}, "output_tokens": 863,
            "output_tokens_details": {"reasoning_tokens": 237}, "total_tokens": 1079,
            "num_sources_used": 0, "cost_in_usd_ticks": 57_700_000_u64,
            "server_side_tool_usage_details": {"web_search_calls": 1, "x_search_calls": 0},
        },
        "store": false, "metadata": {}, "tools": [{"type": "web_search"}],
    })
}

/// The events of an answer in the recorded order (responses-api.md, 7), without the last.
fn recorded_events() -> Vec<Value> {
    let begun = json!({"id": "u", "status": "in_progress", "output": [], "usage": null});
    let mut events = vec![
        json!({"type": "response.created", "response": begun}),
        json!({"type": "response.in_progress", "response": begun}),
    ];
    for (index, item) in items().iter().enumerate() {
        let kind = item["type"].as_str().expect("it has a type");
        let at = |kind: &str, fields: Value| {
            let mut event = json!({"type": kind, "item_id": item["id"], "output_index": index});
            event
                .as_object_mut()
                .expect("an object")
                .extend(fields.as_object().cloned().expect("fields"));
            event
        };
        let added = json!({"id": item["id"], "type": kind, "role": "assistant", "status": "in_progress", "content": []});
        events.push(at("response.output_item.added", json!({"item": added})));
        match kind {
            "reasoning" => events.extend([
                at(
                    "response.reasoning_summary_part.added",
                    json!({"part": {"type": "summary_text", "text": ""}}),
                ),
                at("response.reasoning_summary_text.delta", json!({"delta": "First, "})),
                at("response.reasoning_summary_text.delta", json!({"delta": "I look it up."})),
                at("response.reasoning_summary_text.done", json!({"text": "First, I look it up."})),
            ]),
            "web_search_call" => events.extend([
                at("response.web_search_call.in_progress", json!({})),
                at("response.web_search_call.searching", json!({})),
                at("response.web_search_call.completed", json!({})),
            ]),
            "custom_tool_call" => events.extend([
                at("response.custom_tool_call_input.delta", json!({"delta": "{\"query\":"})),
                at("response.custom_tool_call_input.done", json!({"input": item["input"]})),
            ]),
            _ => {
                let part = &item["content"][0];
                let text = part["text"].as_str().expect("it has a text");
                events.push(at(
                    "response.content_part.added",
                    json!({"part": {"type": "output_text", "text": ""}}),
                ));
                let deltas = text.split_inclusive(' ');
                events.extend(deltas.map(|delta| {
                    at("response.output_text.delta", json!({"delta": delta, "logprobs": []}))
                }));
                for annotation in part["annotations"].as_array().into_iter().flatten() {
                    events.push(at(
                        "response.output_text.annotation.added",
                        json!({"annotation": annotation}),
                    ));
                }
                events.push(at("response.output_text.done", json!({"text": text})));
                events.push(at("response.content_part.done", json!({"part": part})));
            }
        }
        events.push(at("response.output_item.done", json!({"item": item})));
    }
    events
}

/// The recorded stream, which ends with this response.
fn recorded(end: &Value) -> String {
    let mut events = recorded_events();
    events.push(json!({"type": "response.completed", "response": end}));
    named(&events)
}

const TEXT: &str = "I'll look that up.\nSeven.[[1]](https://kernel.org/)";

fn read(pieces: Vec<Vec<u8>>, sink: &mut Sink) -> Result<Answer> {
    read_pieces(Api::Responses, pieces, End::Silence, sink)
}

#[test]
fn a_recorded_stream_is_read_as_its_whole_response() {
    let events = recorded_events();
    let whole = read_json(Api::Responses, response().to_string()).expect("it is an answer");
    let mut sink = Sink::default();
    let streamed = read(vec![recorded(&response()).into()], &mut sink).expect("it is an answer");
    for answer in [&whole, &streamed] {
        assert_eq!(answer.text, TEXT);
        assert!(answer.is_usable() && answer.searched);
        let citation = Citation { url: "https://kernel.org/".into(), title: Some("1".into()) };
        assert_eq!(answer.citations, [citation]);
        assert_eq!(answer.model.as_deref(), Some("grok-4.7"));
        let usage = answer.usage.as_ref().map(ToString::to_string);
        let shown = "prompt=216 cached=4 reasoning=237 completion=626 total=1079 web_searches=1 cost_usd=0.00577";
        assert_eq!(usage.as_deref(), Some(shown));
    }
    assert_eq!(sink.text, TEXT);
    // The item and its two pieces.
    assert_eq!(sink.thoughts, 3);
    assert_eq!(sink.events.len(), events.len() + 1);
    for (number, (handed_on, mut sent)) in sink.events.iter().zip(events).enumerate() {
        sent["sequence_number"] = number.into();
        assert_eq!(*handed_on, sent.to_string());
    }
}

#[test]
fn the_events_are_enough_without_an_output_at_the_end() {
    for end in [json!({"status": "completed"}), json!({"output": []}), json!(null)] {
        let answer = read(vec![recorded(&end).into()], &mut Sink::default());
        let answer = answer.expect("it is an answer");
        assert_eq!(answer.text, TEXT);
        assert!(answer.is_usable() && answer.searched);
        assert_eq!(answer.citations.len(), 1);
    }
}

#[test]
fn a_stream_truncated_anywhere_is_incomplete() {
    let stream = recorded(&response());
    let end = stream.len() - 2;
    // Every third place, and each of the last.
    for at in (0..end).filter(|at| at % 3 == 0 || end - at < 64) {
        let mut sink = Sink::default();
        let answer = read_pieces(
            Api::Responses,
            vec![stream.as_bytes()[..at].to_vec()],
            End::Clean,
            &mut sink,
        );
        assert_fails(&answer, ExitStatus::Incomplete, "terminal event", &format!("{at}"));
        let retry = failure(&answer.expect_err("it is cut")).map(|failure| failure.retry);
        assert_eq!(retry, Some(Retry::MayDoubleBill));
        assert!(TEXT.starts_with(&sink.text));
    }
    for at in end..=stream.len() {
        let piece = stream.as_bytes()[..at].to_vec();
        let answer = read_pieces(Api::Responses, vec![piece], End::Clean, &mut Sink::default());
        assert_eq!(outcome(&answer), usable(TEXT), "{at}");
    }
}

#[test]
fn a_whole_response_truncated_anywhere_is_incomplete() {
    let json = response().to_string();
    for at in 1..json.len() {
        let answer = read_json(Api::Responses, &json.as_bytes()[..at]);
        assert_fails(&answer, ExitStatus::Incomplete, "truncated JSON", &json[..1]);
    }
}

#[test]
fn a_stream_may_arrive_in_any_pieces() {
    let stream = recorded(&response());
    for at in (0..stream.len()).step_by(7) {
        let (first, second) = stream.as_bytes().split_at(at);
        let mut sink = Sink::default();
        let answer = read(vec![first.to_vec(), second.to_vec()], &mut sink);
        assert_eq!(outcome(&answer), usable(TEXT), "{at}");
        assert_eq!(sink.text, TEXT);
    }
}
