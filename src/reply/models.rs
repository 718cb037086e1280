//! The models a key may use (xAI API reference, `GET /v1/models`).

use serde::Deserialize;

use super::{Answer, cut_json, is_cut, refusal};
use crate::error::Failure;

/// The whole reply.
#[derive(Debug, Deserialize)]
struct ModelList {
    data: Vec<Model>,
}

/// One model.
#[derive(Debug, Deserialize)]
struct Model {
    /// The name that `--model` takes.
    id: String,
}

/// The names, one a line.
///
/// # Errors
///
/// A service failure where the reply is no list of models, a lost one where it is cut.
pub fn parse(bytes: &[u8]) -> Result<Answer, Failure> {
    let ModelList { data } = serde_json::from_slice(bytes).map_err(|error| {
        if is_cut(bytes, &error) {
            return cut_json();
        }
        refusal::in_place_of_reply("the reply is no list of models", bytes)
    })?;
    let ids: Vec<String> = data.into_iter().map(|model| model.id).collect();
    Ok(Answer { text: ids.join("\n"), unfit: None, usage: None, body: None })
}
