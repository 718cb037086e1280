//! Connections that break: whether the request was delivered, and whether the response is whole.

use crate::support::{Env, ID, Reads, Response, Script, Server, chat};

const INCOMPLETE: &[&str] = &["billed again"];

#[test]
fn nothing_is_delivered_if_nothing_listens() {
    // No server is ever on this port: it is not assigned to programs, and only root can use it.
    let run = Env::new().ask_at("http://127.0.0.1:1/v1", []);
    let shown = run.fails(6, &["cannot connect to 127.0.0.1:1", "connection refused"]);
    assert!(!shown.contains("billed"), "{shown}");
}

#[test]
fn a_host_name_that_cannot_exist_means_not_delivered() {
    // More letters than a label of a name may have: it is not looked up.
    let name = "a".repeat(64) + ".example";
    let shown = Env::new().ask_at(&format!("https://{name}/v1"), []).key("k").fails(6, &[&name]);
    assert!(!shown.contains("billed"), "{shown}");
}

#[test]
fn a_connection_that_ends_before_a_response_is_incomplete() {
    for (name, script) in [
        ("closed after the request", Script::new()),
        ("closed after its head", Script::after(Reads::Head)),
        ("closed at once", Script::after(Reads::Nothing)),
        ("reset before the last byte", Script::after(Reads::AllBut(1)).reset()),
        ("reset after the head", Script::after(Reads::Head).reset()),
        ("reset at once", Script::after(Reads::Nothing).reset()),
    ] {
        let server = Server::play([script]);
        Env::new().ask(&server, []).case(name).fails(7, INCOMPLETE);
    }
}

#[test]
fn a_connection_that_is_reset_during_the_response_is_incomplete() {
    let part = Vec::from(dense().truncated_at(20));
    let server = Server::play([Script::after(Reads::AllBut(1)).send(part).reset()]);
    let shown = Env::new().ask(&server, []).fails(7, INCOMPLETE);
    assert!(shown.contains(&format!("(x-request-id {ID})")), "{shown}");
}

#[test]
fn a_long_request_that_is_not_read_to_its_end_is_incomplete() {
    let text = vec![b'x'; 8 << 20];
    for (name, script) in [
        ("closed", Script::after(Reads::Body(100_000)).send("")),
        ("reset", Script::after(Reads::Body(100_000)).reset()),
    ] {
        let server = Server::play([script]);
        Env::new().ask(&server, ["-"]).case(name).stdin(text.clone()).fails(7, INCOMPLETE);
    }
}

#[test]
fn a_response_before_the_body_was_sent_is_read() {
    let text = vec![b'x'; 8 << 20];
    let refused = || {
        Response::json(413, chat::error("too-large", "Body too large.")).header("x-request-id", ID)
    };
    for (name, script) in [
        ("and the rest is read", Script::after(Reads::Head).send(refused())),
        ("and the rest is not read", Script::after(Reads::Head).send(refused()).stall()),
        (
            "and the connection is reset",
            Script::after(Reads::Body(100_000)).send(refused()).reset(),
        ),
    ] {
        let server = Server::play([script]);
        let words = ["too-large: Body too large.", "HTTP 413", ID];
        let run = Env::new().ask(&server, ["-", "--timeout=60"]).case(name);
        run.stdin(text.clone()).fails(4, &words);
    }
}

/// Each of these responses, given as bytes on the wire, is incomplete.
#[track_caller]
fn assert_incomplete(wires: impl IntoIterator<Item = Vec<u8>>, words: &[&str]) {
    let wires: Vec<_> = wires.into_iter().collect();
    assert!(!wires.is_empty());
    let env = Env::new();
    let server = Server::play(wires.clone());
    for wire in wires {
        let case = String::from_utf8_lossy(&wire).into_owned();
        let shown = env.ask(&server, ["--json"]).case(case).fails(7, INCOMPLETE);
        for word in words {
            assert!(shown.contains(word), "{word:?} is not in {shown}");
        }
    }
}

/// A completion with every kind of JSON value, each long enough to be truncated in its middle.
const DENSE: &str = "{ \"id\":\"\\u00e9\\ud83d\\ude00\\\"\",\"x\":[true,false,null,-1.5e+3,0.25,{}],\"choices\":[{\
    \"message\":{\"content\":\"\u{e9}\\n\u{1f600}\\u00e9\",\"refusal\":null},\"n\":-1.5E-3,\"finish_reason\":\"stop\"}],\
    \"usage\":{\"cost_in_usd_ticks\":1.5e9}}";

fn dense() -> Response {
    Response::json(200, DENSE).header("x-request-id", ID)
}

#[test]
fn the_dense_response_is_an_answer_if_it_is_whole() {
    let server = Server::respond(dense());
    Env::new().ask(&server, []).stdout("\u{e9}\n\u{1f600}\u{e9}\n").success();
}

#[test]
fn a_head_truncated_anywhere_is_incomplete() {
    let head = dense().head();
    assert_incomplete((0..head.len()).map(|n| head[..n].to_vec()), &[]);
}

#[test]
fn a_body_shorter_than_its_length_is_incomplete() {
    assert_incomplete((0..DENSE.len()).map(|n| dense().truncated_at(n).into()), &[ID]);
}

