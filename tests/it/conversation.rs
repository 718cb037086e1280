//! A conversation that is continued: what is sent of it, and what is stored. The file itself is tested in `file`,
//! its content in `lists`.

mod file;
mod killed;
mod lists;

use serde_json::json;

use crate::support::images::{PNG, png};
use crate::support::{
    Env, Gate, Output, Request, Response, Script, Server, Signal, answer, four, messages,
    retry_at_once, streamed,
};

/// A message as xask writes it.
fn message(role: &str, content: &str) -> String {
    format!(r#"{{"role":"{role}","content":{}}}"#, json!(content))
}

/// Messages as they are stored.
fn lines<M: AsRef<str>>(messages: &[M]) -> String {
    messages.iter().flat_map(|message| [message.as_ref(), "\n"]).collect()
}

/// A prompt and its answer, as they are stored.
fn exchange(prompt: &str, answer: &str) -> String {
    lines(&[message("user", prompt), message("assistant", answer)])
}

/// The body of a request with these messages and nothing else.
fn body<M: AsRef<str>>(messages: &[M]) -> String {
    let messages: Vec<_> = messages.iter().map(AsRef::as_ref).collect();
    format!(r#"{{"model":"grok-4","messages":[{}]}}"#, messages.join(","))
}

#[track_caller]
fn assert_body<M: AsRef<str>>(request: &Request, messages: &[M]) {
    assert_eq!(str::from_utf8(&request.body).expect("text"), body(messages));
}

#[track_caller]
fn assert_file(env: &Env, name: &str, expected: &str) {
    assert_eq!(String::from_utf8(env.read(name)).expect("text"), expected);
}

#[test]
fn two_runs_are_one_conversation() {
    let env = Env::new();
    let server = Server::play([answer("Ten minutes."), answer("Five."), answer("Enjoy.\n")]);
    let system = message("system", "You are a cook.");
    let first = message("user", "How long do I boil an egg?");
    let second = message("user", "And a soft one?");
    let (ten, five) = (message("assistant", "Ten minutes."), message("assistant", "Five."));

    let run = |args: &[&str]| env.xask([&["-c", "eggs.jsonl"], args].concat()).server(&server);
    run(&["How long do I boil an egg?", "-s", "You are a cook."])
        .stdout("Ten minutes.\n")
        .success();
    run(&["And a soft one?"]).stdout("Five.\n").success();
    // The same system prompt again is neither sent nor stored again.
    run(&["Thanks.", "--system", "You are a cook."]).stdout("Enjoy.\n").success();

    let requests = server.requests();
    assert_body(&requests[0], &[&system, &first]);
    assert_body(&requests[1], &[&system, &first, &ten, &second]);
    let all = [system, first, ten, second, five, message("user", "Thanks.")];
    assert_body(&requests[2], &all);
    let last = lines(&[message("assistant", "Enjoy.\n")]);
    assert_file(&env, "eggs.jsonl", &(lines(&all) + &last));
    assert_eq!(env.names(), ["eggs.jsonl"], "nothing else is left");
}

#[test]
fn the_text_of_the_answer_is_stored_however_it_was_printed() {
    let text = "\u{e9}\u{1f600} \"quoted\" \\ \t\n\n\u{1b}[2J\u{202e}\0\r\n";
    for (flag, response) in [
        ("--no-stream", answer(text)),
        ("--json", answer(text)),
        ("--stream", streamed(&[text])),
        ("--stream", answer(text)),
        ("--no-stream", streamed(&[text])),
    ] {
        let env = Env::new();
        let server = Server::respond(response);
        env.xask(["-c", "kept", flag, "hi"]).server(&server).stdout_like("\u{1f600}").success();
        assert_file(&env, "kept", &exchange("hi", text));
    }
    let env = Env::new();
    let server = Server::respond(streamed(&["Fo", "ur", "."]));
    let run = env.xask(["-c", "kept", "--json", "--stream", "hi"]).server(&server);
    run.stdout_like("\"Fo\"").success();
    assert_file(&env, "kept", &exchange("hi", "Four."));
}

#[test]
fn earlier_messages_are_sent_and_kept_unchanged() {
    let earlier = [
        r#"{"role" : "system","content":"Be brief.","name":"sys"}"#,
        r#"{ "content":"hi \u00e9\/\ud83d\ude00", "x":1.50,"role":"user" ,"n":123456789012345678901234567890, "x":2e400 }"#,
        r#"{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]}"#,
        r#"{"role":"tool","tool_call_id":"1","content":"7"}"#,
        r#"{"role":"assistant","content":[{"type":"text","text":"Seven."}],"reasoning_content":"Hm.","refusal":null}"#,
        r#"{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://a/b.png","detail":"low"}},{"text":"?","type":"text"}]}"#,
    ];
    for (separator, end) in
        [("\n", "\n"), ("\n", ""), ("\r\n", "\r\n"), ("\n\n \t\n", "\n\n"), (" \n  ", " ")]
    {
        let env = Env::new();
        let before = earlier.join(separator) + end;
        env.write("kept", &before);
        let server = Server::respond(four());
        env.xask(["-c", "kept", "hi"]).server(&server).stdout("Four.\n").success();
        let question = message("user", "hi");
        assert_body(&server.request(), &[&earlier[..], &[&question]].concat());
        let newline = if before.ends_with('\n') { "" } else { "\n" };
        assert_file(&env, "kept", &(before + newline + &exchange("hi", "Four.")));
    }
}

#[test]
fn images_stay_in_a_conversation_as_sent() {
    let env = Env::new();
    let png = [PNG, &[7; 1000]].concat();
    let image = env.write("a.png", png);
    let server = Server::play([answer("A cat."), answer("Grey.")]);
    let run = |args: &[&str]| env.xask([&["-c", "kept"], args].concat()).server(&server);
    run(&["What is", "-i", "a.png", "-d", "high", "?"]).stdout("A cat.\n").success();
    std::fs::remove_file(image).expect("it was there");
    run(&["What colour?"]).stdout("Grey.\n").success();

    let requests = server.requests();
    let sent = str::from_utf8(&requests[0].body).expect("text");
    assert!(sent.contains(r#""data:image/png;base64,iVBORw0KGgoH"#), "{sent}");
    let sent = sent.strip_prefix(r#"{"model":"grok-4","messages":["#).expect("the body begins");
    let sent = sent.strip_suffix("]}").expect("the body ends");
    let (cat, colour) = (message("assistant", "A cat."), message("user", "What colour?"));
    assert_body(&requests[1], &[sent, &cat, &colour]);
    assert_file(&env, "kept", &lines(&[sent, &cat, &colour, &message("assistant", "Grey.")]));
}

#[test]
fn only_an_answer_with_exit_0_is_appended() {
    let before = exchange("hi", "hello");
    let cases = [
        "length", "filtered", "refused", "empty", "tools", "cut", "401", "403", "429", "500",
        "offline",
    ];
    for case in cases {
        let env = Env::new();
        env.write("begun", &before);
        env.write("empty", "");
        let case = format!("--rehearse={case}");
        for flag in ["--stream", "--no-stream"] {
            for name in ["begun", "empty", "new"] {
                let run = env.xask(["-c", name, &case, flag, "--retries=0", "--quiet", "more"]);
                let Output { status, .. } = run.spawn().finish();
                assert!(
                    status.code().is_some_and(|code| (3..=9).contains(&code)),
                    "{case} {status}"
                );
            }
        }
        assert_file(&env, "begun", &before);
        assert_file(&env, "empty", "");
        assert_eq!(env.names(), ["begun", "empty"], "{case}");
    }
}

#[test]
fn nothing_of_an_incomplete_answer_is_appended() {
    let before = exchange("hi", "hello");
    for (index, response) in [
        four().truncated_at(100),
        streamed(&["Four."]).truncated_at(300),
        streamed(&["Four."]).close_delimited().truncated_at(500),
        Response::json(200, r#"{"error":"no"}"#),
        Response::sse(&[r#"{"error":"no"}"#]),
    ]
    .into_iter()
    .enumerate()
    {
        let env = Env::new();
        env.write("begun", &before);
        let server = Server::play([response.clone(), response]);
        for name in ["begun", "new"] {
            let run = env.xask(["-c", name, "--stream", "more"]).server(&server);
            let Output { status, .. } = run.spawn().finish();
            assert!(
                status.code().is_some_and(|code| code == 7 || code == 8),
                "case {index}: {status}"
            );
        }
        assert_file(&env, "begun", &before);
        assert_eq!(env.names(), ["begun"]);
    }
}

#[test]
fn an_answer_that_is_not_the_requested_json_is_not_appended() {
    let env = Env::new();
    env.write("any.json", "{}");
    let server = Server::play([streamed(&["Four."]), four(), streamed(&["4"]), answer("4")]);
    let run = |flag| env.xask(["-c", "kept", flag, "--schema", "any.json", "hi"]).server(&server);
    for flag in ["--stream", "--no-stream"] {
        run(flag).stdout("Four.\n").fails(9, &["JSON"]);
        assert_eq!(env.names(), ["any.json"]);
    }
    run("--stream").stdout("4\n").success();
    run("--no-stream").stdout("4\n").success();
    assert_file(&env, "kept", &exchange("hi", "4").repeat(2));
}

#[test]
fn a_recorded_answer_is_appended_like_any_other() {
    let env = Env::new();
    let server = Server::respond(four());
    for name in ["asked", "recorded"] {
        let run = env.xask(["-c", name, "--cache", "answers", "hi"]).server(&server);
        run.stdout("Four.\n").success();
        assert_file(&env, name, &exchange("hi", "Four."));
    }
}

#[test]
fn an_error_before_the_request_leaves_no_file() {
    let env = Env::new();
    for (args, code) in [
        (&["-c", "new", "--dry-run", "hi"][..], 0),
        (&["-c", "new", "hi"], 3), // there is no key
        (&["-c", "new", "-f", "missing", "hi"], 2),
        (&["-c", "new", " "], 2),
        (&["-c", "new", "--base-url", "ftp://a", "hi"], 2),
        (&["-c", "new", "-o", "missing/out", "hi"], 1),
        (&["-c", "new", "--offline", "--cache", "no", "hi"], 1),
    ] {
        let Output { status, .. } = env.xask(args).spawn().finish();
        assert_eq!(status.code(), Some(code), "{args:?}");
        assert_eq!(env.names(), [""; 0], "{args:?}");
    }
}

#[test]
fn a_dry_run_shows_the_conversation_and_changes_nothing() {
    let env = Env::new();
    let before = exchange("hi", "hello");
    let file = env.write("kept", before.trim_end());
    // It waits for no other run, and no other run waits for it.
    let held = std::fs::File::open(file).expect("a file");
    held.lock().expect("a lock");
    let messages = [message("user", "hi"), message("assistant", "hello"), message("user", "more")];
    let run = env.xask(["-c", "kept", "--dry-run", "more"]);
    run.stdout(body(&messages) + "\n").success();
    assert_file(&env, "kept", before.trim_end());
}

#[test]
fn a_simulated_answer_is_appended_like_any_other() {
    let env = Env::new();
    let run = |words| env.xask(["-q", "-c", "kept", "--rehearse", "-s", "Be brief.", words]);
    let first = run("hi").stdout_like("model: grok-4\n").success();
    let second = run("more").stdout_like("user: more\n").success();
    let text = |output: &Output| {
        let text = str::from_utf8(&output.stdout).expect("text");
        text.strip_suffix('\n').expect("it ends in a newline").to_owned()
    };
    let kept = lines(&[message("system", "Be brief.")])
        + &exchange("hi", &text(&first))
        + &exchange("more", &text(&second));
    assert_file(&env, "kept", &kept);
}

#[test]
fn an_answer_is_stored_before_it_is_printed() {
    let env = Env::new();
    let gate = Gate::new();
    let server = Server::play([Script::new().wait(&gate).send(four())]);
    let mut run = env.xask(["-c", "left", "hi"]).server(&server).spawn();
    run.close_stdout();
    gate.open();
    run.code(141);
    let server = Server::respond(four());
    let run = env.sh("xask -c full hi >/dev/full").server(&server);
    run.fails(1, &["standard output"]);
    for name in ["left", "full"] {
        assert_file(&env, name, &exchange("hi", "Four."));
    }
}

#[test]
fn a_streamed_answer_is_stored_before_its_end_is_printed() {
    let (env, gate) = (Env::new(), Gate::new());
    // After the text only the line feed is left to print.
    let (words, end) = streamed(&["Four."]).split(2);
    let server = Server::play([Script::new().send(words).wait(&gate).send(end)]);
    let run = env.xask(["-c", "kept", "--stream", "hi"]).server(&server).stdout("Four.");
    let mut run = run.spawn();
    run.read_stdout_until("Four.");
    run.close_stdout();
    gate.open();
    run.code(141);
    assert_file(&env, "kept", &exchange("hi", "Four."));
}

#[test]
fn a_stream_whose_reader_leaves_is_not_stored() {
    let env = Env::new();
    let before = exchange("hi", "hello");
    env.write("kept", &before);
    let gate = Gate::new();
    let (first, rest) = streamed(&["Fo", "ur."]).split(2);
    let server = Server::play([Script::new().send(first).wait(&gate).send(rest)]);
    let run = env.xask(["-c", "kept", "--stream", "more"]).server(&server).stdout("Fo");
    let mut run = run.spawn();
    run.read_stdout_until("Fo");
    run.close_stdout();
    gate.open();
    run.code(141);
    assert_file(&env, "kept", &before);
}

#[test]
fn an_answer_that_cannot_be_stored_is_printed() {
    let env = Env::new();
    let image = env.write("a.png", png(20));
    let (server, asked, gate) = Server::holding(answer("A cat."));
    // The message cannot be stored as it was sent: the image is gone.
    let run = env.xask(["-c", "kept", "-i", "a.png", "?"]).server(&server).stdout("A cat.\n");
    let run = run.stderr_like(messages::error("a.png")).spawn();
    asked.wait();
    std::fs::remove_file(image).expect("it was there");
    gate.open();
    run.code(1);
    assert_eq!(env.names(), [""; 0]);
}

#[test]
fn a_retried_prompt_is_stored_once() {
    let env = Env::new();
    let server = Server::play([retry_at_once(503), four()]);
    let run = env.xask(["-c", "kept", "hi"]).server(&server).stdout("Four.\n");
    run.stderr_like("").success();
    assert_file(&env, "kept", &exchange("hi", "Four."));
}

#[test]
fn a_conversation_can_be_continued_after_a_run_was_killed() {
    let env = Env::new();
    let before = exchange("hi", "hello");
    env.write("kept", &before);
    let asked = Gate::new();
    let server = Server::play([Script::new().open(&asked).hold(), four().into()]);
    let run = env.xask(["-c", "kept", "more"]).server(&server).spawn();
    asked.wait();
    run.send(Signal::TERM);
    run.signal(Signal::TERM);
    assert_file(&env, "kept", &before);
    env.xask(["-c", "kept", "more"]).server(&server).stdout("Four.\n").success();
    assert_file(&env, "kept", &(before + &exchange("more", "Four.")));
}
