//! The recipes of docs/recipes.md, each run exactly as it is printed there, with the rehearsal or a record in
//! place of the API.

mod decisions;
mod git;
mod jobs;
mod search;
mod texts;

use std::fs::File;
use std::time::{Duration, SystemTime};

use predicates::prelude::*;
use serde_json::{Value, json};

use crate::support::{Env, Response, Run, Server, chat, escaped, four, skip};

const PAGE: &str = include_str!("../../docs/recipes.md");

/// The shells in which a recipe must work, if they are installed.
const SHELLS: [&str; 2] = ["sh -eu", "bash -euo pipefail"];
const STRICT: &str = SHELLS[1];

/// The recipes, and the tools that each needs.
const RECIPES: [(&str, &[&str]); 28] = [
    ("A Makefile", &["make"]),
    ("Many files, four at a time", &["find", "xargs"]),
    ("Many prompts, four at a time", &["xargs"]),
    ("A line at a time", &[]),
    ("Comparing two files", &[]),
    ("Several images", &[]),
    ("A PDF", &[]),
    ("Text that is not UTF-8", &["iconv"]),
    ("A classifier", &[]),
    ("A gate", &["git"]),
    ("Answers as data", &["jq"]),
    ("A Dockerfile", &[]),
    ("A daily digest of X", &["date"]),
    ("A Makefile target with sources", &["make"]),
    ("A CI job that fails without sources", &["cut"]),
    ("A draft of the commit message", &["git"]),
    ("Scripts under test", &[]),
    ("A job that calls the API", &["git"]),
    ("Retrying with standard input", &[]),
    ("A nightly job with a log", &["jq"]),
    ("Make with deferred answers", &["make"]),
    ("Deferred answers in CI", &["sed"]),
    ("The key from a command", &["bash"]),
    ("A gateway", &[]),
    // Tested by hand: it needs other machines.
    ("Several machines", &["parallel"]),
    ("A conversation", &["jq"]),
    ("The cost of a batch", &["jq"]),
    ("The Batch API", &["jq"]),
];

/// The blocks of a recipe, each with its language.
fn blocks(of: &str) -> Vec<(&'static str, &'static str)> {
    let recipes = PAGE.split("\n## ").find_map(|part| part.strip_prefix("Recipes\n"));
    let recipes = recipes.or_else(|| PAGE.strip_prefix("## Recipes\n")).expect("recipes");
    let mut recipes = recipes.split("\n### ").skip(1);
    let recipe = recipes.find_map(|recipe| recipe.strip_prefix(&format!("{of}\n")));
    let parts = recipe.unwrap_or_else(|| panic!("no recipe {of:?}")).split("\n```");
    let fenced = parts.skip(1).step_by(2);
    fenced.map(|block| block.split_once('\n').expect("a language and a text")).collect()
}

/// The one block of a recipe in a language, with its last line feed.
#[track_caller]
fn block(of: &str, language: &str) -> String {
    let blocks = blocks(of).into_iter();
    let mut texts = blocks.filter(|(name, _)| *name == language).map(|(_, text)| text);
    let (text, more) = (texts.next(), texts.next());
    assert!(more.is_none(), "several blocks of {language} in {of:?}");
    format!("{}\n", text.unwrap_or_else(|| panic!("no block of {language} in {of:?}")))
}

/// Whether this machine has the tools of a recipe; reports it if not.
fn is_available(recipe: &str) -> bool {
    let (_, tools) = RECIPES.iter().find(|(name, _)| *name == recipe).expect("a known recipe");
    tools.iter().all(|tool| has(tool))
}

fn has(tool: &str) -> bool {
    let found = Env::new().sh(&format!("command -v {tool} >/dev/null")).spawn().finish();
    if !found.status.success() {
        skip(&format!("there is no {tool}"));
    }
    found.status.success()
}

/// The shells that are installed.
fn shells() -> impl Iterator<Item = &'static str> {
    let name = |shell: &'static str| shell.split(' ').next().expect("a name");
    SHELLS.into_iter().filter(move |shell| has(name(shell)))
}

/// Tests a recipe in each of them, in a folder of its own, if this machine has its tools.
fn in_every_shell(recipe: &str, test: impl Fn(&Env, &str)) {
    if is_available(recipe) {
        shells().for_each(|shell| test(&Env::new(), shell));
    }
}

/// A script in a shell, rehearsed. The note of the rehearsal on stderr is expected.
fn run(env: &Env, shell: &str, script: &str) -> Run {
    env.write("recipe", script);
    let run = env.sh(&format!("exec {shell} ./recipe")).env("XASK_REHEARSE", "1");
    let notes = r"\A(xask: note: rehearsal: no request was sent\n)*\z";
    run.stderr_like(predicate::str::is_match(notes).expect("a pattern"))
}

/// The same for a script that fails.
fn run_failing(env: &Env, shell: &str, script: &str, case: &str) -> Run {
    env.write("recipe", script);
    env.sh(&format!("exec {shell} ./recipe")).env("XASK_REHEARSE", case).stderr_like("")
}

