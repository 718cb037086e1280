//! What is wrong with a peer's TLS or its certificate, in words, and what to do about it.

use std::net::IpAddr;

use rustls::{AlertDescription, CertificateError, Error};

use super::network_error::Reason;

/// What to do where the API's certificate is for another name.
pub const CHECK_BASE_URL: &str = "check the base URL";

/// What an error of TLS means, of a host without its port. `has_own_authorities`: the user has set `SSL_CERT_FILE` or
/// `SSL_CERT_DIR`.
pub fn describe(error: &Error, host: &str, has_own_authorities: bool) -> Reason {
    let (why, hint) = match error {
        Error::InvalidCertificate(error) => {
            let (why, hint) = describe_certificate(error, host, has_own_authorities);
            (why.to_owned(), Some(hint))
        }
        Error::InvalidMessage(_) => ("the server does not speak TLS".to_owned(), None),
        Error::AlertReceived(
            AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure,
        )
        | Error::PeerIncompatible(_) => (
            "TLS: no protocol version, cipher or key type in common".to_owned(),
            Some("xask speaks TLS 1.2 and 1.3; P-521 keys are not supported".to_owned()),
        ),
        other => (format!("TLS: {other}"), None),
    };
    let is_permanent = matches!(error, Error::InvalidCertificate(_) | Error::PeerIncompatible(_));
    Reason { why, hint, is_permanent }
}

