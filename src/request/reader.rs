//! One pass over a body: texts are escaped and files encoded on the way, in constant memory.
//!
//! A file that is not what was checked any more is an error, never a wrong body.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;

use base64::engine::general_purpose::STANDARD;
use base64::{Engine, encoded_len};
use rustix::fs::OFlags;

use super::body::Piece;
use crate::error::{Exit, Failure, describe_io};
use crate::message::{FileStamp, ImageFile};

/// How much of a text is escaped at a time, in bytes.
const TEXT_CHUNK: usize = 8 * 1024;

/// How much of an image is read at a time, in bytes; a multiple of three, so that the encoding of one
/// chunk ends where that of the next begins.
const IMAGE_CHUNK: usize = 96 * 1024;

/// A file that has become a pipe is not waited for; its stamp tells that it is no file.
const NO_WAIT: i32 = OFlags::NONBLOCK.bits().cast_signed();

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

impl<'a> BodyReader<'a> {
    /// A reader of these pieces, from the first.
    pub(super) fn new(pieces: &'a [Piece<'a>]) -> Self {
        Self { pieces: pieces.iter(), source: Source::Done, ready: Vec::new(), ready_from: 0 }
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
        self.file.read_exact(&mut self.chunk).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => changed(self.image, "it has become shorter"),
            _ => changed(self.image, &describe_io(&error)),
        })?;
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
