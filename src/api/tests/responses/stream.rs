//! Streams: how they end, and which parts of them are shown.

use super::*;
use crate::error::Retry;

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn a_stream_ends_with_its_terminal_event() {
    let four = completed(&[&message("Four.")]);
    let limit = envelope(
        "\"incomplete\"",
        r#","incomplete_details":{"reason":"max_output_tokens"}"#,
        &[&message("Four.")],
    );
    let text = delta(1, "Four.");
    let refusal = r#"{"type":"message","content":[{"type":"refusal","refusal":"No."}]}"#;
    let unfinished = r#"{"type":"message","status":"incomplete","content":[]}"#;
    let without_output = r#"{"status":"completed"}"#;
    for (case, body, code, printed, why) in [
        ("completed", text.clone() + &terminal("completed", &four), 0, "Four.", ""),
        ("nothing but its end", terminal("completed", &four), 0, "Four.", ""),
        ("its other name", text.clone() + &terminal("done", &four), 0, "Four.", ""),
        ("no output", text.clone() + &terminal("completed", without_output), 0, "Four.", ""),
        ("an empty output", text.clone() + &terminal("completed", &completed(&[])), 0, "Four.", ""),
        ("no response", text.clone() + &event("response.completed", ""), 0, "Four.", ""),
        ("an odd one", text.clone() + &terminal("completed", "[1]"), 0, "Four.", ""),
        ("incomplete", text.clone() + &terminal("incomplete", &limit), 9, "Four.", "token limit"),
        (
            "a refusal at its end",
            terminal("completed", &completed(&[refusal])),
            9,
            "No.",
            "refused",
        ),
        (
            "an unfinished message",
            done(0, unfinished) + &text + &terminal("completed", without_output),
            9,
            "Four.",
            "incomplete",
        ),
        (
            "in truth incomplete",
            text.clone() + &terminal("completed", &limit),
            9,
            "Four.",
            "token limit",
        ),
        (
            "incomplete by name",
            text.clone() + &terminal("incomplete", &four),
            9,
            "Four.",
            "incomplete",
        ),
        (
            "incomplete without a reason",
            text.clone() + &event("response.incomplete", ""),
            9,
            "Four.",
            "incomplete",
        ),
        (
            "incomplete before",
            text.clone() + &terminal("in_progress", &limit) + &terminal("completed", &four),
            9,
            "Four.",
            "token limit",
        ),
        (
            "cancelled",
            text.clone() + &terminal("cancelled", r#"{"status":"cancelled"}"#),
            9,
            "Four.",
            "cancelled",
        ),
        (
            "cancelled at once",
            terminal("cancelled", r#"{"status":"cancelled"}"#),
            8,
            "",
            "cancelled",
        ),
        ("no text", terminal("completed", &completed(&[])), 9, "", "empty"),
        (
            "failed",
            text.clone()
                + &terminal("failed", r#"{"status":"failed","error":{"message":"It rains."}}"#),
            8,
            "",
            "It rains.",
        ),
        ("failed without a word", terminal("failed", r#"{"status":"failed"}"#), 8, "", ""),
        (
            "failed by its status",
            terminal("completed", r#"{"status":"failed","error":null}"#),
            8,
            "",
            "",
        ),
        (
            "failed before",
            terminal("in_progress", r#"{"status":"failed","error":{"message":"It rains."}}"#),
            8,
            "",
            "It rains.",
        ),
        (
            "an error inside",
            terminal("completed", r#"{"status":"completed","error":"It rains."}"#),
            8,
            "",
            "It rains.",
        ),
        (
            "not done",
            text.clone() + &terminal("completed", r#"{"status":"in_progress"}"#),
            8,
            "",
            "in_progress",
        ),
        ("no end", text.clone(), 7, "", "terminal event"),
        ("no end but done", text.clone() + "data: [DONE]\n\n", 7, "", "terminal event"),
        ("nothing", String::new(), 7, "", "terminal event"),
        ("a cut end", text.clone() + &terminal("completed", &four)[..40], 7, "", "terminal event"),
        (
            "words of a gateway",
            text.clone() + "upstream connect error\n",
            7,
            "",
            "upstream connect error",
        ),
        (
            "only words of a gateway",
            "upstream connect error\n".into(),
            8,
            "",
            "upstream connect error",
        ),
    ] {
        let outcome = outcome(&stream(&body));
        assert_eq!((outcome.code, &*outcome.text), (code, printed), "{case}: {outcome:?}");
        assert!(outcome.why.contains(why), "{case}: {outcome:?}");
    }
}

#[test]
fn an_error_event_is_an_error_in_every_shape() {
    for (payload, why) in [
        (
            r#"{"type":"error","sequence_number":9,"code":"wet","message":"It rains.","param":null}"#,
            "wet: It rains.",
        ),
        (
            r#"{"type":"error","status":400,"error":{"type":"t","code":"wet","message":"It rains."}}"#,
            "wet: It rains.",
        ),
        (r#"{"type":"error","code":529,"message":"overloaded"}"#, "overloaded"),
        (r#"{"type":"error"}"#, ""),
        (r#"{"code":"The service is currently unavailable","error":"It rains."}"#, "It rains."),
        (r#"{"message":"It rains."}"#, "It rains."),
        (r#"{"type":"response.in_progress","error":{"message":"It rains."}}"#, "It rains."),
        (r#"{"type":"response.in_progress","response":{"status":"failed"}}"#, ""),
        (
            r#"{"type":"response.in_progress","response":{"error":{"message":"It rains."}}}"#,
            "It rains.",
        ),
        (r#""It rains.""#, "It rains."),
        ("It rains.", "It rains."),
    ] {
        for before in [String::new(), delta(0, "Fo")] {
            let end = terminal("completed", &completed(&[&message("Four.")]));
            let body = format!("{before}{}{end}", events(&[payload]));
            assert_fails(&stream(&body), ExitStatus::Server, why, payload);
            let body = format!("{before}event: error\n{}{end}", events(&[payload]));
            assert_fails(&stream(&body), ExitStatus::Server, why, payload);
        }
    }
}

#[test]
fn only_an_api_too_busy_to_begin_is_retried() {
    let busy = events(&[r#"{"type":"error","code":529,"message":"overloaded"}"#]);
    let created = terminal("created", r#"{"status":"in_progress","output":[]}"#);
    for (body, retry) in [
        (busy.clone(), Retry::Safe),
        (created + &busy, Retry::Safe),
        (delta(0, "Fo") + &busy, Retry::Never),
    ] {
        let error = stream(&body).expect_err("it is one");
        assert_eq!(failure(&error).map(|failure| failure.retry), Some(retry), "{body}");
    }
}

#[test]
fn events_that_say_nothing_about_the_answer_are_skipped() {
    let end = terminal("completed", &completed(&[&message("Four.")]));
    for other in [
        "event: ping\ndata: ping\n\n".to_owned(),
        "event: ping\ndata: {\"message\":\"alive\"}\n\n".to_owned(),
        ": comment\n\n".to_owned(),
        "data: null\n\n".to_owned(),
        "data: {}\n\n".to_owned(),
        events(&[r#"{"type":"response.new.delta","delta":"no","message":"x"}"#]),
        event("response.reasoning_text.delta", r#""delta":"no""#),
        event("response.output_text.done", r#""text":"no""#),
        event("response.function_call_arguments.delta", r#""delta":"no""#),
        event("response.output_item.added", r#""item":[1]"#),
        event("response.output_text.annotation.added", r#""annotation":7"#),
        event("response.output_text.delta", r#""delta":{"a":1}"#),
        event("response.queued", r#""response":{"status":"queued"}"#),
    ] {
        assert_eq!(outcome(&stream(&(other.clone() + &end))), usable("Four."), "{other}");
    }
}

#[test]
fn nothing_is_waited_for_after_the_terminal_event() {
    let end =
        terminal("completed", &completed(&[&message("Four.")])) + "data: {\"error\":\"no\"}\n\n";
    let read = read_pieces(Api::Responses, vec![end.into()], End::Silence, &mut Sink::default());
    assert_eq!(outcome(&read), usable("Four."));
}

#[test]
fn text_is_shown_in_order_and_matches_the_terminal_event() {
    let two = completed(&[&message("a b"), &message("c")]);
    let (first, second) = (message("a b"), message("c"));
    for (case, body, shown) in [
        (
            "one after the other",
            added(0, &first)
                + &delta(0, "a ")
                + &delta(0, "b")
                + &done(0, &first)
                + &added(1, &second)
                + &delta(1, "c")
                + &done(1, &second),
            "a b\nc",
        ),
        (
            "side by side",
            added(0, &first)
                + &added(1, &second)
                + &delta(1, "c")
                + &delta(0, "a ")
                + &done(1, &second)
                + &delta(0, "b")
                + &done(0, &first),
            "a b\nc",
        ),
        ("the first only", delta(0, "a "), "a b\nc"),
        ("without an end of the first", delta(0, "a b") + &delta(1, "c"), "a b\nc"),
        (
            "an empty one before",
            added(0, &message("")) + &done(0, &message("")) + &delta(1, "a b"),
            "a b\nc",
        ),
    ] {
        for (end, is_late) in
            [(terminal("completed", &two), false), (terminal("completed", &two), true)]
        {
            let mut sink = Sink { is_late, ..Sink::default() };
            let read = read_pieces(
                Api::Responses,
                vec![(body.clone() + &end).into()],
                End::Clean,
                &mut sink,
            );
            assert_eq!(outcome(&read), usable(shown), "{case}");
            assert_eq!(sink.text, shown, "{case}");
        }
    }
    // Without an output at the end, only the pieces have the text.
    let body = added(0, &first) + &added(1, &second) + &delta(1, "c") + &delta(0, "a b");
    let body = body + &event("response.completed", "");
    let mut sink = Sink::default();
    let read = read_pieces(Api::Responses, vec![body.into()], End::Clean, &mut sink);
    assert_eq!((outcome(&read), &*sink.text), (usable("a b\nc"), "a b\nc"));
}

#[test]
fn an_end_that_contradicts_the_shown_text_is_not_an_answer() {
    let body = delta(0, "Five.") + &terminal("completed", &completed(&[&message("Four.")]));
    let mut sink = Sink::default();
    let read = read_pieces(Api::Responses, vec![body.clone().into()], End::Clean, &mut sink);
    assert_fails(&read, ExitStatus::Incomplete, "does not match", "shown");
    let mut late = Sink { is_late: true, ..Sink::default() };
    let read = read_pieces(Api::Responses, vec![body.into()], End::Clean, &mut late);
    assert_eq!(outcome(&read), usable("Four."));
}

#[test]
fn a_refusal_is_reported_and_printed() {
    let piece = |text: &str| {
        event("response.refusal.delta", &format!(r#""output_index":0,"delta":"{text}""#))
    };
    let refusal = r#"{"type":"message","role":"assistant","content":[{"type":"refusal","refusal":"I won't."}]}"#;
    for end in [terminal("completed", &completed(&[refusal])), event("response.completed", "")] {
        let outcome = outcome(&stream(&(piece("I ") + &piece("won't.") + &end)));
        assert_eq!((outcome.code, &*outcome.text), (9, "I won't."), "{outcome:?}");
        assert!(outcome.why.contains("refused"), "{outcome:?}");
    }
}

#[test]
fn an_unanswered_call_is_reported_even_without_an_output() {
    let call = r#"{"type":"function_call","name":"f"}"#;
    for body in [added(0, call), done(0, call)] {
        let body = body + &delta(1, "Four.") + &event("response.completed", "");
        assert_fails(&stream(&body), ExitStatus::Unusable, "tool", &body);
    }
}

#[test]
fn events_are_passed_on_unchanged_except_errors() {
    let body = delta(0, "Four.") + "event: ping\ndata: ping\n\n" + &event("response.completed", "");
    let mut sink = Sink::default();
    let read = read_pieces(Api::Responses, vec![body.into()], End::Clean, &mut sink);
    assert_eq!(outcome(&read), usable("Four."));
    assert_eq!(
        sink.events,
        [
            r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"Four."}"#,
            "ping",
            r#"{"type":"response.completed"}"#,
        ]
    );
    let mut sink = Sink::default();
    let error = events(&[r#"{"type":"error","message":"no"}"#]);
    read_pieces(Api::Responses, vec![error.into()], End::Clean, &mut sink).expect_err("it is one");
    assert_eq!(sink.events, [""; 0]);
}

#[test]
fn the_model_thinks_where_reasoning_arrives() {
    let body = added(0, r#"{"type":"reasoning"}"#)
        + &event("response.reasoning_summary_text.delta", r#""delta":"Hm.""#)
        + &delta(1, "Four.")
        + &event("response.completed", "");
    let mut sink = Sink::default();
    read_pieces(Api::Responses, vec![body.into()], End::Clean, &mut sink).expect("it is complete");
    assert_eq!(sink.thoughts, 2);
}
