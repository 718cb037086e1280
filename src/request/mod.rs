//! Messages become a body: the one request of a run, in the service's field names.
//!
//! Nothing is sent that was not asked for: no nulls, no defaults. How it travels is `service`'s
//! business.

mod body;
mod compact;
mod describe;
mod reader;
mod schema;

pub use self::body::Body;
pub use self::compact::compact;
pub use self::reader::BodyReader;
pub use self::schema::Schema;
use crate::message::Turn;

/// What is asked (xAI API reference, `POST /v1/chat/completions`).
#[derive(Debug)]
pub struct CompletionRequest {
    /// The model's name; never validated here.
    pub model: String,
    /// All messages, instructions first.
    pub messages: Vec<Turn>,
    /// Every other field with its value as JSON, in the order in which they are sent.
    pub fields: Vec<(String, String)>,
    /// The form the answer is to have.
    pub schema: Option<Schema>,
    /// Ask for server-sent events in place of one JSON.
    pub stream: bool,
    /// Ask for the token counts at the end of the stream.
    pub stream_usage: bool,
}
