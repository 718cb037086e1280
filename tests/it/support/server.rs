//! A server on loopback that plays a script: which bytes, in which pieces, when, and how it ends.
//!
//! It keeps its requests, and fails the test on drop if it got too many or too few. It knows
//! as much HTTP/1.1 as it needs to find the end of a request; the script decides on the response.

mod gate;
mod response;
mod script;
mod tunnel;
mod wire;

use std::fs::File;
use std::io::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::thread::{self, JoinHandle};

pub use self::gate::Gate;
pub use self::response::Response;
use self::script::Keep;
pub use self::script::{Reads, Script};
use self::wire::{Clear, Encrypted, Wire};
use super::escaped;
use super::tls::Identity;

pub struct Server {
    addr: SocketAddr,
    scheme: &'static str,
    scripts: usize,
    gates: Vec<Gate>,
    ends: Vec<Gate>,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<Vec<JoinHandle<()>>>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    closing: Gate,
}

#[derive(Default)]
struct State {
    /// How many connections came, scripted or not.
    connections: usize,
    requests: Vec<Request>,
    /// Weak: an open handle here would keep a connection from being closed.
    streams: Vec<Weak<TcpStream>>,
    /// The address from which the server connects to itself when it closes.
    knock: Option<SocketAddr>,
}

/// A request, as far as it was read.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// How much of the body was read, even if it was not kept [here](Script::weigh).
    pub body_len: usize,
}

impl Server {
    /// The n-th connection gets the n-th script, and there must be no other.
    pub fn play<S: Into<Script>>(scripts: impl IntoIterator<Item = S>) -> Self {
        Self::bind((Ipv4Addr::LOCALHOST, 0).into(), None, scripts).expect("a port on 127.0.0.1")
    }

    /// As [`Server::play`], over TLS. A script begins after the handshake, and ends with one that fails.
    pub fn play_tls<S: Into<Script>>(
        identity: &Identity,
        scripts: impl IntoIterator<Item = S>,
    ) -> Self {
        let addr = (Ipv4Addr::LOCALHOST, 0).into();
        Self::bind(addr, Some(identity.clone()), scripts).expect("a port on 127.0.0.1")
    }

    /// One connection, one request, this response.
    pub fn respond(response: Response) -> Self {
        Self::play([response])
    }

    /// The same, held back: the first gate opens when the request was received; when the test opens the second, the
    /// server responds.
    pub fn holding(response: impl Into<Vec<u8>>) -> (Self, Gate, Gate) {
        let (received, go) = (Gate::new(), Gate::new());
        let server = Self::play([Script::new().open(&received).wait(&go).send(response)]);
        (server, received, go)
    }

    /// A server that must not get a request.
    pub fn never() -> Self {
        Self::play(Vec::<Script>::new())
    }

    /// As [`Server::play`] on `::1`; `None` where the machine has no IPv6.
    pub fn play_on_ipv6<S: Into<Script>>(scripts: impl IntoIterator<Item = S>) -> Option<Self> {
        Self::bind((Ipv6Addr::LOCALHOST, 0).into(), None, scripts).ok()
    }

    fn bind<S: Into<Script>>(
        addr: SocketAddr,
        identity: Option<Identity>,
        scripts: impl IntoIterator<Item = S>,
    ) -> io::Result<Self> {
        let scripts: Vec<Script> = scripts.into_iter().map(Into::into).collect();
        let listener = TcpListener::bind(addr)?;
        let shared = Arc::new(Shared::default());
        let ends: Vec<_> = scripts.iter().map(|_| Gate::new()).collect();
        let played = scripts.iter().cloned().zip(ends.clone()).collect();
        Ok(Self {
            addr: listener.local_addr()?,
            scheme: if identity.is_some() { "https" } else { "http" },
            scripts: scripts.len(),
            gates: scripts.iter().flat_map(Script::gates).collect(),
            ends,
            shared: Arc::clone(&shared),
            accepting: Some(thread::spawn(move || {
                accept(&listener, identity.as_ref(), played, &shared)
            })),
        })
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// For `XAI_BASE_URL`.
    pub fn url(&self) -> String {
        format!("{}://{}/v1", self.scheme, self.addr)
    }

    /// The same with another host name.
    pub fn url_at(&self, host: &str) -> String {
        format!("{}://{host}:{}/v1", self.scheme, self.addr.port())
    }

    /// Waits until every script has ended, perhaps because its client left: what was sent has
    /// been read then.
    #[track_caller]
    pub fn wait(&self) {
        self.ends.iter().for_each(Gate::wait);
    }

    /// The requests, in the order in which their heads were read to the end.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.lock().requests.clone()
    }

