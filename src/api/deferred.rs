//! Deferred answers (xAI API reference, "Deferred chat completions"): an id at once, the answer later.

use std::borrow::Cow;

use anyhow::Result;
use serde_json::json;

use super::lenient::{self, Object, Raw, fields, is_error, string};
use super::read::{read, read_whole};
use super::status::Context;
use super::{Answer, Api, Expectations, StreamSink, error_body, read_answer};
use crate::error::Failure;
use crate::response::{Response, ResponseHeaders};

/// The longest id, in characters: a bound of ours, a real one has 36.
const MAX_ID: usize = 200;

const NOT_AN_ID: &str = "the response is not a request ID";

/// What came at once for a deferred request.
#[derive(Debug)]
pub enum Deferred {
    /// The id to fetch the answer with.
    Id(String),
    /// The answer itself.
    Answer(Box<Answer>),
}

fields! {
    struct DeferredResponse<'a> {
        error: Raw<'a> = "error",
        request_id: Raw<'a> = "request_id",
        choices: Raw<'a> = "choices",
    }
}

/// Whether a text is the id of a deferred request: `[A-Za-z0-9][A-Za-z0-9._-]{0,199}`.
pub fn is_request_id(text: &str) -> bool {
    text.len() <= MAX_ID
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// The path of the answer to a deferred request, below the base URL.
pub fn deferred_path(id: &str) -> String {
    format!("chat/deferred-completion/{id}")
}

/// Reads the response to a deferred request: an id, or the answer in its place.
///
/// # Errors
///
/// As [`read_answer`]; status 8 for a response that is neither.
pub fn read_deferred(response: Response, expectations: Expectations) -> Result<Deferred> {
    let context = Context { lists_models: false, without_key: expectations.without_key };
    let mut id = None;
    let answer = read(response, context, &mut |headers, body| {
        let bytes = read_whole(Vec::new(), body, headers)?;
        id = request_id(&bytes)?;
        if id.is_some() {
            return Ok(Answer::default());
        }
        let answer = Api::DEFERRED.wire_format().parse(&bytes)?;
        let mut answer = Answer { body: Some(bytes), ..answer };
        answer.check_against(expectations);
        Ok(answer)
    })?;
    Ok(id.map_or_else(|| Deferred::Answer(Box::new(answer)), Deferred::Id))
}

/// The id in a response; `None` in one that has choices in its place.
fn request_id(bytes: &[u8]) -> Result<Option<String>, Failure> {
    let read = lenient::parse(bytes, |json| {
        let object: Object<DeferredResponse> = serde_json::from_str(json)?;
        let fields = object.fields().unwrap_or_default();
        // What carries an error is no id, whatever else it has.
        let id = string(fields.request_id).filter(|_| !is_error(fields.error));
        Ok((id.map(Cow::into_owned), fields.choices.is_some()))
    });
    match read.map_err(|why| error_body::broken(why, bytes, NOT_AN_ID))? {
        (Some(id), _) if is_request_id(&id) => Ok(Some(id)),
        (_, true) => Ok(None),
        (_, false) => Err(error_body::not_an_answer(NOT_AN_ID, bytes)),
    }
}

/// Reads the response to a poll: the answer, or `None` if it is not ready (status 202).
///
/// # Errors
///
/// As [`read_answer`]; status 7 for a response without a byte, which says nothing.
pub fn read_poll(
    response: Response,
    expectations: Expectations,
    sink: &mut dyn StreamSink,
) -> Result<Option<Answer>> {
    if response.status == 202 {
        return Ok(None);
    }
    // An empty body is read as one that broke off, whatever length it declares: the poll is then repeated.
    let headers = ResponseHeaders { has_declared_length: false, ..response.headers };
    let response = Response { headers, ..response };
    read_answer(Api::Chat, response, expectations, sink).map(Some)
}

/// What the API would send at once for a deferred request.
pub fn scripted_id() -> Response {
    Response::json(200, json!({ "request_id": "rehearsal" }).to_string())
}

/// What the API would send to a poll for an answer that is not ready.
pub fn scripted_not_ready() -> Response {
    Response::json(202, "")
}
