//! A folder that cannot be written is an error before the request; an answer that cannot be recorded is printed.

use std::fs;

use super::{ANSWER, ARGS, MISS, entries, offline, record};
use crate::support::{Env, Server, four, messages, unprivileged};

#[test]
fn an_unwritable_folder_is_an_error_before_the_request() {
    let env = Env::new();
    env.write("file", "");
    let never = Server::never();
    for folder in ["file", "file/answers", "/dev/null"] {
        let error = messages::error(&format!("cache {folder}: "));
        env.xask(["--cache", folder, "hi"]).server(&never).stderr_like(error).code(1);
    }
    unprivileged(|| {
        let env = Env::new();
        for name in ["shut", "shut/answers"] {
            env.folder(name);
        }
        for name in ["shut/answers", "shut"] {
            env.set_mode(name, 0o555);
        }
        let never = Server::never();
        for folder in ["shut/answers", "shut/new"] {
            let error = format!("xask: error: --cache {folder}: permission denied\n");
            env.xask(["--cache", folder, "hi"]).server(&never).stderr(error).code(1);
        }
    });
}

#[test]
fn the_folder_is_checked_after_the_inputs_and_before_the_key() {
    let env = Env::new();
    env.write("file", "");
    // No key, and no server.
    for folder in ["file", "/proc/answers"] {
        env.xask(["--cache", folder, "-f", "missing"]).refused(2, &["missing: "]);
        env.xask(["--cache", folder, "hi"]).refused(1, &[&format!("cache {folder}: ")]);
    }
    env.xask(["--cache", "answers", "hi"]).refused(3, &["no API key"]);
}

#[test]
fn a_recorded_answer_is_used_even_in_a_read_only_folder() {
    unprivileged(|| {
        let env = Env::new();
        record(&env);
        env.set_mode("answers", 0o555);
        offline(&env).stdout(ANSWER).success();
        env.xask(ARGS).stdout(ANSWER).success();
        env.set_mode("answers", 0o755);
    });
}

#[test]
fn offline_creates_no_folder() {
    let env = Env::new();
    offline(&env).refused(1, MISS);
    env.xask(["--cache", "/proc/answers", "--offline", "hi"]).refused(1, MISS);
    assert_eq!(env.names(), [""; 0]);
}

/// Runs xask and replaces the folder with a file before the response arrives.
fn lose_the_folder(env: &Env, args: &[&str]) {
    let (server, received, gate) = Server::holding(four());
    let run = env.xask(ARGS).args(args).server(&server);
    let run = run.stdout(ANSWER).stderr("xask: error: --cache answers: not a directory\n").spawn();
    received.wait();
    fs::remove_dir(env.path("answers")).expect("it was made");
    env.write("answers", "");
    gate.open();
    run.code(1);
}

#[test]
fn an_answer_that_cannot_be_recorded_is_printed() {
    let env = Env::new();
    lose_the_folder(&env, &[]);
    assert_eq!(env.names(), ["answers"]);
}

#[test]
fn an_answer_that_cannot_be_recorded_is_not_written_to_a_file() {
    let env = Env::new();
    lose_the_folder(&env, &["-o", "file"]);
    assert_eq!(env.names(), ["answers"]);
}

#[test]
fn a_full_disk_is_reported_and_leaves_nothing() {
    let env = Env::new();
    let server = Server::respond(four());
    let script = "trap '' XFSZ; ulimit -f 0; exec xask --cache answers hi";
    let run = env.sh(script).server(&server).stdout(ANSWER);
    run.stderr("xask: error: --cache answers: file too large\n").code(1);
    assert_eq!(entries(&env), [""; 0]);
}

#[test]
fn a_name_that_is_taken_meanwhile_is_reported() {
    let env = Env::new();
    let (name, _) = record(&env);
    fs::remove_file(env.path(&name)).expect("it is there");
    let (server, received, gate) = Server::holding(four());
    let run = env.xask(ARGS).server(&server);
    let run = run.stdout(ANSWER).stderr("xask: error: --cache answers: is a directory\n").spawn();
    received.wait();
    env.folder(&name);
    gate.open();
    run.code(1);
    assert_eq!(entries(&env).len(), 1);
}
