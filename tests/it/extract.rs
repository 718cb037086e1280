//! `--extract`: the first fenced code block of the answer, and nothing else.

use serde_json::{Value, json};

use crate::support::responses::whole_answer;
use crate::support::{Env, ID, Response, Server, Tty, answer, chat};

/// Answers, and the block in them.
const BLOCKS: [(&str, &str); 22] = [
    ("```\na\n```", "a\n"),
    ("```\na\n```\n", "a\n"),
    (
        "Here it is:\n\n```sh\necho a\n\n\techo b  \n```\n\nEnjoy.\n\n```\nno\n```\n",
        "echo a\n\n\techo b  \n",
    ),
    ("~~~ruby startline=3\ndef a\n~~~", "def a\n"),
    // A fence is as long as it began, or longer, of the same character, with nothing behind it.
    ("````\n```\na\n```\n````", "```\na\n```\n"),
    ("```\na\n``````\n", "a\n"),
    ("```\n~~~\na\n```", "~~~\na\n"),
    ("~~~\n```\na\n~~~  \t\n", "```\na\n"),
    ("```\na\n``` b\n```", "a\n``` b\n"),
    ("```\na\n``\n```", "a\n``\n"),
    // The text after the backticks contains none, or it is inline code.
    ("```a`b\n\n```\nc\n```", "c\n"),
    ("~~~ a`b ~~~\nc\n~~~", "c\n"),
    // Up to three blanks before it, which are removed from each line.
    ("  ```\n  a\n b\n    c\n  ```", "a\nb\n  c\n"),
    ("   ```\na\n```\n", "a\n"),
    ("```\na\n   ```\nb", "a\n"),
    ("```\na\n    ```\n```", "a\n    ```\n"),
    // In a list.
    ("- one:\n\n  ```py\n  a = 1\n\n    b\n  ```\n- two", "a = 1\n\n  b\n"),
    ("1. one:\n   ```\n   a\n   ```", "a\n"),
    // Line ends are kept.
    ("```\r\na\r\nb\r\n```\r\n", "a\r\nb\r\n"),
    // Not inline code: a fence may directly follow a paragraph.
    ("See:\n```\na\n```", "a\n"),
    ("``` \u{e9}\n\u{1f600}\n```", "\u{1f600}\n"),
    ("```\n\na\n\n```", "\na\n\n"),
];

#[test]
fn the_first_block_is_printed_byte_for_byte() {
    let env = Env::new();
    for (text, block) in BLOCKS {
        for flag in ["-x", "--extract"] {
            let server = Server::respond(answer(text));
            env.ask(&server, [flag]).case(text).stdout(block).success();
        }
        let server = Server::respond(whole_answer(text));
        let run = env.ask(&server, ["-x", "-o", "out", "--api", "responses"]);
        run.case(text).success();
        assert_eq!(env.read("out"), block.as_bytes(), "{text:?}");
    }
}

#[test]
fn without_a_closed_block_the_whole_text_is_printed() {
    let env = Env::new();
    for text in [
        "Four.",
        "```\na",
        "```\na\n~~~",
        "````\na\n```",
        "```\na\n``` b",
        "`a`",
        "``\na\n``",
        "```a```",
        // Indented code is not fenced.
        "    ```\n    a\n    ```",
        // Blank blocks.
        "```\n```",
        "```\n\n \t\n```",
        "~~~\n~~~\n",
    ] {
        let server = Server::respond(answer(text));
        let printed = if text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") };
        env.write("out", "old");
        let run = env.ask(&server, ["-x", "-o", "out"]).case(text);
        run.stdout(printed).fails(9, &["code block"]);
        assert_eq!(env.read("out"), b"old");
    }
}

