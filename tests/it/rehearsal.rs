//! `--rehearse` and `XASK_REHEARSE`: the whole program but the network, scenario by scenario.

use predicates::prelude::*;

use crate::support::images::{JPEG, png};
use crate::support::{Env, Run, Server, Tty, four, messages};

/// A scenario: its name, its exit status, and a part of its message.
const SCENARIOS: [(&str, i32, &str); 12] = [
    ("ok", 0, ""),
    ("length", 9, "token limit"),
    ("filtered", 9, "content filter"),
    ("refused", 9, "refused"),
    ("empty", 9, "empty"),
    ("tools", 9, "tool call"),
    ("cut", 7, "incomplete"),
    ("401", 3, "HTTP 401"),
    ("403", 3, "HTTP 403"),
    ("429", 5, "HTTP 429"),
    ("500", 8, "HTTP 500"),
    ("offline", 6, "offline"),
];

/// Whether the scenario has the text of an answer, usable or not.
fn has_text(case: &str) -> bool {
    ["ok", "length", "filtered", "refused"].contains(&case)
}

/// A run with everything that a rehearsal does not use: a base URL that must not be reached, an invalid
/// key, files that are missing.
fn with_unusable_settings(env: &Env, never: &Server, args: &[&str]) -> Run {
    let run = env.xask(args).env("XAI_BASE_URL", format!("https://{}/v1", never.addr()));
    run.key("not\na key").env("XAI_API_KEY_FILE", "missing").env("SSL_CERT_FILE", "missing")
}

#[test]
fn every_scenario_has_its_outcome_by_flag_and_by_variable() {
    let (env, never) = (Env::new(), Server::never());
    for (case, code, word) in SCENARIOS {
        let flag = format!("--rehearse={case}");
        let by_flag = with_unusable_settings(&env, &never, &["-q", &flag, "What is 2 + 2?"]);
        let by_variable = with_unusable_settings(&env, &never, &["-q", "What is 2 + 2?"])
            .env("XASK_REHEARSE", case);
        for run in [by_flag, by_variable] {
            let pattern = if has_text(case) { "(?s)^.*[a-z].*\n$" } else { "^$" };
            let run =
                run.case(case).stdout_like(predicate::str::is_match(pattern).expect("a pattern"));
            run.ends(code, &[word]);
        }
    }
    // Nothing was written anywhere.
    assert!(env.names().is_empty(), "{:?}", env.names());
}

#[test]
fn every_scenario_has_its_outcome_as_a_stream_too() {
    let env = Env::new();
    for (case, code, word) in SCENARIOS {
        let flag = format!("--rehearse={case}");
        let run = env.xask(["-q", "--stream", &flag, "What is 2 + 2?"]).case(case);
        let pattern = match case {
            // The text before the interruption is printed already.
            "cut" => "^This answer [a-z ]+$",
            _ if has_text(case) => "(?s)^.*[a-z].*\n$",
            _ => "^$",
        };
        let run = run.stdout_like(predicate::str::is_match(pattern).expect("a pattern"));
        run.ends(code, &[word]);
    }
}

#[test]
fn one_note_says_that_no_request_was_sent() {
    let env = Env::new();
    let ok = "[rehearsal]\nmodel: grok-4\nuser: hi\n";
    env.xask(["--rehearse", "hi"]).stdout(ok).stderr(messages::REHEARSED).success();
    env.xask(["hi"]).env("XASK_REHEARSE", "ok").stdout(ok).stderr(messages::REHEARSED).success();
    for (case, code, word) in SCENARIOS.into_iter().skip(1) {
        let run = env.xask([&format!("--rehearse={case}"), "hi"]).case(case).stdout_like("");
        let output = run.stderr_like(word).code(code);
        assert!(output.notes().starts_with(messages::REHEARSED), "{}", output.notes());
        assert_eq!(output.notes().matches("rehearsal:").count(), 1, "{}", output.notes());
    }
    env.xask(["--rehearse", "--quiet", "hi"]).stdout(ok).success();
    env.xask(["--rehearse", "hi"])
        .tty(Tty::Stderr)
        .stdout(ok)
        .on_tty(messages::REHEARSED)
        .success();
}

