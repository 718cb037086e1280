//! A whole response and a stream of the same answer have the same outcome, in whatever pieces the stream arrives.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// Splits bytes into pieces at these places.
fn cut(bytes: &[u8], places: &[usize]) -> Vec<Vec<u8>> {
    let mut places: Vec<usize> = places.iter().map(|place| place % (bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places.windows(2).map(|ends| bytes[ends[0]..ends[1]].to_vec()).collect()
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![3 => ".{0,8}", 1 => Just(String::new()), 1 => "[ \\n]{1,3}"]
}

/// Unusual fields that may come with an answer.
fn beside() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just(String::new()),
        1 => Just(r#""error":{},"#.to_owned()),
        1 => Just(r#""x":[NaN,{"choices":"\ud83d"}],"#.to_owned()),
        1 => Just(r#""usage":{"total_tokens":[]},"usage":7,"#.to_owned()),
        1 => Just(r#""model":"grok-4","error":"","#.to_owned()),
    ]
}

fn with(json: &Value, beside: &str) -> String {
    json.to_string().replacen('{', &format!("{{{beside}"), 1)
}

/// The outcome without its message: a stream ends in other places than JSON.
fn verdict(read: &Result<Answer>) -> (u8, String) {
    let outcome = outcome(read);
    (outcome.code, outcome.text)
}

proptest! {
    #[test]
    fn a_chat_completion_is_judged_alike(
        pieces in vec(text(), 0..4),
        refusals in vec(text(), 0..3),
        finish in prop::sample::select(vec!["stop", "end_turn", "length", "content_filter", "tool_calls", "odd"]),
        calls in any::<bool>(),
        as_parts in any::<bool>(),
        fault in prop::option::weighted(0.2, Just(json!({"message": "no"}))),
        beside in beside(),
        places in vec(any::<usize>(), 0..8),
    ) {
        let content = |text: &str| {
            let parts = json!([{"type": "thinking"}, {"type": "text", "text": text}]);
            if as_parts { parts } else { json!(text) }
        };
        let tool_calls = if calls { json!([{"id": "1"}]) } else { json!([]) };
        let message = json!({
            "content": content(&pieces.concat()), "refusal": refusals.concat(), "tool_calls": tool_calls,
        });
        let whole = json!({"choices": [
            {"index": 0, "message": message, "finish_reason": finish, "error": fault},
        ]});
        let chunk = |delta: Value| json!({"choices": [{"index": 0, "delta": delta}]});
        let mut chunks: Vec<Value> = pieces.iter().map(|piece| chunk(json!({"content": content(piece)}))).collect();
        chunks.extend(refusals.iter().map(|piece| chunk(json!({"refusal": piece}))));
        chunks.push(chunk(json!({"tool_calls": tool_calls})));
        chunks.push(json!({"choices": [{"delta": {}, "finish_reason": finish, "error": fault}]}));
        let payloads: Vec<String> = chunks.iter().map(|chunk| with(chunk, &beside)).collect();
        let payloads: Vec<&str> = payloads.iter().map(String::as_str).collect();
        let stream = events(&payloads) + "data: [DONE]\n\n";

        let whole = read_json(Api::Chat, with(&whole, &beside));
        let mut sink = Sink::default();
        let streamed = read_pieces(Api::Chat, cut(stream.as_bytes(), &places), End::Clean, &mut sink);
        prop_assert_eq!(verdict(&streamed), verdict(&whole));
        if let Ok(answer) = streamed {
            prop_assert_eq!(sink.text, answer.text);
        }
    }

    #[test]
    fn a_response_is_judged_alike(
        messages in vec((vec(text(), 0..4), any::<bool>()), 0..4),
        status in prop::sample::select(vec!["completed", "completed", "completed", "incomplete", "cancelled", "in_progress", "failed"]),
        calls in prop::option::weighted(0.1, Just(json!({"type": "function_call"}))),
        order in vec(any::<prop::sample::Index>(), 0..12),
        has_output in any::<bool>(),
        is_late in any::<bool>(),
        beside in beside(),
        places in vec(any::<usize>(), 0..8),
    ) {
        let item = |(pieces, refuses): &(Vec<String>, bool)| {
            let part = if *refuses {
                json!({"type": "refusal", "refusal": pieces.concat()})
            } else {
                json!({"type": "output_text", "text": pieces.concat()})
            };
            json!({"type": "message", "role": "assistant", "content": [part]})
        };
        let mut items: Vec<Value> = messages.iter().map(item).collect();
        items.extend(calls.clone());
        let response = json!({"status": status, "output": items});

        // The items begin in order, and their pieces arrive in any order.
        let mut list: Vec<Value> = items.iter().enumerate().map(|(index, item)| {
            json!({"type": "response.output_item.added", "output_index": index, "item": item})
        }).collect();
        let mut next: Vec<usize> = vec![0; messages.len()];
        let mut push = |index: usize, list: &mut Vec<Value>| {
            let (pieces, refuses) = &messages[index];
            let kind = if *refuses { "response.refusal.delta" } else { "response.output_text.delta" };
            let event = match pieces.get(next[index]) {
                Some(piece) => json!({"type": kind, "output_index": index, "delta": piece}),
                None if next[index] == pieces.len() => {
                    json!({"type": "response.output_item.done", "output_index": index, "item": items[index]})
                }
                None => return,
            };
            next[index] += 1;
            list.push(event);
        };
        if !messages.is_empty() {
            for index in &order {
                push(index.index(messages.len()), &mut list);
            }
            for (index, (pieces, _)) in messages.iter().enumerate() {
                for _ in 0..=pieces.len() {
                    push(index, &mut list);
                }
            }
        }
        let end = if has_output { response.clone() } else { json!({"status": status}) };
        list.push(json!({"type": "response.completed", "response": end}));
        let payloads: Vec<String> = list.iter().map(|event| with(event, &beside)).collect();
        let payloads: Vec<&str> = payloads.iter().map(String::as_str).collect();
        let stream = events(&payloads);

        let whole = read_json(Api::Responses, with(&response, &beside));
        let mut sink = Sink { is_late, ..Sink::default() };
        let streamed = read_pieces(Api::Responses, cut(stream.as_bytes(), &places), End::Clean, &mut sink);
        prop_assert_eq!(verdict(&streamed), verdict(&whole));
        if let Ok(answer) = streamed {
            prop_assert_eq!(sink.text, answer.text);
        }
    }

    #[test]
    fn random_bytes_are_a_failure(
        bytes in vec(any::<u8>(), 0..200),
        label in prop::sample::select(vec!["", "application/json", "text/event-stream"]),
    ) {
        for api in Api::ALL {
            let outcome = outcome(&read_as(api, label, bytes.clone()));
            prop_assert!(outcome.code == 7 || outcome.code == 8, "{:?}", outcome);
        }
    }
}
