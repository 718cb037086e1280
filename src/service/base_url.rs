//! The service's address, checked before anything is sent to it.

use std::net::IpAddr;

use anyhow::Result;
use ureq::http::Uri;

use crate::error::Failure;

/// The service of xAI (xAI API reference).
const DEFAULT: &str = "https://api.x.ai/v1";

/// The longest address, in bytes: the head of a request must fit into a buffer of 8 KiB.
const MAX_LEN: usize = 2048;

/// An address to which a question, and a key, may go.
#[derive(Debug)]
pub struct BaseUrl {
    /// Scheme, host, port and path, without a slash at the end.
    url: String,
    /// Where in `url` the path begins.
    path_at: usize,
    host: String,
    /// How much of `host` is the name, without the port.
    name_len: usize,
    https: bool,
    loopback: bool,
}

impl BaseUrl {
    /// Checks what `--base-url` or `XAI_BASE_URL` says; the service of xAI where they say nothing.
    ///
    /// # Errors
    ///
    /// A usage failure: not a URL, another scheme, http to another machine, user information, a
    /// query, a fragment, or a port that is none.
    pub fn parse(given: Option<&str>) -> Result<Self> {
        let given = given.unwrap_or(DEFAULT);
        // What stands before an @ can be a password.
        let shown = match given.rsplit_once('@') {
            Some((_, rest)) => format!("…@{rest}"),
            None => given.to_owned(),
        };
        Self::check(given).map_err(|why| Failure::usage(format!("base URL {shown}: {why}")).into())
    }

    /// The address of one of its resources.
    pub fn join(&self, path: &str) -> String {
        format!("{}/{path}", self.url)
    }

    /// The path of one of its resources, without the host.
    pub fn path_of(&self, path: &str) -> String {
        self.join(path).split_off(self.path_at)
    }

    /// The host, with the port where one was given, for messages.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The host alone.
    pub fn name(&self) -> &str {
        &self.host[..self.name_len]
    }

    /// Whether the connection is to be encrypted.
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// Whether it is this machine itself, where no key is needed.
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }

    fn check(given: &str) -> Result<Self, String> {
        let https =
            match given.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase()).as_deref()
            {
                Some("https") => true,
                Some("http") => false,
                _ => return Err("it begins neither with https:// nor with http://".into()),
            };
        if given.len() > MAX_LEN {
            return Err(format!("it is longer than {MAX_LEN} bytes"));
        }
        if given.contains('#') {
            return Err("it has a fragment (#)".into());
        }
        let uri: Uri = given.parse().map_err(|_| "it is not a URL")?;
        let authority = uri.authority().ok_or("it has no host")?;
        if authority.as_str().contains('@') {
            return Err("it has user information (@)".into());
        }
        if uri.query().is_some() {
            return Err("it has a query (?)".into());
        }
        if authority.host().is_empty() {
            return Err("it has no host".into());
        }
        check_port(&authority.as_str()[authority.host().len()..])?;
        let loopback = is_loopback(authority.host());
        if !https && !loopback {
            return Err(
                "http is for this machine only (127.0.0.0/8, ::1, localhost); use https".into()
            );
        }
        let scheme = if https { "https" } else { "http" };
        let path = uri.path().trim_end_matches('/');
        let origin = format!("{scheme}://{authority}");
        Ok(Self {
            path_at: origin.len(),
            url: origin + path,
            host: authority.to_string(),
            name_len: authority.host().len(),
            https,
            loopback,
        })
    }
}

/// What follows the host: nothing, or a colon and a port.
fn check_port(rest: &str) -> Result<(), String> {
    let Some(port) = rest.strip_prefix(':') else {
        return if rest.is_empty() { Ok(()) } else { Err("it has a host that is none".into()) };
    };
    if is_port(port) { Ok(()) } else { Err("its port is not from 1 to 65535".into()) }
}

/// Digits alone, from 1 to 65535.
pub fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port > 0)
}

/// The name of this machine, which it has everywhere.
pub fn is_localhost(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
}

fn is_loopback(host: &str) -> bool {
    is_localhost(host)
        || without_brackets(host).parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A host without the brackets in which an IPv6 address stands in a URL.
pub fn without_brackets(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_accepted_or_refused_with_a_reason() {
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
        let refused = [
            ("api.x.ai/v1", "neither"),
            ("", "neither"),
            ("ftp://api.x.ai", "neither"),
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
            let why = BaseUrl::check(given).map(|base| base.url).expect_err(given);
            assert!(why.contains(reason), "{given}: {why}");
        }
    }
}
