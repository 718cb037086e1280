//! Other parts of a response are never a reason to lose a whole answer; an error in it always is.

use serde_json::{Value, json};

use super::choice;
use crate::support::{Env, Response, Server, chat, json_response};

/// A whole response in which one text is replaced by another.
fn with(from: &str, to: &str) -> Vec<u8> {
    let whole = chat::completion("Four.");
    assert!(whole.contains(from), "{from} is not in {whole}");
    whole.replacen(from, to, 1).into_bytes()
}

#[test]
fn unused_fields_may_be_of_any_type() {
    let env = Env::new();
    let head = "{\"id\":";
    let mut bodies: Vec<Vec<u8>> = [
        "\"error\":\"\",",
        "\"error\":false,",
        "\"error\":{},",
        "\"error\":[],",
        "\"error\":null,",
        "\"usage\":[1,\"x\"],",
        "\"usage\":\"none\",",
        "\"usage\":{\"prompt_tokens\":\"many\",\"prompt_tokens_details\":7},",
        "\"logprobs\":-Infinity,",
        "\"citations\":{\"a\":1},",
        "\"x\":NaN,\"y\":[Infinity,-Infinity,{\"z\":NaN}],",
        "\"request_id\":7,",
    ]
    .map(|field| with(head, &format!("{{{field}\"id\":")))
    .to_vec();
    for (from, to) in [
        ("\"index\":0", "\"index\":-1"),
        ("\"index\":0", "\"index\":0.0"),
        ("\"index\":0", "\"index\":\"first\""),
        ("\"refusal\":null", "\"refusal\":false"),
        ("\"refusal\":null", "\"refusal\":\"\""),
        ("\"refusal\":null", "\"refusal\":\" \""),
        ("\"refusal\":null", "\"refusal\":[]"),
        ("\"refusal\":null", "\"tool_calls\":[]"),
        ("\"refusal\":null", "\"tool_calls\":null"),
        ("\"refusal\":null", "\"logprobs\":{\"content\":[{\"logprob\":-Infinity}]}"),
        ("\"refusal\":null", "\"error\":null"),
        ("\"finish_reason\":\"stop\"", "\"finish_reason\":\"stop\",\"error\":\"\""),
        ("\"finish_reason\":\"stop\"", "\"finish_reason\":\"stop\",\"error\":{}"),
        ("\"finish_reason\":\"stop\"", "\"finish_reason\":\"stop\",\"error\":false"),
        ("\"role\":\"assistant\"", "\"role\":null"),
        ("\"role\":\"assistant\"", "\"annotations\":7"),
    ] {
        bodies.push(with(from, to));
    }
    // A byte order mark, and bytes that are not UTF-8 in a field that xask does not read.
    bodies.push([b"\xef\xbb\xbf", &with("", "")[..]].concat());
    bodies.push([b"\xef\xbb\xbf \r\n", &with("", "")[..]].concat());
    let broken = String::from_utf8(with("fp_0123456789", "fp_X")).expect("text");
    bodies.push(broken.split('X').collect::<Vec<_>>().join("\u{0}").into_bytes());
    for body in &mut bodies {
        for byte in body.iter_mut().filter(|byte| **byte == 0) {
            *byte = 0xff;
        }
    }
    for body in bodies {
        let case = String::from_utf8_lossy(&body).into_owned();
        let server = Server::respond(json_response(200, &*body));
        env.ask(&server, []).case(&case).stdout("Four.\n").success();
        // It is still recorded, as valid JSON.
        let env = Env::new();
        let server = Server::respond(json_response(200, &*body));
        env.ask(&server, ["--cache", "answers"]).case(&case).stdout("Four.\n").success();
        env.ask(&server, ["--cache", "answers"]).case(&case).stdout("Four.\n").success();
        let name = format!("answers/{}", env.names_in("answers")[0]);
        let record: Value = serde_json::from_slice(&env.read(&name))
            .unwrap_or_else(|e| panic!("{case}: the record is no JSON: {e}"));
        assert!(record.is_object());
        // And printed byte for byte.
        let server = Server::respond(json_response(200, &*body));
        let printed = [&body[..], b"\n"].concat();
        env.ask(&server, ["--json"]).case(&case).stdout(printed).success();
    }
}

#[test]
fn a_broken_byte_in_the_answer_is_replaced() {
    let env = Env::new();
    let body = chat::completion("caf#.").into_bytes();
    let body: Vec<u8> =
        body.into_iter().map(|byte| if byte == b'#' { 0xe9 } else { byte }).collect();
    let server = Server::respond(json_response(200, body));
    env.ask(&server, ["-o", "out"]).success();
    assert_eq!(env.read("out"), "caf\u{fffd}.\n".as_bytes());
}

