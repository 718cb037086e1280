//! What a body is made of.

use std::array;
use std::sync::LazyLock;

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

/// How many bytes a byte of a text becomes inside a JSON string. A table is faster than comparisons.
static ESCAPED_LEN: LazyLock<[u64; 256]> = LazyLock::new(|| {
    array::from_fn(|byte| match byte {
        // `\b`, `\t`, `\n`, `\f`, `\r`, `\"` and `\\`; every other control character becomes `\u00XX`.
        8..=10 | 12 | 13 | 0x22 | 0x5c => 2,
        0..=31 => 6,
        _ => 1,
    })
});

fn escaped_len(text: &str) -> u64 {
    let len = &*ESCAPED_LEN;
    text.bytes().map(|byte| len[usize::from(byte)]).sum()
}
