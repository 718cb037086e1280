//! One pass over a body: texts are escaped and files encoded on the way, in constant memory.
//!
//! A file that is not what was checked any more is an error, never a wrong body.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::LazyLock;

use base64::engine::general_purpose::PAD;
use base64::{Engine, encoded_len};
use rustix::fs::OFlags;

use super::Segment;
use crate::error::{Failure, describe_io};
use crate::message::{FileIdentity, ImageFile};

/// How much of a text is escaped at a time, in bytes.
const TEXT_CHUNK: usize = 8 * 1024;

/// How much of an image is read at a time, in bytes; a multiple of three, so that the encoding of one
/// chunk ends where that of the next begins.
const IMAGE_CHUNK: usize = 96 * 1024;

/// A file that has become a pipe is not waited for; its identity shows that it is no longer a file.
const O_NONBLOCK: i32 = OFlags::NONBLOCK.bits().cast_signed();

/// Standard base64, with padding, by the vector instructions of the processor where it has them. The processor
/// is asked when the first image is encoded: that takes longer than the encoding of a short text.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
static BASE64: LazyLock<base64::engine::Simd> =
    LazyLock::new(|| base64::engine::Simd::standard(PAD));

/// Standard base64, with padding.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
static BASE64: LazyLock<base64::engine::GeneralPurpose> =
    LazyLock::new(|| base64::engine::GeneralPurpose::new(&base64::alphabet::STANDARD, PAD));

/// One pass over a body.
#[derive(Debug)]
pub struct BodyReader<'a> {
    segments: std::slice::Iter<'a, Segment<'a>>,
    source: Source<'a>,
    /// Encoded bytes that did not fit into the caller's buffer yet.
    ready: Vec<u8>,
    ready_from: usize,
}

/// What is left of the segment being read.
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
                Progress::Written(n) => filled += n,
                Progress::BufferFull => break,
                Progress::SegmentDone => match self.segments.next() {
                    Some(segment) => self.source = Source::open(segment)?,
                    None => break,
                },
            }
        }
        Ok(filled)
    }
}

impl<'a> BodyReader<'a> {
    /// A reader of these segments, from the first.
    pub(super) fn new(segments: &'a [Segment<'a>]) -> Self {
        Self { segments: segments.iter(), source: Source::Done, ready: Vec::new(), ready_from: 0 }
    }
}

enum Progress {
    /// The number of bytes written to the buffer; more may be ready.
    Written(usize),
    /// Four characters of base64 do not fit.
    BufferFull,
    SegmentDone,
}

