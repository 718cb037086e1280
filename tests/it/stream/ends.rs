//! How a stream ends. A known finish reason completes it, whatever follows; whatever else happens before has an
//! exit status of its own, and what was told until then stays.

use serde_json::json;

use super::{DONE, event, events, finish, piece, sse, streaming, streaming_json};
use predicates::prelude::*;

use crate::support::{
    Env, Gate, ID, Reads, Reply, Run, Script, Server, messages, replies, streamed,
};

#[test]
fn a_stream_without_a_finish_reason_is_a_cut_one() {
    let (fo, null) = (piece("Fo"), r#"{"choices":[{"delta":{},"finish_reason":null}]}"#);
    let other = r#"{"choices":[{"index":1,"delta":{},"finish_reason":"stop"}]}"#;
    for (body, text) in [
        (String::new(), ""),
        (": comment\n\n".into(), ""),
        (DONE.into(), ""),
        (event(&replies::usage_chunk()) + DONE, ""),
        (fo.clone(), "Fo"),
        (fo.clone() + DONE, "Fo"),
        (fo.clone() + &finish("") + DONE, "Fo"),
        (fo.clone() + &event(null) + DONE, "Fo"),
        (fo.clone() + &event(other) + DONE, "Fo"),
        (fo.clone() + DONE + &finish("stop"), "Fo"),
        (fo.clone() + "data: {\"choices\":[{\"finish_reason\":\"stop\"}", "Fo"),
        (fo.clone() + "event: ping\ndata: {\"cho", "Fo"),
    ] {
        for reply in
            [sse(&*body), Reply::new(200, "text/event-stream", &*body), sse(&*body).chunked()]
        {
            let server = Server::reply(reply.with_id());
            let told = format!("(x-request-id {ID})");
            streaming(&server).case(&body).stdout(text).fails(7, &["incomplete", &told]);
        }
    }
}

#[test]
fn a_finish_reason_and_a_clean_end_need_no_done() {
    let body = events(&replies::stream_of(&["Four."], Some("stop")));
    let chunked = Reply::new(200, "text/event-stream", &*body).chunked();
    let whole = Reply::new(200, "text/event-stream", &*body);
    for (case, reply) in [("to the close", sse(&*body)), ("a length", whole), ("chunks", chunked)] {
        let server = Server::reply(reply);
        streaming(&server).case(case).stdout("Four.\n").success();
    }
}

/// What is wrong with the framing, after the answer is complete: in the same packet, too.
#[test]
fn a_complete_answer_is_not_lost_to_broken_framing_behind_it() {
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
fn after_done_the_program_ends_though_the_connection_stays_open() {
    let body = events(&replies::stream_of(&["Four."], Some("stop"))) + DONE;
    let (chunked, _) = streamed(&["Four."]).split(5);
    let closed = [sse("").head(), body.into_bytes()].concat();
    for bytes in [closed, chunked] {
        let server = Server::play([Script::new().send(bytes).stall()]);
        streaming(&server).stdout("Four.\n").success();
    }
    let more = piece("No.") + &event(r#"{"error":"no"}"#) + "data: neither\n\n";
    let body = events(&replies::stream_of(&["Four."], Some("stop"))) + DONE + &more;
    let server = Server::reply(sse(body));
    streaming(&server).stdout("Four.\n").success();
}

/// Streams this much of a reply, and resets the connection when the text was read.
fn reset_after(told: impl Into<Vec<u8>>, run: impl Fn(Run) -> Run, text: &str, code: i32) {
    let gate = Gate::new();
    let script = Script::after(Reads::AllBut(1)).send(told).wait(&gate).reset();
    let server = Server::play([script]);
    let mut run = run(streaming(&server)).spawn();
    run.read_stdout_until(text);
    gate.open();
    run.code(code);
}

#[test]
fn a_connection_that_breaks_in_the_middle_of_a_stream_is_a_lost_answer() {
    let stream = || streamed(&["Fo", "ur."]);
    for (events, text) in [(2, "Fo"), (3, "Four.")] {
        let lost = |run: Run| run.stdout(text).stderr_like(messages::error(""));
        reset_after(stream().split(events).0, lost, text, 7);
        reset_after(stream().close_delimited().split(events).0, lost, text, 7);
    }
}

#[test]
fn a_connection_that_breaks_after_the_finish_reason_breaks_nothing() {
    for stream in [streamed(&["Four."]), streamed(&["Four."]).close_delimited()] {
        let whole = |run: Run| run.stdout("Four.\n").stderr_like(predicate::always());
        reset_after(stream.split(3).0, whole, "Four.", 0);
    }
}

#[test]
fn an_error_inside_a_stream_is_told_in_its_words() {
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
                let server = Server::reply(sse(&*body));
                let words = format!(": {words}\n");
                streaming(&server).case(&body).stdout(text).fails(8, &[&words]);
            }
        }
        let server = Server::reply(sse(piece("Fo") + &event(payload) + &rest));
        let before = replies::chunk(json!({ "content": "Fo" }), None) + "\n";
        streaming_json(&server).case(payload).stdout(before).fails(8, &[words]);
    }
}

