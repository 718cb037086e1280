//! Responses with an answer, and whether it is usable.

use serde_json::{Value, json};

use super::{REQUEST_ID, choice};
use crate::support::{Env, Response, Server, chat, json_response};

/// A first choice with this content, which ended for this reason (null included).
#[expect(clippy::needless_pass_by_value, reason = "callers hand it a json!")]
fn ended(content: &str, reason: Value) -> Value {
    json!({"message": {"role": "assistant", "content": content}, "finish_reason": reason})
}

#[expect(clippy::needless_pass_by_value, reason = "callers hand it a json!")]
fn message(message: Value) -> Value {
    json!({"message": message, "finish_reason": "stop"})
}

#[test]
fn a_complete_answer_is_printed_byte_for_byte() {
    let env = Env::new();
    for text in [
        "Four.",
        "  leading and trailing  ",
        "\n\tindented\n",
        "two\n\n",
        "dos\r\n",
        "a\0b\u{1b}[2J\u{7f}\u{9b}\u{202e}",
        "\u{feff}\u{e9}e\u{301}\u{1f600}\u{10ffff}",
        "\"quoted\" \\n {\"choices\":[]}",
        "data: [DONE]",
        "null",
        "0",
    ] {
        let newline = if text.ends_with('\n') { "" } else { "\n" };
        let server = Server::respond(json_response(200, chat::completion(text)));
        env.ask(&server, []).case(text).stdout(format!("{text}{newline}")).success();
    }
    let escaped = r#"{"choices":[{"message":{"content":"\u0041\/\ud83d\ude00\b"}}]}"#;
    let server = Server::respond(json_response(200, escaped));
    env.ask(&server, []).stdout("A/\u{1f600}\u{8}\n").success();
}

#[test]
fn a_whole_response_without_a_finish_reason_is_complete_if_it_has_content() {
    let env = Env::new();
    let without = json!({"message": {"content": "Four."}});
    let reasons = ["stop", "end_turn", ""].map(Value::from).into_iter().chain([Value::Null]);
    for first in reasons.map(|reason| ended("Four.", reason)).chain([without]) {
        let server = Server::respond(choice(&first));
        env.ask(&server, []).case(first.to_string()).stdout("Four.\n").success();
    }
}

#[test]
fn only_the_content_of_the_first_choice_is_printed() {
    let env = Env::new();
    for body in [
        json!({"choices": [ended("Four.", "stop".into()), ended("Five.", "length".into())]}),
        json!({"choices": [message(json!({"reasoning_content": "Hm.", "content": "Four."}))]}),
        json!({"choices": [message(json!({"content": "Four.", "tool_calls": [], "refusal": null}))]}),
        json!({"choices": [message(json!({"content": "Four.", "tool_calls": null, "refusal": ""}))]}),
        json!({"choices": [{"message": {"content": "Four."}, "logprobs": {"content": []}}]}),
        json!({"choices": [{"message": {"content": "Four."}}], "error": null}),
        json!({"choices": [{"message": {"content": "Four.", "role": 7}, "index": "x"}], "id": []}),
        json!({"choices": [{"message": {"content": "Four."}}], "usage": 7, "citations": 7}),
    ] {
        let server = Server::respond(json_response(200, body.to_string()));
        env.ask(&server, []).case(body.to_string()).stdout("Four.\n").success();
    }
}

