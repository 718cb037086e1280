//! Network errors in words, and as an exit status.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use super::tls_error::{self, CHECK_BASE_URL};
use super::transport::{Delivery, DeliveryState, ProxyError, ProxyTlsError, ResponseError};
use crate::error::{ExitStatus, Failure, Retry, describe_io};

/// What is needed to describe a network error.
pub struct NetworkErrorContext {
    /// The API's host, with its port if one was given.
    pub host: String,
    /// The host without the port.
    pub name: String,
    /// Whether the user names the authorities to trust.
    pub has_own_authorities: bool,
    /// The variable that names the proxy on the way, if there is one.
    pub proxy_variable: Option<&'static str>,
    /// The time of the whole run: a response can have less.
    pub timeout: Duration,
    /// How far the delivery got, and how long it had.
    pub delivery: Delivery,
}

impl NetworkErrorContext {
    /// The failure that a transport error means: the exit status depends on how far the delivery got.
    pub fn to_failure(&self, error: ureq::Error) -> Failure {
        let error = match error {
            ureq::Error::Io(error) => match error.downcast::<Failure>() {
                Ok(ours) => return ours,
                Err(error) => ureq::Error::from(error),
            },
            other => other,
        };
        let host = &self.host;
        let Reason { why, hint, is_permanent } = self.reason(&error);
        let failure = match error {
            _ if !self.delivery.has_reached(DeliveryState::Sending) => {
                let way = match self.proxy_variable {
                    Some(variable) => format!(" via the proxy in ${variable}"),
                    None => String::new(),
                };
                Failure::new(
                    ExitStatus::NotDelivered,
                    format!("cannot connect to {host}{way}: {why}"),
                )
                .retry(if is_permanent { Retry::Never } else { Retry::Safe })
            }
            ureq::Error::BodyStalled if self.delivery.has_reached(DeliveryState::PeerClosed) => {
                self.broken()
            }
            ureq::Error::Protocol(_)
            | ureq::Error::Http(_)
            | ureq::Error::BodyStalled
            | ureq::Error::LargeResponseHeader(..) => {
                Failure::new(ExitStatus::Server, format!("invalid response from {host}: {why}"))
            }
            ureq::Error::Io(error) if is_too_large(&error) => {
                Failure::new(ExitStatus::Server, format!("invalid response from {host}: {why}"))
            }
            _ => Failure::incomplete(format!("incomplete response from {host}: {why}")),
        };
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }

    /// The failure of a connection that broke or was closed in the middle of the response.
    pub fn broken(&self) -> Failure {
        Failure::incomplete(format!("incomplete response from {}: connection closed", self.host))
    }

    fn reason(&self, error: &ureq::Error) -> Reason {
        let text = match error {
            ureq::Error::Timeout(ureq::Timeout::Resolve | ureq::Timeout::Connect) => {
                let limit = self.delivery.connect().limit().as_secs_f64();
                format!("timed out after {limit} s (--connect-timeout)")
            }
            ureq::Error::Timeout(_) => {
                let limit = self.delivery.total().limit();
                let flag = if limit == self.timeout { " (--timeout)" } else { "" };
                format!("timed out after {} s{flag}", limit.as_secs_f64())
            }
            ureq::Error::HostNotFound => "could not resolve the host name".to_owned(),
            ureq::Error::Io(error) => return self.io_reason(error),
            ureq::Error::LargeResponseHeader(..) => "the header is too large".to_owned(),
            ureq::Error::BodyStalled => "a chunk is not terminated".to_owned(),
            other => {
                other.source().map_or_else(|| invalid_http(&other.to_string()), ToString::to_string)
            }
        };
        text.into()
    }

    fn io_reason(&self, error: &io::Error) -> Reason {
        let inner = error.get_ref();
        if let Some(error) = inner.and_then(|inner| inner.downcast_ref()) {
            return tls_error::describe(error, &self.name, self.has_own_authorities);
        }
        if let Some(ProxyTlsError { host, error }) = inner.and_then(|inner| inner.downcast_ref()) {
            let reason = tls_error::describe(error, host, self.has_own_authorities);
            let address = format!("check ${}", self.proxy_variable.unwrap_or_default());
            let hint = reason.hint.map(|hint| if hint == CHECK_BASE_URL { address } else { hint });
            return Reason { why: format!("the proxy: {}", reason.why), hint, ..reason };
        }
        if let Some(error) = inner.and_then(|inner| inner.downcast_ref::<ProxyError>()) {
            return Reason {
                hint: error.wants_credentials().then(|| self.check_credentials()),
                is_permanent: error.is_permanent(),
                ..error.to_string().into()
            };
        }
        let why = describe_io(error);
        let is_before_request = !self.delivery.has_reached(DeliveryState::Sending);
        match error.kind() {
            io::ErrorKind::UnexpectedEof => "connection closed".to_owned().into(),
            kind if is_before_request && self.proxy_variable.is_some() && is_unreachable(kind) => {
                format!("the proxy cannot be reached: {why}").into()
            }
            _ => why.into(),
        }
    }

