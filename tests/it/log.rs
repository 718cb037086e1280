//! `--log`: one line of JSON per run, whatever the outcome, and nothing of the prompt, the answer or the key.

mod file;

use serde_json::{Value, json};

use crate::support::responses::{USAGE, whole_answer};
use crate::support::{
    Env, ID, KEY, Response, Run, Server, answer, chat, four, json_response, retry_at_once,
};

/// The one line of a log, without the fields that differ from run to run.
#[track_caller]
fn line(env: &Env) -> Value {
    let text = String::from_utf8(env.read("log")).expect("UTF-8");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.ends_with("}\n"), "{text}");
    let mut line: Value = serde_json::from_str(&text).expect("JSON");
    let fields = line.as_object_mut().expect("an object");
    let time = fields.remove("time").expect("a time");
    let time = time.as_str().expect("a text");
    let (date, clock) = time.split_once('T').expect("RFC 3339");
    assert!(time.ends_with('Z') && date.split('-').count() == 3, "{time}");
    assert_eq!(clock.split(':').count(), 3, "{time}");
    let seconds = fields.remove("seconds").expect("how long it took");
    assert!(seconds.as_f64().is_some_and(|seconds| (0.0..60.0).contains(&seconds)), "{seconds}");
    std::fs::remove_file(env.path("log")).expect("it is there");
    line
}

/// `xask --log log hi` and more.
fn logged<'a>(env: &Env, args: impl IntoIterator<Item = &'a str>) -> Run {
    env.xask(["--log", "log", "--retries=0", "hi"].into_iter().chain(args)).key(KEY)
}

#[test]
fn a_line_records_the_outcome_of_a_run() {
    let env = Env::new();
    let server = Server::respond(four().with_id());
    logged(&env, []).server(&server).stdout("Four.\n").success();
    let usage: Value = serde_json::from_str(&chat::usage()).expect("JSON");
    let expected = json!({
        "exit": 0, "retries": 0, "api": "chat", "model": "grok-4", "response_model": "grok-4",
        "source": "api", "http_status": 200, "request_id": ID, "finish_reason": "stop",
        "usage": usage, "cost_usd": "0.00077",
    });
    assert_eq!(line(&env), expected);
}

#[test]
fn a_streamed_answer_has_the_same_line_and_its_usage_if_it_came() {
    let env = Env::new();
    for usage in [false, true] {
        let mut events = chat::stream_of(&["Fo", "ur."], Some("stop"));
        events.extend(usage.then(chat::usage_chunk));
        let server = Server::respond(Response::sse(&events).with_id());
        logged(&env, ["--stream"]).server(&server).stdout("Four.\n").success();
        let line = line(&env);
        assert_eq!(line.get("usage").is_some(), usage, "{line}");
        assert_eq!(line.get("cost_usd"), usage.then(|| json!("0.00077")).as_ref(), "{line}");
        assert_eq!(line["finish_reason"], "stop");
        assert_eq!(line["response_model"], "grok-4");
    }
}

#[test]
fn the_responses_api_has_its_own_values() {
    let env = Env::new();
    let server = Server::respond(whole_answer("Four.").with_id());
    let run = logged(&env, ["--api", "responses", "-m", "grok-4.7", "--usage"]).server(&server);
    run.stdout("Four.\n").stderr(USAGE).success();
    let line = line(&env);
    for (field, value) in [
        ("api", json!("responses")),
        ("exit", json!(0)),
        ("model", json!("grok-4.7")),
        ("response_model", json!("grok-4.7")),
        ("cost_usd", json!("0.00577")),
        ("http_status", json!(200)),
    ] {
        assert_eq!(line[field], value, "{line}");
    }
    assert_eq!(line["usage"]["input_tokens"], 216);
}

#[test]
fn every_failure_has_its_kind_and_its_message() {
    let env = Env::new();
    let error = |status| json_response(status, chat::error("slug", "It rains."));
    let truncated = chat::completion_with(json!({"finish_reason": "length"}));
    for (response, code, kind, status, words) in [
        (error(401), 3, "key", 401, "It rains."),
        (error(403), 3, "key", 403, "It rains."),
        (error(404), 4, "rejected", 404, "It rains."),
        (error(429), 5, "rate_limit", 429, "It rains."),
        (error(500), 8, "server", 500, "It rains."),
        (error(200), 8, "server", 200, "It rains."),
        (json_response(200, "{}"), 8, "server", 200, "completion"),
        (json_response(200, &chat::completion("Four.")[..99]), 7, "incomplete", 200, "JSON"),
        (json_response(200, truncated), 9, "unusable", 200, "token limit"),
    ] {
        let server = Server::respond(response);
        let run = logged(&env, []).server(&server).case(words).stdout_like("");
        let stderr = run.fails(code, &[words]);
        let line = line(&env);
        assert_eq!(line["exit"], code, "{line}");
        assert_eq!(line["error"]["kind"], kind, "{line}");
        assert_eq!(line["http_status"], status, "{line}");
        assert_eq!(line["request_id"], ID, "{line}");
        // The message is the one on standard error.
        let message = line["error"]["message"].as_str().expect("a message");
        assert!(message.contains(words) && !message.contains('\n'), "{message}");
        assert!(stderr.contains(message), "{message} is not in {stderr}");
    }
}

