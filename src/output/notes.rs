//! Standard error: errors, notes and what `--verbose` tells, one safe line each.
//!
//! A line that cannot be written is dropped: the exit status has the truth.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use anyhow::Error;

use super::progress::Progress;
use super::visible::one_line;
use crate::error::{Failure, describe};
use crate::reply::Usage;
use crate::service::Upload;

/// How much of the service's own words is shown, in bytes.
const MAX_WORDS: usize = 400;

/// The shortest text that is taken for a key, in bytes.
const MIN_SECRET: usize = 4;

/// What stands in place of the key.
const MASK: &str = "[key]";

/// The lines on standard error.
#[derive(Debug, Default)]
pub struct Notes {
    quiet: bool,
    verbose: bool,
    secrets: Vec<Secret>,
}

/// A text that must not be shown, not even by `Debug`.
struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Notes {
    /// Sets what is told besides errors.
    pub fn set_level(&mut self, quiet: bool, verbose: bool) {
        self.quiet = quiet;
        self.verbose = verbose;
    }

    /// From here on this key too is masked wherever it would appear. Fewer characters are no secret, and to
    /// mask them would garble every message.
    pub fn mask(&mut self, key: &str) {
        if key.len() >= MIN_SECRET {
            self.secrets.push(Secret(key.to_owned()));
        }
    }

    /// A remark, silenced by `--quiet`.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            self.line(&format!("note: {text}"));
        }
    }

    /// A detail, told under `--verbose` only.
    pub fn detail(&self, text: impl FnOnce() -> String) {
        if self.verbose {
            self.line(&text());
        }
    }

    /// Whether details are told.
    pub fn is_verbose(&self) -> bool {
        self.verbose
    }

    /// A line that tells of a wait, where a person looks at it. It must go before another is printed.
    pub fn progress(&self, upload: &Upload, total: u64) -> Option<Progress> {
        let is_wanted = !self.quiet && io::stderr().is_terminal();
        is_wanted.then(|| Progress::begin(upload.clone(), total))
    }

    /// The line before each repetition, silenced by `--quiet`.
    pub fn retry(&self, error: &Error, pause: Duration, number: u32, of: u32) {
        let why = self.text(error);
        self.note(&format!("{why}; retry {number} of {of} in {:.1} s", pause.as_secs_f64()));
    }

    /// The line of `--usage`, never silenced.
    pub fn usage(&self, usage: Option<&Usage>) {
        match usage {
            Some(usage) => self.line(&format!("usage: {usage}")),
            None => self.line("usage: not reported"),
        }
    }

    /// An error, and on a second line what to do about it.
    pub fn error(&self, error: &Error) {
        self.line(&self.text(error));
        let failure = error.downcast_ref::<Failure>();
        if let Some(hint) = failure.and_then(|failure| failure.hint.as_deref()) {
            self.line(&format!("hint: {hint}"));
        }
    }

    /// An error in a line, with the service's words and which reply it was.
    fn text(&self, error: &Error) -> String {
        let mut text = describe(error);
        let failure = error.downcast_ref::<Failure>();
        if let Some(words) = failure.and_then(|failure| failure.words.as_deref()) {
            text.push_str(": ");
            text.push_str(&self.words(words));
        }
        if let Some(reply) = failure.and_then(|failure| failure.reply.as_deref()) {
            text.extend([" (", reply, ")"]);
        }
        text
    }

    fn line(&self, text: &str) {
        let line = format!("xask: {}\n", one_line(&self.masked(text)));
        let _ = io::stderr().write_all(line.as_bytes());
    }

    /// The service's words: masked before they are cut, so that no half of a key is left over.
    fn words(&self, words: &str) -> String {
        let masked = self.masked(words);
        let folded: Vec<&str> = masked.split_whitespace().collect();
        let mut line = one_line(&folded.join(" "));
        if line.len() > MAX_WORDS {
            line.truncate(line.floor_char_boundary(MAX_WORDS - '…'.len_utf8()));
            line.push('…');
        }
        line
    }

    fn masked(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, Secret(secret)| text.replace(secret, MASK))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_service_are_one_short_line_without_the_key() {
        let mut notes = Notes::default();
        notes.mask("xai-secret");
        assert_eq!(notes.words(" a\r\n\t b \x1b[2J"), r"a b \x1b[2J");
        assert_eq!(notes.words("the key xai-secret is wrong"), "the key [key] is wrong");
        let long = notes.words(&format!("{}xai-secret", "\u{e9}".repeat(196)));
        assert!(long.len() <= MAX_WORDS && !long.contains("xai"), "{long}");
    }
}
