//! What holds directly holds behind a proxy too: budgets, the deadline, early answers, streams.

use super::{CONNECTED, World, at};
use crate::support::pictures::MAX_IMAGE;
use crate::support::{Gate, Reads, Reply, Script, Server, replies};

#[test]
fn a_proxy_has_the_budget_for_connecting_and_no_more() {
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
            let world = World::unreached();
            let proxy = Server::play([script]);
            let run = world.ask([flag]).env("HTTPS_PROXY", at(scheme, &proxy)).case(case);
            let why = format!("timed out after 1 s ({limit})");
            let run = run.stderr_like(&*why).stderr_like("proxy in $HTTPS_PROXY").spawn();
            (case, run, proxy, world)
        });
        for (case, run, _proxy, _world) in runs {
            let output = run.code(6);
            assert!(output.cpu.as_millis() < 500, "{case}: busy for {:?}", output.cpu);
        }
    }
}

#[test]
fn the_deadline_holds_behind_a_proxy_too() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n";
    for (case, script) in [
        ("no head", Script::new().weigh().stall()),
        ("a head that drips", Script::new().weigh().send(head).trickle("a")),
        ("a stream of comments", Script::new().weigh().send(format!("{head}\r\n")).trickle(":\n")),
    ] {
        let runs = ["http", "socks5"].map(|scheme| {
            let world = World::with([script.clone()]);
            let proxy =
                Server::play([if scheme == "http" { world.tunnel() } else { world.socks() }]);
            let run = world.ask(["--timeout=1", "--stream"]).env("ALL_PROXY", at(scheme, &proxy));
            (run.stderr_like("timed out after 1 s (--timeout)").spawn(), proxy, world)
        });
        for (run, _proxy, _world) in runs {
            let output = run.code(7);
            assert!(output.cpu.as_millis() < 500, "{case}: busy for {:?}", output.cpu);
        }
    }
}

/// The service answers in the middle of an upload, and then does what `end` says.
#[track_caller]
fn hears_early_answer(scheme: &str, end: impl FnOnce(Script) -> Script) {
    let refusal = Reply::json(413, replies::error("too-large", "Too much."));
    let script = Script::after(Reads::Body(1000)).weigh().send(refusal);
    let world = World::with([end(script)]);
    world.env.sparse_png("large.png", MAX_IMAGE);
    let proxy = match scheme {
        "http" => Server::play([world.tunnel()]),
        "https" => Server::play_tls(&world.authority.sign(), [world.tunnel()]),
        _ => Server::play([world.socks()]),
    };
    let run = world.ask(["--image=large.png"]).env("ALL_PROXY", at(scheme, &proxy));
    run.case(scheme).fails(4, &["too-large: Too much. (HTTP 413)"]);
    // Before the proxy, which goes on until the service ends.
    drop(world);
}

#[test]
fn an_answer_that_comes_during_the_upload_is_understood_behind_a_proxy_too() {
    for scheme in ["http", "https", "socks5", "socks5h"] {
        // Ten times out of ten.
        for _ in 0..10 {
            hears_early_answer(scheme, Script::reset);
        }
    }
}

#[test]
fn an_early_answer_ends_an_upload_behind_a_proxy_that_nobody_takes_any_more() {
    for scheme in ["http", "https"] {
        hears_early_answer(scheme, Script::stall);
    }
}

#[test]
fn a_stream_behind_a_proxy_arrives_as_it_is_sent() {
    for scheme in ["http", "socks5h"] {
        let gate = Gate::new();
        let (first, rest) = Reply::sse(&replies::stream_of(&["Fo", "ur."], Some("stop"))).split(2);
        let world = World::with([Script::new().send(first).wait(&gate).send(rest)]);
        let proxy = Server::play([if scheme == "http" { world.tunnel() } else { world.socks() }]);
        let run = world.ask(["--stream"]).env("all_proxy", at(scheme, &proxy)).stdout("Four.\n");
        let mut run = run.spawn();
        run.read_stdout_until("Fo");
        gate.open();
        run.success();
    }
}
