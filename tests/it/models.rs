//! `--list-models`: which models the key may use.

use predicates::prelude::*;

use crate::support::{Env, KEY, Response, Server, Tty, chat, four};

/// As the API sends it (xAI API reference, `GET /v1/models`).
const MODELS: &str = r#"{"data":[{"id":"grok-4-0709","created":1752019200,"object":"model","owned_by":"xai"},{"id":"grok-3","created":1743724800,"object":"model","owned_by":"xai"}],"object":"list"}"#;

const NAMES: &str = "grok-4-0709\ngrok-3\n";

fn models() -> Response {
    Response::json(200, MODELS)
}

#[test]
fn the_models_are_listed_one_per_line_in_the_order_of_the_api() {
    let env = Env::new();
    let server = Server::respond(models());
    env.xask(["--list-models"]).server(&server).key(KEY).stdout(NAMES).success();
    let request = server.request();
    assert_eq!((&*request.method, &*request.path), ("GET", "/v1/models"));
    assert_eq!(request.header("authorization"), Some(&*format!("Bearer {KEY}")));
    assert_eq!(request.header("user-agent"), Some(concat!("xask/", env!("CARGO_PKG_VERSION"))));
    for absent in ["content-length", "content-type", "transfer-encoding"] {
        assert_eq!(request.header(absent), None);
    }
}

#[test]
fn the_base_url_keeps_its_path() {
    let env = Env::new();
    let server = Server::respond(models());
    let url = server.url().replace("/v1", "/proxy/v2/");
    env.xask(["--list-models", "--base-url", &url]).stdout(NAMES).success();
    assert_eq!(server.request().path, "/proxy/v2/models");
}

#[test]
fn json_is_the_response_itself() {
    let env = Env::new();
    let spaced = format!("{}\n", MODELS.replace(',', " ,\n"));
    for (sent, printed) in [(MODELS, format!("{MODELS}\n")), (&*spaced, spaced.clone())] {
        let server = Server::respond(Response::json(200, sent));
        env.xask(["--list-models", "--json"]).server(&server).stdout(printed).success();
    }
}

