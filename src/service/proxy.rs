//! Which proxy is used, if any: the variables as curl reads them.
//!
//! A proxy that cannot be used is an error, never a silent direct connection. Its address may hold a
//! password, and is not shown.

use std::ffi::OsString;
use std::net::IpAddr;

use anyhow::Result;
use ipnet::IpNet;
use ureq::Proxy;
use ureq::http::Uri;

use super::BaseUrl;
use super::base_url::{is_port, without_brackets};
use crate::error::Failure;

/// The variables about proxies that are set.
#[derive(Default)]
pub struct ProxyVariables {
    /// The first that is set of `https_proxy`, `HTTPS_PROXY`, `all_proxy` and `ALL_PROXY`: its name
    /// and its value.
    pub proxy: Option<(&'static str, OsString)>,
    /// The same of `no_proxy` and `NO_PROXY`.
    pub no_proxy: Option<(&'static str, OsString)>,
}

impl std::fmt::Debug for ProxyVariables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProxyVariables").field("no_proxy", &self.no_proxy).finish_non_exhaustive()
    }
}

/// The port of a proxy that names none, as in curl (`CURLOPT_PROXY`).
const DEFAULT_PORT: u16 = 1080;
/// The same for a proxy that is spoken to over TLS.
const DEFAULT_HTTPS_PORT: u16 = 443;

/// A proxy, and the variable that names it.
#[derive(Debug)]
pub struct ChosenProxy {
    /// The variable's name.
    pub variable: &'static str,
    /// How to reach the proxy.
    pub proxy: Proxy,
}

/// The proxy for an address; none for http, which goes to this machine only.
///
/// # Errors
///
/// A usage failure that names the variable whose address cannot be used.
pub fn choose(base_url: &BaseUrl, variables: &ProxyVariables) -> Result<Option<ChosenProxy>> {
    let ProxyVariables { proxy, no_proxy } = variables;
    let Some(proxy) = proxy.as_ref().filter(|_| base_url.is_https()) else { return Ok(None) };
    if let Some(no_proxy) = no_proxy
        && is_excepted(base_url.name(), text(no_proxy)?)
    {
        return Ok(None);
    }
    match (proxy.0, parse(text(proxy)?)) {
        (variable, Ok(proxy)) => Ok(Some(ChosenProxy { variable, proxy })),
        (variable, Err(why)) => Err(Failure::usage(format!("{variable}: {why}")).into()),
    }
}

fn text<'a>((name, value): &'a (&'static str, OsString)) -> Result<&'a str, Failure> {
    value.to_str().ok_or_else(|| Failure::usage(format!("{name}: it is not UTF-8")))
}

fn parse(address: &str) -> Result<Proxy, String> {
    let (scheme, rest) = address.split_once("://").unwrap_or(("http", address));
    let (scheme, default_port) = match scheme.to_ascii_lowercase().as_str() {
        "http" => ("http", DEFAULT_PORT),
        "https" => ("https", DEFAULT_HTTPS_PORT),
        "socks" | "socks4" => ("socks4", DEFAULT_PORT),
        "socks4a" => ("socks4a", DEFAULT_PORT),
        "socks5" => ("socks5", DEFAULT_PORT),
        "socks5h" => ("socks5h", DEFAULT_PORT),
        _ => return Err("a proxy is http, https, socks4, socks4a, socks5 or socks5h".into()),
    };
    let not_an_address = || "it is not the address of a proxy".to_owned();
    let uri: Uri = format!("{scheme}://{rest}").parse().map_err(|_| not_an_address())?;
    let authority = uri.authority().filter(|authority| !authority.host().is_empty());
    let authority = authority.ok_or_else(not_an_address)?.as_str();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    // The colons of a bare IPv6 address are within brackets.
    let full = match host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) {
        None => format!("{scheme}://{authority}:{default_port}"),
        Some((_, port)) if is_port(port) => {
            format!("{scheme}://{authority}")
        }
        Some(_) => return Err("its port is not from 1 to 65535".into()),
    };
    Proxy::new(&full).map_err(|_| not_an_address())
}

