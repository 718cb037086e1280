//! Time limits, the deadline and streams are the same behind a proxy as without one.

use super::{CONNECTED, Setup, at};
use crate::support::{Gate, Reads, Response, Script, Server, chat};

#[test]
fn the_connect_timeout_includes_the_proxy() {
    let (head, nothing) = (|| Script::after(Reads::Head), || Script::after(Reads::Nothing));
    let begun = "HTTP/1.1 200 OK\r\nVia: ";
    let cases = [
        ("an answer that does not come", "http", head().stall()),
        ("an answer that drips", "http", head().send(begun).trickle("a")),
        ("no TLS behind it", "http", head().send(CONNECTED).stall()),
        (
            "TLS behind it that drips",
            "http",
            head().send(CONNECTED).send([22, 3, 3, 64, 0]).trickle([0]),
        ),
        ("no handshake", "https", nothing().stall()),
        ("no greeting", "socks5", nothing().stall()),
        ("no answer to where", "socks5", nothing().send([5, 0]).stall()),
        (
            "an answer to where that drips",
            "socks5h",
            nothing().send([5, 0, 5, 0, 0, 3, 255]).trickle([1]),
        ),
        ("no TLS behind SOCKS", "socks5", nothing().socks5().stall()),
    ];
    for (flag, limit) in
        [("--connect-timeout=1", "--connect-timeout"), ("--timeout=1", "--timeout")]
    {
        let runs = cases.clone().map(|(case, scheme, script)| {
            let setup = Setup::unreached();
            let proxy = Server::play([script]);
            let run = setup.ask([flag]).env("HTTPS_PROXY", at(scheme, &proxy)).case(case);
            let why = format!("timed out after 1 s ({limit})");
            let run = run.stderr_like(&*why).stderr_like("proxy in $HTTPS_PROXY").spawn();
            (case, run, proxy, setup)
        });
        for (case, run, _proxy, _world) in runs {
            let output = run.code(6);
            assert!(output.cpu.as_millis() < 500, "{case}: busy for {:?}", output.cpu);
        }
    }
}

#[test]
fn the_deadline_applies_behind_a_proxy_too() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n";
    for (case, script) in [
        ("no head", Script::new().weigh().stall()),
        ("a head that drips", Script::new().weigh().send(head).trickle("a")),
        ("a stream of comments", Script::new().weigh().send(format!("{head}\r\n")).trickle(":\n")),
    ] {
        let runs = ["http", "socks5"].map(|scheme| {
            let setup = Setup::with([script.clone()]);
            let proxy =
                Server::play([if scheme == "http" { setup.tunnel() } else { setup.socks() }]);
            let run = setup.ask(["--timeout=1", "--stream"]).env("ALL_PROXY", at(scheme, &proxy));
            (run.stderr_like("timed out after 1 s (--timeout)").spawn(), proxy, setup)
        });
        for (run, _proxy, _world) in runs {
            let output = run.code(7);
            assert!(output.cpu.as_millis() < 500, "{case}: busy for {:?}", output.cpu);
        }
    }
}

#[test]
fn a_stream_behind_a_proxy_arrives_as_it_is_sent() {
    for scheme in ["http", "socks5h"] {
        let gate = Gate::new();
        let (first, rest) = Response::sse(&chat::stream_of(&["Fo", "ur."], Some("stop"))).split(2);
        let setup = Setup::with([Script::new().send(first).wait(&gate).send(rest)]);
        let proxy = Server::play([if scheme == "http" { setup.tunnel() } else { setup.socks() }]);
        let run = setup.ask(["--stream"]).env("all_proxy", at(scheme, &proxy)).stdout("Four.\n");
        let mut run = run.spawn();
        run.read_stdout_until("Fo");
        gate.open();
        run.success();
    }
}
