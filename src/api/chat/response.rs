//! A chat completion in one JSON document.

use super::wire::{Completion, Message};
use crate::api::answer::{Answer, FinishReason, Refusal, Signals, check};
use crate::api::citations::Citations;
use crate::api::lenient::{self, Object, is_error, short_string, text};
use crate::api::{Usage, error_body};
use crate::error::Failure;

const NOT_A_COMPLETION: &str = "the response is not a completion";

/// The answer in a response, usable or not.
///
/// # Errors
///
/// Status 7 if the JSON ends in the middle, 8 if it carries an error or is not a completion.
pub fn parse(bytes: &[u8]) -> Result<Answer, Failure> {
    let read = lenient::parse(bytes, |json| {
        let object: Object<Completion> = serde_json::from_str(json)?;
        Ok(object.fields().map(|completion| read(completion, bytes)))
    });
    match read {
        Ok(answer) => answer.unwrap_or_else(|| Err(not_a_completion(bytes))),
        Err(why) => Err(error_body::broken(why, bytes, NOT_A_COMPLETION)),
    }
}

fn read(completion: Completion, bytes: &[u8]) -> Result<Answer, Failure> {
    let Completion { error, choices, usage, model, citations, message: beside } = completion;
    if is_error(error) {
        return Err(error_body::api_error(bytes));
    }
    if !choices.is_list || choices.is_malformed {
        return Err(not_a_completion(bytes));
    }
    let is_empty_list = choices.first.is_none() && choices.other.is_none();
    // Here it is the first of the list that counts, whatever its index is.
    let choice = choices.other.map(|other| *other).or(choices.first).unwrap_or_default();
    if is_error(choice.error) {
        return Err(error_body::api_error_in(choice.error));
    }
    let message = Message::of(choice.message).ok_or_else(|| not_a_completion(bytes))?;
    let calls_tools = message.calls_tools();
    let mut refusal = Refusal::default();
    let content = message.text(&mut refusal).ok_or_else(|| not_a_completion(bytes))?.into_owned();
    let signals =
        Signals { is_blank: content.trim().is_empty(), refused: refusal.refused, calls_tools };
    // A whole JSON proves by itself that nothing is missing.
    let finish = FinishReason::of_chat(choice.finish_reason).unwrap_or(FinishReason::Complete);
    let mut unusable = check(&finish, &signals);
    if is_empty_list && text(beside).is_some() {
        unusable = unusable.map(|why| why.detail(error_body::detail(bytes)));
    }
    let usage = usage.map(Usage::read);
    let mut cited = Citations::default();
    cited.add_urls(citations);
    Ok(Answer {
        text: content,
        unusable,
        searched: usage.as_ref().is_some_and(Usage::has_searches),
        usage,
        model: short_string(model),
        finish_reason: short_string(choice.finish_reason),
        citations: cited.into_list(),
        ..Answer::default()
    })
}

fn not_a_completion(bytes: &[u8]) -> Failure {
    error_body::not_an_answer(NOT_A_COMPLETION, bytes)
}
