//! What is retried, what is not, and the note of each retry. The server fails a test that sends it a request
//! too many or too few.

use std::time::{Duration, Instant};

use predicates::prelude::*;
use serde_json::json;

use crate::support::images::{JPEG, png};
use crate::support::tls::trusted;
use crate::support::{
    Env, Reads, Response, Run, Script, Server, chat, four, messages, retry_at_once,
};

/// The message of the API with status 200 when it is too busy to begin.
const UNAVAILABLE: &str = "The service is currently unavailable";

fn ask(env: &Env, server: &Server) -> Run {
    env.xask(["What is 2 + 2?"]).server(server)
}

/// The request is read, and the connection breaks before a byte of an answer.
fn reset() -> Script {
    Script::after(Reads::AllBut(1)).reset()
}

/// A response whose body ends in the middle.
fn truncated() -> Script {
    four().truncated_at(40).into()
}

fn unavailable() -> String {
    chat::error(UNAVAILABLE, "Timed out waiting for first token")
}

#[test]
fn a_rejected_request_is_retried_with_one_note_per_retry() {
    let env = Env::new();
    for status in [429, 503, 521, 522, 523, 529, 530] {
        let server = Server::play([retry_at_once(status), retry_at_once(status), four()]);
        let what = if status == 429 { "rate limit exceeded" } else { "server error" };
        let failed = format!("xask: note: {what}: overloaded: Too busy. (HTTP {status})");
        let line = |n| format!("{failed}; retry {n} of 2 in 0.0 s\n");
        ask(&env, &server).case(status).stdout("Four.\n").stderr(line(1) + &line(2)).success();
    }
}

#[test]
fn unavailable_with_status_200_is_retried() {
    let env = Env::new();
    let json = || Response::json(200, unavailable());
    let event = Response::sse(&[unavailable()]);
    let words = Response::json(200, chat::error("unavailable", UNAVAILABLE));
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
fn a_pause_requested_with_status_200_is_respected_too() {
    let env = Env::new();
    let server =
        Server::play([Response::json(200, unavailable()).header("Retry-After", "0"), four()]);
    ask(&env, &server).stdout("Four.\n").stderr_like("retry 1 of 2 in 0.0 s\n").success();
}

#[test]
fn a_request_that_is_invalid_or_may_have_been_billed_is_not_retried() {
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
        let server = Server::respond(retry_at_once(status));
        let output = ask(&env, &server).stderr_like(&*format!("(HTTP {status})")).code(code);
        assert!(!output.notes().contains("; retry "), "{status}: {}", output.notes());
    }
    for (case, script, code) in [
        ("a reset", reset(), 7),
        ("a cut", truncated(), 7),
        ("no completion", Response::json(200, "{}").into(), 8),
        ("an error", Response::json(200, chat::error("internal", "It broke.")).into(), 8),
        ("no HTTP", Script::from("not HTTP at all\r\n\r\n"), 8),
    ] {
        let server = Server::play([script]);
        let output = ask(&env, &server).case(case).stderr_like("xask: error: ").code(code);
        assert!(!output.notes().contains("; retry "), "{}", output.notes());
    }
}

#[test]
fn retry_lost_also_retries_what_may_have_been_billed() {
    let env = Env::new();
    let failed = |status| {
        (retry_at_once(status).into(), format!("(HTTP {status}); retry 1 of 2 in 0.0 s\n"))
    };
    let mut cases: Vec<(Script, String)> = [500, 501, 502, 504, 520, 524, 599].map(failed).into();
    cases.push((reset(), "incomplete response from ".to_owned()));
    cases.push((truncated(), "incomplete response from ".to_owned()));
    for (script, line) in cases {
        let server = Server::play([script, four().into()]);
        let run = env.xask(["--retry-lost", "Hi"]).server(&server).case(&line).stdout("Four.\n");
        let output = run.stderr_like(&*line).success();
        assert_eq!(output.notes().lines().count(), 1, "{}", output.notes());
        assert!(!output.notes().contains("hint"), "{}", output.notes());
    }
    for (status, code) in [(408, 8), (425, 8), (525, 8), (526, 8), (400, 4), (401, 3)] {
        let server = Server::respond(retry_at_once(status));
        let run = env.xask(["--retry-lost", "Hi"]).server(&server).case(status);
        run.stderr_like(&*format!("(HTTP {status})")).code(code);
    }
}

#[test]
fn an_unusable_answer_is_never_retried() {
    let env = Env::new();
    for odd in [json!({"finish_reason": "length"}), json!({"content": ""})] {
        let server = Server::respond(Response::json(200, chat::completion_with(odd.clone())));
        let run = env.xask(["--retry-lost", "Hi"]).server(&server).case(odd.to_string());
        run.stdout_like(predicate::always()).stderr_like(messages::error("")).code(9);
    }
}

