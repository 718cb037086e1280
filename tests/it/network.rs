//! What can happen to a request and to a reply between two sockets, and what the exit status says of it.

use std::net::ToSocketAddrs;

use serde_json::json;

use crate::support::pictures::MAX_IMAGE;
use crate::support::tls::Authority;
use crate::support::{Env, Gate, Output, Reads, Reply, Run, Script, Server, replies, skip};

const HINT: &str = "xask: hint: the request was sent: asked again, it may be billed twice\n";

/// A whole answer.
fn good() -> Reply {
    Reply::json(200, replies::completion("Four."))
}

/// More than all buffers between two sockets take.
const UPLOAD: [&str; 3] = ["What is this?", "--image", "large.png"];

/// Answers that come while the request is still being sent, and what they mean.
fn early_answers() -> [(Reply, i32, &'static str); 4] {
    let html = "<html><head><title>413 Request Entity Too Large</title></head></html>";
    [
        (
            Reply::json(401, replies::error("no-key", "No credentials.")),
            3,
            "No credentials. (HTTP 401)",
        ),
        (Reply::new(413, "text/html", html), 4, "413 Request Entity Too Large (HTTP 413)"),
        (Reply::json(429, "{}").header("Retry-After", "99"), 5, "(HTTP 429)"),
        (good(), 0, ""),
    ]
}

#[track_caller]
fn assert_understood(output: &Output, code: i32, words: &str) {
    let notes = output.notes();
    assert_eq!(output.status.code(), Some(code), "{notes}");
    assert!(notes.contains(words), "{notes}");
    assert_eq!(output.stdout, if code == 0 { "Four.\n" } else { "" }.as_bytes());
}

#[test]
fn an_answer_that_comes_during_the_upload_is_understood_ten_times_out_of_ten() {
    let env = Env::new();
    env.sparse_png("large.png", MAX_IMAGE);
    for (reply, code, words) in early_answers() {
        for _ in 0..10 {
            // It closes with unread data: what is sent after that makes a reset.
            let script = Script::after(Reads::Body(1000)).weigh().send(reply.clone()).reset();
            let server = Server::play([script]);
            let output = env.xask(UPLOAD).server(&server).spawn().finish();
            assert_understood(&output, code, words);
        }
    }
}

#[test]
fn an_answer_that_comes_during_the_upload_is_understood_over_tls_too() {
    let (env, authority) = (Env::new(), Authority::new("ours"));
    env.write("ca.pem", authority.pem());
    env.sparse_png("large.png", MAX_IMAGE);
    for (reply, code, words) in early_answers() {
        for _ in 0..10 {
            let script = Script::after(Reads::Body(1000)).weigh().send(reply.clone()).reset();
            let server = Server::play_tls(&authority.sign(), [script]);
            let run = env.xask(UPLOAD).server(&server).key("k").env("SSL_CERT_FILE", "ca.pem");
            assert_understood(&run.spawn().finish(), code, words);
        }
    }
}

#[test]
fn an_early_answer_ends_an_upload_that_nobody_takes_any_more() {
    let env = Env::new();
    env.sparse_png("large.png", MAX_IMAGE);
    for (reply, code, words) in early_answers() {
        let script = Script::after(Reads::Body(1000)).weigh().send(reply).stall();
        let server = Server::play([script]);
        assert_understood(&env.xask(UPLOAD).server(&server).spawn().finish(), code, words);
    }
}

#[test]
#[ignore = "over TLS an answer is seen only when the connection fails or everything is sent"]
fn an_early_answer_ends_an_upload_over_tls_that_nobody_takes_any_more() {
    let (env, authority) = (Env::new(), Authority::new("ours"));
    env.write("ca.pem", authority.pem());
    env.sparse_png("large.png", MAX_IMAGE);
    for (reply, code, words) in early_answers() {
        let script = Script::after(Reads::Body(1000)).weigh().send(reply).stall();
        let server = Server::play_tls(&authority.sign(), [script]);
        let args = [&["--timeout", "10"][..], &UPLOAD].concat();
        let run = env.xask(args).server(&server).key("k").env("SSL_CERT_FILE", "ca.pem");
        assert_understood(&run.spawn().finish(), code, words);
    }
}

#[test]
fn an_early_answer_that_turns_away_is_repeated_with_the_whole_body() {
    let env = Env::new();
    env.sparse_png("large.png", MAX_IMAGE);
    let busy = Reply::json(429, "{}").header("Retry-After", "0");
    let script = Script::after(Reads::Body(1000)).weigh().send(busy).reset();
    let server = Server::play([script, Script::new().weigh().send(good())]);
    let args = [&UPLOAD[..], &UPLOAD[1..], &UPLOAD[1..]].concat();
    let run = env.xask(args).server(&server).stdout("Four.\n");
    run.stderr_like("(HTTP 429); retry 1 of 2 in 0.0 s\n").success();
    let [_, second] = &server.requests()[..] else { panic!("two requests") };
    assert_eq!(second.header("content-length"), Some(&*second.body_len.to_string()));
    assert!(second.body_len > 4 * MAX_IMAGE);
}

/// Notes on the way, which are no answers.
const NOTES: [&str; 2] = [
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n",
];

#[test]
fn a_note_during_the_upload_is_not_taken_for_an_answer() {
    let (env, authority) = (Env::new(), Authority::new("ours"));
    env.write("ca.pem", authority.pem());
    env.sparse_png("large.png", MAX_IMAGE);
    for note in NOTES {
        // Whole, doubled, and broken off at the point at which it could still be anything.
        for note in [note.to_owned(), note.repeat(2), note[..3].to_owned()] {
            let rest = if note.len() == 3 { &NOTES[0][3..] } else { "" };
            let script = Script::after(Reads::Body(1000)).weigh().send(&*note);
            let script = script.read(Reads::Rest).send(rest).send(good());
            let check = |server: Server, run: Run| {
                run.server(&server).stdout("Four.\n").success();
                let request = server.request();
                let sent = request.header("content-length").expect("a length");
                assert_eq!(sent, request.body_len.to_string());
            };
            check(Server::play([script.clone()]), env.xask(UPLOAD));
            if rest.is_empty() && note.len() == NOTES[0].len() {
                let server = Server::play_tls(&authority.sign(), [script]);
                check(server, env.xask(UPLOAD).key("k").env("SSL_CERT_FILE", "ca.pem"));
            }
        }
    }
}

#[test]
fn a_note_and_a_long_answer_may_come_together() {
    let env = Env::new();
    env.sparse_png("large.png", MAX_IMAGE);
    let text = "four ".repeat(60_000);
    let reply = Vec::from(Reply::json(200, replies::completion(&text)));
    for note in NOTES {
        let together = [note.as_bytes(), &reply].concat();
        let script = Script::after(Reads::AllBut(1)).weigh().send(together).read(Reads::Rest);
        let server = Server::play([script]);
        env.xask(UPLOAD).server(&server).stdout(format!("{text}\n")).success();
    }
}

#[test]
fn an_answer_may_speak_of_notes() {
    let (env, gate) = (Env::new(), Gate::new());
    let events = replies::stream_of(&["Fo", "ur."], Some("stop"));
    let text = String::from_utf8(Vec::from(Reply::sse(&events).close_delimited())).expect("text");
    let at = text.find("ur.").expect("the second piece");
    let at = text[..at].rfind("data:").expect("its event");
    // A field of an event that nobody knows, at the beginning of what is read.
    let rest = format!("HTTP/1.1 102 Processing\n{}", &text[at..]);
    let script = Script::new().send(&text[..at]).wait(&gate).send(rest);
    let server = Server::play([script]);
    let mut run = env.xask(["--stream", "Hi"]).server(&server).stdout("Four.\n").spawn();
    run.read_stdout_until("Fo");
    gate.open();
    run.success();
}

#[test]
fn an_early_answer_after_a_note_is_understood() {
    let env = Env::new();
    env.sparse_png("large.png", MAX_IMAGE);
    for note in NOTES {
        for (reply, code, words) in early_answers() {
            let script = Script::after(Reads::Body(1000)).weigh().send(note).send(reply).reset();
            let server = Server::play([script]);
            assert_understood(&env.xask(UPLOAD).server(&server).spawn().finish(), code, words);
        }
    }
}

#[test]
fn an_early_answer_after_a_note_ends_an_upload_that_nobody_takes_any_more() {
    let env = Env::new();
    env.sparse_png("large.png", MAX_IMAGE);
    for note in NOTES {
        for (reply, code, words) in early_answers() {
            let script = Script::after(Reads::Body(1000)).weigh().send(note).send(reply).stall();
            let server = Server::play([script]);
            let args = [&["--timeout", "10"][..], &UPLOAD].concat();
            assert_understood(&env.xask(args).server(&server).spawn().finish(), code, words);
        }
    }
}

#[test]
fn an_early_answer_in_pieces_is_understood() {
    let env = Env::new();
    env.sparse_png("large.png", MAX_IMAGE);
    let gate = Gate::new();
    let bytes = Vec::from(Reply::json(413, "{}"));
    let (first, rest) = bytes.split_at(9);
    let script = Script::after(Reads::Body(1000)).weigh().send(first).wait(&gate).send(rest);
    let server = Server::play([script.stall()]);
    let args = [&["--timeout", "10"][..], &UPLOAD].concat();
    let run = env.xask(args).server(&server).stderr_like("(HTTP 413)").spawn();
    // Long enough for the first piece to have been seen alone.
    std::thread::sleep(std::time::Duration::from_millis(300));
    gate.open();
    run.code(4);
}

#[test]
fn a_whole_reply_is_understood_however_it_is_framed() {
    let env = Env::new();
    let body = replies::completion("Four.");
    let (head, half) = ("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n", body.len() / 2);
    let (one, two) = body.split_at(half);
    let chunks = |extension: &str, trailers: &str| {
        format!(
            "{head}Transfer-Encoding: chunked\r\n\r\n\
             {half:x}{extension}\r\n{one}\r\n{:X}\r\n{two}\r\n000{extension}\r\n{trailers}\r\n",
            two.len()
        )
    };
    for reply in [
        chunks("", ""),
        chunks("", "X-Checksum: 1\r\nX-Other: 2\r\n"),
        chunks(";a=b", ""),
        format!("{head}Content-Length: {0}\r\nContent-Length: {0}\r\n\r\n{body}", body.len()),
        format!(
            "{head}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
            body.len()
        ),
        format!("{head}\r\n{body}"),
        format!("HTTP/1.0 200 OK\r\n\r\n{body}"),
        format!("HTTP/1.1 200\r\nContent-Length: {}\r\n\r\n{body}", body.len()),
        format!("HTTP/1.1 200 OK\nContent-Length: {}\n\n{body}", body.len()),
        format!("HTTP/1.1 200 OK\r\ncontent-length:{}\r\n\r\n{body}and more", body.len()),
        format!("{}{head}Content-Length: {}\r\n\r\n{body}", NOTES.concat(), body.len()),
        format!("{head}{}Content-Length: {}\r\n\r\n{body}", "X-A: b\r\n".repeat(60), body.len()),
    ] {
        let server = Server::play([Script::new().drip(&*reply)]);
        env.ask(&server, []).stdout("Four.\n").success();
    }
}

#[test]
#[ignore = "the HTTP library takes at most 20 characters for the line before a chunk"]
fn what_a_gateway_adds_to_the_size_of_a_chunk_is_passed_over() {
    let env = Env::new();
    let body = replies::completion("Four.");
    let reply = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x};signature={}\r\n{body}\r\n0\r\n\r\n",
        body.len(),
        "0".repeat(64)
    );
    let server = Server::play([Script::new().send(reply)]);
    env.ask(&server, []).stdout("Four.\n").success();
}

