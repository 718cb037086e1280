//! What a stream may contain besides the answer, before and after the finish reason.

use std::time::{Duration, Instant};

use predicates::prelude::*;
use serde_json::json;

use super::{DONE, event, events, finish, piece, sse, streaming};
use crate::support::{Env, Response, Script, Server, chat, streamed};

#[test]
fn only_the_content_of_the_first_choice_is_the_answer() {
    let four = chat::chunk(json!({ "content": "Four." }), None);
    for payload in [
        chat::chunk(json!({ "role": "assistant" }), None),
        chat::chunk(json!({}), None),
        chat::chunk(json!({ "content": "" }), None),
        chat::chunk(json!({ "role": "assistant", "reasoning_content": "No." }), None),
        chat::chunk(json!({ "content": null, "refusal": "", "tool_calls": [] }), None),
        chat::usage_chunk(),
        json!({ "choices": [{ "index": 1, "delta": { "content": "No." } }] }).to_string(),
        json!({ "choices": [{ "index": 1, "delta": {}, "finish_reason": "length" }] }).to_string(),
        json!({ "choices": null, "usage": null, "error": null, "id": null }).to_string(),
        json!({ "choices": [{ "index": null, "delta": null, "finish_reason": null }] }).to_string(),
        json!({ "choices": [{ "delta": { "role": null, "content": null, "refusal": null,
            "reasoning_content": null, "tool_calls": null }, "finish_reason": null }] })
        .to_string(),
        json!({ "choices": [], "citations": "http://a/", "new": { "content": "No." } }).to_string(),
    ] {
        let body = [&event(&payload), &event(&four), &event(&payload), &finish("stop"), DONE];
        let server = Server::respond(sse(body.concat()));
        streaming(&server).case(&payload).stdout("Four.\n").success();
    }
    let both = r#"{"choices":[{"index":1,"delta":{"content":"No."}},{"index":0,"delta":{"content":"Four."},"finish_reason":"stop"}]}"#;
    let server = Server::respond(Response::sse(&[both]));
    streaming(&server).stdout("Four.\n").success();
}

#[test]
fn named_events_that_are_not_chunks_are_skipped() {
    for named in [
        "event: ping\ndata: ping\n\n",
        "event: ping\ndata: null\n\n",
        "event: ping\ndata: {\"message\":\"alive\"}\n\n",
        "event: ping\ndata: {\"error\":null}\n\n",
        "event: heartbeat\ndata:\n\n",
        "event: keepalive\ndata: {]\n\n",
        "event: metadata\ndata: {\"choices\":7}\n\n",
        ": comment\n\n",
        ":\n\n",
        "id: 7\nretry: 1000\n\n",
        "data:\n\n",
        "\n\n\n",
    ] {
        let body = [named, &piece("Fo"), named, &piece("ur."), named, &finish("stop"), named, DONE];
        let server = Server::respond(sse(body.concat()));
        streaming(&server).case(named).stdout("Four.\n").success();
    }
    // A chunk is a chunk, whatever its name.
    let chunks = chat::stream_of(&["Fo", "ur."], Some("stop"));
    let chunks: String =
        chunks.iter().flat_map(|chunk| ["event: message\ndata: ", chunk, "\n\n"]).collect();
    let server = Server::respond(sse(chunks + DONE));
    streaming(&server).stdout("Four.\n").success();
}

