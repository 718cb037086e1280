//! How long a retry waits if the API requests a pause, and which responses with status 200 are retried.

use std::time::{Duration, Instant};

use crate::support::responses::{payload, stream};
use crate::support::{Env, Response, Run, Script, Server, chat, four, retry_at_once};

/// A run with the default of two retries.
fn ask(env: &Env, server: &Server) -> Run {
    env.xask(["hi"]).server(server)
}

#[test]
fn a_pause_may_have_a_fraction_and_milliseconds_take_precedence() {
    let env = Env::new();
    for (headers, shown) in [
        (&[("Retry-After", "0.3")][..], "in 0.3 s\n"),
        (&[("retry-after-ms", "200")], "in 0.2 s\n"),
        (&[("retry-after-ms", "200"), ("Retry-After", "30")], "in 0.2 s\n"),
        (&[("Retry-After", "99"), ("Retry-After-Ms", "0")], "in 0.0 s\n"),
        (&[("retry-after-ms", "100.5")], "in 0.1 s\n"),
        // An invalid value of one leaves the other.
        (&[("retry-after-ms", "soon"), ("Retry-After", "0")], "in 0.0 s\n"),
    ] {
        let busy = headers.iter().fold(Response::json(429, "{}"), |response, (name, value)| {
            response.header(name, value)
        });
        let server = Server::play([busy, four()]);
        let begun = Instant::now();
        let run = ask(&env, &server).case(headers).stdout("Four.\n");
        run.stderr_like("retry 1 of 2").stderr_like(shown).success();
        assert!(begun.elapsed() < Duration::from_secs(20));
    }
}

#[test]
fn a_pause_of_more_than_a_minute_ends_the_run() {
    let env = Env::new();
    for (name, value, shown) in [
        ("Retry-After", "60.5", "retry after 61 s"),
        ("retry-after-ms", "60001", "retry after 61 s"),
        ("retry-after-ms", "3600000", "retry after 3600 s"),
    ] {
        let server = Server::respond(Response::json(429, "{}").header(name, value));
        let stderr = ask(&env, &server).case((name, value)).fails(5, &[shown]);
        assert!(!stderr.contains("; retry "), "{stderr}");
    }
}

#[test]
fn an_api_that_is_overloaded_before_the_first_piece_is_retried() {
    let env = Env::new();
    let overloaded = payload("error", serde_json::json!({"code": 529, "message": "overloaded"}));
    for (busy, flag) in [
        (Response::json(200, r#"{"error":{"code":529,"message":"overloaded"}}"#), "--no-stream"),
        (Response::sse(&[r#"{"error":{"code":529,"message":"overloaded"}}"#]), "--stream"),
        (stream(&[overloaded]), "--stream"),
    ] {
        let server = Server::play([busy, four()]);
        let run = env.xask([flag, "hi"]).server(&server).case(flag).stdout("Four.\n");
        run.stderr_like("overloaded").stderr_like("retry 1 of 2").success();
    }
    // Never after a byte was printed.
    let piece = chat::chunk(serde_json::json!({"content": "Fo"}), None);
    let events = [&*piece, r#"{"error":{"code":529,"message":"overloaded"}}"#];
    let server = Server::respond(Response::sse(&events));
    let run = env.xask(["--stream", "--retry-lost", "hi"]).server(&server).stdout("Fo");
    run.fails(8, &["overloaded"]);
    // Another error is not retried.
    let server = Server::respond(Response::sse(&[r#"{"error":{"code":500,"message":"broken"}}"#]));
    env.xask(["--stream", "hi"]).server(&server).fails(8, &["broken"]);
}

#[test]
fn quiet_suppresses_notes_about_retries() {
    let env = Env::new();
    let server = Server::play([retry_at_once(429), four()]);
    env.xask(["--quiet", "Hi"]).server(&server).stdout("Four.\n").success();
}

#[test]
fn the_list_of_models_is_retried_too() {
    let env = Env::new();
    let list = r#"{"object":"list","data":[{"id":"grok-4","object":"model"}]}"#;
    let server = Server::play([Script::from(retry_at_once(429)), Response::json(200, list).into()]);
    let run = env.xask(["--list-models"]).server(&server).stdout("grok-4\n");
    run.stderr_like("retry 1 of 2 in 0.0 s\n").success();
}
