//! Proxies, with the rules of curl: which one is used, what is sent to it, and how its faults are reported.

mod early;
mod socks;
mod time;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::support::tls::{Authority, trusted};
use crate::support::{Env, KEY, Reads, Run, Script, Server, four};

/// Nothing listens there: a port that is not assigned to programs, and that only root can use.
const CLOSED: &str = "http://127.0.0.1:1";

/// The variables in the order in which they are read.
const VARIABLES: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];

/// The response of a proxy when it is connected.
const CONNECTED: &str = "HTTP/1.1 200 Connection established\r\nVia: 1.1 a.example\r\n\r\n";

/// A server over TLS in place of the API, and the authority that signed its certificate.
struct Setup {
    env: Env,
    authority: Authority,
    api: Server,
}

impl Setup {
    /// An API that answers.
    fn new() -> Self {
        Self::with([Script::from(four())])
    }

    /// An API that must not be reached.
    fn unreached() -> Self {
        Self::with([])
    }

    fn with<const N: usize>(scripts: [Script; N]) -> Self {
        let (env, authority) = trusted();
        let api = Server::play_tls(&authority.sign(), scripts);
        Self { env, authority, api }
    }

    /// Sends the prompt to `localhost`.
    fn ask<'a>(&self, flags: impl IntoIterator<Item = &'a str>) -> Run {
        self.ask_at("localhost", flags)
    }

    fn ask_at<'a>(&self, host: &str, flags: impl IntoIterator<Item = &'a str>) -> Run {
        let run = self.env.ask_at(&self.api.url_at(host), flags);
        run.key(KEY).env("SSL_CERT_FILE", "ca.pem")
    }

    /// A proxy that connects to the API.
    fn tunnel(&self) -> Script {
        Script::after(Reads::Head).send(CONNECTED).tunnel(self.api.addr())
    }

    /// The same with SOCKS5.
    fn socks(&self) -> Script {
        Script::after(Reads::Nothing).socks5().tunnel(self.api.addr())
    }
}

/// The address of a proxy.
fn at(scheme: &str, proxy: &Server) -> String {
    format!("{scheme}://{}", proxy.addr())
}

#[test]
fn the_first_of_several_variables_that_is_set_decides() {
    for (index, name) in VARIABLES.iter().enumerate() {
        let setup = Setup::new();
        let proxy = Server::play([setup.tunnel()]);
        let mut run = setup.ask([]).env(name, at("http", &proxy));
        for before in &VARIABLES[..index] {
            run = run.env(before, "");
        }
        for after in &VARIABLES[index + 1..] {
            run = run.env(after, CLOSED);
        }
        run.stdout("Four.\n").success();
        let received = proxy.request();
        let api = format!("localhost:{}", setup.api.addr().port());
        assert_eq!((&*received.method, &*received.path), ("CONNECT", &*api), "{name}");
        assert_eq!(received.header("host"), Some(&*api));
        // The key is only for the API.
        assert_eq!(received.header("authorization"), None);
        assert_eq!(received.header("proxy-authorization"), None);
    }
}

#[test]
fn the_variables_for_http_and_for_the_shell_are_not_those_for_https() {
    let setup = Setup::new();
    let others = ["http_proxy", "HTTP_PROXY", "Https_Proxy", "ftp_proxy", "XAI_PROXY"];
    let run = others.iter().fold(setup.ask([]), |run, name| run.env(name, CLOSED));
    run.stdout("Four.\n").success();
}

#[test]
fn requests_to_this_machine_over_http_use_no_proxy() {
    let env = Env::new();
    for value in [CLOSED, "nonsense://", "http://127.0.0.1:99999"] {
        let server = Server::respond(four());
        let run = VARIABLES.iter().fold(env.ask(&server, []), |run, name| run.env(name, value));
        run.stdout("Four.\n").success();
    }
}

