//! The words and the status of an error, in every shape seen.

use super::*;

#[test]
fn a_status_decides_the_exit_status_and_whether_to_retry() {
    let wrong_key =
        "Incorrect API key provided. You can obtain an API key from https://console.x.ai.";
    let content = "Content violates usage guidelines. Team: x. Failed check: SAFETY_CHECK";
    for (status, words, exit, retry) in [
        (400, "", ExitStatus::Rejected, Retry::Never),
        (400, wrong_key, ExitStatus::Key, Retry::Never),
        (401, "", ExitStatus::Key, Retry::Never),
        (403, "", ExitStatus::Key, Retry::Never),
        (403, content, ExitStatus::Rejected, Retry::Never),
        (404, "", ExitStatus::Rejected, Retry::Never),
        (408, "", ExitStatus::Server, Retry::Never),
        (410, "", ExitStatus::Rejected, Retry::Never),
        (413, "", ExitStatus::Rejected, Retry::Never),
        (422, "", ExitStatus::Rejected, Retry::Never),
        (425, "", ExitStatus::Server, Retry::Never),
        (429, "", ExitStatus::RateLimit, Retry::Safe),
        (500, "", ExitStatus::Server, Retry::MayDoubleBill),
        (502, "", ExitStatus::Server, Retry::MayDoubleBill),
        (503, "", ExitStatus::Server, Retry::Safe),
        (504, "", ExitStatus::Server, Retry::MayDoubleBill),
        (520, "", ExitStatus::Server, Retry::MayDoubleBill),
        (521, "", ExitStatus::Server, Retry::Safe),
        (523, "", ExitStatus::Server, Retry::Safe),
        (524, "", ExitStatus::Server, Retry::MayDoubleBill),
        (525, "", ExitStatus::Server, Retry::Never),
        (526, "", ExitStatus::Server, Retry::Never),
        (529, "", ExitStatus::Server, Retry::Safe),
        (530, "", ExitStatus::Server, Retry::Safe),
        (101, "", ExitStatus::Server, Retry::Never),
        (204, "", ExitStatus::Server, Retry::Never),
        (302, "", ExitStatus::Server, Retry::Never),
        (700, "", ExitStatus::Server, Retry::Never),
    ] {
        let words = words.to_ascii_lowercase();
        assert_eq!(classify(status, &words), (exit, retry), "{status} {words}");
    }
}

