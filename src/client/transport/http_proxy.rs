//! A tunnel through an HTTP proxy (`CONNECT`; RFC 9110, 9.3.6).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ureq::Error;
use ureq::http::Uri;

use super::head::{self, Scan};
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
        match head::scan(channel.input(), 0) {
            Scan::Interim(end) => channel.consume(end),
            Scan::Final(end) => {
                let status = head::status(channel.input());
                channel.consume(end);
                return status.ok_or_else(|| NOT_HTTP.into());
            }
            Scan::Incomplete if !channel.is_full() => channel.receive()?,
            Scan::Incomplete | Scan::NotHttp => return Err(NOT_HTTP.into()),
        }
    }
}
