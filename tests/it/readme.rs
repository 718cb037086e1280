//! README's session and its examples, run as they are printed there.

use serde_json::json;

use crate::support::images::{JPEG, PNG};
use crate::support::{Env, Response, Server, answer, chat, skip};

const README: &str = include_str!("../../README.md");

/// The blocks in a language, in order.
fn blocks(language: &str) -> Vec<&'static str> {
    let fenced = README.split("\n```").skip(1).step_by(2);
    let named = fenced.filter_map(|block| block.split_once('\n'));
    named.filter(|(name, _)| *name == language).map(|(_, text)| text).collect()
}

/// The block of shell commands below a heading.
fn examples(heading: &str) -> &'static str {
    let parts = README.split("\n## ");
    let part = parts.into_iter().find_map(|part| part.strip_prefix(heading));
    let part = part.unwrap_or_else(|| panic!("no part {heading:?}"));
    let block = part.split("\n```sh\n").nth(1).expect("a block of shell commands");
    block.split("\n```").next().expect("it ends")
}

#[test]
fn the_session_runs_as_shown() {
    let [session] = blocks("console")[..] else { panic!("one session") };
    let (commands, output): (Vec<_>, Vec<_>) =
        session.lines().partition(|line| line.starts_with("$ "));
    let commands: Vec<_> = commands.iter().map(|line| &line[2..]).collect();
    let truncated =
        chat::completion_with(json!({"content": "Once upon", "finish_reason": "length"}));
    let server = Server::play([answer("2 + 2 equals 4."), Response::json(200, truncated)]);
    // As on a terminal, which shows both streams.
    let script = format!("{{ {}; }} 2>&1", commands.join("\n"));
    let env = Env::new();
    env.sh(&script).server(&server).stdout(output.join("\n") + "\n").success();
    let [first, second] = &server.requests()[..] else { panic!("two requests") };
    assert_eq!(first.json()["messages"][0]["role"], "system");
    assert_eq!(second.json()["max_completion_tokens"], 5);
}

#[test]
fn the_rehearsal_runs_as_shown() {
    let shown = blocks("text").into_iter().find(|block| block.contains("[rehearsal]"));
    let shown = shown.expect("a rehearsal is shown");
    let run = Env::new().sh("xask --rehearse 'What is 2 + 2?' 2>&1");
    run.stdout(format!("{shown}\n")).success();
}

#[test]
fn the_examples_are_requests() {
    let env = Env::new();
    for (name, bytes) in [
        ("before.png", PNG),
        ("after.png", JPEG),
        ("old.conf", b"a=1\n"),
        ("new.conf", b"a=2\n"),
        ("notes.txt", b"notes\n"),
    ] {
        env.write(name, bytes);
    }
    if !env.sh("git --version").stdout_like("").spawn().finish().status.success() {
        return skip("there is no git");
    }
    let begin = "git -c init.defaultBranch=main init -q && git add old.conf";
    env.sh(begin).env("GIT_CONFIG_GLOBAL", "/dev/null").success();
    let mut tried = 0;
    for heading in ["Examples", "Search"] {
        // A command may continue on the next line.
        for command in examples(heading).replace("\\\n", " ").lines() {
            let run = env.sh(&format!("set -eu; {command}")).env("XASK_REHEARSE", "1");
            let run = run.env("GIT_CONFIG_GLOBAL", "/dev/null").case(command);
            run.stdout_like("").stderr_like("xask: note: rehearsal").success();
            tried += 1;
        }
    }
    assert!(tried >= 5, "{tried} examples");
}
