//! The Responses API (xAI API reference, `POST /v1/responses`).

mod history;
mod messages;
mod options;
mod request;
mod response;
mod scripted;
mod stream;
mod wire;

use anyhow::Result;

use super::stream::read_stream;
use super::{Answer, ModelOptions, Request, Scenario, StreamSink, WireFormat};
use crate::body::Body;
use crate::error::Failure;
use crate::message::Message;
use crate::response::{Response, ResponseBody};

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

    fn encode<'a>(&self, request: &'a Request) -> Body<'a> {
        request::encode(request)
    }

    fn encode_identity<'a>(&self, request: &'a Request) -> Body<'a> {
        request::encode_identity(request)
    }

    fn parse(&self, bytes: &[u8]) -> Result<Answer, Failure> {
        response::parse(bytes)
    }

    fn read_stream(
        &self,
        buffer: Vec<u8>,
        len: usize,
        body: &mut dyn ResponseBody,
        sink: &mut dyn StreamSink,
    ) -> Result<Answer> {
        read_stream::<stream::Stream>(buffer, len, body, sink)
    }

    fn simulate(&self, request: &Request, scenario: Scenario, text: &str) -> Response {
        scripted::scripted(request, scenario, text)
    }
}