fn describe_certificate(
    error: &CertificateError,
    host: &str,
    has_own_authorities: bool,
) -> (&'static str, String) {
    let clock = "check this machine's clock, or have the certificate renewed";
    let authorities = if has_own_authorities {
        "SSL_CERT_FILE must hold the CA certificate that signed it; the server's own certificate works only if it is self-signed and not a CA (CA:FALSE)"
    } else {
        "set SSL_CERT_FILE to a file of trusted CA certificates"
    };
    let name = alt_name(host);
    let make = format!("make one with openssl req -x509 -addext {name}");
    let make_no_ca =
        format!("make one with openssl req -x509 -addext basicConstraints=CA:FALSE -addext {name}");
    let (why, hint) = match error {
        CertificateError::UnknownIssuer => {
            ("its certificate is not signed by a trusted authority", authorities)
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            ("its certificate has expired", clock)
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            ("its certificate is not valid yet", clock)
        }
        CertificateError::NotValidForNameContext { presented, .. } if presented.is_empty() => {
            ("its certificate has no subjectAltName (the CN is ignored)", &*make)
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            ("its certificate does not match the host name", CHECK_BASE_URL)
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => (
            "its certificate is not valid for servers",
            "have one made with extendedKeyUsage=serverAuth, or without that extension",
        ),
        CertificateError::BadSignature => (
            "the signature of its certificate is wrong, or was made with an RSA key of fewer than 2048 bits",
            "SSL_CERT_FILE must hold the current certificate of the CA that signed the server's certificate",
        ),
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => (
            "its certificate has an unsupported signature (such as SHA-1, or a P-521 key)",
            "have it signed with SHA-256 and an RSA, P-256 or P-384 key",
        ),
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => (
            "its certificate is a CA certificate (CA:TRUE), not a server certificate",
            &*make_no_ca,
        ),
        CertificateError::Other(other) if other.to_string().contains("UnsupportedCertVersion") => {
            ("its certificate uses X.509 version 1 or 2", &*make)
        }
        _ => ("its certificate was rejected", authorities),
    };
    (why, hint.to_owned())
}

/// A host as `openssl req` takes it.
fn alt_name(host: &str) -> String {
    let kind = if host.parse::<IpAddr>().is_ok() { "IP" } else { "DNS" };
    format!("subjectAltName={kind}:{host}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use rcgen::{
        BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    };
    use rustls::PeerIncompatible;
    use rustls::RootCertStore;
    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier;
    use rustls::crypto::ring::default_provider;
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

    fn params(names: &[&str]) -> CertificateParams {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        CertificateParams::new(names).expect("names")
    }

    /// The message for a server's certificate if this authority is trusted.
    fn words(
        trusted: &CertificateDer<'static>,
        server: &CertificateDer<'static>,
    ) -> (String, String) {
        let mut roots = RootCertStore::empty();
        roots.add(trusted.clone()).expect("an authority");
        let verifier =
            WebPkiServerVerifier::builder_with_provider(roots.into(), default_provider().into());
        let name = ServerName::try_from("localhost").expect("a name");
        let result = verifier.build().expect("a verifier").verify_server_cert(
            server,
            &[],
            &name,
            &[],
            UnixTime::now(),
        );
        let reason = describe(&result.expect_err("it is not accepted"), "localhost", true);
        assert!(reason.is_permanent);
        (reason.why, reason.hint.unwrap_or_default())
    }

    #[test]
    fn each_fault_of_a_certificate_has_a_message_and_a_useful_hint() {
        let key = KeyPair::generate().expect("a key");
        let mut ca = params(&[]);
        ca.distinguished_name.push(DnType::CommonName, "ours");
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = ca.self_signed(&key).expect("an authority").der().clone();
        let issuer = Issuer::new(ca, &key);
        let sign = |params: CertificateParams| {
            params.signed_by(&key, &issuer).expect("a certificate").der().clone()
        };
        let mut own = params(&["localhost"]);
        own.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let own = own.self_signed(&key).expect("a certificate").der().clone();
        let mut client = params(&["localhost"]);
        client.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth);
        let stranger = KeyPair::generate().expect("a key");
        let stranger = params(&["localhost"]).self_signed(&stranger).expect("one").der().clone();
        let leaf = sign(params(&["localhost"]));
        for (case, trusted, server, reason, hint) in [
            (
                "made with openssl req -x509",
                &own,
                &own,
                "a CA certificate (CA:TRUE)",
                "make one with openssl req -x509 -addext basicConstraints=CA:FALSE -addext subjectAltName=DNS:localhost",
            ),
            (
                "no name",
                &authority,
                &sign(params(&[])),
                "has no subjectAltName",
                "subjectAltName=DNS:localhost",
            ),
            (
                "another name",
                &authority,
                &sign(params(&["a.example"])),
                "does not match the host name",
                "base URL",
            ),
            ("for clients", &authority, &sign(client), "not valid for servers", "serverAuth"),
            (
                "pinned",
                &leaf,
                &leaf,
                "not signed by a trusted authority",
                "the CA certificate that signed it",
            ),
            (
                "unknown",
                &authority,
                &stranger,
                "not signed by a trusted authority",
                "SSL_CERT_FILE",
            ),
        ] {
            let words = words(trusted, server);
            assert!(words.0.contains(reason) && words.1.contains(hint), "{case}: {words:?}");
        }
    }

    #[test]
    fn errors_of_tls_have_a_message() {
        let certificate = |error| Error::InvalidCertificate(error);
        let other = |text: &str| {
            CertificateError::Other(rustls::OtherError(Arc::new(std::io::Error::other(
                text.to_owned(),
            ))))
        };
        for (error, why) in [
            (certificate(CertificateError::BadSignature), "signature of its certificate is wrong"),
            (certificate(other("UnsupportedCertVersion")), "X.509 version 1"),
            (certificate(other("odd")), "its certificate was rejected"),
            (certificate(CertificateError::Revoked), "its certificate was rejected"),
            (Error::AlertReceived(AlertDescription::ProtocolVersion), "in common"),
            (Error::AlertReceived(AlertDescription::HandshakeFailure), "in common"),
            (
                Error::PeerIncompatible(PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig),
                "in common",
            ),
            (Error::General("odd".to_owned()), "TLS: unexpected error: odd"),
        ] {
            let reason = describe(&error, "127.0.0.1", false);
            assert!(reason.why.contains(why), "{reason:?}");
            let is_permanent =
                matches!(error, Error::InvalidCertificate(_) | Error::PeerIncompatible(_));
            assert_eq!(reason.is_permanent, is_permanent);
        }
        assert_eq!(alt_name("127.0.0.1"), "subjectAltName=IP:127.0.0.1");
        assert_eq!(alt_name("::1"), "subjectAltName=IP:::1");
        assert_eq!(alt_name("api.x.ai"), "subjectAltName=DNS:api.x.ai");
    }
}
