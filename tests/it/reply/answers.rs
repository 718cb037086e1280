//! Replies that are an answer, and whether it is fit to be used.

use serde_json::{Value, json};

use super::{TOLD, choice};
use crate::support::{Env, Reply, Server, replies, reply};

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
fn an_answer_that_ended_as_it_should_is_printed_byte_for_byte() {
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
        let server = Server::reply(reply(200, replies::completion(text)));
        env.ask(&server, []).case(text).stdout(format!("{text}{newline}")).success();
    }
    let escaped = r#"{"choices":[{"message":{"content":"\u0041\/\ud83d\ude00\b"}}]}"#;
    let server = Server::reply(reply(200, escaped));
    env.ask(&server, []).stdout("A/\u{1f600}\u{8}\n").success();
}

#[test]
fn a_whole_reply_without_a_finish_reason_is_complete_when_it_has_content() {
    let env = Env::new();
    let without = json!({"message": {"content": "Four."}});
    let reasons = ["stop", "end_turn", ""].map(Value::from).into_iter().chain([Value::Null]);
    for first in reasons.map(|reason| ended("Four.", reason)).chain([without]) {
        let server = Server::reply(choice(&first));
        env.ask(&server, []).case(first.to_string()).stdout("Four.\n").success();
    }
}

#[test]
fn only_the_first_choice_and_only_its_content_is_printed() {
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
        let server = Server::reply(reply(200, body.to_string()));
        env.ask(&server, []).case(body.to_string()).stdout("Four.\n").success();
    }
}

#[test]
fn an_answer_that_is_not_fit_is_printed_and_told() {
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
        let server = Server::reply(choice(&first));
        let run = env.ask(&server, []).case(first.to_string()).stdout(format!("{text}{newline}"));
        run.fails(9, &[why, TOLD]);
    }
    let server = Server::reply(reply(200, r#"{"choices":[]}"#));
    env.ask(&server, []).fails(9, &["empty", TOLD]);
}

#[test]
fn why_an_answer_is_not_fit_is_one_sentence() {
    let server = Server::reply(choice(&ended("Two and", "length".into())));
    let told = format!(
        "xask: error: answer truncated at the token limit (--max-tokens or the model's) {TOLD}\n"
    );
    Env::new().ask(&server, []).stdout("Two and\n").stderr(told).code(9);
}

#[test]
fn a_reason_nobody_knows_is_told_like_any_words_of_a_service() {
    let env = Env::new();
    let server = Server::reply(choice(&ended("Two", "a\u{1b}[2J\nb\u{202e}c".into())));
    env.ask(&server, []).stdout("Two\n").fails(9, &[r"\x1b[2J", r"\u{202e}c"]);
}

#[test]
fn a_long_reason_nobody_knows_is_cut() {
    let server = Server::reply(choice(&ended("Two", "x".repeat(10_000).into())));
    let told = Env::new().ask(&server, []).stdout("Two\n").fails(9, &["xxx"]);
    assert!(told.matches('x').count() <= 400 + 4, "{} bytes", told.len());
}

#[test]
fn a_reply_that_is_no_completion_is_no_answer() {
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
        let server = Server::reply(reply(200, body));
        env.ask(&server, []).case(body).fails(8, &[TOLD]);
        // Nothing of it reaches stdout, in whatever form the answer is wanted.
        let server = Server::reply(reply(200, body));
        env.ask(&server, ["--json"]).case(body).fails(8, &[TOLD]);
    }
    let server = Server::reply(reply(200, page));
    env.ask(&server, []).fails(8, &["Sign in"]);
}

#[test]
fn bytes_that_are_no_text_are_no_answer() {
    let env = Env::new();
    let gzip = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xab\x05\0\x43\xbf\xa6\xa3\x02\0\0\0".to_vec();
    let latin = b"{\"choices\":[{\"message\":{\"content\":\"caf\xe9\"}}]}".to_vec();
    let utf16: Vec<u8> = "{\"choices\":[]}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for body in [gzip.clone(), utf16, vec![0; 100], vec![0xff; 100]] {
        let packed = |status| reply(status, body.clone()).header("Content-Encoding", "gzip");
        env.ask(&Server::reply(packed(200)), []).case(&body).fails(8, &[TOLD]);
        env.ask(&Server::reply(packed(400)), []).case(&body).fails(4, &["HTTP 400"]);
    }
    env.ask(&Server::reply(reply(200, gzip)), []).fails(8, &["compressed", "gzip", TOLD]);
    env.ask(&Server::reply(reply(200, latin)), []).stdout("caf\u{fffd}\n").success();
}

#[test]
fn a_reply_without_a_body_is_no_answer() {
    let env = Env::new();
    for (status, words) in [(200, "empty"), (204, "HTTP 204"), (205, "HTTP 205")] {
        let server = Server::reply(reply(status, ""));
        let told = env.ask(&server, []).case(status).fails(8, &[words]);
        assert!(!told.contains("billed"), "{told}");
    }
}

#[test]
fn a_body_of_no_chunk_at_all_is_no_answer() {
    let server = Server::reply(Reply::json(200, "").chunked());
    Env::new().ask(&server, []).fails(8, &["empty"]);
}

#[test]
fn half_a_surrogate_pair_beside_the_answer_does_not_cost_it() {
    let beside = r#"{"choices":[{"message":{"reasoning_content":"\ud83d","content":"Four."}}]}"#;
    let server = Server::reply(reply(200, beside));
    Env::new().ask(&server, []).stdout("Four.\n").success();
}

#[test]
fn json_that_is_written_badly_does_not_cost_the_answer() {
    for (message, told) in [
        (r#""content":"Four \ud83d.""#, "Four \u{fffd}.\n"),
        (r#""content":"Five.","content":"Four.""#, "Four.\n"),
    ] {
        let choice =
            |key| format!(r#"{{"choices":[{{"{key}":{{{message}}},"finish_reason":"stop"}}]}}"#);
        let whole = Server::reply(reply(200, choice("message")));
        Env::new().ask(&whole, []).case(message).stdout(told).success();
        let stream = Server::reply(Reply::sse(&[choice("delta")]));
        Env::new().ask(&stream, ["--stream"]).case(message).stdout(told).success();
    }
}