#[test]
fn the_flag_needs_no_scenario_and_takes_it_only_after_an_equals_sign() {
    let env = Env::new();
    let is_ok = |args: &[&str], words: &str| {
        let stdout = format!("[rehearsal]\nmodel: grok-4\nuser: {words}\n");
        env.xask(["-q"].iter().chain(args)).stdout(stdout).success();
    };
    is_ok(&["--rehearse", "cut"], "cut");
    is_ok(&["hi", "--rehearse"], "hi");
    is_ok(&["--rehearse", "--", "--rehearse=cut"], "--rehearse=cut");
    is_ok(&["--rehearse=ok", "500"], "500");
    // Like the variable.
    is_ok(&["--rehearse=1", "hi"], "hi");
}

#[test]
fn the_variable_may_be_on_or_off() {
    let env = Env::new();
    for (on, code) in [("1", 0), ("ok", 0), ("true", 0), ("Yes", 0), ("ON", 0), ("offline", 6)] {
        let run = env.xask(["-q", "hi"]).env("XASK_REHEARSE", on).case(on).stdout_like("");
        run.stderr_like("").code(code);
    }
    for off in ["", "0", "false", "No", "OFF"] {
        let server = Server::respond(four());
        env.ask(&server, []).env("XASK_REHEARSE", off).stdout("Four.\n").success();
    }
    // The flag takes precedence over any value of the variable.
    for beside in ["", "0", "1", "ok", "500", "no-such-case"] {
        let run = env.xask(["--rehearse=offline", "hi"]).env("XASK_REHEARSE", beside);
        run.case(beside).stderr_like(messages::REHEARSED).stderr_like("offline").code(6);
    }
}

#[test]
fn an_unknown_scenario_is_a_usage_error_and_nothing_is_sent() {
    let (env, never) = (Env::new(), Server::never());
    for case in ["no-such-case", "OK", "Cut", "404", "y", " ok", "00", "ok,cut", "\u{1b}[2J"] {
        let names = ["filtered", "offline"];
        let flag = format!("--rehearse={case}");
        env.ask(&never, [&*flag]).case(case).fails(2, &["--rehearse", names[0], names[1]]);
        let run = env.ask(&never, []).env("XASK_REHEARSE", case);
        run.case(case).fails(2, &["XASK_REHEARSE", names[0], names[1]]);
    }
    for flag in ["--rehearse=", "--rehearse=0"] {
        env.ask(&never, [flag]).fails(2, &["--rehearse"]);
    }
}

