//! A request becomes a response, over HTTP.
//!
//! It knows neither the flags nor what a response means: a status and bytes leave this layer.

mod base_url;
mod file;
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

pub use self::transport::Authorities;
use crate::body::Body;

pub use self::base_url::BaseUrl;
pub use self::headers::ExtraHeaders;
pub use self::http::{HttpClient, HttpConfig};
pub use self::key::{Key, KeySource};
pub use self::poll::{Polling, RESPONSE_LIMIT};
pub use self::proxy::{ProxyVariables, SelectedProxy, select as select_proxy};
pub use self::retry::RetryPolicy;
#[doc(hidden)]
pub use self::transport::Incoming;

/// One request, below the base URL.
pub enum Call<'a> {
    /// A body, posted.
    Post {
        /// The path, without a slash at its beginning.
        path: &'a str,
        /// What is posted: JSON.
        body: &'a Body<'a>,
    },
    /// Nothing but the path.
    Get {
        /// The path, without a slash at its beginning.
        path: &'a str,
    },
}
