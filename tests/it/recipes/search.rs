//! The recipes for searches: an answer comes with its sources or not at all.

use super::{block, in_every_shell, is_available, run, run_failing, text};
use crate::support::Env;

#[test]
fn a_digest_is_stored_with_its_sources_or_not_at_all() {
    let recipe = "A daily digest of X";
    in_every_shell(recipe, |env, shell| {
        if !env.sh("date -d yesterday +%F").stdout_like("").spawn().finish().status.success() {
            return;
        }
        run_failing(env, shell, &block(recipe, "sh"), "unsearched").stdout_like("").code(9);
        assert_eq!(env.names_in("digest"), [""; 0]);
        run(env, shell, &block(recipe, "sh")).success();
        let [answer, sources] = &env.names_in("digest")[..] else { panic!("two files") };
        let day = answer.strip_suffix(".md").expect("Markdown");
        assert_eq!(sources.strip_suffix(".tsv"), Some(day));
        assert!(text(env, &format!("digest/{answer}")).contains("What do people on X report"));
        assert!(text(env, &format!("digest/{sources}")).contains('\t'));
    });
}

#[test]
fn a_target_with_sources_is_built_whole() {
    let recipe = "A Makefile target with sources";
    if !is_available(recipe) {
        return;
    }
    let env = Env::new();
    env.write("Makefile", block(recipe, "make"));
    env.write("topic.txt", "Linux\n");
    let make = |case: &str| env.sh("make").env("XASK_REHEARSE", case).any_output();
    make("unsearched").code(2);
    assert!(!env.path("news.md").exists() && !env.path("news.tsv").exists());
    make("1").success();
    assert!(text(&env, "news.md").ends_with("Linux\n"));
    assert!(text(&env, "news.tsv").starts_with("http"));
    make("500").success();
}

#[test]
fn a_job_without_sources_fails() {
    let recipe = "A CI job that fails without sources";
    in_every_shell(recipe, |env, shell| {
        for (case, code) in [("unsearched", 9), ("401", 3), ("429", 5)] {
            run_failing(env, shell, &block(recipe, "sh"), case).stdout_like("").code(code);
            assert!(!env.path("advisory.md").exists());
        }
        let run = run(env, shell, &block(recipe, "sh")).stdout_like("http");
        run.success();
        assert!(text(env, "advisory.md").contains("OpenSSL"));
    });
}