#[test]
fn a_failed_connection_is_retried() {
    let (env, _) = trusted();
    // Two servers that hang up in the handshake, like a load balancer without a backend.
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
fn every_retry_sends_the_same_bytes() {
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
        let server = Server::play([retry_at_once(429), retry_at_once(503), four()]);
        let run = env.xask(&args).stdin(stdin).server(&server).stdout("Four.\n");
        run.stderr_like("retry 2 of 2").success();
        let [first, second, third] = &server.requests()[..] else { panic!("three requests") };
        assert_eq!(first.body.len(), first.body_len);
        assert!(first.body == second.body && first.body == third.body, "{args:?}");
        assert_eq!(first.headers, second.headers);
        assert_eq!(first.headers, third.headers);
    }
    let fifo = "xask 'What is this?' --image <(cat a.png) 2>/dev/null";
    let server = Server::play([retry_at_once(429), four()]);
    env.sh(&format!("exec bash -c \"{fifo}\"")).server(&server).stdout("Four.\n").success();
    let [first, second] = &server.requests()[..] else { panic!("two requests") };
    assert!(first.body.len() > 130_000 && first.body == second.body);
}

#[test]
fn the_pause_is_the_one_the_api_requests() {
    let env = Env::new();
    for pause in ["0", " 0 ", "00", "Sun, 06 Nov 1994 08:49:37 GMT"] {
        let response = Response::json(429, "{}").header("Retry-After", pause);
        let server = Server::play([response, four()]);
        let run = ask(&env, &server).case(pause).stdout("Four.\n");
        run.stderr_like("retry 1 of 2 in 0.0 s\n").success();
    }
    for headers in
        [&[("Retry-After", "1.2")][..], &[("Retry-After-Ms", "1200"), ("Retry-After", "7")]]
    {
        let response = headers.iter().fold(Response::json(429, "{}"), |response, (name, value)| {
            response.header(name, value)
        });
        let server = Server::play([response, four()]);
        let run = ask(&env, &server).case(headers).stdout("Four.\n");
        run.stderr_like("retry 1 of 2 in 1.2 s\n").success();
    }
    for pause in ["soon", "-1", "1,5", "", "Sun, 99 Nov 1994"] {
        let response = Response::json(429, "{}").header("Retry-After", pause);
        let server = Server::play([response, four()]);
        let run = ask(&env, &server).case(pause).stdout("Four.\n");
        run.stderr_like(
            predicate::str::is_match(r"retry 1 of 2 in 0\.[45] s\n").expect("a pattern"),
        )
        .success();
    }
}

