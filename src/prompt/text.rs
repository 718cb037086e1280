//! Texts, read from files, standard input and arguments, and checked to be UTF-8.
//!
//! Files and standard input are read straight behind what is there already, so that a large input is
//! in memory once.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};

use super::Stdin;
use super::input;
use super::sniff::sniff;
use super::source::{input_name, is_stdin_path};
use crate::error::Failure;
use crate::file::{Limit, without_bom};

/// U+FEFF, which some editors put before a text.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Reads all texts of one prompt.
#[derive(Debug)]
pub struct TextReader {
    /// Replace what is not UTF-8 in files and standard input (`--lossy`).
    lossy: bool,
    /// How many bytes may still be read.
    left: u64,
}

impl TextReader {
    /// A reader that has read nothing yet.
    pub fn new(lossy: bool) -> Self {
        Self { lossy, left: Limit::TEXTS.bytes }
    }

    /// Appends the text of a file or of standard input, less a byte order mark and one final line feed. Only a
    /// standard input that was not named may hold nothing but white space.
    ///
    /// A usage failure names a file that is missing, unreadable or a directory, and an input that is blank, too
    /// large, or not UTF-8; a local I/O error where standard input cannot be read.
    pub fn append(
        &mut self,
        path: &Path,
        is_named: bool,
        stdin: &mut Stdin,
        text: &mut String,
    ) -> Result<()> {
        let name = input_name(path);
        let start = text.len();
        let mut bytes = std::mem::take(text).into_bytes();
        let limit = self.left + 1;
        if is_stdin_path(path.as_os_str()) {
            stdin.read_at_most(limit, &mut bytes)?;
        } else {
            let read = File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes));
            read.with_context(|| Failure::usage(name.clone()))?;
        }
        *text = self.check(&name, is_named, start, bytes)?;
        Ok(())
    }

    /// What was read, from `start` on, as text.
    fn check(
        &mut self,
        name: &str,
        is_named: bool,
        start: usize,
        bytes: Vec<u8>,
    ) -> Result<String> {
        let len = bytes.len() - start;
        let left = self.left.checked_sub(len as u64);
        self.left = left.ok_or_else(|| input::too_large(name, Limit::TEXTS))?;
        let mut text = self.decode(name, start, bytes)?;
        if text[start..].starts_with(BYTE_ORDER_MARK) {
            text.remove(start);
        }
        if text.len() > start && text.ends_with('\n') {
            text.pop();
        }
        // What was named is there for a reason: a prompt without it is not the prompt that was meant.
        if is_named && text[start..].trim().is_empty() {
            return Err(input::blank(name, len == 0).into());
        }
        Ok(text)
    }

    /// Bytes as text. What lies before `start` is known to be UTF-8 and does not count in the offset.
    fn decode(&self, name: &str, start: usize, bytes: Vec<u8>) -> Result<String> {
        if without_bom(&bytes[start..]).starts_with(b"%PDF-") {
            let failure = Failure::usage(format!("{name} is a PDF, not text"));
            return Err(failure.hint("extract its text with pdftotext").into());
        }
        String::from_utf8(bytes).or_else(|error| {
            let offset = error.utf8_error().valid_up_to() - start;
            let bytes = error.as_bytes();
            match hint(&bytes[start..]) {
                Some(hint) => Err(not_utf8(name, offset).hint(hint).into()),
                None if self.lossy => Ok(String::from_utf8_lossy(bytes).into_owned()),
                None => Err(not_utf8(name, offset)
                    .hint("use --lossy to replace invalid bytes with U+FFFD")
                    .into()),
            }
        })
    }
}

/// An argument as text.
pub fn argument(name: &str, text: &OsStr) -> Result<String> {
    str::from_utf8(text.as_encoded_bytes())
        .map(ToOwned::to_owned)
        .map_err(|error| not_utf8(name, error.valid_up_to()).into())
}

fn not_utf8(name: &str, offset: usize) -> Failure {
    Failure::usage(format!("{name}: not UTF-8 text, at byte offset {offset}"))
}

