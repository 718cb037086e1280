//! Standard streams that are full, closed, or left by their reader.

use super::{CUT, cut};
use crate::support::{Env, Run, Server, four, messages, replies, reply, streamed};

/// What a shell shows of a process that SIGPIPE killed, and of xask when its reader has left.
const LEFT: i32 = 141;

/// What prints something without asking.
const UNASKED: [&str; 6] = ["-h", "--help", "-V", "--version", "--dry-run hi", "--rehearse -q hi"];

/// A shell script that asks; `--retries=0` is left to it.
fn sh(env: &Env, server: &Server, script: &str) -> Run {
    env.sh(script).server(server)
}

#[test]
fn a_full_stdout_is_local_trouble() {
    let env = Env::new();
    let full = "xask: error: standard output: no space left on device\n";
    for flags in ["", "--json", "-q", "--no-stream"] {
        let server = Server::reply(four());
        sh(&env, &server, &format!("xask {flags} hi >/dev/full")).stderr(full).code(1);
    }
    let server = Server::reply(streamed(&["Fo", "ur."]));
    sh(&env, &server, "xask --stream hi >/dev/full").stderr(full).code(1);
    // Also of an answer that is not fit, for it was not seen; what was used is told all the same.
    let server = Server::reply(cut());
    sh(&env, &server, "xask hi >/dev/full").stderr(full).code(1);
    let server = Server::reply(four());
    sh(&env, &server, "xask --usage hi >/dev/full")
        .stderr_like("xask: usage: prompt=21")
        .stderr_like(full)
        .code(1);
    for flags in UNASKED {
        env.sh(&format!("xask {flags} >/dev/full")).stderr(full).code(1);
    }
    // An error that writes nothing there does not feel it.
    let server = Server::reply(reply(400, "words"));
    sh(&env, &server, "xask hi >/dev/full").fails(4, &["words"]);
}

#[test]
fn a_disk_that_fills_up_in_the_middle_is_felt() {
    // A file may have so many blocks of 512 bytes, which is a full disk to who ignores the signal.
    let (env, server) =
        (Env::new(), Server::reply(reply(200, replies::completion(&"x".repeat(100_000)))));
    let script = "trap '' XFSZ; ulimit -f 16; xask hi >answer";
    sh(&env, &server, script).fails(1, &["standard output: file too large"]);
    assert_eq!(env.read("answer").len(), 16 * 512);
}

/// Asks, lets the reader of stdout leave while the service holds its reply, and ends with this code.
#[track_caller]
fn leave(run: impl FnOnce(&Env, &Server) -> Run, reply: impl Into<Vec<u8>>) {
    let (env, (server, asked, left)) = (Env::new(), Server::holding(reply));
    let mut run = run(&env, &server).spawn();
    asked.wait();
    run.close_stdout();
    left.open();
    run.code(LEFT);
}

#[test]
fn a_reader_that_left_is_told_by_the_exit_status_alone() {
    for flags in [&[][..], &["--json"], &["-q"], &["--no-stream"]] {
        let ask = |env: &Env, server: &Server| env.ask(server, flags.iter().copied());
        leave(ask, four());
        leave(ask, cut());
        leave(ask, reply(200, replies::completion(&"x".repeat(1 << 20))));
    }
    leave(|env, server| env.ask(server, ["--usage"]).stderr(messages::USAGE), four());
}

#[test]
fn a_reader_that_left_before_anything_was_printed_is_told_by_the_exit_status_alone() {
    let env = Env::new();
    env.fifo("pipe");
    for flags in UNASKED {
        // A pipe that nobody can read any more, before xask begins.
        env.sh(&format!("exec 3<>pipe 4>pipe 3<&-; xask {flags} >&4")).code(LEFT);
    }
}

#[test]
fn a_reader_that_has_had_enough_is_told_by_the_exit_status_alone() {
    // More than a pipe holds: part of it was read.
    let server = Server::reply(reply(200, replies::completion(&"a line\n".repeat(100_000))));
    let mut run = Env::new().ask(&server, []).stdout_like("a line\n").spawn();
    run.read_stdout_until("a line\n");
    run.close_stdout();
    run.code(LEFT);
}

#[test]
fn the_first_line_is_enough_for_head() {
    let env = Env::new();
    let server = Server::reply(reply(200, replies::completion(&"a line\n".repeat(100_000))));
    let script = "{ xask hi; echo $? >code; } | head -n 1; cat code";
    sh(&env, &server, script).stdout("a line\n141\n").success();
}

#[test]
fn a_reader_that_left_does_not_hide_an_error() {
    let (env, (server, asked, left)) = (Env::new(), Server::holding(reply(400, "words")));
    let mut run = env.ask(&server, []).stderr_like(": words (HTTP 400").spawn();
    asked.wait();
    run.close_stdout();
    left.open();
    run.code(4);
}

#[test]
fn a_closed_stdout_is_as_the_null_device() {
    let env = Env::new();
    let server = Server::reply(four());
    sh(&env, &server, "xask hi >&-").success();
    let server = Server::reply(cut());
    sh(&env, &server, "xask hi >&-").stderr(CUT).code(9);
    let server = Server::reply(four());
    sh(&env, &server, "xask hi >&- 2>&- <&-").success();
    // What is opened in its place is not written to.
    env.write("prompt", "hello");
    let server = Server::reply(four());
    sh(&env, &server, "xask --file prompt >&- 2>&- <&-").success();
    assert_eq!(server.request().json()["messages"][0]["content"], "hello");
    assert_eq!(env.read("prompt"), b"hello");
    for flags in UNASKED {
        env.sh(&format!("xask {flags} >&-")).success();
    }
}

#[test]
fn a_stderr_that_is_full_or_closed_changes_nothing() {
    let env = Env::new();
    for to in ["2>/dev/full", "2>&-", "2>/dev/null"] {
        for (reply, flags, stdout, code) in [
            (four(), "-v --usage", "Four.\n", 0),
            (cut(), "-v --usage", "Two and\n", 9),
            (reply(400, "words"), "-v", "", 4),
            (reply(429, "words"), "", "", 5),
        ] {
            let server = Server::reply(reply);
            let script = format!("xask --retries=0 {flags} hi {to}");
            sh(&env, &server, &script).stdout(stdout).code(code);
        }
        env.sh(&format!("xask --no-such-flag {to}")).code(2);
        env.sh(&format!("xask --rehearse hi {to}"))
            .stdout("[rehearsal]\nmodel: grok-4\nuser: hi\n")
            .success();
    }
}

#[test]
fn a_reader_of_stderr_that_left_changes_nothing() {
    let env = Env::new();
    let server = Server::reply(four());
    // The reader of the pipe has ended before xask begins.
    let script = "mkfifo pipe; exec 4<>pipe 5>pipe 4<&-; : <pipe; xask -v --usage hi 2>&5";
    sh(&env, &server, script).stdout("Four.\n").success();
}

#[test]
fn both_streams_may_go_the_same_way() {
    let (env, server) = (Env::new(), Server::reply(cut()));
    sh(&env, &server, "xask hi 2>&1").stdout(format!("Two and\n{CUT}")).code(9);
}