#[test]
fn an_unusable_answer_is_printed_whole_for_any_reason() {
    let env = Env::new();
    let text = "Here:\n```\na\n```\nand mo";
    for (overrides, word) in [
        (json!({"finish_reason": "length"}), "token limit"),
        (json!({"finish_reason": "content_filter"}), "filter"),
        (json!({"finish_reason": "bored"}), "bored"),
    ] {
        let mut overrides = overrides;
        overrides["content"] = text.into();
        let server = Server::respond(Response::json(200, chat::completion_with(overrides)));
        env.ask(&server, ["-x"]).stdout(format!("{text}\n")).fails(9, &[word]);
    }
    let refusal = json!({"content": null, "refusal": "I will not:\n```\na\n```"});
    let server = Server::respond(Response::json(200, chat::completion_with(refusal)));
    env.ask(&server, ["-x"]).stdout("I will not:\n```\na\n```\n").fails(9, &["refus"]);
}

#[test]
fn the_error_says_which_response_has_no_code_block() {
    let env = Env::new();
    let server = Server::respond(answer("Four.").with_id());
    let error = format!("xask: error: the answer has no code block (x-request-id {ID})\n");
    env.ask(&server, ["-x"]).stdout("Four.\n").stderr(error).code(9);
}

#[test]
fn conversation_and_cache_get_the_whole_answer() {
    let env = Env::new();
    let text = "Here:\n```\na\n```\n";
    let server = Server::respond(answer(text));
    let run = || env.ask(&server, ["--cache", "answers"]);
    run().args(["-x", "-c", "talk"]).stdout("a\n").success();
    let talk = String::from_utf8(env.read("talk")).expect("text");
    let last: Value = serde_json::from_str(talk.lines().last().expect("a line")).expect("JSON");
    assert_eq!(last["content"], text);
    run().args(["--offline"]).stdout(text).success();
    run().args(["--offline", "-x"]).stdout("a\n").success();
}

#[test]
fn a_recorded_answer_without_a_block_counts_as_not_recorded() {
    let env = Env::new();
    let server = Server::play([answer("Four."), answer("```\na\n```")]);
    let run = || env.ask(&server, ["--cache", "answers"]);
    run().stdout("Four.\n").success();
    // Offline, the error is that there is no block.
    run().args(["-x", "--offline"]).stdout("Four.\n").fails(9, &["code block"]);
    run().args(["--offline"]).stdout("Four.\n").success();
    // With a network, the answer is requested again.
    run().args(["-x"]).stdout("a\n").stderr_like("").success();
    run().args(["-x", "--offline"]).stdout("a\n").success();
}

#[test]
fn extract_excludes_options_without_a_block() {
    let (env, never) = (Env::new(), Server::never());
    env.write("s.json", "{}");
    for (args, words) in [
        (&["-x", "--json"][..], &["--extract", "--json"][..]),
        (&["-x", "--schema", "s.json"], &["--extract", "--schema"]),
        (&["-x", "--stream"], &["--extract", "--stream"]),
        (&["-x", "--choice", "a,b"], &["--extract", "--choice"]),
    ] {
        env.xask(["hi"].iter().chain(args)).server(&never).refused(2, words);
    }
    env.rehearse(["-x", "--no-stream", "hi"]).stdout_like("").success();
}

#[test]
fn a_block_is_not_streamed_to_a_terminal_and_is_sanitized() {
    let env = Env::new();
    let server = Server::respond(answer("```\n\u{1b}[2J\n```"));
    env.ask(&server, ["-x"]).tty(Tty::Stdout).on_tty("\\x1b[2J\n").success();
    assert_eq!(server.request().json().get("stream"), None);
}

#[test]
fn a_rehearsal_answers_with_a_block() {
    let env = Env::new();
    for api in ["chat", "responses"] {
        let run = |case: &str| {
            let case = format!("--rehearse={case}");
            env.xask(["hi", "-q", "-x", "--api", api, &case])
        };
        run("ok").stdout("[rehearsal]\nmodel: grok-4\nuser: hi\n").success();
        run("length").stdout_like("").fails(9, &["token limit"]);
        run("refused").stdout_like("").fails(9, &["refused"]);
    }
    // A prompt cannot end the block.
    env.rehearse(["-x", "a\n```\nb\n````"]).stdout_like("b\n````\n").success();
}
