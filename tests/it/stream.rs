//! The answer as it arrives: when a stream is requested, what is printed of it, and when. How it ends is
//! in `ends`, and in `cuts`: an incomplete stream is never a success.

mod beside;
mod cuts;
mod ends;

use serde_json::json;

use crate::support::{
    Env, Gate, Response, Run, Script, Server, Tty, chat, four, messages, streamed,
};

const DONE: &str = "data: [DONE]\n\n";

/// A run with `--stream`.
fn streaming(server: &Server) -> Run {
    Env::new().xask(["--stream", "hi"]).server(server)
}

fn streaming_json(server: &Server) -> Run {
    Env::new().xask(["--stream", "--json", "hi"]).server(server)
}

/// A stream of exactly these bytes, which ends with the connection.
fn sse(body: impl Into<Vec<u8>>) -> Response {
    Response::new(200, "text/event-stream", body).close_delimited()
}

fn event(payload: &str) -> String {
    format!("data: {payload}\n\n")
}

fn events(payloads: &[String]) -> String {
    payloads.iter().map(|payload| event(payload)).collect()
}

/// The event with one piece of the answer.
fn piece(text: &str) -> String {
    event(&chat::chunk(json!({ "content": text }), None))
}

fn finish(reason: &str) -> String {
    event(&chat::chunk(json!({}), Some(reason)))
}

/// Sends these pieces of a stream's body, and waits at a gate after each.
fn gated<P: Into<Vec<u8>>>(pieces: impl IntoIterator<Item = P>) -> (Script, Vec<Gate>) {
    let mut gates = Vec::new();
    let script = pieces.into_iter().fold(Script::new().send(sse("").head()), |script, piece| {
        let gate = Gate::new();
        gates.push(gate.clone());
        script.send(piece).wait(&gate)
    });
    (script, gates)
}

#[test]
fn a_stream_is_requested_only_when_it_is_wanted() {
    for (flags, on_terminal, stream, usage) in [
        ("", false, false, false),
        ("", true, true, false),
        ("--json", false, false, false),
        ("--json", true, false, false),
        ("--stream", false, true, false),
        ("--stream", true, true, false),
        ("--no-stream", false, false, false),
        ("--no-stream", true, false, false),
        ("--json --stream", false, true, false),
        ("--json --stream", true, true, false),
        ("--stream --no-stream", false, false, false),
        ("--stream --no-stream", true, false, false),
        ("--no-stream --stream", false, true, false),
        ("--stream --stream", false, true, false),
        ("--no-stream --no-stream", true, false, false),
        ("--stream --no-stream --stream", false, true, false),
        ("--usage", false, false, false),
        ("--usage", true, true, true),
        ("--usage --stream", false, true, true),
        ("--usage --no-stream", true, false, false),
        ("--usage --json", true, false, false),
        ("--usage --json --stream", false, true, true),
    ] {
        // Whatever was requested, a JSON response is read as JSON.
        let response = chat::completion("Four.");
        let server = Server::respond(Response::json(200, &*response));
        let printed =
            if flags.contains("--json") { format!("{response}\n") } else { "Four.\n".into() };
        let run = Env::new().xask(flags.split_whitespace().chain(["hi"])).server(&server);
        let run = run.stderr(if flags.contains("--usage") { messages::USAGE } else { "" });
        if on_terminal {
            run.tty(Tty::Stdout).on_tty(printed).success();
        } else {
            run.stdout(printed).success();
        }
        let body = server.request().json();
        let at = format!("{flags:?} on a terminal: {on_terminal}");
        assert_eq!(body.get("stream"), stream.then_some(&json!(true)), "{at}");
        let options = json!({ "include_usage": true });
        assert_eq!(body.get("stream_options"), usage.then_some(&options), "{at}");
    }
}

