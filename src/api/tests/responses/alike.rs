//! Whole and streamed, any response is the same answer.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// A part of a message, in pieces: text, or that of a refusal; and a URL that it cites.
type Part = (Vec<String>, bool, Option<u8>);

fn part() -> impl Strategy<Value = Part> {
    let piece = prop_oneof![3 => "[a-zé😀\"\\\\]{0,4}", 1 => "[ \\n]{0,2}"];
    (vec(piece, 0..4), prop::bool::weighted(0.15), prop::option::weighted(0.3, 0_u8..3))
}

/// An item: a message of parts, or one of the others.
#[derive(Debug, Clone)]
enum Item {
    Message(Vec<Part>, Option<&'static str>),
    Other(Value),
}

fn item() -> impl Strategy<Value = Item> {
    let status =
        prop::sample::select(vec![None, Some("completed"), Some("completed"), Some("incomplete")]);
    let other = prop::sample::select(vec![
        json!({"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]}),
        json!({"type": "web_search_call", "status": "completed"}),
        json!({"type": "web_search_call", "status": "failed"}),
        json!({"type": "custom_tool_call", "name": "x_user_search"}),
        json!({"type": "custom_tool_call", "name": "mine"}),
        json!({"type": "shell_call"}),
        json!({"type": "new"}),
    ]);
    prop_oneof![
        3 => (vec(part(), 0..3), status).prop_map(|(parts, status)| Item::Message(parts, status)),
        2 => other.prop_map(Item::Other),
    ]
}

impl Item {
    fn json(&self) -> Value {
        let (parts, status) = match self {
            Self::Message(parts, status) => (parts, status),
            Self::Other(item) => return item.clone(),
        };
        let parts = parts.iter().map(|(pieces, refuses, cited)| match refuses {
            true => json!({"type": "refusal", "refusal": pieces.concat()}),
            false => json!({
                "type": "output_text", "text": pieces.concat(),
                "annotations": cited.iter().map(|cited| annotation(*cited)).collect::<Vec<_>>(),
            }),
        });
        json!({"type": "message", "role": "assistant", "status": status, "content": parts.collect::<Vec<_>>()})
    }

    /// Its events after the first, in order.
    fn events(&self, index: usize) -> Vec<Value> {
        let mut events = Vec::new();
        if let Self::Message(parts, _) = self {
            for (pieces, refuses, cited) in parts {
                let kind = if *refuses { "refusal" } else { "output_text" };
                let kind = format!("response.{kind}.delta");
                let delta = |piece| json!({"type": kind, "output_index": index, "delta": piece});
                events.extend(pieces.iter().map(delta));
                events.extend(cited.iter().filter(|_| !refuses).map(|cited| {
                    json!({"type": "response.output_text.annotation.added", "annotation": annotation(*cited)})
                }));
            }
        }
        events.push(json!({"type": "response.output_item.done", "output_index": index, "item": self.json()}));
        events
    }
}

fn annotation(cited: u8) -> Value {
    json!({"type": "url_citation", "url": format!("https://{cited}.org/"), "title": cited.to_string()})
}

/// All details of an answer, or the exit status of the failure. The order of citations is that of
/// the events if only they have them.
fn all(read: &Result<Answer>) -> (Outcome, Option<(bool, Vec<Citation>)>) {
    let mut outcome = outcome(read);
    let Ok(answer) = read else {
        outcome.why.clear();
        return (outcome, None);
    };
    let mut citations = answer.citations.clone();
    citations.sort_by(|a, b| a.url.cmp(&b.url));
    (outcome, Some((answer.searched, citations)))
}

proptest! {
    #[test]
    fn whole_and_streamed_are_the_same_answer(
        items in vec(item(), 0..5),
        status in prop::sample::select(vec![
            Some("completed"), Some("completed"), Some("completed"), None, Some("incomplete"), Some("odd"),
        ]),
        reason in prop::option::weighted(0.1, prop::sample::select(vec!["max_output_tokens", "content_filter", "turn_limit"])),
        name in prop::sample::select(vec!["completed", "done"]),
        order in vec(any::<prop::sample::Index>(), 0..24),
        has_output in any::<bool>(),
        is_late in any::<bool>(),
    ) {
        let details = reason.map(|reason| json!({"reason": reason}));
        let output: Vec<Value> = items.iter().map(Item::json).collect();
        let response = json!({"status": status, "incomplete_details": details, "output": output});

        // The items begin in order, and continue in parallel.
        let mut events: Vec<Value> = output.iter().enumerate().map(|(index, item)| {
            let begun = json!({"type": item["type"], "role": "assistant"});
            json!({"type": "response.output_item.added", "output_index": index, "item": begun})
        }).collect();
        let mut queues: Vec<_> =
            items.iter().enumerate().map(|(index, item)| item.events(index).into_iter()).collect();
        if !queues.is_empty() {
            let at = |index: &prop::sample::Index| index.index(items.len());
            events.extend(order.iter().filter_map(|index| queues[at(index)].next()));
        }
        events.extend(queues.into_iter().flatten());
        let mut end = response.clone();
        if !has_output {
            end["output"] = json!(null);
        }
        events.push(json!({"type": format!("response.{name}"), "response": end}));

        let whole = read_json(Api::Responses, response.to_string());
        let mut sink = Sink { is_late, ..Sink::default() };
        let streamed = read_pieces(Api::Responses, vec![named(&events).into()], End::Silence, &mut sink);
        prop_assert_eq!(all(&streamed), all(&whole));
        if let Ok(answer) = streamed {
            prop_assert_eq!(sink.text, answer.text);
        }
    }
}
