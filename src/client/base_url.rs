//! The base URL, checked before anything is sent to it.

use anyhow::Result;
use ureq::http::Uri;
use ureq::http::uri::Authority;

use crate::error::Failure;
use crate::host::{is_loopback, is_port};

/// The API of xAI (xAI API reference).
const DEFAULT: &str = "https://api.x.ai/v1";

/// The longest base URL, in bytes: the head of a request must fit into a buffer of 8 KiB.
const MAX_LEN: usize = 2048;

/// A URL to which a prompt, and a key, may be sent.
#[derive(Debug, Clone)]
pub struct BaseUrl(Uri);

impl BaseUrl {
    /// Checks the value of `--base-url` or `XAI_BASE_URL`; without one it is xAI's.
    ///
    /// # Errors
    ///
    /// A usage failure: not a URL, another scheme, http to another machine, user information, a query, a fragment, or
    /// a port that is none.
    pub fn parse(given: Option<&str>) -> Result<Self> {
        let given = given.unwrap_or(DEFAULT);
        // What stands before an @ can be a password.
        let shown = match given.rsplit_once('@') {
            Some((_, rest)) => format!("…@{rest}"),
            None => given.to_owned(),
        };
        Self::check(given).map_err(|why| Failure::usage(format!("base URL {shown}: {why}")).into())
    }

    /// The URL of a path below it.
    pub fn join(&self, path: &str) -> String {
        let scheme = if self.is_https() { "https" } else { "http" };
        format!("{scheme}://{}{}", self.host(), self.path_of(path))
    }

    /// The same without scheme and host.
    pub fn path_of(&self, path: &str) -> String {
        format!("{}/{path}", self.0.path().trim_end_matches('/'))
    }

    /// The host, with the port if one was given, for messages.
    pub fn host(&self) -> &str {
        self.0.authority().map_or("", Authority::as_str)
    }

    /// The host alone.
    pub fn name(&self) -> &str {
        self.0.host().unwrap_or_default()
    }

    /// Whether the connection is encrypted.
    pub fn is_https(&self) -> bool {
        self.0.scheme_str().is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"))
    }

    /// Whether it is this machine, where no key is needed.
    pub fn is_loopback(&self) -> bool {
        is_loopback(self.name())
    }

    fn check(given: &str) -> Result<Self, String> {
        let scheme = given.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        match scheme.as_deref() {
            Some("https" | "http") => {}
            Some(_) => return Err("must begin with https://".into()),
            None => return Err("missing https://".into()),
        }
        if given.len() > MAX_LEN {
            return Err(format!("longer than {MAX_LEN} bytes"));
        }
        if given.contains('#') {
            return Err("a fragment (#) is not allowed".into());
        }
        let uri: Uri = given.parse().map_err(|_| "not a URL")?;
        if uri.authority().is_none_or(|authority| authority.host().is_empty()) {
            return Err("no host".into());
        }
        let base_url = Self(uri);
        let (host, name) = (base_url.host(), base_url.name());
        if host.contains('@') {
            return Err("user information (@) is not allowed".into());
        }
        if base_url.0.query().is_some() {
            return Err("a query (?) is not allowed".into());
        }
        check_port(&host[name.len()..])?;
        if !base_url.is_https() && !base_url.is_loopback() {
            return Err(
                "http is allowed for this machine only (127.0.0.0/8, ::1, localhost); use https"
                    .into(),
            );
        }
        Ok(base_url)
    }
}

/// What follows the host: nothing, or a colon and a port.
fn check_port(rest: &str) -> Result<(), String> {
    let Some(port) = rest.strip_prefix(':') else {
        return if rest.is_empty() { Ok(()) } else { Err("malformed host".into()) };
    };
    if is_port(port) { Ok(()) } else { Err("the port must be from 1 to 65535".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_accepted_or_refused_with_a_reason() {
        let accepted = [
            ("https://api.x.ai/v1", "https://api.x.ai/v1/chat/completions"),
            ("https://api.x.ai/v1/", "https://api.x.ai/v1/chat/completions"),
            ("https://gateway.example/a/b//", "https://gateway.example/a/b/chat/completions"),
            ("HTTPS://API.example", "https://API.example/chat/completions"),
            ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1/chat/completions"),
            ("http://127.1.2.3", "http://127.1.2.3/chat/completions"),
            ("http://[::1]:9", "http://[::1]:9/chat/completions"),
            ("http://LocalHost:65535", "http://LocalHost:65535/chat/completions"),
        ];
        for (given, url) in accepted {
            assert_eq!(
                BaseUrl::check(given).map(|base| base.join("chat/completions")),
                Ok(url.into())
            );
        }
        let base = BaseUrl::check("https://API.example:8443/a//").expect("a URL");
        assert_eq!((base.host(), base.name()), ("API.example:8443", "API.example"));
        assert_eq!(base.path_of("models"), "/a/models");
        let refused = [
            ("api.x.ai/v1", "missing https://"),
            ("", "missing https://"),
            ("ftp://api.x.ai", "must begin with https://"),
            ("http://api.x.ai/v1", "this machine only"),
            ("http://localhost.example", "this machine only"),
            ("http://127.0.0.1.example", "this machine only"),
            ("http://10.0.0.1", "this machine only"),
            ("https://user:secret@api.x.ai", "user information"),
            ("https://api.x.ai/v1?a=b", "query"),
            ("https://api.x.ai/v1#a", "fragment"),
            ("https://api.x.ai:0", "port"),
            ("http://127.0.0.1:99999/", "port"),
            ("https://api.x.ai:/", "port"),
            ("https://api.x.ai:+80/", "port"),
            ("https://", "not a URL"),
            ("https:///v1", "not a URL"),
            ("https://a b", "not a URL"),
        ];
        for (given, reason) in refused {
            let why = BaseUrl::check(given).expect_err(given);
            assert!(why.contains(reason), "{given}: {why}");
        }
    }
}
