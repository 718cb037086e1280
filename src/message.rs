//! What is said, and by whom: the messages of a chat, in the service's own terms.
//!
//! Pure data. Reading it from the command line is `prompt`'s work, writing it as JSON `request`'s.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::SystemTime;

use serde::Deserialize;

/// Who speaks (xAI guide, "Chat completions", roles).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Instructs the model; only once, and first.
    System,
    /// An alias of `system`.
    Developer,
    /// Asks.
    User,
    /// An earlier answer.
    Assistant,
    /// The result of a tool that an earlier answer called.
    Tool,
}

impl Role {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Developer => "developer",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }

    /// Whether it instructs: such a message stands first or nowhere.
    pub fn instructs(self) -> bool {
        matches!(self, Self::System | Self::Developer)
    }
}

/// One message made by this run.
#[derive(Debug, PartialEq, Eq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said: one text, or texts and images in order.
    pub content: Vec<ContentPart>,
}

impl Message {
    /// A message of one text.
    pub fn text(role: Role, text: String) -> Self {
        Self { role, content: vec![ContentPart::Text(text)] }
    }
}

/// A message of an earlier run or of somebody else, sent as it stands.
#[derive(Debug)]
pub struct EarlierMessage {
    /// Who spoke.
    pub role: Role,
    /// The message's JSON, unknown fields and all.
    pub json: String,
}

/// A message of the request.
#[derive(Debug)]
pub enum Turn {
    /// From an earlier run.
    Earlier(EarlierMessage),
    /// From this run.
    New(Message),
}

impl Turn {
    /// Who speaks.
    pub fn role(&self) -> Role {
        match self {
            Self::Earlier(message) => message.role,
            Self::New(message) => message.role,
        }
    }
}

/// One part of a message's content.
#[derive(Debug, PartialEq, Eq)]
pub enum ContentPart {
    /// Words; never empty.
    Text(String),
    /// A picture (`image_url` on the wire).
    Image(ImageUrl),
}

/// A picture and how closely the model is to look at it.
#[derive(Debug, PartialEq, Eq)]
pub struct ImageUrl {
    /// Where the picture is.
    pub url: ImageSource,
    /// Not sent when `None`; the service then chooses.
    pub detail: Option<Detail>,
}

/// Where a picture comes from.
#[derive(Debug, PartialEq, Eq)]
pub enum ImageSource {
    /// An `http:`, `https:` or `data:` URL, passed along unread.
    Address(String),
    /// A file, read and encoded anew for each pass over the body.
    File(ImageFile),
    /// The bytes of a pipe, which cannot be read twice.
    Bytes {
        /// What the bytes are.
        format: ImageFormat,
        /// The picture itself, not encoded.
        bytes: Vec<u8>,
    },
}

/// A picture on disk as it was when it was checked. A later pass that finds anything else fails.
#[derive(Debug, PartialEq, Eq)]
pub struct ImageFile {
    /// As it was given.
    pub path: PathBuf,
    /// What its first bytes say it is.
    pub format: ImageFormat,
    /// Which bytes they were.
    pub stamp: FileStamp,
}

/// What tells one state of a file from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileStamp {
    /// Device and inode.
    pub identity: (u64, u64),
    /// Size in bytes.
    pub len: u64,
    /// Time of the last change of its contents, where the file system keeps one.
    pub modified: Option<SystemTime>,
}

impl FileStamp {
    /// The state of a file that was just looked at.
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            identity: (metadata.dev(), metadata.ino()),
            len: metadata.len(),
            modified: metadata.modified().ok(),
        }
    }
}

/// The two formats xAI's guide names.
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

/// How closely the model looks at a picture (xAI guide, "Image understanding").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// The service chooses; its default.
    Auto,
    /// Fast, few tokens.
    Low,
    /// Slow, more tokens, finer.
    High,
}

impl Detail {
    /// The values `--detail` takes, as they are on the wire.
    pub const NAMES: [&str; 3] = ["auto", "low", "high"];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Low => "low",
            Self::High => "high",
        }
    }
}

impl FromStr for Detail {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "auto" => Ok(Self::Auto),
            "low" => Ok(Self::Low),
            "high" => Ok(Self::High),
            _ => Err(format!("expected one of {}", Self::NAMES.join(", "))),
        }
    }
}
