//! Responses that come before the request is sent, behind each kind of proxy.

use super::{Setup, at};
use crate::support::images::MAX_IMAGE;
use crate::support::{Reads, Response, Script, Server, chat, four};

const SCHEMES: [&str; 4] = ["http", "https", "socks5", "socks5h"];

/// The API responds in the middle of an upload, and then continues with `end`.
#[track_caller]
fn early(
    scheme: &str,
    response: Response,
    end: impl FnOnce(Script) -> Script,
    code: i32,
    words: &str,
) {
    let script = Script::after(Reads::Body(1000)).weigh().send(response);
    let setup = Setup::with([end(script)]);
    setup.env.sparse_png("large.png", MAX_IMAGE);
    let proxy = match scheme {
        "http" => Server::play([setup.tunnel()]),
        "https" => Server::play_tls(&setup.authority.sign(), [setup.tunnel()]),
        _ => Server::play([setup.socks()]),
    };
    let run = setup.ask(["--image=large.png", "--timeout=20"]).env("ALL_PROXY", at(scheme, &proxy));
    run.case(scheme).fails(code, &[words]);
    // Dropped before the proxy, which runs until the server of the API ends.
    drop(setup);
}

fn refusal() -> Response {
    Response::json(413, chat::error("too-large", "Too much."))
}

const REFUSED: &str = "too-large: Too much. (HTTP 413)";

#[test]
fn a_response_during_the_upload_is_understood_behind_a_proxy_too() {
    for scheme in SCHEMES {
        // Ten times out of ten.
        for _ in 0..10 {
            early(scheme, refusal(), Script::reset, 4, REFUSED);
        }
    }
}

#[test]
fn an_early_response_ends_an_upload_behind_a_proxy_that_is_no_longer_read() {
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
fn a_response_that_begins_early_behind_a_proxy_does_not_stop_the_upload() {
    for scheme in SCHEMES {
        // More than all buffers between the sockets hold, so that the server sends only while xask reads.
        let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
        let blanks = " ".repeat(32 * 1024 * 1024);
        let script = Script::after(Reads::Body(1000)).weigh().send(head).send(blanks);
        let setup = Setup::with([script.read(Reads::Rest).send(chat::completion("Four."))]);
        setup.env.sparse_png("large.png", MAX_IMAGE);
        let proxy = match scheme {
            "http" => Server::play([setup.tunnel()]),
            "https" => Server::play_tls(&setup.authority.sign(), [setup.tunnel()]),
            _ => Server::play([setup.socks()]),
        };
        let run = setup.ask(["--image=large.png", "--timeout=20"]);
        run.env("ALL_PROXY", at(scheme, &proxy)).case(scheme).stdout("Four.\n").success();
        let request = setup.api.request();
        assert_eq!(request.header("content-length"), Some(&*request.body_len.to_string()));
        drop(setup);
    }
}
