//! A tunnel through a proxy: what HTTP and SOCKS proxies have in common.
//!
//! Instead of ureq's own connectors: the one for SOCKS cannot read while it writes, and the one for HTTP takes only
//! status 200, no interim responses, and at most 20 headers.

use std::fmt;
use std::io::{self, ErrorKind};

use ureq::unversioned::resolver::ResolvedSocketAddrs;
use ureq::unversioned::transport::{ConnectionDetails, Connector, Either, NextTimeout, Transport};
use ureq::{Error, Proxy, ProxyProtocol};

use super::{http_proxy, socks};
use crate::secret::Secret;

/// Why a proxy opened no tunnel; inside an [`io::Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyError {
    /// An HTTP proxy answered with this status.
    Refused(u16),
    /// A SOCKS proxy answered with this.
    Answered(&'static str),
    /// A SOCKS proxy wants a user and a password, or others than it was given.
    WantsCredentials,
    /// It closed the connection before it had answered.
    Closed,
    /// What answers speaks another protocol than this.
    OtherProtocol(&'static str),
    /// The proxy's protocol cannot say this.
    Impossible(&'static str),
    /// There is no such proxy.
    UnknownName,
}

impl ProxyError {
    /// Whether a user and a password would help, or others.
    pub fn wants_credentials(&self) -> bool {
        matches!(self, Self::Refused(407) | Self::WantsCredentials)
    }

    /// Whether another try would end the same way.
    pub fn is_permanent(&self) -> bool {
        matches!(self, Self::Refused(400..500) | Self::WantsCredentials | Self::Impossible(_))
            || *self == Self::Answered(socks::NOT_ALLOWED)
    }
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(status) => write!(f, "the proxy rejected the connection (HTTP {status})"),
            Self::Answered(why) => write!(f, "the proxy reported: {why}"),
            Self::WantsCredentials => f.write_str("the proxy rejected the user and password"),
            Self::Closed => f.write_str("the proxy closed the connection"),
            Self::OtherProtocol(expected) => write!(f, "the proxy does not speak {expected}"),
            Self::Impossible(why) => f.write_str(why),
            Self::UnknownName => f.write_str("could not resolve the proxy's name"),
        }
    }
}

impl std::error::Error for ProxyError {}

/// What is wrong with the TLS of a proxy, and not of the target behind it; inside an [`io::Error`].
#[derive(Debug)]
pub struct ProxyTlsError {
    /// The proxy's name.
    pub host: String,
    /// The fault.
    pub error: rustls::Error,
}

impl ProxyTlsError {
    fn wrap(error: io::Error, host: &str) -> io::Error {
        match error.downcast() {
            Ok(error) => io::Error::other(Self { host: host.to_owned(), error }),
            Err(error) => error,
        }
    }
}

impl fmt::Display for ProxyTlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the proxy: {}", self.error)
    }
}

impl std::error::Error for ProxyTlsError {}

impl From<ProxyError> for Error {
    fn from(error: ProxyError) -> Self {
        Self::Io(io::Error::other(error))
    }
}

/// The user and the password for a proxy: bytes of any kind.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user's name.
    pub user: Vec<u8>,
    /// The password, empty if there is none.
    pub password: Vec<u8>,
}

/// Opens a tunnel, if a proxy is used.
#[derive(Debug)]
pub struct ProxyConnector {
    /// The proxy, of any kind.
    pub proxy: Option<Proxy>,
    /// The user and the password for it.
    pub credentials: Option<Secret<Credentials>>,
    /// What an HTTP proxy sees as `User-Agent`.
    pub user_agent: &'static str,
}

impl<In: Transport> Connector<In> for ProxyConnector {
    type Out = Either<In, Box<dyn Transport>>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        if let Some(transport) = chained {
            return Ok(Some(Either::A(transport)));
        }
        // To the proxy itself there is no tunnel.
        let Some(proxy) = self.proxy.as_ref().filter(|proxy| proxy.uri() != details.uri) else {
            return Ok(None);
        };
        let to_proxy = ConnectionDetails {
            uri: proxy.uri(),
            addrs: addresses(proxy, details)?,
            config: details.config,
            request_level: details.request_level,
            resolver: details.resolver,
            now: details.now,
            timeout: details.timeout,
            current_time: details.current_time.clone(),
            run_connector: details.run_connector.clone(),
            register_shutdown: details.register_shutdown.clone(),
        };
        let mut transport = (details.run_connector)(&to_proxy).map_err(|error| match error {
            Error::Io(error) => Error::Io(ProxyTlsError::wrap(error, proxy.host())),
            error => error,
        })?;
        let mut channel = Channel(&mut *transport);
        let credentials = self.credentials.as_ref().map(Secret::reveal);
        match proxy.protocol() {
            ProxyProtocol::Http | ProxyProtocol::Https => {
                http_proxy::open(&mut channel, credentials, details.uri, self.user_agent)?;
            }
            protocol => {
                socks::open(&mut channel, protocol, credentials, details.uri, &details.addrs)?;
            }
        }
        Ok(Some(Either::B(transport)))
    }
}

/// The addresses of the proxy. A proxy without one is distinguished from a target without one.
fn addresses(proxy: &Proxy, details: &ConnectionDetails) -> Result<ResolvedSocketAddrs, Error> {
    let found = details.resolver.resolve(proxy.uri(), details.config, details.timeout);
    found.map_err(|error| match error {
        Error::Io(_) | Error::HostNotFound => ProxyError::UnknownName.into(),
        error => error,
    })
}

/// A connection to a proxy, before there is a tunnel.
pub struct Channel<'a>(&'a mut dyn Transport);

impl Channel<'_> {
    /// Sends all of it.
    pub fn send(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        while !bytes.is_empty() {
            let output = self.0.buffers().output();
            let (chunk, rest) = bytes.split_at(bytes.len().min(output.len()));
            output[..chunk.len()].copy_from_slice(chunk);
            loop {
                match self.0.transmit_output(chunk.len(), NextTimeout::default()) {
                    // An early answer is read when everything is sent.
                    Err(Error::Io(error)) if error.kind() == ErrorKind::Interrupted => {}
                    transmitted => break transmitted?,
                }
            }
            bytes = rest;
        }
        Ok(())
    }

    /// What has arrived, and was not consumed.
    pub fn input(&mut self) -> &[u8] {
        self.0.buffers().input()
    }

    /// Whether there is no room for more.
    pub fn is_full(&mut self) -> bool {
        self.0.buffers().input_append_buf().is_empty()
    }

    /// Waits for more.
    pub fn receive(&mut self) -> Result<(), Error> {
        if self.0.await_input(NextTimeout::default())? {
            Ok(())
        } else {
            Err(ProxyError::Closed.into())
        }
    }

    /// Takes what has been read; what comes after it belongs to the tunnel.
    pub fn consume(&mut self, amount: usize) {
        self.0.buffers().input_consume(amount);
    }

    /// Waits for this many bytes.
    pub fn read<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        loop {
            if let Some(bytes) = self.input().first_chunk() {
                let bytes = *bytes;
                self.consume(N);
                return Ok(bytes);
            }
            self.receive()?;
        }
    }
}
