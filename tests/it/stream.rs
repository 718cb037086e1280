//! The answer as it comes: when a stream is asked for, what is printed of it, and when. How it ends is
//! in `ends`, and in `cuts`: a stream that was cut is never a success.

mod beside;
mod cuts;
mod ends;

use serde_json::json;

use crate::support::{
    Env, Gate, Reply, Run, Script, Server, Tty, four, messages, replies, streamed,
};

const DONE: &str = "data: [DONE]\n\n";

/// A run that is asked to stream.
fn streaming(server: &Server) -> Run {
    Env::new().xask(["--stream", "hi"]).server(server)
}

fn streaming_json(server: &Server) -> Run {
    Env::new().xask(["--stream", "--json", "hi"]).server(server)
}

/// A stream in these very bytes, which ends with the connection.
fn sse(body: impl Into<Vec<u8>>) -> Reply {
    Reply::new(200, "text/event-stream", body).close_delimited()
}

fn event(payload: &str) -> String {
    format!("data: {payload}\n\n")
}

fn events(payloads: &[String]) -> String {
    payloads.iter().map(|payload| event(payload)).collect()
}

/// The event with one piece of the answer.
fn piece(text: &str) -> String {
    event(&replies::chunk(json!({ "content": text }), None))
}

fn finish(reason: &str) -> String {
    event(&replies::chunk(json!({}), Some(reason)))
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
fn a_stream_is_asked_for_when_it_is_wanted_and_not_otherwise() {
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
        // Whatever was asked for, a JSON reply is read as what it is.
        let reply = replies::completion("Four.");
        let server = Server::reply(Reply::json(200, &*reply));
        let printed =
            if flags.contains("--json") { format!("{reply}\n") } else { "Four.\n".into() };
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
fn a_terminal_streams_nothing_that_goes_into_a_file() {
    for (args, printed) in [
        (&["-o", "out", "hi"], ""),
        (&["-o", "-", "hi"], "Four.\n"),
        (&["--cache", "answers", "hi"], "Four.\n"),
    ] {
        let server = Server::reply(four());
        let run = Env::new().xask(args).server(&server).tty(Tty::Stdout).on_tty(printed);
        run.success();
        assert_eq!(server.request().json().get("stream"), None, "{args:?}");
    }
}

#[test]
fn a_dry_run_streams_only_when_that_is_typed() {
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
fn each_piece_is_out_before_the_stream_goes_on() {
    let pieces = ["Fo", "u\n", "r", "."];
    let payloads = replies::stream_of(&pieces, Some("stop"));
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
fn what_one_read_brings_is_written_at_once() {
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
    // A service that streams although nobody asked it to is no reason to show half an answer.
    let stream = streamed(&["Fo", "ur."]);
    for reply in [whole.clone().chunked(), whole.clone().close_delimited(), whole, stream] {
        for args in [&["hi"][..], &["--no-stream", "hi"]] {
            let server = Server::reply(reply.clone());
            Env::new().xask(args).server(&server).stdout("Four.\n").success();
            let server = Server::reply(reply.clone().cut_at(260));
            let run = Env::new().xask(args).server(&server);
            run.fails(7, &[]);
        }
    }
}

#[test]
fn a_stream_split_at_any_byte_says_the_same() {
    let text = |i| format!("<{i}>\u{e9}\u{1f600}");
    let payload = |i| replies::chunk(json!({ "content": text(i) }), None);
    // On two lines, so that a line end taken for two would end the event.
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
fn a_stream_in_random_chunks_says_the_same() {
    let pieces = ["\u{1f600}\r\n", "\u{e9}", " and more"];
    let body = events(&replies::stream_of(&pieces, Some("stop"))) + DONE;
    let body = body.replace('\n', "\r\n").into_bytes();
    let head = Reply::sse(&[""]).head();
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
    let plain = events(&replies::stream_of(&["Four", "."], Some("stop")));
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
        let server = Server::reply(sse(&*body));
        streaming(&server).case(body).stdout("Four.\n").success();
    }
    for content_type in ["text/event-stream; charset=utf-8", "Text/Event-Stream"] {
        let server = Server::reply(Reply::new(200, content_type, plain.clone() + DONE));
        streaming(&server).case(content_type).stdout("Four.\n").success();
    }
}

#[test]
fn usage_is_told_of_a_stream_too() {
    let fit = replies::stream_of(&["Four."], Some("stop"));
    let unfit = replies::stream_of(&["Four."], Some("length"));
    let usage = replies::usage_chunk();
    let with = |events: &[String], more: &str| [events, &[more.to_owned()]].concat();
    let few = r#"{"choices":[],"usage":{"prompt_tokens":21}}"#;
    let cut = format!(
        "{}xask: error: answer truncated at the token limit (--max-tokens or the model's)\n",
        messages::USAGE
    );
    for (events, flag, stderr, code) in [
        (with(&fit, &usage), "", messages::USAGE, 0),
        (with(&fit, &usage), "--quiet", messages::USAGE, 0),
        (with(&unfit, &usage), "--quiet", &cut, 9),
        (with(&fit, few), "--quiet", "xask: usage: prompt=21\n", 0),
        (fit, "--quiet", "xask: usage: not reported\n", 0),
    ] {
        let server = Server::reply(Reply::sse(&events));
        let args = ["--stream", "--usage", "hi"].into_iter().chain(flag.split_whitespace());
        let run = Env::new().xask(args).server(&server);
        run.stdout("Four.\n").stderr(stderr).code(code);
    }
}

#[test]
fn usage_is_told_where_its_chunk_has_no_choices() {
    for choices in ["", r#""choices":null,"#] {
        let mut events = replies::stream_of(&["Four."], Some("stop"));
        events.push(format!("{{{choices}\"usage\":{}}}", replies::usage()));
        let server = Server::reply(Reply::sse(&events));
        let run = Env::new().xask(["--stream", "--usage", "hi"]).server(&server);
        run.stdout("Four.\n").stderr(messages::USAGE).success();
    }
}

#[test]
fn json_of_a_stream_is_each_payload_on_a_line_of_its_own() {
    let odd =
        r#"{ "choices" : [ {"delta":{"content":"Fo","content2":1.50}} ], "n":1e400 ,"x":1,"x":2}"#;
    let ping = r#"{"type":"ping"}"#;
    let finish = replies::chunk(json!({ "content": "ur." }), Some("stop"));
    let usage = replies::usage_chunk();
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
    let server = Server::reply(sse(body.concat()));
    let lines = [odd, ping, "{\"choices\":[],   \"usage\":null}", &finish, &usage, ""].join("\n");
    streaming_json(&server).stdout(lines).success();

    let cut = replies::stream_of(&["Four."], Some("length"));
    let server = Server::reply(Reply::sse(&cut));
    let lines = cut.join("\n") + "\n";
    streaming_json(&server).stdout(lines).fails(9, &["token limit"]);
}

#[test]
fn a_stream_that_nobody_asked_for_is_printed_when_it_is_whole() {
    let payloads = replies::stream_of(&["Fo", "ur."], Some("stop"));
    for (flags, stdout) in
        [(&["hi"][..], "Four.\n".to_owned()), (&["--json", "hi"], payloads.join("\n") + "\n")]
    {
        let server = Server::reply(Reply::sse(&payloads));
        Env::new().xask(flags).server(&server).stdout(stdout).success();
        let cut = Server::reply(Reply::sse(&payloads[..2]).close_delimited());
        Env::new().xask(flags).server(&cut).stdout("").stderr_like("incomplete").code(7);
    }
}
