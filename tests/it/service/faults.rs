//! A wire that breaks: whether the question was delivered, and whether the answer is whole.

use crate::support::{Env, ID, Reads, Reply, Script, Server, replies};

const LOST: &[&str] = &["billed again"];

#[test]
fn where_nobody_listens_nothing_is_delivered() {
    // No service is ever on this port: it is not given out, and only root can take it.
    let run = Env::new().ask_at("http://127.0.0.1:1/v1", []);
    let told = run.fails(6, &["cannot connect to 127.0.0.1:1", "connection refused"]);
    assert!(!told.contains("billed"), "{told}");
}

#[test]
fn a_name_that_is_nobodys_is_safe_to_ask_again() {
    // More letters than a label of a name has: it is looked for nowhere.
    let name = "a".repeat(64) + ".example";
    let told = Env::new().ask_at(&format!("https://{name}/v1"), []).key("k").fails(6, &[&name]);
    assert!(!told.contains("billed"), "{told}");
}

#[test]
fn a_connection_that_ends_before_a_reply_is_a_lost_answer() {
    for (name, script) in [
        ("closed after the request", Script::new()),
        ("closed after its head", Script::after(Reads::Head)),
        ("closed at once", Script::after(Reads::Nothing)),
        ("reset before the last byte", Script::after(Reads::AllBut(1)).reset()),
        ("reset after the head", Script::after(Reads::Head).reset()),
        ("reset at once", Script::after(Reads::Nothing).reset()),
    ] {
        let server = Server::play([script]);
        Env::new().ask(&server, []).case(name).fails(7, LOST);
    }
}

#[test]
fn a_connection_that_is_reset_in_the_middle_of_the_reply_is_a_lost_answer() {
    let part = Vec::from(dense().cut_at(20));
    let server = Server::play([Script::after(Reads::AllBut(1)).send(part).reset()]);
    let told = Env::new().ask(&server, []).fails(7, LOST);
    assert!(told.contains(&format!("(x-request-id {ID})")), "{told}");
}

#[test]
fn a_long_body_that_is_not_taken_to_its_end_is_a_lost_answer() {
    let text = vec![b'x'; 8 << 20];
    for (name, script) in [
        ("closed", Script::after(Reads::Body(100_000)).send("")),
        ("reset", Script::after(Reads::Body(100_000)).reset()),
    ] {
        let server = Server::play([script]);
        Env::new().ask(&server, ["-"]).case(name).stdin(text.clone()).fails(7, LOST);
    }
}

#[test]
fn what_is_said_before_the_body_was_sent_is_heard() {
    let text = vec![b'x'; 8 << 20];
    let refused = || {
        Reply::json(413, replies::error("too-large", "Body too large.")).header("x-request-id", ID)
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
        let run = Env::new().ask(&server, ["-", "--timeout=5"]).case(name);
        run.stdin(text.clone()).fails(4, &words);
    }
}

/// Each of these wires is a lost answer.
#[track_caller]
fn are_lost(wires: impl IntoIterator<Item = Vec<u8>>, words: &[&str]) {
    let wires: Vec<_> = wires.into_iter().collect();
    assert!(!wires.is_empty());
    let env = Env::new();
    let server = Server::play(wires.clone());
    for wire in wires {
        let case = String::from_utf8_lossy(&wire).into_owned();
        let told = env.ask(&server, ["--json"]).case(case).fails(7, LOST);
        for word in words {
            assert!(told.contains(word), "{word:?} is not in {told}");
        }
    }
}

/// A completion with every kind of JSON value, written so that each can be cut in its middle.
const DENSE: &str = "{ \"id\":\"\\u00e9\\ud83d\\ude00\\\"\",\"x\":[true,false,null,-1.5e+3,0.25,{}],\"choices\":[{\
    \"message\":{\"content\":\"\u{e9}\\n\u{1f600}\\u00e9\",\"refusal\":null},\"n\":-1.5E-3,\"finish_reason\":\"stop\"}],\
    \"usage\":{\"cost_in_usd_ticks\":1.5e9}}";

