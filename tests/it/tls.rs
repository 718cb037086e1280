//! Which certificates are trusted, and the messages for those that are not.

use rustls::version::{TLS12, TLS13};

use crate::support::tls::{Authority, Identity, trusted};
use crate::support::{Env, KEY, Reads, Response, Run, Script, Server, chat, four};

/// Sends a prompt to a server over TLS, by one of its names, trusting the authorities in `ca.pem`.
fn ask(env: &Env, server: &Server, name: &str) -> Run {
    env.ask_at(&server.url_at(name), []).key(KEY).env("SSL_CERT_FILE", "ca.pem")
}

/// The connection fails for this reason, and not a byte of the request was sent.
#[track_caller]
fn assert_not_connected(run: Run, server: &Server, why: &[&str]) {
    let shown = run.fails(6, why);
    assert!(
        shown.starts_with("xask: error: cannot connect to ") && !shown.contains("billed"),
        "{shown}"
    );
    assert!(server.requests().is_empty(), "{why:?}");
}

/// A server that gets a connection, but must not get a request.
fn without_request(identity: &Identity) -> Server {
    Server::play_tls(identity, [Script::from(four())])
}

#[test]
fn a_certificate_of_a_trusted_authority_is_enough() {
    let (env, authority) = (Env::new(), Authority::new("ours"));
    let other = Authority::new("theirs");
    for (case, bundle) in [
        ("alone", authority.pem().to_owned()),
        (
            "among others",
            other.pem().to_owned() + authority.pem() + Authority::new("a third").pem(),
        ),
        ("with remarks", format!("# ours\n\n{}\nfrom here:\n{}", other.pem(), authority.pem())),
        ("with CR LF", authority.pem().replace('\n', "\r\n")),
        ("without an end of its last line", authority.pem().trim_end().to_owned()),
    ] {
        env.write("ca.pem", bundle);
        for name in ["127.0.0.1", "localhost"] {
            let server = without_request(&authority.sign());
            ask(&env, &server, name).case(case).stdout("Four.\n").success();
            let bearer = server.request().header("authorization").map(str::to_owned);
            assert_eq!(bearer, Some(format!("Bearer {KEY}")));
        }
    }
}

#[test]
fn both_versions_of_tls_are_supported() {
    let (env, authority) = trusted();
    for version in [&TLS12, &TLS13] {
        let server = without_request(&authority.sign().only(version));
        ask(&env, &server, "localhost").stdout("Four.\n").success();
    }
}

#[test]
fn each_fault_of_a_certificate_has_a_message_and_a_hint() {
    let (env, authority) = trusted();
    let names = ["127.0.0.1", "localhost"];
    let unknown = ["its certificate is not signed by a trusted authority", "hint: SSL_CERT_FILE"];
    for (identity, name, why) in [
        (Authority::new("theirs").sign(), "localhost", unknown),
        (Identity::self_signed(), "localhost", unknown),
        (
            authority.sign_for(&["api.x.ai", "*.localhost"]),
            "localhost",
            ["its certificate does not match the host name", "hint: check the base URL"],
        ),
        (
            authority.sign_for(&["localhost"]),
            "127.0.0.1",
            ["its certificate does not match the host name", "hint: check the base URL"],
        ),
        (
            authority.sign_between(&names, 2001, 2002),
            "127.0.0.1",
            ["its certificate has expired", "hint: check this machine's clock"],
        ),
        (
            authority.sign_between(&names, 2101, 2102),
            "localhost",
            ["its certificate is not valid yet", "hint: check this machine's clock"],
        ),
    ] {
        let server = without_request(&identity);
        let run = ask(&env, &server, name).case(why);
        assert_not_connected(run, &server, &why);
    }
}

#[test]
fn a_rare_fault_of_a_certificate_has_a_message_too() {
    let (env, _) = trusted();
    // The authority was created again, and the certificate is of the old one.
    let server = without_request(&Authority::new("ours").sign());
    let run = ask(&env, &server, "localhost");
    assert_not_connected(run, &server, &["its certificate", "hint: SSL_CERT_FILE"]);
    let server = without_request(&Authority::new("ours").sign());
    let shown = ask(&env, &server, "localhost").fails(6, &[]);
    assert!(!shown.contains("BadSignature"), "{shown}");
}

#[test]
fn a_self_signed_certificate_can_be_trusted() {
    let (env, identity) = (Env::new(), Identity::self_signed());
    env.write("ca.pem", identity.pem());
    let server = without_request(&identity);
    ask(&env, &server, "localhost").stdout("Four.\n").success();
}

#[test]
fn authorities_from_a_file_replace_those_of_the_system_and_an_empty_variable_counts_as_unset() {
    let (env, authority) = (Env::new(), Authority::new("ours"));
    for file in [None, Some("")] {
        let server = without_request(&authority.sign());
        let run = env.ask_at(&server.url(), []).key(KEY);
        let run = if let Some(file) = file { run.env("SSL_CERT_FILE", file) } else { run };
        assert_not_connected(run, &server, &["not signed by a trusted authority"]);
    }
}

