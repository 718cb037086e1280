//! One deadline for everything that can wait, and one time limit for everything before the first byte is sent.
//!
//! Nothing is timed here: a run that waits forever, or starts to wait again with each byte, does not end at all.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use crate::support::images::MAX_IMAGE;
use crate::support::tls::trusted;
use crate::support::{
    Env, Gate, ID, Output, Reads, Response, Run, Script, Server, chat, four, messages,
    retry_at_once,
};

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
const STREAM: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";

/// A prompt with a deadline of one second.
fn with_one_second(env: &Env, server: &Server) -> Run {
    env.xask(["--timeout", "1", "--stream", "What is 2 + 2?"]).server(server)
}

/// The run ended at its deadline, whatever the response was, with an incomplete response.
#[track_caller]
fn assert_timed_out(output: &Output, case: &str) {
    let notes = output.notes();
    assert_eq!(output.status.code(), Some(7), "{case}: {notes}");
    assert!(notes.contains(": timed out after 1 s (--timeout)"), "{case}: {notes}");
    assert!(notes.ends_with(messages::BILLED), "{case}: {notes}");
}

/// The run did not compute while it waited: it used the processor for less than half of the time.
#[track_caller]
fn assert_idle(output: &Output, case: &str) {
    assert!(output.cpu < Duration::from_millis(500), "{case}: busy for {:?}", output.cpu);
}

