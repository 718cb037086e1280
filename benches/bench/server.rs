//! The API, simulated on loopback by another process, so that its time and its memory are not counted
//! as those of the programs it serves.
//!
//! The first name in the path of a request selects the response (`Mode`). The two processes exchange
//! lines: the server reports on its standard output what happened, and continues at a line on its
//! standard input. When that ends, so does the server.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio, exit};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};
use std::{env, str};

use anyhow::{Context, Result, anyhow, ensure};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Turns the bench binary into the server.
pub const ARGUMENT: &str = "--serve";
/// The body of every response that is not streamed.
pub const ANSWER: &str = "Four.";
/// The text that each event of a stream adds to the answer.
pub const PIECE: &str = "word ";
/// How many events with a piece of text a whole stream has.
pub const EVENTS: usize = 100_000;

/// How long a stream pauses before its first event: long enough that its reader waits for it.
const PAUSE: Duration = Duration::from_millis(20);
const RESPONSE: &str = r#"{"id":"0f4c5b1e-0000-4000-8000-3f2a7d1c9b55","object":"chat.completion","created":1795330000,"model":"grok-4","choices":[{"index":0,"message":{"role":"assistant","content":"Four.","refusal":null},"finish_reason":"stop"}],"usage":{"prompt_tokens":21,"completion_tokens":2,"total_tokens":23}}"#;
const STREAM_HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";

/// How the server responds to a request.
#[derive(Clone, Copy)]
pub enum Mode {
    /// As soon as it was read.
    AtOnce,
    /// At a line on standard input, after a line that reports the request: its sender can be measured in between.
    Held,
    /// As a stream whose first event is timed; the rest comes at a line on standard input.
    FirstEvent,
    /// As a stream of `EVENTS` events, as fast as they are read.
    Events,
    /// The same in the format of the Responses API.
    ResponsesEvents,
}

/// Whether there is TLS.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    Http,
    Https,
}

/// The process of the server, as the measuring process sees it. It ends with this value.
pub struct Server {
    child: Child,
    orders: Option<ChildStdin>,
    news: BufReader<ChildStdout>,
    http: u16,
    https: u16,
    authority: String,
}

/// What the threads of the server share.
struct Shared {
    orders: Mutex<Receiver<()>>,
    tls: Arc<ServerConfig>,
    events: String,
    responses_events: String,
}

impl Mode {
    const ALL: [Self; 5] =
        [Self::AtOnce, Self::Held, Self::FirstEvent, Self::Events, Self::ResponsesEvents];

    fn name(self) -> &'static str {
        match self {
            Self::AtOnce => "at-once",
            Self::Held => "held",
            Self::FirstEvent => "first-event",
            Self::Events => "events",
            Self::ResponsesEvents => "responses-events",
        }
    }
}

