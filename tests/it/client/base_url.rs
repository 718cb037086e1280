//! `--base-url` and `XAI_BASE_URL`: where a request goes, and where it must not go.

use crate::support::{Env, Server, four, skip};

#[test]
fn the_path_is_kept_and_a_final_slash_does_not_matter() {
    for (path, expected) in [
        ("", "/chat/completions"),
        ("/", "/chat/completions"),
        ("/v1", "/v1/chat/completions"),
        ("/v1/", "/v1/chat/completions"),
        ("/proxy/xai/v1", "/proxy/xai/v1/chat/completions"),
        ("/a%20b/%C3%BC", "/a%20b/%C3%BC/chat/completions"),
    ] {
        let server = Server::respond(four());
        let url = format!("http://{}{path}", server.addr());
        Env::new().ask_at(&url, []).stdout("Four.\n").success();
        assert_eq!(server.request().path, expected, "{url}");
    }
}

#[test]
fn this_machine_may_have_any_of_its_names() {
    let env = Env::new();
    for host in ["127.0.0.1", "localhost", "LOCALHOST"] {
        let server = Server::respond(four());
        let port = server.addr().port();
        env.ask_at(&format!("http://{host}:{port}"), []).stdout("Four.\n").success();
        assert_eq!(server.request().header("host"), Some(&*format!("{host}:{port}")));
    }
    // Nothing listens there, but the request goes there, and without a key.
    for host in ["127.1.2.3", "127.255.255.254"] {
        env.ask_at(&format!("http://{host}:1/v1"), []).fails(6, &[host]);
    }
}

#[test]
fn an_ipv6_address_is_accepted() {
    let env = Env::new();
    let Some(server) = Server::play_on_ipv6([four()]) else {
        return skip("there is no IPv6 here");
    };
    let url = format!("HTTP://{}/v1", server.addr());
    env.ask_at(&url, []).stdout("Four.\n").success();
    assert_eq!(server.request().header("host"), Some(&*server.addr().to_string()));
}

#[test]
fn a_name_with_one_dead_and_one_live_address_is_reached() {
    // Nothing listens on 127.0.0.1, its other address.
    let Some(server) = Server::play_on_ipv6([four()]) else {
        return skip("there is no IPv6 here");
    };
    Env::new().ask_at(&server.url_at("localhost"), []).stdout("Four.\n").success();
}

#[test]
fn the_flag_takes_precedence_and_an_empty_variable_counts_as_unset() {
    let (env, never) = (Env::new(), Server::never());
    let server = Server::respond(four());
    env.ask(&never, ["--base-url", &server.url()]).stdout("Four.\n").success();
    env.ask_at("not a URL", ["--base-url", "http://127.0.0.1:1"]).fails(6, &["127.0.0.1:1"]);
    // The default is not on loopback: it needs a key, and nothing is sent without one.
    env.ask_at("", []).fails(3, &["no API key"]);
    env.ask(&never, ["--base-url="]).fails(2, &["base URL"]);
}

#[test]
fn an_invalid_base_url_is_a_usage_error_with_the_reason() {
    let env = Env::new();
    for (url, why) in [
        ("api.x.ai/v1", "missing https://"),
        ("localhost:8080", "missing https://"),
        ("//api.x.ai/v1", "missing https://"),
        ("ftp://api.x.ai/v1", "must begin with https://"),
        ("file:///etc/passwd", "must begin with https://"),
        ("http://api.x.ai/v1", "this machine only"),
        ("http://localhost.example/v1", "this machine only"),
        ("http://127.0.0.1.example/v1", "this machine only"),
        ("http://10.0.0.1/v1", "this machine only"),
        ("http://0.0.0.0/v1", "this machine only"),
        ("http://[::2]/v1", "this machine only"),
        ("http://[::ffff:127.0.0.1]/v1", "this machine only"),
        ("https://api.x.ai/v1?beta=1", "query"),
        ("https://api.x.ai/v1?", "query"),
        ("https://api.x.ai/v1#top", "fragment"),
        ("https://api.x.ai:0/v1", "port"),
        ("https://api.x.ai:65536/v1", "port"),
        ("http://127.0.0.1:99999/", "port"),
        ("https://api.x.ai:/v1", "port"),
        ("https://api.x.ai:+443/v1", "port"),
        ("https://api.x.ai:-1/v1", "port"),
        ("https://", "not a URL"),
        ("https:///v1", "not a URL"),
        ("https://api x ai/v1", "not a URL"),
        ("https://[::1/v1", "not a URL"),
        (" https://api.x.ai/v1", "base URL"),
        ("https://api.x.ai/v1\n", "not a URL"),
        ("https://api.x.ai/\u{1b}[2J\u{202e}", "not a URL"),
    ] {
        env.ask_at(url, []).key("xai-0123456789").fails(2, &["base URL", why]);
        env.ask_at("", ["--base-url", url]).key("xai-0123456789").fails(2, &["base URL", why]);
        // It is an argument like others, so it is also checked if nothing is sent.
        env.ask_at(url, ["--rehearse"]).fails(2, &["base URL", why]);
        env.ask_at(url, ["--dry-run"]).fails(2, &["base URL", why]);
    }
}

#[test]
fn the_lowest_and_the_highest_port_are_accepted() {
    let env = Env::new();
    for url in [
        "http://127.0.0.1:1",
        "http://127.0.0.1:65535",
        "https://[::1]:65535/v1",
        "https://api.x.ai:443/v1",
    ] {
        env.ask_at(url, ["--rehearse", "--quiet"]).stdout_like("model: grok-4\n").success();
    }
}

#[test]
fn credentials_in_a_base_url_are_a_usage_error_and_never_shown() {
    let env = Env::new();
    for url in [
        "https://somebody:hunter2@api.x.ai/v1",
        "https://hunter2@api.x.ai/v1",
        "https://somebody:hunt@hunter2@api.x.ai/v1",
        "http://somebody:hunter2@127.0.0.1:1/v1",
        "https://somebody:hunter2@api.x.ai:99999/v1?query#fragment",
        "https://some body:hunter2@api.x.ai/v1",
        "https://somebody:hunter2/with/slashes@api.x.ai/v1",
        "ftp://somebody:hunter2@api.x.ai/v1",
        "somebody:hunter2@api.x.ai",
        "https://somebody:hunter2@",
    ] {
        for flags in [&[][..], &["-v"], &["--rehearse", "-v"]] {
            let shown = env.ask_at(url, flags.iter().copied()).key("xai-0").fails(2, &["base URL"]);
            assert!(!shown.contains("hunter2") && !shown.contains("somebody"), "{shown}");
        }
    }
    let shown = env.ask_at("https://a:b@api.x.ai/v1", []).fails(2, &["api.x.ai"]);
    assert!(shown.contains("user information"), "{shown}");
}
