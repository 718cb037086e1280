//! One request over HTTP, and whether it was delivered.

use std::fmt;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;
use ureq::config::Config;
use ureq::http::{HeaderMap, Response};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, NextTimeout, RustlsConnector, TcpConnector, Transport,
};
use ureq::{Agent, SendBody};

use super::{BaseUrl, Key, Reply, ReplyHeaders, tls};
use crate::deadline::Deadline;
use crate::error::{Exit, Failure, Repeat, describe_io};
use crate::request::Body;

/// Of the reply's head, in bytes.
const MAX_HEAD: usize = 64 * 1024;

/// Buffers for a text, in bytes: one page more or less is measurable in a start of 2 ms.
const TEXT_BUFFER: usize = 8 * 1024;

/// Buffers for images, in bytes: fewer system calls for 20 MiB.
const IMAGE_BUFFER: usize = 128 * 1024;

/// The service over HTTP.
pub struct Http {
    settings: Settings,
}

/// Where and how to ask.
#[derive(Debug)]
pub struct Settings {
    /// The address.
    pub base_url: BaseUrl,
    /// Not sent when there is none.
    pub key: Option<Key>,
    /// For the name, the connection and TLS together.
    pub connect_timeout: Duration,
    /// Authorities in place of the system's; read for https only.
    pub ssl_cert_file: Option<PathBuf>,
}

impl Http {
    /// The service at an address.
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// Where the question goes.
    pub fn url(&self) -> String {
        self.settings.base_url.join("chat/completions")
    }

    /// `POST /chat/completions`.
    ///
    /// # Errors
    ///
    /// See [`super::Service::ask`].
    pub fn ask(&self, body: &Body, deadline: Deadline) -> Result<Reply> {
        let sent = Sent::default();
        let agent = self.agent(body, deadline, &sent)?;
        let mut request = agent
            .post(self.url())
            .content_type("application/json")
            .header("content-length", body.len().to_string());
        if let Some(key) = &self.settings.key {
            request = request.header("authorization", format!("Bearer {}", key.reveal()));
        }
        let mut reader = body.reader();
        let fault =
            Fault { host: self.settings.base_url.host().to_owned(), limit: deadline.limit(), sent };
        match request.send(SendBody::from_reader(&mut reader)) {
            Ok(response) => Ok(reply(response, fault)),
            Err(error) => Err(fault.describe(error).into()),
        }
    }

    fn agent(&self, body: &Body, deadline: Deadline, sent: &Sent) -> Result<Agent> {
        let Settings { base_url, connect_timeout, ssl_cert_file, key: _ } = &self.settings;
        let buffer = if body.has_images() { IMAGE_BUFFER } else { TEXT_BUFFER };
        let mut config = Config::builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_response_header_size(MAX_HEAD)
            .max_idle_connections(0)
            .proxy(None)
            .user_agent(concat!("xask/", env!("CARGO_PKG_VERSION")))
            .input_buffer_size(TEXT_BUFFER)
            .output_buffer_size(buffer)
            .timeout_global(deadline.remaining())
            .timeout_resolve(Some(*connect_timeout))
            .timeout_connect(Some(*connect_timeout));
        // No TLS state at all for http: it would cost a start 2 ms.
        if base_url.is_https() {
            config = config.tls_config(tls::config(ssl_cert_file.as_deref())?);
        }
        let connector =
            ().chain(TcpConnector::default()).chain(RustlsConnector::default()).chain(sent.clone());
        Ok(Agent::with_parts(config.build(), connector, DefaultResolver::default()))
    }
}

fn reply(response: Response<ureq::Body>, fault: Fault) -> Reply {
    let status = response.status().as_u16();
    let headers = headers(response.headers());
    let body = Box::new(ReplyBody { reader: response.into_body().into_reader(), fault });
    Reply { status, headers, body }
}

fn headers(headers: &HeaderMap) -> ReplyHeaders {
    let text = |name| {
        headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    ReplyHeaders {
        content_type: text("content-type"),
        content_length: text("content-length").and_then(|value| value.parse().ok()),
        request_id: text("x-request-id"),
        retry_after: text("retry-after")
            .and_then(|value| value.parse().ok())
            .map(Duration::from_secs),
    }
}

/// The bytes of a reply; what interrupts them is a failure of ours.
struct ReplyBody {
    reader: ureq::BodyReader<'static>,
    fault: Fault,
}

impl Read for ReplyBody {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buf).map_err(|error| self.fault.describe(error.into()).into_io())
    }
}

/// What is needed to say what went wrong.
struct Fault {
    host: String,
    limit: Duration,
    sent: Sent,
}

impl Fault {
    /// A transport error in our words and with our exit status.
    fn describe(&self, error: ureq::Error) -> Failure {
        let error = match error {
            ureq::Error::Io(error) => match error.downcast::<Failure>() {
                Ok(ours) => return ours,
                Err(error) => ureq::Error::Io(error),
            },
            other => other,
        };
        let host = &self.host;
        let why = self.why(&error);
        if !self.sent.get() {
            return Failure::new(Exit::NotDelivered, format!("cannot connect to {host}: {why}"))
                .repeat(Repeat::Safe);
        }
        match error {
            ureq::Error::Protocol(_)
            | ureq::Error::Http(_)
            | ureq::Error::LargeResponseHeader(..) => {
                Failure::new(Exit::Service, format!("the reply of {host} is not understood: {why}"))
                    .repeat(Repeat::MayBeBilled)
            }
            _ => Failure::new(Exit::Lost, format!("no whole answer from {host}: {why}"))
                .repeat(Repeat::MayBeBilled)
                .hint("the request was sent: asked again, it may be billed twice"),
        }
    }

    fn why(&self, error: &ureq::Error) -> String {
        match error {
            ureq::Error::Timeout(ureq::Timeout::Resolve | ureq::Timeout::Connect) => {
                "timed out (--connect-timeout)".to_owned()
            }
            ureq::Error::Timeout(_) => {
                format!("timed out after {} s (--timeout)", self.limit.as_secs_f64())
            }
            ureq::Error::HostNotFound => "there is no such host".to_owned(),
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                "the connection was closed".to_owned()
            }
            ureq::Error::Io(error) => describe_io(error),
            ureq::Error::LargeResponseHeader(..) => format!("its head has over {MAX_HEAD} bytes"),
            other => other.to_string(),
        }
    }
}

/// Whether a byte of the request may have left: the end of the chain of connectors, which sees every
/// write of the request itself, and none of the name lookup, TCP or TLS before it.
#[derive(Debug, Clone, Default)]
struct Sent(Arc<AtomicBool>);

impl Sent {
    fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl<In: Transport> Connector<In> for Sent {
    type Out = Tracked<In>;

    fn connect(
        &self,
        _: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Tracked<In>>, ureq::Error> {
        Ok(chained.map(|inner| Tracked { inner, sent: self.clone() }))
    }
}

/// A connection that remembers whether it was written to.
struct Tracked<In> {
    inner: In,
    sent: Sent,
}

impl<In: Transport> Transport for Tracked<In> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        // Before the write: one that fails may have sent a part.
        self.sent.0.store(true, Ordering::Relaxed);
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.inner.await_input(timeout)
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
