//! The links that we add to ureq's chain of connectors: [`Patient`] below TLS, [`Sent`] above it.

use std::fmt;
use std::io::ErrorKind;

use ureq::Error;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

use super::attempt::Attempt;
use super::head;

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
        Ok(chained.map(|inner| Tracked { inner, attempt, has_head: false }))
    }
}

/// A connection that remembers what happened to the request, and looks at the head of the reply.
pub struct Tracked<In> {
    inner: In,
    /// `None` on the way to a proxy.
    attempt: Option<Attempt>,
    /// The head of the reply is there; what follows is its body.
    has_head: bool,
}

impl<In: Transport> Transport for Tracked<In> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        // Before the write: one that fails may have sent a part.
        if let Some(attempt) = &self.attempt {
            attempt.send();
        }
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let Some(attempt) = &self.attempt else { return self.inner.await_input(timeout) };
        let len = self.inner.buffers().input().len();
        if !self.has_head && len >= head::MAX_LEN {
            return Err(Error::LargeResponseHeader(len, head::MAX_LEN));
        }
        let received = self.inner.await_input(timeout);
        match &received {
            Ok(false) => attempt.end(),
            Err(Error::Io(error)) if is_hung_up(error.kind()) => {
                attempt.break_off();
            }
            Ok(true) | Err(_) => {}
        }
        if !self.has_head {
            self.has_head = head::is_complete(self.inner.buffers().input())
                .map_err(|failure| Error::Io(failure.into_io()))?;
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

fn is_hung_up(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted
    )
}
