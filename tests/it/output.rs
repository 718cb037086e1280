//! The room `output`: what reaches standard output and standard error, to the last byte.

mod streams;
mod terminal;

use predicates::prelude::*;
use serde_json::{Value, json};

use crate::support::{Env, ID, QUESTION, Reply, Server, four, replies, reply, says};

/// An answer that is cut at the token limit (exit 9).
fn cut() -> Reply {
    reply(200, replies::completion_with(json!({"content": "Two and", "finish_reason": "length"})))
}

const CUT: &str =
    "xask: the answer is cut at the token limit (HTTP 200, x-request-id 0f4c5b1e-7a3d)\n";

#[test]
fn json_is_the_reply_unchanged_with_a_newline_where_it_has_none() {
    let env = Env::new();
    let odd = concat!(
        " {\t\"id\" : 1, \"id\":\r\n 2,\"big\":123456789012345678901234567890,",
        "\"x\":1.50e+07,\"y\":-0,",
        "\"\\u0041\":\"\\/\\u00e9\u{e9}\",\"z\":\"\u{7f}\u{9b}\u{202e}\",",
        "\"choices\" :[ {\"message\":{\"content\":\"Four.\"}, \"finish_reason\":null} ] }"
    );
    let mut bytes = odd.as_bytes().to_vec();
    bytes.truncate(bytes.len() - 1);
    // No text, in a field that nobody reads.
    bytes.extend_from_slice(b",\"raw\":\"\xff\xc3\"}");
    for body in [odd.as_bytes(), &bytes, replies::completion("Four.").as_bytes()] {
        for (end, newline) in
            [("", "\n"), ("\n", ""), ("\n\n", ""), ("\r\n", ""), (" ", "\n"), ("\r", "\n")]
        {
            let body = [body, end.as_bytes()].concat();
            let stdout = [&body[..], newline.as_bytes()].concat();
            for framed in [reply(200, body.clone()), reply(200, body.clone()).chunked()] {
                let server = Server::reply(framed);
                env.ask(&server, ["--json"]).stdout(stdout.clone()).success();
            }
        }
    }
    let server = Server::reply(four());
    let stdout = format!("{}\n", replies::completion("Four."));
    env.ask(&server, ["-j"]).stdout(stdout).success();
}

