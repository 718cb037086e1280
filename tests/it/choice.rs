//! `--choice`: one of these texts, and nothing else.

use serde_json::json;

use crate::support::responses::whole_answer;
use crate::support::{Env, Response, Server, Tty, answer, chat, messages, streamed};

/// The answer as the API gives it under the schema.
fn chosen(text: &str) -> String {
    json!({ "choice": text }).to_string()
}

/// The schema of these texts, as it is sent.
fn schema(texts: &[&str]) -> String {
    let texts = json!(texts);
    format!(
        r#"{{"type":"object","properties":{{"choice":{{"type":"string","enum":{texts}}}}},"required":["choice"],"additionalProperties":false}}"#
    )
}

#[test]
fn the_texts_are_sent_as_a_strict_schema() {
    let env = Env::new();
    let hundred: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    let hundred: Vec<&str> = hundred.iter().map(String::as_str).collect();
    for (args, texts) in [
        (&["--choice", "yes,no"][..], &["yes", "no"][..]),
        (&["--choice", "yes", "--choice", "no"], &["yes", "no"]),
        (&["--choice=a,b", "--choice", "c"], &["a", "b", "c"]),
        // Not trimmed.
        (&["--choice", "a, b ,c"], &["a", " b ", "c"]),
        (&["--choice", "a \"b\",\u{e9}\\,{}"], &["a \"b\"", "\u{e9}\\", "{}"]),
        (&["--choice", "-1,--2"], &["-1", "--2"]),
        (&["--choice", "Yes,yes"], &["Yes", "yes"]),
        (&["--choice", &hundred.join(",")], &hundred),
    ] {
        let format = format!(
            r#""response_format":{{"type":"json_schema","json_schema":{{"name":"choice","schema":{},"strict":true}}}}}}"#,
            schema(texts)
        );
        let sent = env.dry(["hi"].into_iter().chain(args.iter().copied())).text();
        assert!(sent.ends_with(&format), "{sent}");
        let args = ["hi", "--api", "responses"].into_iter().chain(args.iter().copied());
        let sent = env.dry(args).text();
        let format = format!(
            r#""text":{{"format":{{"type":"json_schema","name":"choice","schema":{},"strict":true}}}}}}"#,
            schema(texts)
        );
        assert!(sent.ends_with(&format), "{sent}");
    }
}

#[test]
fn an_invalid_choice_is_a_usage_error() {
    let (env, never) = (Env::new(), Server::never());
    env.write("s.json", "{}");
    let many = (0..101).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    for (args, words) in [
        (&["--choice", "yes"][..], &["--choice", "2"][..]),
        (&["--choice", &many], &["--choice", "100"]),
        (&["--choice", "a,b,a"], &["--choice", "a"]),
        (&["--choice", "a,b", "--choice", "b"], &["--choice", "b"]),
        (&["--choice", "a,,b"], &["--choice", "empty"]),
        (&["--choice", "a,"], &["--choice", "empty"]),
        (&["--choice", ""], &["--choice"]),
        (&["--choice", "a,b", "--schema", "s.json"], &["--choice", "--schema"]),
        (&["--choice", "a,b", "-x"], &["--choice", "--extract"]),
        (&["--choice", "a,b", "--stream"], &["--choice", "--stream"]),
        (&["--choice", "a,b", "-p", "response_format={}"], &["response_format"]),
    ] {
        env.xask(["hi"].iter().chain(args)).server(&never).case(args).refused(2, words);
    }
}

