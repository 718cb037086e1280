//! TCP under one deadline, in place of ureq's own: that gives each system call the whole time that is
//! left, and loses an answer that comes while the request is still being sent.

use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::mem;
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc;
use std::time::Duration;
use std::{thread, vec};

use rustix::event::PollFlags;
use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport,
};

use super::attempt::Attempt;
use super::head;

/// Of a name, at most so many addresses are tried: what ureq has room for.
const MAX_ADDRESSES: usize = 16;

/// Looks names up under the one deadline. An address is its own answer: ureq's `DefaultResolver` starts a
/// thread for it too, and panics where no more threads can be had.
#[derive(Debug)]
pub struct Lookup {
    /// The attempt that the name is for.
    pub attempt: Attempt,
}

impl Resolver for Lookup {
    fn resolve(&self, uri: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let host = uri.host().unwrap_or_default();
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let default_port = if uri.scheme_str() == Some("http") { 80 } else { 443 };
        let port = uri.port_u16().unwrap_or(default_port);
        let mut addresses = self.empty();
        match bare.parse() {
            Ok(address) => addresses.push(SocketAddr::new(address, port)),
            Err(_) => {
                self.look_up(bare, port)?
                    .take(MAX_ADDRESSES)
                    .for_each(|found| addresses.push(found));
            }
        }
        if addresses.is_empty() { Err(Error::HostNotFound) } else { Ok(addresses) }
    }
}

impl Lookup {
    /// In a thread, for the system's own look-up cannot be told how long it may take.
    fn look_up(&self, name: &str, port: u16) -> Result<vec::IntoIter<SocketAddr>, Error> {
        let (told, found) = mpsc::sync_channel(1);
        let name = name.to_owned();
        thread::Builder::new()
            .spawn(move || told.send((name.as_str(), port).to_socket_addrs()).ok())?;
        let left = self.attempt.remaining()?.unwrap_or(Duration::MAX);
        match found.recv_timeout(left) {
            Ok(found) => Ok(found?),
            Err(_) => Err(self.attempt.remaining().err().unwrap_or(Error::HostNotFound)),
        }
    }
}

/// Opens TCP connections, in place of ureq's `TcpConnector`.
#[derive(Debug)]
pub struct Dial {
    /// The attempt that the connections belong to.
    pub attempt: Attempt,
    /// The service is spoken to in the clear: what arrives before everything is sent is its answer.
    /// Under TLS it may be a session ticket.
    pub is_clear: bool,
}

impl<In: Transport> Connector<In> for Dial {
    type Out = Either<In, Socket>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        if let Some(transport) = chained {
            return Ok(Some(Either::A(transport)));
        }
        let stream = self.dial(&details.addrs)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let config = details.config;
        Ok(Some(Either::B(Socket {
            stream,
            buffers: LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size()),
            attempt: self.attempt.clone(),
            is_clear: self.is_clear,
            has_early_input: false,
        })))
    }
}

impl Dial {
    /// The first address that answers. Each but the last has half of what is left.
    fn dial(&self, addresses: &[SocketAddr]) -> Result<TcpStream, Error> {
        let mut failed = Error::HostNotFound;
        for (index, address) in addresses.iter().enumerate() {
            let is_last = index + 1 == addresses.len();
            let connected = match self.attempt.remaining()? {
                None => TcpStream::connect(address),
                Some(left) if is_last => TcpStream::connect_timeout(address, left),
                Some(left) => TcpStream::connect_timeout(address, left / 2),
            };
            match connected {
                Ok(stream) => return Ok(stream),
                Err(error) => failed = Error::Io(error),
            }
        }
        // Where time is what ran out, that is the reason.
        self.attempt.remaining()?;
        Err(failed)
    }
}

/// A TCP connection that does not block.
pub struct Socket {
    stream: TcpStream,
    buffers: LazyBuffers,
    attempt: Attempt,
    is_clear: bool,
    /// Something arrived while the request was sent, and ureq has not been told.
    has_early_input: bool,
}

impl Transport for Socket {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), Error> {
        let mut from = 0;
        while from < amount && !self.attempt.is_stopped() {
            match self.stream.write(&self.buffers.output()[from..amount]) {
                Ok(n) => from += n,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.wait_for_room()?,
                Err(error) => {
                    // The other side is not to wait for the rest, nor we for an answer to half a request.
                    let _ = self.stream.shutdown(Shutdown::Write);
                    return Err(Error::Io(error));
                }
            }
        }
        Ok(())
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, Error> {
        if mem::take(&mut self.has_early_input) {
            return Ok(true);
        }
        loop {
            if let Some(n) = self.receive()? {
                return Ok(n > 0);
            }
            self.attempt.wait(&self.stream, PollFlags::IN)?;
        }
    }

    fn is_open(&mut self) -> bool {
        // Nothing is pooled.
        false
    }
}

impl Socket {
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

    /// Waits until more can be sent, or until an answer says that no more is wanted.
    fn wait_for_room(&mut self) -> Result<(), Error> {
        if !self.is_clear {
            self.attempt.wait(&self.stream, PollFlags::OUT)?;
            return Ok(());
        }
        let ready = self.attempt.wait(&self.stream, PollFlags::IN | PollFlags::OUT)?;
        if ready.contains(PollFlags::IN) {
            // An end, or an error, shows in the next write.
            let is_over = matches!(self.receive(), Ok(Some(0)) | Err(_));
            self.has_early_input = !self.buffers.input().is_empty();
            if is_over || head::is_answer(self.buffers.input()) {
                self.attempt.stop();
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").field("stream", &self.stream).finish_non_exhaustive()
    }
}
