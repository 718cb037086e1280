//! The messages of a chat.
//!
//! Data only: `prompt` reads them from the inputs, `api` writes them as JSON.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use serde::Deserialize;

/// Whose message it is (xAI guide, "Chat completions", roles).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The system prompt: only once, and first.
    System,
    /// An alias of `system`.
    Developer,
    /// The user's prompt.
    User,
    /// An earlier answer.
    Assistant,
    /// The result of a tool that an earlier answer called.
    Tool,
}

impl Role {
    /// The name on the wire, the same in both APIs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Developer => "developer",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }

    /// Whether it is a system prompt, which stands first or nowhere.
    pub fn is_system(self) -> bool {
        matches!(self, Self::System | Self::Developer)
    }
}

/// A message of the request.
#[derive(Debug)]
pub enum Message {
    /// From an earlier run, or from a list that the user gave.
    Raw(RawMessage),
    /// From this run.
    New(NewMessage),
}

impl Message {
    /// Whose message it is.
    pub fn role(&self) -> Role {
        match self {
            Self::Raw(message) => message.role,
            Self::New(message) => message.role,
        }
    }
}

/// A message whose JSON is sent unchanged, in the message format of chat completions.
#[derive(Debug)]
pub struct RawMessage {
    /// Whose message it is.
    pub role: Role,
    /// The message's JSON, an object, unknown fields included.
    pub json: String,
    /// Where it stands, for messages about it: `chat.jsonl: line 3`.
    pub place: String,
}

/// A message that this run made.
#[derive(Debug, PartialEq, Eq)]
pub struct NewMessage {
    /// Whose message it is.
    pub role: Role,
    /// One text, or texts and images in order.
    pub content: Vec<ContentPart>,
}

impl NewMessage {
    /// A message of one text.
    pub fn text(role: Role, text: String) -> Self {
        Self { role, content: vec![ContentPart::Text(text)] }
    }
}

/// One part of a message's content.
#[derive(Debug, PartialEq, Eq)]
pub enum ContentPart {
    /// A text, never empty.
    Text(String),
    /// An image.
    Image(Image),
}

/// An image, and how closely the model is to look at it.
#[derive(Debug, PartialEq, Eq)]
pub struct Image {
    /// Where the image comes from.
    pub source: ImageSource,
    /// `None`: not sent, and the API chooses.
    pub detail: Option<Detail>,
}

/// Where an image comes from.
#[derive(Debug, PartialEq, Eq)]
pub enum ImageSource {
    /// An `http:`, `https:` or `data:` URL, sent as given.
    Url(String),
    /// A file, read and encoded anew for each pass over the body.
    File(ImageFile),
    /// The bytes of a pipe, which cannot be read twice.
    Bytes {
        /// What the bytes are.
        format: ImageFormat,
        /// The image itself, not encoded.
        bytes: Vec<u8>,
    },
}

/// An image file as it was when it was checked. A later pass that finds another file fails.
#[derive(Debug, PartialEq, Eq)]
pub struct ImageFile {
    /// The path, as given.
    pub path: PathBuf,
    /// What its first bytes say it is.
    pub format: ImageFormat,
    /// The file that was checked.
    pub identity: FileIdentity,
}

/// What tells one state of a file from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileIdentity {
    /// Device and inode.
    pub inode: (u64, u64),
    /// Size in bytes.
    pub len: u64,
    /// The last change of the contents (mtime), in seconds and nanoseconds.
    pub modified: (i64, i64),
    /// The last change of the file's status (ctime), which no program can set back as it can the other
    /// (`touch -r`, `rsync --times`).
    pub changed: (i64, i64),
}

impl FileIdentity {
    /// The state of a file whose metadata was just read.
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            inode: (metadata.dev(), metadata.ino()),
            len: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// The two formats that xAI's guide names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageFormat {
    /// Portable Network Graphics.
    Png,
    /// JPEG, in any of its containers.
    Jpeg,
}

impl ImageFormat {
    /// The media type for a `data:` URL.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
        }
    }
}

/// How closely the model looks at an image (xAI guide, "Image understanding").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// The API chooses; its default.
    Auto,
    /// Fast, few tokens.
    Low,
    /// Slow, more tokens, finer.
    High,
}

impl Detail {
    /// Every level, in the order of `--help`.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Low, Self::High];

    /// The name on the wire and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Low => "low",
            Self::High => "high",
        }
    }
}