impl BodyReader<'_> {
    /// Encodes the next bit of the current segment, straight into `space` where that can be.
    fn encode_into(&mut self, space: &mut [u8], must_progress: bool) -> io::Result<Progress> {
        match &mut self.source {
            Source::Done => Ok(Progress::SegmentDone),
            Source::Plain(rest) => {
                let n = rest.read(space)?;
                Ok(if n == 0 { Progress::SegmentDone } else { Progress::Written(n) })
            }
            Source::Text(rest) => {
                let (chunk, left) = rest.split_at(rest.floor_char_boundary(TEXT_CHUNK));
                if chunk.is_empty() {
                    return Ok(Progress::SegmentDone);
                }
                *rest = left;
                self.ready.clear();
                serde_json::to_writer(&mut self.ready, chunk)?;
                // The body has the quotes already.
                self.ready.pop();
                self.ready_from = 1;
                Ok(Progress::Written(0))
            }
            Source::Bytes(rest) => {
                if rest.is_empty() {
                    return Ok(Progress::SegmentDone);
                }
                let room = space.len() / 4 * 3;
                if room == 0 && !must_progress {
                    return Ok(Progress::BufferFull);
                }
                let (chunk, left) = rest.split_at(rest.len().min(room.max(3)));
                *rest = left;
                encode(chunk, space, &mut self.ready, &mut self.ready_from)
            }
            Source::File(file) => {
                let room = space.len() / 4 * 3;
                if room == 0 && !must_progress {
                    return Ok(Progress::BufferFull);
                }
                let chunk = file.next_chunk(room.clamp(3, IMAGE_CHUNK))?;
                if chunk.is_empty() {
                    return Ok(Progress::SegmentDone);
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
) -> io::Result<Progress> {
    if let Ok(n) = BASE64.encode_slice(chunk, space) {
        return Ok(Progress::Written(n));
    }
    ready.resize(encoded_len(chunk.len(), true).unwrap_or_default(), 0);
    let n = BASE64.encode_slice(chunk, ready).map_err(io::Error::other)?;
    ready.truncate(n);
    *ready_from = 0;
    Ok(Progress::Written(0))
}

impl<'a> Source<'a> {
    fn open(segment: &'a Segment<'a>) -> io::Result<Self> {
        Ok(match segment {
            Segment::Json(json) => Self::Plain(json.as_bytes()),
            Segment::Raw(json) => Self::Plain(json.as_bytes()),
            Segment::Text(text) => Self::Text(text),
            Segment::Bytes(bytes) => Self::Bytes(bytes),
            Segment::File(image) => Self::File(OpenImage::open(image)?),
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
        let opened = OpenOptions::new().read(true).custom_flags(O_NONBLOCK).open(&image.path);
        let file = opened.map_err(|error| changed(image, &describe_io(&error)))?;
        let open = Self { image, file, left: image.identity.len, chunk: Vec::new() };
        open.check_identity()?;
        Ok(open)
    }

    /// The next `len` bytes, or the last ones; empty at the end.
    fn next_chunk(&mut self, len: usize) -> io::Result<&[u8]> {
        let len = usize::try_from(self.left).unwrap_or(usize::MAX).min(len);
        if len == 0 {
            // Whatever happened while it was read shows in its size or its time.
            self.check_identity()?;
        }
        self.chunk.resize(len, 0);
        self.file.read_exact(&mut self.chunk).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => changed(self.image, "it is shorter now"),
            _ => changed(self.image, &describe_io(&error)),
        })?;
        self.left -= len as u64;
        Ok(&self.chunk)
    }

    fn check_identity(&self) -> io::Result<()> {
        match self.file.metadata() {
            Ok(metadata) if FileIdentity::of(&metadata) == self.image.identity => Ok(()),
            Ok(_) => Err(changed(self.image, "it was modified or replaced")),
            Err(error) => Err(changed(self.image, &describe_io(&error))),
        }
    }
}

fn changed(image: &ImageFile, why: &str) -> io::Error {
    let what = format!("{} changed after it was checked: {why}", image.path.display());
    Failure::local(what).into()
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};
    use std::os::unix::fs::MetadataExt;

    use base64::engine::general_purpose::STANDARD;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use tempfile::NamedTempFile;

    use super::super::{Body, BodyBuilder};
    use super::*;
    use crate::message::{ImageFormat, ImageSource};

    #[derive(Debug, Clone)]
    enum Part {
        Json(String),
        Raw(String),
        Text(String),
        Image(Vec<u8>),
        File(Vec<u8>),
    }

    fn parts() -> impl Strategy<Value = Vec<Part>> {
        let long = || "(?s).{0,40}".prop_map(|text| text.repeat(300));
        vec(
            prop_oneof![
                ".*".prop_map(Part::Json),
                ".*".prop_map(Part::Raw),
                "(?s).*".prop_map(Part::Text),
                long().prop_map(Part::Text),
                vec(any::<u8>(), 0..40).prop_map(Part::Image),
                vec(any::<u8>(), 0..4000).prop_map(Part::Image),
                vec(any::<u8>(), 0..40).prop_map(Part::File),
                vec(any::<u8>(), 0..4000).prop_map(Part::File),
            ],
            0..6,
        )
    }

    /// A file that lives as long as the body that names it.
    fn file(bytes: &[u8]) -> (NamedTempFile, ImageSource) {
        let mut file = NamedTempFile::new().expect("a temporary file");
        file.write_all(bytes).expect("it is written");
        let metadata = file.as_file().metadata().expect("its metadata");
        let identity = FileIdentity::of(&metadata);
        let image = ImageFile { path: file.path().into(), format: ImageFormat::Png, identity };
        (file, ImageSource::File(image))
    }

    fn body<'a>(parts: &'a [Part], images: &'a [Option<(NamedTempFile, ImageSource)>]) -> Body<'a> {
        let mut builder = BodyBuilder::default();
        for (part, image) in parts.iter().zip(images) {
            match (part, image) {
                (Part::Json(json), _) => builder.json(json),
                (Part::Raw(json), _) => builder.raw(json),
                (Part::Text(text), _) => builder.string(text),
                (_, Some((_, source))) => builder.image_url(source),
                (_, None) => unreachable!("images have a source"),
            };
        }
        builder.finish()
    }

    /// The same, in one go.
    fn expected(parts: &[Part]) -> Vec<u8> {
        let encode = |part: &Part| match part {
            Part::Json(json) | Part::Raw(json) => json.clone(),
            Part::Text(text) => crate::json::to_json(text),
            Part::Image(bytes) | Part::File(bytes) => {
                format!("\"data:image/png;base64,{}\"", STANDARD.encode(bytes))
            }
        };
        parts.iter().map(encode).collect::<String>().into_bytes()
    }

    fn read_with(mut reader: BodyReader<'_>, sizes: &[usize]) -> Vec<u8> {
        let mut read = Vec::new();
        for size in sizes.iter().cycle() {
            let mut buffer = vec![0; *size];
            let n = reader.read(&mut buffer).expect("nothing changed");
            if n == 0 {
                break;
            }
            read.extend_from_slice(&buffer[..n]);
        }
        read
    }

    proptest! {
        #[test]
        fn a_body_is_the_same_bytes_through_any_buffer(
            parts in parts(),
            sizes in vec(prop_oneof![1_usize..8, 8_usize..20_000], 1..5),
        ) {
            let images: Vec<_> = parts
                .iter()
                .map(|part| match part {
                    Part::Image(bytes) => {
                        let format = ImageFormat::Png;
                        let source = ImageSource::Bytes { format, bytes: bytes.clone() };
                        Some((NamedTempFile::new().expect("a temporary file"), source))
                    }
                    Part::File(bytes) => Some(file(bytes)),
                    _ => None,
                })
                .collect();
            let body = body(&parts, &images);
            let expected = expected(&parts);
            prop_assert_eq!(body.len(), expected.len() as u64);
            prop_assert!(read_with(body.reader(), &sizes) == expected);
            // A second pass gives the same bytes.
            prop_assert!(read_with(body.reader(), &[8192]) == expected);
        }
    }

    #[test]
    fn a_file_that_changed_is_named_and_gives_no_body() {
        let (mut file, source) = file(b"four");
        let mut builder = BodyBuilder::default();
        builder.image_url(&source);
        let body = builder.finish();
        file.write_all(b"more").expect("it is written");
        let error = body.reader().read_to_end(&mut Vec::new()).expect_err("it changed");
        let expected = format!("{} changed", file.path().display());
        assert!(error.to_string().starts_with(&expected), "{error}");
    }

    #[test]
    fn a_file_rewritten_with_its_old_time_counts_as_changed() {
        let (mut file, source) = file(b"four");
        let before = file.as_file().metadata().expect("its metadata");
        // The clock of a file system ticks every few milliseconds.
        loop {
            file.rewind().and_then(|()| file.write_all(b"five")).expect("it is written");
            let times = before.modified().expect("a time");
            file.as_file().set_modified(times).expect("the time can be set");
            let now = file.as_file().metadata().expect("its metadata");
            assert_eq!((now.mtime_nsec(), now.len()), (before.mtime_nsec(), before.len()));
            if now.ctime_nsec() != before.ctime_nsec() {
                break;
            }
        }
        let mut builder = BodyBuilder::default();
        builder.image_url(&source);
        let error = builder.finish().reader().read_to_end(&mut Vec::new()).expect_err("it changed");
        assert!(error.to_string().contains("changed"), "{error}");
    }
}
