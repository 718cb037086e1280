//! Where a response begins and ends, and what is not a response at all.

use super::INTERIM;
use crate::support::{Env, Gate, Response, Script, Server, chat, four, streamed};

#[test]
fn an_answer_may_quote_interim_responses() {
    let (env, gate) = (Env::new(), Gate::new());
    let events = chat::stream_of(&["Fo", "ur."], Some("stop"));
    let text =
        String::from_utf8(Vec::from(Response::sse(&events).close_delimited())).expect("text");
    let at = text.find("ur.").expect("the second piece");
    let at = text[..at].rfind("data:").expect("its event");
    // A field of an event that is unknown, at the beginning of the body.
    let rest = format!("HTTP/1.1 102 Processing\n{}", &text[at..]);
    let script = Script::new().send(&text[..at]).wait(&gate).send(rest);
    let server = Server::play([script]);
    let mut run = env.xask(["--stream", "Hi"]).server(&server).stdout("Four.\n").spawn();
    run.read_stdout_until("Fo");
    gate.open();
    run.success();
}

#[test]
fn a_response_may_arrive_in_any_framing_and_in_any_pieces() {
    let whole = |response: Response| Script::from(response);
    let open = |response: Response| Script::new().send(response).hold();
    let bytes = |head: &str| format!("{head}{}", chat::completion("Four."));
    let length = chat::completion("Four.").len();
    for (name, script) in [
        ("with its length", whole(four())),
        ("with its length, on a connection that stays open", open(four())),
        ("in chunks", whole(four().chunked())),
        ("in chunks, on a connection that stays open", open(four().chunked())),
        ("up to the end of the connection", whole(four().close_delimited())),
        ("byte by byte", Script::new().drip(four())),
        ("in chunks, byte by byte", Script::new().drip(four().chunked())),
        ("as HTTP/1.0", Script::from(bytes("HTTP/1.0 200 OK\r\n\r\n"))),
        ("without a content type", Script::from(bytes("HTTP/1.1 200 OK\r\n\r\n"))),
        ("without a reason", Script::from(bytes("HTTP/1.1 200\r\n\r\n"))),
        (
            "with headers in lower case",
            Script::new()
                .send(bytes(&format!("HTTP/1.1 200 OK\r\ncontent-length:{length}\r\n\r\n")))
                .hold(),
        ),
        ("as another success", whole(Response::json(203, chat::completion("Four.")))),
        ("called a text", whole(Response::new(200, "text/plain", chat::completion("Four.")))),
    ] {
        let server = Server::play([script]);
        Env::new().ask(&server, []).case(name).stdout("Four.\n").success();
    }
}

#[test]
fn unusual_heads_and_chunks_of_gateways_are_understood() {
    let env = Env::new();
    let body = chat::completion("Four.");
    let (head, half) = ("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n", body.len() / 2);
    let (one, two) = body.split_at(half);
    let chunks = |extension: &str, trailers: &str| {
        format!(
            "{head}Transfer-Encoding: chunked\r\n\r\n\
             {half:x}{extension}\r\n{one}\r\n{:X}\r\n{two}\r\n000{extension}\r\n{trailers}\r\n",
            two.len()
        )
    };
    for response in [
        chunks("", ""),
        chunks("", "X-Checksum: 1\r\nX-Other: 2\r\n"),
        chunks(";a=b", ""),
        format!("{head}Content-Length: {0}\r\nContent-Length: {0}\r\n\r\n{body}", body.len()),
        format!(
            "{head}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
            body.len()
        ),
        format!("{head}\r\n{body}"),
        format!("HTTP/1.1 200\r\nContent-Length: {}\r\n\r\n{body}", body.len()),
        format!("HTTP/1.1 200 OK\nContent-Length: {}\n\n{body}", body.len()),
        format!("HTTP/1.1 200 OK\r\ncontent-length:{}\r\n\r\n{body}and more", body.len()),
        format!("{head}{}Content-Length: {}\r\n\r\n{body}", "X-A: b\r\n".repeat(600), body.len()),
        format!("{head}X-A: b\r\n\tc\r\nContent-Length: {}\r\n\r\n{body}", body.len()),
        format!("{head}x-request-id: \x1b[2J\r\nContent-Length: {}\r\n\r\n{body}", body.len()),
        format!("{head}Content-Length : {}\r\n\r\n{body}", body.len()),
        format!("{head}Content-Length:\r\n {}\r\n\r\n{body}", body.len()),
    ] {
        let server = Server::play([Script::new().drip(&*response)]);
        env.ask(&server, []).case(&response).stdout("Four.\n").success();
    }
}

