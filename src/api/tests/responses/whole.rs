//! Whole responses.

use super::super::super::{AnswerFormat, Schema};
use super::*;

#[test]
fn a_whole_response_is_judged_by_its_status_and_its_items() {
    let four = message("Four.");
    let call = r#"{"type":"function_call","call_id":"c","name":"f","arguments":"{}"}"#;
    let shell = r#"{"type":"shell_call","call_id":"c"}"#;
    let search = r#"{"type":"custom_tool_call","name":"x_keyword_search","status":"completed"}"#;
    let refusal =
        r#"{"type":"message","role":"assistant","content":[{"type":"refusal","refusal":"No."}]}"#;
    let unfinished = r#"{"type":"message","role":"assistant","status":"incomplete","content":[{"type":"output_text","text":"Fo"}]}"#;
    let limit = r#","incomplete_details":{"reason":"max_output_tokens"}"#;
    let filter = r#","incomplete_details":{"reason":"content_filter"}"#;
    let time = r#","incomplete_details":{"reason":"max_time_limit"}"#;
    let odd = r#","incomplete_details":7"#;
    for (json, code, text, why) in [
        (completed(&[&four]), 0, "Four.", ""),
        (
            completed(&[r#"{"type":"reasoning","content":[{"text":"Hm."}]}"#, search, &four]),
            0,
            "Four.",
            "",
        ),
        (completed(&[&four, r#"{"type":"new"}"#, "7", "[]"]), 0, "Four.", ""),
        (envelope("\"incomplete\"", limit, &[&four]), 9, "Four.", "token limit"),
        (envelope("\"incomplete\"", limit, &[]), 9, "", "token limit"),
        (envelope("\"incomplete\"", filter, &[&four]), 9, "Four.", "the content filter"),
        (envelope("\"incomplete\"", time, &[&four]), 9, "Four.", "max_time_limit"),
        (envelope("\"incomplete\"", "", &[&four]), 9, "Four.", "incomplete"),
        (envelope("\"completed\"", limit, &[&four]), 9, "Four.", "token limit"),
        (envelope("\"completed\"", odd, &[&four]), 9, "Four.", "incomplete"),
        (envelope("null", time, &[&four]), 9, "Four.", "max_time_limit"),
        (completed(&[unfinished]), 9, "Fo", "incomplete"),
        (completed(&[]), 9, "", "empty"),
        (completed(&[&message("")]), 9, "", "empty"),
        (completed(&[&message(" \\n")]), 9, " \n", "empty"),
        (completed(&[r#"{"type":"reasoning"}"#]), 9, "", "empty"),
        (completed(&[refusal]), 9, "No.", "refused"),
        (completed(&[call]), 9, "", "tool"),
        (completed(&[&four, shell]), 9, "Four.", "tool"),
        (envelope("\"cancelled\"", "", &[&four]), 9, "Four.", "cancelled"),
        (envelope("\"cancelled\"", "", &[]), 8, "", "cancelled"),
        (envelope("\"new\"", "", &[&four]), 9, "Four.", "new"),
        (envelope("7", "", &[&four]), 9, "Four.", "7"),
        (envelope("null", "", &[&four]), 0, "Four.", ""),
        (envelope("null", "", &[]), 9, "", "empty"),
        (envelope("\"in_progress\"", "", &[&four]), 8, "", "in_progress"),
        (envelope("\"queued\"", "", &[&four]), 8, "", "queued"),
        (envelope("\"in_progress\"", limit, &[&four]), 9, "Four.", "token limit"),
        (envelope("\"failed\"", "", &[&four]), 8, "", ""),
        (
            envelope(
                "\"failed\"",
                r#","error":{"code":"server_error","message":"It rains."}"#,
                &[],
            ),
            8,
            "",
            "server_error: It rains.",
        ),
        (envelope("\"completed\"", r#","error":"It rains.""#, &[&four]), 8, "", "It rains."),
        (
            r#"{"code":"The service is currently unavailable","error":"It rains."}"#.into(),
            8,
            "",
            "It rains.",
        ),
        (r#"{"status":"completed"}"#.into(), 8, "", ""),
        (r#"{"status":"completed","output":null}"#.into(), 8, "", ""),
        (r#"{"status":"completed","output":{}}"#.into(), 8, "", ""),
        (r#"{"choices":[{"message":{"content":"Four."}}]}"#.into(), 8, "", ""),
        (r#"["completed"]"#.into(), 8, "", ""),
        (completed(&[&four])[..60].into(), 7, "", "truncated JSON"),
    ] {
        let outcome = outcome(&whole(&json));
        assert_eq!((outcome.code, &*outcome.text), (code, text), "{json}: {outcome:?}");
        assert!(outcome.why.contains(why), "{json}: {outcome:?}");
    }
}

#[test]
fn the_texts_of_all_messages_are_the_answer() {
    for (items, text) in [
        (vec![message("a"), message("b")], "a\nb"),
        (vec![message("a"), message(""), message("b\\n"), message("c")], "a\nb\n\nc"),
        (vec![message(""), message("a")], "a"),
        (vec![r#"{"type":"message","role":"user","content":[{"type":"output_text","text":"no"}]}"#.into(), message("a")], "a"),
        (vec![r#"{"type":"message","content":[{"type":"output_text","text":"a"},{"type":"output_text","text":"b"},{"type":"new","text":"no"}]}"#.into()], "ab"),
        (vec![r#"{"type":"message","role":"assistant","content":"a"}"#.into()], "a"),
        (vec![r#"{"type":"message","role":"assistant","content":[{"type":"output_text","text":"\ud83d"}]}"#.into()], "\u{fffd}"),
    ] {
        let items: Vec<&str> = items.iter().map(String::as_str).collect();
        assert_eq!(outcome(&whole(&completed(&items))), usable(text));
    }
}

#[test]
fn an_answer_that_is_not_json_does_not_match_a_schema() {
    let format = AnswerFormat::Schema(Schema { name: "x".into(), json: "{}".into() });
    let read = |text: &str| {
        let response = Response::json(200, completed(&[&message(text)]));
        let expectations = Expectations { format: Some(&format), ..Expectations::default() };
        read_answer(Api::Responses, response, expectations, &mut Sink::default())
    };
    assert_eq!(outcome(&read("{}")), usable("{}"));
    assert_fails(&read("Four."), ExitStatus::Unusable, "JSON", "a text");
}
