//! The connection to the API, as a chain of connectors.
//!
//! ureq calls each connector in turn; a connector makes a connection, wraps the one made before it, or passes it on:
//!
//! 1. [`ProxyConnector`](tunnel::ProxyConnector): a tunnel through an HTTP or a SOCKS proxy, if one is used.
//! 2. [`TcpConnector`](connect::TcpConnector): TCP to the first address that answers, as a
//!    [`Socket`](socket::Socket).
//! 3. [`Tls`](tls::Tls): if the URL begins with `https:`.
//! 4. [`DeliveryConnector`](tracked::DeliveryConnector): whether a byte of the request was sent, and what has arrived of
//!    the response.
//!
//! A proxy is reached through the same chain, and what it opens is wrapped by 3 and 4 once more.
//!
//! One rule goes beyond ureq's: a connection that has data to send while the peer takes none, and receives something
//! instead, fails with `Interrupted`. Called again with the same amount, it goes on where it was. So a response that
//! comes before the request is sent is found at the end of the chain.

mod authorities;
mod chunks;
mod connect;
mod delivery;
mod head;
mod http_proxy;
mod incoming;
mod pem;
mod socket;
mod socks;
mod tls;
mod tls_config;
mod tracked;
mod tunnel;

use std::sync::Arc;

use rustls::ClientConfig;
use ureq::Proxy;
use ureq::unversioned::transport::Connector;

pub use self::authorities::Authorities;
pub use self::connect::DnsResolver;
pub use self::delivery::{Delivery, DeliveryState};
pub use self::head::MAX_LEN as MAX_HEAD;
pub use self::incoming::Incoming;
pub use self::tls_config::config as tls_config;
pub use self::tracked::ResponseError;
pub use self::tunnel::{Credentials, ProxyError, ProxyTlsError};
use crate::secret::Secret;

/// The chain for one delivery, with or without a proxy. Without `tls` nothing is sent over https.
pub fn chain(
    delivery: &Delivery,
    proxy: Option<&Proxy>,
    credentials: Option<&Secret<Credentials>>,
    user_agent: &'static str,
    tls: Option<Arc<ClientConfig>>,
) -> impl Connector<()> {
    let delivery = || delivery.clone();
    let tunnel = tunnel::ProxyConnector {
        proxy: proxy.cloned(),
        credentials: credentials.cloned(),
        user_agent,
    };
    ().chain(tunnel)
        .chain(connect::TcpConnector { delivery: delivery() })
        .chain(tls::Tls { config: tls })
        .chain(tracked::DeliveryConnector {
            delivery: delivery(),
            proxy: proxy.map(|proxy| proxy.uri().clone()),
        })
}