#[test]
fn interim_responses_are_skipped() {
    let [go_on, early] = INTERIM;
    let with_header = "HTTP/1.1 100 Continue\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n";
    let several = [go_on, early, early, with_header].concat();
    let other = "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 199 Odd\r\nX-A: b\r\n\r\n".to_owned();
    for interim in [early.to_owned(), go_on.to_owned(), with_header.to_owned(), several, other] {
        let together = [interim.as_bytes(), &Vec::from(four())].concat();
        for script in [
            Script::new().send(interim.as_str()).send(four()),
            Script::new().send(together.clone()),
            Script::new().drip(together),
        ] {
            let server = Server::play([script]);
            Env::new().ask(&server, []).case(&interim).stdout("Four.\n").success();
        }
    }
}

#[test]
fn additions_of_a_gateway_to_the_size_of_a_chunk_are_ignored() {
    let env = Env::new();
    let body = chat::completion("Four.");
    let size = format!("{:x}", body.len());
    for size in [
        format!("000{size}"),
        format!("{size}  "),
        format!("{size}{}", " ".repeat(40)),
        format!("{size};name=value"),
        format!("{size};signature={}", "0".repeat(64)),
    ] {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        for end in ["\r\n", "\n"] {
            let response = format!("{head}{size}{end}{body}{end}0{end}{end}");
            env.ask(&Server::play([response]), []).case((&size, end)).stdout("Four.\n").success();
        }
    }
}

#[test]
fn an_invalid_length_is_a_server_error() {
    let env = Env::new();
    let body = chat::completion("Four.");
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
    ] {
        let server = Server::play([format!("HTTP/1.1 200 OK\r\n{headers}\r\n{body}")]);
        env.ask(&server, []).case((headers, body)).fails(8, &[]);
    }
    // This is a valid chunk size, but its data did not arrive.
    let promised = "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\nnull";
    let server = Server::play([promised]);
    env.ask(&server, []).fails(7, &["billed again"]);
}

#[test]
fn an_invalid_chunk_in_a_stream_is_a_server_error() {
    let text = String::from_utf8(Vec::from(streamed(&["Four."]))).expect("text");
    let broken = text.replacen("\r\ndata: ", "\r\njunk\r\n\r\ndata: ", 3);
    let server = Server::play([broken]);
    let run = Env::new().xask(["--stream", "Hi"]).server(&server).stdout_like("");
    run.stderr_like("invalid response").code(8);
}

#[test]
fn endless_responses_are_not_kept_in_memory() {
    let env = Env::new();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    let stream = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n");
    let (much, lines) = ("a".repeat(100_000), "X-A: b\r\n".repeat(1000));
    let chunks = format!("186a0\r\n{much}\r\n");
    for (case, begin, again, want) in [
        ("a first line", "HTTP/1.1 200 ", &*much, 8),
        ("empty lines", "", &"\r\n".repeat(1000), 8),
        ("a header", "HTTP/1.1 200 OK\r\nX-A: ", &much, 8),
        ("headers", "HTTP/1.1 200 OK\r\n", &lines, 8),
        ("interim responses", "", &INTERIM[1].repeat(1000), 7),
        ("a body", &format!("{head}\r\n"), &much, 8),
        ("a body in chunks", &chunked, &chunks, 8),
        ("the size of a chunk", &chunked, &"0".repeat(1000), 8),
        ("a trailer", &format!("{chunked}0\r\nX-A: "), &much, 8),
        ("a body of an error", "HTTP/1.1 500 No\r\n\r\n<p>", &much, 8),
        ("a line of a stream", &format!("{stream}data: "), &much, 8),
        ("an event of a stream", stream, &format!("data: {much}\n"), 8),
        ("no event", &format!("{stream}: "), &much, 8),
    ] {
        let script = Script::new().send(begin).flood(again);
        let server = Server::play([script]);
        // More than two copies of the largest response, plus the program itself.
        // Interim responses alone are waited for to the deadline.
        let timeout = if want == 7 { 1 } else { 20 };
        let script = format!("ulimit -v 250000; exec xask --timeout {timeout} --stream Hi");
        let run = env.sh(&script).server(&server);
        let output = run.stderr_like("xask: error: ").case(case).code(want);
        assert!(output.stdout.is_empty() && output.notes().len() < 1000, "{case}");
    }
}
