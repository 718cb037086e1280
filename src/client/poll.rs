//! When to poll for a deferred answer, and which failed polls are repeated.
//!
//! It decides only; it neither polls nor waits.

use std::time::Duration;

use crate::error::{ExitStatus, Failure, Retry};

/// A poll without a response after this time is given up, and repeated.
pub const RESPONSE_LIMIT: Duration = Duration::from_mins(1);

/// Between the id and the first poll.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Between the first poll and the second; it doubles from there.
const SECOND_PAUSE: Duration = Duration::from_secs(2);

/// The longest pause that the API does not ask for. A guide of xAI polls every 10 s.
const MAX_PAUSE: Duration = Duration::from_secs(10);

/// The polls for one answer.
#[derive(Debug, Default)]
pub struct Polling {
    /// The pause before the next poll, unless the API requests a longer one.
    next_pause: Duration,
    /// The pause that the API requested last.
    asked_pause: Duration,
    /// A server has answered this process.
    has_contact: bool,
    /// How many more polls without any answer of a server are repeated.
    retries_left: u32,
    /// A poll got a 200 that broke off: the API hands an answer out once.
    may_be_used_up: bool,
}

impl Polling {
    /// Polls for the answer to a request that this process sent.
    pub fn after_submission() -> Self {
        Self { next_pause: FIRST_PAUSE, has_contact: true, ..Self::default() }
    }

    /// Polls for the answer to an earlier request: at once. As long as no server has answered, `retries` limits
    /// the repeats.
    pub fn for_earlier_request(retries: u32) -> Self {
        Self { retries_left: retries, ..Self::default() }
    }

    /// The pause before the next poll.
    pub fn pause(&self) -> Duration {
        self.next_pause.max(self.asked_pause)
    }

    /// The answer is not ready.
    pub fn on_not_ready(&mut self, retry_after: Option<Duration>) {
        self.has_contact = true;
        self.advance(retry_after);
    }

    /// Whether a poll that failed is repeated.
    pub fn on_failure(&mut self, failure: &Failure) -> bool {
        if failure.http_status.is_some() {
            self.has_contact = true;
        }
        if failure.status == ExitStatus::Incomplete && failure.http_status == Some(200) {
            self.may_be_used_up = true;
        }
        if !is_passing(failure) {
            return false;
        }
        if !self.has_contact {
            match self.retries_left.checked_sub(1) {
                Some(left) => self.retries_left = left,
                None => return false,
            }
        }
        self.advance(failure.retry_after);
        true
    }

    /// Whether a poll may already have got the answer, and lost it.
    pub fn may_be_used_up(&self) -> bool {
        self.may_be_used_up
    }

    fn advance(&mut self, retry_after: Option<Duration>) {
        self.next_pause = if self.next_pause < SECOND_PAUSE {
            SECOND_PAUSE
        } else {
            self.next_pause.saturating_mul(2).min(MAX_PAUSE)
        };
        self.asked_pause = retry_after.unwrap_or_default();
    }
}

/// Whether the same poll may succeed later.
fn is_passing(failure: &Failure) -> bool {
    match failure.http_status {
        Some(525 | 526) => false,
        Some(408 | 425 | 429 | 500..600) => true,
        Some(_) => failure.status == ExitStatus::Incomplete,
        None => match failure.status {
            ExitStatus::NotDelivered => failure.retry == Retry::Safe,
            // A response that breaks off, and one that is not even HTTP.
            ExitStatus::Incomplete | ExitStatus::Server => true,
            _ => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(status: ExitStatus, http_status: Option<u16>) -> Failure {
        match http_status {
            Some(http_status) => Failure::new(status, "failed").response(http_status, None),
            None => Failure::new(status, "failed"),
        }
    }

    fn pauses(mut polling: Polling, count: usize) -> Vec<u64> {
        let pauses = (0..count).map(|_| {
            let pause = polling.pause().as_secs();
            polling.on_not_ready(None);
            pause
        });
        pauses.collect()
    }

    #[test]
    fn pauses_double_up_to_ten_seconds() {
        assert_eq!(pauses(Polling::after_submission(), 7), [1, 2, 4, 8, 10, 10, 10]);
        assert_eq!(pauses(Polling::for_earlier_request(2), 7), [0, 2, 4, 8, 10, 10, 10]);
    }

    #[test]
    fn retry_after_lengthens_a_pause_and_never_shortens_it() {
        for (asked, expected) in [(0, 2), (1, 2), (30, 30)] {
            let mut polling = Polling::after_submission();
            polling.on_not_ready(Some(Duration::from_secs(asked)));
            assert_eq!(polling.pause().as_secs(), expected, "{asked}");
            polling.on_not_ready(None);
            assert_eq!(polling.pause().as_secs(), 4, "only one pause is lengthened");
        }
    }

    #[test]
    fn only_temporary_failures_are_polled_again() {
        use ExitStatus::{Incomplete, Key, NotDelivered, RateLimit, Rejected, Server};
        for (status, http_status, expected) in [
            (Incomplete, None, true),
            (Incomplete, Some(200), true),
            (Server, None, true),
            (Server, Some(408), true),
            (Server, Some(425), true),
            (RateLimit, Some(429), true),
            (Server, Some(500), true),
            (Server, Some(524), true),
            (Server, Some(525), false),
            (Server, Some(526), false),
            (Server, Some(302), false),
            (Server, Some(200), false),
            (Key, Some(401), false),
            (Rejected, Some(404), false),
            (ExitStatus::Local, None, false),
        ] {
            let mut polling = Polling::after_submission();
            let is_repeated = polling.on_failure(&failure(status, http_status));
            assert_eq!(is_repeated, expected, "{status:?} {http_status:?}");
        }
        let certificate = failure(NotDelivered, None);
        assert!(!Polling::after_submission().on_failure(&certificate));
        let refused = failure(NotDelivered, None).retry(Retry::Safe);
        assert!(Polling::after_submission().on_failure(&refused));
    }

    #[test]
    fn retries_limit_the_polls_until_a_server_has_answered() {
        let unreachable = || failure(ExitStatus::NotDelivered, None).retry(Retry::Safe);
        let mut polling = Polling::for_earlier_request(2);
        let repeated: Vec<bool> = (0..3).map(|_| polling.on_failure(&unreachable())).collect();
        assert_eq!(repeated, [true, true, false]);
        let mut polling = Polling::for_earlier_request(0);
        assert!(polling.on_failure(&failure(ExitStatus::Server, Some(500))));
        assert!((0..100).all(|_| polling.on_failure(&unreachable())));
    }

    #[test]
    fn an_interrupted_200_may_have_used_up_the_answer() {
        let mut polling = Polling::after_submission();
        polling.on_failure(&failure(ExitStatus::Incomplete, None));
        assert!(!polling.may_be_used_up());
        polling.on_failure(&failure(ExitStatus::Incomplete, Some(200)));
        assert!(polling.may_be_used_up());
    }
}
