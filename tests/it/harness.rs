//! The harness itself, because a fault in it would let other tests pass that prove nothing. It is tested with a
//! shell and with bare sockets, without xask.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::support::{Env, Gate, Reads, Response, Script, Server, Signal, Tty, chat, unprivileged};
use predicates::prelude::*;

const REQUEST: &[u8] = b"POST /v1/x HTTP/1.1\r\nContent-LENGTH: 4\r\n\r\nbody";

/// The message with which this fails; panics if it does not fail.
#[track_caller]
fn failure<T>(test: impl FnOnce() -> T) -> String {
    let panic = catch_unwind(AssertUnwindSafe(test)).err().expect("the harness let it pass");
    match panic.downcast::<String>() {
        Ok(words) => *words,
        Err(panic) => panic.downcast_ref::<&str>().unwrap_or(&"?").to_string(),
    }
}

/// Sends these bytes and reads the response until the connection ends.
fn ask(server: &Server, request: &[u8]) -> (Vec<u8>, Result<usize, ErrorKind>) {
    let mut stream = TcpStream::connect(server.addr()).expect("the server listens");
    stream.write_all(request).expect("the server reads");
    let mut response = Vec::new();
    let end = stream.read_to_end(&mut response).map_err(|e| e.kind());
    (response, end)
}

#[test]
fn a_run_with_the_expected_output_passes() {
    let env = Env::new();
    let run = env.sh("printf out; printf err >&2; exit 3").stdout("out").stderr("err");
    assert_eq!(run.code(3).stdout, b"out");
    env.sh("printf out; printf err >&2").stdout_like("ou").stderr_like("err").success();
    env.sh("kill -TERM $$").signal(Signal::TERM);
}

#[test]
fn a_byte_too_many_or_too_few_on_any_stream_fails() {
    let env = Env::new();
    assert!(failure(|| env.sh("printf x").success()).contains("Unexpected stdout"));
    assert!(failure(|| env.sh("printf x >&2").success()).contains("Unexpected stderr"));
    assert!(failure(|| env.sh("printf x >&2").tty(Tty::Stderr).success()).contains("terminal"));
    failure(|| env.sh("").tty(Tty::Stderr).on_tty("x").success());
    failure(|| env.sh("").stdout("x").success());
    failure(|| env.sh("").stderr("x").success());
    let words = failure(|| env.sh("printf 'a\\nb\\r\\n'").stdout("a\nb\n").success());
    assert!(words.contains("- b\\n\n") && words.contains("+ b\\r\\n\n"), "{words}");
}

#[test]
fn a_text_or_predicate_that_does_not_match_fails() {
    let env = Env::new();
    failure(|| env.sh("echo abc").stdout_like("abc").stdout_like("abd").success());
    failure(|| env.sh("echo abc >&2").stderr_like("abd").success());
    failure(|| env.sh("echo abc >&2").stderr_like(predicate::str::contains("b").not()).success());
    failure(|| env.sh("printf '\\377'").stdout_like(predicate::always()).success());
    failure(|| env.sh("printf x").tty(Tty::Stdout).on_tty_like("y").success());
}

#[test]
fn a_wrong_exit_status_or_signal_fails() {
    let env = Env::new();
    failure(|| env.sh("exit 1").success());
    failure(|| env.sh("").code(1));
    failure(|| env.sh("kill -TERM $$").code(143));
    failure(|| env.sh("kill -TERM $$").signal(Signal::INT));
    failure(|| env.sh("exit 143").signal(Signal::TERM));
}

#[test]
fn the_environment_has_only_the_intended_variables() {
    let output = Env::new().sh("env").env("MINE", "1").stdout_like("MINE=1\n").success();
    let shells_own = ["PWD", "OLDPWD", "SHLVL", "_"];
    let text = String::from_utf8(output.stdout).expect("text");
    let names = text.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name);
    let mut names: Vec<_> = names.filter(|name| !shells_own.contains(name)).collect();
    names.sort_unstable();
    assert_eq!(names, ["LANG", "MINE", "PATH", "RUST_BACKTRACE"]);
}

#[test]
fn the_shell_finds_the_binary_under_test() {
    let found = format!("{}\n", env!("CARGO_BIN_EXE_xask"));
    Env::new().sh("command -v xask").stdout(found).success();
}

#[test]
fn stdin_is_what_the_test_chose() {
    let env = Env::new();
    env.write("file", "from a file");
    env.sh("cat").success();
    env.sh("cat").stdin("bytes").stdout("bytes").success();
    env.sh("cat").stdin_file("file").stdout("from a file").success();
    env.sh("true").stdin(vec![0; 1 << 20]).success();
    env.sh("timeout 0.1 cat").stdin_open().code(124);
    let mut cat = env.sh("cat").stdin_open().stdout("one\n").spawn();
    cat.write_stdin("one\n");
    cat.read_stdout_until("one\n");
    cat.close_stdin();
    cat.success();
}

