//! Deferred answers.

use super::super::{Deferred, is_request_id, read_deferred, read_poll};
use super::*;

#[test]
fn an_id_has_a_narrow_form() {
    for (id, is_one) in [
        ("f15c114e-f47d-40ca-8d5c-8c23d656eeb6", true),
        ("A.b_c-9", true),
        (&"x".repeat(200), true),
        (&"x".repeat(201), false),
        ("", false),
        ("-x", false),
        (".x", false),
        ("a/b", false),
        ("a b", false),
        ("\u{e9}", false),
    ] {
        assert_eq!(is_request_id(id), is_one, "{id}");
    }
}

#[test]
fn a_deferred_request_gets_an_id_or_the_answer_itself() {
    let read = |json: &str| read_deferred(Response::json(200, json), Expectations::default());
    let id = read(r#"{"request_id":"f15c114e","error":{},"x":NaN}"#).expect("it is an id");
    assert!(matches!(id, Deferred::Id(id) if id == "f15c114e"));
    let answer = read(r#"{"choices":[{"message":{"content":"Four."}}]}"#).expect("an answer");
    assert!(matches!(answer, Deferred::Answer(answer) if answer.text == "Four."
        && answer.http_status == Some(200) && answer.body.is_some()));
    for (json, status, why) in [
        (r#"{"request_id":"../models"}"#, ExitStatus::Server, "request ID"),
        (r#"{"request_id":7}"#, ExitStatus::Server, "request ID"),
        (r#"["request_id"]"#, ExitStatus::Server, "request ID"),
        (r#"{"error":"It rains."}"#, ExitStatus::Server, "It rains."),
        (r#"{"request_id":"abc","error":"It rains."}"#, ExitStatus::Server, "It rains."),
        (r#"{"request_id":"f15c"#, ExitStatus::Incomplete, "truncated JSON"),
    ] {
        let error = read(json).map(|_| Answer::default());
        assert_fails(&error, status, why, json);
    }
}

#[test]
fn a_poll_says_whether_the_answer_is_ready() {
    let poll = |status, body: &str| {
        let mut response = Response::json(status, body);
        response.headers.has_declared_length = true;
        read_poll(response, Expectations::default(), &mut Sink::default())
    };
    assert!(poll(202, "").expect("not ready").is_none());
    let answer = poll(200, r#"{"choices":[{"message":{"content":"Four."}}]}"#).expect("ready");
    assert_eq!(answer.expect("it is one").text, "Four.");
    for (status, body, exit) in [
        (200, "", ExitStatus::Incomplete),
        (200, r#"{"choices":[{"#, ExitStatus::Incomplete),
        (200, r#"{"error":"no"}"#, ExitStatus::Server),
        (404, "", ExitStatus::Rejected),
        (429, "", ExitStatus::RateLimit),
        (500, "", ExitStatus::Server),
    ] {
        let error = poll(status, body).map(|_| Answer::default());
        assert_fails(&error, exit, "", body);
    }
}
