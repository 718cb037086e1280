//! One request over HTTP, and whether it was delivered.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, SystemTime};

use anyhow::Result;
use rustls::ClientConfig;
use ureq::config::Config;
use ureq::http::{self, HeaderMap};
use ureq::{Agent, RequestBuilder, SendBody};

use super::network_error::NetworkErrorContext;
use super::retry::retry_after;
use super::transport::{self, Authorities, Delivery, DeliveryState, DnsResolver, MAX_HEAD};
use super::{BaseUrl, ExtraHeaders, Key, SelectedProxy};
use crate::body::{Body, BodyReader, UploadProgress};
use crate::deadline::Deadline;
use crate::host::without_brackets;
use crate::response::{Response, ResponseBody, ResponseHeaders};

/// The buffer of a connection for what arrives, in bytes: ureq fills it with zeros, page by page.
const INPUT_BUFFER: usize = 16 * 1024;

/// Buffers for a text, in bytes: one page more or less is measurable in a start of 2 ms.
const TEXT_BUFFER: usize = 8 * 1024;

/// Buffers for images, in bytes: fewer system calls for 20 MiB.
const IMAGE_BUFFER: usize = 128 * 1024;

/// The User-Agent, for the API and for a proxy.
const USER_AGENT: &str = concat!("xask/", env!("CARGO_PKG_VERSION"));

/// The API over HTTP.
pub struct HttpClient {
    config: HttpConfig,
    /// `None` for http: TLS would cost a start 2 ms.
    tls: Option<Arc<ClientConfig>>,
}

/// Where the API is, and how it is reached.
#[derive(Debug)]
pub struct HttpConfig {
    /// The address.
    pub base_url: BaseUrl,
    /// Not sent when there is none.
    pub key: Option<Key>,
    /// Sent too. An `Authorization` among them takes the place of the key.
    pub headers: ExtraHeaders,
    /// For the name, the connection and TLS together.
    pub connect_timeout: Duration,
    /// Not used for loopback over http.
    pub proxy: Option<SelectedProxy>,
    /// Authorities in place of the system's; read for https only.
    pub authorities: Authorities,
}

impl HttpClient {
    /// A client of the API that the config names.
    ///
    /// # Errors
    ///
    /// Exit status 1 if the certificates of authorities cannot be read.
    pub fn new(config: HttpConfig) -> Result<Self> {
        let tls = || transport::tls_config(&config.authorities);
        let tls = config.base_url.is_https().then(tls).transpose()?;
        Ok(Self { config, tls })
    }

    /// Whether requests carry a key, or a header in its place.
    pub fn has_key(&self) -> bool {
        self.config.key.is_some() || self.config.headers.has_authorization()
    }

    /// The URL of a path below the base URL.
    pub fn url(&self, path: &str) -> String {
        self.config.base_url.join(path)
    }

    /// Sends a request to a path, once: posts the body, which is JSON, or gets the path where there is none. With
    /// `response_limit`, the response must begin within that time; its body then has until the deadline.
    ///
    /// # Errors
    ///
    /// Exit status 6 where no byte of the request can have been delivered, 7 where some may have been; 1 where
    /// an image file changed.
    pub fn send(
        &self,
        path: &str,
        body: Option<&Body<'_>>,
        deadline: Deadline,
        response_limit: Option<Duration>,
        upload: &UploadProgress,
    ) -> Result<Response> {
        let HttpConfig { base_url, connect_timeout, proxy, authorities, .. } = &self.config;
        let until_response = response_limit.map_or(deadline, |limit| deadline.within(limit));
        let delivery = Delivery::new(*connect_timeout, until_response);
        let context = NetworkErrorContext {
            host: base_url.host().to_owned(),
            name: without_brackets(base_url.name()).to_owned(),
            has_own_authorities: authorities.are_given(),
            proxy_variable: proxy.as_ref().map(|selected| selected.variable),
            timeout: deadline.limit(),
            delivery: delivery.clone(),
        };
        let agent = self.agent(body.is_some_and(Body::has_images), deadline, delivery.clone());
        let response = match body {
            Some(body) => {
                let mut reader =
                    UploadBody { reader: body.reader(), left: body.len(), upload, delivery };
                self.with_headers(agent.post(self.url(path)))
                    .content_type("application/json")
                    .header("content-length", body.len().to_string())
                    .send(SendBody::from_reader(&mut reader))
            }
            None => self.with_headers(agent.get(self.url(path))).call(),
        };
        match response {
            Ok(response) => {
                context.delivery.set_total(deadline);
                Ok(into_response(response, context))
            }
            Err(error) => Err(context.to_failure(error).into()),
        }
    }

