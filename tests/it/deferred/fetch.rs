//! `--fetch`: the answer to an earlier deferred request, and the outcome of a poll that finds none.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{ID, PATH, not_ready};
use crate::support::tls::{Authority, trusted};
use crate::support::{Env, KEY, Response, Run, Script, Server, answer, chat, four, messages};

/// `xask --fetch ID` and more.
fn fetch<'a>(env: &Env, args: impl IntoIterator<Item = &'a str>) -> Run {
    env.xask(["--fetch", ID, "--retries=0"].into_iter().chain(args))
}

#[test]
fn the_answer_is_fetched_at_once() {
    let env = Env::new();
    let server = Server::respond(four());
    let begun = Instant::now();
    fetch(&env, []).key(KEY).server(&server).stdout("Four.\n").success();
    assert!(begun.elapsed() < Duration::from_secs(5));
    let request = server.request();
    assert_eq!((&*request.method, &*request.path, request.body_len), ("GET", PATH, 0));
    assert_eq!(request.header("authorization"), Some(&*format!("Bearer {KEY}")));
}

#[test]
fn standard_input_is_not_read() {
    let env = Env::new();
    let server = Server::respond(four());
    fetch(&env, []).stdin_open().server(&server).stdout("Four.\n").success();
}

#[test]
fn the_answer_is_printed_in_every_form() {
    let env = Env::new();
    env.write("s.json", "{}");
    let choice = answer("{\"choice\":\"no\"}");
    let json = chat::completion("Four.");
    for (args, response, code, printed) in [
        (&["--json"][..], four(), 0, format!("{json}\n")),
        (&["-x"], answer("a\n```\nb\n```"), 0, "b\n".to_owned()),
        (&["-x"], four(), 9, "Four.\n".to_owned()),
        (&["--choice", "yes,no"], choice, 0, "no\n".to_owned()),
        (&["--choice", "yes,no"], four(), 9, "Four.\n".to_owned()),
        (&["--schema", "s.json"], answer("4"), 0, "4\n".to_owned()),
        (&["--schema", "s.json"], four(), 9, "Four.\n".to_owned()),
        (&["-q"], four(), 0, "Four.\n".to_owned()),
    ] {
        let server = Server::respond(response);
        fetch(&env, args.iter().copied())
            .server(&server)
            .case(args)
            .stdout(printed)
            .ends(code, &[]);
    }
    let server = Server::play([four(), four()]);
    fetch(&env, ["--usage"]).server(&server).stdout("Four.\n").stderr(messages::USAGE).success();
    fetch(&env, ["-o", "out", "--log", "log"]).server(&server).success();
    assert_eq!(env.read("out"), b"Four.\n");
    assert!(String::from_utf8(env.read("log")).expect("text").contains("\"exit\":0"));
}

#[test]
fn a_poll_that_finds_nothing_yet_is_repeated() {
    let env = Env::new();
    for nothing in [
        Script::from(not_ready()),
        Script::from(Response::json(429, "{}")),
        Script::from(Response::json(503, "{}")),
        Script::from(Response::json(500, "{}")),
        Script::from(Response::json(408, "{}")),
        Script::from(Response::json(425, "{}")),
        // A response without a byte, and one that is interrupted.
        Script::from(Response::json(200, "")),
        Script::new(),
        Script::from("HTTP/1.1 200 OK\r\n"),
    ]
    .chunks(3)
    {
        // Three at a time: each waits for two seconds.
        let runs: Vec<_> = nothing
            .iter()
            .map(|script| {
                let server = Server::play([script.clone(), four().into()]);
                let run = env.xask(["--fetch", ID, "-q"]).server(&server);
                let run = run.stdout("Four.\n").stderr_like("");
                (run.spawn(), server)
            })
            .collect();
        for (run, _server) in runs {
            run.success();
        }
    }
}

#[test]
fn any_other_response_ends_the_run_with_its_own_status() {
    let env = Env::new();
    let error = |status| Response::json(status, chat::error("slug", "It rains."));
    for (response, code, word) in [
        (error(404), 4, "It rains."),
        (error(401), 3, "It rains."),
        (error(400), 4, "It rains."),
        (error(200), 8, "It rains."),
        (error(525), 8, "It rains."),
        (error(526), 8, "It rains."),
        (Response::json(200, "{}"), 8, "completion"),
        (
            Response::json(200, chat::completion_with(json!({"finish_reason": "length"}))),
            9,
            "limit",
        ),
    ] {
        let server = Server::respond(response);
        fetch(&env, []).server(&server).case(word).stdout_like("").fails(code, &[word]);
    }
}

#[test]
fn an_invalid_id_is_a_usage_error() {
    let (env, never) = (Env::new(), Server::never());
    let long = "a".repeat(201);
    for id in ["", "-a", ".a", "a/b", "./models", "a b", "a?b", "a%2fb", "\u{e9}", &long] {
        let flag = format!("--fetch={id}");
        env.xask([&*flag]).server(&never).case(id).refused(2, &["--fetch"]);
    }
    let server = Server::respond(four());
    let flag = format!("--fetch={}", &long[1..]);
    env.xask([&*flag]).server(&server).stdout("Four.\n").success();
}

