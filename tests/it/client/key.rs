//! `XAI_API_KEY` and `XAI_API_KEY_FILE`: where the key is found, and that it is never shown.

use serde_json::json;

use crate::support::{Env, KEY, Response, Run, Script, Server, chat, four};

/// A URL that needs a key, and is not contacted without one.
const REMOTE: &str = "https://api.x.ai/v1";

/// The value that was sent as `Authorization`.
#[track_caller]
fn authorization(run: Run, server: &Server) -> Option<String> {
    run.server(server).stdout("Four.\n").success();
    server.request().header("authorization").map(ToOwned::to_owned)
}

#[test]
fn the_key_comes_from_the_variable_or_the_file_without_white_space_around_it() {
    let env = Env::new();
    let bearer = Some(format!("Bearer {KEY}"));
    for around in ["{}", "{}\n", "{}\r\n", " \t{} \t", "\n\n{}\n\n"] {
        let text = around.replace("{}", KEY);
        let server = Server::respond(four());
        assert_eq!(authorization(env.xask(["hi"]).case(around).key(&text), &server), bearer);
        env.write("key", &text);
        let server = Server::respond(four());
        let run = env.xask(["hi"]).case(around).env("XAI_API_KEY_FILE", "key");
        assert_eq!(authorization(run, &server), bearer);
    }
    // An empty variable counts as unset, and the key file is not read if the other variable has the key.
    let server = Server::respond(four());
    let run = env.xask(["hi"]).key("").env("XAI_API_KEY_FILE", "key");
    assert_eq!(authorization(run, &server), bearer);
    let server = Server::respond(four());
    let run = env.xask(["hi"]).key(KEY).env("XAI_API_KEY_FILE", "missing");
    assert_eq!(authorization(run, &server), bearer);
}

#[test]
fn the_key_file_may_be_a_pipe() {
    let (env, server) = (Env::new(), Server::respond(four()));
    let run = env.sh("mkfifo key; printf 'xai-1\\n' >key & XAI_API_KEY_FILE=key xask hi");
    assert_eq!(authorization(run, &server).as_deref(), Some("Bearer xai-1"));
}

#[test]
fn without_a_key_nothing_is_sent() {
    let env = Env::new();
    let none = ["no API key", "XAI_API_KEY", "XAI_API_KEY_FILE"];
    env.ask_at(REMOTE, []).fails(3, &none);
    env.ask_at(REMOTE, []).key("").env("XAI_API_KEY_FILE", "").fails(3, &none);
    env.ask_at(REMOTE, []).key(" \n").fails(3, &["XAI_API_KEY"]);
    // `http` to another machine is refused before a key is looked for, and inputs are checked before it too.
    env.ask_at(REMOTE, ["--file", "missing"]).fails(2, &["missing"]);
}

#[test]
fn this_machine_needs_no_key_and_gets_none() {
    let env = Env::new();
    for run in
        [env.xask(["hi"]), env.xask(["hi"]).key(""), env.xask(["hi"]).env("XAI_API_KEY_FILE", "")]
    {
        assert_eq!(authorization(run, &Server::respond(four())), None);
    }
    env.ask_at("https://127.0.0.1:1/v1", []).fails(6, &["127.0.0.1:1"]);
    env.ask_at("https://localhost:1/v1", []).fails(6, &["localhost:1"]);
}

#[test]
fn a_malformed_key_is_an_error_and_not_shown() {
    let env = Env::new();
    let never = Server::never();
    let (front, back) = KEY.split_at(10);
    for between in ["\n", "\r\n", "\t", "\u{1b}", "\u{7f}", "\u{85}", "\u{e9}", "\u{202e}"] {
        let key = [front, between, back].concat();
        env.write("key", &key);
        for run in
            [env.ask(&never, []).key(&key), env.ask(&never, []).env("XAI_API_KEY_FILE", "key")]
        {
            let shown = run.case(between).fails(3, &["XAI_API_KEY", "malformed"]);
            assert!(!shown.contains(front) && !shown.contains(back), "{shown}");
        }
    }
    env.write("nul", "xai-\0key");
    env.write("latin", b"xai-\xe9key");
    env.ask(&never, []).env("XAI_API_KEY_FILE", "nul").fails(3, &["malformed"]);
    env.ask(&never, []).env("XAI_API_KEY_FILE", "latin").fails(3, &["malformed"]);
    let long = "k".repeat(16_000);
    let shown = env.ask(&never, []).key(&long).fails(3, &["XAI_API_KEY", "longer than 4096 bytes"]);
    assert!(!shown.contains("kkkk"), "{shown}");
    // A malformed key is not ignored in favour of a good one.
    env.write("good", KEY);
    env.ask(&never, []).key("a\nb").env("XAI_API_KEY_FILE", "good").fails(3, &["malformed"]);
}

