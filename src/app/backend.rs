//! Where responses come from: a rehearsal, the cache, or the API with its retries.

use std::fmt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::api::{self, Api, Request};
use crate::body::{Body, UploadProgress};
use crate::cli::{BackendPlan, ConnectionPlan};
use crate::client::{
    self, Authorities, BaseUrl, ExtraHeaders, HttpClient, HttpConfig, Key, KeySource,
    RESPONSE_LIMIT, RetryPolicy,
};
use crate::deadline::Deadline;
use crate::error::{self, Failure};
use crate::offline::Rehearsal;
use crate::output::{LogEntry, Printer, Reporter};
use crate::response::Response;

/// One request to the API.
pub enum Operation<'a> {
    /// A prompt.
    Ask {
        /// The endpoint.
        api: Api,
        /// What is sent.
        request: &'a Request,
        /// The same, encoded.
        body: &'a Body<'a>,
    },
    /// A poll for a deferred answer.
    Poll {
        /// The id of the deferred request.
        id: &'a str,
        /// The request whose answer a rehearsal gives; `None` if the answer is not ready.
        request: Option<&'a Request>,
    },
    /// The models that there are; a rehearsal lists the one that is named.
    ListModels {
        /// That model.
        model: &'a str,
    },
}

impl Operation<'_> {
    fn path(&self) -> String {
        match self {
            Self::Ask { api, .. } => api.wire_format().path().to_owned(),
            Self::Poll { id, .. } => api::deferred_path(id),
            Self::ListModels { .. } => api::MODELS_PATH.to_owned(),
        }
    }

    fn body(&self) -> Option<&Body<'_>> {
        match self {
            Self::Ask { body, .. } => Some(body),
            Self::Poll { .. } | Self::ListModels { .. } => None,
        }
    }

    /// The time that the response must begin in, if it has less than the run.
    fn response_limit(&self) -> Option<Duration> {
        matches!(self, Self::Poll { .. }).then_some(RESPONSE_LIMIT)
    }
}

impl fmt::Display for Operation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ask { request, body, .. } => {
                write!(f, "model {}, {} bytes", request.model, body.len())
            }
            Self::Poll { .. } => f.write_str("deferred answer"),
            Self::ListModels { .. } => f.write_str("list of models"),
        }
    }
}

/// What the tries of one run share.
pub struct Session<'a> {
    /// The end of the time that the run has.
    pub deadline: Deadline,
    /// Where the answer is printed.
    pub printer: &'a mut Printer,
    /// Where notes go.
    pub reporter: &'a Reporter,
    /// What the log will say of the run.
    pub log: &'a mut LogEntry,
}

/// Where responses come from.
pub enum Backend {
    /// This program.
    Rehearsal(Rehearsal),
    /// An earlier run: the response that it recorded.
    Cached(Vec<u8>),
    /// The API itself.
    Api {
        /// How the API is reached.
        client: Box<HttpClient>,
        /// What is retried, and how often.
        retry: RetryPolicy,
    },
}

impl Backend {
    /// The backend that a plan names, unless the cache has the response.
    ///
    /// # Errors
    ///
    /// Exit status 1 for certificates, 2 for a proxy's address, 3 for the key.
    pub fn select(
        plan: &BackendPlan,
        base_url: &BaseUrl,
        headers: ExtraHeaders,
        cached: Option<Vec<u8>>,
        reporter: &mut Reporter,
    ) -> Result<Self> {
        match (plan, cached) {
            (BackendPlan::Rehearse(rehearsal), _) => {
                reporter.note("rehearsal: no request was sent");
                Ok(Self::Rehearsal(*rehearsal))
            }
            (_, Some(response)) => Ok(Self::Cached(response)),
            (BackendPlan::Api { connection, cache: _ }, None) => {
                Self::connect(connection, base_url, headers, reporter)
            }
            (BackendPlan::Offline { .. }, None) => {
                Err(Failure::local("--offline: there is no cached answer").into())
            }
        }
    }

    fn connect(
        plan: &ConnectionPlan,
        base_url: &BaseUrl,
        headers: ExtraHeaders,
        reporter: &mut Reporter,
    ) -> Result<Self> {
        let ConnectionPlan {
            key,
            home,
            connect_timeout,
            proxies,
            ssl_cert_file,
            ssl_cert_dir,
            retry,
        } = plan;
        let proxy = client::select_proxy(base_url, proxies)?;
        headers.secrets().for_each(|secret| reporter.mask(secret));
        let key = if headers.has_authorization() {
            None
        } else {
            find_key(key, home.as_deref(), reporter)?
        };
        if key.is_none() && !headers.has_authorization() && !base_url.is_loopback() {
            return Err(Key::missing().into());
        }
        let config = HttpConfig {
            base_url: base_url.clone(),
            key,
            headers,
            connect_timeout: *connect_timeout,
            proxy,
            authorities: Authorities { file: ssl_cert_file.clone(), folders: ssl_cert_dir.clone() },
        };
        Ok(Self::Api { client: Box::new(HttpClient::new(config)?), retry: *retry })
    }

    /// Whether requests carry a key.
    pub fn has_key(&self) -> bool {
        match self {
            Self::Rehearsal(_) | Self::Cached(_) => true,
            Self::Api { client, .. } => client.has_key(),
        }
    }

