//! `--header`: additional request headers, for gateways, and none that would break the request.

use crate::support::{
    Env, ID, KEY, Response, Run, Server, Tty, chat, four, json_response, retry_at_once,
};

fn gate<'a>(env: &Env, args: impl IntoIterator<Item = &'a str>) -> Run {
    env.xask(["--retries=0", "hi"].into_iter().chain(args))
}

#[test]
fn headers_are_sent_with_every_request() {
    let env = Env::new();
    let models = Response::json(200, r#"{"data":[{"id":"grok-4"}]}"#);
    let server = Server::play([retry_at_once(503), four(), models]);
    let flags = ["-H", "X-One: 1", "--header", "x-two:two words  ", "-H", "X-One: again"];
    let run = env.xask(["hi"]).args(flags).server(&server).stdout("Four.\n");
    run.stderr_like("retry 1 of 2").success();
    env.xask(["--list-models"]).args(flags).server(&server).stdout("grok-4\n").success();
    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    for request in requests {
        let ones = request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("x-one"));
        let ones: Vec<_> = ones.map(|(_, value)| value.as_str()).collect();
        assert_eq!(ones, ["1", "again"], "the same name twice is sent twice");
        assert_eq!(request.header("x-two"), Some("two words"));
        assert_eq!(request.header("authorization"), None);
    }
}

#[test]
fn a_file_holds_one_header_per_line() {
    let env = Env::new();
    env.write("headers", "X-One: 1\n\nX-Two: 2\r\nAuthorization: Bearer gateway-token-1\n");
    for from_stdin in [false, true] {
        let server = Server::respond(four());
        let file = if from_stdin { "@-" } else { "@headers" };
        let run = gate(&env, ["-H", file, "-H", "X-Three: 3"]).key(KEY).server(&server);
        let run = if from_stdin { run.stdin(env.read("headers")) } else { run };
        run.stdout("Four.\n").success();
        let request = server.request();
        for (name, value) in [
            ("x-one", "1"),
            ("x-two", "2"),
            ("x-three", "3"),
            // Instead of the header with the key.
            ("authorization", "Bearer gateway-token-1"),
        ] {
            assert_eq!(request.header(name), Some(value), "{name}");
        }
        let all = request.headers.iter();
        assert_eq!(all.filter(|(name, _)| name.eq_ignore_ascii_case("authorization")).count(), 1);
    }
}

#[test]
fn an_authorization_header_replaces_the_key() {
    let env = Env::new();
    env.write("headers", "authorization: Basic c2VjcmV0OnNlY3JldA==\n");
    // A host name that does not exist: the key is not needed, so the connection is what fails.
    let url = format!("https://{}.example/v1", "a".repeat(64));
    let run = || env.xask(["--retries=0", "--base-url", &url, "hi"]);
    run().args(["-H", "@headers"]).fails(6, &[".example"]);
    run().fails(3, &["no API key"]);
}

#[test]
fn user_agent_and_accept_can_be_replaced() {
    let server = Server::respond(four());
    let run = gate(&Env::new(), ["-H", "user-agent: mine/1", "-H", "ACCEPT: text/plain"]);
    run.server(&server).stdout("Four.\n").success();
    let request = server.request();
    for (name, value) in [("user-agent", "mine/1"), ("accept", "text/plain")] {
        let of_it = request.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        let values: Vec<_> = of_it.map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, [value]);
    }
    let server = Server::respond(four());
    gate(&Env::new(), []).server(&server).stdout("Four.\n").success();
    let agent = format!("xask/{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(server.request().header("user-agent"), Some(&*agent));
}

#[test]
fn headers_that_xask_sets_are_usage_errors() {
    let (env, never) = (Env::new(), Server::never());
    for name in [
        "Host",
        "Content-Length",
        "content-type",
        "Content-Encoding",
        "Transfer-Encoding",
        "Accept-Encoding",
        "TE",
        "Trailer",
        "Connection",
        "Upgrade",
        "Expect",
        "Proxy-Authorization",
        "proxy-connection",
    ] {
        let header = format!("{name}: x");
        gate(&env, ["-H", &header]).server(&never).refused(2, &[name]);
        env.write("headers", format!("X-One: 1\n{header}\n"));
        gate(&env, ["-H", "@headers"]).server(&never).refused(2, &["headers", name]);
    }
    // A secret among the arguments is visible to all users.
    let run = gate(&env, ["-H", "Authorization: Bearer gateway-token-1"]).server(&never);
    let stderr = run.refused(2, &["Authorization", "@"]);
    assert!(!stderr.contains("gateway-token-1"), "{stderr}");
}

