//! `--deferred`: the request is posted once, and the answer is polled for.

mod fetch;

use std::time::{Duration, Instant};

use predicates::prelude::*;

use crate::support::{
    Env, Gate, KEY, Response, Run, Script, Server, answer, chat, four, messages, retry_at_once,
};

/// An id of a deferred request.
const ID: &str = "f15c114e-f47d-40ca-8d5c-8c23d656eeb6";
const PATH: &str = "/v1/chat/deferred-completion/f15c114e-f47d-40ca-8d5c-8c23d656eeb6";
const NOTE: &str = "xask: note: deferred; to fetch the answer later: xask --fetch \
                    f15c114e-f47d-40ca-8d5c-8c23d656eeb6\n";

/// The immediate response of the API.
fn accepted() -> Response {
    Response::json(200, format!(r#"{{"request_id":"{ID}"}}"#))
}

/// The response to a poll while the answer is not ready.
fn not_ready() -> Response {
    Response::new(202, "application/json", "")
}

/// `xask --deferred hi` and more.
fn deferred<'a>(env: &Env, args: impl IntoIterator<Item = &'a str>) -> Run {
    env.xask(["--deferred", "--retries=0", "hi"].into_iter().chain(args))
}

#[test]
fn the_answer_is_polled_for_and_printed_like_any_other() {
    let env = Env::new();
    let server = Server::play([accepted(), not_ready(), four()]);
    let begun = Instant::now();
    let run = deferred(&env, []).key(KEY).server(&server).stdout("Four.\n");
    run.stderr(NOTE).success();
    // A second, and then two.
    assert!(begun.elapsed() >= Duration::from_secs(3), "{:?}", begun.elapsed());
    let [post, first, second] = &server.requests()[..] else { panic!("three requests") };
    assert_eq!((&*post.method, &*post.path), ("POST", "/v1/chat/completions"));
    let body = r#"{"model":"grok-4","messages":[{"role":"user","content":"hi"}],"deferred":true}"#;
    assert_eq!(String::from_utf8_lossy(&post.body), body);
    for poll in [first, second] {
        assert_eq!((&*poll.method, &*poll.path, poll.body_len), ("GET", PATH, 0));
        assert_eq!(poll.header("authorization"), Some(&*format!("Bearer {KEY}")));
        assert_eq!(poll.header("content-type"), None);
    }
}

#[test]
fn the_dry_run_shows_the_field() {
    let env = Env::new();
    let body = r#"{"model":"grok-4","messages":[{"role":"user","content":"hi"}],"deferred":true}"#;
    env.dry(["--deferred", "hi"]).stdout(format!("{body}\n")).success();
    let run = env.dry(["--deferred", "hi"]).env("XASK_API", "responses");
    run.stdout(format!("{body}\n")).success();
}

#[test]
fn the_command_to_fetch_the_answer_is_printed_before_the_first_poll_even_with_quiet() {
    let env = Env::new();
    env.write("headers", "X-One: 1\n");
    let gate = Gate::new();
    let server = Server::play([accepted().into(), Script::new().wait(&gate).send(four())]);
    let url = server.url();
    let args = ["-q", "-H", "@headers", "--base-url", &url];
    let run = deferred(&env, args).stdout("Four.\n").stderr_like(predicate::always());
    let mut run = run.spawn();
    let shown = run.read_stderr_until("\n");
    let shown = String::from_utf8_lossy(shown).into_owned();
    assert!(shown.starts_with("xask: note: deferred; to fetch the answer later: xask "), "{shown}");
    assert!(shown.contains(&format!(" --fetch {ID}")), "{shown}");
    assert!(
        shown.contains(&format!(" --base-url {url}")) && shown.contains(" -H @headers"),
        "{shown}"
    );
    gate.open();
    run.success();
}

#[test]
fn a_completion_in_place_of_an_id_is_the_answer() {
    let env = Env::new();
    let server = Server::respond(four());
    deferred(&env, ["-c", "talk"]).server(&server).refused(2, &["--deferred", "--conversation"]);
    deferred(&env, ["-o", "out"]).server(&server).success();
    assert_eq!(env.read("out"), b"Four.\n");
}

#[test]
fn an_invalid_id_is_a_server_error() {
    let env = Env::new();
    for body in [
        r#"{"request_id":""}"#.to_owned(),
        r#"{"request_id":null}"#.to_owned(),
        r#"{"request_id":7}"#.to_owned(),
        r#"{"request_id":"../models"}"#.to_owned(),
        r#"{"request_id":"a b"}"#.to_owned(),
        r#"{"request_id":"-a"}"#.to_owned(),
        r#"{"request_id":"a\nb"}"#.to_owned(),
        format!(r#"{{"request_id":"{}"}}"#, "a".repeat(201)),
        r#"{"error":"It rains."}"#.to_owned(),
        "{}".to_owned(),
    ] {
        let server = Server::respond(Response::json(200, &*body));
        deferred(&env, []).server(&server).case(&body).fails(8, &[]);
    }
}

#[test]
fn the_post_fails_like_any_other() {
    let env = Env::new();
    for (response, code) in [
        (Response::json(401, "{}"), 3),
        (Response::json(400, "{}"), 4),
        (Response::json(429, "{}").header("Retry-After", "99"), 5),
        (Response::json(500, "{}"), 8),
        (accepted().truncated_at(9), 7),
    ] {
        let server = Server::respond(response);
        deferred(&env, []).server(&server).fails(code, &[]);
    }
    deferred(&env, ["--base-url", "http://127.0.0.1:1"]).fails(6, &[]);
    // A retry comes before the id, and under --retry-lost never after it.
    let server = Server::play([retry_at_once(503), accepted(), four()]);
    let run = env.xask(["--deferred", "--retry-lost", "hi"]).server(&server);
    run.stdout("Four.\n").stderr_like("retry 1 of 2").stderr_like("--fetch").success();
    let posts = server.requests().iter().filter(|request| request.method == "POST").count();
    assert_eq!(posts, 2);
}

#[test]
fn options_that_deferred_excludes_are_usage_errors() {
    let (env, never) = (Env::new(), Server::never());
    for (args, words) in [
        (&["--api", "responses"][..], &["--deferred", "--api"][..]),
        (&["--web-search"], &["--deferred", "--web-search"]),
        (&["--x-search"], &["--deferred", "--x-search"]),
        (&["--stream"], &["--deferred", "--stream"]),
        (&["-c", "talk"], &["--deferred", "--conversation"]),
        (&["-p", "deferred=false"], &["deferred"]),
        (&["--fetch", "abc"], &["--fetch"]),
    ] {
        deferred(&env, args.iter().copied()).server(&never).case(args).refused(2, words);
    }
    assert_eq!(env.names(), [""; 0]);
}

#[test]
fn a_deferred_answer_has_the_same_cache_entry() {
    let env = Env::new();
    let server = Server::play([accepted(), four()]);
    let run = |args: &[&str]| env.xask(["--cache", "answers", "hi"]).args(args).server(&server);
    run(&["--deferred"]).stdout("Four.\n").stderr(NOTE).success();
    run(&["--deferred"]).stdout("Four.\n").success();
    run(&[]).stdout("Four.\n").success();
    run(&["--offline", "--json"]).stdout(chat::completion("Four.") + "\n").success();
    assert_eq!(env.names_in("answers").len(), 1);
    // And the reverse.
    let env = Env::new();
    let server = Server::respond(answer("Five."));
    let run = |args: &[&str]| env.xask(["--cache", "answers", "hi"]).args(args).server(&server);
    run(&[]).stdout("Five.\n").success();
    run(&["--deferred"]).stdout("Five.\n").success();
}

#[test]
fn a_deadline_between_polls_says_how_to_continue() {
    let env = Env::new();
    let server = Server::play([accepted(), not_ready()]);
    let run = deferred(&env, ["--timeout=1.5"]).server(&server);
    let stderr = run.stderr_like(NOTE).code(7);
    let (_, error) = stderr.notes().split_once('\n').expect("a note and an error");
    assert!(messages::is_message(error), "{error}");
    let hint = error.lines().nth(1).expect("a hint");
    assert!(hint.contains(&format!("--fetch {ID}")), "{hint}");
    assert!(!hint.contains("billed"), "{hint}");
}

#[test]
fn a_terminal_gets_no_stream() {
    let env = Env::new();
    let server = Server::play([accepted(), four()]);
    let run = deferred(&env, []).server(&server).tty(crate::support::Tty::Stdout);
    run.on_tty("Four.\n").stderr(NOTE).success();
    assert_eq!(server.requests()[0].json().get("stream"), None);
}

#[test]
fn a_rehearsal_simulates_an_id_a_wait_and_the_scenario_without_a_pause() {
    let env = Env::new();
    for (case, code) in [
        ("ok", 0),
        ("length", 9),
        ("filtered", 9),
        ("refused", 9),
        ("empty", 9),
        ("tools", 9),
        ("cut", 7),
        ("401", 3),
        ("403", 3),
        ("429", 5),
        ("500", 8),
        ("offline", 6),
    ] {
        let begun = Instant::now();
        let rehearse = format!("--rehearse={case}");
        let run = env.xask(["--deferred", "hi", &rehearse]).case(case).stdout_like("");
        let output = run.stderr_like(messages::REHEARSED).code(code);
        assert!(begun.elapsed() < Duration::from_secs(10));
        if code == 0 {
            assert!(output.notes().contains("--fetch "), "{}", output.notes());
            assert_eq!(output.stdout, b"[rehearsal]\nmodel: grok-4\nuser: hi\n");
        }
    }
}
