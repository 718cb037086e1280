//! The end of the chain of connectors: what became of the request, and how far the reply has come.

use std::fmt;
use std::io::ErrorKind;
use std::mem;

use ureq::Error;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, NextTimeout, Transport,
};

use super::attempt::Attempt;
use super::head;

/// Tracks connections. It sees every write of the request itself, and none of what comes before it: a
/// name looked up, TCP, TLS, a proxy asked to connect.
#[derive(Debug)]
pub struct Track {
    /// The attempt that is told.
    pub attempt: Attempt,
    /// Where the request goes; a connection to anything else is one to a proxy.
    pub authority: String,
}

impl<In: Transport> Connector<In> for Track {
    type Out = Either<In, Tracked<In>>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        let is_service =
            details.uri.authority().is_some_and(|authority| authority.as_str() == self.authority);
        Ok(chained.map(|inner| {
            if is_service {
                let attempt = self.attempt.clone();
                Either::B(Tracked { inner, attempt, has_news: false, has_head: false })
            } else {
                Either::A(inner)
            }
        }))
    }
}

/// A connection that remembers what happened to the request, and looks at the head of the reply.
pub struct Tracked<In> {
    inner: In,
    attempt: Attempt,
    /// Something arrived while the request was sent, and ureq has not been told.
    has_news: bool,
    /// The head of the reply is there; what follows is its body.
    has_head: bool,
}

impl<In: Transport> Transport for Tracked<In> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    /// Sends all of it, or as much as is wanted: whoever hangs up on a request, or answers it before its
    /// end, has mostly said why.
    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        while !self.attempt.is_stopped() {
            // Before the write: one that fails may have sent a part.
            self.attempt.send();
            match self.inner.transmit_output(amount, timeout) {
                Err(Error::Io(error)) if error.kind() == ErrorKind::Interrupted => {
                    self.has_news = true;
                    let input = self.inner.buffers().input();
                    if head::is_answer(input) || input.len() >= head::MAX_LEN {
                        self.attempt.stop();
                    }
                }
                Err(Error::Io(error)) if is_hung_up(error.kind()) => self.attempt.stop(),
                transmitted => return transmitted,
            }
        }
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let len = self.inner.buffers().input().len();
        if !self.has_head && len >= head::MAX_LEN {
            return Err(Error::LargeResponseHeader(len, head::MAX_LEN));
        }
        let is_told = mem::take(&mut self.has_news) && len > 0;
        let received = if is_told { Ok(true) } else { self.inner.await_input(timeout) };
        match &received {
            Ok(false) => self.attempt.end(),
            Err(Error::Io(error)) if is_hung_up(error.kind()) => self.attempt.break_off(),
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
