//! What an answer used (xAI API reference, `usage` of both APIs).

use std::fmt;

use serde_json::value::RawValue;

use super::lenient::{Object, Raw, count, fields};
use crate::json::minify;

/// Ten billion ticks of `cost_in_usd_ticks` are one dollar (xAI API reference).
const TICKS_PER_USD_DIGITS: usize = 10;

/// A tick is a tenth of a billionth of a dollar, the unit of `cost_in_nano_usd`.
const TICKS_PER_NANO_USD: u64 = 10;

/// The longest `usage` that is kept as it came, in bytes: a real one has one kilobyte.
const MAX_RAW: usize = 64 * 1024;

/// Tokens, searches and cost. It displays as the `--usage` line, without what the response does not
/// have.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Usage {
    prompt: Option<u64>,
    cached: Option<u64>,
    reasoning: Option<u64>,
    /// The visible part of the answer.
    completion: Option<u64>,
    total: Option<u64>,
    web_searches: Option<u64>,
    x_searches: Option<u64>,
    cost_ticks: Option<u64>,
    raw: Option<String>,
}

fields! {
    /// Chat completions speak of prompt and completion, the Responses API of input and output.
    struct UsageFields<'a> {
        prompt_tokens: Raw<'a> = "prompt_tokens",
        input_tokens: Raw<'a> = "input_tokens",
        completion_tokens: Raw<'a> = "completion_tokens",
        output_tokens: Raw<'a> = "output_tokens",
        total_tokens: Raw<'a> = "total_tokens",
        prompt_details: Object<Details<'a>> = "prompt_tokens_details",
        input_details: Object<Details<'a>> = "input_tokens_details",
        completion_details: Object<Details<'a>> = "completion_tokens_details",
        output_details: Object<Details<'a>> = "output_tokens_details",
        tools: Object<Details<'a>> = "server_side_tool_usage_details",
        cost_in_usd_ticks: Raw<'a> = "cost_in_usd_ticks",
        cost_in_nano_usd: Raw<'a> = "cost_in_nano_usd",
    }
}

fields! {
    struct Details<'a> {
        cached_tokens: Raw<'a> = "cached_tokens",
        reasoning_tokens: Raw<'a> = "reasoning_tokens",
        web_search_calls: Raw<'a> = "web_search_calls",
        x_search_calls: Raw<'a> = "x_search_calls",
    }
}

impl Usage {
    /// The `usage` of a response of either API, whatever it holds.
    pub(super) fn read(raw: &RawValue) -> Self {
        let object: Object<UsageFields> = serde_json::from_str(raw.get()).unwrap_or_default();
        let fields = object.fields().unwrap_or_default();
        let prompt = fields.prompt_details.fields().or_else(|| fields.input_details.fields());
        let prompt = prompt.unwrap_or_default();
        let completion = fields.completion_details.fields();
        let completion = completion.or_else(|| fields.output_details.fields()).unwrap_or_default();
        let tools = fields.tools.fields().unwrap_or_default();
        let usage = Self {
            prompt: count(fields.prompt_tokens.or(fields.input_tokens)),
            cached: count(prompt.cached_tokens),
            reasoning: count(completion.reasoning_tokens),
            completion: count(fields.completion_tokens),
            total: count(fields.total_tokens),
            web_searches: count(tools.web_search_calls).filter(|calls| *calls > 0),
            x_searches: count(tools.x_search_calls).filter(|calls| *calls > 0),
            cost_ticks: count(fields.cost_in_usd_ticks).or_else(|| {
                count(fields.cost_in_nano_usd).and_then(|nano| nano.checked_mul(TICKS_PER_NANO_USD))
            }),
            raw: (raw.get().len() <= MAX_RAW).then(|| minify(raw)),
        };
        let completion = usage.completion.or_else(|| usage.visible(count(fields.output_tokens)?));
        Self { completion, ..usage }
    }

    /// The tokens of the visible part of an answer, of all that the Responses API reports as `output`. The total
    /// tells whether the reasoning is among them: both were recorded.
    fn visible(&self, output: u64) -> Option<u64> {
        let reasoning = self.reasoning.unwrap_or_default();
        if reasoning == 0 {
            return Some(output);
        }
        let with_input = self.prompt?.checked_add(output)?;
        match self.total? {
            total if total == with_input => output.checked_sub(reasoning),
            total if Some(total) == with_input.checked_add(reasoning) => Some(output),
            _ => None,
        }
    }

    /// Whether the model searched on the server.
    pub(super) fn has_searches(&self) -> bool {
        self.web_searches.is_some() || self.x_searches.is_some()
    }

