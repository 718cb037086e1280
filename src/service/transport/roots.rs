//! How TLS is spoken, and which certificate authorities are trusted.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use rustls::client::Resumption;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use webpki_roots::TLS_SERVER_ROOTS;

use crate::error::{Exit, Failure};

/// Where systems keep their bundle: Debian and Arch, Fedora, openSUSE, Alpine and the BSDs. One file
/// is read, and not a folder of them: that costs a start 3 ms.
const SYSTEM_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// TLS 1.2 and 1.3 with the authorities of `SSL_CERT_FILE`, else of the system, else Mozilla's, which
/// are built in.
///
/// # Errors
///
/// Local trouble where the file is missing, unreadable or without any certificate: it was meant to be
/// used, and to use another in its place would trust what the user did not want trusted.
pub fn config(ssl_cert_file: Option<&Path>) -> Result<Arc<ClientConfig>> {
    let system = || SYSTEM_BUNDLES.iter().map(Path::new).find(|path| path.exists());
    let roots = match ssl_cert_file.or_else(system) {
        Some(path) => read_bundle(path).with_context(|| {
            Failure::new(Exit::Local, format!("certificates of {}", path.display()))
        })?,
        None => TLS_SERVER_ROOTS.iter().cloned().collect(),
    };
    let mut config = ClientConfig::builder_with_provider(default_provider().into())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    // There is one connection, and none to come back to.
    config.resumption = Resumption::disabled();
    Ok(config.into())
}

/// What is no certificate is passed over, as others do: bundles hold more than that.
fn read_bundle(path: &Path) -> Result<RootCertStore> {
    let pem = fs::read(path)?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(CertificateDer::pem_slice_iter(&pem).flatten());
    anyhow::ensure!(!roots.is_empty(), "there is no certificate in it");
    Ok(roots)
}
