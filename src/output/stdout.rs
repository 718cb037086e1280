//! Standard output, where every byte is accounted for.

use std::fs::File;
use std::io::{self, ErrorKind, IsTerminal, Read, Write};
use std::os::fd::AsFd;

use anyhow::{Error, Result};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::retry_on_intr;

use super::visible::TerminalText;
use crate::error::{Exit, Failure, from_io};

/// How much of a body is printed at a time, in bytes.
const COPY_BUFFER: usize = 64 * 1024;

/// Standard output without a buffer: what was written is out of our hands.
#[derive(Debug)]
pub struct Stdout {
    file: File,
    /// On a terminal, what makes the text safe.
    terminal: Option<TerminalText>,
}

impl Stdout {
    /// Standard output of this process.
    ///
    /// # Errors
    ///
    /// Local trouble: the descriptor cannot be copied.
    pub fn open() -> Result<Self> {
        let stdout = io::stdout();
        let file = stdout.as_fd().try_clone_to_owned().map(File::from).map_err(write_error)?;
        let terminal = stdout.is_terminal().then(TerminalText::default);
        Ok(Self { file, terminal })
    }

    /// Whether a person reads along.
    pub fn is_terminal(&self) -> bool {
        self.terminal.is_some()
    }

    /// Writes all of it, exactly, or on a terminal made safe.
    ///
    /// # Errors
    ///
    /// Status 141 where the reader has left, local trouble where the bytes cannot be written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.terminal {
            None => self.write_exact(bytes),
            Some(terminal) => {
                let mut safe = String::with_capacity(bytes.len());
                terminal.push(bytes, &mut safe);
                self.write_exact(safe.as_bytes())
            }
        }
    }

    /// Ends a text that does not end in a newline with one.
    ///
    /// # Errors
    ///
    /// As [`Stdout::write`].
    pub fn end_line(&mut self) -> Result<()> {
        let mut rest = String::new();
        if let Some(terminal) = &mut self.terminal {
            terminal.finish(&mut rest);
        }
        rest.push('\n');
        self.write_exact(rest.as_bytes())
    }

    /// Writes what a reader yields and a final newline, in constant memory.
    ///
    /// # Errors
    ///
    /// As [`Stdout::write`], and whatever the reader fails with.
    pub fn copy_line(&mut self, mut reader: impl Read) -> Result<()> {
        let mut buffer = vec![0; COPY_BUFFER];
        loop {
            match reader.read(&mut buffer).map_err(from_io)? {
                0 => return self.end_line(),
                n => self.write(&buffer[..n])?,
            }
        }
    }

    fn write_exact(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            match self.file.write(bytes) {
                Ok(0) => return Err(write_error(ErrorKind::WriteZero.into())),
                Ok(n) => bytes = &bytes[n..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Somebody who shares the pipe made it non-blocking; that is no reason to lose an
                // answer.
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let mut fds = [PollFd::new(&self.file, PollFlags::OUT)];
                    retry_on_intr(|| poll(&mut fds, None))
                        .map_err(|error| write_error(error.into()))?;
                }
                Err(error) => return Err(write_error(error)),
            }
        }
        Ok(())
    }
}

fn write_error(error: io::Error) -> Error {
    let exit = match error.kind() {
        ErrorKind::BrokenPipe => Exit::ReaderLeft,
        _ => Exit::Local,
    };
    Error::from(error).context(Failure::new(exit, "standard output"))
}
