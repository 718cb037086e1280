//! What an error suggests, where there is something to be done about it.

use crate::support::{Env, KEY, Reads, Reply, Script, Server, replies};

#[test]
fn a_flag_that_other_tools_have_is_told_what_it_is_called_here() {
    let env = Env::new();
    for (args, words) in [
        (&["--api-key", "k", "hi"][..], &["--api-key", "XAI_API_KEY"][..]),
        (&["--api-key=k", "hi"], &["--api-key", "XAI_API_KEY"]),
        (&["--key", "k", "hi"], &["--key", "XAI_API_KEY"]),
        (&["--no-such-thing", "hi"], &["--no-such-thing"]),
    ] {
        env.xask(args).case(args).refused(2, words);
    }
    // What is near no flag gets no guess.
    for flag in ["--template", "--prompt-file", "--xyzzy", "--thread"] {
        let said = env.xask([flag, "hi"]).refused(2, &[flag]);
        assert!(!said.contains("did you mean"), "{said}");
    }
    for (typed, meant) in
        [("--modle", "--model"), ("--temprature", "--temperature"), ("--extrac", "--extract")]
    {
        let said = env.xask([typed, "x", "hi"]).refused(2, &[typed, "did you mean", meant]);
        assert!(!said.contains("api-key"), "{said}");
    }
}

#[test]
fn a_404_says_what_to_check() {
    let env = Env::new();
    let error = |words| Reply::json(404, replies::error("not-found", words));
    let server = Server::reply(error("No handler found on route."));
    env.xask(["--list-models"]).server(&server).fails(4, &["base URL"]);
    let server = Server::reply(error("The model grok-0 does not exist."));
    env.ask(&server, ["-m", "grok-0"]).fails(4, &["--model", "--list-models"]);
}

#[test]
fn a_401_without_a_key_says_that_none_was_sent() {
    let env = Env::new();
    let error = || Reply::json(401, replies::error("no-credentials", "No credentials presented."));
    let server = Server::reply(error());
    let said = env.ask(&server, []).fails(3, &["no API key was sent", "XAI_API_KEY"]);
    assert!(!said.contains("refused"), "{said}");
    let server = Server::reply(error());
    let said = env.ask(&server, []).key(KEY).fails(3, &["XAI_API_KEY"]);
    assert!(!said.contains("no API key was sent"), "{said}");
}

#[test]
fn a_proxy_that_wants_a_password_says_so() {
    let env = Env::new();
    let script =
        Script::after(Reads::Head).send("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
    let proxy = Server::play([script]);
    let run = env.xask(["--base-url", "https://api.example", "hi"]).key(KEY);
    let run = run.env("https_proxy", format!("http://me:hunter2@{}", proxy.addr()));
    // Once: an account may be locked.
    let said = run.fails(6, &["407", "user", "password", "https_proxy"]);
    assert!(!said.contains("hunter2") && !said.contains("; retry "), "{said}");
}

#[test]
fn an_error_line_is_searchable_and_there_is_one() {
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
        let said = output.notes();
        let errors = said.lines().filter(|line| line.starts_with("xask: error: "));
        assert_eq!(errors.count(), 1, "{said}");
        assert!(said.lines().all(|line| line.starts_with("xask: ")), "{said}");
    }
}
