//! A response in one JSON document.

use super::wire::{Envelope, Output};
use crate::api::answer::{Answer, FinishReason, Signals, check};
use crate::api::failures::server_failure;
use crate::api::lenient::{self, Object, is_error, short_string};
use crate::api::{Usage, error_body};
use crate::error::Failure;

const NOT_A_RESPONSE: &str = "the response is not from the Responses API";

/// The answer in a response, usable or not.
///
/// # Errors
///
/// Status 7 if the JSON ends in the middle, 8 if it carries an error, is not done, or is no response.
pub fn parse(bytes: &[u8]) -> Result<Answer, Failure> {
    let read = lenient::parse(bytes, |json| {
        let object: Object<Envelope> = serde_json::from_str(json)?;
        Ok(object.fields().map(|envelope| read(&envelope, bytes)))
    });
    match read {
        Ok(answer) => answer.unwrap_or_else(|| Err(not_a_response(bytes))),
        Err(why) => Err(error_body::broken(why, bytes, NOT_A_RESPONSE)),
    }
}

fn read(envelope: &Envelope, bytes: &[u8]) -> Result<Answer, Failure> {
    if is_error(envelope.error) {
        // Its code may stand beside it.
        return Err(error_body::api_error(bytes));
    }
    let finish = envelope.finish(FinishReason::Complete)?;
    let output = Output::read(envelope.output).ok_or_else(|| not_a_response(bytes))?;
    answer(envelope, finish, output)
}

/// The answer of a response and of its output.
///
/// # Errors
///
/// Status 8 where it ended for an unknown reason, and without text.
pub fn answer(
    envelope: &Envelope,
    finish: FinishReason,
    output: Output,
) -> Result<Answer, Failure> {
    let Output { has_items: _, text, signs, mut citations } = output;
    let is_blank = text.trim().is_empty();
    let finish = match finish {
        FinishReason::Other(status) if is_blank => {
            let failure = server_failure("the response is not complete");
            return Err(failure.detail(Some(status)));
        }
        FinishReason::Complete if signs.is_unfinished => FinishReason::Incomplete(None),
        finish => finish,
    };
    let signals = Signals { is_blank, refused: signs.refused, calls_tools: signs.calls_tools };
    let usage = envelope.usage.map(Usage::read);
    citations.add_urls(envelope.citations);
    Ok(Answer {
        text,
        unusable: check(&finish, &signals),
        searched: signs.searched || usage.as_ref().is_some_and(Usage::has_searches),
        usage,
        model: short_string(envelope.model),
        finish_reason: envelope.finish_reason(),
        citations: citations.into_list(),
        ..Answer::default()
    })
}

fn not_a_response(bytes: &[u8]) -> Failure {
    error_body::not_an_answer(NOT_A_RESPONSE, bytes)
}