/// All at once, because each waits for its deadline.
fn play_all<const N: usize>(
    env: &Env,
    scripts: [(&'static str, Script); N],
) -> [(&'static str, Output); N] {
    let runs = scripts.map(|(case, script)| {
        let server = Server::play([script]);
        let run = with_one_second(env, &server).spawn();
        (case, server, run)
    });
    runs.map(|(case, _server, run)| (case, run.finish()))
}

#[test]
fn the_deadline_ends_every_wait_for_a_response_without_using_a_processor() {
    let head = format!("{HEAD}X-Long: ");
    let early = "HTTP/1.1 103 Early Hints\r\n\r\n";
    let outputs = play_all(
        &Env::new(),
        [
            ("nothing is read", Script::after(Reads::Nothing).stall()),
            ("nothing is said", Script::new().stall()),
            ("nothing is said, but reading on", Script::new().hold()),
            ("a note, and then nothing", Script::new().send(early).stall()),
            ("notes without end", Script::new().trickle(early)),
            ("a head that stops", Script::new().send(format!("{head}a")).stall()),
            ("a head that drips", Script::new().send(head).trickle("a")),
        ],
    );
    for (case, output) in outputs {
        assert_timed_out(&output, case);
        assert_idle(&output, case);
        assert!(!output.notes().contains("(HTTP "), "{case}: {}", output.notes());
    }
}

#[test]
fn the_deadline_ends_every_wait_for_more_of_a_response_without_using_a_processor() {
    let head = |rest: &str| Script::new().send(format!("{HEAD}{rest}\r\n"));
    let stream = || Script::new().send(STREAM);
    let outputs = play_all(
        &Env::new(),
        [
            ("no body", head("Content-Length: 9\r\n").stall()),
            ("a body that drips", head("Content-Length: 999\r\n").trickle(" ")),
            ("chunks that drip", head("Transfer-Encoding: chunked\r\n").trickle("1\r\n \r\n")),
            ("a body until the close", head("").trickle(" ")),
            ("a stream that does not begin", stream().stall()),
            ("a stream of comments", stream().trickle(": ping\n\n")),
            ("an event without end", stream().trickle("data: x")),
            ("a stream of pings", stream().trickle("data: {}\n\n")),
        ],
    );
    for (case, output) in outputs {
        assert_timed_out(&output, case);
        assert_idle(&output, case);
    }
}

#[test]
fn a_response_that_stops_is_named_by_its_id() {
    let (head, body) = (four().with_id().head(), chat::completion("Four."));
    let part = |n: usize| Script::new().send([&head[..], &body.as_bytes()[..n]].concat()).stall();
    let outputs = play_all(
        &Env::new(),
        [
            ("the body does not begin", part(0)),
            ("the body stops", part(50)),
            ("the last byte is missing", part(body.len() - 1)),
            (
                "the last chunk is missing",
                Script::new().send(four().with_id().chunked().split(2).0).stall(),
            ),
        ],
    );
    for (case, output) in outputs {
        assert_timed_out(&output, case);
        let shown = format!("(x-request-id {ID})\n");
        assert!(output.notes().contains(&shown), "{case}: {}", output.notes());
    }
}

#[test]
fn a_response_that_takes_longer_than_the_deadline_is_incomplete() {
    // The bytes arrive for much longer than the deadline, and would be an answer in the end.
    let answer = chat::completion("Four.");
    let response = format!("HTTP/1.1 200 OK\r\n\r\n{}{answer}", " ".repeat(5_000_000));
    let server = Server::play([Script::new().drip(response)]);
    let env = Env::new();
    assert_timed_out(&with_one_second(&env, &server).spawn().finish(), "a long answer");
}

#[test]
fn the_deadline_ends_a_response_that_never_pauses() {
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
        assert_timed_out(&output, case);
    }
}

#[test]
fn an_error_whose_body_does_not_arrive_is_reported_by_its_status_at_the_deadline() {
    let env = Env::new();
    let runs = [(401, 3), (404, 4), (429, 5), (500, 8), (999, 8)].map(|(status, code)| {
        let script = Script::new().send(format!("HTTP/1.1 {status} No\r\n\r\n")).stall();
        let server = Server::play([script]);
        let run = env.ask(&server, ["--timeout=0.5"]).case(status);
        let run = run.stderr_like(messages::error(&format!("(HTTP {status})"))).spawn();
        (run, code, server)
    });
    for (run, code, _server) in runs {
        run.code(code);
    }
}

#[test]
fn the_deadline_ends_an_upload_that_is_not_read() {
    let env = Env::new();
    env.sparse_png("large.png", MAX_IMAGE);
    for reads in [Reads::Head, Reads::Body(1000)] {
        let server = Server::play([Script::after(reads).weigh().stall()]);
        let run = env.xask(["--timeout", "1", "--image", "large.png"]).server(&server);
        let output = run.spawn().finish();
        assert_timed_out(&output, "an upload");
        // xask has to encode as much as the buffers between the two hold.
        assert!(output.cpu < Duration::from_millis(500), "busy for {:?}", output.cpu);
    }
}

#[test]
fn the_deadline_ends_a_stalled_stream_and_its_beginning_stays_printed() {
    let (received, env) = (Gate::new(), Env::new());
    let events = chat::stream_of(&["Fo", "ur."], Some("stop"));
    let (first, _) = Response::sse(&events).split(2);
    let server = Server::play([Script::new().send(first).open(&received).stall()]);
    let output =
        with_one_second(&env, &server).stdout_like("Fo").stderr_like(messages::BILLED).code(7);
    assert_timed_out(&output, "a stream that stalls");
    assert_idle(&output, "a stream that stalls");
    received.wait();
}

#[test]
fn the_deadline_applies_over_tls_too() {
    let (env, authority) = trusted();
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
        assert_timed_out(&run.finish(), case);
    }
}

#[test]
fn a_retry_has_only_the_time_left_before_the_deadline() {
    let env = Env::new();
    let drips = Script::new().send(format!("{HEAD}X-Long: ")).trickle("a");
    let server = Server::play([retry_at_once(429).into(), retry_at_once(429).into(), drips]);
    with_one_second(&env, &server)
        .stderr_like("retry 2 of 2")
        .stderr_like(messages::BILLED)
        .code(7);
}

#[test]
fn a_deadline_during_a_pause_ends_with_the_exit_status_of_the_last_response() {
    let env = Env::new();
    let body = chat::error("busy", "Come back later.");
    for (status, code) in [(429, 5), (503, 8)] {
        for pause in ["60", "nonsense", "-1", "1.5"] {
            let response = Response::json(status, &*body).header("Retry-After", pause);
            let server = Server::respond(response);
            // The shortest pause, if none is requested, is 0.375 s.
            let timeout = if pause == "60" { "30" } else { "0.3" };
            let run = env.xask(["--timeout", timeout, "Hi"]).server(&server);
            let output = run.stderr_like(&*format!("HTTP {status}")).code(code);
            assert!(!output.notes().contains("; retry "), "{}", output.notes());
        }
    }
}

#[test]
fn the_deadline_begins_when_the_prompt_has_been_read() {
    let (env, server) = (Env::new(), Server::respond(four()));
    let run = env.xask(["--timeout", "1.5"]).server(&server).stdin_open().stdout("Four.\n");
    let mut run = run.spawn();
    run.write_stdin("What is 2 + 2");
    // Longer than the deadline, so that a wrong request would have time to arrive.
    std::thread::sleep(Duration::from_millis(1600));
    run.write_stdin("?\n");
    run.close_stdin();
    run.success();
}

#[test]
fn an_invalid_time_is_a_usage_error() {
    for flag in ["--timeout", "--connect-timeout"] {
        for seconds in ["0", "0.0", "-1", "nan", "inf", "1e400", "soon", "", " ", "1s", "1,5"] {
            Env::new().ask_at("", [flag, seconds]).case(seconds).refused(2, &[flag]);
        }
    }
}

#[test]
fn an_answer_before_the_deadline_is_printed_however_long_it_is() {
    for timeout in ["3600", "20.5", "1e9", "1e18", "1e19"] {
        let server = Server::respond(four());
        Env::new()
            .ask(&server, ["--timeout", timeout, "--connect-timeout", timeout])
            .stdout("Four.\n")
            .success();
    }
}

#[test]
fn a_deadline_that_passes_before_a_byte_was_sent_means_not_delivered() {
    // It accepts connections but does not answer.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
    for flag in ["--timeout", "--connect-timeout"] {
        for seconds in ["0.000001", "0.000000001", "1e-10"] {
            Env::new().ask_at(&url, [flag, seconds]).fails(6, &["timed out", flag]);
        }
    }
}

/// A listener that accepts no more connections: its queue is full, and further ones are not answered. The
/// connections in the queue are returned with it.
#[cfg(target_os = "linux")]
fn unresponsive_listener() -> (SocketAddr, TcpListener, Vec<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(100)).ok();
    let queue = std::iter::from_fn(connect).collect();
    (address, listener, queue)
}