/// What to do about bytes that are something else than damaged text.
fn hint(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        _ if sniff(bytes).is_some() => Some("to send an image, use --image"),
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => {
            Some("it is UTF-32; convert it with: iconv -f UTF-32 -t UTF-8")
        }
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            Some("it is UTF-16; convert it with: iconv -f UTF-16 -t UTF-8")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;
    use crate::error::failure;

    /// The text that a file of these bytes adds, or its error with its hint.
    fn read(bytes: &[u8], lossy: bool) -> Result<String, String> {
        let before = "before";
        let bytes = [before.as_bytes(), bytes].concat();
        match TextReader::new(lossy).check("a.txt", true, before.len(), bytes) {
            Ok(text) => Ok(text.strip_prefix(before).expect("what was there").to_owned()),
            Err(error) => {
                let hint = failure(&error).and_then(|failure| failure.hint.clone());
                Err(format!("{error}; {}", hint.unwrap_or_default()))
            }
        }
    }

    #[test]
    fn a_text_is_read_without_its_mark_and_its_last_line_feed() {
        for (bytes, expected) in [
            (&b"a"[..], "a"),
            (b"a\n", "a"),
            (b"a\n\n", "a\n"),
            (b"a\r\n", "a\r"),
            (b" a ", " a "),
            (b"\xef\xbb\xbfa", "a"),
            (b"\xef\xbb\xbf\xef\xbb\xbfa", "\u{feff}a"),
            (b"a\xef\xbb\xbf", "a\u{feff}"),
            ("\u{e9}\0".as_bytes(), "\u{e9}\0"),
        ] {
            assert_eq!(read(bytes, false).as_deref(), Ok(expected), "{bytes:?}");
            assert_eq!(read(bytes, true).as_deref(), Ok(expected), "{bytes:?}");
        }
    }

    #[test]
    fn a_named_input_must_hold_more_than_white_space() {
        for (bytes, expected) in [
            (&b""[..], "a.txt is empty; "),
            (b"\n", "a.txt contains only white space; "),
            (b" \t\r\n\n", "a.txt contains only white space; "),
            (b"\xef\xbb\xbf", "a.txt contains only white space; "),
            (b"\xc2\xa0\xe3\x80\x80", "a.txt contains only white space; "),
        ] {
            assert_eq!(read(bytes, false), Err(expected.to_owned()), "{bytes:?}");
        }
    }

    #[test]
    fn a_file_that_is_not_text_is_refused_with_a_hint() {
        let lossy = "use --lossy to replace invalid bytes with U+FFFD";
        for (bytes, expected, repaired) in [
            (&b"caf\xe9"[..], format!("at byte offset 3; {lossy}"), Some("caf\u{fffd}")),
            (b"\xef\xbb\xbf\xff", format!("at byte offset 3; {lossy}"), Some("\u{fffd}")),
            (b"\xf0\x9f\x98 x", format!("at byte offset 0; {lossy}"), Some("\u{fffd} x")),
            (b"\xff\xfea\0", "iconv -f UTF-16 -t UTF-8".to_owned(), None),
            (b"\xfe\xff\0a", "iconv -f UTF-16 -t UTF-8".to_owned(), None),
            (b"\xff\xfe\0\0a\0\0\0", "iconv -f UTF-32 -t UTF-8".to_owned(), None),
            (b"\xff\xd8\xff\xe0", "to send an image, use --image".to_owned(), None),
            (b"\x89PNG\r\n\x1a\n", "to send an image, use --image".to_owned(), None),
            (
                b"%PDF-1.7\n",
                "a.txt is a PDF, not text; extract its text with pdftotext".into(),
                None,
            ),
            (
                b"\xef\xbb\xbf%PDF-1.7\n",
                "a PDF, not text; extract its text with pdftotext".into(),
                None,
            ),
        ] {
            let error = read(bytes, false).expect_err("it is no text");
            assert!(error.ends_with(&expected), "{error}");
            match (read(bytes, true), repaired) {
                (Ok(text), Some(repaired)) => assert_eq!(text, repaired),
                (Err(error), None) => assert!(error.ends_with(&expected), "{error}"),
                (other, _) => panic!("{bytes:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn all_texts_of_a_prompt_have_one_limit() {
        let mut reader = TextReader { lossy: false, left: 5 };
        let mut add = |text: &str| reader.check("a.txt", false, 0, text.into());
        assert_eq!(add("abc").expect("it fits"), "abc");
        assert_eq!(add("de").expect("it fits"), "de");
        let expected = "a.txt: larger than 256 MiB, the limit for all texts of a prompt";
        assert_eq!(add("f").expect_err("it is too much").to_string(), expected);
    }

    #[test]
    fn an_argument_must_be_utf8() {
        let error = argument("the prompt", OsStr::from_bytes(b"a\xff")).expect_err("not UTF-8");
        assert_eq!(error.to_string(), "the prompt: not UTF-8 text, at byte offset 1");
    }
}
