//! A response as it arrived, whether from the network, the cache or a rehearsal.

use std::io::{Cursor, Read};
use std::time::Duration;

/// A response whose body is still to be read.
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The headers that xask reads.
    pub headers: ResponseHeaders,
    /// The body. Where it fails, the [`std::io::Error`] holds a [`crate::error::Failure`].
    pub body: Box<dyn ResponseBody>,
}

/// The body of a response.
pub trait ResponseBody: Read {
    /// Waits at most so long, from now on, for all that may still come: the answer is complete already.
    /// A body that does not come over a network never waits.
    fn limit_wait(&mut self, _limit: Duration) {}
}

impl<T: AsRef<[u8]>> ResponseBody for Cursor<T> {}

/// The headers that xask reads.
#[derive(Debug, Default, Clone)]
pub struct ResponseHeaders {
    /// `content-type`, as received.
    pub content_type: Option<String>,
    /// `content-encoding`, as received: xask accepts none, but some servers compress all the same.
    pub content_encoding: Option<String>,
    /// Whether the response declares its end: by `content-length`, or in chunks.
    pub has_declared_length: bool,
    /// `x-request-id`: xAI's support needs it.
    pub request_id: Option<String>,
    /// `retry-after`: the pause that the API requests.
    pub retry_after: Option<Duration>,
    /// `x-should-retry: false`: a retry is useless.
    pub forbids_retry: bool,
}

impl Response {
    /// A response that did not come over a network.
    pub fn local(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = ResponseHeaders {
            content_type: Some(content_type.to_owned()),
            ..ResponseHeaders::default()
        };
        Self { status, headers, body: Box::new(Cursor::new(body.into())) }
    }

    /// A response of JSON that did not come over a network.
    pub fn json(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::local(status, "application/json", body)
    }
}