#[test]
fn content_may_be_a_list_of_text_parts() {
    let env = Env::new();
    for (content, text) in [
        (json!([{"type": "text", "text": "Fo"}, {"type": "text", "text": "ur."}]), "Four."),
        (
            json!([{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Four."}]),
            "Four.",
        ),
        (json!([{"type": "text", "text": "Four.", "annotations": 7}]), "Four."),
        (json!([{"type": "output_text", "text": "Four."}]), "Four."),
    ] {
        let server =
            Server::respond(json_response(200, chat::completion_with(json!({"content": content}))));
        env.ask(&server, []).case(content.to_string()).stdout(format!("{text}\n")).success();
    }
    for content in [json!([]), json!([{"type": "thinking", "thinking": "Hm."}])] {
        let server =
            Server::respond(json_response(200, chat::completion_with(json!({"content": content}))));
        env.ask(&server, []).case(content.to_string()).fails(9, &["empty"]);
    }
}

#[test]
fn an_answer_is_read_whatever_its_content_type() {
    let env = Env::new();
    let whole = chat::completion("Four.");
    let streamed = {
        let events = chat::stream_of(&["Fo", "ur."], Some("stop"));
        events.iter().flat_map(|event| ["data: ", event, "\n\n"]).collect::<String>()
    };
    for label in [
        "application/json",
        "text/plain",
        "text/html",
        "text/event-stream",
        "application/x-ndjson",
        "x",
    ] {
        for (body, flag) in [(&whole, "--no-stream"), (&whole, "--stream"), (&streamed, "--stream")]
        {
            let server = Server::respond(Response::new(200, label, body.as_str()));
            let run = env.ask(&server, [flag]).case((label, flag));
            run.stdout("Four.\n").success();
        }
    }
    // No choice at all.
    for body in [whole, streamed] {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        let server = Server::play([crate::support::Script::new().send(head + &body)]);
        env.ask(&server, ["--stream"]).stdout("Four.\n").success();
    }
}

#[test]
fn an_error_in_a_choice_or_a_response_is_a_server_error() {
    let env = Env::new();
    let half = json!({
        "message": {"content": "half an ans"}, "finish_reason": null,
        "error": {"code": 502, "message": "Provider disconnected"},
    });
    let stopped = json!({
        "message": {"content": "half an ans"}, "finish_reason": "stop",
        "error": {"message": "Provider disconnected"},
    });
    let words = json!({"message": {"content": "half"}, "error": "Provider disconnected"});
    for first in [half, stopped, words] {
        let case = first.to_string();
        for flags in
            [&[][..], &["--json"], &["-c", "talk"], &["--cache", "answers"], &["-o", "out"]]
        {
            let server = Server::respond(choice(&first));
            let run = env.ask(&server, flags.iter().copied()).case(&case);
            run.fails(8, &["Provider disconnected"]);
        }
        assert!(env.names_in("answers").is_empty());
        assert!(!env.path("talk").exists() && !env.path("out").exists());
    }
    for error in
        [json!({"message": "It rains."}), json!("It rains."), json!([{"message": "It rains."}])]
    {
        let body = chat::completion_with(json!({"error": error}));
        let server = Server::respond(json_response(200, body));
        env.ask(&server, []).case(error.to_string()).fails(8, &["It rains."]);
    }
    let server = Server::respond(choice(&json!({"message": {"content": "a"}, "error": true})));
    env.ask(&server, []).fails(8, &[]);
}

#[test]
fn responses_and_choices_are_objects() {
    let env = Env::new();
    for body in [
        r#"{"choices":[[{"content":"ok"},"stop"]]}"#,
        r#"{"choices":[{"message":["assistant","ok"],"finish_reason":"stop"}]}"#,
        r#"[[{"message":{"content":"ok"}}]]"#,
        r#"[{"choices":[{"message":{"content":"ok"}}]}]"#,
        r#"{"choices":["ok"]}"#,
    ] {
        let server = Server::respond(json_response(200, body));
        env.ask(&server, []).case(body).fails(8, &[]);
    }
}

#[test]
fn the_message_of_an_error_is_found_in_a_response_that_is_not_a_completion() {
    let env = Env::new();
    for body in [
        r#"[{"error":{"message":"It rains."}}]"#,
        r#"{"errors":[{"message":"It rains."}]}"#,
        r#"{"errors":["It rains."]}"#,
        r#"{"msg":"It rains."}"#,
        r#"{"detail":"It rains."}"#,
        r#"{"message":"It rains."}"#,
    ] {
        for (status, code) in [(200, 8), (400, 4), (500, 8)] {
            let server = Server::respond(json_response(status, body));
            env.ask(&server, []).case((body, status)).fails(code, &["It rains."]);
        }
    }
    // A title and a message, each once.
    for (body, words) in [
        (
            r#"{"statusCode":400,"error":"Bad Request","message":"body/temperature must be <= 1"}"#,
            ["Bad Request", "body/temperature must be <= 1"],
        ),
        (
            r#"{"error":"invalid_token","error_description":"The token expired"}"#,
            ["invalid_token", "The token expired"],
        ),
    ] {
        let server = Server::respond(json_response(400, body));
        let shown = env.ask(&server, []).fails(4, &words);
        for word in words {
            assert_eq!(shown.matches(word).count(), 1, "{shown}");
        }
    }
}

#[test]
fn an_html_page_with_403_is_not_attributed_to_the_api() {
    let env = Env::new();
    let page = "<!DOCTYPE html><html><head><title lang=\"en\">Access denied</title>\
                <style>body { color: red }</style></head><body>No.</body></html>";
    for label in ["text/html", "text/html; charset=UTF-8", "text/plain"] {
        let server = Server::respond(Response::new(403, label, page));
        let shown = env.ask(&server, []).key("xai-0123456789").fails(4, &["Access denied"]);
        assert!(!shown.contains("color") && !shown.contains("key"), "{shown}");
    }
    let server = Server::respond(json_response(403, chat::error("slug", "Not permitted.")));
    env.ask(&server, []).key("xai-0123456789").fails(3, &["Not permitted."]);
}

#[test]
fn a_compressed_response_says_so() {
    let env = Env::new();
    for (magic, name) in [(&b"\x1f\x8b\x08\0\0\0"[..], "gzip"), (b"\x28\xb5\x2f\xfd\0\0", "zstd")] {
        let server = Server::respond(Response::json(200, magic).header("Content-Encoding", name));
        env.ask(&server, []).fails(8, &["compressed", name]);
        let server = Server::respond(Response::json(200, magic).header("Content-Encoding", name));
        env.ask(&server, ["--stream"]).fails(8, &["compressed", name]);
    }
}