/// Each of these notes is for one rejection with this pause, and the retry does not come before it is over. (How much
/// later depends on the machine.)
#[track_caller]
fn pauses(pause: &str, notes: &[&str], least: Duration) {
    let env = Env::new();
    let busy = notes.iter().map(|_| Response::json(429, "{}").header("Retry-After", pause));
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
fn a_requested_pause_is_respected() {
    pauses("1", &["retry 1 of 2 in 1.0"], Duration::from_secs(1));
}

#[test]
fn the_default_pause_is_half_a_second_doubled_less_up_to_a_quarter() {
    let notes = [r"retry 1 of 2 in 0\.[45]", r"retry 2 of 2 in (0\.[789]|1\.0)"];
    pauses("soon", &notes, Duration::from_millis(375 + 750));
}

#[test]
fn a_pause_that_is_too_long_ends_the_run_and_is_reported() {
    let env = Env::new();
    for (status, code) in [(429, 5), (503, 8)] {
        for (pause, shown) in [
            ("61", "retry after 61 s\n"),
            ("86400", "retry after 86400 s\n"),
            ("99999999999999999999999999", "retry after "),
            ("Tue, 31 Dec 2199 23:59:59 GMT", "retry after "),
        ] {
            let server = Server::respond(Response::json(status, "{}").header("Retry-After", pause));
            let output = ask(&env, &server)
                .case((status, pause))
                .stderr_like(&*format!("hint: {shown}"))
                .code(code);
            assert!(!output.notes().contains("; retry "), "{}", output.notes());
        }
    }
}

/// The request is sent once and not retried.
#[track_caller]
fn assert_not_retried(env: &Env, response: Response, code: i32) {
    let server = Server::respond(response);
    let run = env.xask(["--retry-lost", "Hi"]).server(&server);
    let output = run.stderr_like(messages::error("")).code(code);
    assert!(!output.notes().contains("; retry "), "{}", output.notes());
}

#[test]
fn an_api_that_forbids_retries_with_status_200_is_obeyed() {
    let env = Env::new();
    let not = |response: Response| response.header("X-Should-Retry", "false");
    assert_not_retried(&env, not(Response::json(200, unavailable())), 8);
    assert_not_retried(&env, not(Response::sse(&[unavailable()])), 8);
    assert_not_retried(&env, not(four().truncated_at(40)), 7);
}

#[test]
fn an_api_that_forbids_retries_is_obeyed() {
    let env = Env::new();
    for (status, code) in [(429, 5), (503, 8), (529, 8), (500, 8)] {
        for no in ["false", "False"] {
            assert_not_retried(&env, retry_at_once(status).header("X-Should-Retry", no), code);
        }
    }
    for yes in ["true", "maybe", ""] {
        let server = Server::play([retry_at_once(429).header("X-Should-Retry", yes), four()]);
        ask(&env, &server).case(yes).stdout("Four.\n").stderr_like("retry 1 of 2").success();
    }
    // It retries nothing that is not retried without it.
    let server = Server::respond(retry_at_once(400).header("X-Should-Retry", "true"));
    ask(&env, &server).stderr_like("(HTTP 400)").code(4);
}

#[test]
fn the_number_of_retries_is_the_one_given() {
    let env = Env::new();
    for retries in [0, 1, 5] {
        let server = Server::play((0..=retries).map(|_| Script::from(retry_at_once(429))));
        let run = env.xask(["--retries", &retries.to_string(), "Hi"]).server(&server);
        let output = run.stderr_like("rate limit").code(5);
        let notes = output.notes().matches("xask: note: ").count();
        assert_eq!(notes, retries, "{}", output.notes());
        assert!(output.notes().ends_with("xask: hint: retry after 0 s\n"));
    }
}

#[test]
fn the_last_response_decides_the_exit_status() {
    let env = Env::new();
    for (last, code) in [
        (retry_at_once(503), 8),
        (retry_at_once(401), 3),
        (retry_at_once(400), 4),
        (retry_at_once(429), 5),
    ] {
        let server = Server::play([
            retry_at_once(429).into(),
            retry_at_once(529).into(),
            Script::from(last),
        ]);
        ask(&env, &server).case(code).stderr_like("retry 2 of 2").code(code);
    }
    let server = Server::play([retry_at_once(429).into(), reset()]);
    ask(&env, &server).stderr_like("hint: the request was sent").code(7);
}

#[test]
fn nothing_is_retried_after_a_byte_of_the_answer_was_printed() {
    let env = Env::new();
    let events = chat::stream_of(&["Fo", "ur."], Some("stop"));
    let role = chat::chunk(json!({"role": "assistant"}), None);
    // The payload of an event is a part of the output of --json, even if it has no text.
    for (flags, event, printed) in [
        (&["--stream"][..], &events[1], "Fo"),
        (&["--stream", "--json"], &events[1], r#""Fo""#),
        (&["--stream", "--json"], &role, "assistant"),
    ] {
        let (first, _) = Response::sse(&[event]).split(1);
        let failed = Response::sse(&[event, &unavailable()]);
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
fn retry_lost_retries_a_stream_of_which_nothing_was_printed() {
    let env = Env::new();
    let events = chat::stream_of(&["Fo", "ur."], Some("stop"));
    // Reasoning is not printed.
    let (first, _) = Response::sse(&events).split(1);
    let server = Server::play([Script::new().send(first), Response::sse(&events).into()]);
    let run = env.xask(["--stream", "--retry-lost", "Hi"]).server(&server).stdout("Four.\n");
    run.stderr_like("retry 1 of 2").success();
}

#[test]
fn an_unavailable_api_is_retried_however_it_says_so() {
    let list = r#"{"object":"list","data":[{"id":"grok-4"}]}"#;
    for body in [
        unavailable(),
        format!(r#"{{"code":"{UNAVAILABLE}","message":"Timed out."}}"#),
        format!("\"{UNAVAILABLE}\""),
    ] {
        let overloaded = || Response::json(200, &*body).header("Retry-After", "0");
        for (args, answer, shown) in
            [("hi", four(), "Four.\n"), ("--list-models", Response::json(200, list), "grok-4\n")]
        {
            let server = Server::play([overloaded(), answer]);
            let run = Env::new().xask([args]).server(&server).case(&body).stdout(shown);
            run.stderr_like("retry 1 of 2").success();
        }
        let server = Server::play([Response::sse(&[&*body]).header("Retry-After", "0"), four()]);
        let run = Env::new().xask(["--stream", "hi"]).server(&server).stdout("Four.\n");
        run.stderr_like("retry 1 of 2").success();
    }
}
