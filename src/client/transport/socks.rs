//! SOCKS 4, 4a and 5 (RFC 1928 and 1929), as a client that wants a connection.

use std::net::{IpAddr, SocketAddr};

use ureq::http::Uri;
use ureq::{Error, ProxyProtocol};

use super::tunnel::{Channel, Credentials, ProxyError};
use crate::host::without_brackets;

/// The answer of a proxy whose rules forbid the connection (RFC 1928, 6).
pub const NOT_ALLOWED: &str = "connection not allowed by ruleset";

/// Has the proxy connect to the target: to one of `addresses`, or, where there are none, to its name.
pub fn open(
    channel: &mut Channel<'_>,
    protocol: ProxyProtocol,
    credentials: Option<&Credentials>,
    target: &Uri,
    addresses: &[SocketAddr],
) -> Result<(), Error> {
    let is_version_4 = matches!(protocol, ProxyProtocol::Socks4 | ProxyProtocol::Socks4A);
    let host = without_brackets(target.host().unwrap_or_default());
    let port = target.port_u16().unwrap_or(443);
    // Version 4 knows IPv4 only.
    let address = addresses.iter().find(|address| !is_version_4 || address.is_ipv4());
    let address = address.or(addresses.first()).map(SocketAddr::ip).or_else(|| host.parse().ok());
    if is_version_4 {
        let user = credentials.map_or(&b""[..], |credentials| &credentials.user);
        channel.send(&request_4(address, host, port, user)?)?;
        let [version, answer, ..] = channel.read::<8>()?;
        return Ok(check_answer_4(version, answer)?);
    }
    // The methods offered: none, and a user with a password.
    channel.send(if credentials.is_some() { &[5, 2, 0, 2] } else { &[5, 1, 0] })?;
    let answer = channel.read()?;
    match (answer, credentials) {
        ([5, 0], _) => {}
        ([5, 2], Some(credentials)) => {
            channel.send(&authentication(credentials)?)?;
            let [_, status] = channel.read()?;
            if status != 0 {
                return Err(ProxyError::WantsCredentials.into());
            }
        }
        ([5, _], _) => return Err(ProxyError::WantsCredentials.into()),
        _ => return Err(ProxyError::OtherProtocol("SOCKS5").into()),
    }
    channel.send(&request_5(address, host, port)?)?;
    receive_answer_5(channel)
}

/// The bound address in the answer is of no use, but it has to be read.
fn receive_answer_5(channel: &mut Channel<'_>) -> Result<(), Error> {
    let [version, answer] = channel.read()?;
    check_answer_5(version, answer)?;
    let [_, kind] = channel.read()?;
    let len = match kind {
        1 => 4,
        4 => 16,
        3 => channel.read::<1>()?[0].into(),
        _ => return Err(ProxyError::OtherProtocol("SOCKS5").into()),
    };
    // And the port.
    for _ in 0..len + 2 {
        channel.read::<1>()?;
    }
    Ok(())
}

/// Asks for the address, or, where there is none, for the host's name.
fn request_4(
    address: Option<IpAddr>,
    host: &str,
    port: u16,
    user: &[u8],
) -> Result<Vec<u8>, ProxyError> {
    let (address, name) = match address {
        Some(IpAddr::V4(address)) => (address.octets(), None),
        Some(IpAddr::V6(_)) => return Err(ProxyError::Impossible("SOCKS4 does not support IPv6")),
        // 4a: an address that is none says that a name follows.
        None => ([0, 0, 0, 1], Some(host)),
    };
    let mut request = vec![4, 1];
    request.extend_from_slice(&port.to_be_bytes());
    request.extend_from_slice(&address);
    for text in [Some(user), name.map(str::as_bytes)].into_iter().flatten() {
        if text.len() > usize::from(u8::MAX) || text.contains(&0) {
            return Err(TOO_LONG);
        }
        request.extend_from_slice(text);
        request.push(0);
    }
    Ok(request)
}

/// Asks for the address, or, where there is none, for the host's name.
fn request_5(address: Option<IpAddr>, host: &str, port: u16) -> Result<Vec<u8>, ProxyError> {
    let mut request = vec![5, 1, 0];
    match address {
        Some(IpAddr::V4(address)) => {
            request.push(1);
            request.extend_from_slice(&address.octets());
        }
        Some(IpAddr::V6(address)) => {
            request.push(4);
            request.extend_from_slice(&address.octets());
        }
        None => {
            request.push(3);
            push_text(&mut request, host.as_bytes())?;
        }
    }
    request.extend_from_slice(&port.to_be_bytes());
    Ok(request)
}

/// A user and a password (RFC 1929).
fn authentication(credentials: &Credentials) -> Result<Vec<u8>, ProxyError> {
    let Credentials { user, password } = credentials;
    let mut message = vec![1];
    push_text(&mut message, user)?;
    push_text(&mut message, password)?;
    Ok(message)
}