#[test]
fn json_of_an_answer_that_is_not_fit_is_printed_too() {
    let env = Env::new();
    let server = Server::reply(cut());
    let stdout = [Vec::from(cut()).split_off(cut().head().len()), b"\n".to_vec()].concat();
    env.ask(&server, ["--json"]).stdout(stdout).stderr(CUT).code(9);
    let server = Server::reply(reply(200, r#"{"choices":[]}"#));
    env.ask(&server, ["--json"]).stdout("{\"choices\":[]}\n").fails(9, &["empty"]);
}

#[test]
fn json_of_an_error_never_reaches_stdout() {
    let env = Env::new();
    for (status, code) in [(302, 8), (400, 4), (401, 3), (429, 5), (500, 8), (200, 8)] {
        let server = Server::reply(reply(status, replies::error("slug", "words")));
        env.ask(&server, ["--json"]).fails(code, &["slug: words"]);
    }
}

#[test]
fn jq_finds_the_answer() {
    let env = Env::new();
    if env.sh("command -v jq >/dev/null").spawn().finish().status.success() {
        let server = Server::reply(four());
        let script = "xask --json hi | jq -r '.choices[0].message.content'";
        env.sh(script).server(&server).stdout("Four.\n").success();
    }
}

#[test]
fn usage_is_one_line_of_what_the_reply_has() {
    let env = Env::new();
    let whole: Value = serde_json::from_str(&replies::usage()).expect("usage is JSON");
    let all = "prompt=21 cached=4 reasoning=120 completion=2 total=143 cost_usd=0.00077";
    for (usage, told) in [
        (whole, all),
        (
            json!({"prompt_tokens": 21, "completion_tokens": 2, "total_tokens": 23}),
            "prompt=21 completion=2 total=23",
        ),
        (json!({"total_tokens": 0}), "total=0"),
        (
            json!({"completion_tokens_details": {"reasoning_tokens": 5}, "prompt_tokens": []}),
            "reasoning=5",
        ),
        (json!({"prompt_tokens_details": {"cached_tokens": 0}, "prompt_tokens": null}), "cached=0"),
        (
            json!({"prompt_tokens": "many", "total_tokens": -1, "completion_tokens": 2}),
            "completion=2",
        ),
        (json!({"cost_in_usd_ticks": 0}), "cost_usd=0"),
        (json!({"cost_in_usd_ticks": 1}), "cost_usd=0.0000000001"),
        (json!({"cost_in_usd_ticks": 10_000_000_000_u64}), "cost_usd=1"),
        (json!({"cost_in_usd_ticks": 12_345_678_900_u64}), "cost_usd=1.23456789"),
        (json!({"cost_in_usd_ticks": 9_007_199_254_740_993_u64}), "cost_usd=900719.9254740993"),
    ] {
        let body = replies::completion_with(json!({"usage": usage}));
        for flags in [&["--usage"][..], &["--usage", "--quiet"]] {
            let server = Server::reply(reply(200, body.as_str()));
            let stderr = format!("xask: usage: {told}\n");
            let run = env.ask(&server, flags.iter().copied()).case(usage.to_string());
            run.stdout("Four.\n").stderr(stderr).success();
        }
    }
    // None is told as none, and makes nothing else of the answer.
    for usage in [json!(null), json!({}), json!(7), json!([]), json!({"sources": 1})] {
        let server = Server::reply(reply(200, replies::completion_with(json!({"usage": usage}))));
        let run = env.ask(&server, ["--usage"]).case(usage.to_string()).stdout("Four.\n");
        let one_line = predicate::str::is_match("^xask: usage: [a-z ]+\n$").expect("a pattern");
        run.stderr_like(one_line).success();
    }
}

#[test]
fn usage_is_told_of_an_answer_that_is_not_fit_and_of_json_too() {
    let env = Env::new();
    for flags in [&["--usage"][..], &["--usage", "-q"]] {
        let server = Server::reply(cut());
        let run = env.ask(&server, flags.iter().copied());
        run.stdout("Two and\n").stderr(format!("{}{CUT}", says::USAGE)).code(9);
    }
    let server = Server::reply(four());
    let stdout = format!("{}\n", replies::completion("Four."));
    env.ask(&server, ["--usage", "--json"]).stdout(stdout).stderr(says::USAGE).success();
    // Of no answer there is none to tell.
    let server = Server::reply(reply(500, ""));
    let told = env.ask(&server, ["--usage"]).fails(8, &[]);
    assert!(!told.contains("usage"), "{told}");
}

#[test]
fn verbose_tells_of_the_request_and_the_reply_but_not_of_the_prompt() {
    let env = Env::new();
    let server = Server::reply(four().with_id());
    let flags = ["-v", "--model", "grok-5", "--system", "Be secretive."];
    let output =
        env.ask(&server, flags).key("xai-0123456789").stdout("Four.\n").stderr_like("").success();
    let told = output.notes();
    let url = format!("{}/chat/completions", server.url());
    for word in [&*url, "grok-5", "HTTP 200", ID, " s"] {
        assert!(told.contains(word), "{word:?} is not in {told}");
    }
    for word in [QUESTION, "secretive", "xai-0123456789", "Bearer", "Four."] {
        assert!(!told.contains(word), "{word:?} is in {told}");
    }
    assert!(told.lines().all(|line| line.starts_with("xask: ")), "{told}");

    // Beside an error, which stays what it is.
    let server = Server::reply(reply(500, replies::error("slug", "words")));
    let output = env.ask(&server, ["--verbose"]).stderr_like("").code(8);
    assert!(
        output.notes().ends_with(&format!("slug: words (HTTP 500, x-request-id {ID})\n")),
        "{}",
        output.notes()
    );
    // What was never connected to has no status.
    let output =
        env.ask_at("http://127.0.0.1:1/v1", ["-v"]).stderr_like("http://127.0.0.1:1/v1").code(6);
    assert!(!output.notes().contains("HTTP "), "{}", output.notes());
}

#[test]
fn quiet_silences_notes_and_no_error() {
    let env = Env::new();
    let unread = |server: &Server| env.ask(server, []).stdin("unread\n").stdout("Four.\n");
    let server = Server::reply(four());
    unread(&server).stderr_like("xask: note: ").success();
    let server = Server::reply(four());
    env.ask(&server, ["-q"]).stdin("unread\n").stdout("Four.\n").success();
    let server = Server::reply(cut());
    env.ask(&server, ["--quiet"]).stdout("Two and\n").stderr(CUT).code(9);
    let server = Server::reply(reply(400, "words"));
    env.ask(&server, ["-q"]).fails(4, &["words"]);
    env.ask_at("nowhere", ["-q"]).fails(2, &["base URL"]);
}

#[test]
fn an_answer_and_what_is_told_of_it_do_not_mix() {
    let server = Server::reply(cut());
    let flags = ["--usage", "-v", "--json"];
    let output = Env::new().ask(&server, flags).stdout_like("").stderr_like(CUT).code(9);
    assert_eq!(output.json()["choices"][0]["message"]["content"], "Two and");
}
