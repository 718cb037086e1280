//! The connection to the service, as a chain of links: ureq's own and ours.
//!
//! ureq asks each link in turn for a connection; a link makes one, wraps the one made before it, or passes
//! it on:
//!
//! 1. ureq's SOCKS and CONNECT links, where a proxy is used.
//! 2. [`Dial`](dial::Dial): TCP to the first address that answers, as a [`Socket`](socket::Socket).
//! 3. [`Tls`](tls::Tls): where the address begins with `https:`.
//! 4. [`Track`](tracked::Track): whether a byte of the request was sent, and whether an answer has come.
//!
//! A CONNECT proxy is reached through the same chain, and what it opens is wrapped by 3 and 4 once more.
//!
//! One rule goes beyond ureq's: a link that is to send while the other side takes nothing, and receives
//! something instead, fails with `Interrupted`. Called again with the same amount, it goes on where it
//! was. So an answer that comes before the request is sent is found at the end of the chain. Only ureq's
//! SOCKS link, which has a connection of its own, does not keep it: behind SOCKS an early answer is found
//! when the other side has closed, or when everything is sent.

mod attempt;
mod dial;
mod head;
mod roots;
mod socket;
mod tls;
mod tracked;

use std::sync::Arc;

use rustls::ClientConfig;
use ureq::http::Uri;
use ureq::unversioned::transport::{ConnectProxyConnector, Connector, SocksConnector};

pub use self::attempt::Attempt;
pub use self::dial::Lookup;
pub use self::head::MAX_LEN as MAX_HEAD;
pub use self::roots::config as tls_config;

/// The chain for one attempt, by way of a proxy or not. Without `tls` nothing is asked over https. A large
/// request is one that can be answered before all of it is sent.
pub fn chain(
    attempt: &Attempt,
    proxy: Option<Uri>,
    tls: Option<Arc<ClientConfig>>,
    is_large: bool,
) -> impl Connector<()> {
    let attempt = || attempt.clone();
    ().chain(SocksConnector::default())
        .chain(ConnectProxyConnector::default())
        .chain(dial::Dial { attempt: attempt() })
        .chain(tls::Tls { attempt: attempt(), config: tls, is_large })
        .chain(tracked::Track { attempt: attempt(), proxy })
}
