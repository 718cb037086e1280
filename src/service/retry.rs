//! Which failures are repeated, and after what pause.
//!
//! Pure: it decides, it neither asks nor waits.

use std::time::{Duration, SystemTime};

use crate::error::{Failure, Repeat};

/// The longest pause a service can ask for; a longer one ends the run.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(1);

/// The first pause where the service asks for none.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The longest pause where the service asks for none.
const MAX_PAUSE: Duration = Duration::from_secs(8);

/// How much of a pause may be left out, so that many who failed together do not come back together.
const JITTER: f64 = 0.25;

/// What `--retries` and `--retry-lost` say.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// How often a request may be repeated.
    pub retries: u32,
    /// Repeat also what may have been billed.
    pub lost_too: bool,
}

impl Policy {
    /// The pause after which a failure is repeated, `None` to leave it at that.
    ///
    /// `repeated` counts the repetitions there were, `random` is from 0 to 1.
    pub fn pause(self, failure: &Failure, repeated: u32, random: f64) -> Option<Duration> {
        let may = match failure.repeat {
            Repeat::Never => false,
            Repeat::Safe => true,
            Repeat::MayBeBilled => self.lost_too,
        };
        if !may || repeated >= self.retries {
            return None;
        }
        if let Some(asked) = failure.retry_after {
            return Some(asked).filter(|asked| *asked <= MAX_RETRY_AFTER);
        }
        let pause = FIRST_PAUSE.saturating_mul(1 << repeated.min(16)).min(MAX_PAUSE);
        Some(pause.mul_f64(1.0 - JITTER * random))
    }
}

/// A `Retry-After` header: seconds, or a date (RFC 9110, 10.2.3). Nonsense counts as none.
pub fn retry_after(header: &str, now: SystemTime) -> Option<Duration> {
    let header = header.trim();
    if !header.is_empty() && header.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a number has are a long time too.
        return Some(Duration::from_secs(header.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(header).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Exit;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn only_what_is_safe_is_repeated_unless_more_is_asked_for() {
        use Repeat::{MayBeBilled, Never, Safe};
        for (repeat, lost_too, repeated, expected) in [
            (Never, false, 0, None),
            (Never, true, 0, None),
            (Safe, false, 0, Some(500)),
            (Safe, false, 1, Some(1000)),
            (Safe, false, 2, None),
            (Safe, true, 0, Some(500)),
            (MayBeBilled, false, 0, None),
            (MayBeBilled, true, 0, Some(500)),
        ] {
            let failure = Failure::new(Exit::Service, "failed").repeat(repeat);
            let pause = Policy { retries: 2, lost_too }.pause(&failure, repeated, 0.0);
            assert_eq!(
                pause,
                expected.map(Duration::from_millis),
                "{repeat:?} {lost_too} {repeated}"
            );
        }
    }

    #[test]
    fn pauses_double_up_to_a_limit_less_a_random_part() {
        let policy = Policy { retries: u32::MAX, lost_too: false };
        let failure = Failure::new(Exit::Service, "failed").repeat(Repeat::Safe);
        let pauses: Vec<_> = (0..6).map(|repeated| policy.pause(&failure, repeated, 0.0)).collect();
        let expected = [500, 1000, 2000, 4000, 8000, 8000];
        assert_eq!(pauses, expected.map(|millis| Some(Duration::from_millis(millis))));
        assert_eq!(policy.pause(&failure, 1_000_000, 1.0), Some(SECOND * 6));
    }

    #[test]
    fn a_pause_that_is_asked_for_is_kept_or_ends_the_run() {
        let policy = Policy { retries: 2, lost_too: false };
        for (asked, expected) in [(0, true), (1, true), (60, true), (61, false), (u64::MAX, false)]
        {
            let asked = Duration::from_secs(asked);
            let failure = Failure::new(Exit::RateLimit, "later")
                .repeat(Repeat::Safe)
                .retry_after(Some(asked));
            assert_eq!(policy.pause(&failure, 0, 1.0), expected.then_some(asked));
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").expect("a date");
        for (header, expected) in [
            ("0", Some(0)),
            (" 7 ", Some(7)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
            ("Sun, 06 Nov 1994 08:49:39 GMT", Some(2)),
            ("Sun, 06 Nov 1994 08:49:30 GMT", Some(0)),
        ] {
            assert_eq!(retry_after(header, now), expected.map(Duration::from_secs), "{header:?}");
        }
    }
}
