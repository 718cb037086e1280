//! The answer on standard output: as it arrives, or when it is complete.

use std::mem;

use anyhow::Result;

use super::output_file::OutputFile;
use super::progress::Progress;
use super::stdout::Stdout;
use crate::api::{MAX_RESPONSE, StreamSink, too_large};

/// The longest text that is copied to be written together with its final newline, in bytes: what a pipe takes
/// at once.
const MAX_SINGLE_WRITE: usize = 64 * 1024;

/// Prints one answer.
#[derive(Debug)]
pub struct Printer {
    stdout: Stdout,
    /// The file that a usable answer goes to; nothing is printed before it is known to be one.
    file: Option<OutputFile>,
    /// Events in place of the text.
    json: bool,
    /// As it arrives, not when it is complete.
    live: bool,
    /// What has arrived of a stream since the last write.
    pending: Vec<u8>,
    /// The last byte written, if any was.
    last: Option<u8>,
    /// The line that shows the wait for the first byte.
    progress: Option<Progress>,
}

impl Printer {
    /// A printer of text, or of JSON; of a stream as it arrives, or not; to a file, or to standard output.
    pub fn new(stdout: Stdout, json: bool, live: bool, file: Option<OutputFile>) -> Self {
        Self { stdout, file, json, live, pending: Vec::new(), last: None, progress: None }
    }

    /// Takes over the line that shows a wait: it goes before anything is printed.
    pub fn set_progress(&mut self, progress: Option<Progress>) {
        self.progress = progress;
    }

    /// Whether a byte of the answer was printed: then there can be no retry.
    pub fn has_printed(&self) -> bool {
        self.last.is_some()
    }

    /// Writes what is not written yet, and the final newline where it has none: to the file if it may go
    /// there, else to standard output. An answer that cannot go to the file is printed, for it was paid for.
    ///
    /// `whole` is all there is to print, `None` for a stream whose pieces were handed over as they arrived.
    ///
    /// # Errors
    ///
    /// Exit status 141 where the reader has closed standard output, 1 where something cannot be written.
    pub fn finish(mut self, whole: Option<&[u8]>, to_file: bool) -> Result<()> {
        let pending = mem::take(&mut self.pending);
        let bytes = whole.unwrap_or(&pending);
        let written = match self.file.take().filter(|_| to_file) {
            Some(file) => match file.write(&[bytes, missing_newline(bytes)]) {
                Ok(()) => return Ok(()),
                failed => failed,
            },
            None => Ok(()),
        };
        written.and(self.print(bytes))
    }

    /// Forgets what a failed attempt left, and puts the cursor at the beginning of a line.
    pub fn abort(&mut self) {
        self.pending.clear();
        if self.stdout.is_terminal() {
            // The failure that is being reported counts more than this one.
            let _ = self.end_line();
        }
    }

    /// Whether what arrives is printed before it is known to be a usable answer.
    fn is_live(&self) -> bool {
        self.live && self.file.is_none()
    }

    /// Writes the rest of the answer, a short one in one write, so that a reader sees all of it or nothing.
    fn print(mut self, bytes: &[u8]) -> Result<()> {
        let is_short = bytes.len() <= MAX_SINGLE_WRITE && !self.stdout.is_terminal();
        if is_short {
            self.write(&[bytes, missing_newline(bytes)].concat())?;
        } else {
            self.write(bytes)?;
        }
        self.end_line()?;
        self.stdout.close()
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if let Some(last) = bytes.last() {
            self.progress = None;
            self.last = Some(*last);
            self.stdout.write(bytes)?;
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

/// What ends a text that does not end in a newline; nothing where there is no text.
fn missing_newline(text: &[u8]) -> &'static [u8] {
    match text.last() {
        None | Some(b'\n') => b"",
        Some(_) => b"\n",
    }
}

impl StreamSink for Printer {
    fn text(&mut self, piece: &str) -> Result<()> {
        if !self.json {
            self.pending.extend_from_slice(piece.as_bytes());
        }
        Ok(())
    }

    fn take_back_text(&mut self) -> bool {
        if !self.json && self.last.is_none() {
            self.pending.clear();
        }
        // Of JSON the text is no part.
        self.json || self.last.is_none()
    }

    fn event(&mut self, payload: &[u8]) -> Result<()> {
        if self.json {
            // What is printed as it arrives takes no memory.
            if (self.pending.len() + payload.len()) as u64 > MAX_RESPONSE {
                return Err(too_large().into());
            }
            self.pending
                .extend(payload.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }));
            self.pending.push(b'\n');
        }
        Ok(())
    }

    fn thinking(&mut self) {
        if let Some(progress) = &self.progress {
            progress.set_thinking();
        }
    }

    fn flush(&mut self) -> Result<()> {
        if self.is_live() {
            let pending = mem::take(&mut self.pending);
            self.write(&pending)?;
            self.pending = pending;
            self.pending.clear();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{ExitStatus, exit_status};

    #[test]
    fn events_that_wait_for_the_end_have_a_limit() {
        let stdout = Stdout::open().expect("it is open");
        let mut printer = Printer::new(stdout, true, false, None);
        let event = vec![b'1'; 1024 * 1024 - 1];
        let mut push = || printer.event(&event).and_then(|()| printer.flush());
        (0..64).try_for_each(|_| push()).expect("64 MiB are allowed");
        assert_eq!(exit_status(&push().expect_err("too much")), ExitStatus::Server);
    }
}
