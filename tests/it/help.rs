//! `cli`: the help and the version.

use crate::support::{Env, Server, Tty};
use predicates::prelude::*;

/// Each flag that prints a text without a prompt.
const TEXTS: [&str; 4] = ["-h", "--help", "-V", "--version"];

fn printed(flag: &str) -> String {
    let output = Env::new().xask([flag]).stdout_like("").success();
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn help_and_version_are_on_stdout_and_need_nothing() {
    let (env, server) = (Env::new(), Server::never());
    for flag in TEXTS {
        for args in [vec![flag], vec!["hi", "-f", "missing", flag], vec![flag, "-"]] {
            let run = env.xask(args).server(&server).stdin_open().env("XASK_REHEARSE", "nothing");
            run.stdout_like(predicate::str::ends_with("\n")).success();
        }
    }
    let version = format!("xask {}\n", env!("CARGO_PKG_VERSION"));
    env.xask(["-V"]).stdout(version.clone()).success();
    env.xask(["--version"]).stdout(version).success();
}

#[test]
fn a_reader_may_stop_after_the_first_line_of_the_help() {
    let env = Env::new();
    let run = env.sh("xask --help | { read -r line; echo \"$line\"; }");
    run.stdout_like("Grok").success();
}

#[test]
fn the_short_help_fits_a_screen() {
    let help = printed("-h");
    assert!(help.lines().count() <= 24, "{} lines:\n{help}", help.lines().count());
}

#[test]
fn the_help_fits_the_width_of_a_terminal_and_looks_the_same_on_one() {
    for flag in ["-h", "--help"] {
        let help = printed(flag);
        let wide: Vec<_> = help.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(wide.is_empty(), "{wide:#?}");
        assert!(!help.contains('\x1b'), "{help:?}");
        Env::new().xask([flag]).tty(Tty::Stdout).on_tty(help).success();
    }
}

const FLAGS: [&str; 36] = [
    "-f, --file",
    "-i, --image",
    "-s, --system",
    "--system-file",
    "--developer",
    "-d, --detail",
    "-c, --conversation",
    "--messages",
    "-m, --model",
    "--max-tokens",
    "-t, --temperature",
    "--top-p",
    "--seed",
    "--stop",
    "--reasoning-effort",
    "--schema",
    "-p, --param",
    "--stream",
    "--no-stream",
    "-j, --json",
    "-o, --output",
    "--usage",
    "-v, --verbose",
    "-q, --quiet",
    "--base-url",
    "--timeout",
    "--connect-timeout",
    "--retries",
    "--retry-lost",
    "--dry-run",
    "--rehearse",
    "--cache",
    "--offline",
    "--list-models",
    "-h, --help",
    "-V, --version",
];

const VARIABLES: [&str; 11] = [
    "XAI_API_KEY",
    "XAI_API_KEY_FILE",
    "XAI_BASE_URL",
    "XASK_MODEL",
    "XASK_REHEARSE",
    "XASK_CACHE",
    "XASK_OFFLINE",
    "SSL_CERT_FILE",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
];

#[test]
fn the_long_help_explains_every_flag() {
    let (short, long) = (printed("-h"), printed("--help"));
    let named = |help: &str| {
        let words = help.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
        let mut flags: Vec<_> = words
            .filter(|word| word.len() > 2 && word.starts_with("--"))
            .map(str::to_owned)
            .collect();
        flags.sort();
        flags.dedup();
        flags
    };
    let (short, in_long) = (named(&short), named(&long));
    let missing: Vec<_> = short.iter().filter(|flag| !in_long.contains(flag)).collect();
    assert!(missing.is_empty(), "only in the short help: {missing:?}");
    for flag in FLAGS {
        // An entry of its own, and below it, indented further, at least one line about it.
        let mut lines = long.lines().skip_while(|line| !line.trim_start().starts_with(flag));
        assert!(lines.next().is_some(), "{flag} is not explained");
        let text = lines.next().unwrap_or_default();
        assert!(text.starts_with("          ") && !text.trim().is_empty(), "{flag}: {text:?}");
    }
}

#[test]
fn the_long_help_names_every_variable_and_exit_status() {
    let long = printed("--help");
    for name in VARIABLES {
        assert!(long.contains(name), "{name} is not named");
    }
    for code in (0..10).map(|code| code.to_string()).chain(["141".to_owned()]) {
        let row = |line: &str| line.trim_start().starts_with(&format!("{code}  "));
        assert!(long.lines().any(row), "exit status {code} is not explained");
    }
}

#[test]
fn the_long_help_names_the_defaults() {
    let long = printed("--help").split_whitespace().collect::<Vec<_>>().join(" ");
    for default in ["grok-4", "https://api.x.ai/v1", "3600", "10", "2"] {
        assert!(long.contains(&format!("[default: {default}]")), "{default}: {long}");
    }
}

#[test]
fn the_help_shows_no_value_of_a_variable() {
    for flag in ["-h", "--help"] {
        let help = printed(flag);
        let names = [
            "XASK_MODEL",
            "XASK_REHEARSE",
            "XASK_CACHE",
            "XASK_OFFLINE",
            "XAI_BASE_URL",
            "XAI_API_KEY",
        ];
        let run = names.iter().fold(Env::new().xask([flag]), |run, name| run.env(name, "hidden"));
        run.stdout(help).success();
    }
}
