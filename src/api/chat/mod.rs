//! Chat completions (xAI API reference, `POST /v1/chat/completions`).

mod request;
mod response;
mod scripted;
mod stream;
mod wire;

pub(super) use self::request::encode_message;
use super::stream::StreamState;
use super::{Answer, ModelOptions, Request, Scenario, Transfer, WireFormat};
use crate::body::Body;
use crate::error::Failure;
use crate::message::Message;
use crate::response::Response;

/// The wire format of chat completions.
pub(super) struct ChatCompletions;

impl WireFormat for ChatCompletions {
    fn path(&self) -> &'static str {
        "chat/completions"
    }

    fn check_options(&self, options: &ModelOptions, has_format: bool) -> Result<(), Failure> {
        request::check_options(options, has_format)
    }

    fn check_messages(&self, _: &[Message]) -> Result<(), Failure> {
        Ok(())
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
