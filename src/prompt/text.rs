//! Texts that touch, joined by a blank line into one.
//!
//! Files and standard input are read straight behind what is there already, so that a large input is
//! in memory once.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};

use super::image;
use super::stdin::Stdin;
use crate::error::Failure;

const BLANK_LINE: &str = "\n\n";

/// The text between two images, or the whole text.
#[derive(Debug, Default)]
pub struct Texts(String);

impl Texts {
    /// Adds a text that is in memory.
    pub fn add(&mut self, text: &str) {
        if !text.is_empty() {
            self.separate();
            self.0.push_str(text);
        }
    }

    /// Adds a file's text, less one final line feed.
    ///
    /// # Errors
    ///
    /// A usage failure that names the file: missing, unreadable, a directory, not UTF-8.
    pub fn add_file(&mut self, path: &Path) -> Result<()> {
        let name = path.display().to_string();
        let unreadable = || Failure::usage(name.clone());
        let mut file = File::open(path).with_context(unreadable)?;
        self.add_from(&name, |bytes| {
            file.read_to_end(bytes).with_context(unreadable)?;
            Ok(())
        })
    }

    /// Adds standard input's text, less one final line feed.
    ///
    /// # Errors
    ///
    /// Local trouble where it cannot be read, a usage failure where it is not UTF-8.
    pub fn add_stdin(&mut self, stdin: &mut Stdin) -> Result<()> {
        self.add_from("standard input", |bytes| stdin.read_to_end(bytes))
    }

    /// What was added since the last call, if anything was.
    pub fn take(&mut self) -> Option<String> {
        Some(std::mem::take(&mut self.0)).filter(|text| !text.is_empty())
    }

    fn separate(&mut self) {
        if !self.0.is_empty() {
            self.0.push_str(BLANK_LINE);
        }
    }

    fn add_from(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Vec<u8>) -> Result<()>,
    ) -> Result<()> {
        let before = self.0.len();
        self.separate();
        let start = self.0.len();
        let mut bytes = std::mem::take(&mut self.0).into_bytes();
        read(&mut bytes)?;
        self.0 = utf8(name, start, bytes)?;
        if self.0.len() > start && self.0.ends_with('\n') {
            self.0.pop();
        }
        if self.0.len() == start {
            self.0.truncate(before);
        }
        Ok(())
    }
}

/// Bytes as text. What lies before `start` is known to be UTF-8 and does not count in the offset.
///
/// # Errors
///
/// A usage failure with the offset of the first byte that is not UTF-8, and with the advice to use
/// `--image` where the bytes are one.
pub fn utf8(name: &str, start: usize, bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to().saturating_sub(start);
        let failure = Failure::usage(format!("{name}: not UTF-8 text, at byte offset {offset}"));
        match image::format(&error.as_bytes()[start..]) {
            Some(_) => failure.hint("it is an image; give it with --image").into(),
            None => failure.into(),
        }
    })
}