fn text(env: &Env, name: &str) -> String {
    String::from_utf8(env.read(name)).expect("text")
}

#[test]
fn every_recipe_is_tested() {
    let recipes = PAGE.split("## Recipes\n").nth(1).expect("recipes");
    let recipes = recipes.split("\n## ").next().expect("what comes before the next part");
    let titles: Vec<_> = recipes.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let known: Vec<_> = RECIPES.iter().map(|(title, _)| *title).collect();
    assert_eq!(titles, known);
    let fences = recipes.lines().filter(|line| line.starts_with("```")).count();
    let blocks: usize = titles.iter().map(|title| blocks(title).len()).sum();
    assert_eq!(fences, 2 * blocks, "a block outside of a recipe, or one that does not end");
}

#[test]
fn shellcheck_finds_no_fault_in_the_scripts() {
    if !has("shellcheck") {
        return;
    }
    let env = Env::new();
    for (title, _) in RECIPES {
        for (_, script) in blocks(title).into_iter().filter(|(language, _)| *language == "sh") {
            env.write("recipe", format!("{script}\n"));
            for shell in ["sh", "bash"] {
                env.sh(&format!("shellcheck --norc -s {shell} recipe")).success();
            }
        }
    }
}

#[test]
fn a_makefile_builds_whole_targets_or_none_and_only_changed_ones() {
    let recipe = "A Makefile";
    if !is_available(recipe) {
        return;
    }
    let env = Env::new();
    env.write("Makefile", block(recipe, "make"));
    env.write("style.txt", "Be brief.\n");
    for name in ["a", "b", "c", "d", "e"] {
        env.write(format!("notes/{name}.md"), format!("Note {name}.\n"));
    }
    let make = |case: &str| env.sh("make -j4").env("XASK_REHEARSE", case).stderr_like("");
    let all = "notes/a.txt notes/b.txt notes/c.txt notes/d.txt notes/e.txt overview.txt";
    let targets = || {
        let names = all.split(' ').filter(|name| env.path(name).exists());
        names.collect::<Vec<_>>().join(" ")
    };

    make("length").stdout_like("This answer is truncated").code(2);
    assert_eq!(targets(), "", "half a target");
    make("1").stdout_like("-o notes/a.txt").success();
    assert_eq!(targets(), all);
    let summary = |name| {
        format!(
            "[rehearsal]\nmodel: grok-4\nsystem: Be brief.\nuser: Summarise this:\n\nNote {name}.\n"
        )
    };
    assert_eq!(text(&env, "notes/a.txt"), summary("a"));
    let overview = text(&env, "overview.txt");
    assert!(overview.contains(&summary("a")) && overview.contains(&summary("e")), "{overview}");
    // Nothing is sent: it would fail.
    make("500").stdout("make: 'overview.txt' is up to date.\n").success();

    let later = SystemTime::now() + Duration::from_mins(1);
    let note = File::options().append(true).open(env.path("notes/b.md")).expect("it is there");
    note.set_modified(later).expect("it is ours");
    let old = text(&env, "notes/b.txt");
    make("refused").stdout_like("I cannot help").code(2);
    assert_eq!(text(&env, "notes/b.txt"), old);
    let not_c = predicate::str::contains("-o notes/c.txt").not();
    let run = make("1").stdout_like("-o notes/b.txt").stdout_like("-o overview.txt");
    run.stdout_like(not_c).success();
}

#[test]
fn files_of_any_name_are_each_summarised_once() {
    let recipe = "Many files, four at a time";
    let names = ["a.md", "b c.md", "deeper/it's \"d\".md", "$HOME `e`.md", "new\nline.md"];
    in_every_shell(recipe, |env, shell| {
        for name in names {
            env.write(format!("notes/{name}"), format!("Note {name}\n"));
        }
        let bad = run_failing(env, shell, &block(recipe, "sh"), "429");
        bad.code(123);
        let summary = |name| env.path(format!("notes/{name}.summary"));
        assert!(names.iter().all(|name| !summary(name).exists()));
        run(env, shell, &block(recipe, "sh")).success();
        for name in names {
            let expected =
                format!("[rehearsal]\nmodel: grok-4\nuser: Summarise this:\n\nNote {name}\n");
            assert_eq!(text(env, &format!("notes/{name}.summary")), expected);
        }
    });
}

#[test]
fn each_line_is_sent_unchanged_as_a_prompt() {
    let recipe = "A line at a time";
    let phrases = ["good day", "--help", "-", "  spaced  ", "$HOME `id` \\n \"x\"", "last"];
    in_every_shell(recipe, |env, shell| {
        env.write("phrases.txt", phrases.join("\n") + "\n");
        run(env, shell, &block(recipe, "sh")).success();
        let row = |phrase: &&str| {
            format!("{phrase}\t[rehearsal]\nmodel: grok-4\nuser: Translate into French: {phrase}\n")
        };
        let rows: String = phrases.iter().map(row).collect();
        assert_eq!(escaped(&env.read("phrases.tsv")), escaped(rows.as_bytes()));
        run_failing(env, shell, &block(recipe, "sh"), "401").code(3);
        assert_eq!(text(env, "phrases.tsv"), "");
    });
}

