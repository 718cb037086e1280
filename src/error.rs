//! Errors as the exit status that a script sees.
//!
//! Every layer returns `anyhow::Result`. An error that holds a [`Failure`] ends the run with that failure's
//! status; any other error is a local I/O error. Nothing is printed here: `output` renders errors.

use std::fmt;
use std::io;
use std::time::Duration;

/// The exit status of a run that did not end with 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitStatus {
    /// Local I/O error: standard streams, files, locks, certificates on this machine.
    Local = 1,
    /// Wrong arguments, or an input that they name; nothing was sent.
    Usage = 2,
    /// The API key is missing, unreadable, malformed, refused or not permitted.
    Key = 3,
    /// The API rejected the request.
    Rejected = 4,
    /// Too many requests or tokens for now.
    RateLimit = 5,
    /// No byte of the request can have reached the API.
    NotDelivered = 6,
    /// Sent, but no complete response came; it may have been billed.
    Incomplete = 7,
    /// The API failed, or its response is not a completion.
    Server = 8,
    /// An answer came, but it is truncated, filtered, refused, empty or not what was requested.
    Unusable = 9,
    /// The reader of standard output closed it: what a shell shows for a process killed by SIGPIPE.
    BrokenPipe = 141,
}

/// Whether the same request may be sent again, and what that can cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The same request would fail the same way.
    Never,
    /// The request was not delivered, or was rejected before any work: a retry costs nothing.
    Safe,
    /// The request may have been answered and billed.
    MayDoubleBill,
}

/// An expected failure: its exit status, and the words for the user.
///
/// It displays as its message, without the API's own words: see [`Failure::detail`].
#[derive(Debug)]
pub struct Failure {
    /// The status that the program ends with.
    pub status: ExitStatus,
    /// What failed and why, in lower case and without a final full stop.
    message: String,
    /// The API's own words, as received: neither masked nor shortened yet.
    pub detail: Option<String>,
    /// The HTTP status of the response that failed.
    pub http_status: Option<u16>,
    /// The `x-request-id` of that response, as received.
    pub request_id: Option<String>,
    /// What to do about it, for a second line.
    pub hint: Option<String>,
    /// Whether `--retries` and `--retry-lost` apply.
    pub retry: Retry,
    /// The pause that the API requested.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure that is never retried.
    pub fn new(status: ExitStatus, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            detail: None,
            http_status: None,
            request_id: None,
            hint: None,
            retry: Retry::Never,
            retry_after: None,
        }
    }

    /// Wrong arguments, or an input that they name.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ExitStatus::Usage, message)
    }

    /// A local I/O error.
    pub fn local(message: impl Into<String>) -> Self {
        Self::new(ExitStatus::Local, message)
    }

    /// The request was sent, but no complete response came.
    pub fn incomplete(message: impl Into<String>) -> Self {
        Self::new(ExitStatus::Incomplete, message)
            .retry(Retry::MayDoubleBill)
            .hint("the request was sent; a retry may be billed again")
    }

    /// Gives it another exit status.
    #[must_use]
    pub fn status(self, status: ExitStatus) -> Self {
        Self { status, ..self }
    }

    /// Adds what the user can do about it.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Adds the API's own words.
    #[must_use]
    pub fn detail(self, detail: Option<String>) -> Self {
        Self { detail, ..self }
    }

    /// Says whether it may be retried.
    #[must_use]
    pub fn retry(self, retry: Retry) -> Self {
        Self { retry, ..self }
    }

    /// Adds the HTTP status and the `x-request-id` of the response that failed.
    #[must_use]
    pub fn response(self, http_status: u16, request_id: Option<&str>) -> Self {
        let request_id = request_id.map(ToOwned::to_owned);
        Self { http_status: Some(http_status), request_id, ..self }
    }

    /// Adds the pause that the API requested.
    #[must_use]
    pub fn retry_after(self, retry_after: Option<Duration>) -> Self {
        Self { retry_after, ..self }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// For code that can only return an [`io::Error`]: [`failure`] finds the failure inside it again.
impl From<Failure> for io::Error {
    fn from(failure: Failure) -> Self {
        Self::other(failure)
    }
}

/// The failure that an error holds, also where an [`io::Error`] carried it; the outermost of several.
pub fn failure(error: &anyhow::Error) -> Option<&Failure> {
    error.downcast_ref().or_else(|| {
        let io_errors = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
        io_errors.filter_map(io::Error::get_ref).find_map(|inner| inner.downcast_ref())
    })
}

/// The exit status of an error: its failure's, else that of a local I/O error.
pub fn exit_status(error: &anyhow::Error) -> ExitStatus {
    failure(error).map_or(ExitStatus::Local, |failure| failure.status)
}

/// An I/O error as a person would say it: lower case, without `(os error 2)`.
pub fn describe_io(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error ").next().unwrap_or_default();
    // What the system says begins with a capital; other words may begin with a file's name.
    let is_system = error.raw_os_error().is_some() || error.get_ref().is_none();
    let mut chars = text.chars();
    match chars.next().filter(|_| is_system) {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn an_operating_system_error_is_described_in_lower_case() {
        let missing = io::Error::from_raw_os_error(2);
        assert_eq!(describe_io(&missing), "no such file or directory");
        assert_eq!(describe_io(&io::Error::other("Notes.txt changed")), "Notes.txt changed");
    }

    #[test]
    fn a_failure_given_as_context_decides_the_exit_status() {
        let missing: anyhow::Result<()> = Err(io::Error::from_raw_os_error(2).into());
        let error = missing.context(Failure::usage("a.txt")).expect_err("it was an error");
        assert_eq!(exit_status(&error), ExitStatus::Usage);
    }

    #[test]
    fn a_failure_inside_an_io_error_decides_the_exit_status() {
        let error = anyhow::Error::from(io::Error::from(Failure::usage("a.png changed")));
        assert_eq!(exit_status(&error), ExitStatus::Usage);
        assert_eq!(exit_status(&error.context("reading")), ExitStatus::Usage);
        let plain = anyhow::Error::from(io::Error::other("odd"));
        assert_eq!(exit_status(&plain), ExitStatus::Local);
    }
}
