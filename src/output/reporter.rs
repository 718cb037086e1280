//! Standard error: errors, notes and what `--verbose` tells, one safe line each.
//!
//! A line that cannot be written is dropped: the exit status tells what happened.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use anyhow::Error;

use super::error_text::{describe, describe_response, shorten_id};
use super::masks::Masks;
use super::progress::Progress;
use super::sanitize::one_line;
use crate::api::Usage;
use crate::body::UploadProgress;
use crate::error::failure;

/// Writes lines to standard error.
#[derive(Debug, Default)]
pub struct Reporter {
    quiet: bool,
    verbose: bool,
    masks: Masks,
}

impl Reporter {
    /// Sets what is reported besides errors.
    pub fn set_level(&mut self, quiet: bool, verbose: bool) {
        self.quiet = quiet;
        self.verbose = verbose;
    }

    /// From here on this text is masked wherever it would appear, unless it is too short to be a key.
    pub fn mask(&mut self, secret: &str) {
        self.masks.add(secret);
    }

    /// A note, silenced by `--quiet`.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            self.line(&format!("note: {text}"));
        }
    }

    /// A detail, for `--verbose` only.
    pub fn verbose(&self, text: &str) {
        if self.verbose {
            self.line(text);
        }
    }

    /// Whether `--verbose` is in effect.
    pub fn is_verbose(&self) -> bool {
        self.verbose
    }

    /// A line that shows a wait, where a person looks at it. It must be dropped before another line is
    /// written.
    pub fn progress(&self, upload: &UploadProgress, total: u64) -> Option<Progress> {
        let is_wanted = !self.quiet && io::stderr().is_terminal();
        is_wanted.then(|| Progress::begin(upload.clone(), total))
    }

    /// The note before each retry.
    pub fn retry(&self, error: &Error, pause: Duration, attempt: u32, of: u32) {
        let why = self.describe(error);
        self.note(&format!("{why}; retry {attempt} of {of} in {:.1} s", pause.as_secs_f64()));
    }

    /// A note that `--quiet` does not silence.
    pub fn notice(&self, text: &str) {
        self.line(&format!("note: {text}"));
    }

    /// What `--verbose` tells of a response, after the time that it took to come.
    pub fn response(&self, status: u16, request_id: Option<&str>, after: Duration) {
        let id = request_id.map(|id| format!(", x-request-id {}", shorten_id(id, &self.masks)));
        let id = id.unwrap_or_default();
        self.verbose(&format!("HTTP {status} after {:.3} s{id}", after.as_secs_f64()));
    }

    /// An address that the answer cites: a note.
    pub fn source(&self, address: &str) {
        if !self.quiet {
            self.line(&format!("source: {address}"));
        }
    }

    /// The `--usage` line, never silenced.
    pub fn usage(&self, usage: Option<&Usage>) {
        let usage = usage.map_or_else(|| "not reported".to_owned(), Usage::to_string);
        self.line(&format!("usage: {usage}"));
    }

    /// The error that ends the run, and on a second line what to do about it. Only one line of a run begins
    /// with `xask: error: `.
    pub fn error(&self, error: &Error) {
        self.line(&format!("error: {}", self.describe(error)));
        if let Some(hint) = failure(error).and_then(|failure| failure.hint.as_deref()) {
            self.line(&format!("hint: {hint}"));
        }
    }

    /// An error besides the one that ends the run: a note.
    pub fn minor_error(&self, error: &Error) {
        self.note(&self.describe(error));
    }

    /// What is masked.
    pub(super) fn masks(&self) -> &Masks {
        &self.masks
    }

    /// An error with the response that it is from, masked.
    fn describe(&self, error: &Error) -> String {
        describe(error, &self.masks) + &describe_response(error, &self.masks)
    }

    fn line(&self, text: &str) {
        let line = format!("xask: {}\n", one_line(&self.masks.apply(text)));
        let _ = io::stderr().write_all(line.as_bytes());
    }
}
