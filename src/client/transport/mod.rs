//! The connection to the service, as a chain of links: ureq's own and ours.
//!
//! ureq asks each link in turn for a connection; a link makes one, wraps the one made before it, or passes
//! it on:
//!
//! 1. ureq's SOCKS link, or a [`HttpProxyConnector`](http_proxy::HttpProxyConnector), where a proxy is used.
//! 2. [`TcpConnector`](connect::TcpConnector): TCP to the first address that answers, as a [`Socket`](socket::Socket).
//! 3. [`Tls`](tls::Tls): where the address begins with `https:`.
//! 4. [`DeliveryConnector`](tracked::DeliveryConnector): whether a byte of the request was sent, and whether an answer has come.
//!
//! A CONNECT proxy is reached through the same chain, and what it opens is wrapped by 3 and 4 once more.
//!
//! One rule goes beyond ureq's: a link that is to send while the other side takes nothing, and receives
//! something instead, fails with `Interrupted`. Called again with the same amount, it goes on where it
//! was. So an answer that comes before the request is sent is found at the end of the chain. Only ureq's
//! SOCKS link, which has a connection of its own, does not keep it: behind SOCKS an early answer is found
//! when the other side has closed, or when everything is sent.

mod authorities;
mod chunks;
mod connect;
mod delivery;
mod head;
mod http_proxy;
mod incoming;
mod socket;
mod tls;
mod tls_config;
mod tracked;

use std::sync::Arc;

use rustls::ClientConfig;
use ureq::Proxy;
use ureq::unversioned::transport::{Connector, SocksConnector};

pub use self::authorities::Authorities;
pub use self::connect::DnsResolver;
pub use self::delivery::{Delivery, DeliveryState};
pub use self::head::MAX_LEN as MAX_HEAD;
pub use self::http_proxy::ProxyError;
pub use self::incoming::Incoming;
pub use self::tls_config::config as tls_config;
pub use self::tracked::ResponseError;

/// The chain for one attempt, by way of a proxy or not. Without `tls` nothing is asked over https.
pub fn chain(
    delivery: &Delivery,
    proxy: Option<&Proxy>,
    user_agent: &'static str,
    tls: Option<Arc<ClientConfig>>,
) -> impl Connector<()> {
    let delivery = || delivery.clone();
    ().chain(SocksConnector::default())
        .chain(http_proxy::HttpProxyConnector {
            delivery: delivery(),
            proxy: proxy.cloned(),
            user_agent,
        })
        .chain(connect::TcpConnector { delivery: delivery() })
        .chain(tls::Tls { delivery: delivery(), config: tls })
        .chain(tracked::DeliveryConnector {
            delivery: delivery(),
            proxy: proxy.map(|proxy| proxy.uri().clone()),
        })
}
