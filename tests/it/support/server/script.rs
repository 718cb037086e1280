//! What the server does on one connection, step by step.

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::tunnel::{greet_socks5, tunnel};
use super::wire::Wire;
use super::{Begun, Gate, Shared, drain, read_body, read_head};

/// The pause between two bytes of a [trickle](Script::trickle): long enough that a wait that starts again with each
/// of them would last forever, short enough that many of them fit into a deadline.
const TRICKLE: Duration = Duration::from_millis(20);

/// What happens on one connection. At the end the server closes it cleanly: it announces the end of its
/// data, and reads until the client has left.
#[derive(Clone)]
pub struct Script {
    steps: Vec<Step>,
    keep: Keep,
}

/// Where the body of a request is kept.
#[derive(Clone)]
pub(super) enum Keep {
    Here,
    InFile(PathBuf),
    No,
}

/// How much of a request is read.
#[derive(Clone, Copy)]
pub enum Reads {
    Nothing,
    Head,
    /// The head, and this many bytes of the body.
    Body(usize),
    /// The head, and the body without this many bytes at its end.
    AllBut(usize),
    All,
    /// The part of the request that earlier reads have left.
    Rest,
}

#[derive(Clone)]
enum Step {
    Read(Reads),
    Send(Vec<u8>),
    Drip(Vec<u8>),
    Trickle(Vec<u8>),
    Flood(Vec<u8>),
    Socks5,
    Tunnel(SocketAddr),
    Wait(Gate),
    Open(Gate),
    Reset,
    HangUp,
    Hold,
    Stall,
}

impl Script {
    /// Reads the whole request first.
    pub fn new() -> Self {
        Self::after(Reads::All)
    }

    /// Reads this much of the request first.
    pub fn after(reads: Reads) -> Self {
        Self { steps: vec![Step::Read(reads)], keep: Keep::Here }
    }

    /// Keeps no bodies, only their length.
    #[must_use]
    pub fn weigh(mut self) -> Self {
        self.keep = Keep::No;
        self
    }

    /// Keeps the body in a file and not in memory.
    #[must_use]
    pub fn keep_in(mut self, path: impl AsRef<Path>) -> Self {
        self.keep = Keep::InFile(path.as_ref().to_owned());
        self
    }

    /// Reads again: [`Reads::Rest`] of the request, or a second one on the same connection.
    #[must_use]
    pub fn read(self, reads: Reads) -> Self {
        self.then(Step::Read(reads))
    }

    /// Sends bytes, or a [`Response`].
    #[must_use]
    pub fn send(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.then(Step::Send(bytes.into()))
    }

    /// Sends each piece as a segment of its own. The client may still get several in one read; if that
    /// matters, put a gate between two.
    #[must_use]
    pub fn pieces<P: Into<Vec<u8>>>(self, pieces: impl IntoIterator<Item = P>) -> Self {
        pieces.into_iter().fold(self, Self::send)
    }

    /// Sends byte by byte.
    #[must_use]
    pub fn drip(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.then(Step::Drip(bytes.into()))
    }

    /// Sends these bytes over and over, one at a time and slowly, until the client has left.
    #[must_use]
    pub fn trickle(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.then(Step::Trickle(bytes.into()))
    }

    /// Sends these bytes over and over, as fast as they are read, until the client has left.
    #[must_use]
    pub fn flood(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.then(Step::Flood(bytes.into()))
    }

    /// Acts as a SOCKS5 proxy (RFC 1928) until it is connected. What the client requested is
    /// kept as a request: method `SOCKS5`, the target as the path, user and password as headers.
    #[must_use]
    pub fn socks5(self) -> Self {
        self.then(Step::Socks5)
    }

    /// Connects to this address and passes on everything in both directions, as proxies do.
    #[must_use]
    pub fn tunnel(self, to: SocketAddr) -> Self {
        self.then(Step::Tunnel(to))
    }

    /// Waits until the test opens the gate (or ends).
    #[must_use]
    pub fn wait(self, gate: &Gate) -> Self {
        self.then(Step::Wait(gate.clone()))
    }

    /// Opens a gate at which the test waits.
    #[must_use]
    pub fn open(self, gate: &Gate) -> Self {
        self.then(Step::Open(gate.clone()))
    }

    /// Closes with unread data, which causes a reset. Something must be left to read: begin with
    /// `Script::after(Reads::AllBut(1))` or less.
    #[must_use]
    pub fn reset(self) -> Self {
        self.then(Step::Reset)
    }

    /// Closes the connection without the TLS message that announces its end.
    #[must_use]
    pub fn hang_up(self) -> Self {
        self.then(Step::HangUp)
    }

    /// Sends nothing more, and keeps reading, until the client has left or the server is dropped. It counts in
    /// the request's `body_len`.
    #[must_use]
    pub fn hold(self) -> Self {
        self.then(Step::Hold)
    }

    /// Sends nothing more and reads nothing more, until the server is dropped.
    #[must_use]
    pub fn stall(self) -> Self {
        self.then(Step::Stall)
    }

    fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// The gates it waits at.
    pub(super) fn gates(&self) -> impl Iterator<Item = Gate> {
        self.steps.iter().filter_map(|step| match step {
            Step::Wait(gate) => Some(gate.clone()),
            _ => None,
        })
    }

    /// Plays the script. An error means that the client has left, which the test must check; the script ends there.
    pub(super) fn play(self, wire: &mut dyn Wire, shared: &Shared) -> io::Result<()> {
        wire.tcp().set_nodelay(true)?;
        let mut begun: Option<Begun> = None;
        for step in self.steps {
            match step {
                Step::Read(Reads::Nothing) => {}
                Step::Read(reads) => {
                    let request = match (begun.take(), reads) {
                        (Some(request), Reads::Rest) => request,
                        _ => read_head(wire, shared)?,
                    };
                    begun = Some(read_body(wire, request, reads, &self.keep, shared)?);
                }
                Step::Send(bytes) => wire.write_all(&bytes)?,
                Step::Drip(bytes) => one_by_one(wire, &bytes, thread::yield_now)?,
                Step::Trickle(bytes) => loop {
                    one_by_one(wire, &bytes, || thread::sleep(TRICKLE))?;
                },
                Step::Flood(bytes) => loop {
                    wire.write_all(&bytes)?;
                },
                Step::Socks5 => greet_socks5(wire, shared)?,
                Step::Tunnel(to) => return tunnel(wire, to),
                Step::Wait(gate) => gate.wait(),
                Step::Open(gate) => gate.open(),
                Step::Reset => {
                    let unread = wire.tcp().peek(&mut [0])?;
                    assert!(unread > 0, "a reset takes unread data, and the request was read");
                    return Ok(());
                }
                Step::HangUp => {
                    wire.tcp().shutdown(Shutdown::Write)?;
                    return drain(wire).map(drop);
                }
                Step::Hold => {
                    let more = usize::try_from(drain(wire)?).unwrap_or(usize::MAX);
                    if let Some(request) = &begun {
                        shared.lock().requests[request.index].body_len += more;
                    }
                }
                Step::Stall => shared.closing.wait_as_long_as_it_takes(),
            }
        }
        wire.finish()?;
        drain(wire).map(drop)
    }
}

fn one_by_one(wire: &mut dyn Wire, bytes: &[u8], between: impl Fn()) -> io::Result<()> {
    bytes.iter().try_for_each(|byte| {
        wire.write_all(&[*byte])?;
        between();
        Ok(())
    })
}

impl<T: Into<Vec<u8>>> From<T> for Script {
    fn from(response: T) -> Self {
        Self::new().send(response)
    }
}
