//! How TLS is spoken: TLS 1.2 and 1.3, with ring.

use std::sync::Arc;

use anyhow::Result;
use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::crypto::ring::default_provider;

use super::authorities::Authorities;

/// TLS 1.2 and 1.3 with these certificate authorities.
///
/// # Errors
///
/// Exit status 1 if the certificates cannot be read.
pub fn config(authorities: &Authorities) -> Result<Arc<ClientConfig>> {
    let mut config = ClientConfig::builder_with_provider(default_provider().into())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(authorities.load()?)
        .with_no_client_auth();
    // There is one connection, and none to come back to.
    config.resumption = Resumption::disabled();
    Ok(config.into())
}
