//! `XAI_API_KEY` and `XAI_API_KEY_FILE`: where the key is found, and that nobody sees it.

use serde_json::json;

use crate::support::{Env, KEY, Reply, Run, Script, Server, four, replies};

/// An address that wants a key, and is not reached without one.
const ELSEWHERE: &str = "https://api.x.ai/v1";

/// What the service was sent as `Authorization`.
#[track_caller]
fn authorization(run: Run, server: &Server) -> Option<String> {
    run.server(server).stdout("Four.\n").success();
    server.request().header("authorization").map(ToOwned::to_owned)
}

#[test]
fn it_comes_from_the_variable_else_from_the_file_less_white_space_around_it() {
    let env = Env::new();
    let bearer = Some(format!("Bearer {KEY}"));
    for around in ["{}", "{}\n", "{}\r\n", " \t{} \t", "\n\n{}\n\n"] {
        let text = around.replace("{}", KEY);
        let server = Server::reply(four());
        assert_eq!(authorization(env.xask(["hi"]).case(around).key(&text), &server), bearer);
        env.write("key", &text);
        let server = Server::reply(four());
        let run = env.xask(["hi"]).case(around).env("XAI_API_KEY_FILE", "key");
        assert_eq!(authorization(run, &server), bearer);
    }
    // An empty variable is none, and the file of a variable that has the key is not read.
    let server = Server::reply(four());
    let run = env.xask(["hi"]).key("").env("XAI_API_KEY_FILE", "key");
    assert_eq!(authorization(run, &server), bearer);
    let server = Server::reply(four());
    let run = env.xask(["hi"]).key(KEY).env("XAI_API_KEY_FILE", "missing");
    assert_eq!(authorization(run, &server), bearer);
}

#[test]
fn its_file_may_be_a_pipe() {
    let (env, server) = (Env::new(), Server::reply(four()));
    let run = env.sh("mkfifo key; printf 'xai-1\\n' >key & XAI_API_KEY_FILE=key xask hi");
    assert_eq!(authorization(run, &server).as_deref(), Some("Bearer xai-1"));
}

#[test]
fn where_there_is_none_the_service_is_not_asked() {
    let env = Env::new();
    let none = ["no API key", "XAI_API_KEY", "XAI_API_KEY_FILE"];
    env.ask_at(ELSEWHERE, []).fails(3, &none);
    env.ask_at(ELSEWHERE, []).key("").env("XAI_API_KEY_FILE", "").fails(3, &none);
    env.ask_at(ELSEWHERE, []).key(" \n").fails(3, &["XAI_API_KEY"]);
    // `http` elsewhere is refused before any key is looked for, and inputs come before it too.
    env.ask_at(ELSEWHERE, ["--file", "missing"]).fails(2, &["missing"]);
}

#[test]
fn this_machine_needs_none_and_is_sent_none() {
    let env = Env::new();
    for run in
        [env.xask(["hi"]), env.xask(["hi"]).key(""), env.xask(["hi"]).env("XAI_API_KEY_FILE", "")]
    {
        assert_eq!(authorization(run, &Server::reply(four())), None);
    }
    env.ask_at("https://127.0.0.1:1/v1", []).fails(6, &["127.0.0.1:1"]);
    env.ask_at("https://localhost:1/v1", []).fails(6, &["localhost:1"]);
}

