//! What differs between the APIs: how a request is written, and how an answer is read.

use super::stream::StreamState;
use super::{Answer, ModelOptions, Request, Scenario, Transfer};
use crate::body::Body;
use crate::error::Failure;
use crate::message::Message;
use crate::response::Response;

/// One of the formats in which prompts and answers travel. Nothing outside it knows a field's name on the wire.
pub trait WireFormat: Sync {
    /// The path that prompts are posted to, below the base URL.
    fn path(&self) -> &'static str;

    /// Checks the options against each other: what no single flag can know. `has_format` says that the
    /// answer's format is still to be read.
    ///
    /// # Errors
    ///
    /// Status 2 for an option that the API does not have, and for a field that is not the user's to set or that
    /// is given twice.
    fn check_options(&self, options: &ModelOptions, has_format: bool) -> Result<(), Failure>;

    /// Checks that all messages can be sent: files hold them in the message format of chat completions.
    ///
    /// # Errors
    ///
    /// Status 2 for a message from a file that says what cannot be said here.
    fn check_messages(&self, messages: &[Message]) -> Result<(), Failure>;

    /// The body of a request whose answer travels like this. With [`Transfer::default`] it identifies the request: one
    /// that is streamed or deferred has the same as one that is not.
    fn encode<'a>(&self, request: &'a Request, transfer: Transfer) -> Body<'a>;

    /// The answer in a response of one JSON, usable or not.
    ///
    /// # Errors
    ///
    /// Status 7 if the JSON ends in the middle, 8 if it carries an error or is no response of this API.
    fn parse(&self, bytes: &[u8]) -> Result<Answer, Failure>;

    /// The state of a stream of events before its first one.
    fn stream(&self) -> Box<dyn StreamState>;

    /// What the API would answer in a scenario, with `text` as the answer of [`Scenario::Ok`].
    fn simulate(&self, request: &Request, scenario: Scenario, text: &str) -> Response;
}
