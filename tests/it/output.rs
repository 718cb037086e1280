//! The layer `output`: what reaches standard output and standard error, to the last byte.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod close;
mod notes;
mod streams;
mod terminal;

use serde_json::json;

use crate::support::{Env, Response, Server, chat, four, json_response, skip};

/// An answer that is truncated at the token limit (exit 9).
fn truncated() -> Response {
    json_response(
        200,
        chat::completion_with(json!({"content": "Two and", "finish_reason": "length"})),
    )
}

const TRUNCATED: &str = "xask: error: answer truncated at the token limit (--max-tokens or the model's) (x-request-id 0f4c5b1e-7a3d)\n";

#[test]
fn json_is_the_unchanged_response_with_a_final_newline() {
    let env = Env::new();
    let odd = concat!(
        " {\t\"id\" : 1, \"id\":\r\n 2,\"big\":123456789012345678901234567890,",
        "\"x\":1.50e+07,\"y\":-0,",
        "\"\\u0041\":\"\\/\\u00e9\u{e9}\",\"z\":\"\u{7f}\u{9b}\u{202e}\",",
        "\"choices\" :[ {\"message\":{\"content\":\"Four.\"}, \"finish_reason\":null} ] }"
    );
    let mut bytes = odd.as_bytes().to_vec();
    bytes.truncate(bytes.len() - 1);
    // Bytes that are not text, in a field that xask does not read.
    bytes.extend_from_slice(b",\"raw\":\"\xff\xc3\"}");
    for body in [odd.as_bytes(), &bytes, chat::completion("Four.").as_bytes()] {
        for (end, newline) in
            [("", "\n"), ("\n", ""), ("\n\n", ""), ("\r\n", ""), (" ", "\n"), ("\r", "\n")]
        {
            let body = [body, end.as_bytes()].concat();
            let stdout = [&body[..], newline.as_bytes()].concat();
            for framed in
                [json_response(200, body.clone()), json_response(200, body.clone()).chunked()]
            {
                let server = Server::respond(framed);
                env.ask(&server, ["--json"]).case(end).stdout(stdout.clone()).success();
            }
        }
    }
    let server = Server::respond(four());
    let stdout = format!("{}\n", chat::completion("Four."));
    env.ask(&server, ["-j"]).stdout(stdout).success();
}

#[test]
fn json_of_an_unusable_answer_is_printed_too() {
    let env = Env::new();
    let server = Server::respond(truncated());
    let stdout =
        [Vec::from(truncated()).split_off(truncated().head().len()), b"\n".to_vec()].concat();
    env.ask(&server, ["--json"]).stdout(stdout).stderr(TRUNCATED).code(9);
    let server = Server::respond(json_response(200, r#"{"choices":[]}"#));
    env.ask(&server, ["--json"]).stdout("{\"choices\":[]}\n").fails(9, &["empty"]);
}

#[test]
fn json_of_an_error_never_reaches_stdout() {
    let env = Env::new();
    for (status, code) in [(302, 8), (400, 4), (401, 3), (429, 5), (500, 8), (200, 8)] {
        let server = Server::respond(json_response(status, chat::error("slug", "words")));
        env.ask(&server, ["--json"]).case(status).fails(code, &["slug: words"]);
    }
}

#[test]
fn jq_finds_the_answer() {
    let env = Env::new();
    if !env.sh("command -v jq >/dev/null").spawn().finish().status.success() {
        return skip("there is no jq");
    }
    let server = Server::respond(four());
    let script = "xask --json hi | jq -r '.choices[0].message.content'";
    env.sh(script).server(&server).stdout("Four.\n").success();
}
