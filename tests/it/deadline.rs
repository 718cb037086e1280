//! One deadline for everything that can wait, and one budget for what comes before the first byte sent.
//!
//! Nothing is timed here: what waits for ever, or begins to wait anew with each byte, does not end at all.

use std::time::Duration;

use crate::support::pictures::MAX_IMAGE;
use crate::support::tls::Authority;
use crate::support::{Env, Gate, Output, Reads, Reply, Run, Script, Server, four, replies, says};

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
const STREAM: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";

/// A question that is to be answered within a second.
fn hurried(env: &Env, server: &Server) -> Run {
    env.xask(["--timeout", "1", "--stream", "What is 2 + 2?"]).server(server)
}

/// It ended for its deadline, whatever the reply had been, and as lost.
#[track_caller]
fn assert_lost(output: &Output, case: &str) {
    let notes = output.notes();
    assert_eq!(output.status.code(), Some(7), "{case}: {notes}");
    assert!(notes.contains(": timed out after 1 s (--timeout)"), "{case}: {notes}");
    assert!(notes.ends_with(says::BILLED), "{case}: {notes}");
}

/// Nothing was computed while it waited: less than half of the time is a long way from all of it.
#[track_caller]
fn assert_idle(output: &Output, case: &str) {
    assert!(output.cpu < Duration::from_millis(500), "{case}: busy for {:?}", output.cpu);
}

