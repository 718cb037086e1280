//! More request headers: `--header`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::Result;
use ureq::RequestBuilder;
use ureq::http::{HeaderName, HeaderValue};

use crate::error::Failure;
use crate::file::{Limit, without_bom};
use crate::prompt::{self, Stdin};
use crate::secret::Secret;

/// Headers that xask or its transport sets: another value would break the request.
const FORBIDDEN: [&str; 8] = [
    "accept-encoding",
    "connection",
    "expect",
    "host",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// How the names of more such headers begin.
const FORBIDDEN_PREFIXES: [&str; 2] = ["content-", "proxy-"];

/// The header that carries the key.
const AUTHORIZATION: &str = "authorization";

/// The shortest text that is masked, in bytes: a shorter one would hide words that are no secret.
const MIN_SECRET_LEN: usize = 8;

/// The headers of `--header`, in the order given. They are sent with every request to the API, never to a proxy.
#[derive(Debug, Default)]
pub struct ExtraHeaders(Vec<(HeaderName, Secret<HeaderValue>)>);

impl ExtraHeaders {
    /// The headers of these values of `--header`: `NAME: VALUE`, or `@FILE` with one header a line, where `@-` is
    /// standard input.
    ///
    /// # Errors
    ///
    /// A usage failure for a header that is malformed or forbidden, for `Authorization` outside a file, and for a file
    /// that cannot be read or has no header; a local one where standard input cannot be read. Values are never shown.
    pub fn parse(given: &[OsString], stdin: &mut Stdin) -> Result<Self> {
        let mut headers = Self::default();
        for value in given {
            match value.as_bytes().strip_prefix(b"@") {
                None => headers.add_argument(value.as_bytes())?,
                Some(path) => {
                    let path = Path::new(OsStr::from_bytes(path));
                    let bytes = prompt::read_input(path, stdin, Limit::HEADER_FILE)?;
                    headers.add_lines(&prompt::input_name(path), &bytes)?;
                }
            }
        }
        Ok(headers)
    }

    /// Whether one of them takes the place of the key.
    pub fn has_authorization(&self) -> bool {
        self.0.iter().any(|(name, _)| name == AUTHORIZATION)
    }

    /// What must not be shown: the values and their last words, which can be a token behind its scheme.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        let texts = self.0.iter().flat_map(|(_, value)| {
            // They were UTF-8 when they were parsed.
            let value = str::from_utf8(value.reveal().as_bytes()).unwrap_or_default();
            [Some(value), value.split_ascii_whitespace().next_back()]
        });
        texts.flatten().filter(|text| text.len() >= MIN_SECRET_LEN)
    }

    /// How many bytes they have in the head of a request.
    pub(super) fn encoded_len(&self) -> usize {
        let len = |name: &HeaderName, value: &Secret<HeaderValue>| {
            name.as_str().len() + ": \r\n".len() + value.reveal().len()
        };
        self.0.iter().map(|(name, value)| len(name, value)).sum()
    }

    /// Adds them to a request.
    pub(super) fn add_to<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
        self.0.iter().fold(request, |request, (name, value)| request.header(name, value.reveal()))
    }

    fn add_argument(&mut self, header: &[u8]) -> Result<(), Failure> {
        let refuse = |why: String| Failure::usage(format!("--header: {why}"));
        if !header.contains(&b':') {
            return Err(refuse("expected NAME: VALUE or @FILE".into()));
        }
        let (name, value) = parse_header(header).map_err(refuse)?;
        if name == AUTHORIZATION {
            return Err(refuse("Authorization is accepted from a file only".into())
                .hint("command lines are visible to other users; use --header @FILE"));
        }
        self.0.push((name, value));
        Ok(())
    }

    fn add_lines(&mut self, file: &str, bytes: &[u8]) -> Result<(), Failure> {
        let before = self.0.len();
        for (index, line) in without_bom(bytes).split(|byte| *byte == b'\n').enumerate() {
            if line.trim_ascii().is_empty() {
                continue;
            }
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let header = parse_header(line)
                .map_err(|why| Failure::usage(format!("{file}, line {}: {why}", index + 1)))?;
            self.0.push(header);
        }
        if self.0.len() == before {
            return Err(Failure::usage(format!("{file}: contains no headers")));
        }
        Ok(())
    }
}

