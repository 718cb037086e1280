//! Which certificate authorities are trusted.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use crate::error::{Exit, Failure};

/// Where systems keep their bundle: Debian and Arch, Fedora, openSUSE, Alpine and the BSDs. One file
/// is read, and not a folder of them: that costs a start 3 ms.
const SYSTEM_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The authorities of `SSL_CERT_FILE`, else of the system, else Mozilla's, which are built in.
///
/// # Errors
///
/// Local trouble where the file is missing, unreadable or without any certificate: it was meant to be
/// used, and to use another in its place would trust what the user did not want trusted.
pub fn config(ssl_cert_file: Option<&Path>) -> Result<TlsConfig> {
    let system = || SYSTEM_BUNDLES.iter().map(Path::new).find(|path| path.exists());
    let roots = match ssl_cert_file.or_else(system) {
        Some(path) => {
            let certificates = read_bundle(path).with_context(|| {
                Failure::new(Exit::Local, format!("certificates of {}", path.display()))
            })?;
            RootCerts::new_with_certs(&certificates)
        }
        None => RootCerts::WebPki,
    };
    Ok(TlsConfig::builder().root_certs(roots).build())
}

fn read_bundle(path: &Path) -> Result<Vec<Certificate<'static>>> {
    let pem = fs::read(path)?;
    let certificates: Vec<_> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    let ders = certificates.iter().map(|certificate| CertificateDer::from(certificate.der()));
    let (usable, _) = RootCertStore::empty().add_parsable_certificates(ders);
    anyhow::ensure!(usable > 0, "there is no certificate in it");
    Ok(certificates)
}
