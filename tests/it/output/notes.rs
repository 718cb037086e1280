//! Notes about the answer on standard error: `--usage`, `--verbose`, and which of them `--quiet` leaves.

use predicates::prelude::*;
use serde_json::{Value, json};

use super::{TRUNCATED, truncated};
use crate::support::{Env, ID, KEY, Response, Server, chat, four, json_response, messages};

#[test]
fn usage_is_one_line_of_only_the_fields_in_the_response() {
    let env = Env::new();
    let whole: Value = serde_json::from_str(&chat::usage()).expect("usage is JSON");
    let all = "prompt=21 cached=4 reasoning=120 completion=2 total=143 cost_usd=0.00077";
    let none = "not reported";
    for (usage, shown) in [
        (whole, all),
        (
            json!({"prompt_tokens": 21, "completion_tokens": 2, "total_tokens": 23}),
            "prompt=21 completion=2 total=23",
        ),
        (json!({"prompt_tokens": 21, "total_tokens": null}), "prompt=21"),
        (json!({"completion_tokens": 0}), "completion=0"),
        (json!({"total_tokens": 0}), "total=0"),
        (json!({"total_tokens": 1, "completion_tokens_details": null}), "total=1"),
        (
            json!({"completion_tokens_details": {"reasoning_tokens": 5}, "prompt_tokens": []}),
            "reasoning=5",
        ),
        (json!({"prompt_tokens_details": {"cached_tokens": 0}, "prompt_tokens": null}), "cached=0"),
        (
            json!({"prompt_tokens": "many", "total_tokens": -1, "completion_tokens": 2}),
            "completion=2",
        ),
        (json!({"total_tokens": "1", "prompt_tokens": -1, "completion_tokens": 1.5}), none),
        (json!({}), none),
        (json!(null), none),
        (json!([]), none),
        (json!(7), none),
        (json!("nonsense"), none),
        (json!({"sources": 1}), none),
    ] {
        let body = chat::completion_with(json!({"usage": usage}));
        for flags in [&["--usage"][..], &["--usage", "--quiet"]] {
            let server = Server::respond(json_response(200, body.as_str()));
            let run = env.ask(&server, flags.iter().copied()).case(usage.to_string());
            run.stdout("Four.\n").stderr(format!("xask: usage: {shown}\n")).success();
        }
    }
    let mut without = chat::completion_value("Four.");
    without.as_object_mut().and_then(|response| response.remove("usage")).expect("it was there");
    let server = Server::respond(json_response(200, without.to_string()));
    let run = env.ask(&server, ["--usage"]).stdout("Four.\n");
    run.stderr(format!("xask: usage: {none}\n")).success();
}

#[test]
fn a_cost_is_an_exact_decimal() {
    for (ticks, shown) in [
        (json!(0), "cost_usd=0"),
        (json!(1), "cost_usd=0.0000000001"),
        (json!(10_000_000_000_u64), "cost_usd=1"),
        (json!(12_345_678_900_u64), "cost_usd=1.23456789"),
        (json!(12_345_678_901_u64), "cost_usd=1.2345678901"),
        (json!(9_007_199_254_740_993_u64), "cost_usd=900719.9254740993"),
        (json!(900_719_925_474_099_300_u64), "cost_usd=90071992.54740993"),
        (json!("7700000"), "not reported"),
    ] {
        let usage = json!({"usage": {"cost_in_usd_ticks": ticks}});
        let server = Server::respond(json_response(200, chat::completion_with(usage)));
        let run = Env::new().ask(&server, ["--usage"]).case(ticks.to_string()).stdout("Four.\n");
        run.stderr(format!("xask: usage: {shown}\n")).success();
    }
}

#[test]
fn usage_is_reported_with_every_form_of_output() {
    let env = Env::new();
    let json = format!("{}\n", chat::completion("Four."));
    for (flags, printed) in [
        (&["--usage"][..], "Four.\n"),
        (&["--usage", "-q"], "Four.\n"),
        (&["--usage", "--json"], &json),
        (&["--usage", "-o", "answer"], ""),
    ] {
        let server = Server::respond(four());
        let run = env.ask(&server, flags.iter().copied()).case(flags);
        run.stdout(printed).stderr(messages::USAGE).success();
    }
    assert_eq!(env.read("answer"), b"Four.\n");
    for flags in [&["--usage"][..], &["--usage", "-q"]] {
        let server = Server::respond(truncated());
        let run = env.ask(&server, flags.iter().copied()).case(flags);
        run.stdout("Two and\n").stderr(format!("{}{TRUNCATED}", messages::USAGE)).code(9);
    }
}