/// All at once, for each waits for its deadline.
fn play_all<const N: usize>(
    env: &Env,
    scripts: [(&'static str, Script); N],
) -> [(&'static str, Output); N] {
    let runs = scripts.map(|(case, script)| {
        let server = Server::play([script]);
        let run = hurried(env, &server).spawn();
        (case, server, run)
    });
    runs.map(|(case, _server, run)| (case, run.finish()))
}

#[test]
fn the_deadline_ends_every_wait_after_the_first_byte_and_none_costs_a_processor() {
    let head = |rest: &str| format!("{HEAD}{rest}");
    let outputs = play_all(
        &Env::new(),
        [
            ("no head", Script::new().stall()),
            ("a head that drips", Script::new().send(head("X-Long: ")).trickle("a")),
            ("a head that stops", Script::new().send(head("X-Long: a")).stall()),
            ("notes without end", Script::new().trickle("HTTP/1.1 103 Early Hints\r\n\r\n")),
            ("no body", Script::new().send(head("Content-Length: 9\r\n\r\n")).stall()),
            (
                "a body that drips",
                Script::new().send(head("Content-Length: 999\r\n\r\n")).trickle(" "),
            ),
            (
                "chunks that drip",
                Script::new()
                    .send(head("Transfer-Encoding: chunked\r\n\r\n"))
                    .trickle("1\r\n \r\n"),
            ),
            ("a body until the close", Script::new().send(head("\r\n")).trickle(" ")),
            ("a stream that does not begin", Script::new().send(STREAM).stall()),
            ("a stream of comments", Script::new().send(STREAM).trickle(": ping\n\n")),
            ("an event without end", Script::new().send(STREAM).trickle("data: x")),
            ("a stream of pings", Script::new().send(STREAM).trickle("data: {}\n\n")),
        ],
    );
    for (case, output) in outputs {
        assert_lost(&output, case);
        assert_idle(&output, case);
    }
}

#[test]
fn the_deadline_ends_also_what_never_has_to_be_waited_for() {
    let trailers = format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n0\r\n");
    let outputs = play_all(
        &Env::new(),
        [
            ("comments", Script::new().send(STREAM).flood(": ping\n\n".repeat(1000))),
            ("pings", Script::new().send(STREAM).flood("data: {}\n\n".repeat(1000))),
            ("trailers", Script::new().send(trailers).flood("X-A: b\r\n".repeat(1000))),
        ],
    );
    for (case, output) in outputs {
        assert_lost(&output, case);
    }
}

#[test]
fn the_deadline_ends_an_upload_that_is_not_taken() {
    let env = Env::new();
    env.sparse_png("large.png", MAX_IMAGE);
    for reads in [Reads::Head, Reads::Body(1000)] {
        let server = Server::play([Script::after(reads).weigh().stall()]);
        let run = env.xask(["--timeout", "1", "--image", "large.png"]).server(&server);
        let output = run.spawn().finish();
        assert_lost(&output, "an upload");
        // It has to encode what the buffers between the two take.
        assert!(output.cpu < Duration::from_millis(500), "busy for {:?}", output.cpu);
    }
}

#[test]
fn the_deadline_ends_a_stream_that_stalls_and_what_came_stays_printed() {
    let (asked, env) = (Gate::new(), Env::new());
    let events = replies::stream_of(&["Fo", "ur."], Some("stop"));
    let (first, _) = Reply::sse(&events).split(2);
    let server = Server::play([Script::new().send(first).open(&asked).stall()]);
    let output = hurried(&env, &server).stdout_like("Fo").stderr_like(says::BILLED).code(7);
    assert_lost(&output, "a stream that stalls");
    assert_idle(&output, "a stream that stalls");
    asked.wait();
}

#[test]
fn the_deadline_holds_over_tls_too() {
    let (env, authority) = (Env::new(), Authority::new("ours"));
    env.write("ca.pem", authority.pem());
    env.sparse_png("large.png", MAX_IMAGE);
    let runs = [
        ("no head", Script::new().stall()),
        ("a head that drips", Script::new().send(format!("{HEAD}X-Long: ")).trickle("a")),
        ("a stream of comments", Script::new().send(STREAM).trickle(": ping\n\n")),
        ("an upload that is not taken", Script::after(Reads::Head).weigh().stall()),
    ]
    .map(|(case, script)| {
        let server = Server::play_tls(&authority.sign(), [script]);
        let what = if case.contains("upload") { "large.png" } else { "http://a.example/a.png" };
        let run = env.xask(["--timeout", "1", "--stream", "--image", what]).server(&server);
        (case, run.env("SSL_CERT_FILE", "ca.pem").spawn(), server)
    });
    for (case, run, _server) in runs {
        assert_lost(&run.finish(), case);
    }
}

#[test]
fn a_repetition_has_only_what_is_left_of_the_deadline() {
    let env = Env::new();
    let busy = || Reply::json(429, replies::error("busy", "later")).header("Retry-After", "0");
    let drips = Script::new().send(format!("{HEAD}X-Long: ")).trickle("a");
    let server = Server::play([busy().into(), busy().into(), drips]);
    hurried(&env, &server).stderr_like("retry 2 of 2").stderr_like(says::BILLED).code(7);
}

#[test]
fn a_deadline_that_falls_into_a_pause_ends_with_the_last_replys_code() {
    let env = Env::new();
    let body = replies::error("busy", "Come back later.");
    for (status, code) in [(429, 5), (503, 8)] {
        for pause in ["60", "nonsense", "-1", "1.5"] {
            let reply = Reply::json(status, &*body).header("Retry-After", pause);
            let server = Server::reply(reply);
            // The least pause where none is asked for is 0.375 s.
            let timeout = if pause == "60" { "30" } else { "0.3" };
            let run = env.xask(["--timeout", timeout, "Hi"]).server(&server);
            let output = run.stderr_like(&*format!("HTTP {status}")).code(code);
            assert!(!output.notes().contains("retry"), "{}", output.notes());
        }
    }
}

#[test]
fn connecting_has_a_budget_of_its_own() {
    let (env, authority) = (Env::new(), Authority::new("ours"));
    env.write("ca.pem", authority.pem());
    // A record of TLS that announces 16 KiB.
    let record = [22, 3, 3, 64, 0];
    let nothing = || Script::after(Reads::Nothing);
    let budgets = [
        (["--connect-timeout", "0.7", "--retries", "0"], "0.7 s (--connect-timeout)"),
        (["--timeout", "0.7", "--retries", "0"], "0.7 s (--timeout)"),
    ];
    let cases = [
        ("no handshake", nothing().stall()),
        ("no handshake, but reading on", nothing().hold()),
        ("a handshake that drips", nothing().send(record).trickle([0])),
    ];
    let runs = budgets.map(|(flags, words)| {
        cases.clone().map(|(case, script)| {
            let server = Server::play([script]);
            let url = format!("https://{}/v1", server.addr());
            let run = env.xask(flags).env("XAI_BASE_URL", url).env("SSL_CERT_FILE", "ca.pem");
            let why =
                format!("xask: cannot connect to {}: timed out after {words}\n", server.addr());
            (case, run.stdin("Hi").key("k").stderr(why).spawn(), server)
        })
    });
    for (case, run, _server) in runs.into_iter().flatten() {
        assert_idle(&run.code(6), case);
    }
}

#[test]
fn a_connect_timeout_does_not_bound_the_answer() {
    let (env, (server, asked, gate)) = (Env::new(), Server::holding(four()));
    let run =
        env.xask(["--connect-timeout", "0.2", "Hi"]).server(&server).stdout("Four.\n").spawn();
    asked.wait();
    // Longer than the budget: what must not happen is given the time to happen.
    std::thread::sleep(Duration::from_millis(400));
    gate.open();
    run.success();
}
