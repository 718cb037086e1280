//! `--cache` and `--offline`: an answer is recorded once, for exactly one request, and used again without
//! a key, a network or a bill.

mod entry;
mod folder;
mod request;

use predicates::prelude::*;
use serde_json::json;

use crate::support::{
    Env, KEY, Reply, Run, Server, Tty, answer, busy, escaped, four, messages, replies,
};

/// The question whose answer is recorded, and what it prints.
const QUESTION: [&str; 3] = ["--cache", "answers", "What is 2 + 2?"];
const ANSWER: &str = "Four.\n";

/// The note about a record that is none.
const DAMAGED: &str = ".json: corrupt; ignored\n";

/// Not recorded, and not to be asked for.
const MISS: &[&str] = &["no cached answer in "];

/// Asks the question without a network.
fn offline(env: &Env) -> Run {
    env.xask(QUESTION).args(["--offline"])
}

/// Records the answer, and returns the entry's name and content.
#[track_caller]
fn record(env: &Env) -> (String, Vec<u8>) {
    let server = Server::reply(four());
    env.xask(QUESTION).server(&server).stdout(ANSWER).success();
    the_entry(env)
}

/// The same where a damaged entry stands.
#[track_caller]
fn record_anew(env: &Env) -> (String, Vec<u8>) {
    let server = Server::reply(four());
    env.xask(QUESTION).server(&server).stdout(ANSWER).stderr_like(DAMAGED).success();
    the_entry(env)
}

/// What is in the folder of answers, which need not be there.
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
fn an_answer_is_asked_for_once_and_then_used_again() {
    let env = Env::new();
    let server = Server::reply(four());
    for _ in 0..3 {
        env.xask(QUESTION).server(&server).key(KEY).stdout(ANSWER).success();
    }
    // No key, and the service is the real one: nobody asks it.
    env.xask(QUESTION).stdout(ANSWER).success();
    offline(&env).stdout(ANSWER).success();
}

#[test]
fn what_only_the_network_needs_is_not_looked_at_for_a_recorded_answer() {
    let env = Env::new();
    record(&env);
    for (name, value) in [
        ("XAI_API_KEY", "\u{1}"),
        ("XAI_API_KEY_FILE", "missing"),
        ("SSL_CERT_FILE", "missing"),
        ("HTTPS_PROXY", "nonsense://"),
    ] {
        env.xask(QUESTION).env(name, value).stdout(ANSWER).success();
    }
}

#[test]
fn every_form_of_an_answer_comes_from_the_record() {
    let env = Env::new();
    record(&env);
    let reply = format!("{}\n", replies::completion("Four."));
    offline(&env).args(["--json"]).stdout(reply).success();
    offline(&env).args(["--stream"]).stdout(ANSWER).success();
    offline(&env).args(["--usage"]).stdout(ANSWER).stderr(messages::USAGE).success();
    offline(&env).args(["-o", "file"]).success();
    assert_eq!(env.read("file"), ANSWER.as_bytes());
    offline(&env).args(["-c", "talk"]).stdout(ANSWER).success();
    let lines = "{\"role\":\"user\",\"content\":\"What is 2 + 2?\"}\n\
                 {\"role\":\"assistant\",\"content\":\"Four.\"}\n";
    assert_eq!(escaped(&env.read("talk")), escaped(lines.as_bytes()));
    // The next turn is another question.
    offline(&env).args(["-c", "talk"]).refused(1, MISS);
    assert_eq!(escaped(&env.read("talk")), escaped(lines.as_bytes()));
    assert_eq!(env.names(), ["answers", "file", "talk"]);
}

#[test]
fn json_from_the_record_is_the_reply_byte_for_byte() {
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
        let server = Server::reply(Reply::json(200, &*sent));
        for _ in 0..2 {
            env.xask(QUESTION).args(["--json"]).server(&server).stdout(&*printed).success();
        }
    }
}

#[test]
fn the_space_around_a_response_is_printed_and_not_recorded() {
    let json = replies::completion("Four.");
    let sent = format!(" \r\n{json}\r\n\n");
    let env = Env::new();
    let server = Server::reply(Reply::json(200, &*sent));
    env.xask(QUESTION).args(["--json"]).server(&server).stdout(&*sent).success();
    offline(&env).args(["--json"]).stdout(format!("{json}\n")).success();
}

#[test]
fn on_a_terminal_an_answer_is_made_safe_from_the_record_too() {
    let env = Env::new();
    let server = Server::reply(answer("\x1b[2J\u{202e}"));
    for _ in 0..2 {
        let run = env.xask(QUESTION).server(&server).tty(Tty::Stdout).tty(Tty::Stderr);
        run.on_tty("\\x1b[2J\\u{202e}\n").success();
    }
    assert_eq!(server.request().json().get("stream"), None);
}

#[test]
fn only_a_complete_and_fit_answer_is_recorded() {
    let with = |overrides| Reply::json(200, replies::completion_with(overrides));
    let error = |status| Reply::json(status, replies::error("slug", "words"));
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
        (8, Reply::json(200, "{}")),
        (7, four().cut_at(100)),
        (7, four().close_delimited().cut_at(100)),
    ];
    for (index, (code, reply)) in cases.into_iter().enumerate() {
        let env = Env::new();
        let server = Server::reply(reply);
        let run = env.xask(QUESTION).args(["--retries=0"]).server(&server).case(index);
        run.stdout_like("").fails(code, &[]);
        assert_eq!(entries(&env), [""; 0], "case {index}");
        offline(&env).refused(1, MISS);
    }
}

