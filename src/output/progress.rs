//! A line on a terminal that shows that a wait is not a hang. It is gone before anything else appears.

use std::io::{self, Write};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
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
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Waiting,
    Thinking,
    Over,
}

impl Progress {
    /// Shows the wait for an upload of `total` bytes and for what comes after it. Where no thread can be had
    /// there is no line.
    pub fn begin(upload: UploadProgress, total: u64) -> Self {
        let shared = Arc::new(Shared::default());
        let drawn = Arc::clone(&shared);
        let thread =
            thread::Builder::new().spawn(move || drawn.draw_until_over(&upload, total)).ok();
        Self { shared, thread }
    }

    /// From here on the line says that the model thinks.
    pub fn set_thinking(&self) {
        self.shared.set(State::Thinking);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, state: State) {
        *self.lock() = state;
    }

    fn draw_until_over(&self, upload: &UploadProgress, total: u64) {
        let begun = Instant::now();
        let mut is_drawn = false;
        let mut state = self.lock();
        loop {
            let (guard, waited) = self
                .changed
                .wait_timeout_while(state, TICK, |state| *state != State::Over)
                .unwrap_or_else(PoisonError::into_inner);
            state = guard;
            if !waited.timed_out() {
                break;
            }
            if is_in_foreground() {
                draw(&line(*state, begun.elapsed(), upload.load(Relaxed), total));
                is_drawn = true;
            }
        }
        if is_drawn && is_in_foreground() {
            draw("");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.shared.set(State::Over);
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
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

fn line(state: State, elapsed: Duration, sent: u64, total: u64) -> String {
    let seconds = elapsed.as_secs();
    if state == State::Thinking {
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
        let line = |sent, total| line(State::Waiting, Duration::from_millis(3900), sent, total);
        assert_eq!(line(10, 100), "xask: waiting, 3 s");
        assert_eq!(line(5 << 20, 27 << 20), "xask: sent 5 of 27 MiB, 3 s");
        assert_eq!(line(27 << 20, 27 << 20), "xask: waiting, 3 s");
    }

    #[test]
    fn thinking_is_shown_whatever_was_sent() {
        for (sent, total) in [(10, 100), (5 << 20, 27 << 20)] {
            let line = line(State::Thinking, Duration::from_secs(70), sent, total);
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
