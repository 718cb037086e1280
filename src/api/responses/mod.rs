//! The Responses API (xAI API reference, `POST /v1/responses`).

mod history;
mod messages;
mod options;
mod request;
mod response;
mod scripted;
mod stream;
mod wire;

use super::stream::StreamState;
use super::{Answer, ModelOptions, Request, Scenario, Transfer, WireFormat};
use crate::body::Body;
use crate::error::Failure;
use crate::message::Message;
use crate::response::Response;

/// The wire format of the Responses API.
pub(super) struct Responses;

impl WireFormat for Responses {
    fn path(&self) -> &'static str {
        "responses"
    }

    fn check_options(&self, options: &ModelOptions, has_format: bool) -> Result<(), Failure> {
        options::check_options(options, has_format)
    }

    fn check_messages(&self, messages: &[Message]) -> Result<(), Failure> {
        request::check_messages(messages)
    }

    fn encode<'a>(&self, request: &'a Request, transfer: Transfer) -> Body<'a> {
        request::encode(request, transfer)
    }

    fn parse(&self, bytes: &[u8]) -> Result<Answer, Failure> {
        response::parse(bytes)
    }

    fn stream(&self) -> Box<dyn StreamState> {
        Box::new(stream::Stream::default())
    }

    fn simulate(&self, request: &Request, scenario: Scenario, text: &str) -> Response {
        scripted::scripted(request, scenario, text)
    }
}
