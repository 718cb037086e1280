//! Responses that report a failure: its kind, and its message.

use super::REQUEST_ID;
use crate::support::{Env, ID, Response, Run, Script, Server, chat, json_response};

const WRONG_KEY: &str =
    "Incorrect API key provided. You can obtain an API key from https://console.x.ai.";
const CONTENT: &str = "Content violates usage guidelines. Team: 1f2e. Failed check: SAFETY_CHECK.";

/// Sends the prompt once, with a key that the API may reject.
fn ask(env: &Env, server: &Server) -> Run {
    env.ask(server, []).key("xai-0123456789")
}

/// A status, the message that comes with it, and the exit status.
const STATUSES: [(u16, &str, i32); 43] = [
    (300, "", 8),
    (302, "", 8),
    (304, "", 8),
    (308, "", 8),
    (400, "Model not found: grok-0", 4),
    (400, "Model grok-4 does not support parameter reasoningEffort.", 4),
    (400, WRONG_KEY, 3),
    (401, "No credentials presented.", 3),
    (402, "", 4),
    (403, "The team has used all available credits.", 3),
    (403, "", 3),
    (403, CONTENT, 4),
    (403, "This content violates usage guidelines.", 4),
    (403, "Failed check: SAFETY_CHECK", 4),
    (404, "No handler found on route.", 4),
    (405, "", 4),
    (408, "", 8),
    (410, "Live search is retired.", 4),
    (413, "", 4),
    (415, "", 4),
    (418, "", 4),
    (422, "Failed to deserialize the JSON body into the target type: messages", 4),
    (425, "", 8),
    (429, "", 5),
    (429, "Your team has used all available credits.", 5),
    (499, "", 4),
    (500, "", 8),
    (501, "", 8),
    (502, "", 8),
    (503, "", 8),
    (504, "", 8),
    (520, "", 8),
    (521, "", 8),
    (522, "", 8),
    (523, "", 8),
    (524, "", 8),
    (525, "", 8),
    (526, "", 8),
    (529, "", 8),
    (530, "", 8),
    (599, "", 8),
    (600, "", 8),
    (999, "", 8),
];

