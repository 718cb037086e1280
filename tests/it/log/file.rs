//! Which runs are logged, and how the file is written.

use std::fs;

use serde_json::Value;

use super::{line, logged};
use crate::support::{
    Env, Gate, Response, Script, Server, Signal, chat, four, messages, unprivileged,
};

#[test]
fn the_variable_names_the_log_and_the_flag_takes_precedence() {
    let env = Env::new();
    let run =
        |args: &[&str]| env.xask(["-q", "--rehearse", "hi"]).args(args).env("XASK_LOG", "log");
    run(&[]).stdout_like("").success();
    assert_eq!(line(&env)["source"], "rehearsal");
    run(&["--log", "other"]).stdout_like("").success();
    assert_eq!(env.names(), ["other"]);
    env.xask(["-q", "--rehearse", "hi"]).env("XASK_LOG", "").stdout_like("").success();
    assert_eq!(env.names(), ["other"]);
}

#[test]
fn lines_are_appended() {
    let env = Env::new();
    env.write("log", "{\"earlier\":true}\n");
    for n in 2..5 {
        logged(&env, ["-q", "--rehearse"]).stdout_like("").success();
        let log = String::from_utf8(env.read("log")).expect("text");
        assert!(log.starts_with("{\"earlier\":true}\n"), "{log}");
        assert_eq!(log.lines().count(), n);
    }
}

#[test]
fn help_dry_runs_model_lists_and_usage_errors_are_not_logged() {
    let env = Env::new();
    let models = || Response::json(200, r#"{"data":[{"id":"grok-4"}]}"#);
    let server = Server::respond(models());
    let run = |args: &[&str]| env.xask(args).env("XASK_LOG", "log").any_output();
    run(&["--help"]).success();
    run(&["-V"]).success();
    run(&["--dry-run", "hi"]).success();
    run(&["--list-models"]).server(&server).success();
    run(&["--bogus"]).code(2);
    run(&["-f", "missing"]).code(2);
    run(&[" "]).code(2);
    run(&["--list-models", "--rehearse=401"]).code(3);
    assert_eq!(env.names(), [""; 0]);
}

#[test]
fn a_run_ended_by_a_signal_is_not_logged() {
    let env = Env::new();
    let (server, received, _gate) = Server::holding(four());
    let run = logged(&env, []).server(&server).spawn();
    received.wait();
    run.send(Signal::TERM);
    run.signal(Signal::TERM);
    let names = env.names();
    assert!(names.is_empty() || env.read("log").is_empty(), "{names:?}");
}

#[test]
fn an_unwritable_log_is_an_error_before_the_request() {
    let env = Env::new();
    env.folder("folder");
    let never = Server::never();
    for (log, why) in [("no/log", "no such file"), ("folder", "is a directory")] {
        let run = env.xask(["--log", log, "hi"]).server(&never);
        run.refused(1, &["log", log, why]);
        let run = env.xask(["hi"]).env("XASK_LOG", log).server(&never);
        run.refused(1, &[log, why]);
    }
    unprivileged(|| {
        let env = Env::new();
        env.write("shut", "");
        env.set_mode("shut", 0o444);
        let never = Server::never();
        env.xask(["--log", "shut", "hi"]).server(&never).refused(1, &["shut", "denied"]);
    });
}

#[test]
fn a_failed_write_at_the_end_is_a_local_error() {
    let env = Env::new();
    // The device takes nothing, which shows only at the write.
    let server = Server::respond(four());
    let run = env.xask(["--log", "/dev/full", "hi"]).server(&server).stdout("Four.\n");
    run.fails(1, &["/dev/full", "no space left"]);
    // The error is still about the answer, and the failure of the log is a note.
    let truncated = chat::completion_with(serde_json::json!({"finish_reason": "length"}));
    let server = Server::respond(Response::json(200, truncated));
    let run = env.xask(["--log", "/dev/full", "hi"]).server(&server).stdout("Four.\n");
    let output = run.stderr_like("xask: note: ").stderr_like("/dev/full").code(1);
    let errors: Vec<_> =
        output.notes().lines().filter(|line| line.starts_with(messages::ERROR)).collect();
    assert!(errors.len() == 1 && errors[0].contains("token limit"), "{}", output.notes());
    // Another failure keeps its exit status.
    let server = Server::respond(Response::json(400, chat::error("slug", "It rains.")));
    let run = env.xask(["--log", "/dev/full", "hi"]).server(&server);
    run.stderr_like("It rains.").stderr_like("/dev/full").code(4);
}

#[test]
fn a_log_may_be_a_device_or_a_pipe() {
    let env = Env::new();
    let server = Server::respond(four());
    env.xask(["--log", "/dev/null", "hi"]).server(&server).stdout("Four.\n").success();
    let server = Server::respond(four());
    let run = env.sh("xask --log /dev/fd/3 hi 3>&1 >/dev/null | cat").server(&server);
    run.stdout_like("{").stdout_like("\"exit\":0").success();
}

#[test]
fn parallel_runs_do_not_mix_their_lines() {
    let env = Env::new();
    let gate = Gate::new();
    let script = || Script::new().wait(&gate).send(four());
    let server = Server::play((0..20).map(|_| script()));
    let runs: Vec<_> =
        (0..20).map(|_| logged(&env, []).server(&server).stdout("Four.\n").spawn()).collect();
    gate.open();
    for run in runs {
        run.success();
    }
    let log = String::from_utf8(env.read("log")).expect("text");
    assert_eq!(log.lines().count(), 20);
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).expect("a line is JSON");
        assert_eq!(line["exit"], 0);
    }
}

#[test]
fn a_new_log_respects_the_umask() {
    let env = Env::new();
    let script = "umask 027; exec xask -q --rehearse --log log hi";
    env.sh(script).stdout_like("").success();
    assert_eq!(env.mode("log"), 0o640);
    // A link stays a link.
    fs::remove_file(env.path("log")).expect("it is there");
    env.write("real", "");
    env.link("log", "real");
    env.sh(script).stdout_like("").success();
    assert!(env.path("log").is_symlink() && !env.read("real").is_empty());
}
