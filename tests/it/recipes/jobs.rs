//! The recipes for unattended jobs: retries, logs, deferred answers, keys and gateways.

use serde_json::Value;

use super::{block, blocks, in_every_shell, is_available, run_failing, text};
use crate::support::{Env, Response, Run, Server, four, retry_at_once};

/// A `sleep` that only writes down its duration.
fn with_fake_sleep(env: &Env) -> String {
    env.write("bin/sleep", "#!/bin/sh\necho \"$1\" >>slept\n");
    env.set_mode("bin/sleep", 0o755);
    "PATH=$PWD/bin:$PATH\n".to_owned()
}

fn script(env: &Env, shell: &str, text: &str) -> Run {
    env.write("recipe", text);
    env.sh(&format!("exec {shell} ./recipe"))
}

#[test]
fn standard_input_is_read_once_and_sent_with_each_retry() {
    let recipe = "Retrying with standard input";
    in_every_shell(recipe, |env, shell| {
        let path = with_fake_sleep(env);
        let text_of_it = path + &block(recipe, "sh");
        // Each run gives up after two retries of its own.
        let server = Server::play((0..3).map(|_| retry_at_once(429)).chain([four()]));
        let run = script(env, shell, &text_of_it).stdin("a change\n").server(&server);
        run.env("TMPDIR", env.path("")).stderr_like("429").success();
        assert_eq!(text(env, "slept").lines().count(), 1);
        assert_eq!(text(env, "review.md"), "Four.\n");
        let bodies: Vec<_> = server.requests().into_iter().map(|request| request.body).collect();
        assert!(bodies.iter().all(|body| *body == bodies[0]));
        assert!(String::from_utf8_lossy(&bodies[0]).contains("a change"));
        let left = env.names().into_iter().filter(|name| name.starts_with("tmp."));
        assert_eq!(left.count(), 0, "the prompt is removed");
        // A request that may have been billed is not sent again.
        let server = Server::respond(Response::json(500, "{}"));
        let run = script(env, shell, &text_of_it).stdin("a change\n").server(&server);
        run.stderr_like("").code(8);
    });
}

#[test]
fn a_nightly_job_logs_its_failures() {
    let recipe = "A nightly job with a log";
    in_every_shell(recipe, |env, shell| {
        for name in ["a", "b c"] {
            env.write(format!("notes/{name}.md"), "Note\n");
        }
        let server = Server::play([four(), four()]);
        let run = script(env, shell, &block(recipe, "sh")).server(&server);
        run.stdout("total: 0.00154 USD\n").success();
        let server = Server::play([Response::json(400, "{}"), four()]);
        let run = script(env, shell, &block(recipe, "sh")).server(&server);
        let output = run.stdout_like("total: 0.00231 USD\n").stderr_like("").code(1);
        let shown = String::from_utf8(output.stdout).expect("text");
        let failed = shown.lines().nth(1).expect("a line for the failure");
        assert!(failed.contains(" exit 4: ") && !failed.ends_with("null"), "{shown}");
        let log = text(env, "nightly.jsonl");
        assert_eq!(log.lines().count(), 4);
        assert!(log.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    });
}

#[test]
fn make_waits_for_a_deferred_answer() {
    let recipe = "Make with deferred answers";
    if !is_available(recipe) {
        return;
    }
    let env = Env::new();
    env.write("Makefile", block(recipe, "make"));
    env.write("data.csv", "a,b\n");
    let make = |case: &str| env.sh("make").env("XASK_REHEARSE", case).any_output();
    make("length").code(2);
    assert!(!env.path("analysis.md").exists());
    let output = make("1").success();
    assert!(output.notes().contains("--fetch "), "{}", output.notes());
    assert!(text(&env, "analysis.md").ends_with("a,b\n"));
}

#[test]
fn a_deferred_answer_is_fetched_by_a_later_job() {
    let recipe = "Deferred answers in CI";
    in_every_shell(recipe, |env, shell| {
        let [(_, first), (_, second)] = blocks(recipe)[..] else { panic!("two jobs") };
        env.write("data.csv", "a,b\n");
        // Not ready in time; twenty seconds are too long for a test.
        let first = first.replace("--timeout 20", "--timeout 1.5");
        let accepted = || Response::json(200, r#"{"request_id":"f15c114e-f47d"}"#);
        let not_ready = Response::new(202, "application/json", "");
        let server = Server::play([accepted(), not_ready, four()]);
        let run = script(env, shell, &first).server(&server);
        run.stderr_like("--fetch f15c114e-f47d").success();
        assert!(!env.path("report.md").exists());
        script(env, shell, second).server(&server).success();
        assert_eq!(text(env, "report.md"), "Four.\n");
        let requests = server.requests();
        assert!(requests[2].path.ends_with("/f15c114e-f47d"), "{}", requests[2].path);
        // The answer exists already: nothing is fetched.
        script(env, shell, second).server(&Server::never()).success();
        // Another failure fails the job.
        for (case, code) in [("401", 3), ("429", 5), ("refused", 9)] {
            run_failing(env, shell, &first, case).stdout_like("").code(code);
        }
    });
}

#[test]
fn a_key_may_come_from_a_command() {
    let recipe = "The key from a command";
    if !is_available(recipe) {
        return;
    }
    let env = Env::new();
    env.write("bin/pass", "#!/bin/sh\necho \"xai-$*\" | tr ' ' -\n");
    env.set_mode("bin/pass", 0o755);
    let server = Server::respond(four());
    let script = format!("PATH=$PWD/bin:$PATH\n{}", block(recipe, "bash"));
    env.write("recipe", script);
    env.sh("exec bash -euo pipefail ./recipe").server(&server).stdout("Four.\n").success();
    assert_eq!(server.request().header("authorization"), Some("Bearer xai-show-xai"));
}

#[test]
fn a_gateway_gets_its_headers() {
    let recipe = "A gateway";
    in_every_shell(recipe, |env, shell| {
        env.write("gateway.headers", block(recipe, "text"));
        let server = Server::respond(four());
        let gateway = "https://gateway.example.com/xai/v1";
        let text = block(recipe, "sh");
        assert!(text.contains(gateway), "{text}");
        let run = script(env, shell, &text.replace(gateway, &server.url()));
        run.stdout("Four.\n").success();
        let request = server.request();
        assert_eq!(request.header("cf-access-client-id"), Some("0123456789abcdef.access"));
        assert_eq!(request.header("cf-access-client-secret"), Some("fedcba9876543210"));
    });
}