#[test]
fn credentials_are_sent_to_the_proxy_and_never_shown() {
    for (user, shown) in [
        ("me:hunter2", "me:hunter2"),
        ("me:p%40ss%3Ahunter2%25", "me:p@ss:hunter2%"),
        ("hunter2", "hunter2:"),
        (":hunter2", ":hunter2"),
        ("me+you:hunter2+", "me+you:hunter2+"),
        (r"CORP\me:hunter2^|<>{}", r"CORP\me:hunter2^|<>{}"),
        ("me:hunter2é%", "me:hunter2é%"),
    ] {
        let setup = Setup::new();
        let proxy = Server::play([setup.tunnel()]);
        let address = format!("http://{user}@{}", proxy.addr());
        let run = setup.ask(["--verbose"]).env("https_proxy", &address).stdout("Four.\n");
        let output = run.stderr_like("HTTP 200").success();
        assert!(!output.notes().contains("hunter2"), "{}", output.notes());
        let basic = format!("Basic {}", STANDARD.encode(shown));
        assert_eq!(proxy.request().header("proxy-authorization"), Some(&*basic));
        assert_eq!(setup.api.request().header("proxy-authorization"), None);
    }
    for address in
        ["http://me:hunter2@127.0.0.1:1", "ftp://me:hunter2@a.example", "http://me:hunter2@:1"]
    {
        let setup = Setup::unreached();
        let run = setup.ask(["--verbose"]).env("ALL_PROXY", address).stderr_like("ALL_PROXY");
        let output = run.spawn().finish();
        assert!(!output.notes().contains("hunter2"), "{}", output.notes());
        assert!([Some(2), Some(6)].contains(&output.status.code()), "{}", output.notes());
    }
}

#[test]
fn a_proxy_that_does_not_connect_is_an_error_and_the_api_is_not_reached() {
    let response = |head: &str| Script::after(Reads::Head).send(format!("HTTP/1.1 {head}\r\n\r\n"));
    let plain = || Script::after(Reads::Head);
    for (case, script, words) in [
        (
            "no password",
            response("407 Proxy Authentication Required\r\nProxy-Authenticate: Basic"),
            "407",
        ),
        ("no service", response("502 Bad Gateway\r\nContent-Type: text/html"), "502"),
        ("forbidden", response("403 Forbidden"), "403"),
        ("elsewhere", response("302 Found\r\nLocation: https://a.example/login"), "302"),
        ("no proxy at all", plain().send("SSH-2.0-OpenSSH_9.9\r\n"), ""),
        ("nothing said", plain(), ""),
        ("half a head", plain().send("HTTP/1.1 200 OK\r\nVia"), ""),
        ("connected, and then gone", plain().send(CONNECTED), ""),
        (
            "connected to nothing that speaks TLS",
            plain().send(CONNECTED).send("HTTP/1.1 400 No"),
            "",
        ),
        (
            "a head without an end",
            plain().send("HTTP/1.1 200 OK\r\nVia: ").flood("a".repeat(9999)),
            "",
        ),
        (
            "headers without an end",
            plain().send("HTTP/1.1 200 OK\r\n").flood("X: a\r\n".repeat(999)),
            "",
        ),
    ] {
        let setup = Setup::unreached();
        let proxy = Server::play([script]);
        let run = setup.ask(["--timeout=20"]).env("https_proxy", at("http", &proxy)).case(case);
        let shown = run.fails(6, &["cannot connect to localhost", "proxy in $https_proxy", words]);
        assert!(!shown.contains("timed out") && !shown.contains("billed"), "{shown}");
    }
}

#[test]
fn any_success_status_of_a_proxy_connects_whatever_its_headers() {
    let headers = "X-A: b\r\n".repeat(100);
    for head in [
        "HTTP/1.0 201 Created\r\n\r\n".to_owned(),
        "HTTP/1.1 299\nVia: a\n\n".to_owned(),
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n".to_owned(),
        format!("HTTP/1.1 200 OK\r\n{headers}\r\n"),
    ] {
        let setup = Setup::new();
        let script = Script::after(Reads::Head).send(&*head).tunnel(setup.api.addr());
        let proxy = Server::play([script]);
        let run = setup.ask([]).case(&head).env("https_proxy", at("http", &proxy));
        run.stdout("Four.\n").success();
    }
}

