//! `--timeout` and `--connect-timeout`: what runs out, and how far the question had got.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use crate::support::pictures::png;
use crate::support::{Env, ID, Reads, Script, Server, four, replies};

/// Enough to send a question in, and soon over.
const SHORT: &str = "--timeout=0.5";

/// What is told of an answer that was too late.
const LATE: [&str; 3] = ["timed out after 0.5 s", "--timeout", "billed twice"];

#[test]
fn an_answer_that_does_not_come_in_time_is_lost() {
    let (head, body) = (four().with_id().head(), replies::completion("Four."));
    let part = |n: usize| [&head[..], &body.as_bytes()[..n]].concat();
    let early = "HTTP/1.1 103 Early Hints\r\n\r\n";
    let cases = [
        ("nothing is said", false, Script::new().hold()),
        ("nothing is read", false, Script::after(Reads::Nothing).stall()),
        ("the head stops", false, Script::new().send(&head[..20]).hold()),
        ("only a note is said", false, Script::new().send(early).hold()),
        ("the body does not begin", true, Script::new().send(part(0)).hold()),
        ("the body stops", true, Script::new().send(part(50)).hold()),
        ("the last byte is missing", true, Script::new().send(part(body.len() - 1)).hold()),
        (
            "the last chunk is missing",
            true,
            Script::new().send(four().with_id().chunked().split(2).0).hold(),
        ),
    ];
    thread::scope(|scope| {
        for (name, is_reply, script) in cases {
            scope.spawn(move || {
                let server = Server::play([script]);
                let told = Env::new().ask(&server, [SHORT]).case(name).fails(7, &LATE);
                assert_eq!(
                    told.contains(&format!("(HTTP 200, x-request-id {ID})")),
                    is_reply,
                    "{told}"
                );
            });
        }
    });
}

#[test]
fn a_body_that_nobody_takes_runs_out_of_time_too() {
    let env = Env::new();
    env.write("big.png", png(12 << 20));
    let server = Server::play([Script::after(Reads::Head).stall()]);
    env.ask(&server, [SHORT, "--image=big.png"]).fails(7, &LATE);
}

#[test]
fn bytes_that_trickle_do_not_put_the_deadline_off() {
    // They come for much longer than the deadline, and make an answer in the end.
    let answer = replies::completion("Four.");
    let reply = format!("HTTP/1.1 200 OK\r\n\r\n{}{answer}", " ".repeat(5_000_000));
    let server = Server::play([Script::new().drip(reply)]);
    Env::new().ask(&server, [SHORT]).fails(7, &LATE);
}

#[test]
fn an_answer_in_time_is_an_answer_whatever_the_deadline() {
    for timeout in ["3600", "20.5", "1e9", "1e18"] {
        let server = Server::reply(four());
        Env::new()
            .ask(&server, ["--timeout", timeout, "--connect-timeout", timeout])
            .stdout("Four.\n")
            .success();
    }
}

#[test]
fn a_deadline_that_has_passed_before_a_byte_left_is_not_delivered() {
    // It may be connected to, but is not to be spoken to.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
    for flag in ["--timeout", "--connect-timeout"] {
        for seconds in ["0.000001", "0.000000001", "1e-10"] {
            Env::new().ask_at(&url, [flag, seconds]).fails(6, &["timed out", flag]);
        }
    }
}

/// A listener that takes no more connections: its queue is full, and further ones are not answered. The
/// connections in the queue come with it.
#[cfg(target_os = "linux")]
fn deaf() -> (SocketAddr, TcpListener, Vec<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(100)).ok();
    let queue = std::iter::from_fn(connect).collect();
    (address, listener, queue)
}

#[test]
#[cfg(target_os = "linux")]
fn a_connection_that_does_not_come_about_in_time_is_not_delivered() {
    let (address, _listener, _queue) = deaf();
    let url = format!("http://{address}/v1");
    let host = address.to_string();
    for flag in ["--timeout", "--connect-timeout"] {
        Env::new().ask_at(&url, [flag, "0.2"]).fails(6, &[&host, "timed out after 0.2 s", flag]);
    }
}

#[test]
fn a_time_that_is_none_is_refused() {
    for flag in ["--timeout", "--connect-timeout"] {
        for seconds in ["0", "0.0", "-1", "nan", "inf", "1e400", "soon", "", " ", "1s", "1,5"] {
            Env::new().ask_at("", [flag, seconds]).fails(2, &[flag]);
        }
    }
}