#[test]
fn without_an_answer_there_is_no_usage() {
    for (status, code) in [(401, 3), (500, 8)] {
        let server = Server::respond(json_response(status, ""));
        let shown = Env::new().ask(&server, ["--usage"]).case(status).fails(code, &[]);
        assert!(!shown.contains("usage"), "{shown}");
    }
}

/// Of the whole of stderr.
fn exactly(pattern: &str) -> impl Predicate<str> + use<> {
    predicate::str::is_match(format!(r"\A{pattern}\z")).expect("a pattern")
}

#[test]
fn verbose_reports_url_model_status_request_id_and_times_and_nothing_of_the_prompt() {
    let env = Env::new();
    for flag in ["-v", "--verbose"] {
        let server = Server::respond(four().with_id());
        let pattern = format!(
            r"xask: request to {}/chat/completions: model grok-9, \d+ bytes
xask: HTTP 200 after \d+\.\d+ s, x-request-id {ID}
xask: response complete after \d+\.\d+ s
",
            server.url()
        );
        let run = env.xask([flag, "-m", "grok-9", "a secret prompt", "-s", "a secret system"]);
        run.server(&server).key(KEY).stdout("Four.\n").stderr_like(exactly(&pattern)).success();
    }
}

#[test]
fn verbose_reports_each_attempt_and_an_error_once() {
    let env = Env::new();
    let overloaded = |status| {
        let words = format!("busy, {KEY}");
        Response::json(status, chat::error("slug", &words)).header("Retry-After", "0")
    };
    let server = Server::play([overloaded(503), overloaded(429), overloaded(400)]);
    let request_note = format!("xask: request to {}/chat/completions: [^\n]+\n", server.url());
    let status = |status| format!("xask: HTTP {status} after [^\n]+\n");
    let note =
        |status, n| format!("xask: note: [^\n]+ \\(HTTP {status}\\); retry {n} of 2 in 0.0 s\n");
    let pattern = [
        request_note.clone(),
        status(503),
        note(503, 1),
        request_note.clone(),
        status(429),
        note(429, 2),
        request_note,
        status(400),
        "xask: error: the request was rejected: [^\n]+ \\(HTTP 400\\)\n".to_owned(),
    ];
    let run = env.xask(["-v", "a secret prompt"]).server(&server).key(KEY);
    let run = run.stderr_like(exactly(&pattern.concat()));
    let run = run.stderr_like(predicate::str::contains(KEY).not());
    run.stderr_like(predicate::str::contains("secret").not()).code(4);
}

#[test]
fn verbose_does_not_change_an_error() {
    let env = Env::new();
    let server = Server::respond(json_response(500, chat::error("slug", "words")));
    let output = env.ask(&server, ["--verbose"]).stderr_like("").code(8);
    assert!(
        output.notes().ends_with(&format!("slug: words (HTTP 500, x-request-id {ID})\n")),
        "{}",
        output.notes()
    );
    // A failed connection has no HTTP status.
    let output =
        env.ask_at("http://127.0.0.1:1/v1", ["-v"]).stderr_like("http://127.0.0.1:1/v1").code(6);
    assert!(!output.notes().contains("HTTP "), "{}", output.notes());
}

#[test]
fn quiet_suppresses_notes_and_no_errors() {
    let env = Env::new();
    let unread = |server: &Server| env.ask(server, []).stdin("unread\n").stdout("Four.\n");
    let server = Server::respond(four());
    unread(&server).stderr_like("xask: note: ").success();
    let server = Server::respond(four());
    env.ask(&server, ["-q"]).stdin("unread\n").stdout("Four.\n").success();
    let server = Server::respond(truncated());
    env.ask(&server, ["--quiet"]).stdout("Two and\n").stderr(TRUNCATED).code(9);
    let server = Server::respond(json_response(400, "words"));
    env.ask(&server, ["-q"]).fails(4, &["words"]);
    env.ask_at("nowhere", ["-q"]).fails(2, &["base URL"]);
}

#[test]
fn the_answer_and_the_notes_about_it_do_not_mix() {
    let server = Server::respond(truncated());
    let flags = ["--usage", "-v", "--json"];
    let output = Env::new().ask(&server, flags).stdout_like("").stderr_like(TRUNCATED).code(9);
    assert_eq!(output.json()["choices"][0]["message"]["content"], "Two and");
}
