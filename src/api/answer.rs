//! The answer, and whether it is usable.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::error_body::clip;
use super::lenient::{Raw, string};
use super::{AnswerFormat, Citation, Expectations, Usage};
use crate::error::{ExitStatus, Failure};

/// What the model said.
#[derive(Debug, Default)]
pub struct Answer {
    /// The whole text: the answer, or the words of a refusal. Under a choice the chosen text alone.
    pub text: String,
    /// Why it is not usable; `None` for an answer that is complete and what was requested.
    pub unusable: Option<Failure>,
    /// Tokens and cost, where the response has them.
    pub usage: Option<Usage>,
    /// The response's own bytes; `None` of a stream, which was handed on while it arrived.
    pub body: Option<Vec<u8>>,
    /// The model that answered, by the response's own words.
    pub model: Option<String>,
    /// Why the model stopped, in the API's words.
    pub finish_reason: Option<String>,
    /// The addresses that the answer cites, each once, in order of appearance.
    pub citations: Vec<Citation>,
    /// Whether the model searched on the server.
    pub searched: bool,
    /// What the API reported after the answer was complete, which does not undo it: for a note.
    pub late_error: Option<Failure>,
    /// The HTTP status of the response.
    pub http_status: Option<u16>,
    /// The `x-request-id` of the response, as received.
    pub request_id: Option<String>,
}

impl Answer {
    /// Whether it is complete and what was requested.
    pub fn is_usable(&self) -> bool {
        self.unusable.is_none()
    }

    /// Says why it is not usable after all, and which response it came from.
    pub fn reject(&mut self, why: Failure) {
        self.unusable = Some(match self.http_status {
            Some(status) => why.response(status, self.request_id.as_deref()),
            None => why,
        });
    }

    /// An answer that is otherwise usable must be what was requested.
    pub fn check_against(&mut self, expectations: Expectations) {
        if !self.is_usable() {
            return;
        }
        let wrong = match expectations.format {
            Some(AnswerFormat::Schema(_)) => {
                let is_json = serde_json::from_str::<IgnoredAny>(&self.text).is_ok();
                (!is_json).then_some("the answer is not valid JSON, which --schema requires")
            }
            Some(AnswerFormat::Choice(choices)) => match chosen(&self.text, choices) {
                Some(choice) => {
                    choice.clone_into(&mut self.text);
                    None
                }
                None => Some("the answer is not one of the choices of --choice"),
            },
            None => None,
        };
        let wrong = wrong.or(match expectations.require_sources {
            true if !self.searched => Some("the model did not search"),
            true if self.citations.is_empty() => Some("the answer cites no sources"),
            _ => None,
        });
        self.unusable = wrong.map(|wrong| Failure::new(ExitStatus::Unusable, wrong));
    }
}

/// The choice that an answer makes: as the object that the schema asks for, or as the bare text.
fn chosen<'a>(answer: &str, choices: &'a [String]) -> Option<&'a str> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Chosen {
        choice: String,
    }
    let is_object = answer.trim_start().starts_with('{');
    let object = is_object.then(|| serde_json::from_str::<Chosen>(answer).ok()).flatten();
    let chosen = object.map(|object| object.choice);
    let bare = answer.strip_suffix('\n').unwrap_or(answer);
    let is_chosen = |choice: &&String| {
        chosen.as_ref() == Some(choice) || [answer, bare].contains(&choice.as_str())
    };
    choices.iter().find(is_chosen).map(String::as_str)
}

/// Why the model stopped.
#[derive(Debug, PartialEq, Eq)]
pub enum FinishReason {
    /// It had said everything.
    Complete,
    /// The token limit.
    Length,
    /// A content filter.
    ContentFilter,
    /// The model returned a tool call.
    ToolCalls,
    /// Before its end, for the reason that the API gives, if it gives one.
    Incomplete(Option<String>),
    /// Anything else.
    Other(String),
}

impl FinishReason {
    /// The `finish_reason` of a chat completion; `None` for null, absent or empty.
    pub fn of_chat(raw: Raw) -> Option<Self> {
        Some(match string(raw).as_deref() {
            Some("") => return None,
            Some("stop" | "end_turn") => Self::Complete,
            Some("length") => Self::Length,
            Some("content_filter") => Self::ContentFilter,
            Some("tool_calls" | "function_call") => Self::ToolCalls,
            Some(other) => Self::Other(clip(other.to_owned())),
            None => Self::Other(clip(raw?.get().to_owned())),
        })
    }
}

/// What besides the finish reason decides whether an answer is usable.
#[derive(Debug, Default)]
pub struct Signals {
    /// There is no text but white space.
    pub is_blank: bool,
    /// The model refused.
    pub refused: bool,
    /// The model returned a tool call for the client.
    pub calls_tools: bool,
}

/// Why an answer is not usable, `None` when it is.
pub fn check(finish: &FinishReason, signals: &Signals) -> Option<Failure> {
    let failure = |message: &str| Some(Failure::new(ExitStatus::Unusable, message));
    match finish {
        _ if signals.refused => failure("the model refused to answer"),
        FinishReason::Length => {
            failure("answer truncated at the token limit (--max-tokens or the model's)")
        }
        FinishReason::ContentFilter => failure("answer stopped by the content filter"),
        FinishReason::ToolCalls => failure("the model returned a tool call instead of text"),
        FinishReason::Incomplete(reason) => {
            failure("the answer is incomplete").map(|failure| failure.detail(reason.clone()))
        }
        _ if signals.calls_tools => failure("the model returned a tool call instead of text"),
        FinishReason::Other(reason) => failure("answer ended for an unknown reason")
            .map(|failure| failure.detail(Some(reason.clone()))),
        FinishReason::Complete if signals.is_blank => failure("the answer is empty"),
        FinishReason::Complete => None,
    }
}

