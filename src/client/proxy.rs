//! Which proxy is used, if any: the variables as curl reads them.
//!
//! A proxy that cannot be used is an error, never a silent direct connection. Its address may hold a
//! password, and is not shown.

use std::ffi::{OsStr, OsString};

use anyhow::Result;
use ureq::Proxy;
use ureq::http::Uri;

use super::BaseUrl;
use super::no_proxy::matches_no_proxy;
use super::transport::Credentials;
use crate::error::Failure;
use crate::host::is_port;
use crate::secret::Secret;

/// The variables about proxies that are set.
#[derive(Debug, Default)]
pub struct ProxyVariables {
    /// The first that is set of `https_proxy`, `HTTPS_PROXY`, `all_proxy` and `ALL_PROXY`: its name
    /// and its value, which can hold a password.
    pub proxy: Option<(&'static str, Secret<OsString>)>,
    /// The same of `no_proxy` and `NO_PROXY`.
    pub no_proxy: Option<(&'static str, OsString)>,
}

/// The port of a proxy that names none, as in curl (`CURLOPT_PROXY`).
const DEFAULT_PORT: u16 = 1080;
/// The same for a proxy that is spoken to over TLS.
const DEFAULT_HTTPS_PORT: u16 = 443;

/// A proxy, and the variable that names it.
#[derive(Debug)]
pub struct SelectedProxy {
    /// The variable's name.
    pub variable: &'static str,
    /// How to reach the proxy.
    pub proxy: Proxy,
    /// The user and the password for it.
    pub credentials: Option<Secret<Credentials>>,
}

/// The proxy for an address; none for http, which goes to this machine only.
///
/// # Errors
///
/// A usage failure that names the variable whose address cannot be used.
pub fn select(base_url: &BaseUrl, variables: &ProxyVariables) -> Result<Option<SelectedProxy>> {
    let ProxyVariables { proxy, no_proxy } = variables;
    let Some((variable, value)) = proxy.as_ref().filter(|_| base_url.is_https()) else {
        return Ok(None);
    };
    if let Some((name, list)) = no_proxy
        && matches_no_proxy(base_url.name(), text(name, list)?)
    {
        return Ok(None);
    }
    match parse(text(variable, value.reveal())?) {
        Ok((proxy, credentials)) => Ok(Some(SelectedProxy { variable, proxy, credentials })),
        Err(why) => Err(Failure::usage(format!("{variable}: {why}")).into()),
    }
}

fn text<'a>(name: &str, value: &'a OsStr) -> Result<&'a str, Failure> {
    value.to_str().ok_or_else(|| Failure::usage(format!("{name}: not valid UTF-8")))
}

fn parse(address: &str) -> Result<(Proxy, Option<Secret<Credentials>>), String> {
    let (scheme, rest) = address.split_once("://").unwrap_or(("http", address));
    let (scheme, default_port) = match scheme.to_ascii_lowercase().as_str() {
        "http" => ("http", DEFAULT_PORT),
        "https" => ("https", DEFAULT_HTTPS_PORT),
        "socks" | "socks4" => ("socks4", DEFAULT_PORT),
        "socks4a" => ("socks4a", DEFAULT_PORT),
        "socks5" => ("socks5", DEFAULT_PORT),
        "socks5h" => ("socks5h", DEFAULT_PORT),
        _ => return Err(
            "unsupported proxy scheme; expected http, https, socks4, socks4a, socks5 or socks5h"
                .into(),
        ),
    };
    let not_an_address = || "not the address of a proxy".to_owned();
    let (credentials, rest) = take_credentials(rest).ok_or_else(not_an_address)?;
    let uri: Uri = format!("{scheme}://{rest}").parse().map_err(|_| not_an_address())?;
    let authority = uri.authority().filter(|authority| !authority.host().is_empty());
    let host = authority.ok_or_else(not_an_address)?.as_str();
    // The colons of a bare IPv6 address are within brackets.
    let full = match host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) {
        None => format!("{scheme}://{host}:{default_port}"),
        Some((_, port)) if is_port(port) => format!("{scheme}://{host}"),
        Some(_) => return Err("the port must be from 1 to 65535".into()),
    };
    let proxy = Proxy::new(&full).map_err(|_| not_an_address())?;
    Ok((proxy, credentials))
}

/// What stands before an `@`, as curl takes it, and the address without it. Any character will do but blanks and controls:
/// the names of Windows domains have a `\`, and bytes of any kind may be encoded with `%`. `None` for what curl refuses.
fn take_credentials(address: &str) -> Option<(Option<Secret<Credentials>>, String)> {
    let authority = address.split(['/', '?', '#']).next().unwrap_or_default();
    let Some((credentials, host)) = authority.rsplit_once('@') else {
        return Some((None, address.to_owned()));
    };
    if credentials.bytes().any(|byte| byte == b' ' || byte.is_ascii_control()) {
        return None;
    }
    let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
    let (user, password) = (percent_decode(user)?, percent_decode(password)?);
    let address = format!("{host}{}", &address[authority.len()..]);
    Some((Some(Secret::new(Credentials { user, password })), address))
}

/// The bytes of a text with `%41` and the like; a `%` that begins no byte stands for itself. `None` where one is null.
fn percent_decode(text: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let digits = after.first_chunk::<2>().filter(|_| *first == b'%');
        let digits = digits.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let byte =
            digits.and_then(|digits| u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok());
        decoded.push(byte.unwrap_or(*first));
        rest = &after[byte.map_or(0, |_| 2)..];
    }
    (!decoded.contains(&0)).then_some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_password_may_have_every_character_that_curl_takes() {
        for (credentials, user, password) in [
            ("user:p%40ss", "user", &b"p@ss"[..]),
            (r"CORP\jdoe:pw", r"CORP\jdoe", b"pw"),
            ("u:^|\"<>{}`é", "u", "^|\"<>{}`é".as_bytes()),
            ("u:%e9%FF", "u", b"\xe9\xff"),
            ("u:a:b@c[1]", "u", b"a:b@c[1]"),
            ("u:100%", "u", b"100%"),
            ("u:5%zz%4", "u", b"5%zz%4"),
            ("u:%25", "u", b"%"),
            ("u:a+b&c=d;e,f!$*()'", "u", b"a+b&c=d;e,f!$*()'"),
            ("u", "u", b""),
            (":p", "", b"p"),
        ] {
            let (proxy, found) =
                parse(&format!("http://{credentials}@proxy.example:3128/x?y")).expect(credentials);
            assert_eq!((proxy.host(), proxy.port()), ("proxy.example", 3128), "{credentials}");
            let found = found.expect(credentials);
            let Credentials { user: found_user, password: found_password } = found.reveal();
            assert_eq!((&found_user[..], &found_password[..]), (user.as_bytes(), password));
        }
        for address in [
            "http://u:a%00b@a",
            "http://u:a b@a",
            "http://u:a\tb@a",
            "http://u:a/b@a",
            "http://u:a#b@a",
            "http://u:a?b@a",
        ] {
            assert!(parse(address).is_err(), "{address}");
        }
    }

    #[test]
    fn the_address_of_a_proxy_is_read_as_curl_reads_it() {
        use ureq::ProxyProtocol::{Http, Https, Socks4, Socks5, Socks5h};
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
            let (proxy, _) = parse(address).expect(address);
            assert_eq!(
                (proxy.protocol(), proxy.host(), proxy.port()),
                (protocol, host, port),
                "{address}"
            );
        }
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