#[test]
fn a_connection_that_a_proxy_refuses_is_not_retried() {
    for (status, hint) in [(407, "hint: check the user and password in $https_proxy"), (403, "")] {
        let setup = Setup::unreached();
        let answer = format!("HTTP/1.1 {status} No\r\n\r\n");
        let proxy = Server::play([Script::after(Reads::Head).send(answer)]);
        let run = setup.env.xask(["--base-url", &setup.api.url_at("localhost"), "Hi"]).key(KEY);
        let run = run.env("SSL_CERT_FILE", "ca.pem").env("https_proxy", at("http", &proxy));
        let shown = run.fails(6, &[&format!("(HTTP {status})"), hint]);
        assert!(!shown.contains("retry"), "{shown}");
        assert_eq!(proxy.requests().len(), 1);
    }
}

#[test]
fn a_proxy_that_cannot_be_reached_is_an_error_that_names_it() {
    for (name, scheme) in VARIABLES.iter().zip(["http", "https", "socks5", "socks5h"]) {
        let setup = Setup::unreached();
        let run = setup.ask([]).env(name, CLOSED.replacen("http", scheme, 1));
        run.fails(6, &["cannot connect to localhost", name, "connection refused"]);
    }
}

#[test]
fn an_unknown_name_of_a_proxy_is_distinguished_from_that_of_a_target() {
    let env = Env::new();
    for (proxy, expected) in [
        ("http://nosuch.invalid:3128", "could not resolve the proxy's name"),
        ("socks5h://nosuch.invalid", "could not resolve the proxy's name"),
    ] {
        let run = env.xask(["hi", "--retries=0"]).key(KEY).env("https_proxy", proxy);
        run.env("XAI_BASE_URL", "https://192.0.2.1/v1").fails(6, &[expected]);
    }
}

#[test]
fn an_invalid_address_of_a_proxy_is_an_error_and_nothing_is_connected() {
    for (address, why) in [
        ("ftp://127.0.0.1:1", "http, https"),
        ("quic://127.0.0.1:1", "http, https"),
        ("http://", ""),
        ("http://:3128", ""),
        ("http://a b:1", ""),
        ("http://127.0.0.1:0", "port"),
        ("http://127.0.0.1:65536", "port"),
        ("http://127.0.0.1:port", ""),
        ("http://127.0.0.1:-1", ""),
        ("http://127.0.0.1:+1", "port"),
        ("http://[::1", ""),
        ("socks5://", ""),
        (" ", ""),
    ] {
        for name in VARIABLES {
            let setup = Setup::unreached();
            let run = setup.ask([]).env(name, address).case(address);
            run.fails(2, &[&format!("xask: error: {name}: "), why]);
        }
    }
}

#[test]
fn a_variable_that_is_not_utf_8_is_an_error_if_it_would_be_used() {
    let setup = Setup::unreached();
    let run = |name, flags: &[&'static str]| {
        setup.ask(flags.iter().copied()).env(name, OsStr::from_bytes(b"a\xff"))
    };
    for name in VARIABLES {
        run(name, &[]).fails(2, &[&format!("xask: error: {name}: not valid UTF-8\n")]);
        run(name, &["--dry-run"]).stdout_like("model").success();
    }
    for name in ["no_proxy", "NO_PROXY"] {
        let run = run(name, &[]).env("https_proxy", CLOSED);
        run.fails(2, &[&format!("xask: error: {name}: not valid UTF-8\n")]);
    }
}

