//! Times for people and programs.

use std::time::{SystemTime, UNIX_EPOCH};

/// A time as in `2026-11-25T23:14:43.120Z` (RFC 3339).
pub fn rfc3339(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let milli = since.subsec_millis();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// Year, month and day in the Gregorian calendar, this many days after 1970-01-01: years begin in March, so that
/// the leap day is their last (H. Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`).
fn civil(days: u64) -> (u64, u64, u64) {
    const DAYS_FROM_YEAR_0: u64 = 719_468;
    const DAYS_IN_400_YEARS: u64 = 146_097;
    let days = days + DAYS_FROM_YEAR_0;
    let day_of_era = days % DAYS_IN_400_YEARS;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = 400 * (days / DAYS_IN_400_YEARS) + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    #[test]
    fn a_time_is_formatted_as_in_rfc_3339() {
        for (millis, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_795_648_483_120, "2026-11-25T23:14:43.120Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (253_402_300_799_000, "9999-12-31T23:59:59.000Z"),
        ] {
            assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_millis(millis)), expected);
        }
    }

    proptest! {
        #[test]
        fn the_calendar_is_that_of_http(second in 0..253_402_300_800_u64) {
            let time = UNIX_EPOCH + Duration::from_secs(second);
            // As in `Sun, 06 Nov 1994 08:49:37 GMT`.
            let http = httpdate::fmt_http_date(time);
            let shown = rfc3339(time);
            let months = "JanFebMarAprMayJunJulAugSepOctNovDec";
            let month: usize = shown[5..7].parse().expect("a number");
            let month = &months[month * 3 - 3..month * 3];
            let expected = format!("{} {month} {} {} GMT", &shown[8..10], &shown[..4], &shown[11..19]);
            prop_assert_eq!(&http[5..], expected);
        }
    }
}