const TOO_LONG: ProxyError =
    ProxyError::Impossible("SOCKS limits host name, user and password to 255 bytes each");

/// A text after its length.
fn push_text(message: &mut Vec<u8>, text: &[u8]) -> Result<(), ProxyError> {
    message.push(u8::try_from(text.len()).map_err(|_| TOO_LONG)?);
    message.extend_from_slice(text);
    Ok(())
}

fn check_answer_4(version: u8, answer: u8) -> Result<(), ProxyError> {
    match (version, answer) {
        (0, 90) => Ok(()),
        (0, 91) => Err(ProxyError::Answered("request rejected or failed")),
        (0, 92 | 93) => Err(ProxyError::Answered("could not verify the user (identd)")),
        _ => Err(ProxyError::OtherProtocol("SOCKS4")),
    }
}

fn check_answer_5(version: u8, answer: u8) -> Result<(), ProxyError> {
    Err(ProxyError::Answered(match (version, answer) {
        (5, 0) => return Ok(()),
        (5, 1) => "general failure",
        (5, 2) => NOT_ALLOWED,
        (5, 3) => "network unreachable",
        (5, 4) => "host unreachable",
        (5, 5) => "connection refused",
        (5, 6) => "TTL expired",
        (5, 7) => "command not supported",
        (5, 8) => "address type not supported",
        (5, _) => "unknown error",
        _ => return Err(ProxyError::OtherProtocol("SOCKS5")),
    }))
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    const V4: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)));
    const V6: Option<IpAddr> = Some(IpAddr::V6(Ipv6Addr::LOCALHOST));

    #[test]
    fn version_4_takes_an_address_or_a_name_and_a_user() {
        for (address, user, expected) in [
            (V4, &b""[..], &b"\x04\x01\x01\xbb\x0a\x00\x00\x01\x00"[..]),
            (V4, b"me", b"\x04\x01\x01\xbb\x0a\x00\x00\x01me\x00"),
            (None, b"", b"\x04\x01\x01\xbb\x00\x00\x00\x01\x00api.x.ai\x00"),
        ] {
            let request = request_4(address, "api.x.ai", 443, user);
            assert_eq!(request.as_deref(), Ok(expected), "{address:?}");
        }
        let is_impossible = |address, host: &str, user| {
            matches!(request_4(address, host, 1, user), Err(ProxyError::Impossible(_)))
        };
        assert!(is_impossible(V6, "", b""));
        assert!(is_impossible(V4, "", b"a\0b"));
        assert!(is_impossible(None, &"a".repeat(256), b""));
    }

    #[test]
    fn version_5_takes_an_address_or_a_name() {
        let mut v6 = b"\x05\x01\x00\x04".to_vec();
        v6.extend_from_slice(&[0; 15]);
        v6.extend_from_slice(b"\x01\x00\x50");
        for (address, port, expected) in [
            (V4, 443, &b"\x05\x01\x00\x01\x0a\x00\x00\x01\x01\xbb"[..]),
            (V6, 80, &v6),
            (None, 443, b"\x05\x01\x00\x03\x08api.x.ai\x01\xbb"),
        ] {
            let request = request_5(address, "api.x.ai", port);
            assert_eq!(request.as_deref(), Ok(expected), "{address:?}");
        }
        assert_eq!(request_5(None, &"a".repeat(256), 1), Err(TOO_LONG));
        assert!(request_5(None, &"a".repeat(255), 1).is_ok());
    }

    #[test]
    fn a_user_and_a_password_go_after_their_lengths() {
        let message = |password: &[u8]| {
            authentication(&Credentials { user: b"me".to_vec(), password: password.to_vec() })
        };
        assert_eq!(message(b"p@\xff").as_deref(), Ok(&b"\x01\x02me\x03p@\xff"[..]));
        assert_eq!(message(b"").as_deref(), Ok(&b"\x01\x02me\x00"[..]));
        assert_eq!(message(&[b'a'; 256]), Err(TOO_LONG));
    }

    #[test]
    fn a_response_is_a_success_or_gives_the_reason() {
        assert_eq!((check_answer_4(0, 90), check_answer_5(5, 0)), (Ok(()), Ok(())));
        for (error, expected) in [
            (check_answer_4(0, 91), "the proxy reported: request rejected or failed"),
            (check_answer_4(5, 90), "the proxy does not speak SOCKS4"),
            (check_answer_5(5, 5), "the proxy reported: connection refused"),
            (check_answer_5(5, 99), "the proxy reported: unknown error"),
            (check_answer_5(4, 0), "the proxy does not speak SOCKS5"),
        ] {
            assert_eq!(error.expect_err(expected).to_string(), expected);
        }
    }
}
