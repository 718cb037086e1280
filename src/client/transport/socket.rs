//! A TCP connection under one deadline.
//!
//! Instead of ureq's own: that gives each system call the whole time that is left, and loses a response that comes
//! while the request is still being sent.

use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};

use rustix::event::{PollFd, PollFlags};
use ureq::Error;
use ureq::unversioned::transport::time::Duration::{Exact, NotHappening};
use ureq::unversioned::transport::{Buffers, LazyBuffers, NextTimeout, Transport};

use super::delivery::Delivery;

/// A TCP connection that does not block. It keeps the deadlines of its delivery, whatever time it is given beside.
pub struct Socket {
    stream: TcpStream,
    buffers: LazyBuffers,
    delivery: Delivery,
    /// How much of the output that is being transmitted is on its way, in bytes.
    written: usize,
}

impl Socket {
    /// A connection that is there, set not to block.
    pub fn new(stream: TcpStream, buffers: LazyBuffers, delivery: Delivery) -> Self {
        Self { stream, buffers, delivery, written: 0 }
    }

    /// Reads what has arrived; `None` where nothing has, 0 at the end.
    fn receive(&mut self) -> Result<Option<usize>, Error> {
        loop {
            match self.stream.read(self.buffers.input_append_buf()) {
                Ok(n) => {
                    self.buffers.input_appended(n);
                    return Ok(Some(n));
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(Error::Io(error)),
            }
        }
    }

    /// Waits until more can be sent.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Interrupted`] where something has arrived instead, [`ErrorKind::BrokenPipe`] where
    /// the peer has closed the connection.
    fn wait_for_room(&mut self) -> Result<(), Error> {
        let mut fds = [PollFd::new(&self.stream, PollFlags::IN | PollFlags::OUT)];
        self.delivery.poll_until(&mut fds, None)?;
        if !fds[0].revents().contains(PollFlags::IN) {
            return Ok(());
        }
        match self.receive() {
            Ok(Some(1..)) => Err(Error::Io(ErrorKind::Interrupted.into())),
            Ok(Some(0)) | Err(_) => Err(Error::Io(ErrorKind::BrokenPipe.into())),
            Ok(None) => Ok(()),
        }
    }
}

impl Transport for Socket {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    /// Sends all of it, or fails with [`ErrorKind::Interrupted`] where something arrives while there is
    /// no room for more: called again, it goes on where it was.
    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), Error> {
        while self.written < amount {
            match self.stream.write(&self.buffers.output()[self.written..amount]) {
                Ok(n) => self.written += n,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.wait_for_room()?,
                Err(error) => {
                    // So that the server does not wait for the rest, nor xask for a response to half a request.
                    let _ = self.stream.shutdown(Shutdown::Write);
                    return Err(Error::Io(error));
                }
            }
        }
        self.written = 0;
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let at_most = match timeout.after {
            Exact(at_most) => Some(at_most),
            NotHappening => None,
        };
        loop {
            if let Some(n) = self.receive()? {
                return Ok(n > 0);
            }
            let mut fds = [PollFd::new(&self.stream, PollFlags::IN)];
            if !self.delivery.poll_until(&mut fds, at_most)? {
                return Err(Error::Timeout(timeout.reason));
            }
        }
    }

    fn is_open(&mut self) -> bool {
        // Nothing is pooled.
        false
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").field("stream", &self.stream).finish_non_exhaustive()
    }
}
