//! What can go wrong between two sockets, in words and as an exit status.

use std::error::Error as _;
use std::io;

use rustls::{AlertDescription, CertificateError};

use super::transport::Attempt;
use crate::error::{Exit, Failure, Repeat, describe_io};

/// What is needed to say what went wrong.
pub struct Fault {
    /// The service's host, with its port where one was given.
    pub host: String,
    /// The variable that names the proxy on the way, where there is one.
    pub proxy_variable: Option<&'static str>,
    /// How far the delivery got, and how long it had.
    pub attempt: Attempt,
}

impl Fault {
    /// A transport error in our words, and with the exit status of a request that was delivered or not.
    pub fn describe(&self, error: ureq::Error) -> Failure {
        let error = match error {
            ureq::Error::Io(error) => match error.downcast::<Failure>() {
                Ok(ours) => return ours,
                Err(error) => ureq::Error::from(error),
            },
            other => other,
        };
        let host = &self.host;
        let (why, hint) = self.why(&error);
        let failure = match error {
            _ if !self.attempt.is_sent() => {
                let way = match self.proxy_variable {
                    Some(variable) => format!(" through the proxy of {variable}"),
                    None => String::new(),
                };
                Failure::new(Exit::NotDelivered, format!("cannot connect to {host}{way}: {why}"))
                    .repeat(Repeat::Safe)
            }
            ureq::Error::BodyStalled if self.attempt.is_ended() => self.broken(),
            ureq::Error::Protocol(_)
            | ureq::Error::Http(_)
            | ureq::Error::BodyStalled
            | ureq::Error::LargeResponseHeader(..) => {
                Failure::new(Exit::Service, format!("the reply of {host} is not understood: {why}"))
            }
            _ => Failure::lost(format!("no whole answer from {host}: {why}")),
        };
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }

    /// The connection broke or was closed in the middle of the reply.
    pub fn broken(&self) -> Failure {
        Failure::lost(format!("no whole answer from {}: the connection was closed", self.host))
    }

    fn why(&self, error: &ureq::Error) -> (String, Option<String>) {
        let text = match error {
            ureq::Error::Timeout(ureq::Timeout::Resolve | ureq::Timeout::Connect) => {
                let limit = self.attempt.connect().limit().as_secs_f64();
                format!("timed out after {limit} s (--connect-timeout)")
            }
            ureq::Error::Timeout(_) => {
                let limit = self.attempt.whole().limit().as_secs_f64();
                format!("timed out after {limit} s (--timeout)")
            }
            ureq::Error::HostNotFound => "there is no such host".to_owned(),
            ureq::Error::ConnectProxyFailed(why) => {
                // ureq says the status twice: `responded 407/407`.
                format!("the proxy did not connect: {}", why.split('/').next().unwrap_or_default())
            }
            ureq::Error::Io(error) => {
                match error.get_ref().and_then(|inner| inner.downcast_ref()) {
                    Some(error) => return tls(error),
                    None if error.kind() == io::ErrorKind::UnexpectedEof => {
                        "the connection was closed".to_owned()
                    }
                    None => describe_io(error),
                }
            }
            ureq::Error::LargeResponseHeader(..) => "its head is too large".to_owned(),
            ureq::Error::BodyStalled => "a chunk of it has no end".to_owned(),
            other => other.source().map_or_else(|| other.to_string(), ToString::to_string),
        };
        (text, None)
    }
}

/// A fault of TLS, and what to do about it.
fn tls(error: &rustls::Error) -> (String, Option<String>) {
    let rustls::Error::InvalidCertificate(certificate) = error else {
        return match error {
            rustls::Error::InvalidMessage(_) => {
                ("what answers there does not speak TLS".to_owned(), None)
            }
            rustls::Error::AlertReceived(
                AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure,
            )
            | rustls::Error::PeerIncompatible(_) => (
                "TLS: there is no version or cipher in common; xask speaks TLS 1.2 and 1.3"
                    .to_owned(),
                None,
            ),
            other => (format!("TLS: {other}"), None),
        };
    };
    let authorities = "SSL_CERT_FILE names a file with the certificate authorities to trust";
    let clock = "check this machine's clock, or have the certificate renewed";
    let (why, hint) = match certificate {
        CertificateError::UnknownIssuer => {
            ("no authority that is trusted has signed its certificate", authorities)
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            ("its certificate has expired", clock)
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            ("its certificate is not valid yet", clock)
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            ("its certificate is for another name", "check the base URL, and what answers there")
        }
        CertificateError::BadSignature => {
            ("the authority that its certificate names has not signed it", authorities)
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            ("its certificate is not one for servers", authorities)
        }
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            ("its certificate is that of an authority, not that of a server", authorities)
        }
        _ => ("its certificate is not accepted", authorities),
    };
    (why.to_owned(), Some(hint.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::PeerIncompatible;

    #[test]
    fn what_two_sides_cannot_agree_on_is_said_in_words() {
        for error in [
            rustls::Error::AlertReceived(AlertDescription::ProtocolVersion),
            rustls::Error::AlertReceived(AlertDescription::HandshakeFailure),
            rustls::Error::PeerIncompatible(
                PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
            ),
        ] {
            assert!(tls(&error).0.contains("in common"), "{error}");
        }
    }
}