#[test]
fn a_request_without_a_response_has_no_status() {
    let env = Env::new();
    let run = logged(&env, ["--base-url", "http://127.0.0.1:1"]);
    run.fails(6, &[]);
    let line_of_it = line(&env);
    assert_eq!(line_of_it["error"]["kind"], "not_delivered");
    for absent in
        ["http_status", "request_id", "response_model", "finish_reason", "usage", "cost_usd"]
    {
        assert!(line_of_it.get(absent).is_none(), "{line_of_it}");
    }
    env.xask(["--log", "log", "hi"]).fails(3, &[]);
    assert_eq!(line(&env)["error"]["kind"], "key");
    env.xask(["--log", "log", "hi", "-o", "no/answer"]).fails(1, &[]);
    assert_eq!(line(&env)["error"]["kind"], "local");
    env.xask(["--log", "log", "hi", "--cache", "answers", "--offline"]).fails(1, &[]);
    assert_eq!(line(&env)["error"]["kind"], "local");
}

#[test]
fn retries_are_counted_and_the_requested_wait_is_recorded() {
    let env = Env::new();
    let server = Server::play([retry_at_once(429), retry_at_once(503), four()]);
    let run = env.xask(["--log", "log", "hi"]).server(&server);
    run.stdout("Four.\n").stderr_like("retry 2 of 2").success();
    assert_eq!(line(&env)["retries"], 2);
    let busy = Response::json(429, "{}").header("Retry-After", "99");
    let server = Server::respond(busy);
    logged(&env, []).server(&server).fails(5, &["99"]);
    assert_eq!(line(&env)["error"]["retry_after"].as_f64(), Some(99.0));
}

#[test]
fn recorded_and_simulated_answers_cost_nothing() {
    let env = Env::new();
    let server = Server::respond(four());
    let run = || logged(&env, ["--cache", "answers"]).server(&server).stdout("Four.\n");
    run().success();
    assert_eq!((&line(&env)["source"], env.names().len()), (&json!("api"), 1));
    run().success();
    let recorded = line(&env);
    assert_eq!((&recorded["source"], &recorded["cost_usd"]), (&json!("cache"), &json!("0")));
    assert_eq!(recorded["exit"], 0);
    for (case, code) in [("ok", 0), ("length", 9), ("429", 5), ("offline", 6)] {
        let rehearse = format!("--rehearse={case}");
        let run = logged(&env, ["-q", &rehearse]).stdout_like("").stderr_like("");
        run.code(code);
        let line = line(&env);
        assert_eq!(line["source"], "rehearsal", "{line}");
        assert_eq!(line["exit"], code, "{line}");
        if code == 0 {
            assert_eq!(line["cost_usd"], "0", "{line}");
        }
    }
}

#[test]
fn a_reader_that_left_is_recorded_as_the_exit_status() {
    let env = Env::new();
    let (server, received, gate) = Server::holding(four().with_id());
    let mut run = logged(&env, []).server(&server).spawn();
    received.wait();
    run.close_stdout();
    gate.open();
    run.code(141);
    let line = line(&env);
    assert_eq!((&line["exit"], &line["error"]["kind"]), (&json!(141), &json!("broken_pipe")));
    assert_eq!((&line["http_status"], &line["request_id"]), (&json!(200), &json!(ID)));
}

#[test]
fn the_log_contains_nothing_of_the_prompt_the_answer_or_the_key() {
    let env = Env::new();
    env.write("headers", "X-Gate: open-sesame-please\n");
    for response in
        [answer("a secret answer"), json_response(401, chat::error("slug", &format!("bad {KEY}")))]
    {
        let server = Server::respond(response);
        let args = ["--log", "log", "--retries=0", "a secret prompt", "-s", "a secret system"];
        let run = env.xask(args).args(["-H", "@headers"]).key(KEY).server(&server);
        let output = run.stdout_like("").stderr_like("").spawn().finish();
        assert!(output.status.code().is_some());
    }
    let log = String::from_utf8(env.read("log")).expect("text");
    assert_eq!(log.lines().count(), 2);
    assert!(!log.contains("secret") && !log.contains(KEY) && !log.contains("sesame"), "{log}");
}
