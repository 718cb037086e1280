//! The progress line: when it is shown, and that it is erased before anything else is printed.

use predicates::prelude::*;

use crate::support::responses;
use crate::support::{
    Env, Gate, Reads, Response, Run, Running, Script, Server, Tty, chat, four, retry_at_once, skip,
    streamed,
};

/// How the line begins. What second it is depends on the machine too.
const LINE: &str = "\r\x1b[Kxask: waiting, ";

/// The line, each time it was drawn, and its end.
const LINES: &str = r"(\r\x1b\[Kxask: waiting, \d+ s)+\r\x1b\[K";

/// Matches everything that a terminal was sent.
fn exactly(pattern: &str) -> impl Predicate<str> + use<> {
    predicate::str::is_match(format!(r"\A{pattern}\z")).expect("a pattern")
}

/// Returns when a run that was started before now has shown its line: any earlier
/// wait has lasted longer.
fn a_second_passes() {
    let (server, _, _) = Server::holding(four());
    let env = Env::new();
    let mut run = env.xask(["hi"]).server(&server).tty(Tty::Stderr).spawn();
    run.read_tty_until(LINE);
    run.kill();
    drop(run.finish());
}

/// Starts the run, and opens the gate when the line was shown.
fn wait_for_the_line(run: Run, gate: &Gate) -> Running {
    let mut run = run.spawn();
    run.read_tty_until(LINE);
    gate.open();
    run
}

