//! The head of a response, and the interim responses (1xx) that may come before it. It does no I/O.

/// The longest head, in bytes. Cookies and policies of a gateway fit in; no head needs more.
pub const MAX_LEN: usize = 64 * 1024;

/// The headers that xask, or ureq for it, looks at. The others are dropped before ureq sees them: it takes 128
/// of them at most, and gateways send more.
const KEPT: [&str; 9] = [
    "content-encoding",
    "content-length",
    "content-type",
    "location",
    "retry-after",
    "retry-after-ms",
    "transfer-encoding",
    "x-request-id",
    "x-should-retry",
];

/// What the bytes that have arrived begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scan {
    /// A head that may still become whole.
    Incomplete,
    /// Nothing that HTTP/1 begins with.
    NotHttp,
    /// An interim response that ends at this offset. Status 101 is none: no interim response follows it.
    Interim(usize),
    /// The head of the response, which ends at this offset.
    Final(usize),
}

/// How much of a response may be empty lines before its head, in bytes.
const MAX_EMPTY: usize = 64;

/// Looks at what has arrived, and was found incomplete when so much of it had arrived.
pub fn scan(bytes: &[u8], scanned: usize) -> Scan {
    let line = after_empty_lines(bytes);
    let empty = bytes.len() - line.len();
    if !may_be_status_line(line) || empty > MAX_EMPTY {
        return Scan::NotHttp;
    }
    // The last line feed may have been seen, but not what follows it.
    let scanned = scanned.saturating_sub(empty + 2).min(line.len());
    let Some(end) = find_end(&line[scanned..]) else { return Scan::Incomplete };
    let end = empty + scanned + end;
    match status(bytes) {
        Some(100 | 102..200) => Scan::Interim(end),
        _ => Scan::Final(end),
    }
}

/// The status of a head, as soon as it can be read.
pub fn status(bytes: &[u8]) -> Option<u16> {
    let line = after_empty_lines(bytes);
    if !may_be_status_line(line) {
        return None;
    }
    std::str::from_utf8(line.get(STATUS_AT..STATUS_AT + 3)?).ok()?.parse().ok()
}

/// Where the status stands in `HTTP/1.1 200`.
const STATUS_AT: usize = 9;

/// The same head as a strict parser takes it: the headers that are read at all, each on one line, nothing between a
/// name and its colon (RFC 9112, 5.1 and 5.2), and no reason phrase.
pub fn normalize(head: &[u8]) -> Vec<u8> {
    let mut lines = after_empty_lines(head).split(|byte| *byte == b'\n').map(trim_end);
    let status_line = lines.next().unwrap_or_default();
    let mut normalized = match status(status_line) {
        Some(_) => status_line[..STATUS_AT + 3].to_vec(),
        None => status_line.to_vec(),
    };
    let mut is_kept = false;
    for line in lines {
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            if is_kept {
                normalized.push(b' ');
                push_value(&mut normalized, line.trim_ascii());
            }
            continue;
        }
        let header = split_header(line);
        is_kept = header.is_some_and(|(name, _)| is_any_of(name, &KEPT));
        // What is no header at all is left for the parser to refuse.
        if header.is_none() && !line.is_empty() {
            normalized.extend_from_slice(b"\r\n");
            normalized.extend_from_slice(line);
        }
        if let Some((name, value)) = header.filter(|_| is_kept) {
            normalized.extend_from_slice(b"\r\n");
            normalized.extend_from_slice(name);
            normalized.extend_from_slice(b": ");
            push_value(&mut normalized, value);
        }
    }
    normalized.extend_from_slice(b"\r\n\r\n");
    normalized
}

/// Adds a value: control characters are no reason to lose an answer, and a parser refuses them.
fn push_value(normalized: &mut Vec<u8>, value: &[u8]) {
    let is_plain = |byte: u8| !byte.is_ascii_control() || byte == b'\t';
    normalized.extend(value.iter().map(|&byte| if is_plain(byte) { byte } else { b'?' }));
}

/// The value of the first header of this name, in a normalized head.
pub fn header<'a>(normalized: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let mut headers = normalized.split(|byte| *byte == b'\n').filter_map(split_header);
    headers.find(|(found, _)| is_any_of(found, &[name])).map(|(_, value)| value)
}

/// A line as the name (a token, RFC 9110, 5.6.2) and the value of a header.
fn split_header(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let name = trim_end(&line[..colon]);
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let is_header = !name.is_empty() && name.iter().all(is_token) && !line.contains(&0);
    is_header.then(|| (name, line[colon + 1..].trim_ascii()))
}

fn is_any_of(name: &[u8], names: &[&str]) -> bool {
    names.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}

fn trim_end(line: &[u8]) -> &[u8] {
    line.trim_ascii_end()
}

/// Empty lines before a message are passed over (RFC 9112, 2.2).
fn after_empty_lines(bytes: &[u8]) -> &[u8] {
    let is_line_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let start = bytes.iter().position(|byte| !is_line_end(byte)).unwrap_or(bytes.len());
    &bytes[start..]
}