#[test]
fn the_answer_describes_the_request() {
    let env = Env::new();
    env.write("a.png", png(1234));
    env.write("b.jpg", JPEG);
    env.write("notes.txt", "two\nlines\n");
    for (args, shown) in [
        (&["What", "is", "2 + 2?"][..], "[rehearsal]\nmodel: grok-4\nuser: What is 2 + 2?\n"),
        (&["-m", "grok-5", "hi"], "[rehearsal]\nmodel: grok-5\nuser: hi\n"),
        (
            &["hi", "--system", "Be brief."],
            "[rehearsal]\nmodel: grok-4\nsystem: Be brief.\nuser: hi\n",
        ),
        (
            &["hi", "--developer", "Be brief."],
            "[rehearsal]\nmodel: grok-4\ndeveloper: Be brief.\nuser: hi\n",
        ),
        (&["hi", "--developer", "a\nb"], "[rehearsal]\nmodel: grok-4\ndeveloper: a\nb\nuser: hi\n"),
        // The text of the request is text in the response, not JSON.
        (&["\"}\\ \t\u{2028}é"], "[rehearsal]\nmodel: grok-4\nuser: \"}\\ \t\u{2028}é\n"),
        (
            &["Sum", "--file", "notes.txt", "up"],
            "[rehearsal]\nmodel: grok-4\nuser: Sum\n\ntwo\nlines\n\nup\n",
        ),
        (
            &["before", "-i", "a.png", "after", "-i", "b.jpg", "?", "-d", "high"],
            concat!(
                "[rehearsal]\nmodel: grok-4\nuser: before [image/png, 1234 bytes, detail high] ",
                "after [image/jpeg, 4 bytes, detail high] ?\n"
            ),
        ),
        (
            &[
                "-i",
                "https://example.org/c.png?d=e#f",
                "-i",
                "data:image/png;base64,iVBORw0KGgo=",
                "what",
            ],
            "[rehearsal]\nmodel: grok-4\nuser: https://example.org/c.png?d=e#f [image/png, 8 bytes] what\n",
        ),
        (
            &["-t", "1", "--seed", "7", "-p", "user=me", "hi"],
            "[rehearsal]\nmodel: grok-4\nuser: hi\n",
        ),
    ] {
        // The same every time, and by every way of printing it.
        for flags in [&[][..], &["--stream"], &["--no-stream"]] {
            let args = ["-q", "--rehearse"].iter().chain(flags).chain(args);
            env.xask(args).stdout(shown).success();
        }
        env.xask(["-q", "--rehearse"].iter().chain(args)).tty(Tty::Stdout).on_tty(shown).success();
    }
    env.xask(["-q", "--rehearse"])
        .stdin("from a pipe\n")
        .stdout("[rehearsal]\nmodel: grok-4\nuser: from a pipe\n")
        .success();
    let run = env.sh("printf 'from a pipe' | xask -q --rehearse Summarise: -");
    run.stdout("[rehearsal]\nmodel: grok-4\nuser: Summarise:\n\nfrom a pipe\n").success();
}

