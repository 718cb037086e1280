//! Proxies that speak SOCKS5: who looks the name up, and their faults.

use super::{World, at};
use crate::support::{Reads, Script, Server};

#[test]
fn with_socks5_the_name_is_looked_up_here_and_with_socks5h_there() {
    for (scheme, host, asked) in [
        ("socks5", "localhost", "127.0.0.1"),
        ("SOCKS5", "127.0.0.1", "127.0.0.1"),
        ("socks5h", "localhost", "name localhost"),
        ("socks5h", "127.0.0.1", "127.0.0.1"),
    ] {
        let world = World::new();
        let proxy = Server::play([world.socks()]);
        let run = world.ask_at(host, []).env("ALL_PROXY", at(scheme, &proxy));
        run.stdout("Four.\n").success();
        let request = proxy.request();
        let port = world.service.addr().port();
        assert_eq!(request.path, format!("{asked} {port}"), "{scheme} {host}");
        assert_eq!(request.headers, []);
    }
    let world = World::new();
    let proxy = Server::play([world.socks()]);
    let address = format!("socks5h://me:p%40ss@{}", proxy.addr());
    world.ask([]).env("ALL_PROXY", address).stdout("Four.\n").success();
    let told = [("user", "me"), ("password", "p@ss")];
    assert_eq!(proxy.request().headers, told.map(|(key, value)| (key.into(), value.into())));
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
        let world = World::unreached();
        let proxy = Server::play([script]);
        let run = world.ask(["--timeout=20"]).env("all_proxy", at("socks5h", &proxy)).case(case);
        let told = run.fails(6, &["cannot connect to localhost", "proxy in $all_proxy"]);
        assert!(!told.contains("timed out"), "{told}");
    }
}
