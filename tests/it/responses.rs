//! The Responses API instead of chat completions: when it is used, what is sent to it, and that everything else is
//! the same. Searches are in `search`.

use std::slice::from_ref;

mod outcomes;
mod requests;

use serde_json::{Value, json};

use crate::support::images::png;
use crate::support::responses::{
    self, delta, events, message, response, sse, stream, terminal, truncated_response, whole_answer,
};
use crate::support::{Env, Gate, Response, Run, Script, Server, Tty, answer, chat, messages};

/// The body of a request with this input and nothing else.
fn body(input: &str) -> String {
    format!(r#"{{"model":"grok-4","input":[{input}],"store":false}}"#)
}

fn user(text: &str) -> String {
    format!(r#"{{"role":"user","content":{}}}"#, json!(text))
}

/// `xask --api responses hi` and more.
fn ask<'a>(env: &Env, args: impl IntoIterator<Item = &'a str>) -> Run {
    env.xask(["--api", "responses", "--retries=0", "hi"].into_iter().chain(args))
}

/// A response whose items are one message.
fn four() -> Value {
    response(&[message("Four.")])
}

#[test]
fn a_flag_a_search_or_a_variable_chooses_the_api() {
    for (args, variable, is_responses) in [
        (&[][..], None, false),
        (&["--api", "chat"], None, false),
        (&["--api", "responses"], None, true),
        (&[], Some("responses"), true),
        (&[], Some("chat"), false),
        (&[], Some(""), false),
        (&["--api", "chat"], Some("responses"), false),
        (&["--api", "responses"], Some("chat"), true),
        (&["--api", "chat", "--api", "responses"], None, true),
        (&["--web-search"], None, true),
        (&["--x-search"], Some("chat"), true),
        (&["--deferred"], Some("responses"), false),
    ] {
        let run = Env::new().dry(args.iter().copied().chain(["hi"]));
        let run = variable.into_iter().fold(run, |run, api| run.env("XASK_API", api));
        let body: Value = serde_json::from_str(&run.text()).expect("a body is JSON");
        let case = format!("{args:?} {variable:?}");
        assert_eq!(body.get("input").is_some(), is_responses, "{case}");
        assert_eq!(body.get("messages").is_none(), is_responses, "{case}");
        assert_eq!(body.get("store"), is_responses.then_some(&json!(false)), "{case}");
    }
    let run = Env::new().dry(["hi"]).env("XASK_API", "completions");
    run.fails(2, &["XASK_API", "chat", "responses"]);
}

#[test]
fn the_prompt_is_posted_to_its_own_path() {
    let server = Server::respond(whole_answer("Four."));
    ask(&Env::new(), []).server(&server).stdout("Four.\n").success();
    let request = server.request();
    assert_eq!((&*request.method, &*request.path), ("POST", "/v1/responses"));
    assert_eq!(str::from_utf8(&request.body), Ok(&*body(&user("hi"))));
}

#[test]
fn every_part_and_option_has_its_own_name() {
    let env = Env::new();
    env.write("a.png", png(80));
    env.write("s.json", r#"{"type":"object"}"#);
    for (args, expected) in [
        (
            "-s Be.terse hi --max-tokens 400 -t 1 --top-p 0.5 --reasoning-effort low -p max_turns=2 --schema s.json",
            concat!(
                r#"{"model":"grok-4","input":[{"role":"system","content":"Be.terse"},{"role":"user","content":"hi"}],"#,
                r#""store":false,"max_output_tokens":400,"temperature":1,"top_p":0.5,"reasoning":{"effort":"low"},"#,
                r#""max_turns":2,"text":{"format":{"type":"json_schema","name":"s","schema":{"type":"object"},"strict":true}}}"#,
            ),
        ),
        (
            "before -i https://a.org/b.png after --detail low --stream --usage",
            concat!(
                r#"{"model":"grok-4","input":[{"role":"user","content":[{"type":"input_text","text":"before"},"#,
                r#"{"type":"input_image","image_url":"https://a.org/b.png","detail":"low"},"#,
                r#"{"type":"input_text","text":"after"}]}],"store":false,"stream":true}"#,
            ),
        ),
    ] {
        let args = ["--api", "responses"].into_iter().chain(args.split(' '));
        assert_eq!(env.dry(args).text(), expected);
    }
    let text = env.dry(["--api", "responses", "hi", "-i", "a.png"]).text();
    let image = r#"{"type":"input_image","image_url":"data:image/png;base64,iVBORw"#;
    assert!(text.contains(image), "{text}");
}

#[test]
fn an_option_the_api_does_not_have_is_a_usage_error_before_anything_is_sent() {
    for (args, words) in [
        ("--seed 7", &["--seed", "--api chat"][..]),
        ("--stop x", &["--stop", "--api chat"]),
        ("-p seed=7", &["seed", "--api chat"]),
        ("-p max_tokens=7", &["max_tokens", "--max-tokens", "max_output_tokens"]),
        ("-p input=x", &["input"]),
        ("-p store=true", &["store"]),
        ("-p previous_response_id=x", &["previous_response_id"]),
        ("-p response_format=x", &["response_format", "--schema"]),
        ("--max-tokens 7 -p max_output_tokens=8", &["max_output_tokens"]),
        ("--choice a,b -p text=x", &["text"]),
        ("-p user=a -p user=b", &["user"]),
        ("--deferred", &["--deferred"]),
    ] {
        ask(&Env::new(), args.split(' ')).case(args).refused(2, words);
    }
}

#[test]
fn messages_are_joined_by_a_line_feed_whole_and_streamed() {
    let answer = response(&[message("a b"), message(""), message("c")]);
    for args in [&[][..], &["--stream"], &["--no-stream"]] {
        for http_response in [Response::json(200, answer.to_string()), stream(&events(&answer))] {
            let server = Server::respond(http_response);
            ask(&Env::new(), args.iter().copied()).server(&server).stdout("a b\nc\n").success();
        }
    }
}

#[test]
fn a_stream_is_printed_as_it_arrives_and_ends_with_its_last_event() {
    let answer = response(&[message("a b c")]);
    let events = events(&answer);
    let (first, rest) = events.split_at(4);
    let gate = Gate::new();
    let script =
        Script::new().send(stream(&[]).head()).send(sse(first)).wait(&gate).send(sse(rest)).hold();
    let server = Server::play([script]);
    let mut run = ask(&Env::new(), ["--stream"]).server(&server).stdout("a b c\n").spawn();
    run.read_stdout_until("a ");
    gate.open();
    run.success();
}

#[test]
fn json_is_the_bytes_of_the_response_or_the_events() {
    let json = format!(" {}\n", four());
    let server = Server::respond(Response::json(200, &*json));
    ask(&Env::new(), ["--json"]).server(&server).stdout(&*json).success();
    let events = events(&four());
    let server = Server::respond(stream(&events));
    let lines = events.join("\n") + "\n";
    ask(&Env::new(), ["--json", "--stream"]).server(&server).stdout(lines).success();
}

#[test]
fn the_exit_status_is_the_same_whole_and_streamed() {
    let refusal = json!({"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]});
    let call = json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"});
    let with = |field: &str, value: Value| {
        let mut response = four();
        response[field] = value;
        response
    };
    for (response, code, printed, words) in [
        (truncated_response(&[message("Fo")]), 9, "Fo\n", "token limit"),
        (
            with("incomplete_details", json!({"reason": "max_time_limit"})),
            9,
            "Four.\n",
            "max_time_limit",
        ),
        (with("status", json!("cancelled")), 9, "Four.\n", "cancelled"),
        (response(&[refusal]), 9, "No.\n", "refused"),
        (response(&[call]), 9, "", "tool"),
        (response(&[message(" ")]), 9, " \n", "empty"),
        (response(&[]), 9, "", "empty"),
        (with("error", json!({"code": "wet", "message": "It rains."})), 8, "", "It rains."),
        (with("status", json!("failed")), 8, "", "server error"),
    ] {
        let event = terminal("completed", &response);
        for (args, http_response) in [
            (&[][..], Response::json(200, response.to_string())),
            (&["--stream"], stream(&[event])),
        ] {
            let server = Server::respond(http_response);
            let run = ask(&Env::new(), args.iter().copied()).case(&response).server(&server);
            run.stdout(printed).fails(code, &[words]);
        }
    }
}

#[test]
fn a_stream_without_its_last_event_is_incomplete_and_one_with_an_error_is_a_failure() {
    let text = delta(0, "Four");
    let error = r#"{"type":"error","code":"wet","message":"It rains."}"#.to_owned();
    let failed = json!({"status": "failed", "error": {"code": "wet", "message": "It rains."}});
    let done = sse(from_ref(&text)) + "data: [DONE]\n\n";
    for (http_response, code, words) in [
        (stream(from_ref(&text)), 7, "incomplete"),
        (Response::new(200, "text/event-stream", done).close_delimited(), 7, "incomplete"),
        (stream(&[text.clone(), error]), 8, "It rains."),
        (stream(&[text.clone(), terminal("failed", &failed)]), 8, "It rains."),
    ] {
        let server = Server::respond(http_response);
        let run = ask(&Env::new(), ["--stream"]).server(&server);
        run.stdout("Four").fails(code, &[words]);
    }
}

#[test]
fn an_end_that_contradicts_what_was_printed_is_incomplete() {
    let gate = Gate::new();
    let script = Script::new()
        .send(stream(&[]).head())
        .send(sse(&[delta(0, "Four")]))
        .wait(&gate)
        .send(sse(&[terminal("completed", &response(&[message("Five.")]))]))
        .hold();
    let server = Server::play([script]);
    let run = ask(&Env::new(), ["--stream"]).server(&server).stdout("Four");
    let mut run = run.stderr_like(messages::error("does not match")).spawn();
    run.read_stdout_until("Four");
    gate.open();
    run.code(7);
}

#[test]
fn a_stream_that_was_not_shown_is_replaced_by_its_end() {
    let env = Env::new();
    let end = terminal("completed", &response(&[message("Five.")]));
    let server = Server::respond(stream(&[delta(0, "Four"), end]));
    ask(&env, ["--stream", "-o", "out"]).server(&server).success();
    assert_eq!(env.read("out"), b"Five.\n");
}

#[test]
fn an_api_that_is_too_busy_to_begin_is_retried() {
    let busy = chat::error("The service is currently unavailable", "Try again.");
    let overloaded = r#"{"type":"error","code":529,"message":"overloaded"}"#.to_owned();
    for http_response in [Response::json(200, busy), stream(&[overloaded])] {
        let server =
            Server::play([http_response.header("Retry-After", "0"), whole_answer("Four.")]);
        let run = Env::new().xask(["--api", "responses", "--stream", "--retries=1", "hi"]);
        run.server(&server).stdout("Four.\n").stderr_like("retry").success();
    }
}

#[test]
fn usage_is_reported_in_the_same_form() {
    for http_response in [whole_answer("Four."), stream(&events(&four()))] {
        let server = Server::respond(http_response);
        let run = ask(&Env::new(), ["--usage", "--stream"]).server(&server);
        run.stdout("Four.\n").stderr(responses::USAGE).success();
        assert_eq!(server.request().json().get("stream_options"), None);
    }
}

#[test]
fn a_conversation_can_be_continued_with_either_api() {
    let env = Env::new();
    let image = r#"{"type":"image_url","image_url":{"url":"https://a.org/b.png","detail":"low"}}"#;
    let first = format!(r#"{{"role":"user","content":[{{"type":"text","text":"See:"}},{image}]}}"#);
    let second = r#"{"role":"assistant","content":"Two.","refusal":null,"tool_calls":[]}"#;
    env.write("chat.jsonl", format!("{first}\n{second}\n"));
    let server = Server::play([whole_answer("Three."), answer("Four.")]);
    let run = |api, text| env.xask(["--api", api, "-c", "chat.jsonl", text]).server(&server);
    run("responses", "And?").stdout("Three.\n").success();
    run("chat", "More?").stdout("Four.\n").success();

    let requests = server.requests();
    let input = concat!(
        r#"{"role":"user","content":[{"type":"input_text","text":"See:"},"#,
        r#"{"type":"input_image","image_url":"https://a.org/b.png","detail":"low"}]},"#,
        r#"{"role":"assistant","content":"Two."},{"role":"user","content":"And?"}"#,
    );
    assert_eq!(str::from_utf8(&requests[0].body), Ok(&*body(input)));
    // The file keeps the form of chat completions.
    let three = r#"{"role":"assistant","content":"Three."}"#;
    let all = [&*first, second, &user("And?"), three, &user("More?")].join(",");
    let chat = format!(r#"{{"model":"grok-4","messages":[{all}]}}"#);
    assert_eq!(str::from_utf8(&requests[1].body), Ok(&*chat));
    let four = r#"{"role":"assistant","content":"Four."}"#;
    let lines = [&*first, second, &user("And?"), three, &user("More?"), four, ""].join("\n");
    assert_eq!(String::from_utf8(env.read("chat.jsonl")), Ok(lines));
}

#[test]
fn a_message_that_cannot_be_sent_is_named_by_its_line() {
    let call = r#"{"role":"assistant","content":null,"tool_calls":[{"id":"1"}]}"#;
    let result = r#"{"role":"tool","content":"4","tool_call_id":"1"}"#;
    let audio = r#"{"role":"user","content":[{"type":"input_audio","input_audio":{}}]}"#;
    for (message, word) in [(call, "tool call"), (result, "role tool"), (audio, "input_audio")] {
        for flag in ["-c", "--messages"] {
            let env = Env::new();
            env.write("chat.jsonl", format!("{}\n\n{message}\n", user("hi")));
            let run = ask(&env, [flag, "chat.jsonl"]);
            run.refused(2, &["chat.jsonl: line 3", word, "--api chat"]);
        }
    }
}

#[test]
fn a_choice_and_a_schema_are_checked_here_too() {
    let env = Env::new();
    env.write("s.json", "{}");
    for (args, text, code, printed) in [
        (&["--choice", "yes,no"][..], r#"{"choice":"no"}"#, 0, "no\n"),
        (&["--choice", "yes,no"], "perhaps", 9, "perhaps\n"),
        (&["--schema", "s.json"], "{}", 0, "{}\n"),
        (&["--schema", "s.json"], "Four.", 9, "Four.\n"),
    ] {
        let server = Server::respond(whole_answer(text));
        ask(&env, args.iter().copied()).server(&server).stdout(printed).ends(code, &[]);
    }
}

#[test]
fn the_cache_keeps_the_two_apis_apart() {
    let env = Env::new();
    let server = Server::play([whole_answer("Four."), answer("Five.")]);
    let run = |api: &str, rest: &[&str]| {
        env.xask([&["--cache", "answers", "--api", api, "hi"], rest].concat())
    };
    run("responses", &[]).server(&server).stdout("Four.\n").success();
    run("chat", &[]).server(&server).stdout("Five.\n").success();
    for (api, rest, printed) in [
        ("responses", &["--offline"][..], "Four.\n"),
        ("responses", &["--offline", "--stream"], "Four.\n"),
        ("chat", &["--offline"], "Five.\n"),
    ] {
        run(api, rest).stdout(printed).success();
    }
}

#[test]
fn every_scenario_of_a_rehearsal_works_with_this_api_too() {
    for (case, code) in [
        ("ok", 0),
        ("length", 9),
        ("filtered", 9),
        ("refused", 9),
        ("empty", 9),
        ("tools", 9),
        ("cut", 7),
        ("401", 3),
        ("403", 3),
        ("429", 5),
        ("500", 8),
        ("offline", 6),
    ] {
        let run = |args: &[&str]| {
            let case = format!("--rehearse={case}");
            Env::new().xask([&["-q", "--no-stream", &case, "hi"], args].concat()).any_output()
        };
        let chat = run(&[]).code(code);
        let responses = run(&["--api", "responses"]).code(code);
        assert_eq!(responses.stdout, chat.stdout, "{case}");
        assert_eq!(responses.stderr, chat.stderr, "{case}");
        run(&["--api", "responses", "--stream"]).code(code);
    }
}

#[test]
fn a_terminal_gets_a_stream() {
    let server = Server::respond(stream(&events(&four())));
    let run = ask(&Env::new(), []).server(&server).tty(Tty::Stdout);
    run.on_tty("Four.\n").success();
    assert_eq!(server.request().json()["stream"], json!(true));
}

#[test]
fn chat_completions_that_name_the_other_api_give_a_hint() {
    let words = "Multi Agent requests are not allowed on chat completions";
    let server = Server::respond(Response::json(400, chat::error("invalid-argument", words)));
    let run = Env::new().xask(["--retries=0", "hi"]).server(&server);
    run.fails(4, &[words, "--api responses"]);
    // And an incomplete response may have been billed.
    let server = Server::respond(Response::json(200, &four().to_string()[..200]));
    let run = ask(&Env::new(), []).server(&server);
    assert!(run.fails(7, &[]).ends_with(messages::BILLED));
}
