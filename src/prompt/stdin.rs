//! Standard input: read at most once, and only when it is needed.

use std::fs::File;
use std::io::{self, ErrorKind, IsTerminal, Read, Seek};
use std::os::fd::AsFd;

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::FileType;
use rustix::io::retry_on_intr;

use crate::error::Failure;

/// Standard input of this process.
#[derive(Debug, Default)]
pub struct Stdin {
    taken: bool,
}

impl Stdin {
    /// Whether it may be read without being named: nothing has read it, and it is not a terminal, where
    /// a person would have to guess that the program waits for them.
    pub fn may_read_implicitly(&self) -> bool {
        !self.taken && !Self::is_terminal()
    }

    /// Whether it is a terminal.
    pub fn is_terminal() -> bool {
        io::stdin().is_terminal()
    }

    /// Reads it to its end or to `limit` bytes.
    ///
    /// # Errors
    ///
    /// Exit status 1 where it cannot be read.
    pub fn read_at_most(&mut self, limit: u64, bytes: &mut Vec<u8>) -> Result<()> {
        self.taken = true;
        read_at_most(limit, bytes).with_context(|| Failure::local("standard input"))
    }

    /// Whether a pipe, or a file that nothing has begun to read, still holds data that this run did
    /// not read: a guess, good enough for a note. It never waits.
    pub fn holds_unread_data(&self) -> bool {
        !self.taken && holds_data().unwrap_or(false)
    }
}

/// Through a descriptor of our own, so that no second buffer lies between the pipe and the prompt.
fn read_at_most(limit: u64, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut input = File::from(io::stdin().as_fd().try_clone_to_owned()?).take(limit);
    loop {
        match input.read_to_end(bytes) {
            Ok(_) => return Ok(()),
            // A process that shares the pipe made it non-blocking; what was read so far is kept.
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                retry_on_intr(|| poll(&mut [PollFd::new(input.get_ref(), PollFlags::IN)], None))?;
            }
            Err(error) => return Err(error),
        }
    }
}

fn holds_data() -> io::Result<bool> {
    let stdin = io::stdin();
    let stat = rustix::fs::fstat(&stdin)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Fifo => {
            let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
            poll(&mut fds, Some(&Timespec::default()))?;
            Ok(fds[0].revents().contains(PollFlags::IN))
        }
        FileType::RegularFile => {
            let mut file = File::from(stdin.as_fd().try_clone_to_owned()?);
            Ok(stat.st_size > 0 && file.stream_position()? == 0)
        }
        _ => Ok(false),
    }
}
