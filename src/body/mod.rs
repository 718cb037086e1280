//! A lazily encoded body: segments of JSON, texts still to be escaped, images still to be encoded.
//!
//! A body knows its exact length and can be read again and again, in constant memory: sending, retrying,
//! printing and hashing are the same reader. It knows no wire format; `api` builds it.

mod reader;
mod segment;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

pub use self::reader::BodyReader;
pub use self::segment::Segment;
use crate::message::ImageSource;

/// How much of a body has been handed to the connection, in bytes; shared with the progress line.
pub type UploadProgress = Arc<AtomicU64>;

/// The JSON of a request, or of one message.
#[derive(Debug)]
pub struct Body<'a> {
    segments: Vec<Segment<'a>>,
    len: u64,
}

impl Body<'_> {
    /// Its exact length in bytes, which is never zero.
    #[expect(clippy::len_without_is_empty, reason = "the JSON of a request is never empty")]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it holds images, so that larger buffers pay.
    pub fn has_images(&self) -> bool {
        self.segments.iter().any(Segment::is_image)
    }

    /// A reader of the whole body, from its beginning.
    ///
    /// It ends after exactly [`Body::len`] bytes or with an error, never before. The error holds a
    /// [`crate::error::Failure`] where an image file is no longer the one that was checked.
    pub fn reader(&self) -> BodyReader<'_> {
        BodyReader::new(&self.segments)
    }
}

/// Builds a body, segment by segment.
#[derive(Debug, Default)]
pub struct BodyBuilder<'a> {
    segments: Vec<Segment<'a>>,
}

impl<'a> BodyBuilder<'a> {
    /// Adds JSON, as it is sent.
    pub fn json(&mut self, json: &str) -> &mut Self {
        match self.segments.last_mut() {
            Some(Segment::Json(last)) => last.push_str(json),
            _ => self.segments.push(Segment::Json(json.to_owned())),
        }
        self
    }

    /// Adds JSON that stands elsewhere, as it is sent.
    pub fn raw(&mut self, json: &'a str) -> &mut Self {
        self.segments.push(Segment::Raw(json));
        self
    }

    /// Adds a JSON string, quotes included.
    pub fn string(&mut self, text: &'a str) -> &mut Self {
        self.json("\"");
        self.segments.push(Segment::Text(text));
        self.json("\"")
    }

    /// Adds the URL of an image as a JSON string: a `data:` URL, but for an image that has an address.
    pub fn image_url(&mut self, source: &'a ImageSource) -> &mut Self {
        let (format, segment) = match source {
            ImageSource::Url(url) => return self.string(url),
            ImageSource::File(file) => (file.format, Segment::File(file)),
            ImageSource::Bytes { format, bytes } => (*format, Segment::Bytes(bytes)),
        };
        self.json("\"data:").json(format.media_type()).json(";base64,");
        self.segments.push(segment);
        self.json("\"")
    }

    /// The body, whose length is known from here on.
    pub fn finish(self) -> Body<'a> {
        let len = self.segments.iter().map(Segment::encoded_len).sum();
        Body { segments: self.segments, len }
    }
}