#[test]
fn an_answer_that_is_not_the_json_asked_for_is_not_recorded() {
    let env = Env::new();
    env.write("schema.json", "{}");
    let server = Server::play([four(), answer("4")]);
    let run = || env.xask(QUESTION).args(["--schema", "schema.json"]).server(&server);
    run().stdout(ANSWER).fails(9, &["not valid JSON"]);
    assert_eq!(entries(&env), [""; 0]);
    for _ in 0..2 {
        run().stdout("4\n").success();
    }
}

#[test]
fn what_comes_after_a_retry_is_recorded() {
    let env = Env::new();
    let server = Server::play([busy(503), four()]);
    let run = env.xask(QUESTION).server(&server);
    run.stdout(ANSWER).stderr_like("retry 1 of 2").success();
    offline(&env).stdout(ANSWER).success();
}

#[test]
fn an_answer_that_could_not_be_printed_is_recorded_nevertheless() {
    let env = Env::new();
    let (server, asked, gate) = Server::holding(four());
    let mut run = env.xask(QUESTION).server(&server).spawn();
    asked.wait();
    run.close_stdout();
    gate.open();
    run.code(141);
    offline(&env).stdout(ANSWER).success();

    let (env, server) = (Env::new(), Server::reply(four()));
    let script = "xask --cache answers 'What is 2 + 2?' >/dev/full";
    env.sh(script).server(&server).refused(1, &["standard output"]);
    offline(&env).stdout(ANSWER).success();
}

#[test]
fn the_variables_stand_for_the_flags() {
    let env = Env::new();
    let server = Server::reply(four());
    let run = || env.xask(["What is 2 + 2?"]).env("XASK_CACHE", "answers");
    run().server(&server).stdout(ANSWER).success();
    run().env("XASK_OFFLINE", "1").stdout(ANSWER).success();
    // What is typed counts more.
    run().args(["--cache", "other", "--offline"]).refused(1, MISS);
    offline(&env).env("XASK_CACHE", "other").env("XASK_OFFLINE", "0").stdout(ANSWER).success();
    assert_eq!(env.names(), ["answers"]);
}

#[test]
fn offline_is_a_word_for_yes_or_no_in_any_case() {
    let env = Env::new();
    let never = Server::never();
    let run = |value: &str| env.xask(["hi"]).env("XASK_OFFLINE", value);
    for value in ["1", "true", "yes", "on", "TRUE", "Yes", "oN"] {
        run(value).case(value).server(&never).refused(2, &["--offline", "--cache"]);
    }
    for value in ["", "0", "false", "no", "off", "FALSE", "No", "oFF"] {
        let server = Server::reply(four());
        run(value).case(value).server(&server).stdout(ANSWER).success();
    }
    for value in ["2", "y", " 1", "-1", "truth", "\u{e9}"] {
        let said = run(value).case(value).server(&never).refused(2, &["XASK_OFFLINE", value]);
        for word in ["1", "true", "yes", "on", "0", "false", "no", "off"] {
            assert!(said.contains(word), "{word} is not in: {said}");
        }
    }
}

#[test]
fn without_a_cache_there_is_no_answer_without_a_network() {
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
fn a_stream_of_events_is_not_to_be_had_from_a_record() {
    let env = Env::new();
    let never = Server::never();
    let run = || env.xask(["--json", "--stream", "hi"]).server(&never);
    run().args(["--cache", "answers"]).refused(2, &["--json", "--stream", "--cache"]);
    run().env("XASK_CACHE", "answers").refused(2, &["--json", "--stream"]);
    // Where no record is looked for, there is nothing to exclude.
    let run = || env.xask(["--json", "--stream", "-q", "hi"]).env("XASK_CACHE", "answers");
    run().args(["--rehearse"]).stdout_like("chat.completion.chunk").success();
    run().args(["--dry-run"]).stdout_like("\"stream\":true").success();
    assert_eq!(env.names(), [""; 0]);
}

#[test]
fn a_rehearsal_neither_uses_nor_makes_a_record() {
    let env = Env::new();
    let rehearsed = "[rehearsal]\nmodel: grok-4\nuser: What is 2 + 2?\n";
    for offline in [&[][..], &["--offline"]] {
        let run = || env.xask(QUESTION).args(["-q"]).args(offline).stdout(rehearsed);
        run().args(["--rehearse"]).success();
        run().env("XASK_REHEARSE", "1").success();
    }
    assert_eq!(env.names(), [""; 0]);
    let (name, good) = record(&env);
    env.xask(QUESTION).args(["-q", "--rehearse"]).stdout(rehearsed).success();
    assert_eq!(env.read(name), good);
}

#[test]
fn a_dry_run_neither_uses_nor_makes_a_record() {
    let env = Env::new();
    let body = "{\"model\":\"grok-4\",\"messages\":[{\"role\":\"user\",\"content\":\"What is 2 + 2?\"}]}\n";
    let run = || env.xask(QUESTION).args(["--dry-run"]).stdout(body);
    run().success();
    run().args(["--offline"]).success();
    assert_eq!(env.names(), [""; 0]);
    let (name, good) = record(&env);
    run().success();
    assert_eq!(env.read(name), good);
}

#[test]
fn verbose_says_where_the_answer_comes_from() {
    let env = Env::new();
    record(&env);
    let said = predicate::str::starts_with("xask: request to the cache: model grok-4, 74 bytes\n");
    offline(&env).args(["-v"]).stdout(ANSWER).stderr_like(said).success();
}
