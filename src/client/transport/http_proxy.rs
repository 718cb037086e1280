//! A tunnel through an HTTP proxy (`CONNECT`; RFC 9110, 9.3.6).
//!
//! In place of ureq's own: that takes 200 only, no interim responses, and at most 20 headers.

use std::fmt;
use std::io::{self, ErrorKind};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ureq::http::Uri;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, NextTimeout, Transport,
};
use ureq::{Error, Proxy, ProxyProtocol};

use super::delivery::Delivery;
use super::head::MAX_LEN;

/// Why a proxy opened no tunnel; inside an [`io::Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyError {
    /// It answered with this status.
    Refused(u16),
    /// It closed the connection before it had answered.
    Closed,
    /// Its answer is not HTTP, or has no end.
    NotHttp,
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(status) => write!(f, "the proxy did not connect (HTTP {status})"),
            Self::Closed => f.write_str("the proxy closed the connection"),
            Self::NotHttp => f.write_str("the proxy does not speak HTTP"),
        }
    }
}

impl std::error::Error for ProxyError {}

impl From<ProxyError> for Error {
    fn from(error: ProxyError) -> Self {
        Self::Io(io::Error::other(error))
    }
}

/// Opens a tunnel, if an HTTP proxy is used.
#[derive(Debug)]
pub struct HttpProxyConnector {
    /// The delivery that the tunnel is for.
    pub delivery: Delivery,
    /// The proxy, of any kind.
    pub proxy: Option<Proxy>,
    /// Who asks.
    pub user_agent: &'static str,
}

impl<In: Transport> Connector<In> for HttpProxyConnector {
    type Out = Either<In, Tunnel>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        if let Some(transport) = chained {
            return Ok(Some(Either::A(transport)));
        }
        let is_http =
            |proxy: &&Proxy| matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https);
        let proxy = match self.proxy.as_ref().filter(is_http) {
            Some(proxy) if proxy.uri() != details.uri => proxy,
            // To the proxy itself there is no tunnel.
            _ => return Ok(None),
        };
        let to_proxy = ConnectionDetails {
            uri: proxy.uri(),
            addrs: details.resolver.resolve(proxy.uri(), details.config, details.timeout)?,
            config: details.config,
            request_level: details.request_level,
            resolver: details.resolver,
            now: details.now,
            timeout: details.timeout,
            current_time: details.current_time.clone(),
            run_connector: details.run_connector.clone(),
            register_shutdown: details.register_shutdown.clone(),
        };
        let mut transport = (details.run_connector)(&to_proxy)?;
        self.send(&mut *transport, self.request(proxy, details.uri).as_bytes())?;
        match self.receive_status(&mut *transport)? {
            200..300 => Ok(Some(Either::B(Tunnel(transport)))),
            status => Err(ProxyError::Refused(status).into()),
        }
    }
}

impl HttpProxyConnector {
    fn request(&self, proxy: &Proxy, target: &Uri) -> String {
        let host = target.host().unwrap_or_default();
        let target = format!("{host}:{}", target.port_u16().unwrap_or(443));
        let credentials = match (proxy.username(), proxy.password()) {
            (None, None) => String::new(),
            (user, password) => {
                let (user, password) = (user.unwrap_or_default(), password.unwrap_or_default());
                let basic = STANDARD.encode(format!("{user}:{password}"));
                format!("Proxy-Authorization: Basic {basic}\r\n")
            }
        };
        let user_agent = self.user_agent;
        format!(
            "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nUser-Agent: {user_agent}\r\n\
             Proxy-Connection: Keep-Alive\r\n{credentials}\r\n"
        )
    }

    fn send(&self, transport: &mut dyn Transport, mut request: &[u8]) -> Result<(), Error> {
        while !request.is_empty() {
            let output = transport.buffers().output();
            let (chunk, rest) = request.split_at(request.len().min(output.len()));
            output[..chunk.len()].copy_from_slice(chunk);
            loop {
                match transport.transmit_output(chunk.len(), self.delivery.next_timeout()) {
                    // An early answer is read when everything is sent.
                    Err(Error::Io(error)) if error.kind() == ErrorKind::Interrupted => {}
                    transmitted => break transmitted?,
                }
            }
            request = rest;
        }
        Ok(())
    }

    /// The status of the proxy's answer; what comes behind its head stays to be read.
    fn receive_status(&self, transport: &mut dyn Transport) -> Result<u16, Error> {
        loop {
            let input = transport.buffers().input();
            let len = input.len();
            match parse_head(input).map_err(|NotHttp| ProxyError::NotHttp)? {
                Some((status, head_len)) => {
                    transport.buffers().input_consume(head_len);
                    if !matches!(status, 100 | 102..200) {
                        return Ok(status);
                    }
                }
                None if len >= MAX_LEN => return Err(ProxyError::NotHttp.into()),
                None => {
                    if !transport.await_input(self.delivery.next_timeout())? {
                        return Err(ProxyError::Closed.into());
                    }
                }
            }
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct NotHttp;

/// The status of a head and its length; `None` where it has no end yet.
fn parse_head(bytes: &[u8]) -> Result<Option<(u16, usize)>, NotHttp> {
    const START: &[u8] = b"HTTP/1.";
    if !bytes.iter().zip(START).all(|(byte, expected)| byte == expected) {
        return Err(NotHttp);
    }
    let mut line_feeds = (0..bytes.len()).filter(|at| bytes[*at] == b'\n');
    let Some(end) = line_feeds.find_map(|at| match bytes[at + 1..] {
        [b'\n', ..] => Some(at + 2),
        [b'\r', b'\n', ..] => Some(at + 3),
        _ => None,
    }) else {
        return Ok(None);
    };
    let status =
        bytes.get(START.len() + 2..START.len() + 5).and_then(|digits| str::from_utf8(digits).ok());
    match status.and_then(|digits| digits.parse().ok()) {
        Some(status @ 100..1000) => Ok(Some((status, end))),
        _ => Err(NotHttp),
    }
}

/// A tunnel to the target. There is no TLS to the target yet, whatever there is to the proxy.
#[derive(Debug)]
pub struct Tunnel(Box<dyn Transport>);

impl Transport for Tunnel {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.0.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.0.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.0.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.0.is_open()
    }

    fn is_tls(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_an_answer_ends_at_its_empty_line() {
        for (bytes, expected) in [
            ("", Ok(None)),
            ("HTTP/", Ok(None)),
            ("HTTP/1.1 200 OK\r\n", Ok(None)),
            ("HTTP/1.1 200 OK\r\n\r\n\x16\x03", Ok(Some((200, 19)))),
            ("HTTP/1.0 201\nVia: a\n\nrest", Ok(Some((201, 21)))),
            ("HTTP/1.1 407 No\r\nA: b\r\n\r\n", Ok(Some((407, 25)))),
            ("SSH-2.0", Err(NotHttp)),
            ("HTTP/2 200\r\n\r\n", Err(NotHttp)),
            ("HTTP/1.1 2x0 OK\r\n\r\n", Err(NotHttp)),
            ("HTTP/1.1\r\n\r\n", Err(NotHttp)),
        ] {
            assert_eq!(parse_head(bytes.as_bytes()), expected, "{bytes:?}");
        }
    }
}
