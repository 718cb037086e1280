//! What a body is made of.

use std::io::{self, Write};

use crate::message::ImageFile;

/// A segment of a body, encoded when it is read.
#[derive(Debug)]
pub enum Segment<'a> {
    /// JSON, as it is sent.
    Json(String),
    /// JSON that stands elsewhere, as it is sent.
    Raw(&'a str),
    /// The inside of a JSON string, not escaped yet.
    Text(&'a str),
    /// An image in memory, sent as base64.
    Bytes(&'a [u8]),
    /// An image on disk, sent as base64; opened when its turn comes.
    File(&'a ImageFile),
}

impl Segment<'_> {
    /// How many bytes of the body it becomes.
    pub fn encoded_len(&self) -> u64 {
        match self {
            Self::Json(json) => json.len() as u64,
            Self::Raw(json) => json.len() as u64,
            Self::Text(text) => escaped_len(text),
            Self::Bytes(bytes) => base64_len(bytes.len() as u64),
            Self::File(file) => base64_len(file.identity.len),
        }
    }

    /// Whether it is encoded from an image.
    pub fn is_image(&self) -> bool {
        matches!(self, Self::Bytes(_) | Self::File(_))
    }
}

/// The length of padded base64.
fn base64_len(len: u64) -> u64 {
    len.div_ceil(3) * 4
}

fn escaped_len(text: &str) -> u64 {
    struct Count(u64);
    impl Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len() as u64;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // A string into a writer that takes everything cannot fail. Less its two quotes.
    let _ = serde_json::to_writer(&mut count, text);
    count.0 - 2
}