/// A line as a header that may be sent, or what is wrong with it: without its value, which can be a secret.
fn parse_header(line: &[u8]) -> Result<(HeaderName, Secret<HeaderValue>), String> {
    let (name, value) = match line.iter().position(|byte| *byte == b':') {
        Some(colon) => (&line[..colon], line[colon + 1..].trim_ascii()),
        None => return Err("expected NAME: VALUE".into()),
    };
    // What is no name may be a secret, too.
    let (Ok(parsed), Ok(name)) = (HeaderName::from_bytes(name), str::from_utf8(name)) else {
        return Err("malformed header name".into());
    };
    let lower = parsed.as_str();
    if FORBIDDEN.contains(&lower) || FORBIDDEN_PREFIXES.iter().any(|start| lower.starts_with(start))
    {
        return Err(format!("{name} cannot be set; xask manages it"));
    }
    if value.is_empty() {
        return Err(format!("{name} has no value"));
    }
    if str::from_utf8(value).is_err() {
        return Err(format!("the value of {name} is not valid UTF-8"));
    }
    match HeaderValue::from_bytes(value) {
        Ok(value) => Ok((parsed, Secret::new(value))),
        Err(_) => Err(format!("the value of {name} contains a control character")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{ExitStatus, exit_status};

    fn parse(given: &[&str]) -> Result<ExtraHeaders> {
        let given: Vec<OsString> = given.iter().map(OsString::from).collect();
        ExtraHeaders::parse(&given, &mut Stdin::default())
    }

    fn parse_stdin(text: &str) -> Result<ExtraHeaders> {
        let mut headers = ExtraHeaders::default();
        headers.add_lines("standard input", text.as_bytes())?;
        Ok(headers)
    }

    fn shown(headers: &ExtraHeaders) -> Vec<String> {
        let show = |(name, value): &(HeaderName, Secret<HeaderValue>)| {
            format!("{name}: {}", value.reveal().to_str().unwrap_or("?"))
        };
        headers.0.iter().map(show).collect()
    }

    #[test]
    fn headers_keep_their_order_and_lose_blanks_around_values() {
        let headers = parse(&["X-Team:  a b\t", "Accept:*/*", "x-team: c:d", "User-Agent: me/1"]);
        let expected = ["x-team: a b", "accept: */*", "x-team: c:d", "user-agent: me/1"];
        assert_eq!(shown(&headers.expect("headers")), expected);
        let headers = parse_stdin("\u{feff}X-A: b\r\n\n \t\r\nAuthorization: Basic Zm9v\nX-C: d");
        let headers = headers.expect("headers");
        assert_eq!(shown(&headers), ["x-a: b", "authorization: Basic Zm9v", "x-c: d"]);
        assert!(headers.has_authorization());
        assert!(!parse(&["X-Authorization: a"]).expect("a header").has_authorization());
    }

    #[test]
    fn a_header_that_cannot_be_sent_is_refused_without_its_value() {
        for (given, why) in [
            ("secret", "--header: expected NAME: VALUE or @FILE"),
            ("", "--header: expected NAME: VALUE or @FILE"),
            (": secret", "--header: malformed header name"),
            ("X A: secret", "--header: malformed header name"),
            ("X-A : secret", "--header: malformed header name"),
            ("X-A:", "--header: X-A has no value"),
            ("X-A: \t", "--header: X-A has no value"),
            ("X-A: secret\nX-B: c", "--header: the value of X-A contains a control character"),
            ("X-A: secret\u{7f}", "--header: the value of X-A contains a control character"),
            ("Authorization: secret", "--header: Authorization is accepted from a file only"),
        ] {
            let error = parse(&[given]).expect_err(given);
            assert_eq!((error.to_string().as_str(), exit_status(&error)), (why, ExitStatus::Usage));
        }
        let error = parse_stdin("X-A: b\n\n folded\n").expect_err("not a header");
        assert_eq!(error.to_string(), "standard input, line 3: expected NAME: VALUE");
        for blank in ["", " \n\r\n", "\u{feff}"] {
            let error = parse_stdin(blank).expect_err("nothing in it");
            assert_eq!(error.to_string(), "standard input: contains no headers");
        }
    }

    #[test]
    fn headers_that_the_transport_sets_are_refused_from_every_source() {
        for name in [
            "Host",
            "Content-Length",
            "content-type",
            "Transfer-Encoding",
            "Accept-Encoding",
            "TE",
            "Trailer",
            "Connection",
            "Upgrade",
            "EXPECT",
            "Proxy-Authorization",
        ] {
            let header = format!("{name}: a");
            for parsed in [parse(&[&header]), parse_stdin(&header)] {
                let error = parsed.expect_err(name).to_string();
                assert!(
                    error.ends_with(&format!(": {name} cannot be set; xask manages it")),
                    "{error}"
                );
            }
        }
        assert!(parse(&["X-Content-Type: a", "Tea: a"]).is_ok());
    }

    #[test]
    fn files_are_read_up_to_a_limit() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("headers");
        let given = [OsString::from(format!("@{}", path.display()))];
        let parse = || ExtraHeaders::parse(&given, &mut Stdin::default());
        std::fs::write(&path, "Authorization: Bearer a").expect("it is written");
        assert!(parse().expect("a header").has_authorization());
        std::fs::write(&path, "X-A: b\n".repeat(10_000)).expect("it is written");
        let error = format!("{:#}", parse().expect_err("too large"));
        assert!(
            error.ends_with("headers: larger than 64 KiB, the limit for a header file"),
            "{error}"
        );
        std::fs::remove_file(&path).expect("it is removed");
        let error = parse().expect_err("no file");
        assert_eq!(exit_status(&error), ExitStatus::Usage);
    }

    #[test]
    fn values_and_their_last_words_are_secrets_unless_they_are_short() {
        let headers = parse_stdin("A: Bearer 12345678\nB: 1234567\nC: a b c d e\nD: 12345678");
        let headers = headers.expect("headers");
        let secrets: Vec<_> = headers.secrets().collect();
        let expected = ["Bearer 12345678", "12345678", "a b c d e", "12345678", "12345678"];
        assert_eq!(secrets, expected);
        assert!(!format!("{headers:?}").contains("1234"));
    }
}
