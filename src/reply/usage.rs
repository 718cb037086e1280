//! What an answer used (xAI API reference, `usage`).

use std::fmt;

use serde_json::Value;
use serde_json::value::RawValue;

/// Ten billion ticks of `cost_in_usd_ticks` are one dollar (xAI API reference).
const TICKS_PER_USD_DIGITS: usize = 10;

/// Tokens and cost. It displays as the line of `--usage`, without what the reply does not have.
#[derive(Debug)]
pub struct Usage(Value);

impl Usage {
    /// The `usage` of a reply, whatever it holds.
    pub fn of(raw: &RawValue) -> Self {
        Self(serde_json::from_str(raw.get()).unwrap_or_default())
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usage = &self.0;
        let counts = [
            ("prompt", &usage["prompt_tokens"]),
            ("cached", &usage["prompt_tokens_details"]["cached_tokens"]),
            ("reasoning", &usage["completion_tokens_details"]["reasoning_tokens"]),
            ("completion", &usage["completion_tokens"]),
            ("total", &usage["total_tokens"]),
        ];
        let mut fields: Vec<String> = counts
            .into_iter()
            .filter_map(|(name, count)| Some(format!("{name}={}", count.as_u64()?)))
            .collect();
        if let Some(ticks) = usage["cost_in_usd_ticks"].as_u64() {
            fields.push(format!("cost_usd={}", dollars(ticks)));
        }
        match &fields[..] {
            [] => f.write_str("not reported"),
            fields => f.write_str(&fields.join(" ")),
        }
    }
}

/// Ticks as an exact decimal of dollars.
fn dollars(ticks: u64) -> String {
    let digits = format!("{ticks:0>width$}", width = TICKS_PER_USD_DIGITS + 1);
    let (whole, fraction) = digits.split_at(digits.len() - TICKS_PER_USD_DIGITS);
    match fraction.trim_end_matches('0') {
        "" => whole.to_owned(),
        fraction => format!("{whole}.{fraction}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_exact_dollars() {
        for (ticks, expected) in [
            (0, "0"),
            (1, "0.0000000001"),
            (7_700_000, "0.00077"),
            (10_000_000_000, "1"),
            (12_345_678_901, "1.2345678901"),
            (u64::MAX, "1844674407.3709551615"),
        ] {
            assert_eq!(dollars(ticks), expected);
        }
    }

    #[test]
    fn what_a_reply_does_not_have_is_left_out() {
        let usage =
            |json: &str| Usage::of(&RawValue::from_string(json.into()).expect("JSON")).to_string();
        assert_eq!(usage(r#"{"prompt_tokens":21,"total_tokens":null}"#), "prompt=21");
        assert_eq!(usage(r#"{"completion_tokens":0}"#), "completion=0");
        assert_eq!(usage("{}"), "not reported");
        assert_eq!(usage("7"), "not reported");
    }
}
