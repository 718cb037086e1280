//! Responses that come before the request is sent, behind each kind of proxy.

use super::{World, at};
use crate::support::pictures::MAX_IMAGE;
use crate::support::{Reads, Reply, Script, Server, four, replies};

const SCHEMES: [&str; 4] = ["http", "https", "socks5", "socks5h"];

/// The service answers in the middle of an upload, and then does what `end` says.
#[track_caller]
fn early(scheme: &str, reply: Reply, end: impl FnOnce(Script) -> Script, code: i32, words: &str) {
    let script = Script::after(Reads::Body(1000)).weigh().send(reply);
    let world = World::with([end(script)]);
    world.env.sparse_png("large.png", MAX_IMAGE);
    let proxy = match scheme {
        "http" => Server::play([world.tunnel()]),
        "https" => Server::play_tls(&world.authority.sign(), [world.tunnel()]),
        _ => Server::play([world.socks()]),
    };
    let run = world.ask(["--image=large.png", "--timeout=20"]).env("ALL_PROXY", at(scheme, &proxy));
    run.case(scheme).fails(code, &[words]);
    // Before the proxy, which goes on until the service ends.
    drop(world);
}

fn refusal() -> Reply {
    Reply::json(413, replies::error("too-large", "Too much."))
}

const REFUSED: &str = "too-large: Too much. (HTTP 413)";

#[test]
fn an_answer_that_comes_during_the_upload_is_understood_behind_a_proxy_too() {
    for scheme in SCHEMES {
        // Ten times out of ten.
        for _ in 0..10 {
            early(scheme, refusal(), Script::reset, 4, REFUSED);
        }
    }
}

#[test]
fn an_early_answer_ends_an_upload_behind_a_proxy_that_nobody_takes_any_more() {
    for scheme in SCHEMES {
        early(scheme, refusal(), Script::stall, 4, REFUSED);
    }
}

#[test]
fn an_early_success_behind_a_proxy_that_ends_before_the_request_is_incomplete() {
    for scheme in SCHEMES {
        let words = "it ended before the request was sent in full";
        early(scheme, four(), |script| script.read(Reads::Rest), 7, words);
        early(scheme, four(), Script::stall, 7, words);
    }
}

#[test]
fn an_answer_that_begins_early_behind_a_proxy_does_not_stop_the_upload() {
    for scheme in SCHEMES {
        // More than all buffers between the sockets take, so that the service sends only while it is read from.
        let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
        let blanks = " ".repeat(32 * 1024 * 1024);
        let script = Script::after(Reads::Body(1000)).weigh().send(head).send(blanks);
        let world = World::with([script.read(Reads::Rest).send(replies::completion("Four."))]);
        world.env.sparse_png("large.png", MAX_IMAGE);
        let proxy = match scheme {
            "http" => Server::play([world.tunnel()]),
            "https" => Server::play_tls(&world.authority.sign(), [world.tunnel()]),
            _ => Server::play([world.socks()]),
        };
        let run = world.ask(["--image=large.png", "--timeout=20"]);
        run.env("ALL_PROXY", at(scheme, &proxy)).case(scheme).stdout("Four.\n").success();
        let request = world.service.request();
        assert_eq!(request.header("content-length"), Some(&*request.body_len.to_string()));
        drop(world);
    }
}