#[test]
fn an_option_that_fetch_cannot_use_is_a_usage_error() {
    let (env, never) = (Env::new(), Server::never());
    env.write("a.txt", "text");
    for (args, word) in [
        (&["hi"][..], "--fetch"),
        (&["--", "hi"], "--fetch"),
        (&["-"], "--fetch"),
        (&["-f", "a.txt"], "--file"),
        (&["-i", "https://a.example/b.png"], "--image"),
        (&["-s", "Be brief."], "--system"),
        (&["-c", "talk"], "--conversation"),
        (&["--messages", "a.txt"], "--messages"),
        (&["-m", "grok-4"], "--model"),
        (&["--max-tokens", "7"], "--max-tokens"),
        (&["-t", "1"], "--temperature"),
        (&["-p", "user=me"], "--param"),
        (&["--api", "chat"], "--api"),
        (&["--web-search"], "--web-search"),
        (&["--sources", "s"], "--sources"),
        (&["--stream"], "--stream"),
        (&["--cache", "answers"], "--cache"),
        (&["--offline"], "--offline"),
        (&["--dry-run"], "--dry-run"),
        (&["--list-models"], "--list-models"),
        (&["-n"], "--names"),
        (&["--lossy"], "--lossy"),
    ] {
        fetch(&env, args.iter().copied()).server(&never).case(args).refused(2, &["--fetch", word]);
    }
    assert_eq!(env.names(), ["a.txt"]);
}

#[test]
fn variables_that_fetch_cannot_use_are_ignored() {
    let env = Env::new();
    let server = Server::respond(four());
    let run = fetch(&env, []).server(&server).stdout("Four.\n");
    [("XASK_CACHE", "answers"), ("XASK_MODEL", "grok-9"), ("XASK_API", "responses")]
        .into_iter()
        .fold(run, |run, (name, value)| run.env(name, value))
        .success();
    assert_eq!(env.names(), [""; 0]);
    let never = Server::never();
    let run = || fetch(&env, []).env("XASK_OFFLINE", "1").server(&never);
    run().refused(2, &["XASK_OFFLINE"]);
    run().args(["-q", "--rehearse"]).stdout_like("").success();
}

#[test]
fn a_deadline_says_not_ready_and_prints_the_command_again() {
    let env = Env::new();
    let server = Server::respond(not_ready());
    let stderr = fetch(&env, ["--timeout=1"]).server(&server).fails(7, &[ID]);
    let hint = stderr.lines().nth(1).expect("a hint");
    assert!(hint.contains(&format!("--fetch {ID}")) && !hint.contains("billed"), "{stderr}");
}

#[test]
fn the_hint_for_the_error_comes_before_the_command() {
    let env = Env::new();
    let proxy =
        Server::respond(Response::new(407, "text/plain", "").header("Proxy-Authenticate", "Basic"));
    let run = fetch(&env, []).env("XAI_BASE_URL", "https://192.0.2.1/v1").key(KEY);
    let stderr = run.env("https_proxy", proxy.url().replace("/v1", "")).fails(6, &[]);
    let hint = stderr.lines().nth(1).expect("a hint");
    assert!(
        hint.contains("$https_proxy; ") && hint.ends_with(&format!("--fetch {ID}")),
        "{stderr}"
    );
}

#[test]
fn an_interrupted_answer_may_be_used_up_and_the_message_says_so() {
    let env = Env::new();
    let server = Server::play([four().truncated_at(99), Response::json(404, "{}")]);
    let output = fetch(&env, []).server(&server).stderr_like("").code(4);
    assert!(output.notes().contains("once"), "{}", output.notes());
}

#[test]
fn retries_limit_the_polls_until_a_server_has_answered() {
    let env = Env::new();
    let begun = Instant::now();
    fetch(&env, ["--base-url", "http://127.0.0.1:1"]).fails(6, &["127.0.0.1:1"]);
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_certificate_that_is_not_trusted_ends_the_run() {
    let (env, _) = trusted();
    let stranger = Authority::new("theirs").sign();
    let server = Server::play_tls(&stranger, [Script::new()]);
    let run = fetch(&env, ["--timeout=9"]).key(KEY).env("SSL_CERT_FILE", "ca.pem");
    run.env("XAI_BASE_URL", server.url()).fails(6, &["certificate"]);
}

#[test]
fn a_fetch_can_be_rehearsed() {
    let env = Env::new();
    for (case, code) in
        [("ok", 0), ("length", 9), ("cut", 7), ("401", 3), ("500", 8), ("offline", 6)]
    {
        let rehearse = format!("--rehearse={case}");
        let run = fetch(&env, [&*rehearse]).case(case).stdout_like("");
        run.stderr_like(messages::REHEARSED).code(code);
    }
}