#[test]
fn an_answer_for_a_file_is_not_streamed_to_a_terminal() {
    for (args, printed) in [
        (&["-o", "out", "hi"], ""),
        (&["-o", "-", "hi"], "Four.\n"),
        (&["--cache", "answers", "hi"], "Four.\n"),
    ] {
        let server = Server::respond(four());
        let run = Env::new().xask(args).server(&server).tty(Tty::Stdout).on_tty(printed);
        run.success();
        assert_eq!(server.request().json().get("stream"), None, "{args:?}");
    }
}

#[test]
fn a_dry_run_streams_only_if_the_flag_is_given() {
    let body = |rest: &str| {
        format!(r#"{{"model":"grok-4","messages":[{{"role":"user","content":"hi"}}]{rest}}}"#)
    };
    let streamed = r#","stream":true"#;
    let with_usage = r#","stream":true,"stream_options":{"include_usage":true}"#;
    for (flags, rest) in [
        ("", ""),
        ("--no-stream", ""),
        ("--usage", ""),
        ("--stream", streamed),
        ("--stream --no-stream", ""),
        ("--stream --json", streamed),
        ("--stream --usage", with_usage),
    ] {
        let run = || Env::new().xask(flags.split_whitespace().chain(["--dry-run", "hi"]));
        let body = body(rest) + "\n";
        run().stdout(&*body).success();
        run().tty(Tty::Stdout).on_tty(&*body).success();
    }
}

#[test]
fn each_piece_is_printed_before_the_stream_continues() {
    let pieces = ["Fo", "u\n", "r", "."];
    let payloads = chat::stream_of(&pieces, Some("stop"));
    let lines: Vec<_> = payloads.iter().map(|payload| format!("{payload}\n")).collect();
    let texts: Vec<_> = [""].iter().chain(&pieces).map(ToString::to_string).collect();
    for (args, printed) in [(&["--stream", "hi"][..], texts), (&["--stream", "-j", "hi"], lines)] {
        let (script, gates) = gated(payloads.iter().map(|payload| event(payload)));
        let server = Server::play([script]);
        let newline = if printed.concat().ends_with('\n') { "" } else { "\n" };
        let run = Env::new().xask(args).server(&server);
        let mut run = run.stdout(printed.concat() + newline).spawn();
        for (gate, printed) in gates.iter().zip(&printed) {
            if !printed.is_empty() {
                run.read_stdout_until(printed);
            }
            gate.open();
        }
        gates.iter().for_each(Gate::open);
        run.success();
    }
}

#[test]
fn pieces_from_one_read_are_written_at_once() {
    let short = r#"{"choices":[{"delta":{"content":"x"}}]}"#;
    let body = event(short).repeat(1000) + &piece("the end");
    let (script, gates) = gated([body]);
    let server = Server::play([script.send(finish("stop"))]);
    let text = "x".repeat(1000) + "the end\n";
    let mut run = streaming(&server).stdout(text).spawn();
    run.read_stdout_until("the end");
    let calls = run.write_calls();
    assert!(calls < 200, "1001 events took {calls} calls of write");
    gates[0].open();
    run.success();
}

#[test]
fn without_stream_a_pipe_gets_the_whole_answer_or_nothing() {
    let whole = four();
    // An unrequested stream is no reason to print half an answer.
    let stream = streamed(&["Fo", "ur."]);
    for response in [whole.clone().chunked(), whole.clone().close_delimited(), whole, stream] {
        for args in [&["hi"][..], &["--no-stream", "hi"]] {
            let server = Server::respond(response.clone());
            Env::new().xask(args).server(&server).stdout("Four.\n").success();
            let server = Server::respond(response.clone().truncated_at(260));
            let run = Env::new().xask(args).server(&server);
            run.fails(7, &[]);
        }
    }
}

#[test]
fn a_stream_split_at_any_byte_gives_the_same_output() {
    let text = |i| format!("<{i}>\u{e9}\u{1f600}");
    let payload = |i| chat::chunk(json!({ "content": text(i) }), None);
    // On two lines, so that a line end read as two would end the event.
    let data = |i| payload(i).replace(r#""choices":"#, "\"choices\":\r\ndata: ");
    let event = |i| format!("data: {}\r\n\r\n", data(i)).into_bytes();
    let count = event(100).len();
    // Event i comes in two reads, split before its byte i.
    let mut pieces = vec![Vec::new()];
    for (i, event) in (0..count).map(|i| (i, event(i))) {
        let (head, tail) = event.split_at(i.min(event.len()));
        pieces.last_mut().expect("it has one").extend_from_slice(head);
        pieces.push(tail.to_vec());
    }
    pieces.last_mut().expect("it has one").extend_from_slice(finish("stop").as_bytes());
    let (script, gates) = gated(pieces);
    let server = Server::play([script]);
    let whole = (0..count).map(text).collect::<String>() + "\n";
    let mut run = streaming(&server).stdout(whole).spawn();
    gates[0].open();
    for (i, gate) in gates[1..].iter().enumerate() {
        run.read_stdout_until(text(i));
        gate.open();
    }
    run.success();
}

#[test]
fn a_stream_in_random_chunks_gives_the_same_output() {
    let pieces = ["\u{1f600}\r\n", "\u{e9}", " and more"];
    let body = events(&chat::stream_of(&pieces, Some("stop"))) + DONE;
    let body = body.replace('\n', "\r\n").into_bytes();
    let head = Response::sse(&[""]).head();
    // Numerical Recipes' generator: the same splits in every run of the test.
    let mut seed = 1_u32;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        seed as usize % below
    };
    let mut scripts = vec![Script::new().send(sse("").head()).drip(&*body)];
    for _ in 0..40 {
        let mut script = Script::new().send(&*head);
        let mut rest = &body[..];
        while !rest.is_empty() {
            let (chunk, left) = rest.split_at(1 + random(rest.len().min(200)));
            let size = format!("{:x}\r\n", chunk.len());
            script = script.send([size.as_bytes(), chunk, b"\r\n"].concat());
            rest = left;
        }
        scripts.push(script.send("0\r\n\r\n"));
    }
    let runs = scripts.len();
    let server = Server::play(scripts);
    for run in 0..runs {
        streaming(&server).case(run).stdout(pieces.concat() + "\n").success();
    }
}

#[test]
fn events_are_framed_as_browsers_frame_them() {
    let plain = events(&chat::stream_of(&["Four", "."], Some("stop")));
    let with = |from: &str, to: &str| plain.replace(from, to) + &DONE.replace(from, to);
    for body in [
        with("", ""),
        with("\n", "\r\n"),
        with("\n", "\r"),
        with("data: ", "data:"),
        with("data: ", "event: message\nid: 7\nretry: 10\nnobody: knows\ndata: "),
        with("data: ", ": a comment\n\n:\n\nevent: ping\n\ndata: "),
        with("data: ", "event: ping\ndata: {}\n\ndata: "),
        with("data: ", "event: ping\ndata: \n\ndata\n\ndata: "),
        with("data: ", &format!("data: {}1{}\n\ndata: ", r#"{"a":"#.repeat(200), "}".repeat(200))),
        with("data: ", "event: ping\ndata: {\"type\":\"ping\"}\n\ndata: "),
        with(r#","choices":"#, "\ndata: ,\"choices\":\ndata:"),
        with("\n\n", "\n\n\n\n"),
        format!("\u{feff}{plain}{DONE}"),
        format!("{plain}data: [DONE]"),
        format!("{plain}data: [DONE]\n"),
        plain.trim_end().to_owned(),
    ] {
        let server = Server::respond(sse(&*body));
        streaming(&server).case(body).stdout("Four.\n").success();
    }
    for content_type in ["text/event-stream; charset=utf-8", "Text/Event-Stream"] {
        let server = Server::respond(Response::new(200, content_type, plain.clone() + DONE));
        streaming(&server).case(content_type).stdout("Four.\n").success();
    }
}

#[test]
fn usage_is_reported_for_a_stream_too() {
    let usable = chat::stream_of(&["Four."], Some("stop"));
    let unusable = chat::stream_of(&["Four."], Some("length"));
    let usage = chat::usage_chunk();
    let with = |events: &[String], more: &str| [events, &[more.to_owned()]].concat();
    let few = r#"{"choices":[],"usage":{"prompt_tokens":21}}"#;
    let truncated = format!(
        "{}xask: error: answer truncated at the token limit (--max-tokens or the model's)\n",
        messages::USAGE
    );
    for (events, flag, stderr, code) in [
        (with(&usable, &usage), "", messages::USAGE, 0),
        (with(&usable, &usage), "--quiet", messages::USAGE, 0),
        (with(&unusable, &usage), "--quiet", &truncated, 9),
        (with(&usable, few), "--quiet", "xask: usage: prompt=21\n", 0),
        (usable, "--quiet", "xask: usage: not reported\n", 0),
    ] {
        let server = Server::respond(Response::sse(&events));
        let args = ["--stream", "--usage", "hi"].into_iter().chain(flag.split_whitespace());
        let run = Env::new().xask(args).server(&server);
        run.stdout("Four.\n").stderr(stderr).code(code);
    }
}

#[test]
fn usage_is_reported_from_a_chunk_without_choices() {
    for choices in ["", r#""choices":null,"#] {
        let mut events = chat::stream_of(&["Four."], Some("stop"));
        events.push(format!("{{{choices}\"usage\":{}}}", chat::usage()));
        let server = Server::respond(Response::sse(&events));
        let run = Env::new().xask(["--stream", "--usage", "hi"]).server(&server);
        run.stdout("Four.\n").stderr(messages::USAGE).success();
    }
}

#[test]
fn json_of_a_stream_is_one_payload_per_line() {
    let odd =
        r#"{ "choices" : [ {"delta":{"content":"Fo","content2":1.50}} ], "n":1e400 ,"x":1,"x":2}"#;
    let ping = r#"{"type":"ping"}"#;
    let finish = chat::chunk(json!({ "content": "ur." }), Some("stop"));
    let usage = chat::usage_chunk();
    let body = [
        ": comment\n\nevent: ping\n\n",
        &format!("event: chunk\r\ndata: {odd}\r\n\r\n"),
        &format!("id: 1\ndata:{ping}\n\n"),
        "data: {\"choices\":[],\ndata:\ndata:  \"usage\":null}\n\n",
        &event(&finish),
        &event(&usage),
        DONE,
        &event(&usage),
    ];
    let server = Server::respond(sse(body.concat()));
    let lines = [odd, ping, "{\"choices\":[],   \"usage\":null}", &finish, &usage, ""].join("\n");
    streaming_json(&server).stdout(lines).success();

    let truncated = chat::stream_of(&["Four."], Some("length"));
    let server = Server::respond(Response::sse(&truncated));
    let lines = truncated.join("\n") + "\n";
    streaming_json(&server).stdout(lines).fails(9, &["token limit"]);
}

#[test]
fn an_unrequested_stream_is_printed_when_it_is_complete() {
    let payloads = chat::stream_of(&["Fo", "ur."], Some("stop"));
    for (flags, stdout) in
        [(&["hi"][..], "Four.\n".to_owned()), (&["--json", "hi"], payloads.join("\n") + "\n")]
    {
        let server = Server::respond(Response::sse(&payloads));
        Env::new().xask(flags).server(&server).stdout(stdout).success();
        let truncated = Server::respond(Response::sse(&payloads[..2]).close_delimited());
        Env::new().xask(flags).server(&truncated).stdout("").stderr_like("incomplete").code(7);
    }
}
