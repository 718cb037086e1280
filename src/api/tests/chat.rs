//! Chat completions.

use super::*;

const FOUR: &str = r#"{"choices":[{"message":{"content":"Four."},"finish_reason":"stop"}]}"#;
const STOP: &str = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;
const DONE: &str = "[DONE]";

fn piece(text: &str) -> String {
    format!(r#"{{"choices":[{{"delta":{{"content":"{text}"}}}}]}}"#)
}

/// A whole response and a stream with this choice, whose `@` is the key of the message.
fn both(choice: &str) -> [Outcome; 2] {
    let whole = format!(r#"{{"choices":[{}]}}"#, choice.replace('@', "message"));
    let chunk = format!(r#"{{"choices":[{}]}}"#, choice.replace('@', "delta"));
    [
        outcome(&read_json(Api::Chat, whole)),
        outcome(&read_sse(Api::Chat, events(&[&chunk, STOP, DONE]))),
    ]
}

#[test]
fn other_fields_do_not_lose_the_answer() {
    for beside in [
        r#""error":"""#,
        r#""error":" ""#,
        r#""error":false"#,
        r#""error":{}"#,
        r#""error":[]"#,
        r#""error":null"#,
        r#""usage":[1,"two",null]"#,
        r#""usage":{"prompt_tokens":-1,"prompt_tokens_details":[],"cost_in_usd_ticks":"x"}"#,
        r#""usage":"many""#,
        r#""model":7"#,
        r#""citations":{"a":[]}"#,
        r#""x":{"choices":7},"x":NaN"#,
        r#""logprobs":[-Infinity,Infinity,NaN]"#,
        r#""x":"\ud83d","\udc00":1"#,
        r#""message":{"a":1}"#,
        r#""choices":7"#,
    ] {
        let whole = FOUR.replacen('{', &format!("{{{beside},"), 1);
        assert_eq!(outcome(&read_json(Api::Chat, &*whole)), usable("Four."), "{whole}");
        let chunk = piece("Four.").replacen('{', &format!("{{{beside},"), 1);
        let stream = events(&[&chunk, STOP, DONE]);
        assert_eq!(outcome(&read_sse(Api::Chat, stream)), usable("Four."), "{chunk}");
    }
    for choice in [
        r#"{"@":{"content":"Four.","refusal":false},"error":false}"#,
        r#"{"@":{"content":"Four.","refusal":"  "},"error":{}}"#,
        r#"{"@":{"content":"Four.","refusal":{"a":1},"tool_calls":"none"},"error":""}"#,
        r#"{"@":{"content":"Four.","tool_calls":{"a":1},"reasoning_content":7}}"#,
        r#"{"@":{"content":"Four."},"index":-1}"#,
        r#"{"@":{"content":"Four."},"index":0.0,"logprobs":{"content":[{"logprob":-Infinity}]}}"#,
        r#"{"@":{"content":"Four."},"index":"x"}"#,
        r#"{"@":{"content":"Five.","content":"Four."}}"#,
        r#"{"@":{"content":[{"type":"thinking","thinking":[]},{"type":"text","text":"Fo"},{"type":"text","text":"ur."}]}}"#,
        r#"{"@":{"content":["Fo",{"text":"ur."},7,null]}}"#,
    ] {
        assert_eq!(both(choice), [usable("Four."), usable("Four.")], "{choice}");
    }
}

#[test]
fn bytes_that_are_not_text_do_not_lose_the_answer() {
    let with = |json: &str, byte: &[u8]| {
        let (front, back) = json.split_once('@').expect("it has a place for it");
        [front.as_bytes(), byte, back.as_bytes()].concat()
    };
    for (content, text) in
        [(r#""content":"Four@.""#, "Four\u{fffd}."), (r#""content":"Four.","x":"@""#, "Four.")]
    {
        let whole = format!(r#"{{"choices":[{{"message":{{{content}}}}}]}}"#);
        let whole = read_json(Api::Chat, with(&whole, b"\xe9"));
        assert_eq!(outcome(&whole), usable(text));
        let chunk = format!(r#"{{"choices":[{{"delta":{{{content}}}}}]}}"#);
        let stream = with(&events(&[&chunk, STOP]), b"\xe9");
        assert_eq!(outcome(&read_sse(Api::Chat, stream)), usable(text));
    }
    let answer = read_json(Api::Chat, format!("\u{feff}{FOUR}"));
    assert_eq!(outcome(&answer), usable("Four."));
    let answer = read_sse(Api::Chat, format!("\u{feff}{}", events(&[&piece("Four."), STOP])));
    assert_eq!(outcome(&answer), usable("Four."));
}

#[test]
fn responses_choices_and_messages_are_objects() {
    for json in [
        r#"{"choices":[["Four.","stop"]]}"#,
        r#"{"choices":[[{"content":"Four."},"stop"]]}"#,
        r#"[{"choices":[{"message":{"content":"Four."}}]}]"#,
        r#"[null,[{"message":{"content":"Four."}}]]"#,
        r#"{"choices":[{"message":["Four."]}]}"#,
        r#"{"choices":[{"message":"Four."}]}"#,
        r#"{"choices":[7]}"#,
        r#"{"choices":[null]}"#,
        r#"{"choices":{"message":{"content":"Four."}}}"#,
        r#"{"choices":null}"#,
        r#"{"choices":[{"message":{"content":4}}]}"#,
        r#"{"choices":[{"message":{"content":{"text":"Four."}}}]}"#,
    ] {
        assert_fails(&read_json(Api::Chat, json), ExitStatus::Server, "", json);
        let chunk = json.replace("message", "delta");
        if chunk != r#"{"choices":null}"# {
            let stream = events(&[&chunk, STOP]);
            assert_fails(&read_sse(Api::Chat, stream), ExitStatus::Server, "", &chunk);
        }
    }
}

#[test]
fn an_error_in_a_choice_comes_before_its_finish_reason() {
    let half = r#"{"@":{"content":"half an ans"},"finish_reason":"stop","error":{"code":502,"message":"Provider disconnected"}}"#;
    for outcome in both(half) {
        assert_eq!(outcome.code, 8, "{outcome:?}");
        assert!(outcome.why.contains("Provider disconnected"), "{outcome:?}");
    }
    for error in [r#""no""#, "true", "7", r#"{"code":500}"#, r#"["no"]"#] {
        for outcome in both(&format!(r#"{{"@":{{"content":"half"}},"error":{error}}}"#)) {
            assert_eq!(outcome.code, 8, "{error}: {outcome:?}");
        }
    }
}

#[test]
fn a_response_is_recognized_by_its_first_byte_whatever_its_content_type() {
    let stream = events(&[&piece("Four."), STOP, DONE]);
    for label in ["", "text/plain", "application/json", "application/x-ndjson", "text/event-stream"]
    {
        for before in
            ["", "\u{feff}", "\r\n\r\n", ": hi\n\n", "event: message\n", "id: 1\n", "retry: 5\n"]
        {
            let answer = read_as(Api::Chat, label, format!("{before}{stream}"));
            assert_eq!(outcome(&answer), usable("Four."), "{label}: {before:?}");
        }
        for before in ["", "\u{feff}", " \r\n"] {
            let answer = read_as(Api::Chat, label, format!("{before}{FOUR}"));
            assert_eq!(outcome(&answer), usable("Four."), "{label}: {before:?}");
        }
        for (body, why) in [
            (r#"{"error":{"message":"It rains."}}"#, "It rains."),
            ("<html><title>It rains.</title>", "It rains."),
            ("upstream connect error", "upstream connect error"),
            ("data center on fire", "data center on fire"),
            (r#""It rains.""#, "It rains."),
        ] {
            assert_fails(&read_as(Api::Chat, label, body), ExitStatus::Server, why, label);
        }
    }
}

#[test]
fn the_beginning_of_a_response_may_arrive_byte_by_byte() {
    let stream = events(&[&piece("Four."), STOP]);
    for label in ["", "text/event-stream"] {
        for body in [stream.clone(), format!("\u{feff}{stream}"), format!("\u{feff} {FOUR}")] {
            let pieces = body.bytes().map(|byte| vec![byte]).collect();
            let body = Box::new(Pieces { left: pieces, end: End::Clean, limit: None });
            let expected = Expectations::default();
            let read =
                read_answer(Api::Chat, response(label, body), expected, &mut Sink::default());
            assert_eq!(outcome(&read), usable("Four."), "{label}");
        }
    }
}

#[test]
fn a_compressed_response_says_so() {
    let mut response = response("", Box::new(Cursor::new(b"\x1b\x03".to_vec())));
    response.headers.content_encoding = Some("br".into());
    let read = read_answer(Api::Chat, response, Expectations::default(), &mut Sink::default());
    assert_fails(&read, ExitStatus::Server, "br", "by its header");
    for label in ["application/json", "text/event-stream"] {
        let gzip = read_as(Api::Chat, label, b"\x1f\x8b\x08\0\0".as_slice());
        assert_fails(&gzip, ExitStatus::Server, "gzip", "by its first bytes");
    }
}

#[test]
fn a_message_instead_of_an_answer_is_reported() {
    for (json, why) in [
        (r#"[{"error":{"message":"It rains."}}]"#, "It rains."),
        (r#"{"errors":[{"message":"It rains."}]}"#, "It rains."),
        (r#"{"msg":"It rains."}"#, "It rains."),
        (r#"{"object":"list","data":[]}"#, r#"{"object":"list","data":[]}"#),
    ] {
        assert_fails(&read_json(Api::Chat, json), ExitStatus::Server, why, json);
    }
    let beside = r#"{"choices":[],"message":"It rains."}"#;
    assert_fails(&read_json(Api::Chat, beside), ExitStatus::Unusable, "It rains.", beside);
    let stream = events(&[beside]);
    assert_fails(&read_sse(Api::Chat, stream), ExitStatus::Incomplete, "It rains.", beside);
    let alone = r#"{"choices":[]}"#;
    assert_fails(&read_json(Api::Chat, alone), ExitStatus::Unusable, "empty", alone);
}

#[test]
fn done_may_have_white_space_around_it() {
    for done in ["[DONE]", " [DONE]", "[DONE] ", "[DONE]\t", "\t[DONE] \t"] {
        let stream = format!("{}data:{done}\n\ndata: junk\n\n", events(&[&piece("Four."), STOP]));
        assert_eq!(outcome(&read_sse(Api::Chat, stream)), usable("Four."), "{done:?}");
    }
    let other = events(&[&piece("Four."), "[DONE] or not"]);
    assert_fails(&read_sse(Api::Chat, other), ExitStatus::Server, "", "something else");
}

#[test]
fn events_named_as_something_else_are_skipped() {
    for payload in
        ["ping", "null", "{}", "[]", "7", r#"{"message":"alive"}"#, "\"alive\"", "{\"cut"]
    {
        let stream =
            format!("event: ping\ndata: {payload}\n\n{}", events(&[&piece("Four."), STOP]));
        assert_eq!(outcome(&read_sse(Api::Chat, stream)), usable("Four."), "{payload}");
    }
    let named = format!("event: chunk\n{}", events(&[&piece("Four."), STOP]));
    assert_eq!(outcome(&read_sse(Api::Chat, named)), usable("Four."), "a chunk with a name");
    let error = format!("event: ping\n{}", events(&[r#"{"error":"It rains."}"#, STOP]));
    assert_fails(&read_sse(Api::Chat, error), ExitStatus::Server, "It rains.", "an error");
    for payload in ["ping", "null", "{}", &piece("Four."), r#"{"message":"alive"}"#, DONE] {
        let stream = format!("event: error\ndata: {payload}\n\n{}", events(&[STOP, DONE]));
        let code = outcome(&read_sse(Api::Chat, stream)).code;
        assert_eq!(code, if payload == DONE { 7 } else { 8 }, "{payload}");
    }
    let bare = format!("event: error\n\n{}", events(&[STOP]));
    assert_fails(&read_sse(Api::Chat, bare), ExitStatus::Server, "", "an error without a payload");
    for payload in ["ping", r#"{"message":"alive"}"#, "\"alive\"", "[]", "7"] {
        for name in ["", "event: message\n"] {
            let stream = format!("{name}{}", events(&[payload, STOP]));
            assert_fails(&read_sse(Api::Chat, stream), ExitStatus::Server, "", payload);
        }
    }
}

#[test]
fn lines_that_are_not_fields_are_reported_if_an_answer_is_incomplete() {
    for (stray, why) in [
        ("upstream connect error\n", "upstream connect error"),
        ("{\"error\":{\"message\":\"It rains.\"}}\n\n", "It rains."),
        ("<html><title>502 Bad Gateway</title></html>", "502 Bad Gateway"),
    ] {
        let cut = format!("{}{stray}", events(&[&piece("Fo")]));
        assert_fails(&read_sse(Api::Chat, cut), ExitStatus::Incomplete, why, stray);
        let whole = format!("{}{stray}", events(&[&piece("Four."), STOP]));
        assert_eq!(outcome(&read_sse(Api::Chat, whole)), usable("Four."), "{stray}");
    }
}

#[test]
fn a_finish_reason_completes_a_stream() {
    let usage = r#"{"choices":[],"usage":{"total_tokens":7}}"#;
    for (after, end, is_noted) in [
        ("", End::Clean, false),
        ("", End::Reset, false),
        ("", End::Silence, false),
        ("data: {\"choices\":[],\"usa", End::Clean, false),
        ("data: {\"choices\":[],\"usa", End::Reset, false),
        ("data: {\"choices\":[],\"usa\n\n", End::Silence, true),
        ("data: {\"error\":\"It rains.\"}\n\n", End::Silence, true),
        ("event: error\ndata: {}\n\n", End::Silence, true),
        ("data: {\"choices\":[{\"delta\":{},\"error\":\"no\"}]}\n\n", End::Silence, true),
    ] {
        let pieces = vec![events(&[&piece("Four."), STOP]).into(), after.into()];
        let mut sink = Sink::default();
        let answer = read_pieces(Api::Chat, pieces, end, &mut sink).expect("it is complete");
        let case = format!("{after:?} and {end:?}");
        assert_eq!((&*answer.text, answer.is_usable()), ("Four.", true), "{case}");
        assert_eq!(answer.late_error.is_some(), is_noted, "{case}: {:?}", answer.late_error);
    }
    let pieces = vec![events(&[&piece("Four."), STOP]).into(), events(&[usage, DONE]).into()];
    let answer = read_pieces(Api::Chat, pieces, End::Silence, &mut Sink::default());
    let usage = answer.expect("it is complete").usage.expect("it came in time").to_string();
    assert_eq!(usage, "total=7");
    // Without one, no answer is complete.
    let pieces = || vec![events(&[&piece("Four.")]).into_bytes()];
    let cut = read_pieces(Api::Chat, pieces(), End::Clean, &mut Sink::default());
    assert_fails(&cut, ExitStatus::Incomplete, "finish reason", "a clean end");
    let lost = read_pieces(Api::Chat, pieces(), End::Reset, &mut Sink::default());
    assert_fails(&lost, ExitStatus::Incomplete, "connection lost", "a reset");
}

#[test]
fn an_error_is_retried_only_before_the_first_piece() {
    let busy = r#"{"code":529,"error":"overloaded"}"#;
    for (payloads, retry) in [
        (vec![busy.to_owned()], crate::error::Retry::Safe),
        (vec![piece("Fo"), busy.to_owned()], crate::error::Retry::Never),
    ] {
        let payloads: Vec<&str> = payloads.iter().map(String::as_str).collect();
        let error = read_sse(Api::Chat, events(&payloads)).expect_err("it is one");
        assert_eq!(failure(&error).map(|failure| failure.retry), Some(retry));
    }
}

#[test]
fn details_of_the_response_are_kept() {
    let beside = r#""model":"grok-4-0709","usage":{"total_tokens":7,"server_side_tool_usage_details":{"web_search_calls":1}},"citations":["https://a.org/"]"#;
    let whole = FOUR.replacen('{', &format!("{{{beside},"), 1);
    let last = STOP.replacen('{', &format!("{{{beside},"), 1);
    let stream = events(&[&piece("Four."), &last]);
    for answer in [read_json(Api::Chat, whole), read_sse(Api::Chat, stream)] {
        let answer = answer.expect("it is an answer");
        assert_eq!(answer.model.as_deref(), Some("grok-4-0709"));
        assert_eq!(answer.finish_reason.as_deref(), Some("stop"));
        assert_eq!(answer.http_status, Some(200));
        assert!(answer.searched);
        assert_eq!(answer.citations.len(), 1);
        let usage = answer.usage.expect("it has usage").to_string();
        assert_eq!(usage, "total=7 web_searches=1");
    }
}

#[test]
fn reasoning_shows_that_the_model_thinks() {
    let reasoning = r#"{"choices":[{"delta":{"reasoning_content":"Hm."}}]}"#;
    let pieces = vec![events(&[reasoning, reasoning, &piece("Four."), STOP]).into_bytes()];
    let mut sink = Sink::default();
    read_pieces(Api::Chat, pieces, End::Clean, &mut sink).expect("it is complete");
    assert_eq!((sink.thoughts, &*sink.text), (2, "Four."));
}

#[test]
fn the_first_of_several_answers_is_read() {
    let other = r#"{"choices":[{"index":1,"delta":{"content":"No."},"finish_reason":"length"}]}"#;
    let both = r#"{"choices":[{"index":1,"delta":{"content":"No."}},{"index":0,"delta":{"content":"Four."}}]}"#;
    for payloads in [[other, &piece("Four."), STOP], [both, other, STOP]] {
        assert_eq!(outcome(&read_sse(Api::Chat, events(&payloads))), usable("Four."));
    }
    assert_fails(&read_sse(Api::Chat, events(&[other])), ExitStatus::Incomplete, "", other);
    // In one JSON the list itself has an order.
    for index in ["0", "1", "null"] {
        let whole = format!(
            r#"{{"choices":[{{"index":{index},"message":{{"content":"Four."}}}},{{"index":0,"message":{{"content":"No."}}}}]}}"#
        );
        assert_eq!(outcome(&read_json(Api::Chat, whole)), usable("Four."), "{index}");
    }
}

#[test]
fn an_event_that_is_a_string_is_an_error_with_that_message() {
    let stream = events(&[&piece("Fo"), r#""It rains.""#]);
    let read = read_sse(Api::Chat, stream);
    assert_eq!(outcome(&read).why, "server error: It rains.");
    assert_fails(&read, ExitStatus::Server, "It rains.", "a JSON string");
}

#[test]
fn an_error_at_the_end_of_a_stream_counts_without_its_blank_line() {
    for api in Api::ALL {
        let read = read_sse(api, "event: error\ndata: It rains.");
        assert_fails(&read, ExitStatus::Server, "It rains.", "no JSON");
    }
}

#[test]
fn an_incomplete_stream_has_a_short_message() {
    for (api, stream, expected) in [
        (
            Api::Chat,
            events(&[&piece("Fo")]),
            "incomplete response: the stream ended without a finish reason",
        ),
        (
            Api::Responses,
            events(&[r#"{"type":"response.output_text.delta","delta":"Fo"}"#]),
            "incomplete response: the stream ended without a terminal event",
        ),
    ] {
        assert_eq!(outcome(&read_sse(api, stream)).why, expected);
    }
}

#[test]
fn what_is_said_beside_choices_is_told_only_where_there_are_none() {
    for (json, why) in [
        (r#"{"choices":[],"message":"It rains."}"#, "the answer is empty: It rains."),
        (
            r#"{"choices":[{"message":{"content":""}}],"message":"It rains."}"#,
            "the answer is empty",
        ),
        (r#"{"choices":[],"title":"Chat"}"#, "the answer is empty"),
    ] {
        assert_eq!(outcome(&read_json(Api::Chat, json)).why, why, "{json}");
    }
    let cut = "incomplete response: the stream ended without a finish reason";
    for (chunk, why) in [
        (r#"{"choices":[],"message":"It rains."}"#, &*format!("{cut}: It rains.")),
        (r#"{"choices":[{"delta":{"content":"Fo"}}],"message":"It rains."}"#, cut),
        (r#"{"choices":[],"title":"Chat"}"#, cut),
    ] {
        assert_eq!(outcome(&read_sse(Api::Chat, events(&[chunk]))).why, why, "{chunk}");
    }
}
