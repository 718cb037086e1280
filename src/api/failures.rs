//! Failures that every response can end in, and the limit on its size.

use crate::error::{ExitStatus, Failure, Retry};
use crate::response::ResponseHeaders;

/// The largest response in one JSON, and the longest text of a stream, in bytes: far over any answer, and
/// bounded.
pub const MAX_RESPONSE: u64 = 64 * 1024 * 1024;

/// A response that is no answer.
pub fn server_failure(message: impl Into<String>) -> Failure {
    Failure::new(ExitStatus::Server, message)
}

/// A response that passes the limit, in one JSON or as the text of a stream.
pub fn too_large() -> Failure {
    server_failure(format!("the response is larger than {} MiB", MAX_RESPONSE >> 20))
}

/// Adds which response it was, and what its headers say about a retry.
pub fn with_response(failure: Failure, status: u16, headers: &ResponseHeaders) -> Failure {
    let retry = if headers.forbids_retry { Retry::Never } else { failure.retry };
    failure
        .retry(retry)
        .retry_after(headers.retry_after)
        .response(status, headers.request_id.as_deref())
}
