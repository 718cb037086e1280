//! A body becomes a reply: over HTTP, or from inside the program.
//!
//! It knows neither the flags nor what a reply means: a status and bytes go out of this room.

mod base_url;
mod fault;
mod http;
mod key;
mod proxy;
mod rehearsal;
mod retry;
mod tls;
mod transport;

use std::io::Read;
use std::time::Duration;

use anyhow::Result;

pub use self::base_url::BaseUrl;
pub use self::http::{Http, Settings};
pub use self::key::Key;
pub use self::proxy::{ProxyVariables, choose as choose_proxy};
pub use self::rehearsal::{Rehearsal, RehearsalCase};
pub use self::retry::Policy;
use crate::deadline::Deadline;
use crate::request::{Body, CompletionRequest};

/// What came back, whatever it says.
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The headers that mean something to us.
    pub headers: ReplyHeaders,
    /// The bytes, as they arrive. An error of it holds a [`crate::error::Failure`].
    pub body: Box<dyn Read>,
}

/// The headers of a reply that mean something to us.
#[derive(Debug, Default, Clone)]
pub struct ReplyHeaders {
    /// `content-type`, as it came.
    pub content_type: Option<String>,
    /// `content-length`, in bytes.
    pub content_length: Option<u64>,
    /// `x-request-id`: what the service's support asks for.
    pub request_id: Option<String>,
    /// `retry-after`: the pause the service asks for.
    pub retry_after: Option<Duration>,
    /// `x-should-retry: false`: it is of no use to ask again.
    pub is_final: bool,
}

/// Where answers come from.
pub enum Service {
    /// The service itself.
    Http(Http),
    /// This program.
    Rehearsal(Rehearsal),
}

impl Service {
    /// The address asked, for messages.
    pub fn name(&self) -> String {
        match self {
            Self::Http(http) => http.url(),
            Self::Rehearsal(_) => "rehearsal".to_owned(),
        }
    }

    /// Asks, once.
    ///
    /// # Errors
    ///
    /// A failure that says whether the request was delivered: status 6 where no byte of it can have
    /// been, 7 where some may. Local trouble where an image changed.
    pub fn ask(
        &self,
        request: &CompletionRequest,
        body: &Body,
        deadline: Deadline,
    ) -> Result<Reply> {
        match self {
            Self::Http(http) => http.ask(body, deadline),
            Self::Rehearsal(rehearsal) => rehearsal.reply(request, body),
        }
    }
}
