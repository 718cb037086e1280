//! The body as a recipe: pieces of JSON, texts still to be escaped, files still to be encoded.
//!
//! It knows its exact length and can be read again and again, in constant memory: sending,
//! repeating, printing and rehearsing are the same reader poured into different sinks.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;

use base64::engine::general_purpose::STANDARD;
use base64::{Engine, encoded_len};
use rustix::fs::OFlags;

use super::CompletionRequest;
use crate::error::{Exit, Failure, describe_io};
use crate::message::{ContentPart, FileStamp, ImageFile, ImageSource, ImageUrl, Message, Turn};

/// How much of a text is escaped at a time, in bytes.
const TEXT_CHUNK: usize = 8 * 1024;

/// How much of an image is read at a time, in bytes; a multiple of three, so that the encoding of one
/// chunk ends where that of the next begins.
const IMAGE_CHUNK: usize = 96 * 1024;

/// A file that has become a pipe is not waited for; its stamp tells that it is no file.
const NO_WAIT: i32 = OFlags::NONBLOCK.bits().cast_signed();

/// The JSON of a request, or of one message.
#[derive(Debug)]
pub struct Body<'a> {
    pieces: Vec<Piece<'a>>,
    len: u64,
}

/// What a body is made of.
#[derive(Debug)]
enum Piece<'a> {
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
    /// a [`Failure`] where an image is no longer what was checked.
    pub fn reader(&self) -> BodyReader<'_> {
        BodyReader {
            pieces: self.pieces.iter(),
            source: Source::Done,
            ready: Vec::new(),
            ready_from: 0,
        }
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

/// One pass over a body.
#[derive(Debug)]
pub struct BodyReader<'a> {
    pieces: std::slice::Iter<'a, Piece<'a>>,
    source: Source<'a>,
    /// Encoded bytes that did not fit into the caller's buffer yet.
    ready: Vec<u8>,
    ready_from: usize,
}

/// What is left of the piece being read.
#[derive(Debug)]
enum Source<'a> {
    Done,
    Plain(&'a [u8]),
    Text(&'a str),
    Bytes(&'a [u8]),
    File(OpenImage<'a>),
}

impl Read for BodyReader<'_> {
    /// Fills the whole buffer, but for the end of the body and for the last bytes of a buffer that
    /// would split four characters of base64.
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buf.len() {
            let space = &mut buf[filled..];
            if self.ready_from < self.ready.len() {
                let n = space.len().min(self.ready.len() - self.ready_from);
                space[..n].copy_from_slice(&self.ready[self.ready_from..self.ready_from + n]);
                self.ready_from += n;
                filled += n;
                continue;
            }
            match self.encode_into(space, filled == 0)? {
                Step::Wrote(n) => filled += n,
                Step::NoSpace => break,
                Step::PieceEnded => match self.pieces.next() {
                    Some(piece) => self.source = Source::open(piece)?,
                    None => break,
                },
            }
        }
        Ok(filled)
    }
}

enum Step {
    /// So many bytes went into the buffer; bytes may be ready besides.
    Wrote(usize),
    /// Four characters of base64 do not fit.
    NoSpace,
    PieceEnded,
}

impl BodyReader<'_> {
    /// Encodes the next bit of the current piece, straight into `space` where that can be.
    fn encode_into(&mut self, space: &mut [u8], must_progress: bool) -> io::Result<Step> {
        match &mut self.source {
            Source::Done => Ok(Step::PieceEnded),
            Source::Plain(rest) => {
                let n = rest.read(space)?;
                Ok(if n == 0 { Step::PieceEnded } else { Step::Wrote(n) })
            }
            Source::Text(rest) => {
                let (chunk, left) = rest.split_at(rest.floor_char_boundary(TEXT_CHUNK));
                if chunk.is_empty() {
                    return Ok(Step::PieceEnded);
                }
                *rest = left;
                self.ready.clear();
                serde_json::to_writer(&mut self.ready, chunk)?;
                // The body has the quotes already.
                self.ready.pop();
                self.ready_from = 1;
                Ok(Step::Wrote(0))
            }
            Source::Bytes(rest) => {
                if rest.is_empty() {
                    return Ok(Step::PieceEnded);
                }
                let room = space.len() / 4 * 3;
                if room == 0 && !must_progress {
                    return Ok(Step::NoSpace);
                }
                let (chunk, left) = rest.split_at(rest.len().min(room.max(3)));
                *rest = left;
                encode(chunk, space, &mut self.ready, &mut self.ready_from)
            }
            Source::File(file) => {
                let room = space.len() / 4 * 3;
                if room == 0 && !must_progress {
                    return Ok(Step::NoSpace);
                }
                let chunk = file.next_chunk(room.clamp(3, IMAGE_CHUNK))?;
                if chunk.is_empty() {
                    return Ok(Step::PieceEnded);
                }
                encode(chunk, space, &mut self.ready, &mut self.ready_from)
            }
        }
    }
}

