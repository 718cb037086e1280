//! Where a reply begins and ends, and what is no reply at all.

use super::NOTES;
use crate::support::{Env, Gate, Reply, Script, Server, replies, says};

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
        run.stderr_like("(HTTP 200)\n").stderr_like(says::BILLED).code(code);
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
