//! What a rehearsal simulates: the answers and the errors that a script has to deal with.

use serde_json::json;

use crate::error::{ExitStatus, Failure};
use crate::response::Response;

/// What a rehearsal simulates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// A usable answer.
    Ok,
    /// An answer truncated at the token limit.
    Length,
    /// An answer ended by a content filter.
    Filtered,
    /// A refusal by the model.
    Refused,
    /// An answer without text.
    Empty,
    /// A tool call in place of an answer.
    Tools,
    /// A connection that breaks in the middle of the answer.
    Cut,
    /// An unknown key.
    Unauthorized,
    /// A key without the permission.
    Forbidden,
    /// Too many requests.
    RateLimit,
    /// A server error.
    ServerError,
    /// No network.
    Offline,
    /// An answer after a search: what `ok` simulates where a search was requested.
    Searched,
    /// An answer without a search, although one was requested.
    Unsearched,
}

impl Scenario {
    /// All of them, by their names.
    const ALL: [(&str, Self); 14] = [
        ("ok", Self::Ok),
        ("length", Self::Length),
        ("filtered", Self::Filtered),
        ("refused", Self::Refused),
        ("empty", Self::Empty),
        ("tools", Self::Tools),
        ("cut", Self::Cut),
        ("401", Self::Unauthorized),
        ("403", Self::Forbidden),
        ("429", Self::RateLimit),
        ("500", Self::ServerError),
        ("offline", Self::Offline),
        ("searched", Self::Searched),
        ("unsearched", Self::Unsearched),
    ];

    /// The names that `--rehearse` and `XASK_REHEARSE` take.
    pub fn names() -> [&'static str; 14] {
        Self::ALL.map(|(name, _)| name)
    }

    /// The scenario with this name; `1` is short for `ok`.
    pub fn from_name(name: &str) -> Option<Self> {
        let name = if name == "1" { "ok" } else { name };
        Self::ALL.into_iter().find_map(|(known, scenario)| (known == name).then_some(scenario))
    }

    /// Whether it makes sense only where a search is requested.
    pub fn needs_search(self) -> bool {
        matches!(self, Self::Searched | Self::Unsearched)
    }

    /// Whether the API answers, with a text of the request's own choice.
    pub fn has_own_text(self) -> bool {
        matches!(self, Self::Ok | Self::Searched | Self::Unsearched)
    }

    /// Whether the API accepts the request and begins to answer.
    pub fn is_answered(self) -> bool {
        !matches!(
            self,
            Self::Unauthorized
                | Self::Forbidden
                | Self::RateLimit
                | Self::ServerError
                | Self::Offline
        )
    }

    /// The response of a scenario in which there is no answer.
    pub(super) fn error_response(self) -> Result<Option<Response>, Failure> {
        let (status, code, message) = match self {
            Self::Unauthorized => (401, "unauthenticated", "The API key is not valid."),
            Self::Forbidden => {
                (403, "permission-denied", "The key is not permitted to use this model.")
            }
            Self::RateLimit => (429, "resource-exhausted", "Too many requests. Try again later."),
            Self::ServerError => (500, "internal", "Internal server error."),
            Self::Offline => {
                let message = "cannot connect: simulated by --rehearse=offline";
                return Err(Failure::new(ExitStatus::NotDelivered, message));
            }
            _ => return Ok(None),
        };
        Ok(Some(Response::json(status, json!({ "code": code, "error": message }).to_string())))
    }

    /// The text of its answer; `text` where the scenario has none of its own.
    pub(super) fn text(self, text: &str) -> &str {
        match self {
            Self::Length => "This answer is truncated at the",
            Self::Filtered => "This answer is",
            Self::Refused => "I cannot help with that.",
            Self::Empty | Self::Tools => "",
            Self::Cut => "This answer breaks off in the middle.",
            _ => text,
        }
    }
}
