//! What is retried, what is not, and what each retry says. The server fails a test that sends it a request
//! too many or too few.

use std::time::{Duration, Instant};

use predicates::prelude::*;
use serde_json::json;

use crate::support::pictures::{JPEG, png};
use crate::support::tls::trusted;
use crate::support::{Env, Reads, Reply, Run, Script, Server, busy, four, messages, replies};

/// What the service says with status 200 when it is too busy to begin.
const UNAVAILABLE: &str = "The service is currently unavailable";

fn ask(env: &Env, server: &Server) -> Run {
    env.xask(["What is 2 + 2?"]).server(server)
}

/// The request is read, and the connection breaks before a byte of an answer.
fn reset() -> Script {
    Script::after(Reads::AllBut(1)).reset()
}

/// A reply whose body ends in the middle.
fn cut() -> Script {
    four().cut_at(40).into()
}

fn unavailable() -> String {
    replies::error(UNAVAILABLE, "Timed out waiting for first token")
}

#[test]
fn what_was_turned_away_is_repeated_and_says_so_in_a_line_each() {
    let env = Env::new();
    for status in [429, 503, 521, 522, 523, 529, 530] {
        let server = Server::play([busy(status), busy(status), four()]);
        let what = if status == 429 { "rate limit exceeded" } else { "server error" };
        let failed = format!("xask: note: {what}: overloaded: Too busy. (HTTP {status})");
        let line = |n| format!("{failed}; retry {n} of 2 in 0.0 s\n");
        ask(&env, &server).case(status).stdout("Four.\n").stderr(line(1) + &line(2)).success();
    }
}

#[test]
fn a_reply_that_is_unavailable_with_status_200_is_repeated() {
    let env = Env::new();
    let json = || Reply::json(200, unavailable());
    let event = Reply::sse(&[unavailable()]);
    let words = Reply::json(200, replies::error("unavailable", UNAVAILABLE));
    for (flag, refusal) in [
        ("--no-stream", json()),
        ("--no-stream", words),
        ("--no-stream", event.clone()),
        ("--stream", event),
        ("--stream", json()),
    ] {
        let server = Server::play([refusal, four()]);
        let run = env.xask([flag, "Hi"]).server(&server).stdout("Four.\n");
        run.stderr_like("; retry 1 of 2 in 0.").success();
    }
}

#[test]
fn a_pause_asked_for_with_status_200_is_kept_too() {
    let env = Env::new();
    let server = Server::play([Reply::json(200, unavailable()).header("Retry-After", "0"), four()]);
    ask(&env, &server).stdout("Four.\n").stderr_like("retry 1 of 2 in 0.0 s\n").success();
}

#[test]
fn what_was_refused_or_may_have_been_billed_is_not_repeated() {
    let env = Env::new();
    for (status, code) in [
        (204, 8),
        (302, 8),
        (400, 4),
        (401, 3),
        (403, 3),
        (404, 4),
        (408, 8),
        (410, 4),
        (413, 4),
        (422, 4),
        (425, 8),
        (500, 8),
        (502, 8),
        (504, 8),
        (520, 8),
        (524, 8),
        (525, 8),
        (526, 8),
        (599, 8),
    ] {
        let server = Server::reply(busy(status));
        let output = ask(&env, &server).stderr_like(&*format!("(HTTP {status})")).code(code);
        assert!(!output.notes().contains("; retry "), "{status}: {}", output.notes());
    }
    for (case, script, code) in [
        ("a reset", reset(), 7),
        ("a cut", cut(), 7),
        ("no completion", Reply::json(200, "{}").into(), 8),
        ("an error", Reply::json(200, replies::error("internal", "It broke.")).into(), 8),
        ("no HTTP", Script::from("not HTTP at all\r\n\r\n"), 8),
    ] {
        let server = Server::play([script]);
        let output = ask(&env, &server).case(case).stderr_like("xask: error: ").code(code);
        assert!(!output.notes().contains("; retry "), "{}", output.notes());
    }
}

