//! One delivery of a request, under its deadlines: what all connectors share.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, Timespec, poll};
use rustix::io::Errno;
use ureq::{Error, Timeout};

use crate::deadline::Deadline;

/// One delivery: its two deadlines, and how far it got.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// For the name, TCP, TLS and a proxy's answer together.
    connect: Deadline,
    /// For everything; it can change on the way.
    total: Arc<Mutex<Deadline>>,
    state: Arc<AtomicU8>,
}

/// How far a delivery got. Each state implies the ones before it, and none is left for an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum DeliveryState {
    /// No byte of the request can have left.
    Connecting,
    /// A byte of the request may have left.
    Sending,
    /// The last piece of the request is ready to be sent.
    LastPiece,
    /// The peer does not want the rest of the request: its response is there, or it hung up.
    Stopped,
    /// The peer has closed the connection: what is missing now does not come.
    PeerClosed,
    /// The connection broke while the response was read, which ureq takes for the end of a response without
    /// a length.
    Reset,
}

impl Delivery {
    /// A delivery that begins now.
    pub fn new(connect_timeout: Duration, total: Deadline) -> Self {
        let state = Arc::new(AtomicU8::new(DeliveryState::Connecting as u8));
        let total = Arc::new(Mutex::new(total));
        Self { connect: Deadline::after(connect_timeout), total, state }
    }

    /// The deadline for the name, TCP, TLS and a proxy's answer together.
    pub fn connect(&self) -> Deadline {
        self.connect
    }

    /// The deadline for everything.
    pub fn total(&self) -> Deadline {
        *self.total.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the deadline for everything.
    pub fn set_total(&self, total: Deadline) {
        *self.total.lock().unwrap_or_else(PoisonError::into_inner) = total;
    }

    /// Notes how far the delivery got.
    pub fn reach(&self, state: DeliveryState) {
        self.state.fetch_max(state as u8, Ordering::Relaxed);
    }

    /// Whether the delivery got so far.
    pub fn has_reached(&self, state: DeliveryState) -> bool {
        self.state.load(Ordering::Relaxed) >= state as u8
    }

    /// The time that is left for what is being done now.
    pub fn remaining(&self) -> Result<Option<Duration>, Error> {
        let connect =
            if self.has_reached(DeliveryState::Sending) { None } else { self.connect.remaining() };
        let (left, reason) = match (connect, self.total().remaining()) {
            (Some(connect), total) if total.is_none_or(|total| connect < total) => {
                (Some(connect), Timeout::Connect)
            }
            (_, total) => (total, Timeout::Global),
        };
        if left == Some(Duration::ZERO) { Err(Error::Timeout(reason)) } else { Ok(left) }
    }

    /// Waits until something is ready, or for a time; whether anything is.
    pub fn poll_until(&self, fds: &mut [PollFd], at_most: Option<Duration>) -> Result<bool, Error> {
        let pause = at_most.map(Deadline::after);
        loop {
            let left = self.remaining()?;
            let pause_left = pause.and_then(|pause| pause.remaining());
            let wait = [left, pause_left].into_iter().flatten().min();
            let wait = wait.map(|wait| Timespec::try_from(wait).unwrap_or(FOREVER));
            match poll(fds, wait.as_ref()) {
                Err(Errno::INTR) => {}
                Ok(0) if pause_left != Some(Duration::ZERO) => {}
                Ok(ready) => return Ok(ready > 0),
                Err(errno) => return Err(Error::Io(errno.into())),
            }
        }
    }
}

/// A wait too long for the system's clock to count.
const FOREVER: Timespec = Timespec { tv_sec: i64::MAX, tv_nsec: 0 };
