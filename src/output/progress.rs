//! A line on a terminal that says a wait is not a hang. It is gone before anything else appears.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::service::Upload;

/// How long a wait is before it is told of, and how often the line changes.
const TICK: Duration = Duration::from_secs(1);

/// An upload over so many bytes is told of too.
const LARGE_UPLOAD: u64 = 1024 * 1024;

/// To the beginning of the line, and what follows is erased (ECMA-48: CR, EL).
const ERASE: &str = "\r\x1b[K";

/// The line while something is waited for; dropped, it is gone.
#[derive(Debug)]
pub struct Progress {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    is_over: Mutex<bool>,
    over: Condvar,
}

impl Progress {
    /// Begins to wait for an upload of `total` bytes and what comes after it.
    ///
    /// Without a thread for it there is no line; the wait itself goes on.
    pub fn begin(upload: Upload, total: u64) -> Self {
        let shared = Arc::new(Shared::default());
        let told = Arc::clone(&shared);
        let thread = thread::Builder::new().spawn(move || told.tell(&upload, total)).ok();
        Self { shared, thread }
    }
}

impl Shared {
    fn tell(&self, upload: &Upload, total: u64) {
        let begun = Instant::now();
        let mut is_drawn = false;
        let mut is_over = self.is_over.lock().unwrap_or_else(PoisonError::into_inner);
        while !*is_over {
            let (guard, waited) =
                self.over.wait_timeout(is_over, TICK).unwrap_or_else(PoisonError::into_inner);
            is_over = guard;
            if waited.timed_out() && !*is_over {
                draw(&line(begun.elapsed(), upload.sent(), total));
                is_drawn = true;
            }
        }
        if is_drawn {
            draw("");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        *self.shared.is_over.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.shared.over.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn draw(text: &str) {
    let _ = io::stderr().write_all(format!("{ERASE}{text}").as_bytes());
}

fn line(elapsed: Duration, sent: u64, total: u64) -> String {
    let seconds = elapsed.as_secs();
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
    fn a_large_upload_is_told_until_it_is_sent() {
        let three = Duration::from_millis(3900);
        assert_eq!(line(three, 10, 100), "xask: waiting, 3 s");
        assert_eq!(line(three, 5 << 20, 27 << 20), "xask: sent 5 of 27 MiB, 3 s");
        assert_eq!(line(three, 27 << 20, 27 << 20), "xask: waiting, 3 s");
    }
}
