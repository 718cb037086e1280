//! Chunked framing (RFC 9112, 7.1) as a strict parser takes it, and where it ends. Pure.

use std::io::Write;
use std::mem;

/// The longest line of a chunk's size, or of a trailer, in bytes. Signatures and the like fit in.
const MAX_LINE: usize = 8 * 1024;

/// The chunks of a response, made plain on their way to ureq's parser: that takes at most 20 characters before a
/// chunk, and gateways sign chunks, or pad their sizes with blanks.
#[derive(Debug)]
pub struct Chunks {
    stage: Stage,
    /// A line that is not whole yet.
    line: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Size,
    /// So many bytes of a chunk are still to come.
    Data(u64),
    /// The line end after a chunk.
    DataEnd,
    Trailer,
    Ended,
    /// Not chunked framing: passed on as it is, so that the parser says so.
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

    /// Adds what has arrived to `output`. Chunk extensions and trailers are dropped, and so is what comes after the
    /// last chunk.
    pub fn push(&mut self, mut bytes: &[u8], output: &mut Vec<u8>) {
        while !bytes.is_empty() {
            match self.stage {
                Stage::Ended => return,
                Stage::Broken => return output.extend_from_slice(bytes),
                Stage::Data(left) => {
                    let taken =
                        usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
                    output.extend_from_slice(&bytes[..taken]);
                    bytes = &bytes[taken..];
                    let left = left - taken as u64;
                    self.stage = if left == 0 { Stage::DataEnd } else { Stage::Data(left) };
                }
                Stage::Size | Stage::DataEnd | Stage::Trailer => {
                    let line_end = bytes.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
                    let (line, rest) = bytes.split_at(line_end.unwrap_or(bytes.len()));
                    self.line.extend_from_slice(line);
                    bytes = rest;
                    if line_end.is_some() || self.line.len() > MAX_LINE {
                        self.take_line(output);
                    }
                }
            }
        }
    }

    fn take_line(&mut self, output: &mut Vec<u8>) {
        let line = mem::take(&mut self.line);
        let text = line.trim_ascii();
        let is_empty = text.is_empty() && line.len() <= MAX_LINE;
        self.stage = match (self.stage, size(text)) {
            (Stage::Size, Some(size)) if line.len() <= MAX_LINE => {
                // Writing to a Vec cannot fail.
                let _ = write!(output, "{size:x}\r\n");
                if size == 0 { Stage::Trailer } else { Stage::Data(size) }
            }
            (Stage::DataEnd, _) if is_empty => {
                output.extend_from_slice(b"\r\n");
                Stage::Size
            }
            (Stage::Trailer, _) if is_empty => {
                output.extend_from_slice(b"\r\n");
                Stage::Ended
            }
            (Stage::Trailer, _) if line.len() <= MAX_LINE => Stage::Trailer,
            _ => {
                output.extend_from_slice(&line);
                Stage::Broken
            }
        };
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

    fn plain(chunked: &[u8], cuts: &[usize]) -> (String, bool) {
        let (mut chunks, mut output, mut rest) = (Chunks::default(), Vec::new(), chunked);
        for cut in cuts.iter().cycle() {
            let (piece, next) = rest.split_at(rest.len().min(*cut));
            chunks.push(piece, &mut output);
            rest = next;
            if rest.is_empty() {
                break;
            }
        }
        (String::from_utf8_lossy(&output).into_owned(), chunks.has_ended())
    }

    /// What arrives, what is passed on, and whether that is all.
    const CASES: [(&str, &str, bool); 15] = [
        ("", "", false),
        ("4\r\nFour\r\n", "4\r\nFour\r\n", false),
        ("4\r\nFour\r\n0\r\n", "4\r\nFour\r\n0\r\n", false),
        ("4\r\nFour\r\n0\r\n\r\n", "4\r\nFour\r\n0\r\n\r\n", true),
        ("004\nFour\n0\n\n", "4\r\nFour\r\n0\r\n\r\n", true),
        ("4;signature=0123456789abcdef\r\nFour\r\n0;a\r\n\r\n", "4\r\nFour\r\n0\r\n\r\n", true),
        ("4                          \r\nFour\r\n0\r\n\r\n", "4\r\nFour\r\n0\r\n\r\n", true),
        ("0\r\nX-A: b\r\n\r\nmore", "0\r\n\r\n", true),
        ("2\r\n\r\n\r\n0\r\n\r\n", "2\r\n\r\n\r\n0\r\n\r\n", true),
        ("zz\r\nFour\r\n0\r\n\r\n", "zz\r\nFour\r\n0\r\n\r\n", false),
        ("\r\n4\r\n", "\r\n4\r\n", false),
        ("-1\r\nF", "-1\r\nF", false),
        ("+4\r\nFour\r\n", "+4\r\nFour\r\n", false),
        ("fffffffffffffffff\r\n", "fffffffffffffffff\r\n", false),
        ("2\r\nFour\r\n0\r\n\r\n", "2\r\nFour\r\n0\r\n\r\n", false),
    ];

    #[test]
    fn chunks_are_made_plain() {
        for (chunked, expected, is_all) in CASES {
            assert_eq!(
                plain(chunked.as_bytes(), &[1000]),
                (expected.into(), is_all),
                "{chunked:?}"
            );
        }
    }

    #[test]
    fn a_line_without_an_end_is_passed_on() {
        let line = "0".repeat(MAX_LINE + 1);
        for start in ["", "1\r\na", "0\r\n"] {
            let chunked = format!("{start}{line}{line}");
            assert_eq!(plain(chunked.as_bytes(), &[1000]), (chunked, false), "{start:?}");
        }
    }

    proptest! {
        #[test]
        fn chunks_may_arrive_in_any_pieces(case in 0..CASES.len(), cuts in vec(1_usize..9, 1..5)) {
            let (chunked, expected, is_all) = CASES[case];
            prop_assert_eq!(plain(chunked.as_bytes(), &cuts), (expected.to_owned(), is_all));
        }
    }
}