#[test]
fn the_words_of_an_error_are_found_in_every_shape() {
    for (body, expected) in [
        (
            r#"{"code":"invalid-argument","error":"Model not found: x"}"#,
            "invalid-argument: Model not found: x",
        ),
        (r#"{"code":"Some requested entity was not found","error":"The model x"}"#, "The model x"),
        (r#"{"code":"a b","error":"it is a b here"}"#, "it is a b here"),
        (r#"{"code":400,"error":"words"}"#, "words"),
        (r#"{"error":"words"}"#, "words"),
        (r#"{"error":{"message":"words","type":"t","code":"bad-thing"}}"#, "bad-thing: words"),
        (r#"{"error":{"message":"words","type":"t","code":null}}"#, "words"),
        (r#"{"type":"error","message":"words"}"#, "words"),
        (r#""words""#, "words"),
        (r#""{\"error\":\"words\"}""#, "words"),
        (r#"{"error":"{\"message\":\"words\"}"}"#, "words"),
        (r#"{"code":"internal"}"#, "internal"),
        (
            r#"{"error":"Bad Request","message":"temperature must be <= 1"}"#,
            "Bad Request: temperature must be <= 1",
        ),
        (
            r#"{"error":"invalid_grant","error_description":"It expired."}"#,
            "invalid_grant: It expired.",
        ),
        (r#"{"error":"words","message":"some words here"}"#, "some words here"),
        (r#"{"error":{"message":"some words here"},"message":"words"}"#, "some words here"),
        (
            r#"{"title":"Forbidden","status":403,"detail":"Not for you."}"#,
            "Forbidden: Not for you.",
        ),
        (r#"[{"error":{"code":400,"message":"words"}}]"#, "words"),
        (r#"{"errors":[{"code":7},{"message":"words"},{"message":"more"}]}"#, "words"),
        (r#"{"msg":"words"}"#, "words"),
        (r#"{"message":"half a pair: \ud83d","x":"\ud83d"}"#, "half a pair: \u{fffd}"),
        (r#"{"message":"words","x":NaN}"#, "words"),
        (
            "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>",
            "502 Bad Gateway",
        ),
        ("<html><TITLE lang=en>Blocked</TITLE></html>", "Blocked"),
        ("<titles>no</titles><title\n>yes</title>", "yes"),
        ("<style type=x>p{color:red}</style><script>if (a<b) {}</script><p>Blocked", "Blocked"),
        ("<script>never ends", "never ends"),
        ("<p>Bad <b>gateway</b>", "Bad gateway"),
        ("upstream connect error", "upstream connect error"),
    ] {
        let words = detail(body.as_bytes()).unwrap_or_default();
        let folded: Vec<&str> = words.split_whitespace().collect();
        assert_eq!(folded.join(" "), expected, "{body}");
    }
    for body in ["", "\u{1f}\u{8b}\u{8}\0gzip", "  ", "{}", "[]", "null", r#"{"error":null}"#] {
        assert_eq!(detail(body.as_bytes()), None, "{body}");
    }
}

fn failure(status: u16, content_type: &str, body: &str, context: Context) -> Failure {
    let content_type = Some(content_type.to_owned());
    let headers = ResponseHeaders { content_type, ..ResponseHeaders::default() };
    from_status(status, &headers, body.as_bytes(), context)
}

const ANSWER: Context = Context { lists_models: false, without_key: false };

#[test]
fn a_page_that_forbids_does_not_come_from_the_api() {
    for (content_type, body, status) in [
        ("text/html; charset=utf-8", "Blocked", ExitStatus::Rejected),
        ("", " \u{feff}<!DOCTYPE html><title>Blocked</title>", ExitStatus::Key),
        ("", "\u{feff} <!DOCTYPE html><title>Blocked</title>", ExitStatus::Rejected),
        ("application/json", r#"{"error":"<b>"}"#, ExitStatus::Key),
        ("text/plain", "Forbidden", ExitStatus::Key),
    ] {
        assert_eq!(failure(403, content_type, body, ANSWER).status, status, "{body}");
        assert_eq!(failure(401, content_type, body, ANSWER).status, ExitStatus::Key, "{body}");
    }
}

#[test]
fn a_hint_says_what_can_be_done() {
    let models = Context { lists_models: true, ..ANSWER };
    let without_key = Context { without_key: true, ..ANSWER };
    for (status, message, context, hint) in [
        (
            400,
            "Multi Agent requests are not allowed on chat completions",
            ANSWER,
            "--api responses",
        ),
        (400, "Argument not supported: metadata", ANSWER, "leave out the option"),
        (401, "", ANSWER, "check XAI_API_KEY"),
        (401, "", without_key, "set XAI_API_KEY"),
        (404, "", ANSWER, "--model"),
        (404, "", models, "check the base URL"),
        (410, "", ANSWER, "--web-search"),
        (422, "", ANSWER, "--param"),
    ] {
        let body = format!(r#"{{"error":"{message}"}}"#);
        let found = failure(status, "", &body, context).hint.unwrap_or_default();
        assert!(found.contains(hint), "{status} {message}: {found}");
    }
    assert_eq!(failure(400, "", "", ANSWER).hint, None);
}

#[test]
fn only_an_api_too_busy_to_begin_is_retried() {
    for (body, retry) in [
        (r#"{"code":"The service is currently unavailable","error":"Timed out"}"#, Retry::Safe),
        (r#"{"error":{"code":"The Service is currently unavailable"}}"#, Retry::Safe),
        (r#"{"error":"The service is currently unavailable."}"#, Retry::Safe),
        (r#"{"type":"error","code":529,"message":"overloaded"}"#, Retry::Safe),
        (r#"{"error":{"code":"529","message":"overloaded"}}"#, Retry::Safe),
        ("The service is currently unavailable", Retry::Safe),
        (r#"{"code":500,"error":"internal"}"#, Retry::Never),
        (r#"{"error":"words","choices":"the service is currently unavailable"}"#, Retry::Never),
    ] {
        assert_eq!(api_error(body.as_bytes()).retry, retry, "{body}");
    }
}

#[test]
fn json_without_a_message_is_shown_itself_where_it_has_any_text() {
    for (body, shown) in [
        (r#"{ "b": {"x": ["text"]}, "a": 1 }"#, Some(r#"{"b":{"x":["text"]},"a":1}"#)),
        (
            r#"{"detail":[{"loc":["body"],"msg":"no"}]}"#,
            Some(r#"{"detail":[{"loc":["body"],"msg":"no"}]}"#),
        ),
        (r#"{"text": [1, null, true, 0.5, -1, " "]}"#, None),
    ] {
        assert_eq!(not_an_answer("x", body.as_bytes()).detail.as_deref(), shown, "{body}");
    }
}

#[test]
fn a_long_message_ends_with_a_whole_word() {
    let words = "word ".repeat(MAX_DETAIL);
    let body = format!(r#"{{"error":"{words}"}}"#);
    let detail = detail(body.as_bytes()).expect("it has a message");
    assert!(detail.len() <= MAX_DETAIL && detail.ends_with("word"), "{} bytes", detail.len());
}

#[test]
fn nesting_without_end_is_not_followed() {
    for (open, close) in [("[", "]"), (r#"{"error":"#, "}")] {
        let body = format!("{}\"deep\"{}", open.repeat(100_000), close.repeat(100_000));
        assert_eq!(detail(body.as_bytes()), None);
    }
}