#[test]
fn the_answer_describes_each_earlier_message_on_a_line() {
    let env = Env::new();
    let image =
        r#"{"type":"image_url","image_url":{"url":"https://a.example/b.png","detail":"low"}}"#;
    let earlier = [
        r#"{"role":"system","content":"Be brief.","name":"me"}"#.to_owned(),
        format!(r#"{{"role":"user","content":[{{"type":"text","text":"See"}},{image}]}}"#),
        r#"{"role":"assistant","content":"Seven."}"#.to_owned(),
        r#"{"role":"tool","tool_call_id":"1","content":"two\nlines"}"#.to_owned(),
    ];
    env.write("earlier", earlier.join("\n"));
    let shown = "[rehearsal]\nmodel: grok-4\nsystem: Be brief.\nuser: See https://a.example/b.png\n\
                assistant: Seven.\ntool: two\nlines\nuser: And?\n";
    for flag in ["-c", "--messages"] {
        let run = env.xask(["-q", "--rehearse", flag, "earlier", "And?"]).case(flag);
        run.stdout(shown).success();
        env.write("earlier", earlier.join("\n"));
    }
}

#[test]
fn the_simulated_response_has_the_wire_format_of_the_api() {
    let env = Env::new();
    let output = env
        .xask(["--rehearse", "-qj", "--usage", "hi"])
        .stdout_like("")
        .stderr_like("xask: usage: ")
        .success();
    let json = output.json();
    let choice = &json["choices"][0];
    assert_eq!(json["object"], "chat.completion");
    assert_eq!(json["model"], "grok-4");
    assert_eq!(choice["message"]["role"], "assistant");
    assert_eq!(choice["message"]["content"], "[rehearsal]\nmodel: grok-4\nuser: hi");
    assert_eq!(choice["finish_reason"], "stop");
    assert_eq!(json["usage"]["cost_in_usd_ticks"], 0);
    assert!(output.notes().contains("cost_usd=0"), "{}", output.notes());

    let output =
        env.xask(["--rehearse=tools", "-qj", "hi"]).stdout_like("").stderr_like("").code(9);
    let choice = &output.json()["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    let message = &choice["message"];
    assert!(
        message["content"].is_null() && message["tool_calls"][0]["function"]["name"].is_string()
    );
    let output =
        env.xask(["--rehearse=refused", "-qj", "hi"]).stdout_like("").stderr_like("").code(9);
    let message = &output.json()["choices"][0]["message"];
    assert!(message["content"].is_null() && message["refusal"].is_string());
    // As from the API: an error, or a part of a response, never reaches stdout.
    for (case, code) in [("401", 3), ("429", 5), ("500", 8), ("cut", 7), ("offline", 6)] {
        env.xask([&format!("--rehearse={case}"), "-qj", "hi"]).fails(code, &[]);
    }
}

#[test]
fn arguments_and_inputs_are_checked_as_for_a_real_request() {
    let env = Env::new();
    for (args, word) in [
        (&["--file", "missing"][..], "missing"),
        (&["--image", "missing.png"], "missing.png"),
        (&[" "], "prompt"),
        (&["--temperature", "3", "hi"], "--temperature"),
        (&["--param", "model=x", "hi"], "--param"),
        (&["--base-url", "nowhere", "hi"], "base URL"),
        (&["--system", " ", "hi"], "--system"),
    ] {
        env.xask(["-q", "--rehearse=500"].iter().chain(args)).case(args).fails(2, &[word]);
    }
}

#[test]
fn a_dry_run_takes_precedence_over_a_rehearsal() {
    let (env, never) = (Env::new(), Server::never());
    let body = "{\"model\":\"grok-4\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}\n";
    with_unusable_settings(&env, &never, &["--dry-run", "--rehearse=500", "hi"])
        .stdout(body)
        .success();
    let run =
        with_unusable_settings(&env, &never, &["--dry-run", "hi"]).env("XASK_REHEARSE", "cut");
    run.stdout(body).success();
    // Its mistakes are still errors.
    with_unusable_settings(&env, &never, &["--dry-run", "--rehearse=no-such-case", "hi"])
        .fails(2, &["--rehearse"]);
}

#[test]
fn a_rehearsal_takes_precedence_over_offline() {
    let env = Env::new();
    let answer = "[rehearsal]\nmodel: grok-4\nuser: hi\n";
    env.xask(["-q", "--offline", "--rehearse", "hi"]).stdout(answer).success();
    let run = env.xask(["-q", "hi"]).env("XASK_OFFLINE", "1").env("XASK_REHEARSE", "1");
    run.stdout(answer).success();
    env.xask(["-q", "--offline", "--rehearse=429", "hi"]).fails(5, &["HTTP 429"]);
}

#[test]
fn every_branch_of_a_script_can_be_tried() {
    let script =
        "for case in ok length filtered refused empty tools cut 401 403 429 500 offline; do
        xask -q --rehearse=$case hi >/dev/null 2>&1; printf '%s ' $?; done";
    Env::new().sh(script).stdout("0 9 9 9 9 9 7 3 3 5 8 6 ").success();
}

#[test]
fn a_rehearsal_never_waits_to_retry() {
    // With a real API these would be retried after a pause; here nothing is retried.
    for (case, code) in [("429", 5), ("500", 8), ("offline", 6), ("cut", 7)] {
        let args = [&*format!("--rehearse={case}"), "--retries=1000000", "--retry-lost", "hi"];
        let output = Env::new().xask(args).stderr_like(messages::REHEARSED).code(code);
        assert!(!output.notes().contains("; retry "), "{}", output.notes());
    }
}

#[test]
fn a_simulated_answer_is_the_same_streamed_and_whole() {
    for (case, code) in
        [("ok", 0), ("length", 9), ("filtered", 9), ("refused", 9), ("empty", 9), ("tools", 9)]
    {
        let case = format!("--rehearse={case}");
        let run = |flag: &str| Env::new().xask([&*case, flag, "What is 2 + 2?"]);
        let whole = run("--no-stream").stdout_like("").stderr_like("rehearsal").code(code);
        let streamed = run("--stream").stdout(whole.stdout).stderr_like("rehearsal").code(code);
        assert_eq!(whole.stderr, streamed.stderr, "{case}");
    }
    for (flag, printed) in [("--no-stream", ""), ("--stream", "This answer")] {
        let run = Env::new().xask(["--rehearse=cut", flag, "hi"]).stdout_like(printed);
        run.stderr_like("incomplete").code(7);
    }
}