    /// What the log calls it.
    pub fn source(&self) -> &'static str {
        match self {
            Self::Rehearsal(_) => "rehearsal",
            Self::Cached(_) => "cache",
            Self::Api { .. } => "api",
        }
    }

    /// Whether the answer comes from the API itself: only such an answer is recorded.
    pub fn is_api(&self) -> bool {
        matches!(self, Self::Api { .. })
    }

    /// How failures are retried: a rehearsal and the cache have none that could pass.
    pub fn retry_policy(&self) -> RetryPolicy {
        match self {
            Self::Api { retry, .. } => *retry,
            Self::Rehearsal(_) | Self::Cached(_) => RetryPolicy { retries: 0, retry_lost: false },
        }
    }

    /// Whether pauses are made: a rehearsal has no server that needs them.
    pub fn has_pauses(&self) -> bool {
        !matches!(self, Self::Rehearsal(_))
    }

    /// What `read` makes of the response, after as many tries as the retries allow. Never more than one of them is
    /// printed.
    ///
    /// # Errors
    ///
    /// The failure of the last try.
    pub fn run<T>(
        &self,
        operation: &Operation,
        session: &mut Session,
        read: &mut dyn FnMut(Response, &mut Printer) -> Result<T>,
    ) -> Result<T> {
        let retry = self.retry_policy();
        let mut attempt = 0;
        loop {
            let tried = self.try_once(operation, session, read);
            let error = match tried {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let failure = error::failure(&error).filter(|_| !session.printer.has_printed());
            let delay = failure
                .and_then(|failure| retry.delay_before_retry(failure, attempt, fastrand::f64()))
                // A pause that the deadline would cut short is not begun.
                .filter(|delay| session.deadline.remaining().is_none_or(|left| *delay < left));
            let Some(delay) = delay else { return Err(error) };
            attempt += 1;
            session.log.retries = attempt;
            session.reporter.retry(&error, delay, attempt, retry.retries);
            pause(delay, session.reporter);
        }
    }

    /// Sends the request once and reads the response to its end.
    ///
    /// # Errors
    ///
    /// A failure that says whether the request may be sent again; that of `read`.
    pub fn try_once<T>(
        &self,
        operation: &Operation,
        session: &mut Session,
        read: &mut dyn FnMut(Response, &mut Printer) -> Result<T>,
    ) -> Result<T> {
        let Session { deadline, printer, reporter, log } = session;
        let started = Instant::now();
        let upload = UploadProgress::default();
        let total = operation.body().map_or(0, Body::len);
        reporter.verbose(&format!("request to {}: {operation}", self.address(operation)));
        printer.set_progress(reporter.progress(&upload, total));
        let value = self.send(operation, *deadline, &upload).and_then(|response| {
            if self.is_api() {
                log.http_status = Some(response.status);
                log.request_id.clone_from(&response.headers.request_id);
            }
            if reporter.is_verbose() {
                // The progress line goes while another is printed.
                printer.set_progress(None);
                let id = response.headers.request_id.as_deref();
                reporter.response(response.status, id, started.elapsed());
                printer.set_progress(reporter.progress(&upload, total));
            }
            read(response, printer)
        });
        printer.set_progress(None);
        let value = value.inspect_err(|_| printer.abort())?;
        let seconds = started.elapsed().as_secs_f64();
        reporter.verbose(&format!("response complete after {seconds:.3} s"));
        Ok(value)
    }

    fn send(
        &self,
        operation: &Operation,
        deadline: Deadline,
        upload: &UploadProgress,
    ) -> Result<Response> {
        let client = match self {
            Self::Cached(response) => return Ok(Response::json(200, response.clone())),
            Self::Rehearsal(rehearsal) => return rehearse(*rehearsal, operation),
            Self::Api { client, .. } => client,
        };
        let path = operation.path();
        client.send(&path, operation.body(), deadline, operation.response_limit(), upload)
    }

    /// Where the request goes, for `--verbose`.
    fn address(&self, operation: &Operation) -> String {
        match self {
            Self::Rehearsal(_) => "a simulated API".to_owned(),
            Self::Cached(_) => "the cache".to_owned(),
            Self::Api { client, .. } => client.url(&operation.path()),
        }
    }
}

/// The key, which is masked from here on; a note where other users can read its file.
fn find_key(
    source: &KeySource,
    home: Option<&Path>,
    reporter: &mut Reporter,
) -> Result<Option<Key>> {
    let key = Key::find(source)?;
    if let Some(key) = &key {
        reporter.mask(key.reveal());
    }
    if let Some(note) = home.and_then(|home| source.exposure_note(home)) {
        reporter.note(&note);
    }
    Ok(key)
}

fn rehearse(rehearsal: Rehearsal, operation: &Operation) -> Result<Response> {
    match operation {
        Operation::Ask { api, request, body } => rehearsal.respond(*api, request, body),
        Operation::Poll { request: Some(request), .. } => rehearsal.answer(Api::DEFERRED, request),
        Operation::Poll { request: None, .. } => Ok(api::scripted_not_ready()),
        Operation::ListModels { model } => Ok(api::scripted_models(model, rehearsal.scenario)?),
    }
}

/// Waits, with a progress line on a terminal.
pub fn pause(delay: Duration, reporter: &Reporter) {
    let _waiting = reporter.progress(&UploadProgress::default(), 0);
    thread::sleep(delay);
}