#[test]
#[cfg(target_os = "linux")]
fn a_connection_that_takes_too_long_means_not_delivered() {
    let (address, _listener, _queue) = unresponsive_listener();
    let url = format!("http://{address}/v1");
    let host = address.to_string();
    for flag in ["--timeout", "--connect-timeout"] {
        Env::new().ask_at(&url, [flag, "0.2"]).fails(6, &[&host, "timed out after 0.2 s", flag]);
    }
}

#[test]
fn connecting_has_a_time_limit_of_its_own() {
    let (env, _) = trusted();
    // A TLS record that announces 16 KiB.
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
            let why = format!(
                "xask: error: cannot connect to {}: timed out after {words}\n",
                server.addr()
            );
            (case, run.stdin("Hi").key("k").stderr(why).spawn(), server)
        })
    });
    for (case, run, _server) in runs.into_iter().flatten() {
        assert_idle(&run.code(6), case);
    }
}

#[test]
fn a_connect_timeout_does_not_limit_the_response() {
    let (env, (server, received, gate)) = (Env::new(), Server::holding(four()));
    let run =
        env.xask(["--connect-timeout", "0.2", "Hi"]).server(&server).stdout("Four.\n").spawn();
    received.wait();
    // Longer than the limit, so that a wrong timeout would have time to happen.
    std::thread::sleep(Duration::from_millis(400));
    gate.open();
    run.success();
}
