//! The answer on standard output: while it comes, or when it is whole.

use std::borrow::Cow;

use anyhow::Result;

use super::progress::Progress;
use super::stdout::Stdout;
use super::target::Target;
use crate::reply::{Answer, Live};

/// Prints one answer.
#[derive(Debug)]
pub struct Printer {
    stdout: Stdout,
    /// The file it is to go to, if it is fit; nothing is printed before that is known.
    target: Option<Target>,
    /// The reply's JSON in place of the text.
    json: bool,
    /// As it comes, and not when it is whole.
    live: bool,
    /// What has come of a stream since the last write.
    pending: Vec<u8>,
    /// The last byte written, if any was.
    last: Option<u8>,
    /// The line that tells of the wait for the first of it.
    progress: Option<Progress>,
}

impl Printer {
    /// A printer of text, or of JSON; of a stream as it comes, or not; to a file, or to standard
    /// output.
    pub fn new(stdout: Stdout, json: bool, live: bool, target: Option<Target>) -> Self {
        Self { stdout, target, json, live, pending: Vec::new(), last: None, progress: None }
    }

    /// Takes over the line that tells of a wait: it goes before anything is printed.
    pub fn wait(&mut self, progress: Option<Progress>) {
        self.progress = progress;
    }

    /// Whether a byte of the answer is out: then the question cannot be asked again.
    pub fn has_printed(&self) -> bool {
        self.last.is_some()
    }

    /// Writes what of an answer is not written yet, and the final newline where it has none: to its file
    /// if it may go there. One that may not or cannot is printed, for it was paid for.
    ///
    /// # Errors
    ///
    /// Local trouble where the file or standard output cannot be written, status 141 where the reader
    /// of standard output has left.
    pub fn finish(&mut self, answer: &Answer, to_file: bool) -> Result<()> {
        // Of a stream, what is left of it is pending.
        if let Some(body) = &answer.body {
            let whole = if self.json { body } else { answer.text.as_bytes() };
            self.pending.extend_from_slice(whole);
        }
        let unwritten = match self.target.take().filter(|_| to_file) {
            Some(target) => match target.write(&with_newline(&self.pending)) {
                Ok(()) => return Ok(()),
                failed => failed,
            },
            None => Ok(()),
        };
        unwritten.and(self.print_rest())
    }

    /// Forgets what a try that failed left, and puts the cursor at the beginning of a line.
    pub fn break_off(&mut self) {
        self.pending.clear();
        if self.stdout.is_terminal() {
            // The failure that is being reported counts more than this one.
            let _ = self.end_line();
        }
    }

    /// In one write where it can be: a reader sees all or nothing of a short answer.
    fn print_rest(&mut self) -> Result<()> {
        if !self.stdout.is_terminal() && self.pending.last().is_some_and(|last| *last != b'\n') {
            self.pending.push(b'\n');
        }
        self.write_pending()?;
        self.end_line()
    }

    fn write_pending(&mut self) -> Result<()> {
        if let Some(last) = self.pending.last() {
            self.progress = None;
            self.last = Some(*last);
            self.stdout.write(&self.pending)?;
            self.pending.clear();
        }
        Ok(())
    }

    fn end_line(&mut self) -> Result<()> {
        match self.last {
            None | Some(b'\n') => Ok(()),
            Some(_) => {
                self.last = Some(b'\n');
                self.stdout.end_line()
            }
        }
    }
}

/// A text as a file has it: none of it, or whole lines.
fn with_newline(text: &[u8]) -> Cow<'_, [u8]> {
    match text.last() {
        None | Some(b'\n') => Cow::Borrowed(text),
        Some(_) => Cow::Owned([text, b"\n"].concat()),
    }
}

impl Live for Printer {
    fn text(&mut self, piece: &str) -> Result<()> {
        if !self.json {
            self.pending.extend_from_slice(piece.as_bytes());
        }
        Ok(())
    }

    fn event(&mut self, payload: &[u8]) -> Result<()> {
        if self.json {
            self.pending
                .extend(payload.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }));
            self.pending.push(b'\n');
        }
        Ok(())
    }

    fn caught_up(&mut self) -> Result<()> {
        if self.live && self.target.is_none() {
            self.write_pending()?;
        }
        Ok(())
    }
}