#[test]
fn only_the_chosen_text_is_printed() {
    let env = Env::new();
    for (text, printed) in [
        (chosen("no"), "no\n"),
        (" { \"choice\" : \"no\" }\n\n".to_owned(), "no\n"),
        ("{\"choice\":\"n\\u006f\"}".to_owned(), "no\n"),
        // A server that answers without following the schema.
        ("no".to_owned(), "no\n"),
        ("no\n".to_owned(), "no\n"),
        ("yes".to_owned(), "yes\n"),
    ] {
        for (api, response) in [("chat", answer(&text)), ("responses", whole_answer(&text))] {
            let server = Server::respond(response);
            let run = env.ask(&server, ["--choice", "yes,no", "--api", api]).case(&text);
            run.stdout(printed).success();
        }
    }
    // Never streamed, not even to a terminal.
    let server = Server::respond(answer(&chosen("no")));
    env.ask(&server, ["--choice", "yes,no"]).tty(Tty::Stdout).on_tty("no\n").success();
    assert_eq!(server.request().json().get("stream"), None);
}

#[test]
fn any_other_answer_is_unusable_and_printed_unchanged() {
    let env = Env::new();
    for text in [
        "maybe",
        "No",
        "no.",
        " no",
        "no\n\n",
        "no\r\n",
        "\"no\"",
        "yes no",
        "{\"choice\":\"maybe\"}",
        "{\"choice\":\"No\"}",
        "{\"choice\":null}",
        "{\"choice\":[\"no\"]}",
        "{\"choice\":\"no\",\"why\":\"x\"}",
        "{\"answer\":\"no\"}",
        "[\"no\"]",
        "{}",
        "{\"choice\":\"no\"} indeed",
        "```json\n{\"choice\":\"no\"}\n```",
    ] {
        let server = Server::respond(answer(text));
        let printed = if text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") };
        let run = env.ask(&server, ["--choice", "yes,no", "-o", "out"]).case(text);
        run.stdout(printed).fails(9, &["choice"]);
        assert_eq!(env.names(), [""; 0]);
    }
    // For a truncated answer, truncation is reported first.
    let cut = chat::completion_with(json!({"content": "no", "finish_reason": "length"}));
    let server = Server::respond(Response::json(200, cut));
    env.ask(&server, ["--choice", "yes,no"]).stdout("no\n").fails(9, &["token limit"]);
}

#[test]
fn only_the_chosen_text_is_stored_and_the_response_is_recorded() {
    let env = Env::new();
    let server = Server::respond(answer(&chosen("no")));
    let run = || env.ask(&server, ["--choice", "yes,no", "--cache", "answers"]);
    run().args(["-c", "talk", "-o", "out"]).success();
    assert_eq!(env.read("out"), b"no\n");
    let talk = String::from_utf8(env.read("talk")).expect("text");
    assert!(talk.ends_with("{\"role\":\"assistant\",\"content\":\"no\"}\n"), "{talk}");
    run().args(["--offline"]).stdout("no\n").success();
    let json = format!("{}\n", chat::completion(&chosen("no")));
    run().args(["--offline", "--json"]).stdout(json).success();
    // It is another request than one without the choice.
    env.xask(["--cache", "answers", "--offline", crate::support::PROMPT]).fails(1, &[]);
}

#[test]
fn json_prints_the_response_and_the_choice_is_still_checked() {
    let env = Env::new();
    for (text, code) in [(chosen("no"), 0), ("maybe".to_owned(), 9)] {
        let server = Server::respond(answer(&text));
        let json = format!("{}\n", chat::completion(&text));
        env.ask(&server, ["--choice", "yes,no", "--json"]).stdout(json).ends(code, &[]);
        let server = Server::respond(streamed(&[&text]));
        let run = env.ask(&server, ["--choice", "yes,no", "--json", "--stream"]);
        run.stdout_like("chat.completion.chunk").ends(code, &[]);
    }
}

#[test]
fn a_rehearsal_chooses_the_first_text() {
    let env = Env::new();
    for api in ["chat", "responses"] {
        let run = |case: &str| {
            let case = format!("--rehearse={case}");
            env.xask(["hi", "-q", "--choice", " yes,no", "--api", api, &case])
        };
        run("ok").stdout(" yes\n").success();
        run("length").stdout_like("").fails(9, &["token limit"]);
    }
    let run = env.xask(["hi", "--choice", "yes,no", "--rehearse"]);
    run.stdout("yes\n").stderr(messages::REHEARSED).success();
}
