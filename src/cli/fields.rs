//! The flags that become fields of the request, under the service's names.

use anyhow::Result;
use serde::Serialize;
use serde_json::value::RawValue;

use super::RequestArgs;
use crate::error::Failure;
use crate::request::compact;

/// Fields of the body that other flags or the program itself decide.
const RESERVED: [&str; 6] = ["model", "messages", "stream", "stream_options", "n", "deferred"];

/// The service takes at most so many stop texts (xAI API reference, `stop`).
const MAX_STOPS: usize = 4;

/// The model asked where nobody names one (xAI guide).
const DEFAULT_MODEL: &str = "grok-4";

/// A field of the request: its name and its value as JSON.
pub type Field = (String, String);

impl RequestArgs {
    /// The model's name.
    pub fn model(&self) -> &str {
        self.model.as_deref().unwrap_or(DEFAULT_MODEL)
    }

    /// The fields that were asked for, and no others, in the order of `--help`.
    ///
    /// # Errors
    ///
    /// A usage failure for a field given twice, one that is not the user's to set, or too many stops.
    pub fn fields(&self) -> Result<Vec<Field>> {
        let Self {
            model: _,
            max_tokens,
            temperature,
            top_p,
            seed,
            stop,
            reasoning_effort,
            schema,
            param,
        } = self;
        if stop.len() > MAX_STOPS {
            let why = format!(
                "--stop: given {} times; the service takes at most {MAX_STOPS}",
                stop.len()
            );
            return Err(Failure::usage(why).into());
        }
        // `Display` of a finite f64 is JSON, and `1` stays `1`.
        let number = |x: &f64| x.to_string();
        let stops = (!stop.is_empty()).then_some(stop);
        let typed = [
            ("max_completion_tokens", max_tokens.as_ref().map(json)),
            ("temperature", temperature.as_ref().map(number)),
            ("top_p", top_p.as_ref().map(number)),
            ("seed", seed.as_ref().map(json)),
            ("stop", stops.map(json)),
            ("reasoning_effort", reasoning_effort.as_ref().map(json)),
        ];
        let mut fields: Vec<Field> =
            typed.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
        for (key, value) in param {
            if RESERVED.contains(&key.as_str()) {
                return Err(Failure::usage(format!(
                    "--param {key}: xask sets this field itself, or a flag of its own does"
                ))
                .into());
            }
            let is_schema = key == "response_format" && schema.is_some();
            if is_schema || fields.iter().any(|(name, _)| name == key) {
                return Err(
                    Failure::usage(format!("--param {key}: this field is given twice")).into()
                );
            }
            fields.push((key.clone(), json_or_string(value)));
        }
        Ok(fields)
    }
}

/// The text itself where it is JSON, so that a number stays as it was typed; else as a JSON string.
fn json_or_string(text: &str) -> String {
    match serde_json::from_str::<&RawValue>(text) {
        Ok(raw) => compact(raw),
        Err(_) => json(text),
    }
}

/// A string, an integer or a list of strings as JSON: none of them can fail.
fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_json_where_it_parses_and_else_a_string() {
        for (typed, sent) in [
            ("1.50", "1.50"),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
            ("true", "true"),
            (r#"{"b":1,"a":2}"#, r#"{"b":1,"a":2}"#),
            ("high", r#""high""#),
            ("", r#""""#),
            ("01", r#""01""#),
            (r#""quoted""#, r#""quoted""#),
        ] {
            assert_eq!(json_or_string(typed), sent);
        }
    }
}