#[test]
fn an_unusable_answer_is_printed_and_reported() {
    let env = Env::new();
    let calls =
        json!([{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]);
    let refusal = "I cannot help with that.";
    for (first, text, why) in [
        (ended("Two and", "length".into()), "Two and", "token limit"),
        (ended("", "length".into()), "", "token limit"),
        (ended("Two and", "content_filter".into()), "Two and", "content filter"),
        (ended("", "content_filter".into()), "", "content filter"),
        (ended("Two", "tool_calls".into()), "Two", "tool call"),
        (ended("Two", "function_call".into()), "Two", "tool call"),
        (ended("Two", "bored".into()), "Two", "bored"),
        (ended("Two", " stop".into()), "Two", "unknown reason"),
        (ended("Two", "STOP".into()), "Two", "STOP"),
        (ended("Two", 7.into()), "Two", "7"),
        (ended("Two", true.into()), "Two", "true"),
        (ended("Two", json!({"a": ["b"]})), "Two", "unknown reason"),
        (message(json!({"content": null, "tool_calls": calls})), "", "tool call"),
        (
            message(json!({"content": "Let me see.", "tool_calls": calls})),
            "Let me see.",
            "tool call",
        ),
        (message(json!({"content": null, "refusal": refusal})), refusal, "refused"),
        (message(json!({"content": "", "refusal": refusal})), refusal, "refused"),
        (message(json!({"refusal": refusal})), refusal, "refused"),
        (ended("", "stop".into()), "", "empty"),
        (ended("", Value::Null), "", "empty"),
        (ended(" ", "stop".into()), " ", "empty"),
        (ended("\n \t\n", "end_turn".into()), "\n \t\n", "empty"),
        (message(json!({"content": null})), "", "empty"),
        (message(json!({"role": "assistant"})), "", "empty"),
        (message(json!({})), "", "empty"),
        (message(Value::Null), "", "empty"),
        (json!({}), "", "empty"),
        (json!({"finish_reason": "stop"}), "", "empty"),
    ] {
        let newline = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        let server = Server::respond(choice(&first));
        let run = env.ask(&server, []).case(first.to_string()).stdout(format!("{text}{newline}"));
        run.fails(9, &[why, REQUEST_ID]);
    }
    let server = Server::respond(json_response(200, r#"{"choices":[]}"#));
    env.ask(&server, []).fails(9, &["empty", REQUEST_ID]);
}

#[test]
fn the_reason_for_an_unusable_answer_is_one_sentence() {
    let server = Server::respond(choice(&ended("Two and", "length".into())));
    let shown = format!(
        "xask: error: answer truncated at the token limit (--max-tokens or the model's) {REQUEST_ID}\n"
    );
    Env::new().ask(&server, []).stdout("Two and\n").stderr(shown).code(9);
}

#[test]
fn an_unknown_finish_reason_is_reported_like_any_message_of_the_api() {
    let env = Env::new();
    let server = Server::respond(choice(&ended("Two", "a\u{1b}[2J\nb\u{202e}c".into())));
    env.ask(&server, []).stdout("Two\n").fails(9, &[r"\x1b[2J", r"\u{202e}c"]);
}

#[test]
fn a_long_unknown_finish_reason_is_truncated() {
    let server = Server::respond(choice(&ended("Two", "x".repeat(10_000).into())));
    let shown = Env::new().ask(&server, []).stdout("Two\n").fails(9, &["xxx"]);
    assert!(shown.matches('x').count() <= 400 + 4, "{} bytes", shown.len());
}

#[test]
fn a_response_that_is_not_a_completion_is_a_server_error() {
    let env = Env::new();
    let page =
        "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please.</body></html>";
    for body in [
        "",
        "{}",
        "[]",
        "null",
        "true",
        "5",
        "nope",
        "NaN",
        "{\"choices\":null}",
        "{\"choices\":{}}",
        "{\"choices\":5}",
        "{\"choices\":[5]}",
        "{\"choices\":[{\"message\":\"Four.\"}]}",
        "{\"choices\":[{\"message\":{\"content\":4}}]}",
        "{\"choices\":[{\"message\":{\"content\":{\"text\":\"Four.\"}}}]}",
        "{\"object\":\"list\",\"data\":[]}",
        "{\"choices\":[{\"message\":{\"content\":\"Four.\"}}]} and more",
        "{\"choices\":[{\"message\":{\"content\":\"Four.\"}}]}{\"choices\":[]}",
        "{'choices':[]}",
        "{\"choices\":[,]}",
        page,
    ] {
        let server = Server::respond(json_response(200, body));
        env.ask(&server, []).case(body).fails(8, &[REQUEST_ID]);
        // Nothing of it reaches stdout, in any form of output.
        let server = Server::respond(json_response(200, body));
        env.ask(&server, ["--json"]).case(body).fails(8, &[REQUEST_ID]);
    }
    let server = Server::respond(json_response(200, page));
    env.ask(&server, []).fails(8, &["Sign in"]);
}

#[test]
fn bytes_that_are_not_text_are_a_server_error() {
    let env = Env::new();
    let gzip = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xab\x05\0\x43\xbf\xa6\xa3\x02\0\0\0".to_vec();
    let latin = b"{\"choices\":[{\"message\":{\"content\":\"caf\xe9\"}}]}".to_vec();
    let utf16: Vec<u8> = "{\"choices\":[]}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for body in [gzip.clone(), utf16, vec![0; 100], vec![0xff; 100]] {
        let packed =
            |status| json_response(status, body.clone()).header("Content-Encoding", "gzip");
        env.ask(&Server::respond(packed(200)), []).case(&body).fails(8, &[REQUEST_ID]);
        env.ask(&Server::respond(packed(400)), []).case(&body).fails(4, &["HTTP 400"]);
    }
    env.ask(&Server::respond(json_response(200, gzip)), [])
        .fails(8, &["compressed", "gzip", REQUEST_ID]);
    env.ask(&Server::respond(json_response(200, latin)), []).stdout("caf\u{fffd}\n").success();
}

#[test]
fn a_response_without_a_body_is_a_server_error() {
    let env = Env::new();
    for (status, words) in [(200, "empty"), (204, "HTTP 204"), (205, "HTTP 205")] {
        let server = Server::respond(json_response(status, ""));
        let shown = env.ask(&server, []).case(status).fails(8, &[words]);
        assert!(!shown.contains("billed"), "{shown}");
    }
}

#[test]
fn a_body_without_chunks_is_a_server_error() {
    let server = Server::respond(Response::json(200, "").chunked());
    Env::new().ask(&server, []).fails(8, &["empty"]);
}

#[test]
fn half_a_surrogate_pair_outside_the_answer_does_not_lose_the_answer() {
    let beside = r#"{"choices":[{"message":{"reasoning_content":"\ud83d","content":"Four."}}]}"#;
    let server = Server::respond(json_response(200, beside));
    Env::new().ask(&server, []).stdout("Four.\n").success();
}

#[test]
fn badly_written_json_does_not_lose_the_answer() {
    for (message, shown) in [
        (r#""content":"Four \ud83d.""#, "Four \u{fffd}.\n"),
        (r#""content":"Five.","content":"Four.""#, "Four.\n"),
    ] {
        let choice =
            |key| format!(r#"{{"choices":[{{"{key}":{{{message}}},"finish_reason":"stop"}}]}}"#);
        let whole = Server::respond(json_response(200, choice("message")));
        Env::new().ask(&whole, []).case(message).stdout(shown).success();
        let stream = Server::respond(Response::sse(&[choice("delta")]));
        Env::new().ask(&stream, ["--stream"]).case(message).stdout(shown).success();
    }
}
