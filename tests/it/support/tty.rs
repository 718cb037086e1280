//! A pseudo-terminal, so that xask runs as for a person at a terminal.
//!
//! It passes bytes on unchanged: no CR before a line feed, no echo.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{
    LocalModes, OptionalActions, OutputModes, Winsize, tcgetattr, tcsetattr, tcsetwinsize,
};

/// A stream of the child that can be a terminal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Tty {
    Stdin,
    Stdout,
    Stderr,
}

/// The user's side of the terminal.
pub struct Terminal(File);

impl Terminal {
    /// Opens a terminal of 80 by 24 and connects these streams of the command with it. It reports its end
    /// only after the command, which holds the other side, is dropped.
    pub fn connect(command: &mut Command, streams: &[Tty]) -> io::Result<Self> {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&ours)?;
        unlockpt(&ours)?;
        let name = ptsname(&ours, Vec::new())?;
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let theirs = rustix::fs::open(name, flags, Mode::empty())?;

        // Not entirely raw: input is still passed on by lines, and ^D still ends it.
        let mut modes = tcgetattr(&theirs)?;
        modes.output_modes -= OutputModes::OPOST;
        modes.local_modes -= LocalModes::ECHO;
        tcsetattr(&theirs, OptionalActions::Now, &modes)?;
        tcsetwinsize(&ours, Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 })?;

        for stream in streams {
            let end: Stdio = theirs.try_clone()?.into();
            match stream {
                Tty::Stdin => command.stdin(end),
                Tty::Stdout => command.stdout(end),
                Tty::Stderr => command.stderr(end),
            };
        }
        Ok(Self(OwnedFd::into(ours)))
    }

    pub fn try_clone(&self) -> io::Result<Self> {
        self.0.try_clone().map(Self)
    }
}

impl Read for Terminal {
    /// Linux returns EIO when the last process has closed the other side; that is the end of the file.
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buf) {
            Err(e) if e.raw_os_error() == Some(Errno::IO.raw_os_error()) => Ok(0),
            result => result,
        }
    }
}

impl Write for Terminal {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
