//! One attempt at a delivery, under its deadlines: what all the links of a connection share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, Timespec, poll};
use rustix::io::Errno;
use ureq::unversioned::transport::NextTimeout;
use ureq::unversioned::transport::time::Duration::NotHappening;
use ureq::{Error, Timeout};

use crate::deadline::Deadline;

/// One attempt at a delivery: its two deadlines, and how far it got.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// For the name, TCP, TLS and a proxy's answer together.
    connect: Deadline,
    /// For everything.
    whole: Deadline,
    /// A byte of the request may have left.
    sent: Arc<AtomicBool>,
    /// The other side does not want the rest of the request: its answer is there, or it hung up.
    stopped: Arc<AtomicBool>,
    /// The other side has closed the connection.
    ended: Arc<AtomicBool>,
    /// The connection broke while the reply was read.
    broken: Arc<AtomicBool>,
}

impl Attempt {
    /// An attempt that begins now.
    pub fn new(connect_timeout: Duration, whole: Deadline) -> Self {
        Self {
            connect: Deadline::after(connect_timeout),
            whole,
            sent: Arc::default(),
            stopped: Arc::default(),
            ended: Arc::default(),
            broken: Arc::default(),
        }
    }

    /// The deadline for the name, TCP, TLS and a proxy's answer together.
    pub fn connect(&self) -> Deadline {
        self.connect
    }

    /// The deadline for everything.
    pub fn whole(&self) -> Deadline {
        self.whole
    }

    /// A byte of the request is about to leave.
    pub fn mark_sent(&self) {
        self.sent.store(true, Ordering::Relaxed);
    }

    /// The other side has closed the connection.
    pub fn mark_ended(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    /// The connection broke while the reply was read.
    pub fn mark_broken(&self) {
        self.broken.store(true, Ordering::Relaxed);
    }

    /// Whether a byte of the request may have left.
    pub fn is_sent(&self) -> bool {
        self.sent.load(Ordering::Relaxed)
    }

    /// Whether the rest of the request is not wanted any more.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// The rest of the request is not wanted any more.
    pub fn mark_stopped(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether the other side has closed the connection: what is missing then does not come.
    pub fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Whether the connection broke, which ureq takes for the end of a reply without a length.
    pub fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    /// The time that is left for what is being done now.
    pub fn remaining(&self) -> Result<Option<Duration>, Error> {
        match self.limit() {
            (Some(Duration::ZERO), reason) => Err(Error::Timeout(reason)),
            (left, _) => Ok(left),
        }
    }

    /// The same, as ureq's own links take it.
    pub fn next_timeout(&self) -> NextTimeout {
        let (left, reason) = self.limit();
        let after = left.map_or(NotHappening, Into::into);
        NextTimeout { after, reason, ..NextTimeout::default() }
    }

    /// What is left, and of what.
    fn limit(&self) -> (Option<Duration>, Timeout) {
        let connect = if self.is_sent() { None } else { self.connect.remaining() };
        match (connect, self.whole.remaining()) {
            (Some(connect), whole) if whole.is_none_or(|whole| connect < whole) => {
                (Some(connect), Timeout::Connect)
            }
            (_, whole) => (whole, Timeout::Global),
        }
    }

    /// Waits until something is ready, or for a time; whether anything is.
    pub fn wait(&self, fds: &mut [PollFd], at_most: Option<Duration>) -> Result<bool, Error> {
        let pause = at_most.map(Deadline::after);
        loop {
            let left = self.remaining()?;
            let pause_left = pause.and_then(|pause| pause.remaining());
            let wait = [left, pause_left].into_iter().flatten().min();
            let wait = wait.map(|wait| Timespec::try_from(wait).unwrap_or(FOREVER));
            match poll(fds, wait.as_ref()) {
                Ok(0) | Err(Errno::INTR) if pause_left != Some(Duration::ZERO) => {}
                Ok(ready) => return Ok(ready > 0),
                Err(errno) => return Err(Error::Io(errno.into())),
            }
        }
    }
}

/// A wait too long for the system's clock to count.
const FOREVER: Timespec = Timespec { tv_sec: i64::MAX, tv_nsec: 0 };
