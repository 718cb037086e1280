//! Streams in which a piece of the text is missing or in the wrong place.

use serde_json::{Value, json};

use super::*;

/// A piece of a text.
fn piece(index: u64, delta: &Value) -> String {
    named(&[json!({"type": "response.output_text.delta", "output_index": index, "delta": delta})])
}

/// A terminal event, with one message or without an output.
fn end(text: Option<&str>) -> String {
    let message =
        |text| json!([{"type": "message", "content": [{"type": "output_text", "text": text}]}]);
    let response = json!({"status": "completed", "output": text.map(message)});
    named(&[json!({"type": "response.completed", "response": response})])
}

#[test]
fn a_text_with_a_missing_piece_is_not_an_answer_unless_the_end_has_all_of_it() {
    let (four, point) = (piece(0, &json!("Four")), piece(0, &json!(".")));
    let broken = "event: response.output_text.delta\ndata: {\"type\":\"resp\n\n";
    for damage in [broken, &piece(0, &json!(7)), &piece(0, &json!(["."]))] {
        let pieces = four.clone() + damage;
        let read = |body: String| read_sse(Api::Responses, body);
        assert_fails(
            &read(pieces.clone() + &end(None)),
            ExitStatus::Incomplete,
            "a part of",
            damage,
        );
        assert_eq!(outcome(&read(pieces.clone() + &end(Some("Four.")))), usable("Four."));
        // Text after the missing piece is not shown before the end has all of it.
        let more = pieces.clone() + &point;
        assert_eq!(
            outcome(&read(more.clone() + &end(Some("Four or five.")))),
            usable("Four or five.")
        );
        let contradicting = more + &end(Some("Five."));
        assert_fails(&read(contradicting), ExitStatus::Incomplete, "does not match", damage);
    }
    // The text is not printed with a gap either.
    let holed = four.clone() + broken + &point;
    let mut sink = Sink::default();
    let read = read_pieces(Api::Responses, vec![holed.into()], End::Clean, &mut sink);
    assert_fails(&read, ExitStatus::Incomplete, "terminal event", broken);
    assert_eq!(sink.text, "Four");
    for harmless in [
        piece(0, &json!(null)),
        piece(0, &json!("")),
        "event: response.web_search_call.searching\ndata: {\"type\":\n\n".into(),
    ] {
        let body = four.clone() + &harmless + &point + &end(None);
        assert_eq!(outcome(&read_sse(Api::Responses, body)), usable("Four."), "{harmless}");
    }
}

#[test]
fn an_end_without_text_does_not_lose_what_arrived_before() {
    for output in [json!([{"type": "reasoning"}]), json!([{"type": "message", "content": []}])] {
        let response = json!({"status": "completed", "output": output});
        let end = named(&[json!({"type": "response.completed", "response": response})]);
        let read = read_sse(Api::Responses, piece(0, &json!("Four.")) + &end);
        assert_eq!(outcome(&read), usable("Four."), "{output}");
    }
}

#[test]
fn texts_in_unknown_order_are_not_an_answer_unless_the_end_has_all_of_it() {
    let done = |index: u64| {
        let item = json!({"type": "message", "role": "assistant"});
        named(&[json!({"type": "response.output_item.done", "output_index": index, "item": item})])
    };
    let later = piece(3, &json!("b")) + &done(3);
    for late in [piece(1, &json!("a")), piece(3, &json!("a"))] {
        let body = later.clone() + &late;
        let read = |body: String, is_late| {
            let mut sink = Sink { is_late, ..Sink::default() };
            let answer = read_pieces(Api::Responses, vec![body.into()], End::Clean, &mut sink);
            (answer, sink.text)
        };
        let (answer, _) = read(body.clone() + &end(None), true);
        assert_fails(&answer, ExitStatus::Incomplete, "a part of", &late);
        let (answer, _) = read(body.clone() + &end(Some("a\nb")), false);
        assert_fails(&answer, ExitStatus::Incomplete, "does not match", &late);
        let (answer, printed) = read(body + &end(Some("a\nb")), true);
        assert_eq!((outcome(&answer), &*printed), (usable("a\nb"), "a\nb"));
    }
}

#[test]
fn the_name_of_an_event_replaces_a_missing_type() {
    let body = "event: response.output_text.delta\ndata: {\"delta\":\"Four.\"}\n\n\
                event: response.completed\ndata: {\"response\":{\"status\":\"completed\"}}\n\n";
    assert_eq!(outcome(&read_sse(Api::Responses, body)), usable("Four."));
    // But the type counts if it is there.
    let body = "event: response.failed\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"Four.\"}\n\n\
                event: response.failed\ndata: {\"type\":\"response.completed\"}\n\n";
    assert_eq!(outcome(&read_sse(Api::Responses, body)), usable("Four."));
}

#[test]
fn items_that_are_not_messages_do_not_end_a_text() {
    let reasoning = json!({"type": "reasoning"});
    let done = named(&[json!({"type": "response.output_item.done", "item": reasoning})]);
    let body = piece(0, &json!("Fo")) + &done + &piece(0, &json!("ur.")) + &end(None);
    assert_eq!(outcome(&read_sse(Api::Responses, body)), usable("Four."));
}
