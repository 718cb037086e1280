//! Chat completions (xAI API reference, `POST /v1/chat/completions`).

mod request;
mod response;
mod scripted;
mod stream;
mod wire;

use anyhow::Result;

pub(super) use self::request::encode_message;
use super::stream::read_stream;
use super::{Answer, ModelOptions, Request, Scenario, StreamSink, WireFormat};
use crate::body::Body;
use crate::error::Failure;
use crate::message::Message;
use crate::response::{Response, ResponseBody};

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
