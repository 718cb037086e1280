//! `--cache` and `--offline`: an answer is recorded once, for exactly one request, and used again without
//! a key, a network or any cost.

mod entry;
mod folder;
mod request;

use predicates::prelude::*;
use serde_json::json;

use crate::support::{
    Env, KEY, Response, Run, Server, Tty, answer, chat, escaped, four, messages, retry_at_once,
};

/// The arguments whose answer is recorded, and what they print.
const ARGS: [&str; 3] = ["--cache", "answers", "What is 2 + 2?"];
const ANSWER: &str = "Four.\n";

/// The note about a damaged record.
const DAMAGED: &str = ".json: corrupt; ignored\n";

/// The error when the answer is not recorded and must not be requested.
const MISS: &[&str] = &["no cached answer in "];

/// Runs xask with [`ARGS`] and `--offline`.
fn offline(env: &Env) -> Run {
    env.xask(ARGS).args(["--offline"])
}

/// Records the answer, and returns the entry's name and content.
#[track_caller]
fn record(env: &Env) -> (String, Vec<u8>) {
    let server = Server::respond(four());
    env.xask(ARGS).server(&server).stdout(ANSWER).success();
    the_entry(env)
}

/// Records the answer where a damaged entry is.
#[track_caller]
fn record_anew(env: &Env) -> (String, Vec<u8>) {
    let server = Server::respond(four());
    env.xask(ARGS).server(&server).stdout(ANSWER).stderr_like(DAMAGED).success();
    the_entry(env)
}

/// The files in the folder of answers, which need not exist.
fn entries(env: &Env) -> Vec<String> {
    env.names_in("answers")
}

#[track_caller]
fn the_entry(env: &Env) -> (String, Vec<u8>) {
    let [name] = &entries(env)[..] else { panic!("entries: {:?}", entries(env)) };
    let name = format!("answers/{name}");
    let bytes = env.read(&name);
    (name, bytes)
}

#[test]
fn an_answer_is_requested_once_and_then_read_from_the_cache() {
    let env = Env::new();
    let server = Server::respond(four());
    for _ in 0..3 {
        env.xask(ARGS).server(&server).key(KEY).stdout(ANSWER).success();
    }
    // No key, and the base URL is the default: nothing is sent.
    env.xask(ARGS).stdout(ANSWER).success();
    offline(&env).stdout(ANSWER).success();
}

#[test]
fn a_recorded_answer_needs_no_valid_key_certificates_or_proxy() {
    let env = Env::new();
    record(&env);
    for (name, value) in [
        ("XAI_API_KEY", "\u{1}"),
        ("XAI_API_KEY_FILE", "missing"),
        ("SSL_CERT_FILE", "missing"),
        ("HTTPS_PROXY", "nonsense://"),
    ] {
        env.xask(ARGS).env(name, value).stdout(ANSWER).success();
    }
}

#[test]
fn every_form_of_output_works_with_a_recorded_answer() {
    let env = Env::new();
    record(&env);
    let response = format!("{}\n", chat::completion("Four."));
    offline(&env).args(["--json"]).stdout(response).success();
    offline(&env).args(["--stream"]).stdout(ANSWER).success();
    offline(&env).args(["--usage"]).stdout(ANSWER).stderr(messages::USAGE).success();
    offline(&env).args(["-o", "file"]).success();
    assert_eq!(env.read("file"), ANSWER.as_bytes());
    offline(&env).args(["-c", "talk"]).stdout(ANSWER).success();
    let lines = "{\"role\":\"user\",\"content\":\"What is 2 + 2?\"}\n\
                 {\"role\":\"assistant\",\"content\":\"Four.\"}\n";
    assert_eq!(escaped(&env.read("talk")), escaped(lines.as_bytes()));
    // The next turn is another request.
    offline(&env).args(["-c", "talk"]).refused(1, MISS);
    assert_eq!(escaped(&env.read("talk")), escaped(lines.as_bytes()));
    assert_eq!(env.names(), ["answers", "file", "talk"]);
}

