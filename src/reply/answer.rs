//! The answer, and whether it is fit to be used.

use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::Usage;
use crate::error::{Exit, Failure};

/// What the model said.
#[derive(Debug)]
pub struct Answer {
    /// The content of the first choice, or the words of a refusal. Of a stream, what is left of it to
    /// be kept.
    pub text: String,
    /// Why it is not fit; `None` for an answer that is complete.
    pub unfit: Option<Failure>,
    /// Tokens and cost, where the reply has them.
    pub usage: Option<Usage>,
    /// The reply's own bytes; `None` of a stream, which was told while it ran.
    pub body: Option<Vec<u8>>,
}

impl Answer {
    /// Whether it is complete and what was asked for.
    pub fn is_fit(&self) -> bool {
        self.unfit.is_none()
    }

    /// Holds it to the form that was asked for: an answer that is otherwise fit must be JSON.
    pub fn held_to_json(mut self) -> Self {
        let is_json = serde_json::from_str::<IgnoredAny>(&self.text).is_ok();
        if self.is_fit() && !is_json {
            self.unfit = Some(Failure::new(
                Exit::Unfit,
                "the answer is not the JSON that --schema asks for",
            ));
        }
        self
    }
}

/// Why the model stopped (`finish_reason`).
#[derive(Debug, PartialEq, Eq)]
pub enum FinishReason {
    /// `stop`, `end_turn`: it had said everything.
    Complete,
    /// `length`: the token limit.
    Length,
    /// `content_filter`.
    ContentFilter,
    /// `tool_calls`, and `function_call` of old.
    ToolCalls,
    /// Something nobody here knows.
    Other(String),
}

impl FinishReason {
    /// The reason as it stands in a reply; `None` for null, absent or empty.
    pub fn of_json(raw: Option<&RawValue>) -> Option<Self> {
        let raw = raw?.get();
        match serde_json::from_str::<String>(raw).as_deref() {
            Ok("") => None,
            Ok("stop" | "end_turn") => Some(Self::Complete),
            Ok("length") => Some(Self::Length),
            Ok("content_filter") => Some(Self::ContentFilter),
            Ok("tool_calls" | "function_call") => Some(Self::ToolCalls),
            Ok(other) => Some(Self::Other(other.to_owned())),
            Err(_) if raw == "null" => None,
            Err(_) => Some(Self::Other(raw.to_owned())),
        }
    }
}

/// Why an answer is not fit, `None` when it is.
pub fn unfit(
    finish: &FinishReason,
    is_blank: bool,
    refused: bool,
    calls_tools: bool,
) -> Option<Failure> {
    let failure = |what: &str| Some(Failure::new(Exit::Unfit, what));
    match finish {
        _ if refused => failure("the model refused to answer"),
        FinishReason::Length => failure("the answer is cut at the token limit"),
        FinishReason::ContentFilter => failure("the answer is cut by a content filter"),
        FinishReason::ToolCalls => failure("the model calls a tool in place of an answer"),
        _ if calls_tools => failure("the model calls a tool in place of an answer"),
        FinishReason::Other(reason) => failure("the answer ended for a reason nobody knows")
            .map(|failure| failure.words(Some(reason.clone()))),
        FinishReason::Complete if is_blank => failure("the answer is empty"),
        FinishReason::Complete => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finish(json: &str) -> Option<FinishReason> {
        let raw = RawValue::from_string(json.to_owned()).expect("it is JSON");
        FinishReason::of_json(Some(&raw))
    }

    #[test]
    fn finish_reasons_are_read_whatever_their_type() {
        assert_eq!(FinishReason::of_json(None), None);
        for (json, expected) in [
            ("null", None),
            (r#""""#, None),
            (r#""stop""#, Some(FinishReason::Complete)),
            (r#""end_turn""#, Some(FinishReason::Complete)),
            (r#""length""#, Some(FinishReason::Length)),
            (r#""content_filter""#, Some(FinishReason::ContentFilter)),
            (r#""tool_calls""#, Some(FinishReason::ToolCalls)),
            (r#""function_call""#, Some(FinishReason::ToolCalls)),
            (r#""bored""#, Some(FinishReason::Other("bored".into()))),
            ("7", Some(FinishReason::Other("7".into()))),
        ] {
            assert_eq!(finish(json), expected, "{json}");
        }
    }

    #[test]
    fn only_a_complete_answer_with_words_is_fit() {
        let cases = [
            (FinishReason::Complete, false, false, false, None),
            (FinishReason::Complete, true, false, false, Some("empty")),
            (FinishReason::Complete, true, true, false, Some("refused")),
            (FinishReason::Complete, false, true, false, Some("refused")),
            (FinishReason::Complete, true, false, true, Some("tool")),
            (FinishReason::Complete, false, false, true, Some("tool")),
            (FinishReason::Length, false, false, false, Some("token limit")),
            (FinishReason::Length, true, false, false, Some("token limit")),
            (FinishReason::ContentFilter, false, false, false, Some("filter")),
            (FinishReason::ToolCalls, true, false, false, Some("tool")),
            (FinishReason::Other("bored".into()), false, false, false, Some("nobody knows")),
        ];
        for (finish, is_blank, refused, calls_tools, expected) in cases {
            let why =
                unfit(&finish, is_blank, refused, calls_tools).map(|failure| failure.to_string());
            match expected {
                None => assert_eq!(why, None),
                Some(word) => assert!(
                    why.as_ref().is_some_and(|why| why.contains(word)),
                    "{finish:?}: {why:?}"
                ),
            }
        }
    }
}