/// Encodes into `space`, or into `ready` where that is too small for even one group.
fn encode(
    chunk: &[u8],
    space: &mut [u8],
    ready: &mut Vec<u8>,
    ready_from: &mut usize,
) -> io::Result<Step> {
    if let Ok(n) = STANDARD.encode_slice(chunk, space) {
        return Ok(Step::Wrote(n));
    }
    ready.resize(encoded_len(chunk.len(), true).unwrap_or_default(), 0);
    let n = STANDARD.encode_slice(chunk, ready).map_err(io::Error::other)?;
    ready.truncate(n);
    *ready_from = 0;
    Ok(Step::Wrote(0))
}

impl<'a> Source<'a> {
    fn open(piece: &'a Piece<'a>) -> io::Result<Self> {
        Ok(match piece {
            Piece::Json(json) => Self::Plain(json.as_bytes()),
            Piece::Earlier(json) => Self::Plain(json.as_bytes()),
            Piece::Text(text) => Self::Text(text),
            Piece::Bytes(bytes) => Self::Bytes(bytes),
            Piece::File(image) => Self::File(OpenImage::open(image)?),
        })
    }
}

/// An image file in the middle of a pass.
#[derive(Debug)]
struct OpenImage<'a> {
    image: &'a ImageFile,
    file: File,
    left: u64,
    chunk: Vec<u8>,
}

impl<'a> OpenImage<'a> {
    fn open(image: &'a ImageFile) -> io::Result<Self> {
        let opened = OpenOptions::new().read(true).custom_flags(NO_WAIT).open(&image.path);
        let file = opened.map_err(|error| changed(image, &describe_io(&error)))?;
        let open = Self { image, file, left: image.stamp.len, chunk: Vec::new() };
        open.check_stamp()?;
        Ok(open)
    }

    /// The next `len` bytes, or the last ones; empty at the end.
    fn next_chunk(&mut self, len: usize) -> io::Result<&[u8]> {
        let len = usize::try_from(self.left).unwrap_or(usize::MAX).min(len);
        if len == 0 {
            // Whatever happened while it was read shows in its size or its time.
            self.check_stamp()?;
        }
        self.chunk.resize(len, 0);
        self.file
            .read_exact(&mut self.chunk)
            .map_err(|error| changed(self.image, &describe_io(&error)))?;
        self.left -= len as u64;
        Ok(&self.chunk)
    }

    fn check_stamp(&self) -> io::Result<()> {
        match self.file.metadata() {
            Ok(metadata) if FileStamp::of(&metadata) == self.image.stamp => Ok(()),
            Ok(_) => Err(changed(self.image, "it is not the file that was checked")),
            Err(error) => Err(changed(self.image, &describe_io(&error))),
        }
    }
}

fn changed(image: &ImageFile, why: &str) -> io::Error {
    let what = format!("{} changed while it was sent: {why}", image.path.display());
    Failure::new(Exit::Local, what).into_io()
}