#[test]
fn what_may_have_been_billed_is_repeated_when_asked_to() {
    let env = Env::new();
    let failed =
        |status| (busy(status).into(), format!("(HTTP {status}); retry 1 of 2 in 0.0 s\n"));
    let mut cases: Vec<(Script, String)> = [500, 501, 502, 504, 520, 524, 599].map(failed).into();
    cases.push((reset(), "incomplete response from ".to_owned()));
    cases.push((cut(), "incomplete response from ".to_owned()));
    for (script, line) in cases {
        let server = Server::play([script, four().into()]);
        let run = env.xask(["--retry-lost", "Hi"]).server(&server).case(&line).stdout("Four.\n");
        let output = run.stderr_like(&*line).success();
        assert_eq!(output.notes().lines().count(), 1, "{}", output.notes());
        assert!(!output.notes().contains("hint"), "{}", output.notes());
    }
    for (status, code) in [(408, 8), (425, 8), (525, 8), (526, 8), (400, 4), (401, 3)] {
        let server = Server::reply(busy(status));
        let run = env.xask(["--retry-lost", "Hi"]).server(&server).case(status);
        run.stderr_like(&*format!("(HTTP {status})")).code(code);
    }
}

#[test]
fn an_answer_that_is_not_fit_is_never_repeated() {
    let env = Env::new();
    for odd in [json!({"finish_reason": "length"}), json!({"content": ""})] {
        let server = Server::reply(Reply::json(200, replies::completion_with(odd.clone())));
        let run = env.xask(["--retry-lost", "Hi"]).server(&server).case(odd.to_string());
        run.stdout_like(predicate::always()).stderr_like(messages::error("")).code(9);
    }
}

#[test]
fn a_connection_that_did_not_come_about_is_repeated() {
    let (env, _) = trusted();
    // Two that hang up in the handshake, as a balancer without a backend does.
    let server = Server::play([
        Script::after(Reads::Nothing),
        Script::after(Reads::Nothing).send("HTTP/1.1 400 Bad Request\r\n\r\n"),
    ]);
    let url = format!("https://{}/v1", server.addr());
    let run = env.xask(["--retries", "1", "Hi"]).env("XAI_BASE_URL", url).key("k");
    let cannot = format!("cannot connect to {}: ", server.addr());
    let output = run.env("SSL_CERT_FILE", "ca.pem").stderr_like(&*cannot).code(6);
    assert_eq!(output.notes().matches(&cannot).count(), 2, "{}", output.notes());
    assert!(output.notes().contains("retry 1 of 1 in 0."), "{}", output.notes());
}

#[test]
fn every_repetition_sends_the_same_bytes() {
    let env = Env::new();
    env.write("a.png", png(100_000));
    env.write("b.jpg", [JPEG, &vec![9; 50_001]].concat());
    let piped = "line\n".repeat(40_000);
    for (args, stdin) in [
        (vec!["Compare", "-i", "a.png", "with", "-i", "b.jpg", "-"], piped.as_bytes()),
        (vec!["What is this?", "--image", "-"], &env.read("a.png")),
        (vec![], piped.as_bytes()),
        (vec!["--stream", "Hi"], b""),
    ] {
        let server = Server::play([busy(429), busy(503), four()]);
        let run = env.xask(&args).stdin(stdin).server(&server).stdout("Four.\n");
        run.stderr_like("retry 2 of 2").success();
        let [first, second, third] = &server.requests()[..] else { panic!("three requests") };
        assert_eq!(first.body.len(), first.body_len);
        assert!(first.body == second.body && first.body == third.body, "{args:?}");
        assert_eq!(first.headers, second.headers);
        assert_eq!(first.headers, third.headers);
    }
    let fifo = "xask 'What is this?' --image <(cat a.png) 2>/dev/null";
    let server = Server::play([busy(429), four()]);
    env.sh(&format!("exec bash -c \"{fifo}\"")).server(&server).stdout("Four.\n").success();
    let [first, second] = &server.requests()[..] else { panic!("two requests") };
    assert!(first.body.len() > 130_000 && first.body == second.body);
}

