//! How a stream ends. A known finish reason completes it, whatever follows; any other end has an
//! exit status of its own, and the text printed until then stays.

use serde_json::json;

use super::{DONE, event, events, finish, piece, sse, streaming, streaming_json};
use predicates::prelude::*;

use crate::support::{
    Env, Gate, ID, Reads, Response, Run, Script, Server, chat, messages, streamed,
};

#[test]
fn a_stream_without_a_finish_reason_is_incomplete() {
    let (fo, null) = (piece("Fo"), r#"{"choices":[{"delta":{},"finish_reason":null}]}"#);
    let other = r#"{"choices":[{"index":1,"delta":{},"finish_reason":"stop"}]}"#;
    for (body, text) in [
        (String::new(), ""),
        (": comment\n\n".into(), ""),
        (DONE.into(), ""),
        (event(&chat::usage_chunk()) + DONE, ""),
        (fo.clone(), "Fo"),
        (fo.clone() + DONE, "Fo"),
        (fo.clone() + &finish("") + DONE, "Fo"),
        (fo.clone() + &event(null) + DONE, "Fo"),
        (fo.clone() + &event(other) + DONE, "Fo"),
        (fo.clone() + DONE + &finish("stop"), "Fo"),
        (fo.clone() + "data: {\"choices\":[{\"finish_reason\":\"stop\"}", "Fo"),
        (fo.clone() + "event: ping\ndata: {\"cho", "Fo"),
    ] {
        for response in
            [sse(&*body), Response::new(200, "text/event-stream", &*body), sse(&*body).chunked()]
        {
            let server = Server::respond(response.with_id());
            let shown = format!("(x-request-id {ID})");
            streaming(&server).case(&body).stdout(text).fails(7, &["incomplete", &shown]);
        }
    }
}

#[test]
fn a_finish_reason_and_a_clean_end_need_no_done() {
    let body = events(&chat::stream_of(&["Four."], Some("stop")));
    let chunked = Response::new(200, "text/event-stream", &*body).chunked();
    let whole = Response::new(200, "text/event-stream", &*body);
    for (case, response) in
        [("to the close", sse(&*body)), ("a length", whole), ("chunks", chunked)]
    {
        let server = Server::respond(response);
        streaming(&server).case(case).stdout("Four.\n").success();
    }
}

/// Faults in the framing after the answer is complete, also in the same packet.
#[test]
fn a_complete_answer_survives_broken_framing_after_it() {
    let chunk = |data: &str| format!("{:x}\r\n{data}\r\n", data.len());
    let head =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    for tail in ["ZZZ\r\n", "-1\r\n", "5\r\nabcdeXX\r\n", "HTTP/1.1 500 x\r\n\r\n"] {
        let whole = [head, &chunk(&piece("Four.")), &chunk(&finish("stop")), tail].concat();
        for flags in [&[][..], &["--no-stream"]] {
            let server = Server::play([Script::new().send(whole.clone())]);
            streaming(&server).args(flags).case((tail, flags)).stdout("Four.\n").success();
        }
        let cut = [head, &chunk(&piece("Fo")), tail].concat();
        let server = Server::play([Script::new().send(cut)]);
        streaming(&server).case(tail).stdout("Fo").fails(8, &["malformed chunked encoding"]);
    }
}

#[test]
fn the_program_ends_after_done_even_if_the_connection_stays_open() {
    let body = events(&chat::stream_of(&["Four."], Some("stop"))) + DONE;
    let (chunked, _) = streamed(&["Four."]).split(5);
    let closed = [sse("").head(), body.into_bytes()].concat();
    for bytes in [closed, chunked] {
        let server = Server::play([Script::new().send(bytes).stall()]);
        streaming(&server).stdout("Four.\n").success();
    }
    let more = piece("No.") + &event(r#"{"error":"no"}"#) + "data: neither\n\n";
    let body = events(&chat::stream_of(&["Four."], Some("stop"))) + DONE + &more;
    let server = Server::respond(sse(body));
    streaming(&server).stdout("Four.\n").success();
}

/// Streams this much of a response, and resets the connection when the text was read.
fn reset_after(shown: impl Into<Vec<u8>>, run: impl Fn(Run) -> Run, text: &str, code: i32) {
    let gate = Gate::new();
    let script = Script::after(Reads::AllBut(1)).send(shown).wait(&gate).reset();
    let server = Server::play([script]);
    let mut run = run(streaming(&server)).spawn();
    run.read_stdout_until(text);
    gate.open();
    run.code(code);
}

#[test]
fn a_connection_that_breaks_during_a_stream_is_incomplete() {
    let stream = || streamed(&["Fo", "ur."]);
    for (events, text) in [(2, "Fo"), (3, "Four.")] {
        let lost = |run: Run| run.stdout(text).stderr_like(messages::error(""));
        reset_after(stream().split(events).0, lost, text, 7);
        reset_after(stream().close_delimited().split(events).0, lost, text, 7);
    }
}

#[test]
fn a_connection_that_breaks_after_the_finish_reason_does_not_matter() {
    for stream in [streamed(&["Four."]), streamed(&["Four."]).close_delimited()] {
        let whole = |run: Run| run.stdout("Four.\n").stderr_like(predicate::always());
        reset_after(stream.split(3).0, whole, "Four.", 0);
    }
}

#[test]
fn an_error_inside_a_stream_is_reported_with_its_message() {
    let cases = [
        (r#"{"code":"invalid-argument","error":"It rains."}"#, "invalid-argument: It rains."),
        (r#"{"code":13,"error":"It rains."}"#, "It rains."),
        (r#"{"error":"It rains."}"#, "It rains."),
        (r#"{"error":{"message":"It rains.","type":"t","code":"wet"}}"#, "wet: It rains."),
        (r#"{"error":{"message":"It rains."},"choices":[]}"#, "It rains."),
        (r#"{"error":"It rains.","choices":[{"delta":{},"finish_reason":"stop"}]}"#, "It rains."),
        (r#"{"type":"error","message":"It rains."}"#, "It rains."),
        (r#""It rains.""#, "It rains."),
        (r#""{\"error\":\"It rains.\"}""#, "It rains."),
        ("<html><head><title>It rains.</title></head></html>", "It rains."),
        ("It rains.", "It rains."),
    ];
    let rest = finish("stop") + DONE;
    for (payload, words) in cases {
        for (before, text) in [(String::new(), ""), (piece("Fo"), "Fo")] {
            for name in ["", "event: error\n"] {
                let body = format!("{before}{name}{}{rest}", event(payload));
                let server = Server::respond(sse(&*body));
                let words = format!(": {words}\n");
                streaming(&server).case(&body).stdout(text).fails(8, &[&words]);
            }
        }
        let server = Server::respond(sse(piece("Fo") + &event(payload) + &rest));
        let before = chat::chunk(json!({ "content": "Fo" }), None) + "\n";
        streaming_json(&server).case(payload).stdout(before).fails(8, &[words]);
    }
}

#[test]
fn an_error_in_a_stream_is_truncated_and_sanitized_like_in_a_response() {
    let odd = json!({ "error": { "message": "a\u{1b}[2J\nb\u{202e}c\u{9b}" } }).to_string();
    let server = Server::respond(sse(piece("Fo") + &event(&odd)));
    let run = streaming(&server).stdout("Fo");
    run.fails(8, &[r": a\x1b[2J b\u{202e}c\u{9b}"]);
    let long = json!({ "error": "x".repeat(401) }).to_string();
    let server = Server::respond(sse(piece("Fo") + &event(&long)));
    let shown = format!(": {}\u{2026}\n", "x".repeat(397));
    streaming(&server).stdout("Fo").fails(8, &[&shown]);
}

#[test]
fn every_error_of_a_stream_names_the_id_of_the_response() {
    let env = Env::new();
    let events = chat::stream_of(&["Fo", "ur."], Some("length"));
    for (response, code) in [
        (Response::sse(&events[..2]), 7),
        (Response::sse(&events).truncated_at(300), 7),
        (Response::sse(&events).truncated_at(0), 7),
        (Response::sse(&["junk"]), 8),
        (Response::sse(&[r#"{"error":"no"}"#]), 8),
        (Response::sse(&events), 9),
    ] {
        let server = Server::respond(response.with_id());
        let shown = format!("(x-request-id {ID})\n");
        env.ask(&server, ["--stream"]).stdout_like("").fails(code, &[&shown]);
    }
}

#[test]
fn an_error_without_a_message_is_still_an_error() {
    for payload in [
        r#"{"error":true}"#,
        r#"{"error":7}"#,
        r#"{"error":[0]}"#,
        r#"{"error":{"code":500}}"#,
        r#"{"error":{"code":500},"choices":[]}"#,
        r#"{"error":{"type":"t"},"choices":[{"delta":{"content":"No."},"finish_reason":"stop"}]}"#,
    ] {
        let body = piece("Fo") + &event(payload) + &finish("stop") + DONE;
        let server = Server::respond(sse(body));
        streaming(&server).case(payload).stdout("Fo").fails(8, &[]);
    }
}

#[test]
fn an_event_that_is_not_json_or_not_a_completion_is_a_server_error() {
    for payload in [
        "{",
        "{]",
        "[]",
        "7",
        r#"{"choices":7}"#,
        r#"{"choices":[7]}"#,
        r#"{"choices":[{"delta":{"content":7}}]}"#,
        r#"{"choices":[{"delta":7}]}"#,
    ] {
        let server = Server::respond(sse(piece("Fo") + &event(payload) + &finish("stop") + DONE));
        streaming(&server).case(payload).stdout("Fo").fails(8, &[]);
    }
}

#[test]
fn a_json_response_instead_of_a_stream_is_read_as_such() {
    let cut = chat::completion_with(json!({ "finish_reason": "length" }));
    let error = chat::error("wet", "It rains.");
    let four = chat::completion("Four.");
    for (status, response, code, text, words) in [
        (200, &*four, 0, "Four.\n", ""),
        (200, &cut, 9, "Four.\n", "token limit"),
        (200, &error, 8, "", "It rains."),
        (200, r#"{"object":"list"}"#, 8, "", "not a completion"),
        (200, &four[..200], 7, "", "incomplete"),
        (400, &error, 4, "", "It rains."),
        (401, &error, 3, "", "It rains."),
        (500, &error, 8, "", "It rains."),
    ] {
        let lines = if text.is_empty() { String::new() } else { format!("{response}\n") };
        let server =
            Server::play([Response::json(status, response), Response::json(status, response)]);
        for (run, stdout) in [(streaming(&server), text), (streaming_json(&server), &*lines)] {
            run.case((status, response)).stdout(stdout).ends(code, &[words]);
        }
    }
}

#[test]
fn an_unusable_answer_is_reported_and_not_a_success() {
    let call =
        json!([{ "id": "1", "type": "function", "function": { "name": "f", "arguments": "{}" } }]);
    let called = event(&chat::chunk(json!({ "tool_calls": call }), None));
    let refused = |words: &str| event(&chat::chunk(json!({ "refusal": words }), None));
    for (body, text, words) in [
        (piece("Fo") + &finish("length"), "Fo\n", "token limit"),
        (piece("Fo") + &finish("content_filter"), "Fo\n", "filter"),
        (piece("Fo") + &finish("bored"), "Fo\n", "bored"),
        (piece("Fo\n") + &finish("length"), "Fo\n", "token limit"),
        (piece("Fo") + &finish("tool_calls"), "Fo\n", "tool"),
        (called.clone() + &finish("tool_calls"), "", "tool"),
        (called + &finish("stop"), "", "tool"),
        (refused("I ") + &refused("won't.") + &finish("stop"), "I won't.\n", "refused"),
        (finish("length"), "", "token limit"),
        (finish("stop"), "", "empty"),
        (piece("") + &finish("stop"), "", "empty"),
        (piece(" \n ") + &finish("stop"), " \n \n", "empty"),
    ] {
        let server = Server::respond(sse(body.clone() + DONE));
        streaming(&server).case(body).stdout(text).fails(9, &[words]);
    }
    for reason in ["stop", "end_turn"] {
        let last = event(&chat::chunk(json!({ "content": "ur." }), Some(reason)));
        let server = Server::respond(sse(piece("Fo") + &last + DONE));
        streaming(&server).case(reason).stdout("Four.\n").success();
    }
}

#[test]
fn an_event_may_have_at_most_16_mib() {
    const CAP: usize = 16 << 20;
    let content = |len| {
        format!(r#"data: {{"choices":[{{"delta":{{"content":"{}"#, "x".repeat(len)).into_bytes()
    };
    let large = [content(CAP - 1024), b"\"}}]}\n\n".to_vec(), finish("stop").into_bytes()].concat();
    let server = Server::respond(sse(large));
    streaming(&server).stdout("x".repeat(CAP - 1024) + "\n").success();

    // The events are endless, so that only the limit ends the run: in one line, or in many.
    let line = [&b"data: "[..], &b"x".repeat(1 << 16), b"\n"].concat();
    for endless in [content(CAP + 1024), line.repeat(257)] {
        let server = Server::play([Script::new().send(sse("").head()).send(endless).stall()]);
        let env = Env::new();
        // 80 MiB of address space in all: the limit, the cost of growing, and the program.
        let run = env.sh("ulimit -v 81920; exec xask --stream hi").server(&server);
        run.fails(8, &["16 MiB"]);
    }
}

#[test]
fn the_text_of_a_stream_may_have_at_most_64_mib() {
    let part = piece(&"x".repeat(8 << 20));
    for (last, code) in [("", 0), ("x", 8)] {
        let end = [piece(last), finish("stop"), DONE.to_owned()].concat();
        let server = Server::respond(sse(part.repeat(8) + &end));
        let run = streaming(&server).stdout_like("xxx");
        match code {
            0 => run.success(),
            _ => run.stderr_like("larger than 64 MiB").code(code),
        };
    }
}

#[test]
fn a_reader_that_leaves_ends_the_request_and_the_program_quietly() {
    for flag in [None, Some("--json")] {
        let gate = Gate::new();
        let script = Script::new().send(sse(piece("Fo"))).wait(&gate).send(piece("ur.")).hold();
        let server = Server::play([script]);
        let env = Env::new();
        let args = ["--stream", "--conversation", "kept", "hi"].into_iter().chain(flag);
        let mut run = env.xask(args).server(&server).stdout_like("Fo").spawn();
        run.read_stdout_until("Fo");
        run.close_stdout();
        gate.open();
        run.code(141);
        assert_eq!(env.names(), [""; 0], "nothing is kept");
    }
}

#[test]
fn a_reader_that_leaves_takes_precedence_over_an_unusable_answer() {
    let gate = Gate::new();
    let script = Script::new().send(sse(piece("Fo"))).wait(&gate).send(finish("length") + DONE);
    let server = Server::play([script]);
    let mut run = streaming(&server).stdout("Fo").spawn();
    run.read_stdout_until("Fo");
    run.close_stdout();
    gate.open();
    run.code(141);
}

#[test]
fn the_first_finish_reason_that_makes_an_answer_unusable_counts() {
    for finishes in [["length", "stop"], ["stop", "length"]] {
        let body = piece("Fo") + &finishes.map(finish).concat() + DONE;
        let server = Server::respond(sse(body));
        let run = streaming(&server).case(finishes).stdout("Fo\n");
        run.stderr_like(messages::error("token limit")).code(9);
    }
}

#[test]
fn a_stream_that_cannot_be_written_is_a_local_error() {
    let stream = || Server::respond(streamed(&["Four."]));
    let server = stream();
    let full = Env::new().sh("xask --stream hi >/dev/full").server(&server);
    full.fails(1, &["standard output"]);
    let server = stream();
    Env::new().sh("xask --stream hi >&-").server(&server).success();
}