/// Whether a `NO_PROXY` list has the host: `*` alone, a name and its sub-domains with or without a dot
/// before it, an address, or a block of addresses.
fn is_excepted(host: &str, list: &str) -> bool {
    if list.trim() == "*" {
        return true;
    }
    let host = without_brackets(host).trim_end_matches('.');
    let address: Option<IpAddr> = host.parse().ok();
    let mut entries = list.split([',', ' ', '\t']).filter(|entry| !entry.is_empty());
    entries.any(|entry| match address {
        Some(address) => {
            let bare = without_brackets(entry);
            bare.parse().is_ok_and(|entry: IpAddr| entry == address)
                || bare.parse().is_ok_and(|block: IpNet| block.contains(&address))
        }
        None => is_in_domain(host, entry.trim_start_matches('.').trim_end_matches('.')),
    })
}

fn is_in_domain(host: &str, domain: &str) -> bool {
    let (host, domain) = (host.to_ascii_lowercase(), domain.to_ascii_lowercase());
    match host.strip_suffix(&domain) {
        Some(rest) => !domain.is_empty() && (rest.is_empty() || rest.ends_with('.')),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ureq::ProxyProtocol;

    #[test]
    fn hosts_are_excepted_as_curl_excepts_them() {
        for (host, list, expected) in [
            ("api.x.ai", "*", true),
            ("api.x.ai", "x.ai", true),
            ("api.x.ai", ".x.ai", true),
            ("api.x.ai", "API.X.AI", true),
            ("api.x.ai", "a.example, x.ai", true),
            ("api.x.ai", "a.example x.ai", true),
            ("api.x.ai", "x.ai.", true),
            ("api.x.ai", "ax.ai", false),
            ("api.ax.ai", "x.ai", false),
            ("api.x.ai", "www.api.x.ai", false),
            ("api.x.ai", "", false),
            ("api.x.ai", "a.example,*", false),
            ("10.1.2.3", "10.1.2.3", true),
            ("10.1.2.3", "10.0.0.0/8", true),
            ("10.1.2.3", "10.1.2.4", false),
            ("10.1.2.3", "11.0.0.0/8", false),
            ("10.1.2.3", "3", false),
            ("[::1]", "::1", true),
            ("[fd00::7]", "fd00::/8", true),
            ("[::1]", "[::1]", true),
        ] {
            assert_eq!(is_excepted(host, list), expected, "{host} in {list:?}");
        }
    }

    #[test]
    fn the_address_of_a_proxy_is_read_as_curl_reads_it() {
        use ProxyProtocol::{Http, Https, Socks4, Socks5, Socks5h};
        for (address, protocol, host, port) in [
            ("http://proxy.example:3128", Http, "proxy.example", 3128),
            ("proxy.example:3128", Http, "proxy.example", 3128),
            ("proxy.example", Http, "proxy.example", 1080),
            ("HTTPS://proxy.example", Https, "proxy.example", 443),
            ("socks5://127.0.0.1", Socks5, "127.0.0.1", 1080),
            ("socks5h://user:p%40ss@proxy.example:9/", Socks5h, "proxy.example", 9),
            ("socks://proxy.example", Socks4, "proxy.example", 1080),
            ("http://[::1]:8080", Http, "[::1]", 8080),
            ("http://[::1]", Http, "[::1]", 1080),
        ] {
            let proxy = parse(address).expect(address);
            assert_eq!(
                (proxy.protocol(), proxy.host(), proxy.port()),
                (protocol, host, port),
                "{address}"
            );
        }
        let proxy = parse("http://user:p%40ss@proxy.example").expect("an address");
        assert_eq!((proxy.username(), proxy.password()), (Some("user"), Some("p@ss")));
        for address in [
            "ftp://a",
            "://",
            "http://",
            "http://a b",
            "http://a:0",
            "http://a:99999",
            "http://a:x",
            "http://a:+80",
            ":",
        ] {
            assert!(parse(address).is_err(), "{address}");
        }
    }
}
