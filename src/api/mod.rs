//! The wire formats: a request becomes JSON, and a response becomes an answer or the failure it reports.
//!
//! JSON and events only, no sockets: what is printed while a stream arrives goes through [`StreamSink`].
//! Nothing outside this layer knows a field's name on the wire.

mod answer;
mod chat;
mod citations;
mod deferred;
mod encode;
mod error_body;
mod events;
mod failures;
mod html;
mod lenient;
mod models;
mod read;
mod repair;
mod request;
mod responses;
mod scenario;
mod status;
mod stream;
mod summary;
#[cfg(test)]
mod tests;
mod usage;
mod wire_format;

use anyhow::Result;

pub use self::answer::Answer;
pub use self::citations::Citation;
pub use self::deferred::{Deferred, deferred_path, is_request_id, read_deferred, read_poll};
pub use self::deferred::{scripted_id, scripted_not_ready};
pub use self::failures::{MAX_RESPONSE, too_large};
pub use self::read::{Expectations, read_answer, read_models};
pub use self::repair::repair_json;
pub use self::request::{
    AnswerFormat, ModelOptions, RawField, Request, Schema, Search, Transfer, WebSearch, XSearch,
};
pub use self::scenario::Scenario;
pub use self::usage::Usage;
pub use self::wire_format::WireFormat;
use crate::body::Body;
use crate::error::Failure;
use crate::message::NewMessage;
use crate::response::Response;

/// The path of the list of models, below the base URL.
pub const MODELS_PATH: &str = "models";

/// Which of xAI's two APIs answers a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// Chat completions.
    Chat,
    /// Responses, which can search on the server.
    Responses,
}

/// What receives a stream while it arrives.
pub trait StreamSink {
    /// A piece of the answer's text.
    ///
    /// # Errors
    ///
    /// Whatever ends the stream.
    fn text(&mut self, piece: &str) -> Result<()>;

    /// The payload of an event, as received.
    ///
    /// # Errors
    ///
    /// Whatever ends the stream.
    fn event(&mut self, payload: &[u8]) -> Result<()>;

    /// The model thinks; there is no text of it yet.
    fn thinking(&mut self) {}

    /// Forgets the text that was handed over, if none of it has been shown; whether that is so.
    fn take_back_text(&mut self) -> bool {
        false
    }

    /// All that has arrived has been handed over: the time to write it.
    ///
    /// # Errors
    ///
    /// Whatever ends the stream.
    fn flush(&mut self) -> Result<()>;
}

impl Api {
    /// Both, in the order of `--help`.
    pub const ALL: [Self; 2] = [Self::Chat, Self::Responses];

    /// The one that has deferred answers.
    pub const DEFERRED: Self = Self::Chat;

    /// The API with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|api| api.as_str() == name)
    }

    /// The name that `--api` takes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Responses => "responses",
        }
    }

    /// How its requests are written and its answers read.
    pub fn wire_format(self) -> &'static dyn WireFormat {
        match self {
            Self::Chat => &chat::ChatCompletions,
            Self::Responses => &responses::Responses,
        }
    }

    /// What the API would send in a scenario, with `text` as the answer of [`Scenario::Ok`].
    ///
    /// # Errors
    ///
    /// Status 6 in [`Scenario::Offline`].
    pub fn scripted(
        self,
        request: &Request,
        scenario: Scenario,
        text: &str,
    ) -> Result<Response, Failure> {
        let error = scenario.error_response()?;
        Ok(error.unwrap_or_else(|| self.wire_format().simulate(request, scenario, text)))
    }
}

/// The JSON of one message, in the message format of chat completions: a line of a conversation.
pub fn encode_message(message: &NewMessage) -> Body<'_> {
    chat::encode_message(message)
}

/// What the API would send as the list of models in a scenario: the one model that is named.
///
/// # Errors
///
/// Status 6 in [`Scenario::Offline`].
pub fn scripted_models(model: &str, scenario: Scenario) -> Result<Response, Failure> {
    Ok(scenario.error_response()?.unwrap_or_else(|| models::scripted(model)))
}
