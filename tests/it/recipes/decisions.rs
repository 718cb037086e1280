//! The recipes in which a script decides by an answer, or keeps a part of it.

use super::{block, in_every_shell, run, run_failing, text};
use crate::support::{Env, Server, answer};

#[test]
fn titles_are_sorted_by_kind() {
    let recipe = "A classifier";
    in_every_shell(recipe, |env, shell| {
        env.write("titles.txt", "It crashes\n--help is wrong\n-\n");
        run(env, shell, &block(recipe, "sh")).success();
        assert_eq!(text(env, "kinds.tsv"), "bug\tIt crashes\nbug\t--help is wrong\nbug\t-\n");
        run_failing(env, shell, &block(recipe, "sh"), "refused").code(9);
        assert_eq!(text(env, "kinds.tsv"), "");
    });
}

/// A repository whose last commit is not on the server yet.
fn repository(env: &Env) {
    let script = "git -c init.defaultBranch=main init -q && echo 1 >a && git add . && git commit -qm 1 \
                  && git update-ref refs/remotes/origin/main HEAD && echo 2 >a && git commit -qam 2";
    [("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_AUTHOR_NAME", "A"), ("GIT_AUTHOR_EMAIL", "a@a.a")]
        .into_iter()
        .chain([("GIT_COMMITTER_NAME", "A"), ("GIT_COMMITTER_EMAIL", "a@a.a")])
        .fold(env.sh(script), |run, (name, value)| run.env(name, value))
        .success();
}

#[test]
fn a_check_passes_or_fails_with_its_own_exit_status() {
    let recipe = "A gate";
    in_every_shell(recipe, |env, shell| {
        repository(env);
        // The first choice is "no".
        run(env, shell, &block(recipe, "sh")).stdout("No test was removed.\n").success();
        for (case, code) in [("401", 3), ("429", 5), ("refused", 9)] {
            run_failing(env, shell, &block(recipe, "sh"), case).code(code);
        }
        let server = Server::respond(answer("{\"choice\":\"yes\"}"));
        let run = env.sh(&format!("exec {shell} ./recipe")).server(&server);
        run.stderr("A test was removed.\n").code(10);
    });
}

#[test]
fn a_dockerfile_is_only_the_block_or_stays_unchanged() {
    let recipe = "A Dockerfile";
    in_every_shell(recipe, |env, shell| {
        env.write("go.mod", "module a\n");
        env.write("Dockerfile", "old");
        let server =
            Server::play([answer("None."), answer("Here:\n```Dockerfile\nFROM a\n```\nEnjoy.")]);
        env.write("recipe", block(recipe, "sh"));
        let run = || env.sh(&format!("exec {shell} ./recipe")).server(&server);
        run().stdout("None.\n").fails(9, &["code block"]);
        assert_eq!(text(env, "Dockerfile"), "old");
        run().success();
        assert_eq!(text(env, "Dockerfile"), "FROM a\n");
    });
}
