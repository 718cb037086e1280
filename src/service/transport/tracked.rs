//! The end of the chain of connectors: what became of the request, and how far the reply has come.

use std::fmt;
use std::io::ErrorKind;
use std::mem;

use ureq::Error;
use ureq::http::Uri;
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
    /// Where a proxy is, if one is used. What is sent there is not the request yet.
    pub proxy: Option<Uri>,
}

impl<In: Transport> Connector<In> for Track {
    type Out = Either<In, Tracked<In>>;

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
                let attempt = self.attempt.clone();
                Either::B(Tracked { inner, attempt, has_news: false, has_head: false })
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

impl<In: Transport> Tracked<In> {
    /// Looks at what has arrived as long as it is not the body. Interim responses go no further: ureq takes
    /// none that have headers.
    fn look_for_head(&mut self) -> Result<(), Error> {
        if !self.has_head {
            let buffers = self.inner.buffers();
            buffers.input_consume(head::interim_len(buffers.input()));
            self.has_head = head::is_complete(buffers.input())
                .map_err(|failure| Error::Io(failure.into_io()))?;
        }
        Ok(())
    }
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
            self.attempt.mark_sent();
            match self.inner.transmit_output(amount, timeout) {
                Err(Error::Io(error)) if error.kind() == ErrorKind::Interrupted => {
                    self.has_news = true;
                    let input = self.inner.buffers().input();
                    if head::is_answer(input) || input.len() >= head::MAX_LEN {
                        self.attempt.mark_stopped();
                    }
                }
                Err(Error::Io(error)) if is_hung_up(error.kind()) => self.attempt.mark_stopped(),
                transmitted => return transmitted,
            }
        }
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        // An early answer may be here already, with more of its body than a head may have.
        self.look_for_head()?;
        let mut has_news = mem::take(&mut self.has_news);
        loop {
            // What never stops coming is never waited for.
            self.attempt.remaining()?;
            let len = self.inner.buffers().input().len();
            if !self.has_head && len >= head::MAX_LEN {
                return Err(Error::LargeResponseHeader(len, head::MAX_LEN));
            }
            // Nothing could be received, which would be taken for the end.
            if self.inner.buffers().input_append_buf().is_empty() {
                return Err(Error::BodyStalled);
            }
            if mem::take(&mut has_news) && len > 0 {
                return Ok(true);
            }
            let received = self.inner.await_input(timeout);
            match &received {
                Ok(false) => self.attempt.mark_ended(),
                Err(Error::Io(error)) if is_hung_up(error.kind()) => self.attempt.mark_broken(),
                Ok(true) | Err(_) => {}
            }
            self.look_for_head()?;
            // An interim response alone is nothing that ureq waits for.
            if !matches!(received, Ok(true)) || !self.inner.buffers().input().is_empty() {
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
