//! The layer `client`: what is sent, to which server, and what happens when a connection breaks.

mod base_url;
mod broken;
mod headers;
mod key;
mod key_forms;

use serde_json::json;

use crate::support::{Env, ID, Response, Server, answer, four};

#[test]
fn the_prompt_of_the_guide_is_sent_in_one_exact_request() {
    let (env, server) = (Env::new(), Server::respond(answer("2 + 2 equals 4.")));
    let args = ["--system", "You are a PhD-level mathematician.", "What is 2 + 2?"];
    env.xask(args).server(&server).key("xai-0123456789").stdout("2 + 2 equals 4.\n").success();

    let request = server.request();
    assert_eq!((&*request.method, &*request.path), ("POST", "/v1/chat/completions"));
    assert_eq!(
        request.json(),
        json!({"model": "grok-4", "messages": [
            {"role": "system", "content": "You are a PhD-level mathematician."},
            {"role": "user", "content": "What is 2 + 2?"},
        ]})
    );
    // All headers: nothing is negotiated that xask cannot read (no Accept-Encoding), nothing is awaited
    // (no Expect), and the body is not chunked.
    let mut headers = request.headers;
    for (name, _) in &mut headers {
        name.make_ascii_lowercase();
    }
    headers.sort();
    let expected = [
        ("accept", "*/*"),
        ("authorization", "Bearer xai-0123456789"),
        ("content-length", &request.body.len().to_string()),
        ("content-type", "application/json"),
        ("host", &server.addr().to_string()),
        ("user-agent", concat!("xask/", env!("CARGO_PKG_VERSION"))),
    ];
    assert_eq!(headers, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[test]
fn the_length_of_a_body_is_counted_in_bytes_sent() {
    let (env, server) = (Env::new(), Server::respond(four()));
    let text = format!("Gr\u{fc}\u{df}e \u{1f600} \"quoted\"\\ \u{1}\t{}", "x".repeat(100_000));
    env.ask(&server, ["-"]).stdin(text.as_str()).stdout("Four.\n").success();
    let request = server.request();
    assert_eq!(request.header("content-length"), Some(&*request.body.len().to_string()));
    assert_eq!(request.header("transfer-encoding"), None);
    let content = format!("What is 2 + 2?\n\n{text}");
    assert_eq!(request.json()["messages"][0]["content"], content);
}

#[test]
fn a_redirect_is_not_followed() {
    let env = Env::new();
    for status in [300, 301, 302, 303, 304, 307, 308] {
        let elsewhere = Server::never();
        let location = format!("{}/chat/completions", elsewhere.url());
        let redirect = Response::new(status, "text/html", "")
            .header("Location", &location)
            .header("x-request-id", ID);
        let server = Server::respond(redirect);
        let status = format!("HTTP {status}");
        env.ask(&server, []).key("xai-0123456789").fails(8, &["redirect", &status, ID]);
    }
}

#[test]
fn unreadable_certificates_are_an_error_before_anything_is_sent() {
    let env = Env::new();
    let key_only =
        "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----\n";
    env.write("empty.pem", "");
    env.write("text.pem", "no certificate");
    env.write("key.pem", key_only);
    env.write("folder.pem/file", "");
    let never = Server::never();
    let https = format!("https://{}/v1", never.addr());
    for (file, why) in [
        ("missing.pem", "no such file"),
        ("empty.pem", "no certificate"),
        ("text.pem", "no certificate"),
        ("key.pem", "no certificate"),
        ("folder.pem", "is a directory"),
    ] {
        env.ask_at(&https, []).env("SSL_CERT_FILE", file).fails(1, &[file, why]);
    }
}

#[test]
fn certificates_are_not_read_if_none_are_needed() {
    let env = Env::new();
    let server = Server::respond(four());
    env.ask(&server, []).env("SSL_CERT_FILE", "missing.pem").stdout("Four.\n").success();
    // Nothing listens there, which is noticed only after the certificates were read.
    env.ask_at("https://127.0.0.1:1/v1", []).env("SSL_CERT_FILE", "").fails(6, &["127.0.0.1:1"]);
    // The key is checked before the network is used.
    env.ask_at("https://api.x.ai/v1", [])
        .env("SSL_CERT_FILE", "missing.pem")
        .fails(3, &["XAI_API_KEY"]);
}