#[test]
fn what_cannot_be_a_key_is_refused_and_not_shown() {
    let env = Env::new();
    let never = Server::never();
    let (front, back) = KEY.split_at(10);
    for between in ["\n", "\r\n", "\t", "\u{1b}", "\u{7f}", "\u{85}", "\u{e9}", "\u{202e}"] {
        let key = [front, between, back].concat();
        env.write("key", &key);
        for run in
            [env.ask(&never, []).key(&key), env.ask(&never, []).env("XAI_API_KEY_FILE", "key")]
        {
            let told = run.case(between).fails(3, &["XAI_API_KEY", "malformed"]);
            assert!(!told.contains(front) && !told.contains(back), "{told}");
        }
    }
    env.write("nul", "xai-\0key");
    env.write("latin", b"xai-\xe9key");
    env.ask(&never, []).env("XAI_API_KEY_FILE", "nul").fails(3, &["malformed"]);
    env.ask(&never, []).env("XAI_API_KEY_FILE", "latin").fails(3, &["malformed"]);
    let long = "k".repeat(16_000);
    let told = env.ask(&never, []).key(&long).fails(3, &["XAI_API_KEY", "longer than 4096 bytes"]);
    assert!(!told.contains("kkkk"), "{told}");
    // A broken key is not passed over for a good one.
    env.write("good", KEY);
    env.ask(&never, []).key("a\nb").env("XAI_API_KEY_FILE", "good").fails(3, &["malformed"]);
}

