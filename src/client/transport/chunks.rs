//! Chunked framing (RFC 9112, 7.1) as a strict parser takes it, and where it ends, without any I/O.

use std::mem;

/// The longest line of a chunk's size, or of a trailer, in bytes. Signatures and the like fit in.
const MAX_LINE: usize = 8 * 1024;

/// Before the data of a chunk, until its size is known.
const SIZE_TO_COME: &[u8] = b"00000000\r\n";

/// What no parser takes for the size of a chunk.
pub const NO_SIZE: &[u8] = b"?\r\n";

/// The chunks of a response on their way to ureq's parser: that takes at most 20 characters before a chunk, and gateways
/// sign chunks, or pad their sizes with blanks. What arrives together is passed on as one chunk, which is fast.
#[derive(Debug)]
pub struct Chunks {
    stage: Stage,
    /// A line that is not whole yet.
    line: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Size,
    /// The number of bytes left in a chunk.
    Data(u64),
    /// The line end after a chunk.
    DataEnd,
    /// The lines after the last chunk, up to an empty one.
    Trailer,
    Ended,
    /// Not chunked framing.
    Broken,
}

impl Default for Chunks {
    fn default() -> Self {
        Self { stage: Stage::Size, line: Vec::new() }
    }
}

impl Chunks {
    /// Whether the last chunk has arrived, with the trailers after it.
    pub fn has_ended(&self) -> bool {
        self.stage == Stage::Ended
    }

    /// Whether what arrived is not chunked framing: then [`NO_SIZE`] belongs behind all that came before it.
    pub fn is_broken(&self) -> bool {
        self.stage == Stage::Broken
    }

    /// Adds what has arrived to `output`. Chunk extensions and trailers are dropped, and so is what comes after them.
    pub fn push(&mut self, bytes: &[u8], output: &mut Vec<u8>) {
        let chunk_at = output.len();
        output.extend_from_slice(SIZE_TO_COME);
        let mut rest = bytes;
        let before = self.stage;
        while !rest.is_empty() && !self.is_over() {
            if let Stage::Data(left) = self.stage {
                let taken = usize::try_from(left).map_or(rest.len(), |left| left.min(rest.len()));
                output.extend_from_slice(&rest[..taken]);
                rest = &rest[taken..];
                let left = left - taken as u64;
                self.stage = if left == 0 { Stage::DataEnd } else { Stage::Data(left) };
            } else {
                rest = self.take_line(rest);
            }
        }
        close_chunk(chunk_at, output);
        if self.stage.is_after_last_chunk() && !before.is_after_last_chunk() {
            output.extend_from_slice(b"0\r\n");
        }
        if self.stage == Stage::Ended && before != Stage::Ended {
            output.extend_from_slice(b"\r\n");
        }
    }

    fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Ended | Stage::Broken)
    }

    /// Takes the line that the input begins with, or as much as there is of it; returns what follows.
    fn take_line<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let line_end = bytes.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
        let (line, rest) = bytes.split_at(line_end.unwrap_or(bytes.len()));
        if self.line.len() + line.len() > MAX_LINE {
            // A trailer is no reason to lose an answer.
            self.stage = if self.stage == Stage::Trailer { Stage::Ended } else { Stage::Broken };
        } else if line_end.is_none() {
            self.line.extend_from_slice(line);
        } else if self.line.is_empty() {
            self.stage = self.stage.after(line.trim_ascii());
        } else {
            let mut whole = mem::take(&mut self.line);
            whole.extend_from_slice(line);
            self.stage = self.stage.after(whole.trim_ascii());
        }
        rest
    }
}

impl Stage {
    /// What comes after a line.
    fn after(self, line: &[u8]) -> Self {
        match self {
            Self::Size => match size(line) {
                Some(0) => Self::Trailer,
                Some(size) => Self::Data(size),
                None => Self::Broken,
            },
            Self::DataEnd if line.is_empty() => Self::Size,
            Self::Trailer if line.is_empty() => Self::Ended,
            Self::Trailer => Self::Trailer,
            _ => Self::Broken,
        }
    }

    fn is_after_last_chunk(self) -> bool {
        matches!(self, Self::Trailer | Self::Ended)
    }
}

/// Writes the size of the chunk that was begun, or removes it where it is empty.
fn close_chunk(chunk_at: usize, output: &mut Vec<u8>) {
    let len = output.len() - chunk_at - SIZE_TO_COME.len();
    if len == 0 {
        return output.truncate(chunk_at);
    }
    let size = format!("{len:08x}");
    debug_assert!(size.len() == SIZE_TO_COME.len() - 2, "one push is smaller than 4 GiB");
    if size.len() == SIZE_TO_COME.len() - 2 {
        output[chunk_at..chunk_at + size.len()].copy_from_slice(size.as_bytes());
        output.extend_from_slice(b"\r\n");
    }
}

