//! TCP under one deadline, and the facts of a delivery.
//!
//! ureq's own transport gives each system call the whole time that is left, and loses an answer that
//! comes while the request is still being sent. These are the links of its chain of connectors that do
//! better: [`Dial`] and [`Patient`] below TLS, [`Sent`] above it.

use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::mem;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport,
};
use ureq::{Error, Timeout};

use crate::deadline::Deadline;
use crate::error::{Exit, Failure};

/// One attempt at a delivery: its two deadlines, and how far it got.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// For the name, TCP, TLS and a proxy's answer together.
    connect: Deadline,
    /// For everything.
    whole: Deadline,
    /// A byte of the request may have left.
    sent: Arc<AtomicBool>,
    /// The other side does not want the rest of the request: its answer is there, or it hung up.
    stopped: Arc<AtomicBool>,
    /// The other side has closed the connection.
    ended: Arc<AtomicBool>,
    /// The connection broke while the reply was read.
    broken: Arc<AtomicBool>,
}

impl Attempt {
    /// An attempt that begins now.
    pub fn new(connect_timeout: Duration, whole: Deadline) -> Self {
        Self {
            connect: Deadline::after(connect_timeout),
            whole,
            sent: Arc::default(),
            stopped: Arc::default(),
            ended: Arc::default(),
            broken: Arc::default(),
        }
    }

    /// Whether a byte of the request may have left.
    pub fn is_sent(&self) -> bool {
        self.sent.load(Ordering::Relaxed)
    }

    /// Whether the rest of the request is not wanted any more.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether the other side has closed the connection: what is missing then does not come.
    pub fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Whether the connection broke, which ureq takes for the end of a reply without a length.
    pub fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    /// The time that is left for what is being done now.
    fn remaining(&self) -> Result<Option<Duration>, Error> {
        let connect = if self.is_sent() { None } else { self.connect.remaining() };
        let whole = self.whole.remaining();
        let (left, reason) = match (connect, whole) {
            (Some(connect), Some(whole)) if connect < whole => (Some(connect), Timeout::Connect),
            (Some(connect), None) => (Some(connect), Timeout::Connect),
            (_, whole) => (whole, Timeout::Global),
        };
        match left {
            Some(Duration::ZERO) => Err(Error::Timeout(reason)),
            left => Ok(left),
        }
    }

    /// Waits until the socket is ready for something, and says for what.
    fn wait(&self, stream: &TcpStream, interest: PollFlags) -> Result<PollFlags, Error> {
        loop {
            let left = self.remaining()?.map(|left| Timespec::try_from(left).unwrap_or(FOREVER));
            let mut fds = [PollFd::new(stream, interest)];
            match poll(&mut fds, left.as_ref()) {
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return Ok(fds[0].revents()),
                Err(errno) => return Err(Error::Io(errno.into())),
            }
        }
    }
}

/// A wait too long for the system's clock to count.
const FOREVER: Timespec = Timespec { tv_sec: i64::MAX, tv_nsec: 0 };

/// Looks names up, in place of ureq's `DefaultResolver`, which starts a thread even for an address.
#[derive(Debug, Default)]
pub struct Lookup(DefaultResolver);

impl Resolver for Lookup {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let host = uri.host().unwrap_or_default();
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        match (bare.parse(), uri.port_u16()) {
            (Ok(address), Some(port)) => {
                let mut addresses = self.0.empty();
                addresses.push(SocketAddr::new(address, port));
                Ok(addresses)
            }
            _ => self.0.resolve(uri, config, timeout),
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
                Err(error) => return Err(Error::Io(error)),
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
            if is_over || is_answer(self.buffers.input()) {
                self.attempt.stop();
            }
        }
        Ok(())
    }
}

/// Whether more than notes on the way (1xx, which end in a blank line) has arrived.
fn is_answer(mut input: &[u8]) -> bool {
    const NOTE: &[u8] = b"HTTP/1.1 1";
    while input.starts_with(NOTE) {
        match input.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            Some(end) => input = &input[end + 4..],
            None => return false,
        }
    }
    !NOTE.starts_with(input)
}

