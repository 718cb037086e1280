//! One request over HTTP, and whether it was delivered.

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Result;
use rustls::ClientConfig;
use ureq::config::Config;
use ureq::http::{HeaderMap, Response};
use ureq::{Agent, RequestBuilder, SendBody};

use super::fault::Fault;
use super::retry::retry_after;
use super::transport::{self, Attempt, Lookup, MAX_HEAD};
use super::{Ask, BaseUrl, ChosenProxy, Key, Reply, ReplyHeaders, Upload};
use crate::deadline::Deadline;
use crate::request::BodyReader;

/// What arrives, in bytes. It does not grow, so a head must fit in and one that is too large be seen
/// to be.
const INPUT_BUFFER: usize = MAX_HEAD + 8 * 1024;

/// Buffers for a text, in bytes: one page more or less is measurable in a start of 2 ms.
const TEXT_BUFFER: usize = 8 * 1024;

/// Buffers for images, in bytes: fewer system calls for 20 MiB.
const IMAGE_BUFFER: usize = 128 * 1024;

/// More than the buffers of a connection take, in bytes: a request of which something is unsent when an
/// answer to its beginning comes.
const LARGE: u64 = 64 * 1024;

/// The service over HTTP.
pub struct Http {
    settings: Settings,
    /// `None` for http: TLS would cost a start 2 ms.
    tls: Option<Arc<ClientConfig>>,
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
    /// Not used for loopback over http.
    pub proxy: Option<ChosenProxy>,
    /// Authorities in place of the system's; read for https only.
    pub ssl_cert_file: Option<PathBuf>,
}

impl Http {
    /// The service at an address.
    ///
    /// # Errors
    ///
    /// Local trouble where the certificate authorities cannot be read.
    pub fn new(settings: Settings) -> Result<Self> {
        let tls = || transport::tls_config(settings.ssl_cert_file.as_deref());
        let tls = settings.base_url.is_https().then(tls).transpose()?;
        Ok(Self { settings, tls })
    }

    /// Where a question goes.
    pub fn address(&self, ask: &Ask) -> String {
        self.settings.base_url.join(ask.resource())
    }

    /// Asks, once.
    ///
    /// # Errors
    ///
    /// See [`super::Service::ask`].
    pub fn ask(&self, ask: &Ask, deadline: Deadline, upload: &Upload) -> Result<Reply> {
        let Settings { base_url, key, connect_timeout, proxy, ssl_cert_file: _ } = &self.settings;
        let attempt = Attempt::new(*connect_timeout, deadline);
        let fault = Fault {
            host: base_url.host().to_owned(),
            proxy_variable: proxy.as_ref().map(|chosen| chosen.variable),
            attempt: attempt.clone(),
        };
        let bearer = key.as_ref().map(|key| format!("Bearer {}", key.reveal()));
        let has_images = matches!(ask, Ask::Completion(_, body) if body.has_images());
        let agent = self.agent(has_images, ask.len() > LARGE, attempt.clone());
        let response = match ask {
            Ask::Completion(_, body) => {
                let mut reader =
                    Counted { reader: body.reader(), left: body.len(), upload, attempt };
                authorized(agent.post(self.address(ask)), bearer)
                    .content_type("application/json")
                    .header("content-length", body.len().to_string())
                    .send(SendBody::from_reader(&mut reader))
            }
            Ask::Models(_) => authorized(agent.get(self.address(ask)), bearer).call(),
        };
        match response {
            Ok(response) => Ok(reply(response, fault)),
            Err(error) => Err(fault.describe(error).into()),
        }
    }

    fn agent(&self, has_images: bool, is_large: bool, attempt: Attempt) -> Agent {
        let Settings { base_url: _, key: _, connect_timeout: _, proxy, ssl_cert_file: _ } =
            &self.settings;
        let buffer = if has_images { IMAGE_BUFFER } else { TEXT_BUFFER };
        let config = Config::builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_response_header_size(INPUT_BUFFER)
            .max_idle_connections(0)
            .proxy(proxy.as_ref().map(|chosen| chosen.proxy.clone()))
            .user_agent(concat!("xask/", env!("CARGO_PKG_VERSION")))
            .input_buffer_size(INPUT_BUFFER)
            .output_buffer_size(buffer)
            // For ureq's own links. A time that no clock can count is none; ureq would panic.
            .timeout_global(attempt.whole().remaining())
            .timeout_resolve(attempt.connect().remaining())
            .timeout_connect(attempt.connect().remaining())
            .build();
        let proxy = proxy.as_ref().map(|chosen| chosen.proxy.uri().clone());
        let chain = transport::chain(&attempt, proxy, self.tls.clone(), is_large);
        Agent::with_parts(config, chain, Lookup { attempt })
    }
}

fn authorized<B>(request: RequestBuilder<B>, bearer: Option<String>) -> RequestBuilder<B> {
    match bearer {
        Some(bearer) => request.header("authorization", bearer),
        None => request,
    }
}

/// A body that tells how much of it was taken, and is not encoded once nobody wants it.
struct Counted<'a> {
    reader: BodyReader<'a>,
    /// What is left of it, in bytes.
    left: u64,
    upload: &'a Upload,
    attempt: Attempt,
}

impl Read for Counted<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = if self.attempt.is_stopped() {
            // ureq wants to see the whole length; these bytes are not sent.
            usize::try_from(self.left).map_or(buf.len(), |left| left.min(buf.len()))
        } else {
            let n = self.reader.read(buf)?;
            self.upload.add(n);
            n
        };
        self.left -= n as u64;
        Ok(n)
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
        is_framed: headers.contains_key("content-length")
            || headers.contains_key("transfer-encoding"),
        request_id: text("x-request-id").filter(|id| !id.trim().is_empty()),
        retry_after: text("retry-after").and_then(|value| retry_after(&value, SystemTime::now())),
        forbids_retry: text("x-should-retry")
            .is_some_and(|value| value.eq_ignore_ascii_case("false")),
    }
}

/// The bytes of a reply; what interrupts them is a failure of ours.
struct ReplyBody {
    reader: ureq::BodyReader<'static>,
    fault: Fault,
}

impl Read for ReplyBody {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self.reader.read(buf) {
            Ok(0) if !buf.is_empty() && self.fault.attempt.is_broken() => {
                Err(self.fault.broken().into_io())
            }
            read => read.map_err(|error| self.fault.describe(error.into()).into_io()),
        }
    }
}
