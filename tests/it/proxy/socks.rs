//! SOCKS5 proxies: where the name is resolved, and their faults.

use super::{Setup, at};
use crate::support::{Reads, Script, Server};

#[test]
fn socks5_resolves_the_name_locally_and_socks5h_remotely() {
    for (scheme, host, target) in [
        ("socks5", "localhost", "127.0.0.1"),
        ("SOCKS5", "127.0.0.1", "127.0.0.1"),
        ("socks5h", "localhost", "name localhost"),
        ("socks5h", "127.0.0.1", "127.0.0.1"),
    ] {
        let setup = Setup::new();
        let proxy = Server::play([setup.socks()]);
        let run = setup.ask_at(host, []).env("ALL_PROXY", at(scheme, &proxy));
        run.stdout("Four.\n").success();
        let request = proxy.request();
        let port = setup.api.addr().port();
        assert_eq!(request.path, format!("{target} {port}"), "{scheme} {host}");
        assert_eq!(request.headers, []);
    }
    let setup = Setup::new();
    let proxy = Server::play([setup.socks()]);
    let address = format!("socks5h://me:p%40ss@{}", proxy.addr());
    setup.ask([]).env("ALL_PROXY", address).stdout("Four.\n").success();
    let credentials = [("user", "me"), ("password", "p@ss")];
    assert_eq!(proxy.request().headers, credentials.map(|(key, value)| (key.into(), value.into())));
}

#[test]
fn a_socks_proxy_that_does_not_connect_is_an_error() {
    let nothing = || Script::after(Reads::Nothing);
    for (case, script) in [
        ("no way to say who one is", nothing().send([5, 255])),
        ("a password, and none is known", nothing().send([5, 2])),
        ("refused", nothing().send([5, 0, 5, 5, 0, 1, 0, 0, 0, 0, 0, 0])),
        ("not allowed", nothing().send([5, 0, 5, 2, 0, 1, 0, 0, 0, 0, 0, 0])),
        ("another version", nothing().send([4, 0])),
        ("HTTP", nothing().send("HTTP/1.1 400 Bad Request\r\n\r\n")),
        ("nothing", nothing()),
        ("a greeting only", nothing().send([5, 0])),
        ("half an answer", nothing().send([5, 0, 5, 0, 0])),
        ("connected, and then gone", nothing().socks5()),
    ] {
        let setup = Setup::unreached();
        let proxy = Server::play([script]);
        let run = setup.ask(["--timeout=20"]).env("all_proxy", at("socks5h", &proxy)).case(case);
        let shown = run.fails(6, &["cannot connect to localhost", "proxy in $all_proxy"]);
        assert!(!shown.contains("timed out"), "{shown}");
    }
}