/// The failure of a note on the way that is none of those passed over, 100 and 103; 101 is a reply to
/// ureq.
fn refused_note(input: &[u8]) -> Option<Failure> {
    let head = std::str::from_utf8(input.split(|byte| *byte == 0).next()?).ok()?;
    let status: u16 = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    if status >= 200 || matches!(status, 100 | 101 | 103) {
        return None;
    }
    let headers = head.lines().filter_map(|line| line.split_once(':'));
    let id = headers.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("x-request-id"));
    let reply = match id {
        Some((_, id)) => format!("HTTP {status}, x-request-id {}", id.trim()),
        None => format!("HTTP {status}"),
    };
    Some(Failure::new(Exit::Service, "the service sent no reply").reply(reply))
}

fn is_hung_up(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted
    )
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").field("stream", &self.stream).finish_non_exhaustive()
    }
}

/// Stands below TLS, on a connection of whatever kind: an upload that the other side breaks off is no
/// failure yet. Whoever closes a connection it is being sent to has mostly said why.
#[derive(Debug)]
pub struct Patient {
    /// The attempt that is told.
    pub attempt: Attempt,
}

impl<In: Transport> Connector<In> for Patient {
    type Out = PatientTransport<In>;

    fn connect(
        &self,
        _: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        Ok(chained.map(|inner| PatientTransport { inner, attempt: self.attempt.clone() }))
    }
}

/// A connection whose answer is read though the request did not go through.
pub struct PatientTransport<In> {
    inner: In,
    attempt: Attempt,
}

impl<In: Transport> Transport for PatientTransport<In> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        if self.attempt.is_stopped() {
            return Ok(());
        }
        match self.inner.transmit_output(amount, timeout) {
            Err(Error::Io(error)) if self.attempt.is_sent() && is_hung_up(error.kind()) => {
                self.attempt.stop();
                Ok(())
            }
            transmitted => transmitted,
        }
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

impl<In> fmt::Debug for PatientTransport<In> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PatientTransport")
    }
}

/// The end of the chain of connectors. It sees every write of the request itself, and none of what
/// comes before it: a name looked up, TCP, TLS, a proxy asked to connect.
#[derive(Debug)]
pub struct Sent {
    /// The attempt that is told.
    pub attempt: Attempt,
    /// Where the request goes; a connection to anything else is one to a proxy.
    pub authority: String,
}

impl<In: Transport> Connector<In> for Sent {
    type Out = Tracked<In>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Tracked<In>>, Error> {
        let is_service =
            details.uri.authority().is_some_and(|authority| authority.as_str() == self.authority);
        let attempt = is_service.then(|| self.attempt.clone());
        Ok(chained.map(|inner| Tracked { inner, attempt }))
    }
}

/// A connection that remembers whether the request was written to it.
pub struct Tracked<In> {
    inner: In,
    attempt: Option<Attempt>,
}

impl<In: Transport> Transport for Tracked<In> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        // Before the write: one that fails may have sent a part.
        if let Some(attempt) = &self.attempt {
            attempt.sent.store(true, Ordering::Relaxed);
        }
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let received = self.inner.await_input(timeout);
        if let Some(attempt) = &self.attempt {
            if let Some(failure) = refused_note(self.inner.buffers().input()) {
                return Err(Error::Io(failure.into_io()));
            }
            match &received {
                Ok(false) => attempt.ended.store(true, Ordering::Relaxed),
                Err(Error::Io(error)) if is_hung_up(error.kind()) => {
                    attempt.broken.store(true, Ordering::Relaxed);
                }
                Ok(true) | Err(_) => {}
            }
        }
        received
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

impl<In> fmt::Debug for Tracked<In> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tracked")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_told_from_notes_on_the_way() {
        for (input, expected) in [
            ("", false),
            ("HTTP/1.1 ", false),
            ("HTTP/1.1 100 Continue\r\n", false),
            ("HTTP/1.1 100 Continue\r\n\r\n", false),
            ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1", false),
            ("HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 413", true),
            ("HTTP/1.1 4", true),
            ("HTTP/1.0 2", true),
            ("hello", true),
        ] {
            assert_eq!(is_answer(input.as_bytes()), expected, "{input:?}");
        }
    }
}
