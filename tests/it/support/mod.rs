//! What every test uses: a hermetic place to run xask in ([`Env`]), a server that plays a script
//! ([`Server`]), responses in the wire format of the API ([`chat`], [`responses`]), certificates ([`tls`]),
//! and a terminal.
//!
//! All of it waits for events and never for time; the only clock is [`LIMIT`], which ends tests that hang.
#![allow(
    dead_code,
    unused_imports,
    reason = "a kit: what one room leaves in the box, another takes out"
)]

pub mod chat;
mod env;
mod expected;
mod files;
mod helpers;
pub mod images;
pub mod messages;
mod permission;
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
pub use helpers::{ID, KEY, PROMPT, answer, four, json_response, retry_at_once, streamed};
pub use permission::unprivileged;
pub use running::{Output, Running};
pub use rustix::process::Signal;
pub use server::{Gate, Reads, Request, Response, Script, Server};
pub use tty::Tty;

/// How long a child may run, and a gate stay closed, before the test counts as hung. Not a measurement.
pub const LIMIT: Duration = Duration::from_secs(30);

/// Polls until the condition holds, for changes without an event. Panics if it still does not hold after [`LIMIT`].
#[track_caller]
pub fn wait_for(mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < LIMIT, "it was not so in {LIMIT:?}");
        thread::yield_now();
    }
}

/// Bytes as one printable line: UTF-8 unchanged, control characters and invalid bytes escaped.
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

/// Reports that a test, or a part of it, was not run, and why. It bypasses the harness, which shows only what a
/// failed test prints.
pub fn skip(why: &str) {
    let test = thread::current();
    let line = format!("skipped: {}: {why}\n", test.name().unwrap_or("a test"));
    let _ = stderr().write_all(line.as_bytes());
}