#[test]
fn the_pause_is_the_one_the_service_asks_for() {
    let env = Env::new();
    for pause in ["0", " 0 ", "00", "Sun, 06 Nov 1994 08:49:37 GMT"] {
        let reply = Reply::json(429, "{}").header("Retry-After", pause);
        let server = Server::play([reply, four()]);
        let run = ask(&env, &server).case(pause).stdout("Four.\n");
        run.stderr_like("retry 1 of 2 in 0.0 s\n").success();
    }
    for headers in
        [&[("Retry-After", "1.2")][..], &[("Retry-After-Ms", "1200"), ("Retry-After", "7")]]
    {
        let reply = headers
            .iter()
            .fold(Reply::json(429, "{}"), |reply, (name, value)| reply.header(name, value));
        let server = Server::play([reply, four()]);
        let run = ask(&env, &server).case(headers).stdout("Four.\n");
        run.stderr_like("retry 1 of 2 in 1.2 s\n").success();
    }
    for pause in ["soon", "-1", "1,5", "", "Sun, 99 Nov 1994"] {
        let reply = Reply::json(429, "{}").header("Retry-After", pause);
        let server = Server::play([reply, four()]);
        let run = ask(&env, &server).case(pause).stdout("Four.\n");
        run.stderr_like(
            predicate::str::is_match(r"retry 1 of 2 in 0\.[45] s\n").expect("a pattern"),
        )
        .success();
    }
}

/// Turned away this often for this pause, it says so, and is not back before that time is over. (How much later
/// is the machine's to say.)
#[track_caller]
fn pauses(pause: &str, notes: &[&str], least: Duration) {
    let env = Env::new();
    let busy = notes.iter().map(|_| Reply::json(429, "{}").header("Retry-After", pause));
    let server = Server::play(busy.chain([four()]));
    let begun = Instant::now();
    let output = ask(&env, &server).case(pause).stdout("Four.\n").stderr_like("").success();
    assert!(begun.elapsed() >= least, "{pause:?}: back after {:?}", begun.elapsed());
    assert_eq!(output.notes().lines().count(), notes.len(), "{pause:?}: {}", output.notes());
    for (note, pattern) in output.notes().lines().zip(notes) {
        let matches = predicate::str::is_match(format!("{pattern} s$")).expect("a pattern");
        assert!(matches.eval(note), "{pause:?}: {note}");
    }
}

#[test]
fn a_pause_that_is_asked_for_is_kept() {
    pauses("1", &["retry 1 of 2 in 1.0"], Duration::from_secs(1));
}

#[test]
fn where_no_pause_is_asked_for_it_is_half_a_second_doubled_less_up_to_a_quarter() {
    let notes = [r"retry 1 of 2 in 0\.[45]", r"retry 2 of 2 in (0\.[789]|1\.0)"];
    pauses("soon", &notes, Duration::from_millis(375 + 750));
}

#[test]
fn a_pause_that_is_too_long_ends_the_run_and_is_told() {
    let env = Env::new();
    for (status, code) in [(429, 5), (503, 8)] {
        for (pause, told) in [
            ("61", "retry after 61 s\n"),
            ("86400", "retry after 86400 s\n"),
            ("99999999999999999999999999", "retry after "),
            ("Tue, 31 Dec 2199 23:59:59 GMT", "retry after "),
        ] {
            let server = Server::reply(Reply::json(status, "{}").header("Retry-After", pause));
            let output = ask(&env, &server)
                .case((status, pause))
                .stderr_like(&*format!("hint: {told}"))
                .code(code);
            assert!(!output.notes().contains("; retry "), "{}", output.notes());
        }
    }
}

/// Asked once, it is not asked again.
#[track_caller]
fn obeys(env: &Env, reply: Reply, code: i32) {
    let server = Server::reply(reply);
    let run = env.xask(["--retry-lost", "Hi"]).server(&server);
    let output = run.stderr_like(messages::error("")).code(code);
    assert!(!output.notes().contains("; retry "), "{}", output.notes());
}

#[test]
fn a_service_that_says_with_status_200_not_to_repeat_is_obeyed() {
    let env = Env::new();
    let not = |reply: Reply| reply.header("X-Should-Retry", "false");
    obeys(&env, not(Reply::json(200, unavailable())), 8);
    obeys(&env, not(Reply::sse(&[unavailable()])), 8);
    obeys(&env, not(four().cut_at(40)), 7);
}

#[test]
fn a_service_that_says_not_to_repeat_is_obeyed() {
    let env = Env::new();
    for (status, code) in [(429, 5), (503, 8), (529, 8), (500, 8)] {
        for no in ["false", "False"] {
            obeys(&env, busy(status).header("X-Should-Retry", no), code);
        }
    }
    for yes in ["true", "maybe", ""] {
        let server = Server::play([busy(429).header("X-Should-Retry", yes), four()]);
        ask(&env, &server).case(yes).stdout("Four.\n").stderr_like("retry 1 of 2").success();
    }
    // It repeats nothing that is not repeated without it.
    let server = Server::reply(busy(400).header("X-Should-Retry", "true"));
    ask(&env, &server).stderr_like("(HTTP 400)").code(4);
}

