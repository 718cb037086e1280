//! Chat completions (xAI API reference, `POST /v1/chat/completions`).

mod request;
mod response;
mod scripted;
mod stream;
mod wire;

pub(super) use self::request::{check_options, encode, encode_identity, encode_message};
pub(super) use self::response::parse;
pub(super) use self::scripted::scripted;

use anyhow::Result;

use super::stream::read_stream as read_events;
use super::{Answer, StreamSink};
use crate::response::ResponseBody;

/// The path below the base URL.
pub(super) const PATH: &str = "chat/completions";

/// Reads a stream whose first `len` bytes are in `buffer`.
pub(super) fn read_stream(
    buffer: Vec<u8>,
    len: usize,
    body: &mut dyn ResponseBody,
    sink: &mut dyn StreamSink,
) -> Result<Answer> {
    read_events::<stream::Stream>(buffer, len, body, sink)
}
