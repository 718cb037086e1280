//! Hints of errors that the user can do something about.

use crate::support::{Env, KEY, Reads, Response, Script, Server, chat};

#[test]
fn a_flag_of_another_tool_gets_the_name_of_ours() {
    let env = Env::new();
    for (args, words) in [
        (&["--api-key", "k", "hi"][..], &["--api-key", "XAI_API_KEY"][..]),
        (&["--api-key=k", "hi"], &["--api-key", "XAI_API_KEY"]),
        (&["--key", "k", "hi"], &["--key", "XAI_API_KEY"]),
        (&["--no-such-thing", "hi"], &["--no-such-thing"]),
    ] {
        env.xask(args).case(args).refused(2, words);
    }
    // A flag that resembles no other gets no suggestion.
    for flag in ["--template", "--prompt-file", "--xyzzy", "--thread"] {
        let stderr = env.xask([flag, "hi"]).refused(2, &[flag]);
        assert!(!stderr.contains("did you mean"), "{stderr}");
    }
    for (typed, meant) in
        [("--modle", "--model"), ("--temprature", "--temperature"), ("--extrac", "--extract")]
    {
        let stderr = env.xask([typed, "x", "hi"]).refused(2, &[typed, "did you mean", meant]);
        assert!(!stderr.contains("api-key"), "{stderr}");
    }
}

#[test]
fn a_404_says_what_to_check() {
    let env = Env::new();
    let error = |words| Response::json(404, chat::error("not-found", words));
    let server = Server::respond(error("No handler found on route."));
    env.xask(["--list-models"]).server(&server).fails(4, &["base URL"]);
    let server = Server::respond(error("The model grok-0 does not exist."));
    env.ask(&server, ["-m", "grok-0"]).fails(4, &["--model", "--list-models"]);
}

#[test]
fn a_401_without_a_key_says_that_no_key_was_sent() {
    let env = Env::new();
    let error = || Response::json(401, chat::error("no-credentials", "No credentials presented."));
    let server = Server::respond(error());
    let stderr = env.ask(&server, []).fails(3, &["no API key was sent", "XAI_API_KEY"]);
    assert!(!stderr.contains("refused"), "{stderr}");
    let server = Server::respond(error());
    let stderr = env.ask(&server, []).key(KEY).fails(3, &["XAI_API_KEY"]);
    assert!(!stderr.contains("no API key was sent"), "{stderr}");
}

#[test]
fn a_proxy_that_requires_a_password_gets_a_hint() {
    let env = Env::new();
    let script =
        Script::after(Reads::Head).send("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
    let proxy = Server::play([script]);
    let run = env.xask(["--base-url", "https://api.example", "hi"]).key(KEY);
    let run = run.env("https_proxy", format!("http://me:hunter2@{}", proxy.addr()));
    // Only one attempt: an account may be locked.
    let stderr = run.fails(6, &["407", "user", "password", "https_proxy"]);
    assert!(!stderr.contains("hunter2") && !stderr.contains("; retry "), "{stderr}");
}

#[test]
fn there_is_exactly_one_searchable_error_line() {
    let env = Env::new();
    for (args, code) in [
        (&["--bogus"][..], 2),
        (&["-m"], 2),
        (&["hi", "-f", "missing"], 2),
        (&["hi", "-o", "no/out"], 1),
        (&["hi"], 3),
        (&["hi", "--rehearse=403", "-v"], 3),
        (&["hi", "--rehearse=429", "-v"], 5),
        (&["hi", "--rehearse=500", "--usage", "--retry-lost"], 8),
        (&["hi", "--rehearse=offline", "-v"], 6),
        (&["hi", "--rehearse=cut", "-v"], 7),
        (&["hi", "--rehearse=length", "-v", "--usage"], 9),
        (&["--list-models", "--rehearse=401"], 3),
        (&["--fetch", "abc", "--rehearse=cut"], 7),
    ] {
        let output = env.xask(args).case(args).any_output().code(code);
        let stderr = output.notes();
        let errors = stderr.lines().filter(|line| line.starts_with("xask: error: "));
        assert_eq!(errors.count(), 1, "{stderr}");
        assert!(stderr.lines().all(|line| line.starts_with("xask: ")), "{stderr}");
    }
}