#[test]
fn authorities_may_be_in_folders_too() {
    let (env, authority) = (Env::new(), Authority::new("ours"));
    env.write("certs/ours.crt", authority.pem());
    env.write("others/README", "Nothing.");
    env.write("other.pem", Authority::new("theirs").pem());
    for (file, folders) in [
        ("", "certs"),
        ("", "missing:others::certs"),
        ("other.pem", "certs"),
        ("other.pem", "certs:"),
    ] {
        let server = without_request(&authority.sign());
        let run = env.ask_at(&server.url(), []).key(KEY).case((file, folders));
        let run = run.env("SSL_CERT_FILE", file).env("SSL_CERT_DIR", folders);
        run.stdout("Four.\n").success();
    }
    let url = format!("https://{}/v1", Server::never().addr());
    for (folders, why) in [
        ("others", "certificate authorities: others: contains no certificates"),
        ("missing", "certificate authorities: missing: no such file or directory"),
    ] {
        env.ask_at(&url, []).key(KEY).env("SSL_CERT_DIR", folders).fails(1, &[why]);
    }
}

#[test]
fn a_certificate_error_is_not_retried() {
    let (env, _) = trusted();
    let server = without_request(&Authority::new("theirs").sign());
    let run = env.xask(["--base-url", &server.url(), "Hi"]).key(KEY).env("SSL_CERT_FILE", "ca.pem");
    let shown =
        run.fails(6, &["not signed by a trusted authority", "the CA certificate that signed it"]);
    assert!(!shown.contains("retry"), "{shown}");
}

#[test]
fn a_file_without_an_authority_is_an_error_before_any_connection() {
    let (env, authority, never) = (Env::new(), Authority::new("ours"), Server::never());
    let url = format!("https://{}/v1", never.addr());
    let half = &authority.pem()[..authority.pem().len() / 2];
    let key = rcgen::KeyPair::generate().expect("a key").serialize_pem();
    for (case, bytes) in [
        ("empty", &b""[..]),
        ("no PEM", b"\x89PNG\r\n\x1a\n\0\0\0"),
        ("words", b"no certificates here\n"),
        ("half", half.as_bytes()),
        ("a key", key.as_bytes()),
    ] {
        env.write("ca.pem", bytes);
        let run = env.ask_at(&url, []).key(KEY).env("SSL_CERT_FILE", "ca.pem").case(case);
        run.fails(1, &["ca.pem: contains no certificates"]);
    }
    for (path, why) in [
        ("missing.pem", "no such file or directory"),
        (".", "is a directory"),
        ("a\u{1b}b", "no such"),
    ] {
        let run = env.ask_at(&url, []).key(KEY).env("SSL_CERT_FILE", path);
        run.fails(1, &["xask: error: certificate authorities: ", why]);
    }
}

#[test]
fn a_file_whose_blocks_are_not_certificates_is_an_error_before_any_connection() {
    let (env, never) = (Env::new(), Server::never());
    env.write("ca.pem", "-----BEGIN CERTIFICATE-----\nSGVsbG8h\n-----END CERTIFICATE-----\n");
    let url = format!("https://{}/v1", never.addr());
    let run = env.ask_at(&url, []).key(KEY).env("SSL_CERT_FILE", "ca.pem");
    run.fails(1, &["ca.pem", "certificate"]);
}

#[test]
fn a_server_without_tls_is_not_sent_a_byte_of_plaintext() {
    let env = Env::new();
    env.write("ca.pem", Authority::new("ours").pem());
    for script in [
        Script::after(Reads::Nothing).send("HTTP/1.1 400 Bad Request\r\n\r\n"),
        Script::after(Reads::Nothing).send(Vec::from(four())),
        Script::after(Reads::Nothing).send("\x15\x03\x03\0\x02\x02\x28"),
        Script::after(Reads::Nothing),
        Script::after(Reads::Nothing).reset(),
    ] {
        let server = Server::play([script]);
        let url = format!("https://{}/v1", server.addr());
        let run = env.ask_at(&url, []).key(KEY).env("SSL_CERT_FILE", "ca.pem");
        assert_not_connected(run, &server, &[]);
    }
}

#[test]
fn a_response_without_a_tls_close_is_judged_by_its_content() {
    let (env, authority) = trusted();
    let length = chat::completion("Four.").len();
    let events = chat::stream_of(&["Fo", "ur."], Some("stop"));
    for (response, whole) in [
        (four(), true),
        (four().chunked(), true),
        (four().close_delimited(), true),
        (Response::sse(&events).close_delimited(), true),
        (four().truncated_at(length - 1), false),
        (four().chunked().truncated_at(length - 1), false),
        (four().close_delimited().truncated_at(length - 1), false),
        (Response::sse(&events[..3]).close_delimited().truncated_at(400), false),
    ] {
        let server = Server::play_tls(&authority.sign(), [Script::new().send(response).hang_up()]);
        let run = ask(&env, &server, "localhost");
        if whole {
            run.stdout("Four.\n").success();
        } else {
            run.fails(7, &["billed again"]);
        }
    }
}

#[test]
fn a_stream_over_tls_arrives_as_it_is_sent() {
    let (env, authority) = trusted();
    let gate = crate::support::Gate::new();
    let (first, rest) = Response::sse(&chat::stream_of(&["Fo", "ur."], Some("stop"))).split(2);
    let script = Script::new().send(first).wait(&gate).send(rest);
    let server = Server::play_tls(&authority.sign(), [script]);
    let run = env.xask(["--stream", "Hi"]).server(&server).env("SSL_CERT_FILE", "ca.pem");
    let mut run = run.key(KEY).stdout("Four.\n").spawn();
    run.read_stdout_until("Fo");
    gate.open();
    run.success();
}
