//! One connection as a script sees it: bytes, in plaintext or over TLS.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};

use rustls::{ServerConnection, Stream};

use crate::support::tls::Identity;

pub trait Wire: Read + Write {
    /// The connection below.
    fn tcp(&self) -> &TcpStream;

    /// Announces the end of the data.
    fn finish(&mut self) -> io::Result<()>;
}

pub struct Clear<'a>(pub &'a TcpStream);

impl Read for Clear<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

impl Write for Clear<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Wire for Clear<'_> {
    fn tcp(&self) -> &TcpStream {
        self.0
    }

    fn finish(&mut self) -> io::Result<()> {
        self.0.shutdown(Shutdown::Write)
    }
}

pub struct Encrypted<'a> {
    tls: ServerConnection,
    tcp: &'a TcpStream,
}

impl<'a> Encrypted<'a> {
    /// After the handshake.
    pub fn accept(tcp: &'a TcpStream, identity: &Identity) -> io::Result<Self> {
        let mut tls = identity.connection();
        while tls.is_handshaking() {
            tls.complete_io(&mut &*tcp)?;
        }
        Ok(Self { tls, tcp })
    }
}

impl Read for Encrypted<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        Stream::new(&mut self.tls, &mut self.tcp).read(buf)
    }
}

impl Write for Encrypted<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        Stream::new(&mut self.tls, &mut self.tcp).write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Stream::new(&mut self.tls, &mut self.tcp).flush()
    }
}

impl Wire for Encrypted<'_> {
    fn tcp(&self) -> &TcpStream {
        self.tcp
    }

    fn finish(&mut self) -> io::Result<()> {
        self.tls.send_close_notify();
        self.flush()?;
        self.tcp.shutdown(Shutdown::Write)
    }
}
