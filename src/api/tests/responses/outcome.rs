//! The details of an answer other than its text, whole and streamed.

use super::*;

#[test]
fn other_fields_do_not_lose_the_answer() {
    for fields in [
        r#","error":"","x":NaN"#,
        r#","error":{},"usage":[1]"#,
        r#","error":false,"usage":{"input_tokens":"x"}"#,
        r#","model":[],"tools":"x","status":"completed""#,
        r#","incomplete_details":null,"citations":7"#,
    ] {
        let json = envelope("\"completed\"", fields, &[&message("Four.")]);
        assert_eq!(outcome(&whole(&json)), usable("Four."), "{json}");
        let body = delta(1, "Four.") + &terminal("completed", &json);
        assert_eq!(outcome(&stream(&body)), usable("Four."), "{body}");
    }
}

#[test]
fn a_search_is_recognized_by_items_and_by_usage() {
    let usage = |web: u32, x: u32| {
        format!(
            r#","usage":{{"num_server_side_tools_used":1,"server_side_tool_usage_details":{{"web_search_calls":{web},"x_search_calls":{x}}}}}"#
        )
    };
    for (item, fields, searched) in [
        (r#"{"type":"web_search_call","status":"completed"}"#, String::new(), true),
        (r#"{"type":"web_search_call"}"#, String::new(), true),
        (r#"{"type":"web_search_call","status":"failed"}"#, String::new(), false),
        (r#"{"type":"x_search_call"}"#, String::new(), true),
        (r#"{"type":"custom_tool_call","name":"x_user_search"}"#, String::new(), true),
        (r#"{"type":"custom_tool_call","name":"view_x_video"}"#, String::new(), true),
        (
            r#"{"type":"custom_tool_call","name":"x_user_search","status":"failed"}"#,
            String::new(),
            false,
        ),
        (r#"{"type":"custom_tool_call","name":"other"}"#, String::new(), false),
        (r#"{"type":"code_interpreter_call"}"#, String::new(), false),
        (r#"{"type":"reasoning"}"#, usage(1, 0), true),
        (r#"{"type":"reasoning"}"#, usage(0, 2), true),
        (r#"{"type":"reasoning"}"#, usage(0, 0), false),
    ] {
        let json = envelope("\"completed\"", &fields, &[item, &message("Four.")]);
        let answer = whole(&json).expect("it is an answer");
        assert_eq!(answer.searched, searched, "{json}");
        let streamed = added(0, item)
            + &done(0, item)
            + &delta(1, "Four.")
            + &terminal("completed", &format!(r#"{{"status":"completed"{fields}}}"#));
        assert_eq!(stream(&streamed).expect("it is an answer").searched, searched, "{streamed}");
    }
}

#[test]
fn cited_urls_are_kept() {
    let cited = r#"{"type":"message","role":"assistant","content":[{"type":"output_text","text":"Four.","annotations":[{"type":"url_citation","url":"https://a.org/","title":"1"},{"type":"url_citation","url":"https://a.org/","title":"2"}]}]}"#;
    let json = envelope("\"completed\"", r#","citations":["https://b.org/"]"#, &[cited]);
    let annotation = |url: &str| {
        event(
            "response.output_text.annotation.added",
            &format!(r#""annotation":{{"type":"url_citation","url":"{url}","title":"1"}}"#),
        )
    };
    let citation = |url: &str, title: Option<&str>| Citation {
        url: url.into(),
        title: title.map(ToOwned::to_owned),
    };
    let both = [citation("https://a.org/", Some("1")), citation("https://b.org/", None)];
    let first = [citation("https://a.org/", Some("1"))];
    let events = annotation("https://a.org/") + &delta(0, "Four.");
    let unnamed = terminal("completed", &completed(&[&message("Four.")]));
    for (answer, expected) in [
        (whole(&json), &both[..]),
        (stream(&(delta(0, "Four.") + &terminal("completed", &json))), &both),
        (stream(&(annotation("https://c.org/") + &terminal("completed", &json))), &both),
        (stream(&(events.clone() + &event("response.completed", ""))), &first),
        (stream(&(events + &unnamed)), &first),
    ] {
        assert_eq!(answer.expect("it is an answer").citations, expected);
    }
}

#[test]
fn details_of_the_response_are_kept() {
    let usage = r#","usage":{"input_tokens":216,"output_tokens":863,"output_tokens_details":{"reasoning_tokens":237},"total_tokens":1079}"#;
    let json = envelope("\"completed\"", usage, &[&message("Four.")]);
    for answer in [whole(&json), stream(&terminal("completed", &json))] {
        let answer = answer.expect("it is an answer");
        assert_eq!(answer.model.as_deref(), Some("grok-4.7"));
        assert_eq!(answer.finish_reason.as_deref(), Some("completed"));
        let usage = answer.usage.expect("it has usage").to_string();
        assert_eq!(usage, "prompt=216 reasoning=237 completion=626 total=1079");
    }
    let limit =
        envelope("\"incomplete\"", r#","incomplete_details":{"reason":"max_output_tokens"}"#, &[]);
    let answer = whole(&limit).expect("it is an answer");
    assert_eq!(answer.finish_reason.as_deref(), Some("max_output_tokens"));
}