#[test]
fn other_fields_of_a_model_do_not_matter() {
    let env = Env::new();
    for (response, printed) in [
        (r#"{"data":[]}"#, ""),
        (r#"{"data":[{"id":"a"}]}"#, "a\n"),
        (r#"{"data":[{"aliases":["x"],"id":"\u00e9 b","id2":null}],"more":{}}"#, "\u{e9} b\n"),
    ] {
        let server = Server::respond(Response::json(200, response));
        env.xask(["--list-models"]).server(&server).case(response).stdout(printed).success();
    }
}

#[test]
fn standard_input_is_not_read() {
    let env = Env::new();
    let server = Server::play([models(), models()]);
    env.xask(["--list-models"]).server(&server).stdin_open().stdout(NAMES).success();
    env.xask(["--list-models"]).server(&server).stdin("text").stdout(NAMES).success();
    assert_eq!(server.requests()[1].body_len, 0);
}

#[test]
fn a_name_is_one_line_and_sanitized_on_a_terminal() {
    let env = Env::new();
    let response =
        || Response::json(200, r#"{"data":[{"id":"a\u001b[2J\nx"},{"id":"b\u202e\u009b"}]}"#);
    let server = Server::play([response(), response(), response()]);
    let run = |args: &[&str]| env.xask(["--list-models"]).args(args).server(&server);
    run(&[]).stdout("a\\x1b[2J\\x0ax\nb\u{202e}\\u{9b}\n").success();
    run(&[]).tty(Tty::Stdout).on_tty("a\\x1b[2J\\x0ax\nb\\u{202e}\\u{9b}\n").success();
    run(&["-o", "-"]).tty(Tty::Stdout).on_tty("a\\x1b[2J\\x0ax\nb\\u{202e}\\u{9b}\n").success();
}

#[test]
fn a_response_that_is_not_a_list_ends_with_the_matching_exit_status() {
    let wrong_key =
        "Incorrect API key provided. You can obtain an API key from https://console.x.ai.";
    let error = |status, words| Response::json(status, chat::error("slug", words));
    for (response, code, words) in [
        (error(401, "No credentials presented."), 3, "No credentials presented."),
        (error(400, wrong_key), 3, wrong_key),
        (error(403, "blocked"), 3, "blocked"),
        (error(404, "No handler found on route."), 4, "No handler found"),
        (error(429, "slow down"), 5, "slow down"),
        (error(500, "oh"), 8, "oh"),
        (error(503, "busy"), 8, "busy"),
        (Response::new(302, "text/html", ""), 8, "redirect"),
        (Response::new(204, "text/html", ""), 8, "HTTP 204"),
        (error(200, "something else"), 8, "something else"),
        (Response::json(200, "{}"), 8, "the response is not a list of models"),
        (Response::json(200, "[]"), 8, "the response is not a list of models"),
        (Response::json(200, ""), 8, "the response is empty"),
        (Response::json(200, r#"{"data":null}"#), 8, "the response is not a list of models"),
        (
            Response::json(200, r#"{"data":[{"name":"a"}]}"#),
            8,
            "the response is not a list of models",
        ),
        (Response::json(200, r#"{"data":["a"]}"#), 8, "the response is not a list of models"),
        (four(), 8, "the response is not a list of models"),
        (Response::new(200, "text/html", "<title>Sign in</title>"), 8, "Sign in"),
        (models().close_delimited().truncated_at(1), 7, "incomplete"),
        (models().close_delimited().truncated_at(20), 7, "incomplete"),
        (models().close_delimited().truncated_at(MODELS.len() - 1), 7, "incomplete"),
        (models().truncated_at(20), 7, ""),
        (models().chunked().truncated_at(20), 7, ""),
    ] {
        for json in [&[][..], &["--json"]] {
            let env = Env::new();
            let server = Server::respond(response.clone().header("x-request-id", "0f4c"));
            let run = env.xask(["--list-models", "--retries=0"]).args(json).server(&server);
            let shown = run.key(KEY).case((code, words)).fails(code, &[words]);
            assert!(code == 7 || shown.contains("x-request-id 0f4c"), "{shown}");
        }
    }
}

#[test]
fn without_a_key_or_a_server_the_list_fails_like_a_prompt() {
    let env = Env::new();
    env.xask(["--list-models"]).fails(3, &["no API key"]);
    let gone = Server::never().url();
    let run = env.xask(["--list-models", "--retries=0", "--base-url", &gone]);
    run.fails(6, &["refused"]);
    let server = Server::play([crate::support::Script::new().hold()]);
    let run = env.xask(["--list-models", "--timeout=0.2", "--retries=0"]).server(&server);
    run.fails(7, &["0.2 s"]);
}

#[test]
fn verbose_reports_the_request_and_never_the_key() {
    let env = Env::new();
    let server = Server::respond(models().header("x-request-id", "0f4c"));
    let note = format!("xask: request to {}/models: list of models\n", server.url());
    let run = env.xask(["--list-models", "-v"]).server(&server).key(KEY).stdout(NAMES);
    let run = run.stderr_like(&*note).stderr_like("x-request-id 0f4c");
    run.stderr_like(predicate::str::contains(KEY).not()).success();
}

#[test]
fn a_rehearsal_lists_a_model() {
    let env = Env::new();
    let run = |case: &str| env.xask(["-q", "--list-models"]).env("XASK_REHEARSE", case);
    run("1").stdout("grok-4\n").success();
    let response = run("1").args(["--json"]).stdout_like("").success().json();
    assert_eq!(
        (&response["object"], &response["data"][0]["id"]),
        (&"list".into(), &"grok-4".into())
    );
    for (case, code) in [("401", 3), ("403", 3), ("429", 5), ("500", 8), ("offline", 6)] {
        run(case).fails(code, &[]);
    }
}

#[test]
fn a_list_takes_no_prompt_and_names_options_it_cannot_use() {
    let (env, never) = (Env::new(), Server::never());
    env.write("a.txt", "text");
    for (args, what) in [
        (&["hi"][..], "prompt"),
        (&["--", "hi"], "prompt"),
        (&["-"], "prompt"),
        (&["--file", "a.txt"], "--file"),
        (&["--image", "https://example.com/a.png"], "--image"),
        (&["--system", "Be brief."], "--system"),
        (&["--system-file", "a.txt"], "--system-file"),
        (&["--developer", "Be brief."], "--developer"),
        (&["--detail", "low"], "--detail"),
        (&["--conversation", "a.txt"], "--conversation"),
        (&["--messages", "a.txt"], "--messages"),
        (&["--schema", "a.txt"], "--schema"),
        (&["--model", "grok-3"], "--model"),
        (&["--max-tokens", "1"], "--max-tokens"),
        (&["--stop", "a"], "--stop"),
        (&["-p", "a=1"], "--param"),
        (&["--stream"], "--stream"),
        (&["--usage"], "--usage"),
        (&["--api", "chat"], "--api"),
        (&["--web-search"], "--web-search"),
        (&["--sources", "s"], "--sources"),
        (&["--choice", "a,b"], "--choice"),
        (&["--extract"], "--extract"),
        (&["--names"], "--names"),
        (&["--lossy"], "--lossy"),
        (&["--log", "l"], "--log"),
        (&["--deferred"], "--deferred"),
        (&["--dry-run"], "--dry-run"),
        (&["--cache", "answers"], "--cache"),
    ] {
        let run = env.xask(["--list-models"]).args(args).server(&never).case(args);
        run.refused(2, &["--list-models", what]);
    }
    assert_eq!(env.names(), ["a.txt"]);
}

#[test]
fn a_list_is_not_recorded() {
    let env = Env::new();
    let server = Server::play([models(), models()]);
    for _ in 0..2 {
        let run = env.xask(["--list-models"]).env("XASK_CACHE", "answers").server(&server);
        run.stdout(NAMES).success();
    }
    assert_eq!(env.names(), [""; 0]);
}
