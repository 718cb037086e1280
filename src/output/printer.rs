//! The answer on standard output: while it comes, or when it is whole.

use anyhow::Result;

use super::stdout::Stdout;
use crate::reply::{Answer, Live};

/// Prints one answer.
#[derive(Debug)]
pub struct Printer {
    stdout: Stdout,
    /// The reply's JSON in place of the text.
    json: bool,
    /// As it comes, and not when it is whole.
    live: bool,
    /// What has come since the last write.
    pending: Vec<u8>,
    /// The last byte written, if any was.
    last: Option<u8>,
}

impl Printer {
    /// A printer of text, or of JSON; of a stream as it comes, or not.
    pub fn new(stdout: Stdout, json: bool, live: bool) -> Self {
        Self { stdout, json, live, pending: Vec::new(), last: None }
    }

    /// Whether a byte of the answer is out: then the question cannot be asked again.
    pub fn has_printed(&self) -> bool {
        self.last.is_some()
    }

    /// Prints what of a whole answer is not printed yet, and the final newline where it has none.
    ///
    /// # Errors
    ///
    /// Status 141 where the reader has left, local trouble where the bytes cannot be written.
    pub fn finish(&mut self, answer: &Answer) -> Result<()> {
        if !self.has_printed() {
            let bytes = match &answer.body {
                Some(body) if self.json => body,
                _ => answer.text.as_bytes(),
            };
            // With its newline in one write, so that a reader sees all or nothing of a short one.
            self.pending.extend_from_slice(bytes);
            if !bytes.is_empty() && !bytes.ends_with(b"\n") && !self.stdout.is_terminal() {
                self.pending.push(b'\n');
            }
            self.caught_up()?;
        }
        self.end_line()
    }

    /// Puts the cursor at the beginning of a line after an answer that broke off.
    pub fn break_off(&mut self) {
        if self.stdout.is_terminal() {
            // The failure that is being reported counts more than this one.
            let _ = self.end_line();
        }
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

impl Live for Printer {
    fn text(&mut self, piece: &str) -> Result<()> {
        if self.live && !self.json {
            self.pending.extend_from_slice(piece.as_bytes());
        }
        Ok(())
    }

    fn event(&mut self, payload: &[u8]) -> Result<()> {
        if self.live && self.json {
            self.pending
                .extend(payload.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }));
            self.pending.push(b'\n');
        }
        Ok(())
    }

    fn caught_up(&mut self) -> Result<()> {
        if let Some(last) = self.pending.last() {
            self.last = Some(*last);
            self.stdout.write(&self.pending)?;
            self.pending.clear();
        }
        Ok(())
    }
}
