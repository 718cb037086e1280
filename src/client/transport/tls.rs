//! TLS on a connection.
//!
//! Instead of ureq's own: that cannot read while it writes, so that an early response would be seen only when
//! everything is sent.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use ureq::Error;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport,
};

use crate::host::without_brackets;

/// Puts TLS on connections to whatever address begins with `https:`, a proxy's too.
pub struct Tls {
    /// Which authorities to trust; `None` if nothing is sent over https.
    pub config: Option<Arc<ClientConfig>>,
}

impl<In: Transport> Connector<In> for Tls {
    type Out = Either<In, TlsStream<In>>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        let Some(inner) = chained else { return Ok(None) };
        let Some(config) = self.config.as_ref().filter(|_| details.needs_tls()) else {
            return Ok(Some(Either::A(inner)));
        };
        let host = without_brackets(details.uri.host().unwrap_or_default()).to_owned();
        let name = ServerName::try_from(host).map_err(|_| {
            io::Error::new(ErrorKind::Unsupported, "no certificate can be valid for this host name")
        })?;
        let connection = ClientConnection::new(Arc::clone(config), name).map_err(tls_error)?;
        let config = details.config;
        let mut encrypted = TlsStream {
            inner,
            connection,
            buffers: LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size()),
            taken: 0,
            in_flight: 0,
        };
        encrypted.handshake().inspect_err(|_| {
            // Tells the server what is wrong with its certificate. The failure itself counts more.
            let _ = encrypted.send_records();
        })?;
        Ok(Some(Either::B(encrypted)))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

/// A connection under TLS.
pub struct TlsStream<In> {
    inner: In,
    connection: ClientConnection,
    /// Of the plaintext; the inner connection has those of the ciphertext.
    buffers: LazyBuffers,
    /// How much of the output that is being transmitted TLS has taken, in bytes.
    taken: usize,
    /// How much of the inner connection's output is being transmitted, in bytes.
    in_flight: usize,
}

impl<In: Transport> TlsStream<In> {
    fn handshake(&mut self) -> Result<(), Error> {
        loop {
            self.send_records()?;
            if !self.connection.is_handshaking() {
                return Ok(());
            }
            self.await_records(NextTimeout::default())?;
        }
    }

    /// Sends whatever is encrypted.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Interrupted`] where something to read has arrived before everything was sent: called
    /// again, it goes on where it was.
    fn send_records(&mut self) -> Result<(), Error> {
        loop {
            if self.in_flight == 0 {
                if !self.connection.wants_write() {
                    return Ok(());
                }
                self.in_flight = self.connection.write_tls(&mut self.inner.buffers().output())?;
            }
            match self.inner.transmit_output(self.in_flight, NextTimeout::default()) {
                Ok(()) => self.in_flight = 0,
                Err(Error::Io(error)) if error.kind() == ErrorKind::Interrupted => {
                    if self.decrypt()?.is_some() {
                        return Err(Error::Io(error));
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Decrypts what has arrived; `None` where that gives nothing to read, 0 at the end.
    fn decrypt(&mut self) -> Result<Option<usize>, Error> {
        loop {
            match self.connection.reader().read(self.buffers.input_append_buf()) {
                Ok(n) => {
                    self.buffers.input_appended(n);
                    return Ok(Some(n));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(Error::Io(error)),
            }
            if self.inner.buffers().input().is_empty() {
                return Ok(None);
            }
            self.take_records()?;
        }
    }

    /// Hands what has arrived to TLS, nothing at the end of the connection.
    fn take_records(&mut self) -> Result<(), Error> {
        let taken = self.connection.read_tls(&mut self.inner.buffers().input())?;
        self.inner.buffers().input_consume(taken);
        self.connection.process_new_packets().map_err(tls_error)?;
        Ok(())
    }

    /// Waits for more records and hands them to TLS.
    fn await_records(&mut self, timeout: NextTimeout) -> Result<(), Error> {
        let has_arrived =
            !self.inner.buffers().input().is_empty() || self.inner.await_input(timeout)?;
        if !has_arrived && self.connection.is_handshaking() {
            return Err(Error::Io(ErrorKind::UnexpectedEof.into()));
        }
        self.take_records()
    }
}

impl<In: Transport> Transport for TlsStream<In> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    /// As that of [`super::socket::Socket`].
    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), Error> {
        loop {
            self.send_records()?;
            if self.taken == amount {
                self.taken = 0;
                return Ok(());
            }
            let plaintext = &self.buffers.output()[self.taken..amount];
            self.taken += self.connection.writer().write(plaintext)?;
        }
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        loop {
            if let Some(n) = self.decrypt()? {
                return Ok(n > 0);
            }
            self.await_records(timeout)?;
        }
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

impl<In> fmt::Debug for TlsStream<In> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsStream")
    }
}

fn tls_error(error: rustls::Error) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error)
}