/// The size of a chunk: hexadecimal digits, before whatever extension there is.
fn size(line: &[u8]) -> Option<u64> {
    let digits = line.split(|byte| *byte == b';').next()?.trim_ascii();
    let digits = std::str::from_utf8(digits).ok()?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u64::from_str_radix(digits, 16).ok().filter(|_| is_number)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// The result of a strict parser for the pieces: the data, the rest after the last chunk of data, and whether it is all.
    fn read(chunked: &[u8], cuts: &[usize]) -> (String, String, bool) {
        let (mut chunks, mut output, mut rest) = (Chunks::default(), Vec::new(), chunked);
        for cut in cuts.iter().cycle() {
            let (piece, next) = rest.split_at(rest.len().min(*cut));
            chunks.push(piece, &mut output);
            rest = next;
            if rest.is_empty() {
                break;
            }
        }
        if chunks.is_broken() {
            output.extend_from_slice(NO_SIZE);
        }
        let mut data = Vec::new();
        let mut output = &output[..];
        while let Some(size) =
            output.first_chunk::<8>().filter(|_| output[8..].starts_with(b"\r\n"))
        {
            let size = std::str::from_utf8(size).expect("digits");
            let end = 10 + usize::from_str_radix(size, 16).expect("digits");
            data.extend_from_slice(&output[10..end]);
            assert!(output[end..].starts_with(b"\r\n"), "a chunk ends with a line end");
            output = &output[end + 2..];
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (text(&data), text(output), chunks.has_ended())
    }

    /// The bytes that arrive, the data in them, the rest that the parser gets, and whether it is all.
    const CASES: [(&str, &str, &str, bool); 18] = [
        ("", "", "", false),
        ("4\r\nFo", "Fo", "", false),
        ("4\r\nFour\r\n", "Four", "", false),
        ("2\r\nFo\r\n2\r\nur\r\n", "Four", "", false),
        ("4\r\nFour\r\n0\r\n", "Four", "0\r\n", false),
        ("4\r\nFour\r\n0\r\nX-A: b\r\n", "Four", "0\r\n", false),
        ("4\r\nFour\r\n0\r\n\r\n", "Four", "0\r\n\r\n", true),
        ("004\nFour\n0\n\n", "Four", "0\r\n\r\n", true),
        ("4;signature=0123456789abcdef\r\nFour\r\n0;a\r\n\r\n", "Four", "0\r\n\r\n", true),
        ("4                          \r\nFour\r\n0\r\n\r\n", "Four", "0\r\n\r\n", true),
        ("0\r\nX-A: b\r\n\r\nmore", "", "0\r\n\r\n", true),
        ("2\r\n\r\n\r\n0\r\n\r\n", "\r\n", "0\r\n\r\n", true),
        ("zz\r\nFour\r\n0\r\n\r\n", "", "?\r\n", false),
        ("\r\n4\r\n", "", "?\r\n", false),
        ("-1\r\nF", "", "?\r\n", false),
        ("+4\r\nFour\r\n", "", "?\r\n", false),
        ("fffffffffffffffff\r\n", "", "?\r\n", false),
        ("2\r\nFour\r\n0\r\n\r\n", "Fo", "?\r\n", false),
    ];

    #[test]
    fn chunks_are_decoded() {
        for (chunked, data, end, is_all) in CASES {
            let expected = (data.to_owned(), end.to_owned(), is_all);
            assert_eq!(read(chunked.as_bytes(), &[1000]), expected, "{chunked:?}");
        }
    }

    #[test]
    fn an_endless_line_is_refused() {
        let line = "0".repeat(MAX_LINE + 1);
        for (start, data) in [("", ""), ("1\r\na", "a")] {
            let expected = (data.to_owned(), "?\r\n".to_owned(), false);
            let chunked = format!("{start}{line}");
            assert_eq!(read(chunked.as_bytes(), &[3]), expected, "{start:?}");
        }
    }

    #[test]
    fn an_endless_trailer_ends_the_response() {
        let chunked = format!("4\r\nFour\r\n0\r\nX-A: {}", "a".repeat(MAX_LINE));
        let expected = ("Four".to_owned(), "0\r\n\r\n".to_owned(), true);
        assert_eq!(read(chunked.as_bytes(), &[3]), expected);
    }

    proptest! {
        #[test]
        fn chunks_may_arrive_in_any_pieces(case in 0..CASES.len(), cuts in vec(1_usize..9, 1..5)) {
            let (chunked, data, end, is_all) = CASES[case];
            prop_assert_eq!(read(chunked.as_bytes(), &cuts), (data.into(), end.into(), is_all));
        }
    }
}
