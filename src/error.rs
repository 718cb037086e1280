//! What can go wrong, as the exit status a script sees.
//!
//! Rooms return `anyhow::Result`. An error whose chain holds a [`Failure`] ends with that failure's
//! status; one without is local trouble. Nothing is printed here.

use std::fmt;
use std::io;
use std::time::Duration;

/// The exit status of a run that did not end with 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Standard streams, files, locks, certificates on this machine.
    Local = 1,
    /// Arguments or an input named by them; nothing was sent.
    Usage = 2,
    /// No key, or one that was refused.
    Key = 3,
    /// The service rejected the request.
    Rejected = 4,
    /// Too many requests or tokens for now.
    RateLimit = 5,
    /// No byte of the request can have reached the service.
    NotDelivered = 6,
    /// Sent, but no whole answer came; it may have been billed.
    Lost = 7,
    /// The service failed or its reply is no completion.
    Service = 8,
    /// An answer came, but it is cut, filtered, refused, empty or not what was asked for.
    Unfit = 9,
    /// The reader of standard output left: what a shell shows for a process killed by SIGPIPE.
    ReaderLeft = 141,
}

/// Whether doing the same again is of use, and what it may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// The same again fails the same way.
    Never,
    /// Nothing was delivered, or the service turned it away unanswered: repeating is safe.
    Safe,
    /// The request may have been answered and billed.
    MayBeBilled,
}

/// How much of a request id is shown, in bytes: they have 36.
const MAX_REQUEST_ID: usize = 100;

/// An expected failure: its exit status and the words for the user.
///
/// It displays as *what*, without what the service said; see [`Failure::words`].
#[derive(Debug)]
pub struct Failure {
    /// The status the program ends with.
    pub exit: Exit,
    /// What failed and why, lower case, without a final stop.
    what: String,
    /// The service's own words, as they came: neither masked nor shortened yet.
    pub words: Option<String>,
    /// Status and request id of the reply that failed, as in `HTTP 400, x-request-id 0f4c…`.
    pub reply: Option<String>,
    /// What to do about it, for a second line.
    pub hint: Option<String>,
    /// Whether the retries may repeat it.
    pub repeat: Repeat,
    /// The pause the service asked for.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure that is not to be repeated.
    pub fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self {
            exit,
            what: what.into(),
            words: None,
            reply: None,
            hint: None,
            repeat: Repeat::Never,
            retry_after: None,
        }
    }

    /// Wrong arguments, or an input they name.
    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(Exit::Usage, what)
    }

    /// Sent, but no whole answer came.
    pub fn lost(what: impl Into<String>) -> Self {
        Self::new(Exit::Lost, what)
            .repeat(Repeat::MayBeBilled)
            .hint("the request was sent: asked again, it may be billed twice")
    }

    /// Adds what the user can do about it.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Adds what the service said about it.
    #[must_use]
    pub fn words(self, words: Option<String>) -> Self {
        Self { words, ..self }
    }

    /// Says whether it may be repeated.
    #[must_use]
    pub fn repeat(self, repeat: Repeat) -> Self {
        Self { repeat, ..self }
    }

    /// Adds which reply it was, by its HTTP status and its `x-request-id`.
    #[must_use]
    pub fn reply(self, status: u16, request_id: Option<&str>) -> Self {
        let reply = match request_id {
            Some(id) => {
                let id = &id[..id.floor_char_boundary(MAX_REQUEST_ID)];
                format!("HTTP {status}, x-request-id {id}")
            }
            None => format!("HTTP {status}"),
        };
        Self { reply: Some(reply), ..self }
    }

    /// Adds the pause the service asked for.
    #[must_use]
    pub fn retry_after(self, retry_after: Option<Duration>) -> Self {
        Self { retry_after, ..self }
    }

    /// Wraps it for code that can only return an [`io::Error`]; [`from_io`] unwraps it.
    pub fn into_io(self) -> io::Error {
        io::Error::other(self)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Failure {}

/// An I/O error as an error of ours: the [`Failure`] inside it where there is one.
pub fn from_io(error: io::Error) -> anyhow::Error {
    match error.downcast::<Failure>() {
        Ok(failure) => failure.into(),
        Err(error) => error.into(),
    }
}

/// The exit status of an error: its failure's, or local trouble.
pub fn exit(error: &anyhow::Error) -> Exit {
    error.downcast_ref::<Failure>().map_or(Exit::Local, |failure| failure.exit)
}

/// The chain of an error in one line, outermost first: `what: why`.
pub fn describe(error: &anyhow::Error) -> String {
    let causes: Vec<String> = error
        .chain()
        .map(|cause| match cause.downcast_ref::<io::Error>() {
            Some(error) => describe_io(error),
            None => cause.to_string(),
        })
        .collect();
    causes.join(": ")
}

/// An I/O error as a person would say it: lower case, without `(os error 2)`.
pub fn describe_io(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error ").next().unwrap_or_default();
    let mut chars = text.chars();
    match chars.next() {
        Some(first) if chars.as_str().starts_with(|c: char| !c.is_uppercase()) => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn an_operating_system_error_is_told_in_words() {
        let missing = io::Error::from_raw_os_error(2);
        assert_eq!(describe_io(&missing), "no such file or directory");
        assert_eq!(describe_io(&io::Error::other("HTTP is odd")), "HTTP is odd");
    }

    #[test]
    fn a_failure_given_as_context_decides_the_exit_status() {
        let missing: anyhow::Result<()> = Err(io::Error::from_raw_os_error(2).into());
        let error = missing.context(Failure::usage("a.txt")).expect_err("it was an error");
        assert_eq!(exit(&error), Exit::Usage);
        assert_eq!(describe(&error), "a.txt: no such file or directory");
    }
}