#[test]
fn a_terminal_is_recognized_and_changes_no_byte() {
    let env = Env::new();
    let script = "test -t 1 && test -t 2 && ! test -t 0 && printf 'a\\n' && printf 'b\\033' >&2";
    env.sh(script).tty(Tty::Stdout).tty(Tty::Stderr).on_tty("a\nb\x1b").success();
    env.sh("test -t 0 && ! test -t 1 && ! test -t 2").tty(Tty::Stdin).success();
    let mut cat = env.sh("cat").tty(Tty::Stdin).stdout("typed\n").spawn();
    cat.write_stdin("typed\n\x04");
    cat.success();
}

#[test]
fn a_reader_that_leaves_causes_sigpipe() {
    let mut yes = Env::new().sh("exec yes").stdout_like("y\ny\n").spawn();
    yes.read_stdout_until("y\ny\n");
    assert!(yes.peak_kib() > 0);
    yes.close_stdout();
    yes.signal(Signal::PIPE);
}

#[test]
fn waiting_for_output_that_never_comes_fails() {
    let mut run = Env::new().sh("echo abab").spawn();
    run.read_stdout_until("ab");
    run.read_stdout_until("ab");
    assert!(failure(|| run.read_stdout_until("ab").len()).contains("ended"));
}

#[test]
fn a_server_that_gets_too_few_or_too_many_requests_fails() {
    let response = || Response::json(200, chat::completion("Four."));
    assert!(failure(|| drop(Server::respond(response()))).contains("asked 0 times, scripted 1"));
    let once_too_often = || {
        let server = Server::never();
        drop(ask(&server, b""));
    };
    assert!(failure(once_too_often).contains("asked 1 times, scripted 0"));
    // A client that leaves before its connection is accepted counts too.
    let gone = || {
        let server = Server::respond(response());
        drop(ask(&server, REQUEST));
        drop(TcpStream::connect(server.addr()));
    };
    assert!(failure(gone).contains("asked 2 times, scripted 1"));
}

#[test]
fn a_server_keeps_its_requests() {
    let server = Server::play([Script::from("one"), Script::new().weigh().send("two")]);
    assert_eq!(ask(&server, REQUEST), (b"one".to_vec(), Ok(3)));
    assert_eq!(ask(&server, REQUEST), (b"two".to_vec(), Ok(3)));
    let requests = server.requests();
    assert_eq!((&*requests[0].method, &*requests[0].path), ("POST", "/v1/x"));
    assert_eq!(requests[0].header("content-length"), Some("4"));
    assert_eq!((&*requests[0].body, requests[0].body_len), (&b"body"[..], 4));
    assert_eq!((&*requests[1].body, requests[1].body_len), (&b""[..], 4));
}

#[test]
fn a_server_counts_bytes_it_does_not_keep() {
    let env = Env::new();
    let server = Server::play([
        Script::new().keep_in(env.path("body")).send("one"),
        Script::after(Reads::Body(1)).hold(),
    ]);
    assert_eq!(ask(&server, REQUEST), (b"one".to_vec(), Ok(3)));
    let mut stream = TcpStream::connect(server.addr()).expect("the server listens");
    stream.write_all(&REQUEST[..REQUEST.len() - 1]).expect("the server reads");
    drop(stream);
    server.wait();
    let lengths: Vec<_> = server.requests().iter().map(|request| request.body_len).collect();
    assert_eq!((lengths, env.read("body")), (vec![4, 3], b"body".to_vec()));
}

#[test]
fn a_message_in_another_style_fails() {
    let env = Env::new();
    let say = |text: &str| env.sh(&format!("printf '%b' '{text}' >&2; exit 2"));
    say("xask: error: a.png: no such file\\n").refused(2, &["a.png"]);
    say("xask: error: XASK_MODEL: it is odd\\nxask: hint: set it\\n").refused(2, &["hint"]);
    for text in [
        "",
        "xask: a.png: no such file\\n",
        "a.png: no such file\\n",
        "xask: error: \\n",
        "xask: error: it ends in nothing",
        "xask: error: It is upper case\\n",
        "xask: error: it is a sentence.\\n",
        "xask: error: one\\nxask: note: two\\n",
        "xask: error: one\\nxask: error: two\\n",
        "xask: error: one\\nxask: hint: two\\nxask: hint: three\\n",
        "xask: error: \\033[2J\\n",
        "error: of clap\\n",
        "xask: error: a.png: no such file (os error 2)\\n",
        "xask: error: 0 is not in 1..5\\n",
    ] {
        failure(|| say(text).refused(2, &[]));
    }
    let message = "xask: error: a\\n";
    failure(|| say(message).refused(1, &[]));
    failure(|| say(message).refused(2, &["b"]));
    failure(|| env.sh("echo xask: error: a >&2; echo out; exit 2").refused(2, &[]));
}