#[test]
fn a_status_decides_the_exit_status() {
    let env = Env::new();
    for (status, words, code) in STATUSES {
        let shown = format!("{words} (HTTP {status}, x-request-id {ID})");
        let body = if words.is_empty() { String::new() } else { chat::error("slug", words) };
        let server = Server::respond(json_response(status, body.as_str()));
        ask(&env, &server).case((status, words)).fails(code, &[shown.trim_start()]);
        // In every form of the body, and also if it is not labelled as JSON.
        let body = format!(r#"{{"error":{{"message":"{words}","type":"t","code":null}}}}"#);
        let response =
            Response::new(status, "text/plain", body).header("x-request-id", ID).chunked();
        let server = Server::respond(response);
        ask(&env, &server).case((status, words)).fails(code, &[shown.trim_start()]);
    }
}

#[test]
fn a_failure_is_reported_in_one_exact_line() {
    let env = Env::new();
    let server = Server::respond(json_response(
        404,
        chat::error("not-found", "The model x does not exist."),
    ));
    let what = "the request was rejected: not-found: The model x does not exist.";
    let hint = "xask: hint: check --model; --list-models prints the models that the key may use\n";
    let line = format!("xask: error: {what} (HTTP 404, x-request-id {ID})\n{hint}");
    ask(&env, &server).stderr(line).code(4);
    let server = Server::respond(Response::json(422, "{}"));
    ask(&env, &server).fails(4, &["xask: error: the request was rejected (HTTP 422)\n"]);
}

#[test]
fn a_status_without_a_body_is_a_server_error_at_once() {
    for status in ["101", "204", "304"] {
        let head = format!("HTTP/1.1 {status} Odd\r\nx-request-id: {ID}\r\n\r\n");
        let server = Server::play([Script::new().send(head).hold()]);
        let run = Env::new().ask(&server, ["--timeout=5"]).case(status);
        run.fails(8, &[&format!("HTTP {status}"), ID]);
    }
}

/// Checks the message of an error with this body: what failed, and then `shown`.
#[track_caller]
fn assert_message(body: &str, shown: &str) {
    for (status, code, what) in [(422, 4, "the request was rejected"), (500, 8, "server error")] {
        let server = Server::respond(json_response(status, body));
        let shown = format!("xask: error: {what}{shown}");
        Env::new().ask(&server, []).case(body).fails(code, &[&shown]);
    }
}

#[test]
fn the_message_is_found_in_every_shape_of_an_error() {
    let title =
        "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>nginx</body></html>";
    for (body, shown) in [
        (
            r#"{"code":"invalid-argument","error":"Model not found: x"}"#,
            ": invalid-argument: Model not found: x (",
        ),
        (
            r#"{"code":"unauthenticated:no-credentials","error":"None."}"#,
            ": unauthenticated:no-credentials: None. (",
        ),
        (r#"{"code":"Some requested entity was not found","error":"No x."}"#, ": No x. ("),
        (r#"{"code":"not-found","error":"x is not-found"}"#, ": x is not-found ("),
        (r#"{"code":400,"error":"words"}"#, ": words ("),
        (r#"{"code":null,"error":"words"}"#, ": words ("),
        (r#"{"error":"words"}"#, ": words ("),
        (r#"{"error":"words","request_id":"x","code":""}"#, ": words ("),
        (
            r#"{"error":{"message":"words","type":"invalid_request_error","param":null}}"#,
            ": words (",
        ),
        (r#"{"error":{"message":"words","code":"bad-thing"}}"#, ": bad-thing: words ("),
        (r#"{"type":"error","message":"words"}"#, ": words ("),
        (r#"{"detail":"words"}"#, ": words ("),
        (r#""words""#, ": words ("),
        (r#"" words\n""#, ": words ("),
        (r#""{\"code\":\"slug\",\"error\":\"words\"}""#, ": slug: words ("),
        (r#"{"error":"{\"message\":\"words\"}"}"#, ": words ("),
        (r#"{"code":"internal"}"#, ": internal ("),
        (title, ": 502 Bad Gateway ("),
        ("<p>Bad <b>gateway</b></p>", ": Bad gateway ("),
        ("upstream connect error\n", ": upstream connect error ("),
        ("{\"error\":\"wor", ": {\"error\":\"wor ("),
    ] {
        assert_message(body, shown);
    }
}

#[test]
fn no_message_is_invented_for_an_error_without_one() {
    for body in [
        "",
        " \r\n",
        "{}",
        "null",
        "[]",
        "\"\"",
        r#"{"error":null}"#,
        r#"{"error":{}}"#,
        r#"{"error":"","message":""}"#,
        "<html></html>",
    ] {
        assert_message(body, " (");
    }
}

#[test]
fn a_deeply_nested_message_is_reported() {
    let env = Env::new();
    for body in [
        r#"{"error":"{\"error\":{\"message\":\"words\"}}"}"#,
        r#"{"error":{"error":{"error":{"error":{"message":"words"}}}}}"#,
    ] {
        let server = Server::respond(json_response(500, body));
        env.ask(&server, []).case(body).fails(8, &["words"]);
    }
}

#[test]
fn an_error_with_status_200_is_a_server_error() {
    let env = Env::new();
    let words = "Timed out waiting for first token";
    let unavailable = &chat::error("The service is currently unavailable", words);
    for (body, words) in [
        (&**unavailable, words),
        (r#"{"code":"internal","error":"words"}"#, "internal: words"),
        (r#"{"error":"words"}"#, "words"),
        (r#"{"error":{"message":"words","type":"t","code":500}}"#, "words"),
        (r#"{"type":"error","message":"words"}"#, "words"),
        (r#""words""#, "words"),
        (r#""{\"error\":\"words\"}""#, "words"),
        // An error is looked for before an answer.
        (r#"{"error":"words","choices":[{"message":{"content":"Four."}}]}"#, "words"),
        (r#"{"choices":[{"message":{"content":"Four."}}],"error":{"message":"words"}}"#, "words"),
    ] {
        for flags in [&[][..], &["--json"], &["--usage"]] {
            let server = Server::respond(json_response(200, body));
            let shown = format!(": {words} {REQUEST_ID}");
            env.ask(&server, flags.iter().copied()).case(body).fails(8, &[&shown]);
        }
    }
}

#[test]
fn a_rejected_key_is_reported_with_what_to_check() {
    let env = Env::new();
    let bad = chat::error("unauthenticated:bad-credentials", "The key is disabled.");
    for (status, body) in
        [(400, chat::error("invalid-argument", WRONG_KEY)), (401, String::new()), (403, bad)]
    {
        let server = Server::respond(json_response(status, body));
        ask(&env, &server).fails(3, &["xask: hint: ", "XAI_API_KEY"]);
    }
}

#[test]
fn the_wait_that_the_api_requests_is_reported() {
    let env = Env::new();
    for (status, code) in [(429, 5), (503, 8)] {
        let server = Server::respond(json_response(status, "").header("Retry-After", "17"));
        env.ask(&server, []).fails(code, &["17 s"]);
        for nonsense in ["soon", "-1", "", "1,5"] {
            let server = Server::respond(json_response(status, "").header("Retry-After", nonsense));
            let shown = env.ask(&server, []).case(nonsense).fails(code, &[ID]);
            assert!(!shown.contains("wait"), "{shown}");
        }
    }
}

#[test]
fn a_truncated_error_is_still_reported_by_its_status() {
    let env = Env::new();
    let body = chat::error("slug", "Too many requests.");
    for n in [0, 1, 20, body.len() - 1] {
        for truncated in [
            json_response(429, body.as_str()).truncated_at(n),
            json_response(429, body.as_str()).close_delimited().truncated_at(n),
        ] {
            let server = Server::respond(truncated);
            env.ask(&server, []).case(n).fails(5, &["(HTTP 429, x-request-id"]);
        }
    }
}

#[test]
fn a_message_of_the_api_cannot_control_a_terminal() {
    let env = Env::new();
    for (words, shown) in [
        ("a\nb\r\nc\rd\te", "a b c d e"),
        ("\u{1b}[2J\u{1b}]0;title\u{7}", r"\x1b[2J\x1b]0;title\x07"),
        ("\u{1b}]52;c;aGk=\u{7}", r"\x1b]52;c;aGk=\x07"),
        ("\u{1}\u{8}\u{7f}", r"\x01\x08\x7f"),
        ("\u{9b}2J\u{85}", r"\u{9b}2J"),
        ("\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}", r"\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}"),
        ("\u{2066}\u{2067}\u{2068}\u{2069}", r"\u{2066}\u{2067}\u{2068}\u{2069}"),
        ("xask: done\n\u{2028}xask: fine", "xask: done"),
        ("\u{e9}\u{4f60}\u{597d}\u{1f600}", "\u{e9}\u{4f60}\u{597d}\u{1f600}"),
    ] {
        let text = words.to_owned();
        for body in [chat::error("slug", words), format!("<title>{text}</title>"), text] {
            for status in [400, 500, 200] {
                let server = Server::respond(json_response(status, body.as_str()));
                let code = if status == 400 { 4 } else { 8 };
                env.ask(&server, []).case(&body).fails(code, &[shown]);
            }
        }
    }
    // No text at all.
    let server = Server::respond(json_response(500, b"\xff\xfe\x9b2J\xc3".as_slice()));
    env.ask(&server, []).fails(8, &["\u{fffd}"]);
}

#[test]
fn a_long_message_is_truncated_to_400_bytes() {
    let env = Env::new();
    for unit in ["x", "\u{e9}", "\u{4f60}", "\u{1f600}", "\u{1b}", "\u{202e}", "y "] {
        for length in [399, 400, 401, 10_000] {
            let words = format!("begin{}end", unit.repeat(length));
            let server = Server::respond(json_response(500, chat::error("slug", &words)));
            let shown = env
                .ask(&server, [])
                .case((unit, length))
                .fails(8, &["begin", &format!("(HTTP 500, x-request-id {ID})")]);
            let front = shown.find("begin").expect("it begins");
            let back = shown.rfind(" (HTTP").expect("it ends");
            let length = back - front;
            assert!((380..=400).contains(&length), "{length} bytes of words: {shown}");
            assert!(!shown.contains("end"), "{shown}");
        }
    }
    // Unchanged up to the last byte.
    let words = "x".repeat(400);
    let server = Server::respond(json_response(500, words.as_str()));
    env.ask(&server, []).fails(8, &[&format!(": {words} (")]);
    let server = Server::respond(json_response(500, format!("{words}x")));
    env.ask(&server, []).fails(8, &[&format!(": {}\u{2026} (", &words[..397])]);
}

#[test]
fn the_id_of_a_response_is_sanitized_like_its_message() {
    let env = Env::new();
    for (id, shown) in [
        ("a\u{202e}b", r"x-request-id a\u{202e}b)"),
        ("a\u{9b}2J", r"x-request-id a\u{9b}2J)"),
        ("caf\u{e9}", "x-request-id caf\u{e9})"),
        ("a b", "x-request-id a b)"),
        // Some programs treat these as line ends.
        ("a\u{2028}b\u{2029}", "x-request-id a b)"),
    ] {
        for flags in [&[][..], &["-v"]] {
            let server = Server::respond(Response::json(500, "").header("X-Request-ID", id));
            let run = env.ask(&server, flags.iter().copied()).case(id);
            let output = run.stderr_like(shown).code(8);
            assert!(
                !output.notes().contains(['\u{202e}', '\u{9b}', '\u{2028}']),
                "{}",
                output.notes()
            );
        }
    }
}

#[test]
fn a_long_id_is_truncated_and_an_empty_one_is_omitted() {
    let server = Server::respond(Response::json(500, "").header("x-request-id", &"z".repeat(5000)));
    let shown = Env::new().ask(&server, []).fails(8, &["x-request-id zzz"]);
    assert!(shown.matches('z').count() <= 100, "{} bytes", shown.len());
    let server = Server::respond(Response::json(500, "").header("x-request-id", ""));
    Env::new().ask(&server, []).fails(8, &["(HTTP 500)"]);
}
