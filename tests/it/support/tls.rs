//! Certificates created when a test runs, and the ones that a server presents.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ALL_VERSIONS, ServerConfig, ServerConnection, SupportedProtocolVersion};

use super::Env;

/// A folder, and an authority whose certificate is in its file `ca.pem`.
pub fn trusted() -> (Env, Authority) {
    let (env, authority) = (Env::new(), Authority::new("ours"));
    env.write("ca.pem", authority.pem());
    (env, authority)
}

/// An authority that signs certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = key();
        let pem = params.self_signed(&key).expect("an authority").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// For `SSL_CERT_FILE`.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The identity of a server with a valid certificate for 127.0.0.1, `::1` and localhost.
    pub fn sign(&self) -> Identity {
        self.sign_for(&["127.0.0.1", "::1", "localhost"])
    }

    /// The same for other names.
    pub fn sign_for(&self, names: &[&str]) -> Identity {
        self.sign_between(names, 2020, 2120)
    }

    /// The same with the years in which it is valid.
    pub fn sign_between(&self, names: &[&str], from: i32, to: i32) -> Identity {
        let key = key();
        let mut params = params(names);
        (params.not_before, params.not_after) =
            (date_time_ymd(from, 1, 1), date_time_ymd(to, 1, 1));
        Identity::new(&params.signed_by(&key, &self.issuer).expect("a certificate"), &key)
    }
}

/// The certificate that a server presents, and the versions of TLS it supports.
#[derive(Clone)]
pub struct Identity {
    certificate: CertificateDer<'static>,
    key: Vec<u8>,
    pem: String,
    versions: Vec<&'static SupportedProtocolVersion>,
}

impl Identity {
    /// A self-signed certificate.
    pub fn self_signed() -> Self {
        let key = key();
        let params = params(&["127.0.0.1", "localhost"]);
        Self::new(&params.self_signed(&key).expect("a certificate"), &key)
    }

    /// Supports only this version.
    #[must_use]
    pub fn only(self, version: &'static SupportedProtocolVersion) -> Self {
        Self { versions: vec![version], ..self }
    }

    /// The certificate.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    fn new(certificate: &rcgen::Certificate, key: &KeyPair) -> Self {
        Self {
            certificate: certificate.der().clone(),
            key: key.serialize_der(),
            pem: certificate.pem(),
            versions: ALL_VERSIONS.to_vec(),
        }
    }

    pub(super) fn connection(&self) -> ServerConnection {
        let key = PrivateKeyDer::Pkcs8(self.key.clone().into());
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&self.versions)
            .expect("versions that ring knows")
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], key)
            .expect("a certificate and its key");
        ServerConnection::new(Arc::new(config)).expect("a connection")
    }
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key")
}

fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    CertificateParams::new(names).expect("names")
}
