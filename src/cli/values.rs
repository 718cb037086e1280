//! The values that a flag takes, each checked by a function that says what was expected.

use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::api::{self, Api};
use crate::message::Detail;

/// `--detail`: a level of xAI's guide.
pub fn detail() -> impl TypedValueParser<Value = Detail> {
    PossibleValuesParser::new(Detail::ALL.map(Detail::as_str)).map(|name| {
        Detail::ALL.into_iter().find(|detail| detail.as_str() == name).unwrap_or(Detail::Auto)
    })
}

/// `--api`: one of the two endpoints.
pub fn endpoint() -> impl TypedValueParser<Value = Api> {
    let names = Api::ALL.map(Api::as_str);
    PossibleValuesParser::new(names).try_map(|name| Api::from_name(&name).ok_or("unknown API"))
}

/// `--temperature`: 0 to 2 (xAI API reference).
pub fn temperature(text: &str) -> Result<f64, String> {
    number(text)
        .filter(|x| (0.0..=2.0).contains(x))
        .ok_or_else(|| "expected a number from 0 to 2".into())
}

/// `--top-p`: over 0, to 1 (xAI API reference).
pub fn top_p(text: &str) -> Result<f64, String> {
    number(text)
        .filter(|x| *x > 0.0 && *x <= 1.0)
        .ok_or_else(|| "expected a number greater than 0 and at most 1".into())
}

/// `--max-tokens`: from 1.
pub fn tokens(text: &str) -> Result<u64, String> {
    text.parse().ok().filter(|n| *n > 0).ok_or_else(|| "expected an integer, 1 or greater".into())
}

/// `--seed`: 32 bits with a sign (xAI API reference).
pub fn seed(text: &str) -> Result<i32, String> {
    text.parse().map_err(|_| format!("expected an integer from {} to {}", i32::MIN, i32::MAX))
}

/// `--retries`: from 0.
pub fn retries(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| "expected an integer, 0 or greater".into())
}

/// A time in seconds, over 0, fractions allowed.
pub fn seconds(text: &str) -> Result<Duration, String> {
    number(text)
        .filter(|seconds| *seconds > 0.0)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "expected a number of seconds greater than 0".into())
}

/// `KEY=VALUE`; the value may hold further `=`.
pub fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE".into()),
    }
}

/// `--domain`: a host name, without scheme, port or path.
pub fn domain(text: &str) -> Result<String, String> {
    let is_label = |label: &str| {
        let is_inner = |byte: u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') || !byte.is_ascii()
        };
        !label.is_empty()
            && label.bytes().all(is_inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if text.len() <= MAX_HOST_NAME && text.split('.').all(is_label) {
        return Ok(text.to_owned());
    }
    Err("expected a host name without scheme or path, as in example.com".into())
}

/// The longest host name, in bytes (RFC 1035, 2.3.4).
const MAX_HOST_NAME: usize = 253;

/// `--handle`: the name of an X account, less a leading `@`.
pub fn handle(text: &str) -> Result<String, String> {
    let name = text.strip_prefix('@').unwrap_or(text);
    let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if !name.is_empty() && name.bytes().all(is_valid) {
        return Ok(name.to_owned());
    }
    Err("expected the name of an X account: letters, digits and _".into())
}

/// `--from-date`, `--to-date`: a day of the Gregorian calendar.
pub fn date(text: &str) -> Result<String, String> {
    if is_date(text) { Ok(text.to_owned()) } else { Err("expected a date as YYYY-MM-DD".into()) }
}

fn is_date(text: &str) -> bool {
    let is_shaped = text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if !is_shaped {
        return false;
    }
    let field = |from: usize, to: usize| text[from..to].parse::<u32>().unwrap_or_default();
    let (year, month, day) = (field(0, 4), field(5, 7), field(8, 10));
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => return false,
    };
    year > 0 && (1..=days).contains(&day)
}

/// `--fetch`: the ID of a deferred request.
pub fn request_id(text: &str) -> Result<String, String> {
    if api::is_request_id(text) {
        return Ok(text.to_owned());
    }
    Err("expected a request ID: up to 200 letters, digits and . _ -".into())
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|x: &f64| x.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_must_be_in_the_ranges_of_the_api() {
        for (text, valid) in [
            ("0", true),
            ("2", true),
            (".5", true),
            ("2.01", false),
            ("-1", false),
            ("nan", false),
            ("x", false),
        ] {
            assert_eq!(temperature(text).is_ok(), valid, "temperature {text}");
        }
        for (text, valid) in
            [("0", false), ("1e-9", true), ("1", true), ("1.1", false), ("inf", false)]
        {
            assert_eq!(top_p(text).is_ok(), valid, "top-p {text}");
        }
        for (text, valid) in [
            ("0", false),
            ("0.2", true),
            ("1e9", true),
            ("1e300", false),
            ("-1", false),
            ("", false),
        ] {
            assert_eq!(seconds(text).is_ok(), valid, "seconds {text}");
        }
    }

    #[test]
    fn a_parameter_is_split_at_its_first_equals_sign() {
        assert_eq!(key_value("user=a=b"), Ok(("user".into(), "a=b".into())));
        assert_eq!(key_value("user="), Ok(("user".into(), String::new())));
        assert!(key_value("=x").is_err());
        assert!(key_value("user").is_err());
    }

    #[test]
    fn a_date_is_a_day_of_the_calendar() {
        for day in ["2026-11-25", "2024-02-29", "2000-02-29", "0001-01-01"] {
            assert!(date(day).is_ok(), "{day}");
        }
        for day in [
            "2026-02-29",
            "1900-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-04-31",
            "2026-1-1",
            "today",
            "2026/11/25",
            "0000-01-01",
            "２026-1-1",
        ] {
            assert!(date(day).is_err(), "{day}");
        }
    }

    #[test]
    fn a_domain_is_a_host_name_alone() {
        for name in ["x.ai", "a-b.example", "localhost", "münchen.de"] {
            assert!(domain(name).is_ok(), "{name}");
        }
        for name in
            ["", "https://x.ai", "x.ai/a", "x.ai:443", "a b", ".x.ai", "x.ai.", "*.x.ai", "-a.b"]
        {
            assert!(domain(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_leading_at_sign_of_a_handle_is_dropped() {
        assert_eq!(handle("@xai"), Ok("xai".into()));
        assert_eq!(handle("grok_1"), Ok("grok_1".into()));
        for name in ["", "@", "@@a", "a b", "x.ai"] {
            assert!(handle(name).is_err(), "{name}");
        }
    }
}
