//! What can happen to a request and to a reply between two sockets, and what the exit status says of it.

mod early;
mod framing;

use serde_json::json;

use crate::support::{Env, Reply, Server, replies, skip};

/// A whole answer.
fn good() -> Reply {
    Reply::json(200, replies::completion("Four."))
}

/// Notes on the way, which are no answers.
const NOTES: [&str; 2] = [
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n",
];

#[test]
fn an_address_of_ipv6_is_an_address() {
    let env = Env::new();
    let Some(server) = Server::play_on_ipv6([good()]) else {
        return skip("there is no IPv6 here");
    };
    env.ask(&server, []).stdout("Four.\n").success();
    assert_eq!(server.request().header("host"), Some(&*server.addr().to_string()));
}

#[test]
fn a_name_with_a_dead_and_a_live_address_is_reached() {
    let Some(server) = Server::play_on_ipv6([good()]) else {
        return skip("there is no IPv6 here");
    };
    // Nobody listens on 127.0.0.1, its other address.
    let url = server.url_at("localhost");
    Env::new().xask(["Hi"]).env("XAI_BASE_URL", url).stdout("Four.\n").success();
}

/// What the service was sent to prove who asks, and must not be seen on a screen.
const KEY: &str = "xai-0123456789abcdefABCDEF";

#[test]
fn the_key_is_masked_in_streams_and_headers_too() {
    let env = Env::new();
    let echo = format!("Bearer {KEY} is wrong");
    let length = || replies::completion_with(json!({"finish_reason": "length"}));
    let events = |last: &str| Reply::sse(&[&replies::chunk(json!({"content": "Fo"}), None), last]);
    for (index, reply) in [
        events(&json!({"error": {"message": echo}}).to_string()),
        events(&json!({"code": KEY, "error": KEY}).to_string()),
        events(&echo),
        events(&json!(echo).to_string()),
        events(&replies::chunk(json!({}), Some(KEY))),
        Reply::json(200, json!({"error": echo}).to_string()),
        Reply::json(200, length()).header("x-request-id", KEY),
        Reply::new(200, KEY, "{}"),
        Reply::json(429, "{}").header("Retry-After", KEY).header("X-Should-Retry", KEY),
        Reply::json(302, "").header("Location", &format!("https://a.example/{KEY}")),
    ]
    .into_iter()
    .enumerate()
    {
        let server = Server::reply(reply);
        let run = env.ask(&server, ["--verbose", "--stream"]).key(KEY).case(index);
        let output = run.stdout_like("").stderr_like("xask: ").spawn().finish();
        assert!(![Some(0), None].contains(&output.status.code()), "{index}: {}", output.notes());
        // Not a part of it either.
        assert!(!output.notes().contains(&KEY[..7]), "{index}: {}", output.notes());
        let bearer = server.request().header("authorization").map(str::to_owned);
        assert_eq!(bearer, Some(format!("Bearer {KEY}")));
    }
}

#[test]
fn the_lines_about_a_repetition_mask_the_key_too() {
    let env = Env::new();
    let busy = Reply::json(503, replies::error("busy", &format!("{KEY} waits")));
    let server = Server::play([busy.header("Retry-After", "0"), good()]);
    let run = env.xask(["Hi"]).server(&server).key(KEY).stdout("Four.\n");
    run.stderr_like("busy: [key] waits (HTTP 503); retry").success();
}

#[test]
fn every_error_of_a_stream_says_which_reply_it_was() {
    let env = Env::new();
    let id = "0f4c5b1e-0000-4000-8000-3f2a7d1c9b55";
    let events = replies::stream_of(&["Fo", "ur."], Some("length"));
    for (reply, code) in [
        (Reply::sse(&events[..2]), 7),
        (Reply::sse(&events).cut_at(300), 7),
        (Reply::sse(&events).cut_at(0), 7),
        (Reply::sse(&["junk"]), 8),
        (Reply::sse(&[r#"{"error":"no"}"#]), 8),
        (Reply::sse(&events), 9),
    ] {
        let server = Server::reply(reply.header("X-Request-Id", id));
        let told = format!("(HTTP 200, x-request-id {id})\n");
        env.ask(&server, ["--stream"]).stdout_like("").fails(code, &[&told]);
    }
}

#[test]
fn a_name_that_is_nobodys_is_safe_to_ask_again() {
    // More letters than a label of a name has: it is looked for nowhere.
    let name = "a".repeat(64) + ".example";
    let told = Env::new().ask_at(&format!("https://{name}/v1"), []).key("k").fails(6, &[&name]);
    assert!(!told.contains("billed"), "{told}");
}