#[test]
fn a_file_without_a_key_is_named_with_the_reason() {
    let env = Env::new();
    let never = Server::never();
    env.write("empty", "");
    env.write("blank", " \r\n");
    env.write("folder/file", "");
    for (file, why) in [
        ("missing", "no such file"),
        ("empty", "no key"),
        ("blank", "no key"),
        ("folder", "is a directory"),
        ("folder/file/key", "not a directory"),
    ] {
        env.ask(&never, [])
            .env("XAI_API_KEY_FILE", file)
            .fails(3, &["XAI_API_KEY_FILE", file, why]);
    }
}

/// No five letters of the key in a row appear on either stream.
#[track_caller]
fn assert_hidden(text: &[u8], case: impl std::fmt::Debug) {
    for part in KEY.as_bytes().windows(5) {
        let seen = text.windows(5).any(|window| window == part);
        assert!(!seen, "{case:?} shows the key: {}", String::from_utf8_lossy(text));
    }
}

#[test]
fn the_key_is_masked_wherever_the_api_repeats_it() {
    let env = Env::new();
    let echo = format!("The key {KEY} is wrong, yes, {KEY}");
    let escaped = echo.replace("xai", "\\u0078ai");
    let in_reply = |json: String| chat::completion_with(serde_json::from_str(&json).expect("JSON"));
    for (status, code, body) in [
        (400, 4, chat::error("invalid-argument", &echo)),
        (400, 4, chat::error(KEY, "words")),
        (400, 4, chat::error(KEY, "")),
        (400, 4, format!(r#"{{"code":"invalid-argument","error":"{escaped}"}}"#)),
        (400, 3, chat::error("invalid-argument", &format!("Incorrect API key provided: {KEY}."))),
        (401, 3, format!(r#"{{"error":{{"message":"{echo}","type":"t","code":"{KEY}"}}}}"#)),
        (403, 3, format!(r#"{{"type":"error","message":"{echo}"}}"#)),
        (429, 5, format!(r#""{echo}""#)),
        (500, 8, format!(r#""{{\"error\":\"{echo}\"}}""#)),
        (502, 8, format!("<html><title>{echo}</title></html>")),
        (502, 8, format!("<html><body><p>{echo}</p></html>")),
        (503, 8, echo.clone()),
        (404, 4, KEY.to_owned()),
        (422, 4, format!("{{\"error\":\"{KEY}")),
        (302, 8, echo.clone()),
        (200, 8, chat::error("internal", &echo)),
        (200, 8, format!(r#""{echo}""#)),
        (200, 8, echo.clone()),
        (200, 7, format!(r#"{{"choices":[{{"message":{{"content":"{KEY}"#)),
        (200, 9, in_reply(format!(r#"{{"finish_reason":"{KEY}","content":null}}"#))),
    ] {
        let location = format!("http://127.0.0.1:1/{KEY}");
        let response =
            Response::json(status, body.as_str()).header("x-request-id", &format!("id-{KEY}"));
        let response = response.header("Location", &location);
        let server = Server::play([response.clone(), response]);
        for flags in [&[][..], &["-v", "--usage"]] {
            let run = env.ask(&server, flags.iter().copied()).key(KEY).case(&body);
            let output = run.stderr_like("id-[key]").code(code);
            assert_hidden(&output.stderr, &body);
        }
    }
}

#[test]
fn the_key_is_masked_in_streams_and_headers_too() {
    let env = Env::new();
    let echo = format!("Bearer {KEY} is wrong");
    let length = || chat::completion_with(json!({"finish_reason": "length"}));
    let events = |last: &str| Response::sse(&[&chat::chunk(json!({"content": "Fo"}), None), last]);
    for (index, response) in [
        events(&json!({"error": {"message": echo}}).to_string()),
        events(&json!({"code": KEY, "error": KEY}).to_string()),
        events(&echo),
        events(&json!(echo).to_string()),
        events(&chat::chunk(json!({}), Some(KEY))),
        Response::json(200, json!({"error": echo}).to_string()),
        Response::json(200, length()).header("x-request-id", KEY),
        Response::new(200, KEY, "{}"),
        Response::json(429, "{}").header("Retry-After", KEY).header("X-Should-Retry", KEY),
        Response::json(302, "").header("Location", &format!("https://a.example/{KEY}")),
    ]
    .into_iter()
    .enumerate()
    {
        let server = Server::respond(response);
        let run = env.ask(&server, ["--verbose", "--stream"]).key(KEY).case(index);
        let output = run.stdout_like("").stderr_like("xask: error: ").spawn().finish();
        assert!(![Some(0), None].contains(&output.status.code()), "{index}: {}", output.notes());
        assert_hidden(&output.stderr, index);
        let bearer = server.request().header("authorization").map(str::to_owned);
        assert_eq!(bearer, Some(format!("Bearer {KEY}")));
    }
}

#[test]
fn the_key_is_masked_in_the_note_of_a_retry_too() {
    let env = Env::new();
    let busy = Response::json(503, chat::error("busy", &format!("{KEY} waits")));
    let server = Server::play([busy.header("Retry-After", "0"), four()]);
    let run = env.xask(["Hi"]).server(&server).key(KEY).stdout("Four.\n");
    run.stderr_like("busy: [key] waits (HTTP 503); retry").success();
}

#[test]
fn the_key_is_masked_in_an_invalid_response() {
    let env = Env::new();
    for wire in [
        format!("{KEY}\r\n\r\n"),
        format!("HTTP/1.1 {KEY}\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\n{KEY}\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\n{KEY}: \0\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{KEY}\r\n"),
    ] {
        let server = Server::play([Script::from(wire.as_str())]);
        let shown = env.ask(&server, ["-v"]).key(KEY).case(&wire).stderr_like("").code(8);
        assert_hidden(&shown.stderr, &wire);
    }
}

#[test]
fn no_part_of_the_key_is_left_in_a_truncated_message() {
    let env = Env::new();
    let cuts = 400 - KEY.len() - 8..=400;
    let response = |n: &usize| {
        Response::new(500, "text/plain", format!("{}{KEY} and more", "\u{b7}".repeat(n / 2)))
    };
    let lengths: Vec<usize> = cuts.collect();
    let server = Server::play(lengths.iter().map(response));
    for n in lengths {
        let output = env.ask(&server, []).key(KEY).case(n).stderr_like("HTTP 500").code(8);
        assert_hidden(&output.stderr, n);
    }
}

#[test]
fn no_part_of_the_key_is_left_in_a_truncated_body() {
    let env = Env::new();
    // White space is folded, so that the end of the body is shown too.
    for size in [4096, 8192, 16384, 32768, 65536, 131_072, 1 << 20] {
        let body = format!("{}{KEY}{}", " ".repeat(size - 12), " ".repeat(100_000));
        let server = Server::respond(Response::new(500, "text/plain", body));
        let output = env.ask(&server, []).key(KEY).case(size).stderr_like("HTTP 500").code(8);
        assert_hidden(&output.stderr, size);
    }
}

#[test]
fn the_key_is_masked_in_a_model_and_a_url_too() {
    let (env, server) = (Env::new(), Server::respond(four()));
    let url = format!("{}/{KEY}", server.url());
    let run = env.ask_at(&url, ["-v", "--model", KEY]).key(KEY);
    let output = run.stdout("Four.\n").stderr_like("/[key]/").success();
    assert_eq!(output.notes().matches("[key]").count(), 2, "{}", output.notes());
    assert_hidden(&output.stderr, "--verbose");
}

#[test]
fn the_key_is_masked_in_the_wrong_option_or_variable() {
    let env = Env::new();
    env.write("key", format!("{KEY}\n"));
    let wrong: [&[&str]; 5] = [
        &["--base-url", KEY],
        &["--file", KEY],
        &["--max-tokens", KEY],
        &["--key", KEY],
        &[&format!("--api-key={KEY}")],
    ];
    for flags in wrong {
        for (variable, value) in [("XAI_API_KEY", KEY), ("XAI_API_KEY_FILE", "key")] {
            let run = env.ask_at("", flags.iter().copied()).env(variable, value).case(flags);
            let output = run.stderr_like("xask: error: ").code(2);
            assert_hidden(&output.stderr, flags);
        }
    }
    let output = env.ask_at("https://localhost:1/v1", []).env("XAI_API_KEY_FILE", KEY);
    assert_hidden(&output.stderr_like("xask: error: ").code(3).stderr, "in place of its file");
}