/// Whether a line begins as `HTTP/1.1 200` does, as far as it is there.
fn may_be_status_line(line: &[u8]) -> bool {
    line.iter().zip(b"HTTP/1.N NNN ").all(|(byte, expected)| match expected {
        b'N' => byte.is_ascii_digit(),
        b' ' => byte.is_ascii_whitespace(),
        expected => byte == expected,
    })
}

/// Where a head ends: after the first empty line, whose line feeds may come without CR (RFC 9112, 2.2).
fn find_end(head: &[u8]) -> Option<usize> {
    let line_feeds =
        head.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
    line_feeds.into_iter().find_map(|line| match &head[line..] {
        [b'\n', ..] => Some(line + 1),
        [b'\r', b'\n', ..] => Some(line + 2),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interim_responses_are_distinguished_from_the_response() {
        for (input, expected) in [
            ("", Scan::Incomplete),
            ("\r\n", Scan::Incomplete),
            ("HTTP/1.1 ", Scan::Incomplete),
            ("HTTP/1.1 100 Continue\r\n", Scan::Incomplete),
            ("HTTP/1.1 100 Continue\r\n\r\n", Scan::Interim(25)),
            ("HTTP/1.0 100\n\nHTTP", Scan::Interim(14)),
            ("HTTP/1.1 102 Processing\r\n\r\n", Scan::Interim(27)),
            ("HTTP/1.1 199 Odd\r\nX-A: b\r\n\r\n", Scan::Interim(28)),
            ("HTTP/1.1 101 Switching\r\n\r\n", Scan::Final(26)),
            ("HTTP/1.1 200 OK\r\n", Scan::Incomplete),
            ("HTTP/1.1 200 OK\r\n\r\nbody\r\n\r\n", Scan::Final(19)),
            ("\r\nHTTP/1.1 200 OK\r\n\r\n", Scan::Final(21)),
            ("HTTP/1.1 200 OK\nA: b\n\r\n", Scan::Final(23)),
            (&"\r\n".repeat(33), Scan::NotHttp),
            ("hello", Scan::NotHttp),
            ("HTTP/2 200\r\n\r\n", Scan::NotHttp),
            ("HTTP/1.1\r\n\r\n", Scan::NotHttp),
            ("HTTP/1.1 abc\r\n\r\n", Scan::NotHttp),
            ("HTTP/1.1 2000\r\n\r\n", Scan::NotHttp),
        ] {
            assert_eq!(scan(input.as_bytes(), 0), expected, "{input:?}");
            for scanned in (0..input.len())
                .filter(|len| scan(&input.as_bytes()[..*len], 0) == Scan::Incomplete)
            {
                assert_eq!(scan(input.as_bytes(), scanned), expected, "{input:?} after {scanned}");
            }
        }
    }

    #[test]
    fn a_status_is_known_as_soon_as_it_has_arrived() {
        for (input, expected) in [
            ("HTTP/1.1 4", None),
            ("HTTP/1.1 413", Some(413)),
            ("HTTP/1.0 200 O", Some(200)),
            ("413", None),
        ] {
            assert_eq!(status(input.as_bytes()), expected, "{input:?}");
        }
    }

    #[test]
    fn a_head_is_normalized_for_a_strict_parser() {
        for (head, expected) in [
            ("HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200\r\n\r\n"),
            ("HTTP/1.1 200\nContent-Length:4\n\n", "HTTP/1.1 200\r\nContent-Length: 4\r\n\r\n"),
            (
                "HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nContent-Type : text/html;\r\n\t charset=utf-8\r\nX-A: b\r\n c\r\n\r\n",
                "HTTP/1.1 200\r\nContent-Type: text/html; charset=utf-8\r\n\r\n",
            ),
            (
                "HTTP/1.1 200 OK\r\nno colon\r\nx y: z\r\nContent-Length: 4\r\ncontent-length: 5\r\n\r\n",
                "HTTP/1.1 200\r\nno colon\r\nx y: z\r\nContent-Length: 4\r\ncontent-length: 5\r\n\r\n",
            ),
        ] {
            let normalized = normalize(head.as_bytes());
            assert_eq!(String::from_utf8_lossy(&normalized), expected, "{head:?}");
        }
        let many =
            format!("HTTP/1.1 200 OK\r\n{}Retry-After: 1\r\n\r\n", "X-A: b\r\n".repeat(1000));
        assert_eq!(normalize(many.as_bytes()), b"HTTP/1.1 200\r\nRetry-After: 1\r\n\r\n");
    }

    #[test]
    fn a_header_is_found_in_any_case() {
        let head = b"HTTP/1.1 200\r\nContent-Length: 4\r\nTRANSFER-ENCODING: chunked\r\n\r\n";
        assert_eq!(header(head, "transfer-encoding"), Some(&b"chunked"[..]));
        assert_eq!(header(head, "content-type"), None);
    }
}
