//! The body as a recipe: pieces of JSON, texts still to be escaped, files still to be encoded.
//!
//! It knows its exact length and can be read again and again, in constant memory: sending,
//! repeating, printing and rehearsing are the same reader poured into different sinks.

use std::io::{self, Write};

use super::CompletionRequest;
use super::reader::BodyReader;
use crate::message::{ContentPart, ImageFile, ImageSource, ImageUrl, Message, Turn};

/// The JSON of a request, or of one message.
#[derive(Debug)]
pub struct Body<'a> {
    pieces: Vec<Piece<'a>>,
    len: u64,
}

/// What a body is made of.
#[derive(Debug)]
pub(super) enum Piece<'a> {
    /// JSON as it is sent.
    Json(String),
    /// JSON of an earlier message, as it stands.
    Earlier(&'a str),
    /// The inside of a JSON string, not escaped yet.
    Text(&'a str),
    /// An image in memory, not encoded yet.
    Bytes(&'a [u8]),
    /// An image on disk, opened when its turn comes.
    File(&'a ImageFile),
}

impl<'a> Body<'a> {
    /// The body of a request.
    pub fn new(request: &'a CompletionRequest) -> Self {
        let CompletionRequest { model, messages, fields, schema, stream, stream_usage } = request;
        let mut recipe = Recipe::default();
        recipe.json(r#"{"model":""#);
        recipe.text(model);
        recipe.json(r#"","messages":["#);
        for (index, turn) in messages.iter().enumerate() {
            recipe.json(if index > 0 { "," } else { "" });
            match turn {
                Turn::Earlier(earlier) => recipe.piece(Piece::Earlier(&earlier.json)),
                Turn::New(message) => recipe.message(message),
            }
        }
        recipe.json("]");
        for (name, value) in fields {
            recipe.json(",\"");
            recipe.text(name);
            recipe.json("\":");
            recipe.json(value);
        }
        if let Some(schema) = schema {
            recipe.json(",\"response_format\":");
            recipe.json(&schema.response_format());
        }
        if *stream {
            recipe.json(r#","stream":true"#);
        }
        if *stream_usage {
            recipe.json(r#","stream_options":{"include_usage":true}"#);
        }
        recipe.json("}");
        recipe.finish()
    }

    /// The JSON of one message, as it stands in the request.
    pub fn of_message(message: &'a Message) -> Self {
        let mut recipe = Recipe::default();
        recipe.message(message);
        recipe.finish()
    }

    /// Its exact length in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether files are encoded on the way, so that larger buffers pay.
    pub fn has_images(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Bytes(_) | Piece::File(_)))
    }

    /// A reader of the whole body, from its beginning.
    ///
    /// It ends after exactly [`Body::len`] bytes or with an error, never before; an error that holds
    /// a [`crate::error::Failure`] where an image is no longer what was checked.
    pub fn reader(&self) -> BodyReader<'_> {
        BodyReader::new(&self.pieces)
    }
}

/// A body being put together.
#[derive(Default)]
struct Recipe<'a> {
    pieces: Vec<Piece<'a>>,
}

impl<'a> Recipe<'a> {
    fn json(&mut self, json: &str) {
        match self.pieces.last_mut() {
            Some(Piece::Json(last)) => last.push_str(json),
            _ => self.pieces.push(Piece::Json(json.to_owned())),
        }
    }

    fn text(&mut self, text: &'a str) {
        self.pieces.push(Piece::Text(text));
    }

    fn piece(&mut self, piece: Piece<'a>) {
        self.pieces.push(piece);
    }

    fn message(&mut self, message: &'a Message) {
        let Message { role, content } = message;
        self.json(r#"{"role":""#);
        self.json(role.as_str());
        self.json(r#"","content":"#);
        match &content[..] {
            [ContentPart::Text(text)] => {
                self.json("\"");
                self.text(text);
                self.json("\"");
            }
            parts => {
                for (index, part) in parts.iter().enumerate() {
                    self.json(if index == 0 { "[" } else { "," });
                    self.part(part);
                }
                self.json("]");
            }
        }
        self.json("}");
    }

    fn part(&mut self, part: &'a ContentPart) {
        match part {
            ContentPart::Text(text) => {
                self.json(r#"{"type":"text","text":""#);
                self.text(text);
                self.json("\"}");
            }
            ContentPart::Image(ImageUrl { url, detail }) => {
                self.json(r#"{"type":"image_url","image_url":{"url":""#);
                self.url(url);
                if let Some(detail) = detail {
                    self.json(r#"","detail":""#);
                    self.json(detail.as_str());
                }
                self.json("\"}}");
            }
        }
    }

    fn url(&mut self, url: &'a ImageSource) {
        match url {
            ImageSource::Address(address) => self.text(address),
            ImageSource::File(file) => {
                self.json(&data_prefix(file.format.media_type()));
                self.piece(Piece::File(file));
            }
            ImageSource::Bytes { format, bytes } => {
                self.json(&data_prefix(format.media_type()));
                self.piece(Piece::Bytes(bytes));
            }
        }
    }

    fn finish(self) -> Body<'a> {
        let len = self.pieces.iter().map(Piece::encoded_len).sum();
        Body { pieces: self.pieces, len }
    }
}

fn data_prefix(media_type: &str) -> String {
    format!("data:{media_type};base64,")
}

impl Piece<'_> {
    /// How many bytes of the body it becomes.
    fn encoded_len(&self) -> u64 {
        match self {
            Self::Json(json) => json.len() as u64,
            Self::Earlier(json) => json.len() as u64,
            Self::Text(text) => escaped_len(text),
            Self::Bytes(bytes) => base64_len(bytes.len() as u64),
            Self::File(file) => base64_len(file.stamp.len),
        }
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