    /// The one request.
    #[track_caller]
    pub fn request(&self) -> Request {
        let mut requests = self.requests();
        assert_eq!(requests.len(), 1, "requests");
        requests.remove(0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        {
            // Held while connecting, so that the accepting thread cannot take this connection for a client.
            let mut state = self.shared.lock();
            match TcpStream::connect(self.addr) {
                Ok(knock) => state.knock = knock.local_addr().ok(),
                Err(_) if thread::panicking() => return,
                Err(e) => panic!("the server cannot reach itself: {e}"),
            }
        }
        let accepting = self.accepting.take().expect("dropped once").join();
        self.shared.closing.open();
        self.gates.iter().for_each(Gate::open);
        let streams = std::mem::take(&mut self.shared.lock().streams);
        for stream in streams.iter().filter_map(Weak::upgrade) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        let ends = accepting.map(|threads| threads.into_iter().try_for_each(JoinHandle::join));

        if thread::panicking() {
            return;
        }
        let received = self.shared.lock().connections;
        assert!(
            received == self.scripts,
            "server asked {received} times, scripted {}",
            self.scripts
        );
        // A script that panicked has said why on stderr.
        assert!(matches!(ends, Ok(Ok(()))), "a script of the server failed, see above");
    }
}

impl Shared {
    /// Works even after a thread has panicked with the lock: its panic is reported, not another one.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Request {
    /// A header by name, in any case; the first of several.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut named = self.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        named.next().map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        let fail = |e| panic!("the body is no JSON: {e}: {}", escaped(&self.body));
        serde_json::from_slice(&self.body).unwrap_or_else(fail)
    }

    fn parse(head: &[u8]) -> Self {
        let head = std::str::from_utf8(head).expect("a request's head is text");
        let mut lines = head.split("\r\n");
        let mut first = lines.next().unwrap_or_default().splitn(3, ' ');
        let mut word = || first.next().unwrap_or_default().to_owned();
        let (method, path) = (word(), word());
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers = headers.map(|(key, value)| (key.to_owned(), value.trim().to_owned()));
        Self { method, path, headers: headers.collect(), ..Self::default() }
    }

    fn content_length(&self) -> usize {
        let length = self.header("content-length").map(str::parse);
        length.map_or(0, |length| length.expect("Content-Length is a number"))
    }
}

/// Accepts connections until the server connects to itself, and gives each its script and its thread.
fn accept(
    listener: &TcpListener,
    identity: Option<&Identity>,
    scripts: Vec<(Script, Gate)>,
    shared: &Arc<Shared>,
) -> Vec<JoinHandle<()>> {
    let mut scripts = scripts.into_iter();
    let mut threads = Vec::new();
    loop {
        let (stream, from) = listener.accept().expect("connections can be taken");
        let mut state = shared.lock();
        if state.knock == Some(from) {
            return threads;
        }
        state.connections += 1;
        // An extra connection is closed unread; the test fails for it when the server is dropped.
        let Some((script, end)) = scripts.next() else { continue };
        let stream = Arc::new(stream);
        state.streams.push(Arc::downgrade(&stream));
        let (shared, identity) = (Arc::clone(shared), identity.cloned());
        threads.push(thread::spawn(move || {
            let _ = match identity {
                None => script.play(&mut Clear(&stream), &shared),
                Some(identity) => Encrypted::accept(&stream, &identity)
                    .and_then(|mut wire| script.play(&mut wire, &shared)),
            };
            end.open();
        }));
    }
}

/// A request that was read in part.
struct Begun {
    /// Its index among the kept requests.
    index: usize,
    /// How much of its body was not read yet.
    left: usize,
}

/// Like [`read_body`], it reads not a byte more than needed, so that the rest causes a reset.
fn read_head(wire: &mut dyn Wire, shared: &Shared) -> io::Result<Begun> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        wire.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let request = Request::parse(&head);
    let left = request.content_length();
    let requests = &mut shared.lock().requests;
    requests.push(request);
    Ok(Begun { index: requests.len() - 1, left })
}

fn read_body(
    wire: &mut dyn Wire,
    Begun { index, mut left }: Begun,
    reads: Reads,
    keep: &Keep,
    shared: &Shared,
) -> io::Result<Begun> {
    let stop = match reads {
        Reads::Nothing | Reads::Head => left,
        Reads::Body(n) => left.saturating_sub(n),
        Reads::AllBut(n) => n.min(left),
        Reads::All | Reads::Rest => 0,
    };
    let mut file = match keep {
        Keep::InFile(path) => Some(File::create(path)?),
        Keep::Here | Keep::No => None,
    };
    let mut buffer = vec![0; 128 * 1024];
    while left > stop {
        let most = (left - stop).min(buffer.len());
        let n = match wire.read(&mut buffer[..most])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => n,
        };
        left -= n;
        if let Some(file) = &mut file {
            file.write_all(&buffer[..n])?;
        }
        let request = &mut shared.lock().requests[index];
        request.body_len += n;
        if matches!(keep, Keep::Here) {
            request.body.extend_from_slice(&buffer[..n]);
        }
    }
    Ok(Begun { index, left })
}

/// Reads until the client has left. Returns how much that was.
fn drain(mut wire: &mut dyn Wire) -> io::Result<u64> {
    io::copy(&mut wire, &mut io::sink())
}