#[test]
fn lengths_that_are_none_and_depth_without_measure_are_the_services_failure() {
    let env = Env::new();
    let body = replies::completion("Four.");
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let objects = r#"{"a":"#.repeat(100_000) + "1" + &"}".repeat(100_000);
    let chunked = "Transfer-Encoding: chunked\r\n";
    for (headers, body) in [
        ("Content-Length: abc\r\n", &*body),
        ("Content-Length: -5\r\n", &body),
        ("Content-Length: +5\r\n", &body),
        ("Content-Length: 0x5\r\n", &body),
        ("Content-Length: 99999999999999999999999\r\n", &body),
        ("Content-Length: 4\r\nContent-Length: 5\r\n", &body),
        (chunked, "zz\r\n"),
        (chunked, "-1\r\n"),
        (chunked, "ffffffffffffffffff\r\n"),
        (chunked, "1\r\n{junk\r\n"),
        ("", &format!("{body}{body}")),
        ("", &deep),
        ("", &format!(r#"{{"choices":{deep}}}"#)),
        ("", &format!(r#"{{"error":{objects}}}"#)),
        ("Content-Length: 18446744073709551615\r\n", "null"),
    ] {
        let reply = format!("HTTP/1.1 200 OK\r\n{headers}\r\n{body}");
        let server = Server::play([Script::new().send(reply)]);
        let code = if headers.contains("18446744073709551615") { 7 } else { 8 };
        let words: &[&str] = if code == 7 { &["billed twice"] } else { &[] };
        env.ask(&server, []).case((headers, &body[..body.len().min(20)])).fails(code, words);
    }
    // Deeper than anyone looks is nobody's error, where it is beside what is looked for.
    let beside = body.replacen('{', &format!(r#"{{"extra":{objects},"#), 1);
    let server = Server::reply(Reply::json(200, beside));
    env.ask(&server, []).stdout("Four.\n").success();
}

#[test]
fn a_status_between_an_answer_and_none_is_the_services_failure() {
    for reply in [
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\n\r\n",
        "HTTP/1.1 099 Low\r\n\r\n",
        "HTTP/1.1 999 High\r\n\r\n",
    ] {
        let server = Server::play([Script::new().send(reply).hold()]);
        Env::new().ask(&server, ["--timeout=5"]).case(reply).fails(8, &[]);
    }
}

#[test]
fn a_reply_that_is_packed_though_nobody_asked_is_no_completion() {
    let env = Env::new();
    let packed =
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xabV*\xcf\xcf/J\xb3R\x02\x00\x00\x00\xff\xff";
    for status in [200, 400] {
        let reply = Reply::json(status, *packed).header("Content-Encoding", "gzip");
        let server = Server::reply(reply);
        let output = env.ask(&server, []).stderr_like("xask: ").spawn().finish();
        assert_eq!(output.status.code(), Some(if status == 200 { 8 } else { 4 }));
        assert_eq!(server.request().header("accept-encoding"), None);
        let is_plain = |byte: &u8| *byte == b'\n' || !byte.is_ascii_control();
        assert!(output.stderr.iter().all(is_plain), "{}", output.notes());
    }
}

#[test]
fn a_stream_is_held_to_its_framing_too() {
    let env = Env::new();
    let events = replies::stream_of(&["Four."], Some("stop"));
    let whole = Vec::from(Reply::sse(&events));
    let text = String::from_utf8(whole).expect("text");
    // All was said; what follows `[DONE]` is not waited for.
    let done = &text[..text.find("[DONE]").expect("an end") + 8];
    let server = Server::play([Script::new().send(done).stall()]);
    env.xask(["--stream", "Hi"]).server(&server).stdout("Four.\n").success();
    // Before that, an end is a cut.
    let finish = text.find("data: [DONE]").expect("an end");
    for (end, code) in [(finish - 200, 7), (text.find(r#"{"id""#).expect("an event") + 9, 7)] {
        let server = Server::play([Script::new().send(&text[..end])]);
        let run = env.xask(["--stream", "Hi"]).server(&server).stdout_like("");
        run.stderr_like("(HTTP 200)\n").stderr_like(HINT).code(code);
    }
    let broken = text.replacen("\r\ndata: ", "\r\njunk\r\n\r\ndata: ", 3);
    let server = Server::play([Script::new().send(&*broken)]);
    let run = env.xask(["--stream", "Hi"]).server(&server).stdout_like("");
    run.stderr_like("(HTTP 200)").code(8);
}

#[test]
fn what_has_no_end_is_not_kept() {
    let env = Env::new();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    let stream = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n");
    let (much, lines) = ("a".repeat(100_000), "X-A: b\r\n".repeat(1000));
    let chunks = format!("186a0\r\n{much}\r\n");
    for (case, begin, again, codes) in [
        ("a first line", "HTTP/1.1 200 ", &*much, &[7, 8][..]),
        ("empty lines", "", &"\r\n".repeat(1000), &[7, 8]),
        ("a header", "HTTP/1.1 200 OK\r\nX-A: ", &much, &[7, 8]),
        ("headers", "HTTP/1.1 200 OK\r\n", &lines, &[8]),
        ("notes", "", &NOTES[1].repeat(1000), &[7, 8]),
        ("a body", &format!("{head}\r\n"), &much, &[8]),
        ("a body in chunks", &chunked, &chunks, &[8]),
        ("the size of a chunk", &chunked, &"0".repeat(1000), &[7, 8]),
        ("a trailer", &format!("{chunked}0\r\nX-A: "), &much, &[7, 8]),
        ("a body of an error", "HTTP/1.1 500 No\r\n\r\n<p>", &much, &[8]),
        ("a line of a stream", &format!("{stream}data: "), &much, &[8]),
        ("an event of a stream", stream, &format!("data: {much}\n"), &[8]),
        ("no event", &format!("{stream}: "), &much, &[8]),
    ] {
        let script = Script::new().send(begin).flood(again);
        let server = Server::play([script]);
        // More than two copies of the largest reply, beside the program itself.
        let run = env.sh("ulimit -v 250000; exec xask --timeout 5 --stream Hi").server(&server);
        let output = run.stderr_like("xask: ").spawn().finish();
        let code = output.status.code();
        assert!(
            codes.iter().any(|want| code == Some(*want)),
            "{case}: {code:?} {}",
            output.notes()
        );
        assert!(output.stdout.is_empty() && output.notes().len() < 1000, "{case}");
    }
}

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
    let env = Env::new();
    let server = Server::reply(good());
    let url = server.url_at("localhost");
    let addresses: Vec<_> = ("localhost", 0).to_socket_addrs().expect("localhost").collect();
    if !addresses.iter().any(std::net::SocketAddr::is_ipv6) {
        skip("half of it: localhost is 127.0.0.1 alone");
    }
    env.xask(["Hi"]).env("XAI_BASE_URL", url).stdout("Four.\n").success();
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