#[test]
fn the_number_of_repetitions_is_the_one_given() {
    let env = Env::new();
    for retries in [0, 1, 5] {
        let server = Server::play((0..=retries).map(|_| Script::from(busy(429))));
        let run = env.xask(["--retries", &retries.to_string(), "Hi"]).server(&server);
        let output = run.stderr_like("rate limit").code(5);
        let notes = output.notes().matches("xask: note: ").count();
        assert_eq!(notes, retries, "{}", output.notes());
        assert!(output.notes().ends_with("xask: hint: retry after 0 s\n"));
    }
}

#[test]
fn the_last_reply_decides_how_it_ends() {
    let env = Env::new();
    for (last, code) in [(busy(503), 8), (busy(401), 3), (busy(400), 4), (busy(429), 5)] {
        let server = Server::play([busy(429).into(), busy(529).into(), Script::from(last)]);
        ask(&env, &server).case(code).stderr_like("retry 2 of 2").code(code);
    }
    let server = Server::play([busy(429).into(), reset()]);
    ask(&env, &server).stderr_like("hint: the request was sent").code(7);
}

#[test]
fn nothing_is_repeated_once_a_byte_of_the_answer_was_printed() {
    let env = Env::new();
    let events = replies::stream_of(&["Fo", "ur."], Some("stop"));
    let role = replies::chunk(json!({"role": "assistant"}), None);
    // The payload of an event is a part of what --json prints, also where it has no text.
    for (flags, event, printed) in [
        (&["--stream"][..], &events[1], "Fo"),
        (&["--stream", "--json"], &events[1], r#""Fo""#),
        (&["--stream", "--json"], &role, "assistant"),
    ] {
        let (first, _) = Reply::sse(&[event]).split(1);
        let failed = Reply::sse(&[event, &unavailable()]);
        for (script, code) in [
            (Script::new().send(first.clone()), 7),
            (Script::after(Reads::AllBut(1)).send(first).reset(), 7),
            (Script::from(failed), 8),
        ] {
            let server = Server::play([script]);
            let args = [flags, &["--retry-lost", "Hi"]].concat();
            let run = env.xask(&args).server(&server).case(event).stdout_like(printed);
            let output = run.stderr_like(messages::error("")).code(code);
            assert!(!output.notes().contains("; retry "), "{}", output.notes());
        }
    }
}

#[test]
fn a_stream_of_which_nothing_was_printed_is_repeated_when_asked_to() {
    let env = Env::new();
    let events = replies::stream_of(&["Fo", "ur."], Some("stop"));
    // Reasoning is not printed.
    let (first, _) = Reply::sse(&events).split(1);
    let server = Server::play([Script::new().send(first), Reply::sse(&events).into()]);
    let run = env.xask(["--stream", "--retry-lost", "Hi"]).server(&server).stdout("Four.\n");
    run.stderr_like("retry 1 of 2").success();
}

#[test]
fn a_service_that_is_unavailable_is_asked_again_however_it_says_so() {
    let list = r#"{"object":"list","data":[{"id":"grok-4"}]}"#;
    for body in [
        unavailable(),
        format!(r#"{{"code":"{UNAVAILABLE}","message":"Timed out."}}"#),
        format!("\"{UNAVAILABLE}\""),
    ] {
        let busy = || Reply::json(200, &*body).header("Retry-After", "0");
        for (args, answer, told) in
            [("hi", four(), "Four.\n"), ("--list-models", Reply::json(200, list), "grok-4\n")]
        {
            let server = Server::play([busy(), answer]);
            let run = Env::new().xask([args]).server(&server).case(&body).stdout(told);
            run.stderr_like("retry 1 of 2").success();
        }
        let server = Server::play([Reply::sse(&[&*body]).header("Retry-After", "0"), four()]);
        let run = Env::new().xask(["--stream", "hi"]).server(&server).stdout("Four.\n");
        run.stderr_like("retry 1 of 2").success();
    }
}