    fn check_credentials(&self) -> String {
        format!("check the user and password in ${}", self.proxy_variable.unwrap_or_default())
    }
}

/// What ureq says of a response that its parser refuses, in plain words. Those of ureq are the fallback: a patch version
/// may change them.
fn invalid_http(error: &str) -> String {
    let error = error.trim_start_matches("protocol: ").trim_start_matches("http parse fail: ");
    let plain = match error {
        "invalid HTTP version" => "not HTTP/1.1",
        "invalid response status" => "malformed status line",
        "invalid header name" => "malformed header line",
        "invalid header value" => "null byte in a header",
        "invalid new line" => "bare carriage return in the header",
        "content-length header not a number" => "Content-Length is not a number",
        "conflicting content-length headers" => "conflicting Content-Length headers",
        "chunk length cannot be read as a number" => "malformed chunked encoding",
        error if error.starts_with("invalid status code") => "status below 100",
        other => other,
    };
    plain.to_owned()
}

/// Why something went wrong.
#[derive(Debug)]
pub struct Reason {
    /// What is wrong.
    pub why: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Whether another try would end the same way.
    pub is_permanent: bool,
}

impl From<String> for Reason {
    fn from(why: String) -> Self {
        Self { why, hint: None, is_permanent: false }
    }
}

fn is_unreachable(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable};
    matches!(kind, ConnectionRefused | HostUnreachable | NetworkUnreachable)
}

fn is_too_large(error: &io::Error) -> bool {
    let error = error.get_ref().and_then(|inner| inner.downcast_ref());
    error == Some(&ResponseError::TooLargeBeforeRequest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deadline::Deadline;

    fn context() -> NetworkErrorContext {
        NetworkErrorContext {
            host: "api.x.ai".into(),
            name: "api.x.ai".into(),
            has_own_authorities: false,
            proxy_variable: Some("https_proxy"),
            timeout: Duration::MAX,
            delivery: Delivery::new(Duration::MAX, Deadline::after(Duration::MAX)),
        }
    }

    fn to_failure(error: io::Error) -> Failure {
        context().to_failure(error.into())
    }

    #[test]
    fn an_error_says_whether_the_proxy_or_the_target_cannot_be_reached() {
        let system = |errno| io::Error::from_raw_os_error(errno);
        let refused = rustix::io::Errno::CONNREFUSED.raw_os_error();
        let denied = rustix::io::Errno::ACCESS.raw_os_error();
        let proxy = io::Error::other;
        for (error, why) in [
            (system(refused), "the proxy cannot be reached: connection refused"),
            (
                proxy(ProxyError::Answered("host unreachable")),
                "the proxy reported: host unreachable",
            ),
            (system(denied), "permission denied"),
            (proxy(ProxyError::Refused(503)), "the proxy rejected the connection (HTTP 503)"),
            (proxy(ProxyError::Closed), "the proxy closed the connection"),
        ] {
            let failure = to_failure(error);
            let expected =
                format!("cannot connect to api.x.ai via the proxy in $https_proxy: {why}");
            assert_eq!((failure.to_string(), failure.retry), (expected, Retry::Safe));
            assert_eq!((failure.status, failure.hint), (ExitStatus::NotDelivered, None), "{why}");
        }
    }

    #[test]
    fn a_time_limit_is_reported_with_its_flag_if_it_has_one() {
        let timeout = Duration::from_hours(1);
        for (limit, expected) in [
            (timeout, "timed out after 3600 s (--timeout)"),
            (timeout / 60, "timed out after 60 s"),
        ] {
            let context = NetworkErrorContext {
                timeout,
                delivery: Delivery::new(Duration::MAX, Deadline::after(limit)),
                ..context()
            };
            let failure = context.to_failure(ureq::Error::Timeout(ureq::Timeout::Global));
            assert!(failure.to_string().ends_with(&format!(": {expected}")), "{failure}");
        }
    }

    #[test]
    fn permanent_failures_are_not_retried() {
        let credentials = "check the user and password in $https_proxy";
        let certificate = rustls::Error::InvalidCertificate(rustls::CertificateError::Expired);
        for (error, hint) in [
            (io::Error::other(ProxyError::Refused(407)), Some(credentials)),
            (io::Error::other(ProxyError::Refused(403)), None),
            (io::Error::other(ProxyError::WantsCredentials), Some(credentials)),
            (
                io::Error::new(io::ErrorKind::InvalidData, certificate),
                Some("check this machine's clock, or have the certificate renewed"),
            ),
        ] {
            let failure = to_failure(error);
            assert_eq!(failure.retry, Retry::Never, "{failure}");
            assert_eq!(failure.hint.as_deref(), hint, "{failure}");
        }
    }
}