#[test]
fn a_file_without_a_key_is_named_with_what_is_wrong_with_it() {
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

/// Nothing of the key from five letters on is to be read on either stream.
#[track_caller]
fn assert_unseen(text: &[u8], case: impl std::fmt::Debug) {
    for part in KEY.as_bytes().windows(5) {
        let seen = text.windows(5).any(|window| window == part);
        assert!(!seen, "{case:?} shows the key: {}", String::from_utf8_lossy(text));
    }
}

#[test]
fn it_is_masked_wherever_a_service_says_it() {
    let env = Env::new();
    let echo = format!("The key {KEY} is wrong, yes, {KEY}");
    let escaped = echo.replace("xai", "\\u0078ai");
    let in_reply =
        |json: String| replies::completion_with(serde_json::from_str(&json).expect("JSON"));
    for (status, code, body) in [
        (400, 4, replies::error("invalid-argument", &echo)),
        (400, 4, replies::error(KEY, "words")),
        (400, 4, replies::error(KEY, "")),
        (400, 4, format!(r#"{{"code":"invalid-argument","error":"{escaped}"}}"#)),
        (
            400,
            3,
            replies::error("invalid-argument", &format!("Incorrect API key provided: {KEY}.")),
        ),
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
        (200, 8, replies::error("internal", &echo)),
        (200, 8, format!(r#""{echo}""#)),
        (200, 8, echo.clone()),
        (200, 7, format!(r#"{{"choices":[{{"message":{{"content":"{KEY}"#)),
        (200, 9, in_reply(format!(r#"{{"finish_reason":"{KEY}","content":null}}"#))),
    ] {
        let location = format!("http://127.0.0.1:1/{KEY}");
        let reply = Reply::json(status, body.as_str()).header("x-request-id", &format!("id-{KEY}"));
        let reply = reply.header("Location", &location);
        let server = Server::play([reply.clone(), reply]);
        for flags in [&[][..], &["-v", "--usage"]] {
            let run = env.ask(&server, flags.iter().copied()).key(KEY).case(&body);
            let output = run.stderr_like("id-[key]").code(code);
            assert_unseen(&output.stderr, &body);
        }
    }
}

#[test]
fn it_is_masked_in_streams_and_headers_too() {
    let env = Env::new();
    let echo = format!("Bearer {KEY} is wrong");
    let length = || replies::completion_with(json!({"finish_reason": "length"}));
    let events = |last: &str| Reply::sse(&[&replies::chunk(json!({"content": "Fo"}), None), last]);
    for (index, reply) in [
        events(&json!({"error": {"message": echo}}).to_string()),
        events(&json!({"code": KEY, "error": KEY}).to_string()),
        events(&echo),
        events(&json!(echo).to_string()),
        events(&replies::chunk(json!({}), Some(KEY))),
        Reply::json(200, json!({"error": echo}).to_string()),
        Reply::json(200, length()).header("x-request-id", KEY),
        Reply::new(200, KEY, "{}"),
        Reply::json(429, "{}").header("Retry-After", KEY).header("X-Should-Retry", KEY),
        Reply::json(302, "").header("Location", &format!("https://a.example/{KEY}")),
    ]
    .into_iter()
    .enumerate()
    {
        let server = Server::reply(reply);
        let run = env.ask(&server, ["--verbose", "--stream"]).key(KEY).case(index);
        let output = run.stdout_like("").stderr_like("xask: error: ").spawn().finish();
        assert!(![Some(0), None].contains(&output.status.code()), "{index}: {}", output.notes());
        assert_unseen(&output.stderr, index);
        let bearer = server.request().header("authorization").map(str::to_owned);
        assert_eq!(bearer, Some(format!("Bearer {KEY}")));
    }
}

#[test]
fn it_is_masked_in_the_note_of_a_repetition_too() {
    let env = Env::new();
    let busy = Reply::json(503, replies::error("busy", &format!("{KEY} waits")));
    let server = Server::play([busy.header("Retry-After", "0"), four()]);
    let run = env.xask(["Hi"]).server(&server).key(KEY).stdout("Four.\n");
    run.stderr_like("busy: [key] waits (HTTP 503); retry").success();
}

#[test]
fn it_is_masked_in_what_is_no_reply_at_all() {
    let env = Env::new();
    for wire in [
        format!("{KEY}\r\n\r\n"),
        format!("HTTP/1.1 {KEY}\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\n{KEY}\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\n{KEY}: \0\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{KEY}\r\n"),
    ] {
        let server = Server::play([Script::from(wire.as_str())]);
        let told = env.ask(&server, ["-v"]).key(KEY).case(&wire).stderr_like("").code(8);
        assert_unseen(&told.stderr, &wire);
    }
}

#[test]
fn no_half_of_it_is_left_where_long_words_are_cut() {
    let env = Env::new();
    let cuts = 400 - KEY.len() - 8..=400;
    let reply = |n: &usize| {
        Reply::new(500, "text/plain", format!("{}{KEY} and more", "\u{b7}".repeat(n / 2)))
    };
    let lengths: Vec<usize> = cuts.collect();
    let server = Server::play(lengths.iter().map(reply));
    for n in lengths {
        let output = env.ask(&server, []).key(KEY).case(n).stderr_like("HTTP 500").code(8);
        assert_unseen(&output.stderr, n);
    }
}

#[test]
fn no_half_of_it_is_left_where_long_bodies_are_cut() {
    let env = Env::new();
    // White space is folded, so that what stands at the end of a body is shown too.
    for size in [4096, 8192, 16384, 32768, 65536, 131_072, 1 << 20] {
        let body = format!("{}{KEY}{}", " ".repeat(size - 12), " ".repeat(100_000));
        let server = Server::reply(Reply::new(500, "text/plain", body));
        let output = env.ask(&server, []).key(KEY).case(size).stderr_like("HTTP 500").code(8);
        assert_unseen(&output.stderr, size);
    }
}

#[test]
fn it_is_masked_in_a_model_and_an_address_too() {
    let (env, server) = (Env::new(), Server::reply(four()));
    let url = format!("{}/{KEY}", server.url());
    let run = env.ask_at(&url, ["-v", "--model", KEY]).key(KEY);
    let output = run.stdout("Four.\n").stderr_like("/[key]/").success();
    assert_eq!(output.notes().matches("[key]").count(), 2, "{}", output.notes());
    assert_unseen(&output.stderr, "--verbose");
}

#[test]
fn it_is_masked_where_it_was_pasted_into_the_wrong_place() {
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
            assert_unseen(&output.stderr, flags);
        }
    }
    let output = env.ask_at("https://localhost:1/v1", []).env("XAI_API_KEY_FILE", KEY);
    assert_unseen(&output.stderr_like("xask: error: ").code(3).stderr, "in place of its file");
}