#[test]
fn unprivileged_runs_are_held_to_permissions() {
    unprivileged(|| {
        let env = Env::new();
        env.write_unreadable("file", "x");
        env.sh("cat file").stderr_like("denied").code(1);
    });
}

#[test]
fn a_truncated_response_ends_and_a_reset_is_a_reset() {
    let cut = Response::json(200, chat::completion("Four.")).truncated_at(5);
    let reset = |reads| Script::after(reads).reset();
    let scripts =
        [Script::from(cut), reset(Reads::Head), reset(Reads::AllBut(1)), reset(Reads::Nothing)];
    let server = Server::play(scripts);
    let (response, end) = ask(&server, REQUEST);
    assert!(response.ends_with(b"\r\n\r\n{\"id\"") && end.is_ok());
    for _ in 0..3 {
        assert_eq!(ask(&server, REQUEST).1, Err(ErrorKind::ConnectionReset));
    }
}

#[test]
fn a_script_that_cannot_be_played_fails() {
    let no_reset = || {
        let server = Server::play([Script::new().reset()]);
        let mut stream = TcpStream::connect(server.addr()).expect("the server listens");
        stream.write_all(REQUEST).expect("the server reads");
    };
    assert!(failure(no_reset).contains("a script of the server failed"));
    failure(|| Vec::from(Response::json(200, "{}").truncated_at(2)));
}

#[test]
fn nothing_passes_a_gate_before_it_opens() {
    let (received, gate) = (Gate::new(), Gate::new());
    let events = chat::stream_of(&["Fo", "ur."], Some("stop"));
    let (first, rest) = Response::sse(&events).split(2);
    let sent = [&first[..], &rest].concat();
    let script = Script::new().send(first.clone()).open(&received).wait(&gate).send(rest);
    let server = Server::play([script]);
    let mut stream = TcpStream::connect(server.addr()).expect("the server listens");
    stream.write_all(REQUEST).expect("the server reads");
    received.wait();
    let mut early = vec![0; first.len()];
    stream.read_exact(&mut early).expect("the first events");
    stream.set_nonblocking(true).expect("a socket");
    let kind = stream.read(&mut [0]).map_err(|e| e.kind());
    assert_eq!(kind, Err(ErrorKind::WouldBlock));
    stream.set_nonblocking(false).expect("a socket");
    gate.open();
    let mut late = Vec::new();
    stream.read_to_end(&mut late).expect("the rest");
    assert_eq!([early, late].concat(), sent);
}

#[test]
fn a_server_can_be_dropped_at_any_moment() {
    let gate = Gate::new();
    let server = Server::play([
        Script::new().hold(),
        Script::new().stall(),
        Script::after(Reads::Body(2)).stall(),
        Script::new().wait(&gate),
        Script::new(),
    ]);
    let connect = |_| TcpStream::connect(server.addr()).expect("the server listens");
    let mut clients: Vec<_> = (0..5).map(connect).collect();
    for client in &mut clients[..4] {
        client.write_all(REQUEST).expect("the server reads");
    }
    drop(server);
    drop(clients);
}

#[test]
fn responses_are_exact_on_the_wire() {
    let text = |response: Response| String::from_utf8(response.into()).expect("text");
    let json = text(Response::json(429, chat::error("slug", "words")).header("Retry-After", "1"));
    assert!(json.starts_with("HTTP/1.1 429 Scripted\r\nContent-Type: application/json\r\n"));
    assert!(json.contains("\r\nRetry-After: 1\r\n") && json.contains("\r\nContent-Length: 31\r\n"));
    assert!(json.ends_with("\r\n\r\n{\"code\":\"slug\",\"error\":\"words\"}"));
    let sse = text(Response::sse(&["{}"]));
    assert!(sse.ends_with("\r\n\r\na\r\ndata: {}\n\n\r\ne\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"));
    assert!(
        text(Response::sse(&["{}"]).close_delimited()).ends_with("data: {}\n\ndata: [DONE]\n\n")
    );
    assert!(
        text(Response::json(200, "1234").chunked()).ends_with("2\r\n12\r\n2\r\n34\r\n0\r\n\r\n")
    );
    let mut events = chat::stream_of(&["a", "b"], Some("stop"));
    events.push(chat::usage_chunk());
    for event in events {
        serde_json::from_str::<serde_json::Value>(&event).expect("an event is JSON");
    }
    let odd = chat::completion_with(serde_json::json!({"content": null, "finish_reason": "x"}));
    let odd: serde_json::Value = serde_json::from_str(&odd).expect("JSON");
    assert_eq!(
        (&odd["choices"][0]["message"]["content"], odd["choices"][0]["finish_reason"].as_str()),
        (&serde_json::Value::Null, Some("x"))
    );
}
