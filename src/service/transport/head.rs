//! The head of a reply, and the interim responses (1xx) that may come before it. Pure: bytes are looked at.

use crate::error::{Exit, Failure};

/// Of a head, in bytes. Cookies and policies of a gateway fit in; no head needs more.
pub const MAX_LEN: usize = 64 * 1024;

/// How an interim response begins (RFC 9110, 15.2).
const INTERIM: &[u8] = b"HTTP/1.1 1";

/// What ends a head.
const BLANK_LINE: &[u8] = b"\r\n\r\n";

/// Whether more than interim responses has arrived.
pub fn is_answer(input: &[u8]) -> bool {
    let rest = after_interim(input);
    !rest.starts_with(INTERIM) && !INTERIM.starts_with(rest)
}

/// Whether the head of the reply has arrived to its end.
///
/// # Errors
///
/// A service failure for an interim response that is none of those passed over, 100 and 103. (101 is a reply.)
pub fn is_complete(input: &[u8]) -> Result<bool, Failure> {
    let rest = after_interim(input);
    match (refused_interim(rest), find_end(rest)) {
        (Some(failure), _) => Err(failure),
        (None, end) => Ok(end.is_some()),
    }
}

/// How many bytes the interim responses have that are passed over, 100 and 103.
pub fn interim_len(input: &[u8]) -> usize {
    input.len() - after_interim(input).len()
}

/// What comes after the interim responses that are passed over.
fn after_interim(mut input: &[u8]) -> &[u8] {
    while input.starts_with(b"HTTP/1.1 100") || input.starts_with(b"HTTP/1.1 103") {
        match find_end(input) {
            Some(end) => input = &input[end..],
            None => break,
        }
    }
    input
}

fn find_end(head: &[u8]) -> Option<usize> {
    let at = head.windows(BLANK_LINE.len()).position(|bytes| bytes == BLANK_LINE)?;
    Some(at + BLANK_LINE.len())
}

fn refused_interim(head: &[u8]) -> Option<Failure> {
    let text = String::from_utf8_lossy(&head[..find_end(head)?]);
    let status: u16 = text.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    if status >= 200 || matches!(status, 100 | 101 | 103) {
        return None;
    }
    let mut headers = text.lines().filter_map(|line| line.split_once(':'));
    let request_id = headers.find(|(name, _)| name.eq_ignore_ascii_case("x-request-id"));
    let request_id = request_id.map(|(_, id)| id.trim());
    Some(Failure::new(Exit::Service, "the service sent no reply").reply(status, request_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_told_from_interim_responses() {
        for (input, expected) in [
            ("", false),
            ("HTTP/1.1 ", false),
            ("HTTP/1.1 100 Continue\r\n", false),
            ("HTTP/1.1 100 Continue\r\n\r\n", false),
            ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1", false),
            ("HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 413", true),
            ("HTTP/1.1 4", true),
            ("HTTP/1.0 2", true),
            ("hello", true),
        ] {
            assert_eq!(is_answer(input.as_bytes()), expected, "{input:?}");
        }
    }

    #[test]
    fn a_head_is_complete_at_its_blank_line() {
        let interim = "HTTP/1.1 100 Continue\r\n\r\n";
        for (input, expected) in [
            ("", Some(false)),
            (interim, Some(false)),
            ("HTTP/1.1 200 OK\r\n", Some(false)),
            ("HTTP/1.1 200 OK\r\n\r\nbody", Some(true)),
            (&format!("{interim}HTTP/1.1 200 OK\r\n\r\n"), Some(true)),
            ("HTTP/1.1 101 Switching\r\n\r\n", Some(true)),
            ("HTTP/1.1 102 Processing\r\n", Some(false)),
            ("HTTP/1.1 102 Processing\r\n\r\n", None),
            (&format!("{interim}HTTP/1.1 199 Odd\r\nX-Request-ID: a\r\n\r\n"), None),
        ] {
            assert_eq!(is_complete(input.as_bytes()).ok(), expected, "{input:?}");
        }
    }
}
