//! A body becomes a reply: over HTTP, or from inside the program.
//!
//! It knows neither the flags nor what a reply means: a status and bytes go out of this room.

mod base_url;
mod cache;
mod fault;
mod http;
mod key;
mod proxy;
mod rehearsal;
mod retry;
mod sample;
mod transport;

use std::fmt;
use std::io::{Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;

pub use self::base_url::BaseUrl;
pub use self::cache::{Entry, Found};
pub use self::http::{Http, Settings};
pub use self::key::Key;
pub use self::proxy::{ChosenProxy, ProxyVariables, choose as choose_proxy};
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
    /// The reply says itself where it ends: by `content-length`, or in chunks.
    pub is_framed: bool,
    /// `x-request-id`: what the service's support asks for.
    pub request_id: Option<String>,
    /// `retry-after`: the pause the service asks for.
    pub retry_after: Option<Duration>,
    /// `x-should-retry: false`: it is of no use to ask again.
    pub forbids_retry: bool,
}

/// The resource that answers questions, below the base URL.
pub const COMPLETIONS: &str = "chat/completions";

/// The resource that lists the models.
const MODELS: &str = "models";

/// What is asked.
pub enum Ask<'a> {
    /// A question, and its body.
    Completion(&'a CompletionRequest, &'a Body<'a>),
    /// Which models there are; a rehearsal knows the one that is named.
    Models(&'a str),
}

impl Ask<'_> {
    /// How many bytes are sent after the head.
    pub fn len(&self) -> u64 {
        match self {
            Self::Completion(_, body) => body.len(),
            Self::Models(_) => 0,
        }
    }

    fn resource(&self) -> &'static str {
        match self {
            Self::Completion(..) => COMPLETIONS,
            Self::Models(_) => MODELS,
        }
    }
}

impl fmt::Display for Ask<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Completion(request, body) => {
                write!(f, "model {}, {} bytes", request.model, body.len())
            }
            Self::Models(_) => f.write_str("list of models"),
        }
    }
}

/// How much of a body has been handed to the connection, in bytes; shared with whoever shows it.
#[derive(Debug, Clone, Default)]
pub struct Upload(Arc<AtomicU64>);

impl Upload {
    /// What has been sent so far.
    pub fn sent(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// Where answers come from.
pub enum Service {
    /// The service itself.
    Http(Http),
    /// This program.
    Rehearsal(Rehearsal),
    /// An earlier run: the bytes of the reply it recorded.
    Record(Vec<u8>),
}

impl Service {
    /// The address asked, for messages.
    pub fn address(&self, ask: &Ask) -> String {
        match self {
            Self::Http(http) => http.address(ask),
            Self::Rehearsal(_) => "a rehearsal".to_owned(),
            Self::Record(_) => "a recorded answer".to_owned(),
        }
    }

    /// Asks, once.
    ///
    /// # Errors
    ///
    /// A failure that says whether the request was delivered: status 6 where no byte of it can have
    /// been, 7 where some may. Local trouble where an image changed.
    pub fn ask(&self, ask: &Ask, deadline: Deadline, upload: &Upload) -> Result<Reply> {
        match self {
            Self::Http(http) => http.ask(ask, deadline, upload),
            Self::Rehearsal(rehearsal) => rehearsal.reply(ask),
            Self::Record(bytes) => Ok(Reply::of_json(200, bytes.clone())),
        }
    }
}

impl Reply {
    /// A reply that did not come over a network.
    fn of_json(status: u16, body: Vec<u8>) -> Self {
        let headers = ReplyHeaders {
            content_type: Some("application/json".to_owned()),
            ..ReplyHeaders::default()
        };
        Self { status, headers, body: Box::new(Cursor::new(body)) }
    }
}