#[test]
fn recorded_json_is_the_response_byte_for_byte() {
    let odd = concat!(
        r#"{"choices" : [{"message":{"content":"\u0046our.","content2":"a"},"#,
        "\n\t",
        r#""finish_reason":"stop","n":123456789012345678901234567890,"n":1.50}], "a":1, "a":2,"#,
        "\"\u{e9}\\/\": \"\u{1f980}\"}",
    );
    for (sent, printed) in
        [(odd.to_owned(), format!("{odd}\n")), (format!("{odd}\n"), format!("{odd}\n"))]
    {
        let env = Env::new();
        let server = Server::respond(Response::json(200, &*sent));
        for _ in 0..2 {
            env.xask(ARGS).args(["--json"]).server(&server).stdout(&*printed).success();
        }
    }
}

#[test]
fn white_space_around_a_response_is_printed_and_not_recorded() {
    let json = chat::completion("Four.");
    let sent = format!(" \r\n{json}\r\n\n");
    let env = Env::new();
    let server = Server::respond(Response::json(200, &*sent));
    env.xask(ARGS).args(["--json"]).server(&server).stdout(&*sent).success();
    offline(&env).args(["--json"]).stdout(format!("{json}\n")).success();
}

#[test]
fn a_recorded_answer_is_sanitized_on_a_terminal_too() {
    let env = Env::new();
    let server = Server::respond(answer("\x1b[2J\u{202e}"));
    for _ in 0..2 {
        let run = env.xask(ARGS).server(&server).tty(Tty::Stdout).tty(Tty::Stderr);
        run.on_tty("\\x1b[2J\\u{202e}\n").success();
    }
    assert_eq!(server.request().json().get("stream"), None);
}

#[test]
fn only_a_usable_answer_is_recorded() {
    let with = |overrides| Response::json(200, chat::completion_with(overrides));
    let error = |status| Response::json(status, chat::error("slug", "words"));
    let cases = [
        (9, with(json!({"finish_reason": "length"}))),
        (9, with(json!({"finish_reason": "content_filter"}))),
        (9, with(json!({"finish_reason": "whatever"}))),
        (9, with(json!({"refusal": "No."}))),
        (9, with(json!({"content": null}))),
        (9, with(json!({"content": " \n"}))),
        (9, with(json!({"choices": []}))),
        (9, with(json!({"tool_calls": [{"id": "1"}]}))),
        (3, error(401)),
        (4, error(400)),
        (5, error(429)),
        (8, error(500)),
        (8, error(200)),
        (8, Response::json(200, "{}")),
        (7, four().truncated_at(100)),
        (7, four().close_delimited().truncated_at(100)),
    ];
    for (index, (code, response)) in cases.into_iter().enumerate() {
        let env = Env::new();
        let server = Server::respond(response);
        let run = env.xask(ARGS).args(["--retries=0"]).server(&server).case(index);
        run.stdout_like("").fails(code, &[]);
        assert_eq!(entries(&env), [""; 0], "case {index}");
        offline(&env).refused(1, MISS);
    }
}

#[test]
fn an_answer_that_is_not_the_requested_json_is_not_recorded() {
    let env = Env::new();
    env.write("schema.json", "{}");
    let server = Server::play([four(), answer("4")]);
    let run = || env.xask(ARGS).args(["--schema", "schema.json"]).server(&server);
    run().stdout(ANSWER).fails(9, &["not valid JSON"]);
    assert_eq!(entries(&env), [""; 0]);
    for _ in 0..2 {
        run().stdout("4\n").success();
    }
}

#[test]
fn an_answer_after_a_retry_is_recorded() {
    let env = Env::new();
    let server = Server::play([retry_at_once(503), four()]);
    let run = env.xask(ARGS).server(&server);
    run.stdout(ANSWER).stderr_like("retry 1 of 2").success();
    offline(&env).stdout(ANSWER).success();
}

#[test]
fn an_answer_that_could_not_be_printed_is_still_recorded() {
    let env = Env::new();
    let (server, received, gate) = Server::holding(four());
    let mut run = env.xask(ARGS).server(&server).spawn();
    received.wait();
    run.close_stdout();
    gate.open();
    run.code(141);
    offline(&env).stdout(ANSWER).success();

    let (env, server) = (Env::new(), Server::respond(four()));
    let script = "xask --cache answers 'What is 2 + 2?' >/dev/full";
    env.sh(script).server(&server).refused(1, &["standard output"]);
    offline(&env).stdout(ANSWER).success();
}

