//! The recipes for a repository: a hook, and a job.

use std::fs;

use super::{block, in_every_shell, is_available, text};
use crate::support::{Env, Run, messages};

/// A repository in the folder, and git without the user's settings.
fn git(env: &Env, script: &str) -> Run {
    let run = env.sh(script);
    [
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_AUTHOR_NAME", "A"),
        ("GIT_AUTHOR_EMAIL", "a@example.com"),
        ("GIT_COMMITTER_NAME", "A"),
        ("GIT_COMMITTER_EMAIL", "a@example.com"),
        ("XASK_REHEARSE", "1"),
    ]
    .into_iter()
    .fold(run, |run, (name, value)| run.env(name, value))
}

#[test]
fn a_commit_message_is_drafted_and_a_given_one_stays() {
    let recipe = "A draft of the commit message";
    if !is_available(recipe) {
        return;
    }
    let env = Env::new();
    git(&env, "git -c init.defaultBranch=main init -q").success();
    env.write(".git/hooks/prepare-commit-msg", block(recipe, "sh"));
    env.set_mode(".git/hooks/prepare-commit-msg", 0o755);
    env.write("a file", "one\n");
    let commit = |rest: &str| git(&env, &format!("git add . && git commit -q {rest}"));
    let message = || git(&env, "git log -1 --format=%B").stdout_like("").success().stdout;

    commit("").env("GIT_EDITOR", "true").stderr(messages::REHEARSED).success();
    let message_of_draft = String::from_utf8(message()).expect("text");
    assert!(
        message_of_draft.starts_with(
            "[rehearsal]\nmodel: grok-4\nsystem: Write a commit message for this diff.\nuser: diff --git"
        ) && message_of_draft.contains("+one"),
        "{message_of_draft}"
    );
    // The editor is shown the draft, and below it the comments of git.
    env.write("a file", "two\n");
    let editor = "cat >seen <";
    commit("").env("GIT_EDITOR", editor).stderr(messages::REHEARSED).success();
    let seen = text(&env, "seen");
    assert!(seen.contains("+two\n\n# Please enter the commit message"), "{seen}");
    fs::remove_file(env.path("seen")).expect("it is there");

    env.write("a file", "three\n");
    commit("-m 'By hand.'").success();
    assert_eq!(message(), b"By hand.\n\n");
    commit("--amend").env("GIT_EDITOR", "true").success();
    assert_eq!(message(), b"By hand.\n\n");
    env.write("a file", "four\n");
    let run = commit("").env("XASK_REHEARSE", "429").env("GIT_EDITOR", "echo Mine. >");
    run.stderr_like("xask: error: rate limit").success();
    assert_eq!(message(), b"Mine.\n\n");
    let hooks = fs::read_dir(env.path(".git")).expect("it is there");
    let left = hooks.filter_map(Result::ok).map(|entry| entry.file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().ends_with(".draft")));
}

#[test]
fn a_job_retries_only_failures_that_can_be_retried() {
    let recipe = "A job that calls the API";
    in_every_shell(recipe, |env, shell| {
        // Nothing waits here; the durations are written down instead.
        env.write("bin/sleep", "#!/bin/sh\necho \"$1\" >>slept\n");
        env.set_mode("bin/sleep", 0o755);
        env.write("a file", "one\n");
        let repository = "git -c init.defaultBranch=main init -q && git add . && git commit -qm One \
                          && git update-ref refs/remotes/origin/main HEAD";
        git(env, repository).success();
        env.write("a file", "two\n");
        git(env, "git commit -qam Two").success();
        env.write("recipe", block(recipe, "sh"));
        for (case, code, slept) in [
            ("429", 5, "30\n120\n600\n"),
            ("offline", 6, "30\n120\n600\n"),
            ("500", 8, "30\n120\n600\n"),
            ("401", 3, ""),
            ("403", 3, ""),
            ("cut", 7, ""),
            ("length", 9, ""),
            ("1", 0, ""),
        ] {
            env.write("slept", "");
            let run = git(env, &format!("PATH=$PWD/bin:$PATH; exec {shell} ./recipe"));
            let run = run.env("XASK_REHEARSE", case).stderr_like("").stdout_like("");
            run.code(code);
            assert_eq!(text(env, "slept"), slept, "{case}");
            assert_eq!(env.path("review.md").exists(), code == 0, "{case}");
        }
        let review = text(env, "review.md");
        assert!(
            review.contains("user: Review this change:\n\ndiff --git") && review.contains("+two")
        );
    });
}
