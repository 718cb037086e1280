//! The end of the connector chain: what became of the request, and how much of the response has arrived.

use std::fmt;
use std::io::{self, ErrorKind};
use std::time::Duration;

use ureq::Error;
use ureq::http::Uri;
use ureq::unversioned::transport::time::Duration::Exact;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, NextTimeout, Transport,
};

use super::delivery::{Delivery, DeliveryState};
use super::head::MAX_LEN;
use super::incoming::{HeadTooLarge, Incoming};

/// Tracks connections. It sees every write of the request itself, and none of what comes before it: DNS, TCP, TLS,
/// `CONNECT`.
#[derive(Debug)]
pub struct DeliveryConnector {
    /// The delivery that is tracked.
    pub delivery: Delivery,
    /// Where a proxy is, if one is used. What is sent there is not the request yet.
    pub proxy: Option<Uri>,
}

impl<In: Transport> Connector<In> for DeliveryConnector {
    type Out = Either<In, DeliveryTransport<In>>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        let is_proxy = self.proxy.as_ref().is_some_and(|proxy| proxy == details.uri);
        Ok(chained.map(|inner| {
            if is_proxy {
                Either::A(inner)
            } else {
                Either::B(DeliveryTransport {
                    inner,
                    delivery: self.delivery.clone(),
                    response: Incoming::default(),
                    sent: 0,
                    is_cut: false,
                })
            }
        }))
    }
}

/// A connection that remembers what happened to the request, and looks at the response before ureq does.
pub struct DeliveryTransport<In> {
    inner: In,
    delivery: Delivery,
    response: Incoming,
    /// How much of the request was sent, in bytes.
    sent: u64,
    /// The request was not sent to its end.
    is_cut: bool,
}

/// From how much on, in bytes, it is worth a system call to see whether the response has ended before the last piece
/// of the request is sent. The system's own buffers take less than this unseen.
const EARLY_RESPONSE_THRESHOLD: u64 = 1024 * 1024;

/// How much of a response is kept while the request is still being sent, in bytes: the head and 64 MiB, which is more
/// than a response may have.
const MAX_EARLY: usize = 64 * 1024 * 1024 + MAX_LEN;

/// How much ureq may leave unread and still wait for more, in bytes: the line before a chunk is shorter.
const MAX_UNREAD: usize = MAX_LEN;

impl<In: Transport> DeliveryTransport<In> {
    /// Takes what has arrived.
    fn take_input(&mut self) -> Result<(), Error> {
        let buffers = self.inner.buffers();
        let len = buffers.input().len();
        if len > 0 {
            let pushed = self.response.push(buffers.input());
            buffers.input_consume(len);
            pushed.map_err(|HeadTooLarge| Error::LargeResponseHeader(len, MAX_LEN))?;
        }
        if self.is_cut && self.response.wants_rest() == Some(true) {
            return Err(ResponseError::EndsBeforeRequest.into());
        }
        Ok(())
    }

    /// Looks at what has arrived while a part of the request is still to be sent.
    fn on_early_input(&mut self) -> Result<(), Error> {
        self.take_input()?;
        match self.response.wants_rest() {
            Some(false) => self.cut(),
            Some(true) if self.response.is_whole() => {
                return Err(ResponseError::EndsBeforeRequest.into());
            }
            Some(true) if self.response.unread().len() > MAX_EARLY => {
                return Err(ResponseError::TooLargeBeforeRequest.into());
            }
            Some(true) | None => {}
        }
        Ok(())
    }

    /// Sends no more of the request.
    fn cut(&mut self) {
        self.is_cut = true;
        self.delivery.reach(DeliveryState::Stopped);
    }

    /// Looks whether the response has ended already: the server can only be done when it has the whole request.
    fn look_before_last_piece(&mut self) -> Result<(), Error> {
        let at_once = NextTimeout { after: Exact(Duration::ZERO), ..NextTimeout::default() };
        loop {
            match self.inner.await_input(at_once) {
                Ok(true) => self.on_early_input()?,
                // TLS has an end of its own, and some servers leave it out.
                Ok(false) | Err(Error::Io(_)) => {
                    self.cut();
                    return self.take_input();
                }
                Err(_) => return Ok(()),
            }
        }
    }
}

impl<In: Transport> Transport for DeliveryTransport<In> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self
    }

    /// Sends all of it, or as much as is wanted: a server that hangs up on a request, or rejects it before its end, has
    /// mostly said why. After an early success the rest is sent, and what arrives is kept.
    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let is_last = self.delivery.has_reached(DeliveryState::LastPiece);
        if is_last && !self.is_cut && self.sent >= EARLY_RESPONSE_THRESHOLD {
            self.look_before_last_piece()?;
        }
        while !self.is_cut {
            // Before the write: one that fails may have sent a part.
            self.delivery.reach(DeliveryState::Sending);
            match self.inner.transmit_output(amount, timeout) {
                Err(Error::Io(error)) if error.kind() == ErrorKind::Interrupted => {
                    self.on_early_input()?;
                }
                Err(Error::Io(error)) if is_hung_up(error.kind()) => {
                    self.cut();
                    self.take_input()?;
                }
                transmitted => {
                    self.sent += amount as u64;
                    return transmitted;
                }
            }
        }
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.take_input()?;
        loop {
            // What never stops coming is never waited for.
            self.delivery.remaining()?;
            if self.response.is_news() {
                return Ok(true);
            }
            if self.response.unread().len() >= MAX_UNREAD {
                return Err(Error::BodyStalled);
            }
            let received = self.inner.await_input(timeout);
            match &received {
                Ok(false) => self.delivery.reach(DeliveryState::PeerClosed),
                Err(Error::Io(error)) if is_hung_up(error.kind()) => {
                    self.delivery.reach(DeliveryState::Reset);
                }
                Ok(true) | Err(_) => {}
            }
            self.take_input()?;
            // Neither an interim response nor a part of a head is anything that ureq waits for.
            if !matches!(received, Ok(true)) {
                return received;
            }
        }
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

/// What is sent is the inner connection's, and what is received is what was made of the response.
impl<In: Transport> Buffers for DeliveryTransport<In> {
    fn output(&mut self) -> &mut [u8] {
        self.inner.buffers().output()
    }

    fn input(&self) -> &[u8] {
        self.response.unread()
    }

    /// Nothing: only this connection itself receives.
    fn input_append_buf(&mut self) -> &mut [u8] {
        &mut []
    }

    fn input_appended(&mut self, _: usize) {}

    fn input_consume(&mut self, amount: usize) {
        self.response.consume(amount);
    }

    /// Nothing to begin with: it is for bodies without a length.
    fn tmp_and_output(&mut self) -> (&mut [u8], &mut [u8]) {
        (&mut [], self.inner.buffers().output())
    }

    fn can_use_input(&self) -> bool {
        self.response.is_news()
    }
}

impl<In> fmt::Debug for DeliveryTransport<In> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeliveryTransport")
    }
}

/// A response that cannot be the answer to the whole request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseError {
    /// A success that ends before the request does.
    EndsBeforeRequest,
    /// A success that passes every limit before the request was sent.
    TooLargeBeforeRequest,
}

impl fmt::Display for ResponseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EndsBeforeRequest => "it ended before the request was sent in full",
            Self::TooLargeBeforeRequest => {
                "more than 64 MiB arrived before the request was sent in full"
            }
        })
    }
}

impl std::error::Error for ResponseError {}

impl From<ResponseError> for Error {
    fn from(error: ResponseError) -> Self {
        Self::Io(io::Error::other(error))
    }
}

fn is_hung_up(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted
    )
}
