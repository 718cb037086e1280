//! A tunnel through an HTTP proxy (`CONNECT`; RFC 9110, 9.3.6).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ureq::Error;
use ureq::http::Uri;

use super::tunnel::{Channel, Credentials, ProxyError};

/// Has the proxy connect to the target. Any success will do.
pub fn open(
    channel: &mut Channel<'_>,
    credentials: Option<&Credentials>,
    target: &Uri,
    user_agent: &str,
) -> Result<(), Error> {
    channel.send(request(credentials, target, user_agent).as_bytes())?;
    match receive_status(channel)? {
        200..300 => Ok(()),
        status => Err(ProxyError::Refused(status).into()),
    }
}

fn request(credentials: Option<&Credentials>, target: &Uri, user_agent: &str) -> String {
    let host = target.host().unwrap_or_default();
    let target = format!("{host}:{}", target.port_u16().unwrap_or(443));
    let credentials = match credentials {
        None => String::new(),
        Some(Credentials { user, password }) => {
            let basic = STANDARD.encode([user, &b":"[..], password].concat());
            format!("Proxy-Authorization: Basic {basic}\r\n")
        }
    };
    format!(
        "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nUser-Agent: {user_agent}\r\n\
         Proxy-Connection: Keep-Alive\r\n{credentials}\r\n"
    )
}

/// The status of the proxy's answer; what comes after its head stays to be read.
fn receive_status(channel: &mut Channel<'_>) -> Result<u16, Error> {
    const NOT_HTTP: ProxyError = ProxyError::OtherProtocol("HTTP");
    loop {
        match parse_head(channel.input()).map_err(|NotHttp| NOT_HTTP)? {
            Some((status, head_len)) => {
                channel.consume(head_len);
                if !matches!(status, 100 | 102..200) {
                    return Ok(status);
                }
            }
            None if channel.is_full() => return Err(NOT_HTTP.into()),
            None => channel.receive()?,
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct NotHttp;

/// The status of a head and its length; `None` where it has no end yet.
fn parse_head(bytes: &[u8]) -> Result<Option<(u16, usize)>, NotHttp> {
    const START: &[u8] = b"HTTP/1.";
    if !bytes.iter().zip(START).all(|(byte, expected)| byte == expected) {
        return Err(NotHttp);
    }
    let mut line_feeds = (0..bytes.len()).filter(|at| bytes[*at] == b'\n');
    let Some(end) = line_feeds.find_map(|at| match bytes[at + 1..] {
        [b'\n', ..] => Some(at + 2),
        [b'\r', b'\n', ..] => Some(at + 3),
        _ => None,
    }) else {
        return Ok(None);
    };
    let status =
        bytes.get(START.len() + 2..START.len() + 5).and_then(|digits| str::from_utf8(digits).ok());
    match status.and_then(|digits| digits.parse().ok()) {
        Some(status @ 100..1000) => Ok(Some((status, end))),
        _ => Err(NotHttp),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_a_response_ends_at_its_empty_line() {
        for (bytes, expected) in [
            ("", Ok(None)),
            ("HTTP/", Ok(None)),
            ("HTTP/1.1 200 OK\r\n", Ok(None)),
            ("HTTP/1.1 200 OK\r\n\r\n\x16\x03", Ok(Some((200, 19)))),
            ("HTTP/1.0 201\nVia: a\n\nrest", Ok(Some((201, 21)))),
            ("HTTP/1.1 407 No\r\nA: b\r\n\r\n", Ok(Some((407, 25)))),
            ("SSH-2.0", Err(NotHttp)),
            ("HTTP/2 200\r\n\r\n", Err(NotHttp)),
            ("HTTP/1.1 2x0 OK\r\n\r\n", Err(NotHttp)),
            ("HTTP/1.1\r\n\r\n", Err(NotHttp)),
        ] {
            assert_eq!(parse_head(bytes.as_bytes()), expected, "{bytes:?}");
        }
    }
}