#[test]
fn the_variables_work_like_the_flags() {
    let env = Env::new();
    let server = Server::respond(four());
    let run = || env.xask(["What is 2 + 2?"]).env("XASK_CACHE", "answers");
    run().server(&server).stdout(ANSWER).success();
    run().env("XASK_OFFLINE", "1").stdout(ANSWER).success();
    // The flag takes precedence.
    run().args(["--cache", "other", "--offline"]).refused(1, MISS);
    offline(&env).env("XASK_CACHE", "other").env("XASK_OFFLINE", "0").stdout(ANSWER).success();
    assert_eq!(env.names(), ["answers"]);
}

#[test]
fn xask_offline_is_yes_or_no_in_any_case() {
    let env = Env::new();
    let never = Server::never();
    let run = |value: &str| env.xask(["hi"]).env("XASK_OFFLINE", value);
    for value in ["1", "true", "yes", "on", "TRUE", "Yes", "oN"] {
        run(value).case(value).server(&never).refused(2, &["--offline", "--cache"]);
    }
    for value in ["", "0", "false", "no", "off", "FALSE", "No", "oFF"] {
        let server = Server::respond(four());
        run(value).case(value).server(&server).stdout(ANSWER).success();
    }
    for value in ["2", "y", " 1", "-1", "truth", "\u{e9}"] {
        let note = run(value).case(value).server(&never).refused(2, &["XASK_OFFLINE", value]);
        for word in ["1", "true", "yes", "on", "0", "false", "no", "off"] {
            assert!(note.contains(word), "{word} is not in: {note}");
        }
    }
}

#[test]
fn offline_requires_a_cache() {
    let env = Env::new();
    let never = Server::never();
    for (args, word) in [
        (&["hi"][..], "--cache"),
        (&["hi", "--stream"], "--cache"),
        (&["--list-models"], "--offline"),
    ] {
        let run = env.xask(["--offline"]).args(args).server(&never).key(KEY);
        run.refused(2, &[word]);
    }
}

#[test]
fn the_events_of_a_stream_cannot_come_from_the_cache() {
    let env = Env::new();
    let never = Server::never();
    let run = || env.xask(["--json", "--stream", "hi"]).server(&never);
    run().args(["--cache", "answers"]).refused(2, &["--json", "--stream", "--cache"]);
    run().env("XASK_CACHE", "answers").refused(2, &["--json", "--stream"]);
    // If no record is looked for, nothing is excluded.
    let run = || env.xask(["--json", "--stream", "-q", "hi"]).env("XASK_CACHE", "answers");
    run().args(["--rehearse"]).stdout_like("chat.completion.chunk").success();
    run().args(["--dry-run"]).stdout_like("\"stream\":true").success();
    assert_eq!(env.names(), [""; 0]);
}

#[test]
fn a_rehearsal_neither_reads_nor_writes_the_cache() {
    let env = Env::new();
    let rehearsed = "[rehearsal]\nmodel: grok-4\nuser: What is 2 + 2?\n";
    for offline in [&[][..], &["--offline"]] {
        let run = || env.xask(ARGS).args(["-q"]).args(offline).stdout(rehearsed);
        run().args(["--rehearse"]).success();
        run().env("XASK_REHEARSE", "1").success();
    }
    assert_eq!(env.names(), [""; 0]);
    let (name, good) = record(&env);
    env.xask(ARGS).args(["-q", "--rehearse"]).stdout(rehearsed).success();
    assert_eq!(env.read(name), good);
}

#[test]
fn a_dry_run_neither_reads_nor_writes_the_cache() {
    let env = Env::new();
    let body = "{\"model\":\"grok-4\",\"messages\":[{\"role\":\"user\",\"content\":\"What is 2 + 2?\"}]}\n";
    let run = || env.xask(ARGS).args(["--dry-run"]).stdout(body);
    run().success();
    run().args(["--offline"]).success();
    assert_eq!(env.names(), [""; 0]);
    let (name, good) = record(&env);
    run().success();
    assert_eq!(env.read(name), good);
}

#[test]
fn verbose_reports_where_the_answer_comes_from() {
    let env = Env::new();
    record(&env);
    let note = predicate::str::starts_with("xask: request to the cache: model grok-4, 74 bytes\n");
    offline(&env).args(["-v"]).stdout(ANSWER).stderr_like(note).success();
}