impl Server {
    /// Starts it, and returns when it listens.
    pub fn start() -> Result<Self> {
        let mut child = Command::new(env::current_exe()?)
            .arg(ARGUMENT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the server")?;
        let orders = child.stdin.take();
        let news = BufReader::new(child.stdout.take().context("no pipe from the server")?);
        let authority = String::new();
        let mut server = Self { child, orders, news, http: 0, https: 0, authority };
        server.http = server.read_line("http")?.parse()?;
        server.https = server.read_line("https")?.parse()?;
        // Only a single line can be sent; a PEM text contains no bar.
        server.authority = server.read_line("authority")?.replace('|', "\n");
        Ok(server)
    }

    /// The URL for `--base-url`, without the path of the endpoint.
    pub fn url(&self, scheme: Scheme, mode: Mode) -> String {
        let (scheme, port) = match scheme {
            Scheme::Http => ("http", self.http),
            Scheme::Https => ("https", self.https),
        };
        format!("{scheme}://127.0.0.1:{port}/{}/v1", mode.name())
    }

    /// The authority that signed the server's certificate, as PEM.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Waits until a `Held` request was read.
    pub fn wait_until_held(&mut self) -> Result<()> {
        self.read_line("held").map(drop)
    }

    /// Waits until a `FirstEvent` was sent, and returns that time since the epoch.
    pub fn wait_until_sent(&mut self) -> Result<Duration> {
        Ok(Duration::from_nanos(self.read_line("sent")?.parse()?))
    }

    /// Lets a `Held` or `FirstEvent` request continue.
    pub fn release_response(&mut self) -> Result<()> {
        let orders = self.orders.as_mut().context("the server is gone")?;
        orders.write_all(b"\n").context("the server has ended")
    }

    /// The rest of the next line, which must begin with `topic`.
    fn read_line(&mut self, topic: &str) -> Result<String> {
        let mut line = String::new();
        self.news.read_line(&mut line)?;
        let rest = line.strip_prefix(topic).with_context(|| format!("the server says {line:?}"))?;
        Ok(rest.trim().to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.orders = None;
        self.child.wait().ok();
    }
}

/// Serves until standard input ends.
pub fn serve() -> Result<()> {
    let (tls, authority) = identity()?;
    let (order, orders) = channel();
    let shared = Shared {
        orders: Mutex::new(orders),
        tls,
        events: all_events(),
        responses_events: responses_events(),
    };
    let shared: &'static Shared = Box::leak(Box::new(shared));
    for scheme in [Scheme::Http, Scheme::Https] {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let name = if scheme == Scheme::Http { "http" } else { "https" };
        report(name, listener.local_addr()?.port())?;
        thread::spawn(move || accept(&listener, scheme, shared));
    }
    report("authority", authority.replace('\n', "|"))?;
    for line in io::stdin().lines() {
        line?;
        order.send(())?;
    }
    // The threads that listen never end.
    exit(0);
}

/// A certificate for 127.0.0.1, ready for use, and the PEM of the authority that signed it.
fn identity() -> Result<(Arc<ServerConfig>, String)> {
    let authority_key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    // By default all certificates have the same name, and this one would be self-signed.
    params.distinguished_name.push(DnType::CommonName, "bench");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&authority_key)?.pem();
    let key = KeyPair::generate()?;
    let issuer = Issuer::new(params, authority_key);
    let certificate =
        CertificateParams::new(["127.0.0.1".to_owned()])?.signed_by(&key, &issuer)?.der().clone();
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    Ok((Arc::new(config), authority))
}

fn accept(listener: &TcpListener, scheme: Scheme, shared: &'static Shared) {
    for stream in listener.incoming() {
        thread::spawn(move || {
            let done = stream.map_err(Into::into).and_then(|s| answer(s, scheme, shared));
            if let Err(error) = done {
                super::show(&format!("the server: {error:#}"));
            }
        });
    }
}

fn answer(mut stream: TcpStream, scheme: Scheme, shared: &Shared) -> Result<()> {
    stream.set_nodelay(true)?;
    if scheme == Scheme::Http {
        exchange(&mut stream, shared)?;
    } else {
        let connection = ServerConnection::new(Arc::clone(&shared.tls))?;
        let mut tls = StreamOwned::new(connection, stream);
        exchange(&mut tls, shared)?;
        tls.conn.send_close_notify();
        tls.flush()?;
        stream = tls.sock;
    }
    // The client may have closed already, in any way.
    stream.shutdown(Shutdown::Write).ok();
    io::copy(&mut stream, &mut io::sink()).ok();
    Ok(())
}

/// Reads a request and responds in its mode.
fn exchange(stream: &mut (impl Read + Write), shared: &Shared) -> Result<()> {
    let mode = read_request(stream)?;
    match mode {
        Mode::AtOnce => send_response(stream),
        Mode::Held => {
            report("held", "")?;
            wait_for_order(shared)?;
            send_response(stream)
        }
        Mode::FirstEvent => {
            stream.write_all(STREAM_HEAD.as_bytes())?;
            stream.flush()?;
            thread::sleep(PAUSE);
            let event = chunk(&event(PIECE));
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
            stream.write_all(event.as_bytes())?;
            stream.flush()?;
            report("sent", now.as_nanos())?;
            wait_for_order(shared)?;
            Ok(stream.write_all(end_of_stream().as_bytes())?)
        }
        Mode::Events => {
            stream.write_all(STREAM_HEAD.as_bytes())?;
            Ok(stream.write_all(shared.events.as_bytes())?)
        }
        Mode::ResponsesEvents => {
            stream.write_all(STREAM_HEAD.as_bytes())?;
            Ok(stream.write_all(shared.responses_events.as_bytes())?)
        }
    }
}

/// Reads head and body; the body is not kept.
fn read_request(stream: &mut impl Read) -> Result<Mode> {
    let mut buffer = vec![0; 256 * 1024];
    let mut filled = 0;
    let head = loop {
        let read = stream.read(&mut buffer[filled..])?;
        ensure!(read > 0, "the request ends within its head");
        filled += read;
        if let Some(end) = buffer[..filled].windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let text = str::from_utf8(&buffer[..head])?;
    let mode = mode(text)?;
    let length = content_length(text)?;
    let mut missing = (head + length).checked_sub(filled).context("a body over its length")?;
    while missing > 0 {
        let read = stream.read(&mut buffer)?;
        ensure!(read > 0, "the request ends {missing} bytes early");
        missing = missing.checked_sub(read).context("a body over its length")?;
    }
    Ok(mode)
}

fn mode(head: &str) -> Result<Mode> {
    let name = head.split('/').nth(1).unwrap_or_default();
    let known = Mode::ALL.into_iter().find(|mode| mode.name() == name);
    known.with_context(|| format!("no answer for {name:?}"))
}

fn content_length(head: &str) -> Result<usize> {
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    let length = fields.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    Ok(length.context("a request without its length")?.1.trim().parse()?)
}

fn send_response(stream: &mut impl Write) -> Result<()> {
    let length = RESPONSE.len();
    let response = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{RESPONSE}"
    );
    Ok(stream.write_all(response.as_bytes())?)
}

/// All that follows the head of a stream of `EVENTS` events.
fn all_events() -> String {
    chunk(&event(PIECE)).repeat(EVENTS) + &end_of_stream()
}

fn event(piece: &str) -> String {
    format!(
        r#"data: {{"id":"0f4c5b1e-0000-4000-8000-3f2a7d1c9b55","object":"chat.completion.chunk","created":1795330000,"model":"grok-4","choices":[{{"index":0,"delta":{{"content":"{piece}"}}}}]}}"#
    ) + "\n\n"
}

fn end_of_stream() -> String {
    let last = event("").replace(r#"{"content":""}}"#, r#"{},"finish_reason":"stop"}"#);
    chunk(&last) + &chunk("data: [DONE]\n\n") + "0\r\n\r\n"
}

/// The same for the Responses API, whose last event has the whole text.
fn responses_events() -> String {
    let delta = format!(
        r#"{{"type":"response.output_text.delta","sequence_number":7,"item_id":"msg_5b0e3c6a","output_index":0,"content_index":0,"delta":"{PIECE}"}}"#
    );
    let text = PIECE.repeat(EVENTS);
    let last = format!(
        r#"{{"type":"response.completed","response":{{"id":"5b0e3c6a-0000-4000-8000-1c9b553f2a7d","object":"response","status":"completed","model":"grok-4","output":[{{"type":"message","role":"assistant","status":"completed","content":[{{"type":"output_text","text":"{text}","annotations":[]}}]}}]}}}}"#
    );
    let named = |name: &str, data: &str| chunk(&format!("event: {name}\ndata: {data}\n\n"));
    named("response.output_text.delta", &delta).repeat(EVENTS)
        + &named("response.completed", &last)
        + "0\r\n\r\n"
}

/// One chunk per event, as the API sends them.
fn chunk(data: &str) -> String {
    let mut chunk = String::new();
    write!(chunk, "{:x}\r\n{data}\r\n", data.len()).ok();
    chunk
}

fn wait_for_order(shared: &Shared) -> Result<()> {
    let orders = shared.orders.lock().map_err(|_| anyhow!("a thread of the server failed"))?;
    Ok(orders.recv()?)
}

fn report(topic: &str, what: impl std::fmt::Display) -> Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{topic} {what}")?;
    Ok(stdout.flush()?)
}
