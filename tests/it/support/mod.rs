//! What every test stands on: a hermetic place to run xask in ([`Env`]), a service that plays a script
//! ([`Server`]), replies in the service's own wire format ([`replies`]), certificates ([`tls`]),
//! and a terminal.
//!
//! All of it waits for events and never for time; the one clock is [`LIMIT`], a net under tests that hang.
#![allow(
    dead_code,
    unused_imports,
    reason = "a kit: what one room leaves in the box, another takes out"
)]

mod env;
mod expected;
mod files;
mod helpers;
pub mod messages;
mod permission;
pub mod pictures;
pub mod replies;
pub mod responses;
mod running;
mod server;
mod shortcuts;
pub mod tls;
mod tty;

use std::io::{Write, stderr};
use std::thread;
use std::time::{Duration, Instant};

pub use env::{Env, Run};
pub use helpers::{ID, KEY, QUESTION, answer, busy, four, reply, streamed};
pub use permission::unprivileged;
pub use running::{Output, Running};
pub use rustix::process::Signal;
pub use server::{Gate, Reads, Reply, Request, Script, Server};
pub use tty::Tty;

/// How long a child may run, and a gate stay shut, before the test is given up as hung. Not a measurement.
pub const LIMIT: Duration = Duration::from_secs(30);

/// Looks until it is so: for what nobody tells. Panics when it is still not so after [`LIMIT`].
#[track_caller]
pub fn wait_for(mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < LIMIT, "it was not so in {LIMIT:?}");
        thread::yield_now();
    }
}

/// Bytes as one printable line: UTF-8 as it is, control characters and broken bytes escaped.
pub fn escaped(bytes: &[u8]) -> String {
    let mut line = String::new();
    for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars() {
            match char {
                '"' | '\'' => line.push(char),
                _ => line.extend(char.escape_debug()),
            }
        }
        line.push_str(&chunk.invalid().escape_ascii().to_string());
    }
    line
}

/// Says that a test, or a part of it, was not run, and why. Past the harness, which shows only what a
/// failed test prints.
pub fn skip(why: &str) {
    let test = thread::current();
    let line = format!("skipped: {}: {why}\n", test.name().unwrap_or("a test"));
    let _ = stderr().write_all(line.as_bytes());
}
