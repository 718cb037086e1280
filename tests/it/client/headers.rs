//! `--header`: more request headers, for gateways.

use crate::support::{Env, KEY, Response, Script, Server, chat, four};

/// All values that were sent under a name, in order.
fn sent(server: &Server, name: &str) -> Vec<String> {
    let request = server.request();
    let values = request.headers.iter().filter(|(found, _)| found.eq_ignore_ascii_case(name));
    values.map(|(_, value)| value.clone()).collect()
}

#[test]
fn headers_are_sent_in_their_order_and_the_same_name_twice() {
    let (env, server) = (Env::new(), Server::respond(four()));
    env.write("headers", "X-Team: file\r\n\r\nx-other: a b\r\n");
    let flags = ["-H", "X-Team: one", "--header=x-team:two  ", "-H@headers"];
    env.ask(&server, flags).stdout("Four.\n").success();
    assert_eq!(sent(&server, "x-team"), ["one", "two", "file"]);
}

#[test]
fn headers_come_from_standard_input_too() {
    let (env, server) = (Env::new(), Server::respond(four()));
    env.ask(&server, ["-H", "@-"]).stdin("X-Team: one\n").stdout("Four.\n").success();
    assert_eq!(sent(&server, "x-team"), ["one"]);
}

#[test]
fn headers_replace_defaults_of_the_same_name_and_the_others_stay() {
    let (env, server) = (Env::new(), Server::respond(four()));
    let flags = ["-H", "User-Agent: me/1", "-H", "accept: application/json"];
    env.ask(&server, flags).key(KEY).stdout("Four.\n").success();
    let request = server.request();
    let all = |name: &str| {
        let values = request.headers.iter().filter(|(found, _)| found.eq_ignore_ascii_case(name));
        values.map(|(_, value)| value.clone()).collect::<Vec<_>>()
    };
    assert_eq!(all("user-agent"), ["me/1"]);
    assert_eq!(all("accept"), ["application/json"]);
    assert_eq!(all("authorization"), [format!("Bearer {KEY}")]);
    assert_eq!(all("content-type"), ["application/json"]);
}

#[test]
fn an_authorization_from_a_file_replaces_the_key() {
    let env = Env::new();
    env.write("headers", "Authorization: Basic dXNlcjpwYXNz\n");
    for key in ["", KEY] {
        let server = Server::respond(four());
        env.ask(&server, ["-H", "@headers"]).key(key).stdout("Four.\n").success();
        assert_eq!(sent(&server, "authorization"), ["Basic dXNlcjpwYXNz"]);
    }
    let run = env.ask_at("https://localhost.example:1/v1", ["-H", "@headers"]);
    run.env("https_proxy", "http://127.0.0.1:1").fails(6, &["cannot connect to localhost.example"]);
}

#[test]
fn long_headers_are_sent_whole() {
    let (env, server) = (Env::new(), Server::respond(four()));
    let long = "a".repeat(30_000);
    env.write("headers", format!("X-A: {long}\nX-B: {long}\n"));
    env.ask(&server, ["-H", "@headers"]).stdout("Four.\n").success();
    let request = server.request();
    assert_eq!((request.header("x-a"), request.header("x-b")), (Some(&*long), Some(&*long)));
}

#[test]
fn a_header_that_cannot_be_sent_is_a_usage_error_that_does_not_show_its_value() {
    let (env, never) = (Env::new(), Server::never());
    env.write("blank", " \n");
    env.write("host", "X-A: b\nHost: hunter22\n");
    for (header, why) in [
        ("hunter22", "--header: expected NAME: VALUE or @FILE"),
        ("X-A:", "--header: X-A has no value"),
        ("X A: hunter22", "malformed header name"),
        ("Content-Length: hunter22", "Content-Length cannot be set"),
        ("Authorization: hunter22", "Authorization is accepted from a file only"),
        ("@missing", "missing: no such file or directory"),
        ("@blank", "blank: contains no headers"),
        ("@host", "host, line 2: Host cannot be set"),
    ] {
        let shown = env.ask(&never, ["-H", header]).case(header).fails(2, &[why]);
        assert!(!shown.contains("hunter22"), "{shown}");
    }
}

#[test]
fn values_and_their_last_words_are_masked() {
    let env = Env::new();
    env.write("headers", "X-Token: Token hunter22hunter22\n");
    let words = "You sent Token hunter22hunter22, that is hunter22hunter22.";
    let server = Server::respond(Response::json(400, chat::error("bad", words)));
    let run = env.ask(&server, ["-v", "-H", "@headers"]).stderr_like("bad: You sent ");
    let output = run.code(4);
    assert!(!output.notes().contains("hunter22"), "{}", output.notes());
}

#[test]
fn headers_are_not_sent_to_a_proxy() {
    let env = Env::new();
    let proxy = Server::play([Script::new().send("HTTP/1.1 403 No\r\n\r\n")]);
    let run = env.ask_at("https://localhost:1/v1", ["-H", "X-Team: one"]);
    run.env("https_proxy", format!("http://{}", proxy.addr())).fails(6, &["HTTP 403"]);
    let request = proxy.request();
    assert_eq!((&*request.method, request.header("x-team")), ("CONNECT", None));
}
