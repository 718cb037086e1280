//! A request becomes a response, over HTTP.
//!
//! It knows neither the flags nor what a response means: a status and bytes leave this layer.

mod base_url;
mod headers;
mod http;
mod key;
mod network_error;
mod no_proxy;
mod poll;
mod proxy;
mod retry;
mod tls_error;
mod transport;

pub use self::base_url::BaseUrl;
pub use self::headers::ExtraHeaders;
pub use self::http::{HttpClient, HttpConfig};
pub use self::key::{Key, KeySource};
pub use self::poll::{Polling, RESPONSE_LIMIT};
pub use self::proxy::{ProxyVariables, SelectedProxy, select as select_proxy};
pub use self::retry::RetryPolicy;
pub use self::transport::Authorities;
#[doc(hidden)]
pub use self::transport::Incoming;
