//! Variables that a mode cannot use, and which mode takes precedence.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::support::{Env, Response, Run, Server, four, messages};

/// Every variable, each with a value that would have an effect.
const VARIABLES: [(&str, &str); 7] = [
    ("XASK_MODEL", "grok-9"),
    ("XASK_API", "responses"),
    ("XASK_CACHE", "answers"),
    ("XASK_LOG", "log"),
    ("XAI_API_KEY_FILE", "missing"),
    ("SSL_CERT_FILE", "missing"),
    ("HTTPS_PROXY", "nonsense://"),
];

fn with_all(run: Run) -> Run {
    VARIABLES.iter().fold(run, |run, (name, value)| run.env(name, value))
}

#[test]
fn a_list_of_models_ignores_variables_it_cannot_use() {
    let env = Env::new();
    let server = Server::respond(Response::json(200, r#"{"data":[{"id":"grok-4"}]}"#));
    let run = with_all(env.xask(["--list-models"])).key("k").server(&server);
    run.stdout("grok-4\n").success();
    assert_eq!(env.names(), [""; 0]);
    let never = Server::never();
    let run = || env.xask(["--list-models"]).env("XASK_OFFLINE", "1").server(&never);
    run().refused(2, &["XASK_OFFLINE"]);
    run().env("XASK_REHEARSE", "1").stdout_like("").stderr(messages::REHEARSED).success();
}

#[test]
fn a_list_of_models_searches_nothing() {
    let never = Server::never();
    for case in ["searched", "unsearched"] {
        let rehearse = format!("--rehearse={case}");
        let env = Env::new();
        env.xask(["--list-models", &rehearse]).server(&never).refused(2, &["searched"]);
    }
}

/// A variable that the mode does not read need not be text either.
#[test]
fn a_variable_that_is_not_utf_8_is_an_error_only_if_it_is_used() {
    let env = Env::new();
    let odd = || OsStr::from_bytes(b"\xff");
    for (args, variables) in [
        (&["--list-models", "--rehearse"][..], &["XASK_API", "XASK_MODEL"][..]),
        (&["--dry-run", "hi"], &["XASK_OFFLINE", "XASK_REHEARSE"]),
        (&["-m", "a", "--api", "chat", "--dry-run", "hi"], &["XASK_MODEL", "XASK_API"]),
        (&["--web-search", "--dry-run", "hi"], &["XASK_API"]),
    ] {
        for variable in variables {
            let run = env.xask(args.iter().copied()).env(variable, odd());
            run.any_output().case((args, variable)).success();
        }
    }
    let never = Server::never();
    for variable in ["XASK_MODEL", "XASK_API", "XASK_OFFLINE", "XASK_REHEARSE", "XAI_BASE_URL"] {
        let run = env.xask(["hi"]).server(&never).env(variable, odd());
        run.refused(2, &[variable, "UTF-8"]);
    }
}

#[test]
fn a_dry_run_needs_nothing_but_the_prompt() {
    let env = Env::new();
    let run = with_all(env.xask(["--dry-run", "hi"])).env("XASK_OFFLINE", "1");
    run.env("XASK_REHEARSE", "429").stdout_like("\"input\":").success();
    assert_eq!(env.names(), [""; 0]);
}

#[test]
fn a_dry_run_takes_precedence_over_a_rehearsal_and_a_rehearsal_over_offline() {
    let env = Env::new();
    let run = |args: &[&str]| env.xask(["hi"]).args(args);
    let body = "{\"model\":\"grok-4\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}\n";
    run(&["--dry-run", "--rehearse=500", "--offline"]).stdout(body).success();
    let rehearsed = "[rehearsal]\nmodel: grok-4\nuser: hi\n";
    run(&["-q", "--rehearse", "--offline"]).stdout(rehearsed).success();
    run(&["-q", "--rehearse", "--offline", "--cache", "answers"]).stdout(rehearsed).success();
    assert_eq!(env.names(), [""; 0]);
}

#[test]
fn an_offline_miss_names_what_is_missing() {
    let env = Env::new();
    let long = "What  is\n\n2 + 2, and what is the answer to everything else in the world?";
    let run =
        || env.xask(["--cache", "answers", "--offline", "-m", "grok-9", "-s", "Be brief.", long]);
    let stderr = run().refused(1, &["answers", "grok-9"]);
    // The first forty characters of the user's last message, white space folded.
    assert!(stderr.contains("What is 2 + 2, and what is the answer to"), "{stderr}");
    assert!(!stderr.contains("everything") && !stderr.contains("brief"), "{stderr}");
    // The hash is the name of the file that would hold it.
    let server = Server::respond(four());
    let run = env.xask(["--cache", "answers", "-m", "grok-9", "-s", "Be brief.", long]);
    run.server(&server).stdout("Four.\n").success();
    let name = env.names_in("answers").remove(0);
    assert!(stderr.contains(name.strip_suffix(".json").expect("JSON")), "{stderr} {name}");
    // Control characters in it are made visible.
    env.xask(["--cache", "answers", "--offline", "\u{1b}[2J"]).refused(1, &[r"\x1b[2J"]);
    // With images alone there is no text to name.
    env.write("a.png", crate::support::images::PNG);
    env.xask(["--cache", "answers", "--offline", "-i", "a.png"]).refused(1, &["grok-4"]);
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let env = Env::new();
    let server = Server::respond(four());
    let names = [
        "XASK_MODEL",
        "XASK_API",
        "XASK_CACHE",
        "XASK_LOG",
        "XASK_OFFLINE",
        "XASK_REHEARSE",
        "XAI_API_KEY",
        "XAI_API_KEY_FILE",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "NO_PROXY",
    ];
    let run = names.iter().fold(env.xask(["hi"]), |run, name| run.env(name, ""));
    run.server(&server).stdout("Four.\n").success();
    assert!(String::from_utf8_lossy(&server.request().body).contains("\"model\":\"grok-4\""));
    assert_eq!(env.names(), [""; 0]);
}
