//! Which failures are retried, and after what pause.
//!
//! It decides only; it neither sends nor waits.

use std::time::{Duration, SystemTime};

use crate::error::{Failure, Retry};

/// The longest pause that the API can ask for; a longer one ends the run.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(1);

/// The first pause if the API requests none.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The longest pause if the API requests none.
const MAX_PAUSE: Duration = Duration::from_secs(8);

/// How much of a pause may be left out, so that clients that failed together do not come back together.
const JITTER: f64 = 0.25;

/// `--retries` and `--retry-lost`.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    /// How often a request may be sent again.
    pub retries: u32,
    /// Whether requests that may have been billed are retried, too.
    pub retry_lost: bool,
}

impl RetryPolicy {
    /// The pause before a failed request is sent again; `None` if it is not.
    ///
    /// `attempt` counts the retries so far, `random` is from 0 to 1.
    pub fn delay_before_retry(
        self,
        failure: &Failure,
        attempt: u32,
        random: f64,
    ) -> Option<Duration> {
        let may = match failure.retry {
            Retry::Never => false,
            Retry::Safe => true,
            Retry::MayDoubleBill => self.retry_lost,
        };
        if !may || attempt >= self.retries {
            return None;
        }
        if let Some(asked) = failure.retry_after {
            return Some(asked).filter(|asked| *asked <= MAX_RETRY_AFTER);
        }
        let pause = FIRST_PAUSE.saturating_mul(1 << attempt.min(16)).min(MAX_PAUSE);
        Some(pause.mul_f64(1.0 - JITTER * random))
    }
}

/// The pause that a response requests: by `retry-after-ms`, in milliseconds, else by `Retry-After`, in seconds or as a
/// date (RFC 9110, 10.2.3). Both may have a fraction, which the RFC does not know but servers send. Nonsense counts as
/// none.
pub fn retry_after(
    retry_after: Option<&str>,
    retry_after_ms: Option<&str>,
    now: SystemTime,
) -> Option<Duration> {
    if let Some(pause) = retry_after_ms.and_then(|header| parse_decimal(header, 1000.0)) {
        return Some(pause);
    }
    let header = retry_after?;
    parse_decimal(header, 1.0).or_else(|| {
        let date = httpdate::parse_http_date(header.trim()).ok()?;
        Some(date.duration_since(now).unwrap_or_default())
    })
}

/// A number without a sign or an exponent, in units of which a second has this many.
fn parse_decimal(header: &str, per_second: f64) -> Option<Duration> {
    let header = header.trim();
    let is_decimal = header.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number: f64 = header.parse().ok().filter(|_| is_decimal)?;
    // More digits than a number has are a long time too.
    Some(Duration::try_from_secs_f64(number / per_second).unwrap_or(Duration::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ExitStatus;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn only_safe_failures_are_retried_unless_more_is_requested() {
        use Retry::{MayDoubleBill, Never, Safe};
        for (repeat, retry_lost, attempt, expected) in [
            (Never, false, 0, None),
            (Never, true, 0, None),
            (Safe, false, 0, Some(500)),
            (Safe, false, 1, Some(1000)),
            (Safe, false, 2, None),
            (Safe, true, 0, Some(500)),
            (MayDoubleBill, false, 0, None),
            (MayDoubleBill, true, 0, Some(500)),
        ] {
            let failure = Failure::new(ExitStatus::Server, "failed").retry(repeat);
            let pause =
                RetryPolicy { retries: 2, retry_lost }.delay_before_retry(&failure, attempt, 0.0);
            assert_eq!(
                pause,
                expected.map(Duration::from_millis),
                "{repeat:?} {retry_lost} {attempt}"
            );
        }
    }

    #[test]
    fn pauses_double_up_to_a_limit_less_a_random_part() {
        let policy = RetryPolicy { retries: u32::MAX, retry_lost: false };
        let failure = Failure::new(ExitStatus::Server, "failed").retry(Retry::Safe);
        let pauses: Vec<_> =
            (0..6).map(|attempt| policy.delay_before_retry(&failure, attempt, 0.0)).collect();
        let expected = [500, 1000, 2000, 4000, 8000, 8000];
        assert_eq!(pauses, expected.map(|millis| Some(Duration::from_millis(millis))));
        assert_eq!(policy.delay_before_retry(&failure, 1_000_000, 1.0), Some(SECOND * 6));
    }

    #[test]
    fn a_requested_pause_is_respected_or_ends_the_run() {
        let policy = RetryPolicy { retries: 2, retry_lost: false };
        for (asked, expected) in [(0, true), (1, true), (60, true), (61, false), (u64::MAX, false)]
        {
            let asked = Duration::from_secs(asked);
            let failure = Failure::new(ExitStatus::RateLimit, "later")
                .retry(Retry::Safe)
                .retry_after(Some(asked));
            assert_eq!(policy.delay_before_retry(&failure, 0, 1.0), expected.then_some(asked));
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").expect("a date");
        for (header, expected) in [
            ("0", Some(0)),
            (" 7 ", Some(7000)),
            ("1.5", Some(1500)),
            (".25", Some(250)),
            ("2.", Some(2000)),
            ("-1", None),
            ("1e3", None),
            ("1.2.3", None),
            (".", None),
            ("inf", None),
            ("soon", None),
            ("", None),
            ("Sun, 06 Nov 1994 08:49:39 GMT", Some(2000)),
            ("Sun, 06 Nov 1994 08:49:30 GMT", Some(0)),
        ] {
            let expected = expected.map(Duration::from_millis);
            assert_eq!(retry_after(Some(header), None, now), expected, "{header:?}");
        }
        let forever = "9".repeat(400);
        assert_eq!(retry_after(Some(&forever), None, now), Some(Duration::MAX));
    }

    #[test]
    fn retry_after_ms_takes_precedence_over_retry_after() {
        let now = SystemTime::UNIX_EPOCH;
        for (header, ms, expected) in [
            (None, Some("1500"), Some(1500)),
            (Some("7"), Some("20.5"), Some(20)),
            (Some("7"), Some("0"), Some(0)),
            (Some("7"), Some("soon"), Some(7000)),
            (Some("soon"), Some("-1"), None),
            (None, None, None),
        ] {
            let millis = retry_after(header, ms, now).map(|pause| pause.as_millis());
            assert_eq!(millis, expected, "{header:?} {ms:?}");
        }
    }
}