#[test]
fn an_event_named_error_is_never_skipped() {
    for data in
        ["It rains.", r#"{"detail":"It rains."}"#, r#"{"message":"It rains."}"#, r#""It rains.""#]
    {
        let body = format!("{}event: error\n{}{}{DONE}", piece("Fo"), event(data), finish("stop"));
        let server = Server::respond(sse(body));
        streaming(&server).case(data).stdout("Fo").fails(8, &["It rains."]);
    }
}

#[test]
fn an_error_in_a_choice_of_a_chunk_is_a_server_error() {
    for error in
        [json!({"code": 502, "message": "Provider disconnected"}), json!("Provider disconnected")]
    {
        let chunk = json!({"choices": [{"delta": {"content": "x"}, "finish_reason": "stop", "error": error}]});
        let chunk = event(&chunk.to_string());
        let server = Server::respond(sse(piece("Fo") + &chunk + &finish("stop") + DONE));
        let run = streaming(&server).stdout("Fo");
        run.fails(8, &["Provider disconnected"]);
    }
    for nothing in [json!(null), json!(false), json!(""), json!({}), json!([])] {
        let chunk =
            json!({"choices": [{"delta": {"content": "ur."}, "error": nothing}], "error": nothing});
        let body = piece("Fo") + &event(&chunk.to_string()) + &finish("stop") + DONE;
        let server = Server::respond(sse(body));
        streaming(&server).case(nothing.to_string()).stdout("Four.\n").success();
    }
}

#[test]
fn fields_of_a_chunk_may_be_of_any_type() {
    for (from, to) in [
        ("\"index\":0", "\"index\":-1"),
        ("\"index\":0", "\"index\":0.0"),
        ("\"created\":1795330000", "\"created\":\"now\""),
        ("\"created\":1795330000", "\"usage\":[7]"),
        ("\"created\":1795330000", "\"x\":NaN"),
        ("\"created\":1795330000", "\"error\":\"\""),
        ("\"system_fingerprint\":\"fp_0123456789\"", "\"system_fingerprint\":[[[]]]"),
    ] {
        let chunks = chat::stream_of(&["Fo", "ur."], Some("stop"));
        let chunks: Vec<String> = chunks.iter().map(|chunk| chunk.replace(from, to)).collect();
        let server = Server::respond(sse(events(&chunks) + DONE));
        streaming(&server).case(to).stdout("Four.\n").success();
    }
    let delta = event(r#"{"choices":[{"index":0,"delta":[]}]}"#);
    let list = json!({"content": [{"type": "text", "text": "Four."}]});
    let list = event(&chat::chunk(list, None));
    let server = Server::respond(sse(delta + &list + &finish("stop") + DONE));
    streaming(&server).stdout("Four.\n").success();
    let mut broken = (piece("caf#") + &finish("stop") + DONE).into_bytes();
    broken.iter_mut().filter(|byte| **byte == b'#').for_each(|byte| *byte = 0xe9);
    let server = Server::respond(sse(broken));
    streaming(&server).stdout("caf\u{fffd}\n").success();
}

#[test]
fn done_may_have_blanks_around_it() {
    for done in
        ["data: [DONE] \n\n", "data:[DONE]\t\n\n", "data:  [DONE]\n\n", "data: [DONE]\r\n\r\n"]
    {
        let server = Server::respond(sse(piece("Four.") + &finish("stop") + done));
        streaming(&server).case(done).stdout("Four.\n").success();
        // A valid end.
        let server = Server::respond(sse(piece("Fo") + done + &finish("stop")));
        streaming(&server).case(done).stdout("Fo").fails(7, &[]);
    }
}

#[test]
fn lines_that_are_not_fields_are_reported_if_no_finish_reason_came() {
    for words in
        ["<html><title>502 Bad Gateway</title></html>", "upstream connect error: Bad Gateway"]
    {
        let server = Server::respond(sse(piece("Fo") + words + "\n"));
        let output = streaming(&server).case(words).stdout("Fo").stderr_like("").spawn().finish();
        let code = output.status.code();
        assert!(matches!(code, Some(7 | 8)), "{code:?}");
        assert!(output.notes().contains("Bad Gateway"), "{}", output.notes());
        let server = Server::respond(sse(piece("Four.") + &finish("stop") + words + "\n"));
        let run = streaming(&server).case(words).stdout("Four.\n");
        run.stderr_like(predicate::always()).success();
    }
    // The whole of it, under the label of a stream.
    let server = Server::respond(sse("<html><title>502 Bad Gateway</title></html>"));
    streaming(&server).fails(8, &["Bad Gateway"]);
    let server = Server::respond(sse(chat::error("slug", "It rains.")));
    streaming(&server).fails(8, &["It rains."]);
}

#[test]
fn after_the_finish_reason_nothing_undoes_the_answer() {
    let whole = piece("Four.") + &finish("stop");
    for rest in [
        "",
        "data: {\"usage\":",
        "data: {]\n\n",
        "data: {\"error\":{\"message\":\"It rains.\"}}\n\n",
        "event: error\ndata: It rains.\n\n",
        "nonsense",
        "data: {\"choices\":[{\"error\":\"It rains.\",\"delta\":{}}]}\n\n",
    ] {
        for response in [
            sse(whole.clone() + rest),
            Response::new(200, "text/event-stream", whole.clone() + rest),
        ] {
            let server = Server::respond(response);
            let run = streaming(&server).case(rest).stdout("Four.\n");
            let output = run.stderr_like(predicate::always()).success();
            let is_noted = |line: &str| line.starts_with("xask: note: ");
            assert!(output.notes().lines().all(is_noted), "{}", output.notes());
        }
    }
    // An error in the same event as the reason takes precedence.
    let both = event(r#"{"error":"It rains.","choices":[{"delta":{},"finish_reason":"stop"}]}"#);
    let server = Server::respond(sse(piece("Fo") + &both));
    streaming(&server).stdout("Fo").fails(8, &["It rains."]);
    // A reason that makes the answer unusable still does.
    let server = Server::respond(sse(piece("Fo") + &finish("length") + "data: {]\n\n"));
    streaming(&server).stdout("Fo\n").stderr_like("token limit").code(9);
}

#[test]
fn silence_after_the_finish_reason_is_waited_for_five_seconds_and_no_longer() {
    let env = Env::new();
    let (first, _) = streamed(&["Four."]).split(3);
    let starts = Script::new().send(first.clone()).stall();
    let drips = Script::new().send(first).trickle(": ping\n\n");
    let runs: Vec<_> = [starts, drips]
        .into_iter()
        .map(|script| {
            let server = Server::play([script]);
            let run = env.xask(["--stream", "--usage", "hi", "-o", "out"]).server(&server);
            (Instant::now(), run.stderr_like(predicate::always()).spawn(), server)
        })
        .collect();
    for (begun, run, _server) in runs {
        run.success();
        assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
    }
    assert_eq!(env.read("out"), b"Four.\n");
}