/// How much white space before the words of a refusal is kept, in bytes, but for the last piece of it.
const MAX_BLANK: usize = 64 * 1024;

/// The words of a refusal, as they arrive: blank ones alone are no refusal.
#[derive(Debug, Default)]
pub struct Refusal {
    /// White space that arrived before any word.
    blank: String,
    /// A word arrived.
    pub refused: bool,
}

impl Refusal {
    /// Takes the next piece, and adds what belongs to it to the text of the answer.
    pub fn push(&mut self, piece: &str, text: &mut String) {
        if !self.refused && piece.trim().is_empty() {
            // A bound on memory: no refusal begins with more.
            if self.blank.len() < MAX_BLANK {
                self.blank.push_str(piece);
            }
            return;
        }
        self.refused = true;
        text.push_str(&std::mem::take(&mut self.blank));
        text.push_str(piece);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    fn finish(json: &str) -> Option<FinishReason> {
        let raw = RawValue::from_string(json.to_owned()).expect("it is JSON");
        FinishReason::of_chat(Some(&raw).filter(|raw| raw.get() != "null").map(|raw| &**raw))
    }

    #[test]
    fn finish_reasons_are_read_whatever_their_type() {
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
    fn only_a_complete_answer_with_text_is_usable() {
        let time = || FinishReason::Incomplete(Some("max_time_limit".into()));
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
            (time(), false, false, false, Some("incomplete")),
            (time(), false, false, true, Some("incomplete")),
            (FinishReason::Other("bored".into()), false, false, false, Some("unknown reason")),
        ];
        for (finish, is_blank, refused, calls_tools, expected) in cases {
            let signals = Signals { is_blank, refused, calls_tools };
            let why = check(&finish, &signals).map(|failure| failure.to_string());
            match expected {
                None => assert_eq!(why, None),
                Some(word) => assert!(
                    why.as_ref().is_some_and(|why| why.contains(word)),
                    "{finish:?}: {why:?}"
                ),
            }
        }
    }

    #[test]
    fn a_choice_is_an_object_or_a_bare_text() {
        let choices = ["yes", "no", "may\nbe", "{}"].map(str::to_owned);
        for (answer, choice) in [
            (r#"{"choice":"yes"}"#, Some("yes")),
            (" {\n \"choice\" : \"no\" }\n", Some("no")),
            (r#"{"choice":"may\nbe"}"#, Some("may\nbe")),
            ("yes", Some("yes")),
            ("no\n", Some("no")),
            ("may\nbe\n", Some("may\nbe")),
            ("{}", Some("{}")),
            ("no\n\n", None),
            (" no", None),
            ("Yes", None),
            (r#""yes""#, None),
            (r#"["yes"]"#, None),
            (r#"{"choice":"perhaps"}"#, None),
            (r#"{"choice":["yes"]}"#, None),
            (r#"{"choice":"yes","why":"so"}"#, None),
            (r#"{"choice":"yes"} and more"#, None),
            ("", None),
        ] {
            assert_eq!(chosen(answer, &choices), choice, "{answer}");
        }
    }

    #[test]
    fn an_answer_must_be_what_was_requested() {
        let choice = AnswerFormat::Choice(vec!["yes".into(), "no".into()]);
        let citation = || Citation { url: "https://a.org/".into(), title: None };
        let sources = Expectations { require_sources: true, ..Expectations::default() };
        let both = Expectations { format: Some(&choice), ..sources };
        for (expectations, text, searched, cited, printed, wrong) in [
            (Expectations::default(), "maybe", false, false, "maybe", None),
            (both, "{\"choice\":\"yes\"}", true, true, "yes", None),
            (both, "maybe", true, true, "maybe", Some("--choice")),
            (sources, "maybe", false, true, "maybe", Some("search")),
            (sources, "maybe", true, false, "maybe", Some("sources")),
            (sources, "maybe", true, true, "maybe", None),
        ] {
            let citations = if cited { vec![citation()] } else { Vec::new() };
            let mut answer =
                Answer { text: text.to_owned(), searched, citations, ..Answer::default() };
            answer.check_against(expectations);
            assert_eq!(answer.text, printed);
            let found = answer.unusable.map(|failure| failure.to_string()).unwrap_or_default();
            assert!(found.contains(wrong.unwrap_or_default()), "{found}");
            assert_eq!(found.is_empty(), wrong.is_none(), "{found}");
        }
    }

    #[test]
    fn only_text_is_a_refusal() {
        let mut refusal = Refusal::default();
        let mut text = "text".to_owned();
        for piece in [" ", "\n"] {
            refusal.push(piece, &mut text);
        }
        assert_eq!((text.as_str(), refusal.refused), ("text", false));
        for piece in ["No", " ", "way"] {
            refusal.push(piece, &mut text);
        }
        assert_eq!((text.as_str(), refusal.refused), ("text \nNo way", true));
    }

    #[test]
    fn blanks_before_a_refusal_are_kept_up_to_a_limit() {
        let (mut refusal, mut text) = (Refusal::default(), String::new());
        for _ in 0..100 {
            refusal.push(&" ".repeat(1024), &mut text);
        }
        assert!(text.is_empty() && !refusal.refused);
        refusal.push("No.", &mut text);
        assert!(refusal.refused);
        assert_eq!(text.len(), 64 * 1024 + 3);
    }
}
