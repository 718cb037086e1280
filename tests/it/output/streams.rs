//! Standard streams that are full, closed, or abandoned by their reader.

use super::{TRUNCATED, truncated};
use crate::support::{Env, Run, Server, chat, four, json_response, messages, streamed};

/// The exit status that a shell shows for a process killed by SIGPIPE, and for xask when its reader has left.
const LEFT: i32 = 141;

/// Arguments that print something without a request.
const WITHOUT_REQUEST: [&str; 6] =
    ["-h", "--help", "-V", "--version", "--dry-run hi", "--rehearse -q hi"];

/// A shell script that runs xask; it gives `--retries=0` itself.
fn sh(env: &Env, server: &Server, script: &str) -> Run {
    env.sh(script).server(server)
}

#[test]
fn a_full_stdout_is_a_local_error() {
    let env = Env::new();
    let full = "xask: error: standard output: no space left on device\n";
    for flags in ["", "--json", "-q", "--no-stream"] {
        let server = Server::respond(four());
        sh(&env, &server, &format!("xask {flags} hi >/dev/full")).stderr(full).code(1);
    }
    let server = Server::respond(streamed(&["Fo", "ur."]));
    sh(&env, &server, "xask --stream hi >/dev/full").stderr(full).code(1);
    // Also for an unusable answer, because it was not seen; usage is still reported.
    let server = Server::respond(truncated());
    sh(&env, &server, "xask hi >/dev/full").stderr(full).code(1);
    let server = Server::respond(four());
    sh(&env, &server, "xask --usage hi >/dev/full")
        .stderr_like("xask: usage: prompt=21")
        .stderr_like(full)
        .code(1);
    for flags in WITHOUT_REQUEST {
        env.sh(&format!("xask {flags} >/dev/full")).stderr(full).code(1);
    }
    // An error that writes nothing there is not affected.
    let server = Server::respond(json_response(400, "words"));
    sh(&env, &server, "xask hi >/dev/full").fails(4, &["words"]);
}

#[test]
fn a_disk_that_fills_up_in_the_middle_is_an_error() {
    // A limit on the blocks of 512 bytes of a file acts like a full disk if the signal is ignored.
    let (env, server) =
        (Env::new(), Server::respond(json_response(200, chat::completion(&"x".repeat(100_000)))));
    let script = "trap '' XFSZ; ulimit -f 16; xask hi >answer";
    sh(&env, &server, script).fails(1, &["standard output: file too large"]);
    assert_eq!(env.read("answer").len(), 16 * 512);
}

/// Sends a request, closes the reader of stdout while the server waits to respond, and ends with this code.
#[track_caller]
fn leave(run: impl FnOnce(&Env, &Server) -> Run, response: impl Into<Vec<u8>>) {
    let (env, (server, received, left)) = (Env::new(), Server::holding(response));
    let mut run = run(&env, &server).spawn();
    received.wait();
    run.close_stdout();
    left.open();
    run.code(LEFT);
}

#[test]
fn a_reader_that_left_is_reported_only_by_the_exit_status() {
    for flags in [&[][..], &["--json"], &["-q"], &["--no-stream"]] {
        let ask = |env: &Env, server: &Server| env.ask(server, flags.iter().copied());
        leave(ask, four());
        leave(ask, truncated());
        leave(ask, json_response(200, chat::completion(&"x".repeat(1 << 20))));
    }
    leave(|env, server| env.ask(server, ["--usage"]).stderr(messages::USAGE), four());
}

#[test]
fn a_reader_that_left_before_any_output_is_reported_only_by_the_exit_status() {
    let env = Env::new();
    env.fifo("pipe");
    for flags in WITHOUT_REQUEST {
        // A pipe without a reader, before xask begins.
        env.sh(&format!("exec 3<>pipe 4>pipe 3<&-; xask {flags} >&4")).code(LEFT);
    }
}

#[test]
fn a_reader_that_leaves_midway_is_reported_only_by_the_exit_status() {
    // More than a pipe holds: part of it was read.
    let server = Server::respond(json_response(200, chat::completion(&"a line\n".repeat(100_000))));
    let mut run = Env::new().ask(&server, []).stdout_like("a line\n").spawn();
    run.read_stdout_until("a line\n");
    run.close_stdout();
    run.code(LEFT);
}

#[test]
fn head_may_leave_after_the_first_line() {
    let env = Env::new();
    let server = Server::respond(json_response(200, chat::completion(&"a line\n".repeat(100_000))));
    let script = "{ xask hi; echo $? >code; } | head -n 1; cat code";
    sh(&env, &server, script).stdout("a line\n141\n").success();
}

#[test]
fn a_reader_that_left_does_not_hide_an_error() {
    let (env, (server, received, left)) =
        (Env::new(), Server::holding(json_response(400, "words")));
    let mut run = env.ask(&server, []).stderr_like(": words (HTTP 400").spawn();
    received.wait();
    run.close_stdout();
    left.open();
    run.code(4);
}

#[test]
fn a_closed_stdout_works_like_the_null_device() {
    let env = Env::new();
    let server = Server::respond(four());
    sh(&env, &server, "xask hi >&-").success();
    let server = Server::respond(truncated());
    sh(&env, &server, "xask hi >&-").stderr(TRUNCATED).code(9);
    let server = Server::respond(four());
    sh(&env, &server, "xask hi >&- 2>&- <&-").success();
    // A file that is opened with its descriptor is not written to.
    env.write("prompt", "hello");
    let server = Server::respond(four());
    sh(&env, &server, "xask --file prompt >&- 2>&- <&-").success();
    assert_eq!(server.request().json()["messages"][0]["content"], "hello");
    assert_eq!(env.read("prompt"), b"hello");
    for flags in WITHOUT_REQUEST {
        env.sh(&format!("xask {flags} >&-")).success();
    }
}

#[test]
fn a_stderr_that_is_full_or_closed_changes_nothing() {
    let env = Env::new();
    for to in ["2>/dev/full", "2>&-", "2>/dev/null"] {
        for (response, flags, stdout, code) in [
            (four(), "-v --usage", "Four.\n", 0),
            (truncated(), "-v --usage", "Two and\n", 9),
            (json_response(400, "words"), "-v", "", 4),
            (json_response(429, "words"), "", "", 5),
        ] {
            let server = Server::respond(response);
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
    let server = Server::respond(four());
    // The reader of the pipe ends before xask begins.
    let script = "mkfifo pipe; exec 4<>pipe 5>pipe 4<&-; : <pipe; xask -v --usage hi 2>&5";
    sh(&env, &server, script).stdout("Four.\n").success();
}

#[test]
fn both_streams_may_go_to_the_same_place() {
    let (env, server) = (Env::new(), Server::respond(truncated()));
    sh(&env, &server, "xask hi 2>&1").stdout(format!("Two and\n{TRUNCATED}")).code(9);
}