    /// What the answer cost, as an exact decimal of dollars.
    pub fn cost_usd(&self) -> Option<String> {
        self.cost_ticks.map(dollars)
    }

    /// The JSON as it came, in one line; `None` if it is larger than any real one.
    pub fn raw(&self) -> Option<&str> {
        self.raw.as_deref()
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            ("prompt", self.prompt),
            ("cached", self.cached),
            ("reasoning", self.reasoning),
            ("completion", self.completion),
            ("total", self.total),
            ("web_searches", self.web_searches),
            ("x_searches", self.x_searches),
        ];
        let counts =
            counts.into_iter().filter_map(|(name, count)| Some(format!("{name}={}", count?)));
        let cost = self.cost_usd().map(|cost| format!("cost_usd={cost}"));
        let fields: Vec<String> = counts.chain(cost).collect();
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

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.into()).expect("JSON")
    }

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
    fn fields_missing_from_a_response_are_omitted() {
        for (json, shown) in [
            (r#"{"prompt_tokens":21,"total_tokens":null}"#, "prompt=21"),
            (r#"{"input_tokens":21,"total_tokens":-1}"#, "prompt=21"),
            (r#"{"completion_tokens":0}"#, "completion=0"),
            (r#"{"output_tokens":5}"#, "completion=5"),
            (r#"{"prompt_tokens":"21","completion_tokens":1.5}"#, "not reported"),
            (r#"{"cost_in_nano_usd":770000}"#, "cost_usd=0.00077"),
            (r#"{"cost_in_usd_ticks":1,"cost_in_nano_usd":7}"#, "cost_usd=0.0000000001"),
            ("{}", "not reported"),
            ("7", "not reported"),
            ("[1,2]", "not reported"),
        ] {
            assert_eq!(Usage::read(&raw(json)).to_string(), shown, "{json}");
        }
    }

    #[test]
    fn all_of_a_chat_completion_is_shown() {
        let usage = raw(r#"{"prompt_tokens":21,"completion_tokens":2,"total_tokens":143,
                "prompt_tokens_details":{"cached_tokens":4},
                "completion_tokens_details":{"reasoning_tokens":120},"cost_in_usd_ticks":7700000}"#);
        let shown = "prompt=21 cached=4 reasoning=120 completion=2 total=143 cost_usd=0.00077";
        assert_eq!(Usage::read(&usage).to_string(), shown);
    }

    #[test]
    fn the_visible_part_is_distinguished_from_the_reasoning() {
        for (input, output, reasoning, total, completion) in [
            (216, 863, "237", "1079", "626"),
            (32, 9, "110", "151", "9"),
            (10, 5, "0", "99", "5"),
            (10, 5, "null", "null", "5"),
            (10, 50, "5", "null", "none"),
            (10, 50, "5", "61", "none"),
            (0, 5, "7", "5", "none"),
        ] {
            let usage = raw(&format!(
                r#"{{"input_tokens":{input},"output_tokens":{output},"total_tokens":{total},
                     "output_tokens_details":{{"reasoning_tokens":{reasoning}}}}}"#
            ));
            let found = Usage::read(&usage).completion;
            let found = found.map_or("none".to_owned(), |tokens| tokens.to_string());
            assert_eq!(found, completion, "{usage}");
        }
    }

    #[test]
    fn searches_are_shown_if_there_were_any() {
        for (web, x, shown) in [
            (2, 0, "web_searches=2"),
            (0, 1, "x_searches=1"),
            (5, 3, "web_searches=5 x_searches=3"),
            (0, 0, "not reported"),
        ] {
            let usage = Usage::read(&raw(&format!(
                r#"{{"server_side_tool_usage_details":{{"web_search_calls":{web},"x_search_calls":{x}}}}}"#
            )));
            assert_eq!(usage.to_string(), shown);
            assert_eq!(usage.has_searches(), web + x > 0);
        }
    }

    #[test]
    fn usage_is_kept_unchanged_in_one_line() {
        let usage = Usage::read(&raw("{ \"prompt_tokens\" :\n 21, \"new\": [1e3] }"));
        assert_eq!(usage.raw(), Some(r#"{"prompt_tokens":21,"new":[1e3]}"#));
        let with = |len| format!(r#"{{"prompt_tokens":21,"new":"{}"}}"#, "x".repeat(len));
        assert!(Usage::read(&raw(&with(60 * 1024))).raw().is_some());
        let large = with(MAX_RAW);
        let usage = Usage::read(&raw(&large));
        assert_eq!((usage.raw(), usage.to_string().as_str()), (None, "prompt=21"));
    }
}
