//! What can go wrong between two sockets, in words and as an exit status.

use std::error::Error as _;
use std::io;

use super::tls_error;
use super::transport::{Delivery, DeliveryState, ProxyError, ResponseError};
use crate::error::{ExitStatus, Failure, Retry, describe_io};

/// What is needed to say what went wrong.
pub struct NetworkErrorContext {
    /// The service's host, with its port where one was given.
    pub host: String,
    /// The host without the port.
    pub name: String,
    /// Whether the user names the authorities to trust.
    pub has_own_authorities: bool,
    /// The variable that names the proxy on the way, if there is one.
    pub proxy_variable: Option<&'static str>,
    /// Whether that proxy speaks SOCKS.
    pub is_socks: bool,
    /// How far the delivery got, and how long it had.
    pub delivery: Delivery,
}

impl NetworkErrorContext {
    /// A transport error in our words, and with the exit status of a request that was delivered or not.
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

    /// The connection broke or was closed in the middle of the reply.
    pub fn broken(&self) -> Failure {
        Failure::incomplete(format!(
            "incomplete response from {}: the connection was closed",
            self.host
        ))
    }

    fn reason(&self, error: &ureq::Error) -> Reason {
        let text = match error {
            ureq::Error::Timeout(ureq::Timeout::Resolve | ureq::Timeout::Connect) => {
                let limit = self.delivery.connect().limit().as_secs_f64();
                format!("timed out after {limit} s (--connect-timeout)")
            }
            ureq::Error::Timeout(_) => {
                let limit = self.delivery.total().limit().as_secs_f64();
                format!("timed out after {limit} s (--timeout)")
            }
            ureq::Error::HostNotFound => "there is no such host".to_owned(),
            ureq::Error::Io(error) => return self.io_reason(error),
            ureq::Error::LargeResponseHeader(..) => "its head is too large".to_owned(),
            ureq::Error::BodyStalled => "a chunk of it has no end".to_owned(),
            other => other.source().map_or_else(|| other.to_string(), ToString::to_string),
        };
        text.into()
    }

    fn io_reason(&self, error: &io::Error) -> Reason {
        let inner = error.get_ref();
        if let Some(error) = inner.and_then(|inner| inner.downcast_ref()) {
            let fault = tls_error::describe(error, &self.name, self.has_own_authorities);
            return Reason {
                why: fault.reason,
                hint: fault.hint,
                is_permanent: fault.is_certificate,
            };
        }
        if let Some(error) = inner.and_then(|inner| inner.downcast_ref::<ProxyError>()) {
            return Reason {
                hint: (*error == ProxyError::Refused(407)).then(|| self.check_credentials()),
                is_permanent: matches!(error, ProxyError::Refused(400..500)),
                ..error.to_string().into()
            };
        }
        let why = describe_io(error);
        let is_before_request = !self.delivery.has_reached(DeliveryState::Sending);
        let is_own_error = error.raw_os_error().is_none();
        match error.kind() {
            io::ErrorKind::UnexpectedEof => "the connection was closed".to_owned().into(),
            kind if is_before_request && self.is_socks && is_own_error && is_socks_answer(kind) => {
                let wants_credentials = SOCKS_CREDENTIALS.contains(&why.as_str());
                Reason {
                    hint: wants_credentials.then(|| self.check_credentials()),
                    is_permanent: wants_credentials,
                    ..format!("the proxy answered: {why}").into()
                }
            }
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

/// Why something went wrong.
#[derive(Debug)]
struct Reason {
    why: String,
    /// What to do about it.
    hint: Option<String>,
    /// Another try would end the same way.
    is_permanent: bool,
}

impl From<String> for Reason {
    fn from(why: String) -> Self {
        Self { why, hint: None, is_permanent: false }
    }
}

/// What ureq's SOCKS link says where the proxy wants to know who asks, or does not accept it.
const SOCKS_CREDENTIALS: [&str; 3] =
    ["password authentication failed", "no acceptable auth methods", "unknown auth method"];

/// Whether an error is of a kind that ureq's SOCKS link makes of the proxy's answer.
fn is_socks_answer(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, Other, PermissionDenied};
    matches!(kind, InvalidData | InvalidInput | Other | PermissionDenied)
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
    use std::time::Duration;

    fn to_failure(is_socks: bool, error: io::Error) -> Failure {
        let forever = Deadline::after(Duration::MAX);
        let context = NetworkErrorContext {
            host: "api.x.ai".into(),
            name: "api.x.ai".into(),
            has_own_authorities: false,
            proxy_variable: Some("https_proxy"),
            is_socks,
            delivery: Delivery::new(Duration::MAX, forever),
        };
        context.to_failure(error.into())
    }

    #[test]
    fn it_is_told_whether_the_proxy_or_the_target_cannot_be_reached() {
        let system = |errno| io::Error::from_raw_os_error(errno);
        let refused = rustix::io::Errno::CONNREFUSED.raw_os_error();
        let denied = rustix::io::Errno::ACCESS.raw_os_error();
        for (is_socks, error, why) in [
            (true, system(refused), "the proxy cannot be reached: connection refused"),
            (false, system(refused), "the proxy cannot be reached: connection refused"),
            (
                true,
                io::Error::other("connection refused"),
                "the proxy answered: connection refused",
            ),
            (true, io::Error::other("host unreachable"), "the proxy answered: host unreachable"),
            (true, system(denied), "permission denied"),
            (
                false,
                io::Error::other(ProxyError::Refused(503)),
                "the proxy did not connect (HTTP 503)",
            ),
        ] {
            let failure = to_failure(is_socks, error);
            let expected =
                format!("cannot connect to api.x.ai via the proxy in $https_proxy: {why}");
            assert_eq!((failure.to_string(), failure.retry), (expected, Retry::Safe));
            assert_eq!((failure.status, failure.hint), (ExitStatus::NotDelivered, None), "{why}");
        }
    }

    #[test]
    fn what_does_not_pass_is_not_retried() {
        let credentials = "check the user and password in $https_proxy";
        let certificate = rustls::Error::InvalidCertificate(rustls::CertificateError::Expired);
        for (is_socks, error, hint) in [
            (false, io::Error::other(ProxyError::Refused(407)), Some(credentials)),
            (false, io::Error::other(ProxyError::Refused(403)), None),
            (
                true,
                io::Error::new(io::ErrorKind::PermissionDenied, "password authentication failed"),
                Some(credentials),
            ),
            (true, io::Error::other("no acceptable auth methods"), Some(credentials)),
            (
                false,
                io::Error::new(io::ErrorKind::InvalidData, certificate),
                Some("check this machine's clock, or have the certificate renewed"),
            ),
        ] {
            let failure = to_failure(is_socks, error);
            assert_eq!(failure.retry, Retry::Never, "{failure}");
            assert_eq!(failure.hint.as_deref(), hint, "{failure}");
        }
    }
}
