//! From a name to a TCP connection.
//!
//! Instead of ureq's own resolver and connector: those start a thread even for an IP address, panic if no thread can
//! be started, and wait long for an address that does not answer.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc;
use std::time::Duration;
use std::{thread, vec};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketType, connect, socket};
use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport,
};

use super::delivery::Delivery;
use super::socket::Socket;
use crate::host::{is_localhost, without_brackets};

/// At most this many addresses of a name are tried: as many as ureq has room for.
const MAX_ADDRESSES: usize = 16;

/// How long an address is waited for before the next one is tried beside it (RFC 8305, 8: "Connection
/// Attempt Delay").
const CONNECTION_ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Looks names up under the one deadline. An address is its own answer, and `localhost` this machine.
#[derive(Debug)]
pub struct DnsResolver {
    /// The delivery that the name is for.
    pub delivery: Delivery,
}

impl Resolver for DnsResolver {
    fn resolve(&self, uri: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let host = without_brackets(uri.host().unwrap_or_default());
        let default_port = if uri.scheme_str() == Some("http") { 80 } else { 443 };
        let port = uri.port_u16().unwrap_or(default_port);
        let mut addresses = self.empty();
        match host.parse() {
            Ok(address) => addresses.push(SocketAddr::new(address, port)),
            // Without DNS (RFC 6761, 6.3): a key may be sent there unencrypted.
            Err(_) if is_localhost(host) => {
                for address in [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()] {
                    addresses.push(SocketAddr::new(address, port));
                }
            }
            Err(_) => {
                self.resolve_with_deadline(host, port)?
                    .take(MAX_ADDRESSES)
                    .for_each(|found| addresses.push(found));
            }
        }
        if addresses.is_empty() { Err(Error::HostNotFound) } else { Ok(addresses) }
    }
}

impl DnsResolver {
    /// In a thread, because the system's own lookup takes no time limit.
    fn resolve_with_deadline(
        &self,
        name: &str,
        port: u16,
    ) -> Result<vec::IntoIter<SocketAddr>, Error> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let name = name.to_owned();
        thread::Builder::new()
            .spawn(move || sender.send((name.as_str(), port).to_socket_addrs()).ok())?;
        let left = self.delivery.remaining()?.unwrap_or(Duration::MAX);
        match receiver.recv_timeout(left) {
            Ok(found) => Ok(found.map_err(unknown_name)?),
            Err(_) => Err(self.delivery.remaining().err().unwrap_or(Error::HostNotFound)),
        }
    }
}

/// What the system says of a name, without what the standard library puts before it.
fn unknown_name(error: io::Error) -> io::Error {
    match error.to_string().rsplit_once(": ") {
        Some((_, why)) => io::Error::new(io::ErrorKind::NotFound, why.to_lowercase()),
        None => error,
    }
}

/// Opens TCP connections. Of several addresses, the first that answers is used (RFC 8305).
#[derive(Debug)]
pub struct TcpConnector {
    /// The delivery that the connections belong to.
    pub delivery: Delivery,
}

impl<In: Transport> Connector<In> for TcpConnector {
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
        let config = details.config;
        let buffers = LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size());
        Ok(Some(Either::B(Socket::new(stream, buffers, self.delivery.clone()))))
    }
}

impl TcpConnector {
    fn dial(&self, addresses: &[SocketAddr]) -> Result<TcpStream, Error> {
        let mut untried = addresses.iter();
        let mut pending = Vec::new();
        let mut failed = Error::HostNotFound;
        loop {
            match untried.next().map(start_connect) {
                Some(Ok(stream)) => pending.push(stream),
                Some(Err(error)) => {
                    failed = error.into();
                    continue;
                }
                None if pending.is_empty() => return Err(failed),
                None => {}
            }
            let at_most = (untried.len() > 0).then_some(CONNECTION_ATTEMPT_DELAY);
            match self.wait_any(&mut pending, at_most)? {
                Some(Ok(stream)) => return Ok(stream),
                Some(Err(error)) => failed = error.into(),
                None => {}
            }
        }
    }

    /// The first of the connections under way to be there, or to fail; `None` where none is in time.
    fn wait_any(
        &self,
        pending: &mut Vec<TcpStream>,
        at_most: Option<Duration>,
    ) -> Result<Option<io::Result<TcpStream>>, Error> {
        let mut fds: Vec<_> =
            pending.iter().map(|stream| PollFd::new(stream, PollFlags::OUT)).collect();
        self.delivery.poll_until(&mut fds, at_most)?;
        let ready = fds.iter().position(|fd| !fd.revents().is_empty());
        Ok(ready.map(|index| {
            let stream = pending.remove(index);
            match stream.take_error()? {
                Some(error) => Err(error),
                None => Ok(stream),
            }
        }))
    }
}

/// Begins to connect; the connection is there, or has failed, when it can be written to.
fn start_connect(address: &SocketAddr) -> io::Result<TcpStream> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    // Not closed on exec, which has no portable call: nothing is executed here.
    let stream = TcpStream::from(socket(family, SocketType::STREAM, None)?);
    stream.set_nonblocking(true)?;
    match connect(&stream, address) {
        Ok(()) | Err(Errno::INPROGRESS | Errno::INTR) => Ok(stream),
        Err(errno) => Err(errno.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deadline::Deadline;
    use std::net::TcpListener;

    fn dial(addresses: &[SocketAddr]) -> Result<TcpStream, Error> {
        // Without a limit: an address that never answers would be waited for until the system gives up.
        let delivery = Delivery::new(Duration::MAX, Deadline::after(Duration::MAX));
        TcpConnector { delivery }.dial(addresses)
    }

    fn listen() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        (listener, address)
    }

    /// An address that does not answer: its queue is full.
    fn dead() -> (Vec<TcpStream>, TcpListener, SocketAddr) {
        let (listener, address) = listen();
        rustix::net::listen(&listener, 0).expect("a shorter queue");
        let waiting: Vec<_> = (0..4).map_while(|_| start_connect(&address).ok()).collect();
        (waiting, listener, address)
    }

    #[test]
    fn the_first_of_several_addresses_that_answers_is_used() {
        let (_waiting, _nobody, dead) = dead();
        let refused = listen().1;
        let (_live, live) = listen();
        for addresses in
            [&[live][..], &[refused, live], &[dead, live], &[dead, refused, live], &[live, dead]]
        {
            let stream = dial(addresses).expect("one is live");
            assert_eq!(stream.peer_addr().ok(), Some(live), "{addresses:?}");
        }
    }

    #[test]
    fn the_last_failure_is_reported_if_no_address_answers() {
        let refused = [listen().1, listen().1];
        let error = dial(&refused).expect_err("nobody listens");
        assert!(
            matches!(error, Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused)
        );
        assert!(matches!(dial(&[]), Err(Error::HostNotFound)));
    }
}