#[test]
fn what_a_stream_says_of_an_error_is_as_short_and_as_safe_as_in_a_reply() {
    let odd = json!({ "error": { "message": "a\u{1b}[2J\nb\u{202e}c\u{9b}" } }).to_string();
    let server = Server::reply(sse(piece("Fo") + &event(&odd)));
    let run = streaming(&server).stdout("Fo");
    run.fails(8, &[r": a\x1b[2J b\u{202e}c\u{9b}"]);
    let long = json!({ "error": "x".repeat(401) }).to_string();
    let server = Server::reply(sse(piece("Fo") + &event(&long)));
    let told = format!(": {}\u{2026}\n", "x".repeat(397));
    streaming(&server).stdout("Fo").fails(8, &[&told]);
}

#[test]
fn every_error_of_a_stream_says_which_reply_it_was() {
    let env = Env::new();
    let events = replies::stream_of(&["Fo", "ur."], Some("length"));
    for (reply, code) in [
        (Reply::sse(&events[..2]), 7),
        (Reply::sse(&events).cut_at(300), 7),
        (Reply::sse(&events).cut_at(0), 7),
        (Reply::sse(&["junk"]), 8),
        (Reply::sse(&[r#"{"error":"no"}"#]), 8),
        (Reply::sse(&events), 9),
    ] {
        let server = Server::reply(reply.with_id());
        let told = format!("(x-request-id {ID})\n");
        env.ask(&server, ["--stream"]).stdout_like("").fails(code, &[&told]);
    }
}

#[test]
fn an_error_without_words_is_an_error_all_the_same() {
    for payload in [
        r#"{"error":true}"#,
        r#"{"error":7}"#,
        r#"{"error":[0]}"#,
        r#"{"error":{"code":500}}"#,
        r#"{"error":{"code":500},"choices":[]}"#,
        r#"{"error":{"type":"t"},"choices":[{"delta":{"content":"No."},"finish_reason":"stop"}]}"#,
    ] {
        let body = piece("Fo") + &event(payload) + &finish("stop") + DONE;
        let server = Server::reply(sse(body));
        streaming(&server).case(payload).stdout("Fo").fails(8, &[]);
    }
}

#[test]
fn an_event_that_is_no_json_or_no_completion_is_a_fault_of_the_service() {
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
        let server = Server::reply(sse(piece("Fo") + &event(payload) + &finish("stop") + DONE));
        streaming(&server).case(payload).stdout("Fo").fails(8, &[]);
    }
}

#[test]
fn a_json_reply_in_place_of_a_stream_is_read_as_what_it_is() {
    let cut = replies::completion_with(json!({ "finish_reason": "length" }));
    let error = replies::error("wet", "It rains.");
    let four = replies::completion("Four.");
    for (status, reply, code, text, words) in [
        (200, &*four, 0, "Four.\n", ""),
        (200, &cut, 9, "Four.\n", "token limit"),
        (200, &error, 8, "", "It rains."),
        (200, r#"{"object":"list"}"#, 8, "", "not a completion"),
        (200, &four[..200], 7, "", "incomplete"),
        (400, &error, 4, "", "It rains."),
        (401, &error, 3, "", "It rains."),
        (500, &error, 8, "", "It rains."),
    ] {
        let lines = if text.is_empty() { String::new() } else { format!("{reply}\n") };
        let server = Server::play([Reply::json(status, reply), Reply::json(status, reply)]);
        for (run, stdout) in [(streaming(&server), text), (streaming_json(&server), &*lines)] {
            run.case((status, reply)).stdout(stdout).ends(code, &[words]);
        }
    }
}

#[test]
fn an_answer_that_is_not_fit_is_told_and_is_no_success() {
    let call =
        json!([{ "id": "1", "type": "function", "function": { "name": "f", "arguments": "{}" } }]);
    let called = event(&replies::chunk(json!({ "tool_calls": call }), None));
    let refused = |words: &str| event(&replies::chunk(json!({ "refusal": words }), None));
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
        let server = Server::reply(sse(body.clone() + DONE));
        streaming(&server).case(body).stdout(text).fails(9, &[words]);
    }
    for reason in ["stop", "end_turn"] {
        let last = event(&replies::chunk(json!({ "content": "ur." }), Some(reason)));
        let server = Server::reply(sse(piece("Fo") + &last + DONE));
        streaming(&server).case(reason).stdout("Four.\n").success();
    }
}

#[test]
fn an_event_may_have_16_mib_and_not_more() {
    const CAP: usize = 16 << 20;
    let content = |len| {
        format!(r#"data: {{"choices":[{{"delta":{{"content":"{}"#, "x".repeat(len)).into_bytes()
    };
    let large = [content(CAP - 1024), b"\"}}]}\n\n".to_vec(), finish("stop").into_bytes()].concat();
    let server = Server::reply(sse(large));
    streaming(&server).stdout("x".repeat(CAP - 1024) + "\n").success();

    // The events do not end, so only the cap can: in one line, or in many.
    let line = [&b"data: "[..], &b"x".repeat(1 << 16), b"\n"].concat();
    for endless in [content(CAP + 1024), line.repeat(257)] {
        let server = Server::play([Script::new().send(sse("").head()).send(endless).stall()]);
        let env = Env::new();
        // 80 MiB of address space in all: the cap, what growing costs, and the program.
        let run = env.sh("ulimit -v 81920; exec xask --stream hi").server(&server);
        run.fails(8, &["16 MiB"]);
    }
}

#[test]
fn the_text_of_a_stream_may_have_64_mib_and_not_more() {
    let part = piece(&"x".repeat(8 << 20));
    for (last, code) in [("", 0), ("x", 8)] {
        let end = [piece(last), finish("stop"), DONE.to_owned()].concat();
        let server = Server::reply(sse(part.repeat(8) + &end));
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
fn a_reader_that_leaves_wins_over_an_answer_that_is_not_fit() {
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
fn what_was_cut_stays_cut_whatever_is_said_after_it() {
    for finishes in [["length", "stop"], ["stop", "length"]] {
        let body = piece("Fo") + &finishes.map(finish).concat() + DONE;
        let server = Server::reply(sse(body));
        let run = streaming(&server).case(finishes).stdout("Fo\n");
        run.stderr_like(messages::error("token limit")).code(9);
    }
}

#[test]
fn a_stream_that_cannot_be_written_is_local_trouble() {
    let stream = || Server::reply(streamed(&["Four."]));
    let server = stream();
    let full = Env::new().sh("xask --stream hi >/dev/full").server(&server);
    full.fails(1, &["standard output"]);
    let server = stream();
    Env::new().sh("xask --stream hi >&-").server(&server).success();
}
