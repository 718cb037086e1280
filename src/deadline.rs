//! The one deadline of a run: everything that can wait gets its time limit from it.

use std::time::{Duration, Instant};

/// The moment after which nothing is waited for any more.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    /// `None` where the clock cannot count that far: no deadline.
    end: Option<Instant>,
    limit: Duration,
}

impl Deadline {
    /// A deadline `limit` from now; none where the clock cannot count that far.
    pub fn after(limit: Duration) -> Self {
        Self { end: Instant::now().checked_add(limit), limit }
    }

    /// The earlier of this deadline and one `limit` from now.
    pub fn within(self, limit: Duration) -> Self {
        match self.remaining() {
            Some(left) if left <= limit => self,
            _ => Self::after(limit),
        }
    }

    /// What is left, `None` for no deadline, zero when it has passed.
    pub fn remaining(&self) -> Option<Duration> {
        self.end.map(|end| end.saturating_duration_since(Instant::now()))
    }

    /// The time that was given in all.
    pub fn limit(&self) -> Duration {
        self.limit
    }
}
