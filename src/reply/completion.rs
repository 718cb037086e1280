//! The reply in one JSON (xAI API reference, `chat.completion`).
//!
//! Only what is needed is read, and only that is held to its type: an answer that was paid for is not
//! lost because a field beside it looks new.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::answer::{Answer, FinishReason, unfit};
use super::mend::mend;
use super::{Usage, cut_json, is_cut, refusal};
use crate::error::Failure;

/// The whole reply.
#[derive(Debug, Deserialize)]
struct Completion<'a> {
    /// An error in place of an answer, also with status 200. Looked for before `choices`.
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    /// One a requested answer; we request one.
    choices: Option<Vec<Choice<'a>>>,
    /// Tokens and cost.
    usage: Option<&'a RawValue>,
}

/// One answer.
#[derive(Debug, Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    message: Option<ChoiceMessage<'a>>,
    /// See [`FinishReason`].
    finish_reason: Option<&'a RawValue>,
}

/// The answer's message.
#[derive(Debug, Default, Deserialize)]
pub struct ChoiceMessage<'a> {
    /// The text; may be null.
    #[serde(borrow)]
    pub content: Option<Cow<'a, str>>,
    /// Why there is none.
    pub refusal: Option<Cow<'a, str>>,
    /// Calls of tools, in place of a text.
    pub tool_calls: Option<&'a RawValue>,
}

impl ChoiceMessage<'_> {
    /// Whether a tool is to be called: a list that is there and not empty.
    pub fn calls_tools(&self) -> bool {
        self.tool_calls.is_some_and(|calls| {
            serde_json::from_str::<Vec<&RawValue>>(calls.get()).is_ok_and(|calls| !calls.is_empty())
        })
    }
}

/// The answer in a reply, fit or not.
///
/// # Errors
///
/// A cut reply where the JSON ends in its middle; a service failure where it carries an error or is no
/// completion.
pub fn parse(bytes: &[u8]) -> Result<Answer, Failure> {
    let error = match serde_json::from_slice::<Completion>(bytes) {
        Ok(completion) => return completion.into_answer(bytes),
        Err(error) => error,
    };
    if is_cut(bytes, &error) {
        return Err(cut_json());
    }
    let mended = mend(bytes).unwrap_or_default();
    match serde_json::from_str::<Completion>(&mended) {
        Ok(completion) => completion.into_answer(bytes),
        Err(_) => Err(not_a_completion(bytes)),
    }
}

impl Completion<'_> {
    fn into_answer(self, bytes: &[u8]) -> Result<Answer, Failure> {
        if self.error.is_some() {
            return Err(refusal::in_reply(bytes));
        }
        let choices = self.choices.ok_or_else(|| not_a_completion(bytes))?;
        let choice = choices.into_iter().next();
        let finish = FinishReason::of_json(choice.as_ref().and_then(|choice| choice.finish_reason));
        let message = choice.and_then(|choice| choice.message).unwrap_or_default();
        let calls_tools = message.calls_tools();
        let refused = message.refusal.filter(|words| !words.trim().is_empty());
        let content = message.content.unwrap_or_default();
        let is_blank = content.trim().is_empty();
        // A whole JSON proves by itself that nothing is missing.
        let finish = finish.unwrap_or(FinishReason::Complete);
        let unfit = unfit(&finish, is_blank, refused.is_some(), calls_tools);
        // Both, as a stream would tell them one after the other.
        let text = content.into_owned() + refused.as_deref().unwrap_or_default();
        Ok(Answer { text, unfit, usage: self.usage.map(Usage::of), body: None })
    }
}

fn not_a_completion(bytes: &[u8]) -> Failure {
    refusal::in_place_of_reply("the reply is no completion", bytes)
}