    /// The key, and the headers that the user adds.
    fn with_headers<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
        let HttpConfig { key, headers, .. } = &self.config;
        let request = match key {
            Some(key) if !headers.has_authorization() => {
                request.header("authorization", format!("Bearer {}", key.reveal()))
            }
            _ => request,
        };
        headers.add_to(request)
    }

    fn agent(&self, has_images: bool, deadline: Deadline, delivery: Delivery) -> Agent {
        let proxy = self.config.proxy.as_ref();
        let buffer = if has_images { IMAGE_BUFFER } else { TEXT_BUFFER };
        // ureq wants each header whole in the buffer.
        let buffer = buffer + self.config.headers.encoded_len();
        let config = Config::builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_response_header_size(MAX_HEAD)
            .max_idle_connections(0)
            .proxy(proxy.map(|selected| selected.proxy.clone()))
            .user_agent(USER_AGENT)
            // The head of a proxy's answer must fit in.
            .input_buffer_size(if proxy.is_some() { MAX_HEAD } else { INPUT_BUFFER })
            .output_buffer_size(buffer)
            // For ureq's own connectors. A time that no clock can count is none; ureq would panic.
            .timeout_global(deadline.remaining())
            .timeout_resolve(delivery.connect().remaining())
            .timeout_connect(delivery.connect().remaining())
            .build();
        let credentials = proxy.and_then(|selected| selected.credentials.as_ref());
        let proxy = proxy.map(|selected| &selected.proxy);
        let chain = transport::chain(&delivery, proxy, credentials, USER_AGENT, self.tls.clone());
        Agent::with_parts(config, chain, DnsResolver { delivery })
    }
}

/// A body that counts what was taken of it, and is no longer encoded when the server does not want the rest.
struct UploadBody<'a> {
    reader: BodyReader<'a>,
    /// What is left of it, in bytes.
    left: u64,
    upload: &'a UploadProgress,
    delivery: Delivery,
}

impl Read for UploadBody<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = if self.delivery.has_reached(DeliveryState::Stopped) {
            // ureq insists on the whole length; these bytes are not sent.
            usize::try_from(self.left).map_or(buf.len(), |left| left.min(buf.len()))
        } else {
            let n = self.reader.read(buf)?;
            self.upload.fetch_add(n as u64, Relaxed);
            n
        };
        self.left -= n as u64;
        if self.left == 0 {
            self.delivery.reach(DeliveryState::LastPiece);
        }
        Ok(n)
    }
}

fn into_response(response: http::Response<ureq::Body>, context: NetworkErrorContext) -> Response {
    let status = response.status().as_u16();
    let headers = headers(response.headers());
    let body = Box::new(NetworkBody { reader: response.into_body().into_reader(), context });
    Response { status, headers, body }
}

fn headers(headers: &HeaderMap) -> ResponseHeaders {
    let text = |name| {
        headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    ResponseHeaders {
        content_type: text("content-type"),
        content_encoding: text("content-encoding"),
        has_declared_length: headers.contains_key("content-length")
            || headers.contains_key("transfer-encoding"),
        request_id: text("x-request-id").filter(|id| !id.trim().is_empty()),
        retry_after: retry_after(
            text("retry-after").as_deref(),
            text("retry-after-ms").as_deref(),
            SystemTime::now(),
        ),
        forbids_retry: text("x-should-retry")
            .is_some_and(|value| value.eq_ignore_ascii_case("false")),
    }
}

/// The bytes of a response; an error of them is a [`crate::error::Failure`].
struct NetworkBody {
    reader: ureq::BodyReader<'static>,
    context: NetworkErrorContext,
}

impl ResponseBody for NetworkBody {
    fn limit_wait(&mut self, limit: Duration) {
        let delivery = &self.context.delivery;
        if delivery.total().remaining().is_none_or(|left| limit < left) {
            delivery.set_total(Deadline::after(limit));
        }
    }
}

impl Read for NetworkBody {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self.reader.read(buf) {
            Ok(0) if !buf.is_empty() && self.context.delivery.has_reached(DeliveryState::Reset) => {
                Err(self.context.broken().into())
            }
            read => read.map_err(|error| self.context.to_failure(error.into()).into()),
        }
    }
}