#[test]
fn an_invalid_header_is_a_usage_error() {
    let (env, never) = (Env::new(), Server::never());
    env.folder("folder");
    for header in [
        "",
        "X-One",
        ": 1",
        " X-One: 1",
        "X One: 1",
        "X-One : 1",
        "X-\u{e9}: 1",
        "X-One: a\nX-Two: b",
        "X-One: a\rb",
        "X-One: \u{1}",
        "(x): 1",
    ] {
        gate(&env, ["-H", header]).server(&never).case(header).refused(2, &["--header"]);
    }
    for (bytes, word) in [
        (&b"X-One\n"[..], "headers"),
        (b"X-One: 1\nX Two: 2\n", "headers"),
        (b"X-One: \xff\xfe\x01\n", "headers"),
        (b"X-One: 1\n folded\n", "headers"),
    ] {
        env.write("headers", bytes);
        gate(&env, ["-H", "@headers"]).server(&never).refused(2, &[word]);
    }
    for (file, why) in [("missing", "no such file"), ("folder", "directory")] {
        gate(&env, ["-H", &format!("@{file}")]).server(&never).refused(2, &[file, why]);
    }
    gate(&env, ["-H", "@-"]).tty(Tty::Stdin).server(&never).spawn().kill();
    gate(&env, ["-", "-H", "@-"]).stdin("X-One: 1").server(&never).refused(2, &["standard input"]);
    let large = " ".repeat(64 * 1024 + 1);
    let run = gate(&env, ["-H", "@-"]).stdin(large).server(&never);
    run.refused(2, &["standard input: larger than 64 KiB, the limit for a header file"]);
}

#[test]
fn values_are_masked_in_messages_of_the_api_and_in_verbose_notes() {
    let env = Env::new();
    let values = ["open-sesame-1", "Bearer gateway-token-1", "short12"];
    env.write(
        "headers",
        "X-Gate: open-sesame-1\nAuthorization: Bearer gateway-token-1\nX-Short: short12\n",
    );
    let words = "open-sesame-1 and gateway-token-1 and OPEN-sesame-1 and short12";
    let server = Server::respond(json_response(400, chat::error("slug", words)));
    let run = gate(&env, ["-v", "-H", "@headers"]).server(&server);
    let stderr = run.stderr_like(ID).code(4);
    let stderr = stderr.notes();
    for value in &values[..2] {
        let word = value.rsplit(' ').next().expect("a word");
        assert!(!stderr.to_lowercase().contains(word), "{word} is in {stderr}");
    }
    assert!(stderr.contains("short12"), "shorter than 8 bytes: {stderr}");
}

#[test]
fn headers_are_not_part_of_the_cache_key() {
    let env = Env::new();
    let server = Server::respond(four());
    for header in [None, Some("X-One: 1"), Some("X-One: 2")] {
        let flags = header.iter().flat_map(|header| ["-H", header]);
        let run = env.xask(["--cache", "answers", "hi"]).args(flags).server(&server);
        run.stdout("Four.\n").success();
    }
}

#[test]
fn headers_never_reach_a_proxy() {
    let env = Env::new();
    let refuse =
        crate::support::Script::after(crate::support::Reads::Head).send("HTTP/1.1 403 No\r\n\r\n");
    let proxy = Server::play([refuse]);
    let run = env.xask(["--retries=0", "--base-url", "https://api.example", "hi"]).key(KEY);
    let run = run.args(["-H", "X-One: 1"]).env("HTTPS_PROXY", format!("http://{}", proxy.addr()));
    run.fails(6, &["403"]);
    assert_eq!(proxy.request().method, "CONNECT");
    assert_eq!(proxy.request().header("x-one"), None);
}

#[test]
fn long_headers_are_sent_whole() {
    let (env, server) = (Env::new(), Server::respond(four()));
    let long = "a".repeat(30_000);
    env.write("headers", format!("X-A: {long}\nX-B: {long}\n"));
    gate(&env, ["-H", "@headers"]).server(&server).stdout("Four.\n").success();
    let request = server.request();
    assert_eq!((request.header("x-a"), request.header("x-b")), (Some(&*long), Some(&*long)));
}

#[test]
fn a_file_of_headers_is_read_even_when_nothing_is_sent() {
    let env = Env::new();
    env.write("blank", " \n");
    for mode in ["--rehearse", "--dry-run"] {
        for file in ["@blank", "@missing"] {
            env.xask(["-q", mode, "hi", "-H", file]).fails(2, &[&file[1..]]);
        }
    }
}