#[test]
fn a_job_without_a_network_uses_recorded_answers() {
    let job = block("Scripts under test", "yaml");
    let value = |key: &str| {
        let mut values = job.lines().filter_map(|line| line.trim().strip_prefix(key));
        values.next().unwrap_or_else(|| panic!("no {key}")).trim().to_owned()
    };
    let env = Env::new();
    env.write("tests/run.sh", "answer=$(xask 'What is 2 + 2?')\ntest \"$answer\" = Four.\n");
    let step = |offline: bool| {
        let run = env.sh(&value("- run:")).env("XASK_CACHE", value("XASK_CACHE:"));
        if offline { run.env("XASK_OFFLINE", value("XASK_OFFLINE:")) } else { run }
    };
    step(true).fails(1, &["no cached answer in tests/answers"]);
    let server = Server::respond(four());
    step(false).server(&server).success();
    step(true).success();
}

#[test]
fn answers_become_rows_of_a_table() {
    let recipe = "Answers as data";
    let [(_, json), (_, schema), (_, table)] = blocks(recipe)[..] else {
        panic!("not the three blocks that are tried here")
    };
    in_every_shell(recipe, |env, shell| {
        let answer = "[rehearsal]\nmodel: grok-4\nuser: Name three rivers.\ngrok-4: 0 tokens\n";
        run(env, shell, json).stdout(answer).success();
        env.write("bug.json", schema);
        for name in ["a.txt", "b c.txt"] {
            env.write(format!("reports/{name}"), "It does not work.\n");
        }
        run(env, shell, table).success();
        assert_eq!(text(env, "bugs.tsv"), "reports/a.txt\tlow\ttext\nreports/b c.txt\tlow\ttext\n");
        if shell == STRICT {
            run_failing(env, shell, json, "403").code(3);
            run_failing(env, shell, table, "500").code(8);
        }
    });
}

#[test]
fn a_conversation_is_continued_and_printed_unchanged() {
    let recipe = "A conversation";
    in_every_shell(recipe, |env, shell| {
        run(env, shell, &block(recipe, "sh")).stdout_like("Show me one in C.\n").success();
        let lesson = text(env, "lesson.jsonl");
        let roles: Vec<Value> = lesson
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("a message")["role"].take())
            .collect();
        assert_eq!(json!(roles), json!(["system", "user", "assistant", "user", "assistant"]));
        let transcript = text(env, "lesson.txt");
        assert!(transcript.starts_with(
            "system: You are a patient teacher.\nuser: What is a pointer?\nassistant: "
        ));
        run_failing(env, shell, &block(recipe, "sh"), "refused").stdout_like("").code(9);
        assert_eq!(text(env, "lesson.jsonl"), lesson);
    });
}

#[test]
fn the_cost_of_a_batch_is_the_sum_of_its_answers() {
    let recipe = "The cost of a batch";
    in_every_shell(recipe, |env, shell| {
        for name in ["a", "b c", "d"] {
            env.write(format!("notes/{name}.md"), format!("Note {name}.\n"));
        }
        let free = chat::completion_with(json!({"usage": {"total_tokens": 1}}));
        let responses = [chat::completion("One."), chat::completion("Two."), free];
        let server = Server::play(responses.map(|response| Response::json(200, response)));
        let run = || {
            let run = run(env, shell, &block(recipe, "sh")).env("XASK_REHEARSE", "");
            run.env("XASK_CACHE", "answers").stdout("0.00154 USD\n")
        };
        run().server(&server).success();
        run().env("XASK_OFFLINE", "1").success();
        assert_eq!(text(env, "notes/b c.md.json"), chat::completion("Two.") + "\n");
    });
}

#[test]
fn a_batch_has_one_request_per_line() {
    let recipe = "The Batch API";
    in_every_shell(recipe, |env, shell| {
        for name in ["a", "b \"c\""] {
            env.write(format!("notes/{name}.md"), format!("Note\n{name}.\n"));
        }
        run(env, shell, &block(recipe, "sh")).success();
        let line = |name: &str| {
            let content = format!("Summarise this:\n\nNote\n{name}.");
            let body =
                json!({"model": "grok-4", "messages": [{"role": "user", "content": content}]});
            let id = format!("notes/{name}.md");
            json!({"custom_id": id, "method": "POST", "url": "/v1/chat/completions", "body": body})
        };
        let batch = text(env, "batch.jsonl");
        let lines: Vec<Value> =
            batch.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
        assert_eq!(lines, [line("a"), line("b \"c\"")]);
    });
}