/// The response in chunks, truncated anywhere before the last chunk, and whether that is in the size of one.
fn truncated_chunks() -> impl Iterator<Item = (Vec<u8>, bool)> {
    let last = "0\r\n\r\n".len();
    let (head, whole) = (dense().chunked().head(), Vec::from(dense().chunked()));
    (head.len()..=whole.len() - last).map(move |n| {
        let sent = &whole[head.len()..n];
        let line = sent.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        let is_size = !line.is_empty() && line.iter().all(|b| b.is_ascii_hexdigit() || *b == b'\r');
        (whole[..n].to_vec(), is_size)
    })
}

#[test]
fn a_body_truncated_anywhere_in_a_chunk_is_incomplete() {
    let wires = truncated_chunks().filter(|(_, is_size)| !is_size);
    assert_incomplete(wires.map(|(wire, _)| wire), &[ID]);
}

#[test]
fn a_body_truncated_in_the_size_of_a_chunk_is_incomplete() {
    let wires = truncated_chunks().filter(|(_, is_size)| *is_size);
    assert_incomplete(wires.map(|(wire, _)| wire), &[ID]);
}

#[test]
fn a_truncated_body_that_ends_with_its_connection_is_incomplete() {
    let wires = (0..DENSE.len()).map(|n| dense().close_delimited().truncated_at(n).into());
    assert_incomplete(wires, &[ID]);
}

#[test]
fn truncated_json_in_complete_framing_is_incomplete() {
    let halves = [1, DENSE.len() / 2, DENSE.len() - 1].map(|n| &DENSE.as_bytes()[..n]);
    assert_incomplete(halves.map(|half| Response::json(200, half).into()), &[]);
    assert_incomplete(halves.map(|half| Response::json(200, half).chunked().into()), &[]);
}

#[test]
fn bytes_that_are_not_http_are_an_invalid_response() {
    const NOT_HTTP: &str = "not HTTP/1.1";
    const NO_STATUS: &str = "malformed status line";
    const NO_HEADER: &str = "malformed header line";
    const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunks = |text: &str| [CHUNKED, text].concat().into_bytes();
    for (wire, why) in [
        (b"SSH-2.0-OpenSSH_9.9\r\n".to_vec(), NOT_HTTP),
        (b"220 mail.example ESMTP\r\n".to_vec(), NOT_HTTP),
        (b"\x15\x03\x01\x00\x02\x02\x28".to_vec(), NOT_HTTP),
        (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00".to_vec(), NOT_HTTP),
        (b"HTTP/9.9 200 OK\r\n\r\n".to_vec(), NOT_HTTP),
        (b"{\"choices\":[]}".to_vec(), NOT_HTTP),
        (b"HTTP/1.1 two hundred\r\n\r\n".to_vec(), NO_STATUS),
        (b"HTTP/1.1 99 Odd\r\n\r\n".to_vec(), NO_STATUS),
        (b"HTTP/1.1 2000 OK\r\n\r\n".to_vec(), NO_STATUS),
        (b"HTTP/1.1 099 Odd\r\n\r\n".to_vec(), "status below 100"),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n".to_vec(), NO_HEADER),
        (b"HTTP/1.1 200 OK\r\nx y: z\r\n\r\n".to_vec(), NO_HEADER),
        (b"HTTP/1.1 200 OK\r\nX-A: \0\r\n\r\n".to_vec(), "null byte in a header"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}".to_vec(),
            "Content-Length is not a number",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n{}".to_vec(),
            "conflicting Content-Length headers",
        ),
        (chunks("zz\r\n{}\r\n0\r\n\r\n"), "malformed chunked encoding"),
        (chunks("1\r\n{}\r\n0\r\n\r\n"), "malformed chunked encoding"),
    ] {
        // It stays open: the response must be recognized before the connection ends.
        let script = Script::new().send(wire.clone());
        for script in [script.clone(), script.hold()] {
            let server = Server::play([script]);
            let case = String::from_utf8_lossy(&wire).into_owned();
            let shown = format!("invalid response from {}: {why}", server.addr());
            Env::new().ask(&server, ["--timeout=5"]).case(case).fails(8, &[&shown]);
        }
    }
}

#[test]
fn a_long_head_is_read() {
    for length in [4_000, 8_000, 9_000, 16_000, 40_000] {
        let server =
            Server::respond(dense().header("content-security-policy", &"y".repeat(length)));
        Env::new().ask(&server, []).case(length).stdout_like("\u{e9}").success();
        let server = Server::respond(
            Response::json(401, "{}").header("x", &"y".repeat(length)).header("x-request-id", ID),
        );
        Env::new().ask(&server, []).case(length).fails(3, &["HTTP 401", ID]);
    }
}

#[test]
fn a_head_of_many_headers_is_read() {
    let response = (0..100).fold(dense(), |response, n| response.header(&format!("x-{n}"), "y"));
    let server = Server::respond(response);
    Env::new().ask(&server, []).stdout_like("\u{e9}").success();
}

#[test]
fn an_endless_head_is_not_read_to_its_end() {
    let endless = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(1 << 20));
    let many = format!("HTTP/1.1 200 OK\r\n{}", "x: y\r\n".repeat(20_000));
    for head in [endless, many] {
        let server = Server::play([Script::new().send(head).hold()]);
        Env::new().ask(&server, ["--timeout=5"]).fails(8, &["invalid response"]);
    }
}
