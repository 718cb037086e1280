//! Standard output: every byte of it is written, or the run fails.

use std::fs::File;
use std::io::{self, ErrorKind, IsTerminal, Read, Write};
use std::os::fd::AsFd;

use anyhow::{Error, Result};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::retry_on_intr;

use super::sanitize::TerminalSanitizer;
use crate::atomic_file;
use crate::error::{ExitStatus, Failure};

/// How much is copied, or made safe, at a time, in bytes.
const COPY_BUFFER: usize = 64 * 1024;

/// Standard output without a buffer: what was written has left the process.
#[derive(Debug)]
pub struct Stdout {
    file: File,
    /// On a terminal, what makes the text safe.
    terminal: Option<TerminalSanitizer>,
}

impl Stdout {
    /// Standard output of this process.
    ///
    /// # Errors
    ///
    /// Exit status 1 where it cannot be had.
    pub fn open() -> Result<Self> {
        let stdout = io::stdout();
        let file = stdout.as_fd().try_clone_to_owned().map(File::from).map_err(write_error)?;
        let terminal = stdout.is_terminal().then(TerminalSanitizer::default);
        Ok(Self { file, terminal })
    }

    /// Whether it is a terminal.
    pub fn is_terminal(&self) -> bool {
        self.terminal.is_some()
    }

    /// Writes all of it, exactly, or on a terminal made safe.
    ///
    /// # Errors
    ///
    /// Exit status 141 where the reader has closed it, 1 where it cannot be written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if self.terminal.is_none() {
            return self.write_exact(bytes);
        }
        for bytes in bytes.chunks(COPY_BUFFER) {
            let mut safe = String::with_capacity(bytes.len());
            if let Some(terminal) = &mut self.terminal {
                terminal.push(bytes, &mut safe);
            }
            self.write_exact(safe.as_bytes())?;
        }
        Ok(())
    }

    /// Closes it.
    ///
    /// # Errors
    ///
    /// Exit status 1 where what was written is lost only now, as on NFS or by a quota.
    pub fn close(self) -> Result<()> {
        atomic_file::close(self.file).map_err(write_error)
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

    /// Writes a text and closes it.
    ///
    /// # Errors
    ///
    /// As [`Stdout::write`] and [`Stdout::close`].
    pub fn print(mut self, text: &str) -> Result<()> {
        self.write(text.as_bytes())?;
        self.close()
    }

    /// Writes what a reader yields and a final newline, in constant memory, and closes it.
    ///
    /// # Errors
    ///
    /// As [`Stdout::write`] and [`Stdout::close`], and whatever the reader fails with.
    pub fn print_line(mut self, mut reader: impl Read) -> Result<()> {
        let mut buffer = vec![0; COPY_BUFFER];
        loop {
            match reader.read(&mut buffer)? {
                0 => break,
                n => self.write(&buffer[..n])?,
            }
        }
        self.end_line()?;
        self.close()
    }

    fn write_exact(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            match self.file.write(bytes) {
                Ok(0) => return Err(write_error(ErrorKind::WriteZero.into())),
                Ok(n) => bytes = &bytes[n..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Another process that shares the pipe made it non-blocking; the answer is not lost to that.
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
    let status = match error.kind() {
        ErrorKind::BrokenPipe => ExitStatus::BrokenPipe,
        _ => ExitStatus::Local,
    };
    Error::from(error).context(Failure::new(status, "standard output"))
}