#[test]
fn a_wait_of_over_a_second_is_shown_until_the_answer_arrives() {
    let env = Env::new();
    let models = Response::json(200, r#"{"data":[{"id":"Four."}]}"#);
    let events = chat::stream_of(&["Fo", "ur."], Some("stop"));
    for (args, http_response) in [
        (&["hi"][..], four()),
        (&["hi", "--stream"], Response::sse(&events)),
        (&["--list-models"], models),
    ] {
        let (server, _, gate) = Server::holding(http_response);
        let run = env.xask(args).server(&server).tty(Tty::Stderr);
        let run = run.stdout("Four.\n").on_tty_like(exactly(LINES));
        wait_for_the_line(run, &gate).success();
    }
}

#[test]
fn the_line_is_erased_before_the_answer_appears_on_the_same_terminal() {
    let env = Env::new();
    for (args, http_response) in [
        (&["--no-stream"][..], four()),
        (&["--stream"], streamed(&["Fo", "ur."])),
        (&["-o", "/dev/full"], four()),
    ] {
        let (server, _, gate) = Server::holding(http_response);
        let run = env.xask(["hi"]).args(args).server(&server);
        let run = run.tty(Tty::Stdout).tty(Tty::Stderr);
        if args[0] == "-o" {
            let error = "xask: error: --output /dev/full: no space left on device\n";
            let run = run.on_tty_like(exactly(&format!("{LINES}Four\\.\n{error}")));
            wait_for_the_line(run, &gate).code(1);
        } else {
            let run = run.on_tty_like(exactly(&format!("{LINES}Four\\.\n")));
            wait_for_the_line(run, &gate).success();
        }
    }
}

#[test]
fn the_line_is_erased_before_an_error() {
    let env = Env::new();
    let refused = Response::json(401, chat::error("slug", "No credentials presented."));
    let truncated = Vec::from(Response::sse(&chat::stream_of(&["Fo"], None)));
    for (http_response, code, error) in [
        (Vec::from(refused), 3, "xask: error: no API key was sent: [^\n]+\nxask: hint: [^\n]+\n"),
        (truncated, 7, "xask: error: incomplete response: [^\n]+\nxask: hint: [^\n]+\n"),
        (Vec::new(), 7, "xask: error: incomplete response [^\n]+\nxask: hint: [^\n]+\n"),
    ] {
        let (server, _, gate) = Server::holding(http_response);
        let run = env.xask(["hi", "--retries=0"]).server(&server).case(error).tty(Tty::Stderr);
        wait_for_the_line(run.on_tty_like(exactly(&format!("{LINES}{error}"))), &gate).code(code);
    }
}

#[test]
fn the_line_is_erased_when_a_stream_begins_and_does_not_return() {
    let env = Env::new();
    let (first_gate, rest_gate) = (Gate::new(), Gate::new());
    let events = chat::stream_of(&["Fo", "ur."], Some("stop"));
    // The thinking before the first word is a wait as well.
    let (thinking, _) = Response::sse(&events).split(1);
    let (first, rest) = Response::sse(&events).split(2);
    let script = Script::new().send(thinking.clone()).wait(&first_gate);
    let script = script.send(&first[thinking.len()..]).wait(&rest_gate).send(rest);
    let server = Server::play([script]);
    let run = env.xask(["hi"]).server(&server).tty(Tty::Stdout).tty(Tty::Stderr);
    let lines = r"(\r\x1b\[Kxask: thinking, \d+ s)+\r\x1b\[K";
    let mut run = run.on_tty_like(exactly(&format!("{lines}Four\\.\n"))).spawn();
    run.read_tty_until("\r\x1b[Kxask: thinking, ");
    first_gate.open();
    run.read_tty_until("\r\x1b[KFo");
    a_second_passes();
    rest_gate.open();
    run.success();
}

#[test]
fn the_line_says_thinking_once_reasoning_arrives_on_either_api() {
    let env = Env::new();
    let all = responses::recorded();
    let reasoned = Response::sse(&chat::stream_of(&["Four."], Some("stop")));
    let chat = reasoned.split(1);
    let head = responses::stream(&[]).head();
    let other = (
        [head, responses::sse(&all[..5]).into_bytes()].concat(),
        responses::sse(&all[5..]).into_bytes(),
    );
    for (api, (first, rest), printed) in
        [("chat", chat, "Four.\n"), ("responses", other, "Seven.\n")]
    {
        let gate = Gate::new();
        let server = Server::play([Script::new().send(first).wait(&gate).send(rest)]);
        let run = env.xask(["hi", "--stream", "--api", api]).server(&server).tty(Tty::Stderr);
        let mut run = run.stdout(printed).on_tty_like(predicate::always()).spawn();
        run.read_tty_until("\r\x1b[Kxask: thinking, ");
        gate.open();
        run.success();
    }
}

#[test]
fn the_line_is_erased_before_the_note_of_a_retry_and_starts_again() {
    let env = Env::new();
    let (first, second) = (Gate::new(), Gate::new());
    let server = Server::play([
        Script::new().wait(&first).send(retry_at_once(503)),
        Script::new().wait(&second).send(four()),
    ]);
    let note = "xask: note: server error: [^\n]+; retry 1 of 2 in 0.0 s\n";
    let run = env.xask(["hi"]).server(&server).tty(Tty::Stderr).stdout("Four.\n");
    let run = run.on_tty_like(exactly(&format!("{LINES}{note}{LINES}")));
    let mut run = wait_for_the_line(run, &first);
    run.read_tty_until("retry 1 of 2");
    run.read_tty_until(LINE);
    second.open();
    run.success();
}

#[test]
fn a_pause_between_two_attempts_is_a_wait_too() {
    let env = Env::new();
    let busy = Response::json(503, chat::error("overloaded", "Too busy."));
    let server = Server::play([busy.header("Retry-After", "2"), four()]);
    let note = "xask: note: server error: [^\n]+; retry 1 of 2 in 2.0 s\n";
    let run = env.xask(["hi"]).server(&server).tty(Tty::Stderr).stdout("Four.\n");
    run.on_tty_like(exactly(&format!("{note}{LINES}"))).success();
}

#[test]
fn the_line_is_erased_before_verbose_notes() {
    let (env, gate) = (Env::new(), Gate::new());
    let server = Server::play([Script::new().wait(&gate).send(four())]);
    let run = env.xask(["-v", "hi"]).server(&server).tty(Tty::Stderr).stdout("Four.\n");
    let request_note = "xask: request to [^\n]+\n";
    let shown = "xask: HTTP 200 [^\n]+\nxask: response complete [^\n]+\n";
    wait_for_the_line(run.on_tty_like(exactly(&format!("{request_note}{LINES}{shown}"))), &gate)
        .success();
}

#[test]
fn the_seconds_are_counted() {
    let env = Env::new();
    let (server, _, gate) = Server::holding(four());
    let run = env.xask(["hi"]).server(&server).tty(Tty::Stderr).stdout("Four.\n");
    let mut run = run.on_tty_like(exactly(LINES)).spawn();
    run.read_tty_until(LINE);
    run.read_tty_until(LINE);
    gate.open();
    let output = run.success();
    let tty = String::from_utf8(output.tty).expect("text");
    let lines = tty.split(LINE).filter_map(|rest| rest.split_once(" s"));
    let seconds: Vec<u64> = lines.filter_map(|(seconds, _)| seconds.parse().ok()).collect();
    assert!(seconds.len() > 1 && seconds[0] > 0 && seconds.is_sorted_by(|a, b| a < b), "{tty:?}");
}

#[test]
fn the_line_shows_how_much_of_a_large_upload_is_sent() {
    let env = Env::new();
    env.sparse_png("a.png", 20 << 20);
    let gate = Gate::new();
    // The server reads a part, and the rest after the line was shown.
    let script = Script::after(Reads::Body(1 << 20)).wait(&gate).read(Reads::Rest).send(four());
    let server = Server::play([script]);
    let run = env.xask(["hi", "-i", "a.png"]).server(&server).tty(Tty::Stderr).stdout("Four.\n");
    // 20 MiB are 26.7 in base64. The system buffers some of it that the server has not read.
    let sent = r"(\r\x1b\[Kxask: sent ([1-9]|1\d|2[0-5]) of 26 MiB, \d+ s)+\r\x1b\[K";
    let mut run = run.on_tty_like(exactly(sent)).spawn();
    run.read_tty_until("\r\x1b[Kxask: sent ");
    run.read_tty_until(" of 26 MiB, ");
    gate.open();
    run.success();
}

#[test]
fn an_upload_that_was_sent_shows_the_wait_whatever_its_size() {
    let env = Env::new();
    env.sparse_png("a.png", 20 << 20);
    let (received, gate) = (Gate::new(), Gate::new());
    let script = Script::new().weigh().open(&received).wait(&gate).send(four());
    let server = Server::play([script]);
    let run = env.xask(["hi", "-i", "a.png"]).server(&server).tty(Tty::Stderr).stdout("Four.\n");
    let mut run = run.on_tty_like(predicate::str::ends_with("\r\x1b[K")).spawn();
    received.wait();
    run.read_tty_until("\r\x1b[Kxask: waiting, ");
    gate.open();
    run.success();
}

#[test]
fn a_background_job_does_not_overwrite_the_command_line() {
    let env = Env::new();
    // A shell with jobs, at a terminal of its own.
    let shell = |job: &str| env.sh(&format!("exec setsid -cw sh -mc '{job}'"));
    let can = shell("true").tty(Tty::Stdin).any_output().spawn().finish();
    if !can.status.success() {
        return skip("there is no setsid that makes a terminal one's own");
    }
    for (job, is_shown) in [("xask hi", true), ("xask hi & wait", false)] {
        let (server, received, gate) = Server::holding(four());
        let run = shell(job).server(&server).tty(Tty::Stdin).tty(Tty::Stderr);
        let run = run.stdout("Four.\n").on_tty_like(predicate::always()).spawn();
        received.wait();
        a_second_passes();
        gate.open();
        let tty = String::from_utf8(run.success().tty).expect("text");
        assert_eq!(tty.contains("xask: waiting"), is_shown, "{job}: {tty:?}");
    }
}

#[test]
fn a_wait_is_not_shown_in_a_pipe_or_with_quiet() {
    let env = Env::new();
    let setups: [fn(Run) -> Run; 4] = [
        |run| run,
        |run| run.tty(Tty::Stdin),
        |run| run.args(["--quiet"]).tty(Tty::Stderr),
        |run| run.args(["-q", "-o", "/dev/stderr"]).tty(Tty::Stderr).on_tty("Four.\n").stdout(""),
    ];
    let runs: Vec<_> = setups
        .into_iter()
        .map(|setup| {
            let (server, received, gate) = Server::holding(four());
            let run = setup(env.xask(["hi"]).server(&server).stdout("Four.\n")).spawn();
            received.wait();
            (run, gate, server)
        })
        .collect();
    a_second_passes();
    for (run, gate, _server) in runs {
        gate.open();
        run.success();
    }
}

#[test]
fn an_immediate_answer_shows_no_line() {
    let env = Env::new();
    env.xask(["-q", "--rehearse", "hi"]).tty(Tty::Stderr).stdout_like("model").success();
    env.xask(["--dry-run", "hi"]).tty(Tty::Stderr).stdout_like("model").success();
    let server = Server::respond(four());
    for _ in 0..2 {
        let run = env.xask(["hi", "--cache", "answers"]).server(&server);
        run.tty(Tty::Stderr).stdout("Four.\n").success();
    }
}
