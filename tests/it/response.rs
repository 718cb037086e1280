//! Which answer, or which failure, the bytes of a whole response are.

mod answers;
mod beside;
mod errors;

use serde_json::{Value, json};

use crate::support::{Env, ID, Response, Server, chat, json_response};

/// How a message names the response it is about.
const REQUEST_ID: &str = "(x-request-id 0f4c5b1e-7a3d)";

/// A response with this first choice.
fn choice(choice: &Value) -> Response {
    json_response(200, json!({"choices": [choice]}).to_string())
}

#[test]
fn a_response_larger_than_64_mib_is_not_read_to_its_end() {
    let server = Server::respond(json_response(200, vec![b' '; (64 << 20) + 1]));
    Env::new().ask(&server, []).fails(8, &["64 MiB", REQUEST_ID]);
}

#[test]
fn a_response_of_64_mib_is_read() {
    let mut body = chat::completion("Four.").into_bytes();
    body.resize(64 << 20, b'\n');
    let server = Server::respond(json_response(200, body));
    Env::new().ask(&server, []).stdout("Four.\n").success();
}

#[test]
fn an_answer_may_be_long() {
    let text = "0123456789abcde\n".repeat(1 << 17);
    let server = Server::respond(json_response(200, chat::completion(&text)));
    Env::new().ask(&server, []).stdout(text).success();
}

#[test]
fn deeply_nested_json_does_no_harm() {
    let env = Env::new();
    let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    let deep_objects = |n: usize| format!("{}1{}", "{\"a\":".repeat(n), "}".repeat(n));
    let n = 100_000;
    // In a field that xask does not read, it does not matter.
    for field in ["system_fingerprint", "citations"] {
        for value in [deep(n), deep_objects(n)] {
            let body =
                chat::completion("Four.").replacen('{', &format!("{{\"{field}\":{value},"), 1);
            let server = Server::respond(json_response(200, body.as_str()));
            env.ask(&server, []).case(field).stdout("Four.\n").success();
            let server = Server::respond(json_response(200, body.as_str()));
            env.ask(&server, ["--json"]).case(field).stdout(format!("{body}\n")).success();
        }
    }
    let usage = format!(r#"{{"usage":{},"choices":[{{"message":{{"content":"a"}}}}]}}"#, deep(n));
    let server = Server::respond(json_response(200, usage));
    env.ask(&server, ["--usage"]).stdout("a\n").stderr_like("xask: usage: ").success();
    for (status, code, body) in [
        (200, 8, deep(n)),
        (200, 8, deep_objects(n)),
        (200, 8, format!("{{\"error\":{}}}", deep(n))),
        (200, 8, format!("{{\"error\":{}}}", deep_objects(n))),
        (200, 8, format!("{{\"choices\":{}}}", deep(n))),
        (200, 7, "[".repeat(n)),
        (400, 4, deep(n)),
        (400, 4, format!("{{\"error\":{}}}", deep_objects(n))),
        (500, 8, "{\"error\":".repeat(n)),
    ] {
        let server = Server::respond(json_response(status, body.as_str()));
        let shown = env.ask(&server, []).case(&body[..20]).fails(code, &[ID]);
        assert!(shown.len() < 1000, "{} bytes", shown.len());
    }
}
