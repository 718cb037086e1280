//! Responses that arrive while the request is still being sent, and interim responses.

use super::INTERIM;
use crate::support::images::{MAX_IMAGE, png};
use crate::support::tls::trusted;
use crate::support::{
    Env, Gate, Output, Reads, Response, Run, Script, Server, chat, four, streamed,
};

/// More than all buffers between two sockets hold.
const UPLOAD: [&str; 3] = ["What is this?", "--image", "large.png"];

/// Responses that arrive while the request is still being sent, and what they mean.
fn early_answers() -> [(Response, i32, &'static str); 5] {
    let html = "<html><head><title>413 Request Entity Too Large</title></head></html>";
    [
        (
            Response::json(401, chat::error("no-key", "No credentials.")),
            3,
            "No credentials. (HTTP 401)",
        ),
        (Response::new(413, "text/html", html), 4, "413 Request Entity Too Large (HTTP 413)"),
        // Larger than a head may be, and sent at once.
        (
            Response::new(413, "text/html", html.repeat(3000)),
            4,
            "413 Request Entity Too Large (HTTP 413)",
        ),
        (Response::json(429, "{}").header("Retry-After", "99"), 5, "(HTTP 429)"),
        // A response to a part of the request is not an answer.
        (four(), 7, "it ended before the request was sent in full"),
    ]
}

#[track_caller]
fn assert_understood(output: &Output, code: i32, words: &str) {
    let notes = output.notes();
    assert_eq!(output.status.code(), Some(code), "{notes}");
    assert!(notes.contains(words), "{notes}");
    assert_eq!(output.stdout, b"");
}

/// The heads of responses that begin while the request is still being sent, bytes that keep the connection alive until
/// the rest arrives, the rest, and a flag.
fn early_successes() -> [(String, String, Vec<u8>, &'static str); 3] {
    let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n";
    let (blanks, comment) = (" ".repeat(4096), ": keep-alive\n\n".to_owned());
    let events = Vec::from(streamed(&["Four."]).close_delimited());
    let events_at = events.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a head") + 4;
    let body = chat::completion("Four.");
    let chunk = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    [
        (format!("{head}\r\n"), blanks.clone(), body.into_bytes(), "--no-stream"),
        (
            format!("{head}Transfer-Encoding: chunked\r\n\r\n"),
            format!("1000;name=value\r\n{blanks}\r\n"),
            chunk.into_bytes(),
            "--no-stream",
        ),
        (
            format!("{head}Content-Type: text/event-stream\r\n\r\n"),
            comment,
            events[events_at..].to_vec(),
            "--stream",
        ),
    ]
}

/// More than all buffers between two sockets hold, so that the server sends only while xask reads.
const MUCH: usize = 16 * 1024 * 1024;

#[test]
fn a_response_that_begins_early_does_not_stop_the_upload() {
    let (env, authority) = trusted();
    env.write("large.png", png(MAX_IMAGE));
    for (head, alive, rest, flag) in early_successes() {
        for alive in [alive.clone(), alive.repeat(MUCH / alive.len())] {
            let script = Script::after(Reads::Body(1000)).send(&*head).send(&*alive);
            let script = script.read(Reads::Rest).send(rest.clone());
            let args = [&[flag, "--timeout", "20"][..], &UPLOAD].concat();
            let body = env.dry(args.iter().copied()).text();
            for server in [
                Server::play([script.clone()]),
                Server::play_tls(&authority.sign(), [script.clone()]),
            ] {
                let run = env.xask(&args).server(&server).key("k").env("SSL_CERT_FILE", "ca.pem");
                run.case((&head, alive.len())).stdout("Four.\n").success();
                assert!(server.request().body == body.as_bytes(), "the whole body arrived");
            }
        }
    }
}

#[test]
fn an_early_success_that_ends_before_the_request_is_incomplete() {
    let (env, authority) = trusted();
    env.sparse_png("large.png", MAX_IMAGE);
    let closing = Script::after(Reads::Body(1000)).weigh().send(four().close_delimited());
    for (case, script) in [
        // The rest is read and ignored.
        ("length", Script::after(Reads::Body(1000)).weigh().send(four()).read(Reads::Rest)),
        (
            "chunks",
            Script::after(Reads::Body(1000)).weigh().send(four().chunked()).read(Reads::Rest),
        ),
        ("end", closing.clone()),
        ("end without a word", closing.hang_up()),
    ] {
        for server in
            [Server::play([script.clone()]), Server::play_tls(&authority.sign(), [script.clone()])]
        {
            let run = env.xask(UPLOAD).server(&server).key("k").env("SSL_CERT_FILE", "ca.pem");
            let run = run
                .case((case, server.url()))
                .stderr_like("it ended before the request was sent in full");
            run.code(7);
        }
    }
}

#[test]
fn an_endless_early_success_is_a_server_error() {
    let env = Env::new();
    env.sparse_png("large.png", MAX_IMAGE);
    let head = "HTTP/1.1 200 OK\r\n\r\n";
    let script = Script::after(Reads::Body(1000)).weigh().send(head).flood(" ".repeat(100_000));
    let server = Server::play([script]);
    assert_understood(&env.xask(UPLOAD).server(&server).spawn().finish(), 8, "more than 64 MiB");
}

#[test]
fn a_response_during_the_upload_is_understood_ten_times_out_of_ten() {
    let env = Env::new();
    env.sparse_png("large.png", MAX_IMAGE);
    for (response, code, words) in early_answers() {
        for _ in 0..10 {
            // It closes with unread data: bytes that arrive after that cause a reset.
            let script = Script::after(Reads::Body(1000)).weigh().send(response.clone()).reset();
            let server = Server::play([script]);
            let output = env.xask(UPLOAD).server(&server).spawn().finish();
            assert_understood(&output, code, words);
        }
    }
}

#[test]
fn a_response_during_the_upload_is_understood_over_tls_too() {
    let (env, authority) = trusted();
    env.sparse_png("large.png", MAX_IMAGE);
    for (response, code, words) in early_answers() {
        for _ in 0..10 {
            let script = Script::after(Reads::Body(1000)).weigh().send(response.clone()).reset();
            let server = Server::play_tls(&authority.sign(), [script]);
            let run = env.xask(UPLOAD).server(&server).key("k").env("SSL_CERT_FILE", "ca.pem");
            assert_understood(&run.spawn().finish(), code, words);
        }
    }
}

#[test]
fn an_early_response_ends_an_upload_that_is_no_longer_read() {
    let env = Env::new();
    env.sparse_png("large.png", MAX_IMAGE);
    for (response, code, words) in early_answers() {
        let script = Script::after(Reads::Body(1000)).weigh().send(response).stall();
        let server = Server::play([script]);
        assert_understood(&env.xask(UPLOAD).server(&server).spawn().finish(), code, words);
    }
}

#[test]
fn an_early_response_ends_an_upload_over_tls_that_is_no_longer_read() {
    let (env, authority) = trusted();
    env.sparse_png("large.png", MAX_IMAGE);
    for (response, code, words) in early_answers() {
        let script = Script::after(Reads::Body(1000)).weigh().send(response).stall();
        let server = Server::play_tls(&authority.sign(), [script]);
        let args = [&["--timeout", "10"][..], &UPLOAD].concat();
        let run = env.xask(args).server(&server).key("k").env("SSL_CERT_FILE", "ca.pem");
        assert_understood(&run.spawn().finish(), code, words);
    }
}

#[test]
fn an_early_rejection_is_retried_with_the_whole_body() {
    let env = Env::new();
    env.sparse_png("large.png", MAX_IMAGE);
    let busy = Response::json(429, "{}").header("Retry-After", "0");
    let script = Script::after(Reads::Body(1000)).weigh().send(busy).reset();
    let server = Server::play([script, Script::new().weigh().send(four())]);
    let args = [&UPLOAD[..], &UPLOAD[1..], &UPLOAD[1..]].concat();
    let run = env.xask(args).server(&server).stdout("Four.\n");
    run.stderr_like("(HTTP 429); retry 1 of 2 in 0.0 s\n").success();
    let [_, second] = &server.requests()[..] else { panic!("two requests") };
    assert_eq!(second.header("content-length"), Some(&*second.body_len.to_string()));
    assert!(second.body_len > 4 * MAX_IMAGE);
}

#[test]
fn an_interim_response_during_the_upload_is_not_the_response() {
    let (env, authority) = trusted();
    env.sparse_png("large.png", MAX_IMAGE);
    for interim in INTERIM {
        // Whole, doubled, and ended where it could still become any response.
        for interim in [interim.to_owned(), interim.repeat(2), interim[..3].to_owned()] {
            let rest = if interim.len() == 3 { &INTERIM[0][3..] } else { "" };
            let script = Script::after(Reads::Body(1000)).weigh().send(&*interim);
            let script = script.read(Reads::Rest).send(rest).send(four());
            let check = |server: Server, run: Run| {
                run.server(&server).stdout("Four.\n").success();
                let request = server.request();
                let sent = request.header("content-length").expect("a length");
                assert_eq!(sent, request.body_len.to_string());
            };
            check(Server::play([script.clone()]), env.xask(UPLOAD));
            if rest.is_empty() && interim.len() == INTERIM[0].len() {
                let server = Server::play_tls(&authority.sign(), [script]);
                check(server, env.xask(UPLOAD).key("k").env("SSL_CERT_FILE", "ca.pem"));
            }
        }
    }
}

#[test]
fn an_interim_response_and_a_long_response_may_arrive_together() {
    let env = Env::new();
    env.sparse_png("large.png", MAX_IMAGE);
    let text = "four ".repeat(60_000);
    let response = Vec::from(Response::json(200, chat::completion(&text)));
    for interim in INTERIM {
        let together = [interim.as_bytes(), &response].concat();
        let script = Script::after(Reads::AllBut(1)).weigh().send(together).read(Reads::Rest);
        let server = Server::play([script]);
        env.xask(UPLOAD).server(&server).stdout(format!("{text}\n")).success();
    }
}

#[test]
fn an_early_response_after_an_interim_response_is_understood() {
    let env = Env::new();
    env.sparse_png("large.png", MAX_IMAGE);
    for interim in INTERIM {
        for (response, code, words) in early_answers() {
            let script =
                Script::after(Reads::Body(1000)).weigh().send(interim).send(response).reset();
            let server = Server::play([script]);
            assert_understood(&env.xask(UPLOAD).server(&server).spawn().finish(), code, words);
        }
    }
}

#[test]
fn an_early_response_after_an_interim_response_ends_an_upload_that_is_no_longer_read() {
    let env = Env::new();
    env.sparse_png("large.png", MAX_IMAGE);
    for interim in INTERIM {
        for (response, code, words) in early_answers() {
            let script =
                Script::after(Reads::Body(1000)).weigh().send(interim).send(response).stall();
            let server = Server::play([script]);
            let args = [&["--timeout", "10"][..], &UPLOAD].concat();
            assert_understood(&env.xask(args).server(&server).spawn().finish(), code, words);
        }
    }
}

#[test]
fn an_early_response_in_pieces_is_understood() {
    let env = Env::new();
    env.sparse_png("large.png", MAX_IMAGE);
    let gate = Gate::new();
    let bytes = Vec::from(Response::json(413, "{}"));
    let (first, rest) = bytes.split_at(9);
    let script = Script::after(Reads::Body(1000)).weigh().send(first).wait(&gate).send(rest);
    let server = Server::play([script.stall()]);
    let args = [&["--timeout", "10"][..], &UPLOAD].concat();
    let run = env.xask(args).server(&server).stderr_like("(HTTP 413)").spawn();
    // Long enough for the first piece to be read alone.
    std::thread::sleep(std::time::Duration::from_millis(300));
    gate.open();
    run.code(4);
}
