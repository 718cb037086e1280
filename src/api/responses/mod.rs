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

pub(super) use self::options::check_options;
pub(super) use self::request::{check_messages, encode, encode_identity};
pub(super) use self::response::parse;
pub(super) use self::scripted::scripted;
use super::stream::read_stream as read_events;
use super::{Answer, StreamSink};
use crate::response::ResponseBody;

/// The path below the base URL.
pub(super) const PATH: &str = "responses";

/// Reads a stream whose first `len` bytes are in `buffer`.
pub(super) fn read_stream(
    buffer: Vec<u8>,
    len: usize,
    body: &mut dyn ResponseBody,
    sink: &mut dyn StreamSink,
) -> Result<Answer> {
    read_events::<stream::Stream>(buffer, len, body, sink)
}