#[test]
fn hosts_in_no_proxy_are_reached_directly() {
    for (host, list, is_direct) in [
        ("localhost", "localhost", true),
        ("localhost", "LocalHost", true),
        ("localhost", ".localhost", true),
        ("localhost", "localhost.", true),
        ("localhost", "a.example, localhost", true),
        ("localhost", "a.example localhost", true),
        ("localhost", " localhost,", true),
        ("localhost", " *", false),
        ("localhost", "..localhost", false),
        ("localhost", "*", true),
        ("localhost", "ocalhost", false),
        ("localhost", "www.localhost", false),
        ("localhost", "127.0.0.1", false),
        ("localhost", "127.0.0.0/8", false),
        ("localhost", "a.example,b.example", false),
        ("127.0.0.1", "127.0.0.1", true),
        ("127.0.0.1", "a.example,127.0.0.0/8", true),
        ("127.0.0.1", "0.0.0.0/0", false),
        ("127.0.0.1", "127.0.0.1/32", true),
        ("127.0.0.1", "127.0.0.1/0", true),
        ("127.0.0.1", "*", true),
        ("127.0.0.1", "127.0.0.2", false),
        ("127.0.0.1", "128.0.0.0/8", false),
        ("127.0.0.1", "127.0.0.1/99", false),
        ("127.0.0.1", "localhost", false),
        ("127.0.0.1", "0.1", false),
        ("127.0.0.1", "::/0", false),
    ] {
        for name in ["no_proxy", "NO_PROXY"] {
            let setup = if is_direct { Setup::new() } else { Setup::unreached() };
            let run = setup.ask_at(host, []).case(list).env("HTTPS_PROXY", CLOSED).env(name, list);
            if is_direct {
                run.stdout("Four.\n").success();
            } else {
                run.fails(6, &["HTTPS_PROXY", "refused"]);
            }
        }
    }
}

#[test]
fn lower_case_no_proxy_is_read_first_and_counts_as_unset_if_empty() {
    for (lower, upper, is_direct) in [
        ("localhost", "a.example", true),
        ("a.example", "localhost", false),
        ("", "localhost", true),
    ] {
        let setup = if is_direct { Setup::new() } else { Setup::unreached() };
        let run = setup.ask([]).env("HTTPS_PROXY", CLOSED);
        let run = run.env("no_proxy", lower).env("NO_PROXY", upper);
        if is_direct {
            run.stdout("Four.\n").success();
        } else {
            run.fails(6, &["refused"]);
        }
    }
}

#[test]
fn a_host_in_no_proxy_needs_no_valid_proxy() {
    let setup = Setup::new();
    let run = setup.ask([]).env("HTTPS_PROXY", "ftp://a").env("NO_PROXY", "localhost");
    run.stdout("Four.\n").success();
}

#[test]
fn a_proxy_may_be_reached_over_tls() {
    let setup = Setup::new();
    let proxy = Server::play_tls(&setup.authority.sign(), [setup.tunnel()]);
    setup.ask([]).env("https_proxy", at("https", &proxy)).stdout("Four.\n").success();
    assert_eq!(proxy.request().method, "CONNECT");

    let setup = Setup::unreached();
    let stranger = Authority::new("theirs").sign();
    let proxy = Server::play_tls(&stranger, [setup.tunnel()]);
    let run = setup.ask([]).env("https_proxy", at("https", &proxy));
    run.fails(6, &["proxy in $https_proxy", "not signed by a trusted authority"]);
    assert!(proxy.requests().is_empty());

    // Its certificate is for another name than its own, which is not the target's.
    let proxy = Server::play_tls(&setup.authority.sign_for(&["other.example"]), [setup.tunnel()]);
    let run = setup.ask([]).env("https_proxy", at("https", &proxy));
    let expected = "the proxy: its certificate does not match the host name";
    run.fails(6, &[expected, "hint: check $https_proxy\n"]);
}

/// Bytes that are not text, too.
#[test]
fn a_password_may_have_bytes_of_any_kind() {
    let setup = Setup::new();
    let proxy = Server::play([setup.tunnel()]);
    let address = format!("http://me:%e9%ff@{}", proxy.addr());
    setup.ask([]).env("https_proxy", address).stdout("Four.\n").success();
    let basic = format!("Basic {}", STANDARD.encode(b"me:\xe9\xff"));
    assert_eq!(proxy.request().header("proxy-authorization"), Some(&*basic));
}

#[test]
fn a_503_of_a_proxy_is_retried_because_nothing_was_delivered() {
    let setup = Setup::new();
    let busy = Script::after(Reads::Head).send("HTTP/1.1 503 Busy\r\n\r\n");
    let proxy = Server::play([busy, setup.tunnel()]);
    let run = setup.env.xask(["--base-url", &setup.api.url_at("localhost"), "Hi"]).key(KEY);
    let run = run.env("SSL_CERT_FILE", "ca.pem").env("HTTPS_PROXY", at("http", &proxy));
    run.stdout("Four.\n").stderr_like("503").stderr_like("retry 1 of 2").success();
}