fn dense() -> Reply {
    Reply::json(200, DENSE).header("x-request-id", ID)
}

#[test]
fn the_dense_reply_is_an_answer_when_it_is_whole() {
    let server = Server::reply(dense());
    Env::new().ask(&server, []).stdout("\u{e9}\n\u{1f600}\u{e9}\n").success();
}

#[test]
fn a_head_cut_anywhere_is_a_lost_answer() {
    let head = dense().head();
    are_lost((0..head.len()).map(|n| head[..n].to_vec()), &[]);
}

#[test]
fn a_body_cut_anywhere_short_of_its_length_is_a_lost_answer() {
    are_lost((0..DENSE.len()).map(|n| dense().cut_at(n).into()), &[ID]);
}

/// The reply in chunks, cut wherever it can be before the last of them, and whether in the size of one.
fn cut_chunks() -> impl Iterator<Item = (Vec<u8>, bool)> {
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
fn a_body_cut_anywhere_in_a_chunk_is_a_lost_answer() {
    let wires = cut_chunks().filter(|(_, is_size)| !is_size);
    are_lost(wires.map(|(wire, _)| wire), &[ID]);
}

#[test]
fn a_body_cut_in_the_size_of_a_chunk_is_a_lost_answer() {
    let wires = cut_chunks().filter(|(_, is_size)| *is_size);
    are_lost(wires.map(|(wire, _)| wire), &[ID]);
}

#[test]
fn a_body_cut_anywhere_that_ends_with_its_connection_is_a_lost_answer() {
    let wires = (0..DENSE.len()).map(|n| dense().close_delimited().cut_at(n).into());
    are_lost(wires, &[ID]);
}

#[test]
fn json_that_ends_in_its_middle_is_a_lost_answer_though_its_frame_is_whole() {
    let halves = [1, DENSE.len() / 2, DENSE.len() - 1].map(|n| &DENSE.as_bytes()[..n]);
    are_lost(halves.map(|half| Reply::json(200, half).into()), &[]);
    are_lost(halves.map(|half| Reply::json(200, half).chunked().into()), &[]);
}

#[test]
fn what_is_no_http_is_a_reply_that_is_not_understood() {
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
        // It stays open: to see what it is must not take the end of the connection.
        let script = Script::new().send(wire.clone());
        for script in [script.clone(), script.hold()] {
            let server = Server::play([script]);
            let case = String::from_utf8_lossy(&wire).into_owned();
            let told = format!("invalid response from {}: {why}", server.addr());
            Env::new().ask(&server, ["--timeout=5"]).case(case).fails(8, &[&told]);
        }
    }
}

#[test]
fn a_long_head_is_read() {
    for length in [4_000, 8_000, 9_000, 16_000, 40_000] {
        let server = Server::reply(dense().header("content-security-policy", &"y".repeat(length)));
        Env::new().ask(&server, []).case(length).stdout_like("\u{e9}").success();
        let server = Server::reply(
            Reply::json(401, "{}").header("x", &"y".repeat(length)).header("x-request-id", ID),
        );
        Env::new().ask(&server, []).case(length).fails(3, &["HTTP 401", ID]);
    }
}

#[test]
fn a_head_of_many_headers_is_read() {
    let reply = (0..100).fold(dense(), |reply, n| reply.header(&format!("x-{n}"), "y"));
    let server = Server::reply(reply);
    Env::new().ask(&server, []).stdout_like("\u{e9}").success();
}

#[test]
fn a_head_without_end_is_not_read_to_its_end() {
    let endless = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(1 << 20));
    let many = format!("HTTP/1.1 200 OK\r\n{}", "x: y\r\n".repeat(20_000));
    for head in [endless, many] {
        let server = Server::play([Script::new().send(head).hold()]);
        Env::new().ask(&server, ["--timeout=5"]).fails(8, &["invalid response"]);
    }
}
