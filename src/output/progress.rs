//! A line on a terminal that shows that a wait is not a hang. It is gone before anything else appears.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::getpgrp;
use rustix::termios::tcgetpgrp;

use crate::body::UploadProgress;

/// How long a wait is before it is shown, and how often the line changes.
const TICK: Duration = Duration::from_secs(1);

/// Uploads from this size on are shown, in bytes.
const LARGE_UPLOAD: u64 = 1024 * 1024;

/// Goes to the beginning of the line and erases it (ECMA-48: CR, EL).
const ERASE: &str = "\r\x1b[K";

/// The line; it is gone when this is dropped.
#[derive(Debug)]
pub struct Progress {
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct State {
    is_thinking: AtomicBool,
    is_over: AtomicBool,
}

impl Progress {
    /// Shows the wait for an upload of `total` bytes and for what comes after it. Where no thread can be had
    /// there is no line.
    pub fn begin(upload: UploadProgress, total: u64) -> Self {
        let state = Arc::new(State::default());
        let drawn = Arc::clone(&state);
        let draw = move || draw_until_over(&drawn, &upload, total);
        Self { state, thread: thread::Builder::new().spawn(draw).ok() }
    }

    /// From here on the line says that the model thinks.
    pub fn set_thinking(&self) {
        self.state.is_thinking.store(true, Ordering::SeqCst);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.state.is_over.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

fn draw_until_over(state: &State, upload: &UploadProgress, total: u64) {
    let begun = Instant::now();
    let (mut due, mut is_drawn) = (TICK, false);
    while !state.is_over.load(Ordering::SeqCst) {
        let elapsed = begun.elapsed();
        if elapsed < due {
            // It may return early, for no reason too.
            thread::park_timeout(due.saturating_sub(elapsed));
            continue;
        }
        due = elapsed + TICK;
        if is_in_foreground() {
            let is_thinking = state.is_thinking.load(Ordering::SeqCst);
            draw(&line(is_thinking, elapsed, upload.load(Ordering::Relaxed), total));
            is_drawn = true;
        }
    }
    if is_drawn && is_in_foreground() {
        draw("");
    }
}

/// Whether the terminal's line is this process's to draw on, and not that of a shell which has sent it to the
/// background. Where the system cannot tell, as for another session's terminal, it is.
fn is_in_foreground() -> bool {
    tcgetpgrp(io::stderr()).map_or(true, |foreground| foreground == getpgrp())
}

fn draw(text: &str) {
    let _ = io::stderr().write_all(format!("{ERASE}{text}").as_bytes());
}

fn line(is_thinking: bool, elapsed: Duration, sent: u64, total: u64) -> String {
    let seconds = elapsed.as_secs();
    if is_thinking {
        return format!("xask: thinking, {seconds} s");
    }
    if total < LARGE_UPLOAD || sent >= total {
        return format!("xask: waiting, {seconds} s");
    }
    let mib = |bytes: u64| bytes / (1024 * 1024);
    format!("xask: sent {} of {} MiB, {seconds} s", mib(sent), mib(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_upload_is_shown_until_it_is_sent() {
        let line = |sent, total| line(false, Duration::from_millis(3900), sent, total);
        assert_eq!(line(10, 100), "xask: waiting, 3 s");
        assert_eq!(line(5 << 20, 27 << 20), "xask: sent 5 of 27 MiB, 3 s");
        assert_eq!(line(27 << 20, 27 << 20), "xask: waiting, 3 s");
    }

    #[test]
    fn thinking_is_shown_whatever_was_sent() {
        for (sent, total) in [(10, 100), (5 << 20, 27 << 20)] {
            let line = line(true, Duration::from_secs(70), sent, total);
            assert_eq!(line, "xask: thinking, 70 s");
        }
    }

    #[test]
    fn a_line_ends_at_once_in_every_state() {
        for is_thinking in [false, true] {
            let begun = Instant::now();
            let progress = Progress::begin(UploadProgress::default(), 0);
            if is_thinking {
                progress.set_thinking();
            }
            drop(progress);
            assert!(begun.elapsed() < TICK);
        }
    }
}
