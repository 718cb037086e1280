//! What each outcome of the Responses API means: the table of its wire format, whole and streamed.

use serde_json::{Value, json};

use super::{ask, four};
use crate::support::responses::{
    WHOLE, delta, events, message, message_events, payload, recorded, response, stream, terminal,
    web_search,
};
use crate::support::{Env, Response, Server};

fn with(field: &str, value: Value) -> Value {
    let mut response = four();
    response[field] = value;
    response
}

/// A response without a field.
fn without(field: &str) -> Value {
    let mut response = four();
    response.as_object_mut().expect("an object").remove(field);
    response
}

/// The same outcome of the whole response and of a stream that ends with it.
#[track_caller]
fn assert_outcome(response: &Value, code: i32, printed: &str, words: &[&str]) {
    let streamed = stream(&[terminal("completed", response)]);
    for (flag, http_response) in
        [("--no-stream", Response::json(200, response.to_string())), ("--stream", streamed)]
    {
        let server = Server::respond(http_response);
        let run = ask(&Env::new(), [flag]).case((flag, response)).server(&server);
        run.stdout(printed).ends(code, words);
    }
}

#[test]
fn an_answer_is_usable_if_nothing_is_missing() {
    let reasoning =
        json!({"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]});
    let custom =
        json!({"type": "custom_tool_call", "name": "x_keyword_search", "status": "completed"});
    let unknown = json!({"type": "whatever_call", "status": "in_progress", "text": "No."});
    let user = json!({"type": "message", "role": "user", "content": [{"type": "output_text", "text": "No."}]});
    let four = message("Four.");
    for response in [
        four_of(&[reasoning, four.clone()]),
        four_of(&[web_search(), custom, four.clone()]),
        four_of(&[unknown, four.clone()]),
        four_of(&[user, four.clone()]),
        with("status", Value::Null),
        without("status"),
        without("incomplete_details"),
        without("usage"),
        without("id"),
        with("usage", json!([7])),
        with("error", json!({})),
        with("error", json!(false)),
        with("metadata", json!(7)),
    ] {
        assert_outcome(&response, 0, "Four.\n", &[]);
    }
}

fn four_of(items: &[Value]) -> Value {
    response(items)
}

#[test]
fn an_answer_is_unusable_if_something_is_missing() {
    let call = json!({"type": "shell_call", "call_id": "c", "status": "completed"});
    let function = json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"});
    let custom = json!({"type": "custom_tool_call", "name": "mine", "input": "x"});
    let mut cut = message("Fo");
    cut["status"] = json!("incomplete");
    for (response, printed, word) in [
        (with("incomplete_details", json!({"reason": "content_filter"})), "Four.\n", "filter"),
        (with("incomplete_details", json!({"reason": "turn_limit"})), "Four.\n", "turn_limit"),
        (with("incomplete_details", json!({})), "Four.\n", ""),
        (with("status", json!("incomplete")), "Four.\n", ""),
        (with("status", json!("new_status")), "Four.\n", "new_status"),
        (response(&[cut]), "Fo\n", ""),
        (response(&[message("Four."), call]), "Four.\n", "tool"),
        (response(&[function]), "", "tool"),
        (response(&[custom]), "", ""),
        (response(&[web_search()]), "", "empty"),
        (with("output", json!([])), "", "empty"),
    ] {
        assert_outcome(&response, 9, printed, &[word]);
    }
}

#[test]
fn an_invalid_response_is_a_server_error() {
    for (response, word) in [
        (with("status", json!("failed")), ""),
        (with("error", json!({"code": "server_error", "message": "It rains."})), "It rains."),
        (with("error", json!("It rains.")), "It rains."),
        (json!({"code": "invalid-argument", "error": "It rains."}), "It rains."),
    ] {
        assert_outcome(&response, 8, "", &[word]);
    }
    // As a whole response only: a stream has its deltas, and these states before its end.
    let server = Server::respond(Response::json(200, without("output").to_string()));
    ask(&Env::new(), []).server(&server).fails(8, &[]);
    for status in ["in_progress", "queued"] {
        let server =
            Server::respond(Response::json(200, with("status", json!(status)).to_string()));
        ask(&Env::new(), []).server(&server).case(status).fails(8, &[]);
    }
    for body in [
        "{}",
        "[]",
        "null",
        "7",
        "{\"output\":7}",
        "[{\"output\":[]}]",
        "{\"object\":\"list\",\"data\":[]}",
    ] {
        let server = Server::respond(Response::json(200, body));
        ask(&Env::new(), []).server(&server).case(body).fails(8, &[]);
    }
    let server = Server::respond(Response::json(200, &four().to_string()[..100]));
    ask(&Env::new(), []).server(&server).fails(7, &[]);
}

#[test]
fn a_stream_ends_as_its_last_event_says() {
    let text = delta(0, "Fo");
    let incomplete = with("status", json!("incomplete"));
    for (events, code, printed, word) in [
        (vec![text.clone(), terminal("incomplete", &incomplete)], 9, "Fo", ""),
        (vec![terminal("done", &four())], 0, "Four.\n", ""),
        // The status counts, whatever the name of the event.
        (vec![terminal("completed", &with("status", json!("failed")))], 8, "", ""),
        (vec![terminal("completed", &incomplete)], 9, "Four.\n", ""),
        (
            vec![text.clone(), "{\"error\":{\"message\":\"It rains.\"}}".to_owned()],
            8,
            "Fo",
            "It rains.",
        ),
        (
            vec![text.clone(), "{\"code\":\"c\",\"error\":\"It rains.\"}".to_owned()],
            8,
            "Fo",
            "It rains.",
        ),
        (vec![text.clone(), payload("ping", json!({}))], 7, "Fo", ""),
        (vec![], 7, "", ""),
    ] {
        let case = events.join("\n");
        let server = Server::respond(stream(&events));
        let output = ask(&Env::new(), ["--stream"]).server(&server).case(&case);
        let output = output.stdout_like(printed).stderr_like("").spawn().finish();
        assert_eq!(output.status.code(), Some(code), "{case}: {}", output.notes());
        assert!(output.notes().contains(word), "{case}: {}", output.notes());
        assert!(String::from_utf8_lossy(&output.stdout).starts_with(printed.trim_end()), "{case}");
    }
}

#[test]
fn a_later_message_waits_for_the_earlier_ones() {
    let (first, second) = (message("I look. "), message("It is so."));
    let whole = response(&[first.clone(), web_search(), second.clone()]);
    let (mut one, mut two) = (message_events(0, &first), message_events(2, &second));
    // The second begins before the first has ended.
    let mut mixed = vec![one.remove(0), one.remove(0), two.remove(0), two.remove(0)];
    mixed.extend(one);
    mixed.extend(two);
    mixed.push(terminal("completed", &whole));
    for http_response in
        [stream(&mixed), stream(&events(&whole)), Response::json(200, whole.to_string())]
    {
        let server = Server::respond(http_response);
        ask(&Env::new(), ["--stream"]).server(&server).stdout("I look. \nIt is so.\n").success();
    }
}

#[test]
fn the_recorded_stream_is_an_answer_and_incomplete_if_truncated_anywhere() {
    let events = recorded();
    let server = Server::respond(stream(&events));
    let run = ask(&Env::new(), ["--stream", "--usage", "--web-search"]).server(&server);
    let run = run.stdout("Seven.\n");
    run.stderr_like("xask: source: https://kernel.org/").stderr_like("xask: usage: ").success();
    let cuts = 0..events.len();
    let server = Server::play(cuts.clone().map(|n| stream(&events[..n])));
    for n in cuts {
        let run = ask(&Env::new(), ["--stream"]).server(&server).case(n).stdout_like("");
        run.stderr_like("").code(7);
    }
}

#[test]
fn the_recorded_response_has_an_answer_a_source_and_usage() {
    let text = "Seven.[[1]](https://kernel.org/)\n";
    let source = "xask: source: https://kernel.org/\n";
    let usage = "xask: usage: prompt=216 cached=4 reasoning=237 completion=626 total=1079 \
                 web_searches=1 cost_usd=0.00577\n";
    let server = Server::play([0; 3].map(|_| Response::json(200, WHOLE)));
    let run = |args: &[&str]| ask(&Env::new(), [&["--web-search"], args].concat()).server(&server);
    run(&["--require-sources"]).stdout(text).stderr(source).success();
    let output = run(&["--usage"]).stdout(text).stderr_like(usage).stderr_like(source).success();
    assert_eq!(output.notes().lines().count(), 2, "{}", output.notes());
    run(&["--json", "-q"]).stdout(format!("{WHOLE}\n")).success();
}

#[test]
fn usage_reports_the_visible_part_of_the_completion() {
    for (usage, shown) in [
        (
            json!({"input_tokens": 216, "output_tokens": 863, "total_tokens": 1079,
                "output_tokens_details": {"reasoning_tokens": 237}}),
            "xask: usage: prompt=216 reasoning=237 completion=626 total=1079\n",
        ),
        (
            json!({"input_tokens": 32, "output_tokens": 9, "total_tokens": 151,
                "output_tokens_details": {"reasoning_tokens": 110}}),
            "xask: usage: prompt=32 reasoning=110 completion=9 total=151\n",
        ),
        (
            json!({"input_tokens": 32, "output_tokens": 9, "total_tokens": 9999,
                "output_tokens_details": {"reasoning_tokens": 110}}),
            "xask: usage: prompt=32 reasoning=110 total=9999\n",
        ),
    ] {
        let server = Server::respond(Response::json(200, with("usage", usage).to_string()));
        let run = ask(&Env::new(), ["--usage"]).server(&server).stdout("Four.\n");
        run.stderr(shown).success();
    }
}
