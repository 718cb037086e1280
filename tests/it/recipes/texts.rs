//! The recipes for prompts of many kinds: files, images, encodings.

use super::{block, in_every_shell, run, run_failing, text};
use crate::support::images::png;
use crate::support::{Env, messages};

#[test]
fn prompts_are_sent_in_parallel_and_answers_stay_whole() {
    let recipe = "Many prompts, four at a time";
    in_every_shell(recipe, |env, shell| {
        let output = run(env, shell, &block(recipe, "sh")).stdout_like("").success();
        let answers = String::from_utf8(output.stdout).expect("text");
        let mut prompts: Vec<_> = answers
            .split("[rehearsal]\nmodel: grok-4\nuser: ")
            .skip(1)
            .map(str::trim_end)
            .collect();
        prompts.sort_unstable();
        assert_eq!(prompts, ["Name a lake.", "Name a river.", "Name a sea."]);
    });
}

#[test]
fn two_files_are_compared_by_name() {
    let recipe = "Comparing two files";
    in_every_shell(recipe, |env, shell| {
        env.write("old.conf", "a=1\n");
        env.write("new.conf", "a=2\n");
        let run = run(env, shell, &block(recipe, "sh"));
        run.stdout_like("<file name=\"old.conf\">\na=1\n</file>")
            .stdout_like("<file name=\"new.conf\">\na=2\n</file>")
            .success();
    });
}

#[test]
fn slides_of_any_name_are_sent_in_order() {
    let recipe = "Several images";
    in_every_shell(recipe, |env, shell| {
        for (name, len) in [("1.png", 101), ("2 b.png", 102), ("3 'c'.png", 103)] {
            env.write(format!("slides/{name}"), png(len));
        }
        run(env, shell, &block(recipe, "sh")).success();
        let expected = "[rehearsal]\nmodel: grok-4\nuser: Summarise this talk: [image/png, 101 bytes] \
                        [image/png, 102 bytes] [image/png, 103 bytes]\n";
        assert_eq!(text(env, "slides.txt"), expected);
        run_failing(env, shell, &block(recipe, "sh"), "length").stdout_like("").code(9);
        assert_eq!(text(env, "slides.txt"), expected);
    });
}

/// Puts a program of this name, with these lines, first in `PATH`.
fn program(env: &Env, name: &str, lines: &str) -> String {
    env.write(format!("bin/{name}"), format!("#!/bin/sh\n{lines}\n"));
    env.set_mode(format!("bin/{name}"), 0o755);
    "PATH=$PWD/bin:$PATH\n".to_owned()
}

#[test]
fn a_pdf_is_sent_as_text_and_one_without_text_is_not_sent() {
    let recipe = "A PDF";
    in_every_shell(recipe, |env, shell| {
        let path = program(env, "pdftotext", "echo \"$*: a report\"");
        run(env, shell, &(path.clone() + &block(recipe, "sh"))).success();
        assert!(text(env, "report.txt").ends_with("report.pdf -: a report\n"));
        // It prints nothing if it fails, and then nothing is sent.
        program(env, "pdftotext", "exit 1");
        env.write("recipe", path + &block(recipe, "sh"));
        let failed = env.sh(&format!("exec {shell} ./recipe")).env("XASK_REHEARSE", "1");
        failed.stderr_like(messages::error("standard input is empty")).code(2);
    });
}

#[test]
fn bytes_that_are_not_utf_8_are_replaced_or_converted() {
    let recipe = "Text that is not UTF-8";
    in_every_shell(recipe, |env, shell| {
        env.write("app.log", [b"\xa9 ".to_vec(), "line\n".repeat(10).into_bytes()].concat());
        env.write("letter.txt", b"caf\xe9\n");
        run(env, shell, &block(recipe, "sh")).success();
        assert!(text(env, "diagnosis.txt").contains("\u{fffd} line\n"));
        assert!(text(env, "summary.txt").ends_with("caf\u{e9}\n"));
    });
}
