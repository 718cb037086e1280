//! What is sent to a model, before it is put into the words of either API.
//!
//! Nothing is sent that was not given: no nulls, no defaults.

use std::borrow::Cow;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::json::{minify, to_json};
use crate::message::Message;

/// One request for an answer.
#[derive(Debug)]
pub struct Request {
    /// The model's name; never validated here.
    pub model: String,
    /// All messages, a system prompt first.
    pub messages: Vec<Message>,
    /// How the model is to answer.
    pub options: ModelOptions,
    /// How the answer travels.
    pub transfer: Transfer,
}

/// How an answer travels; by default at once, as one JSON.
#[derive(Debug, Clone, Copy, Default)]
pub struct Transfer {
    /// As server-sent events in place of one JSON.
    pub stream: bool,
    /// With the token counts at the end of the stream, where the API does not send them anyway.
    pub stream_usage: bool,
    /// Later: an id comes at once.
    pub deferred: bool,
}

/// How the model is to answer; what is absent is not sent.
#[derive(Debug, Clone, Default)]
pub struct ModelOptions {
    /// The most tokens of an answer, from 1.
    pub max_tokens: Option<u64>,
    /// From 0 to 2.
    pub temperature: Option<f64>,
    /// Over 0, to 1.
    pub top_p: Option<f64>,
    /// Sample the same way again, as far as the API can.
    pub seed: Option<i32>,
    /// Texts at which the answer ends.
    pub stop: Vec<String>,
    /// How much the model thinks; the levels depend on the model.
    pub reasoning_effort: Option<String>,
    /// The form of the answer.
    pub format: Option<AnswerFormat>,
    /// What the model may search on the server.
    pub search: Option<Search>,
    /// Any other field, in the order given.
    pub extra: Vec<RawField>,
}

/// The form of an answer.
#[derive(Debug, Clone)]
pub enum AnswerFormat {
    /// JSON that matches a schema.
    Schema(Schema),
    /// One of these texts.
    Choice(Vec<String>),
}

impl AnswerFormat {
    /// The schema that the API is to enforce.
    pub(super) fn schema(&self) -> Cow<'_, Schema> {
        match self {
            Self::Schema(schema) => Cow::Borrowed(schema),
            Self::Choice(choices) => Cow::Owned(Schema {
                name: "choice".to_owned(),
                json: format!(
                    r#"{{"type":"object","properties":{{"choice":{{"type":"string","enum":{}}}}},"required":["choice"],"additionalProperties":false}}"#,
                    to_json(choices)
                ),
            }),
        }
    }
}

/// A JSON schema. What it says is the API's to enforce.
#[derive(Debug, Clone)]
pub struct Schema {
    /// Its name: at most 64 of `[A-Za-z0-9_-]` (API reference, `response_format.json_schema.name`).
    pub name: String,
    /// A JSON object, without white space between its tokens.
    pub json: String,
}

impl Schema {
    /// The schema as data; `None` if it is nested too deeply to be looked at.
    pub fn value(&self) -> Option<Value> {
        serde_json::from_str(&self.json).ok()
    }
}

/// A field of the request that xask has no option for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawField {
    /// Its name on the wire.
    pub name: String,
    /// Its value, as it is sent.
    pub json: String,
}

impl RawField {
    /// A field whose value is sent unchanged where it is JSON, so that a number stays as it was typed,
    /// and else as a string.
    pub fn new(name: String, value: &str) -> Self {
        let json = match serde_json::from_str::<&RawValue>(value) {
            Ok(raw) => minify(raw),
            Err(_) => to_json(value),
        };
        Self { name, json }
    }
}

/// What the model may search on the server, before it answers.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// Pages of the web.
    pub web: Option<WebSearch>,
    /// Posts on X.
    pub x: Option<XSearch>,
}

/// A search of the web.
#[derive(Debug, Clone, Default)]
pub struct WebSearch {
    /// Only these sites; all if empty.
    pub domains: Vec<String>,
}

/// A search of posts on X.
#[derive(Debug, Clone, Default)]
pub struct XSearch {
    /// Only these accounts, without the `@`; all if empty.
    pub handles: Vec<String>,
    /// The first day of the posts, `YYYY-MM-DD`.
    pub from_date: Option<String>,
    /// The last day of the posts, `YYYY-MM-DD`.
    pub to_date: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_json_if_it_parses_and_otherwise_a_string() {
        for (typed, sent) in [
            ("1.50", "1.50"),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
            ("true", "true"),
            (r#"{ "b":1, "a":2 }"#, r#"{"b":1,"a":2}"#),
            ("high", r#""high""#),
            ("", r#""""#),
            ("01", r#""01""#),
            (r#""quoted""#, r#""quoted""#),
        ] {
            assert_eq!(RawField::new("x".into(), typed).json, sent);
        }
    }
}
