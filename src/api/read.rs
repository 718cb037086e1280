//! A response becomes an answer: its status, one JSON document or a stream, and the limits.

use std::io::{self, Read};

use anyhow::Result;

use super::failures::{MAX_RESPONSE, server_failure, too_large, with_response};
use super::lenient::BOM;
use super::status::{self, Context};
use super::stream::read_stream;
use super::{Answer, AnswerFormat, Api, StreamSink, models};
use crate::error::{ExitStatus, Failure, exit_status};
use crate::response::{Response, ResponseBody, ResponseHeaders};

/// How much of a response is read at a time, in bytes. More is no faster, and its pages are new memory just when the first
/// event arrives.
const READ_BUFFER: usize = 8 * 1024;

/// What an answer must be, beside complete, and how its request was sent.
#[derive(Debug, Clone, Copy, Default)]
pub struct Expectations<'a> {
    /// The form that was requested.
    pub format: Option<&'a AnswerFormat>,
    /// The model must have searched, and the answer must cite an address.
    pub require_sources: bool,
    /// The request carried no key.
    pub without_key: bool,
}

/// Reads the response to a prompt to its end.
///
/// # Errors
///
/// A failure with the exit status that fits what came back; an error of `sink`.
pub fn read_answer(
    api: Api,
    response: Response,
    expectations: Expectations,
    sink: &mut dyn StreamSink,
) -> Result<Answer> {
    let context = Context { lists_models: false, without_key: expectations.without_key };
    read(response, context, &mut |headers, body| {
        let mut buffer = vec![0; READ_BUFFER];
        let (len, kind) = read_beginning(body, &mut buffer, headers)?;
        check_compression(&buffer[..len])?;
        let mut answer = match kind {
            Kind::Stream => read_stream(api.wire_format().stream(), buffer, len, body, sink)?,
            Kind::Whole => {
                buffer.truncate(len);
                let bytes = read_whole(buffer, body, headers)?;
                let answer = api.wire_format().parse(&bytes)?;
                Answer { body: Some(bytes), ..answer }
            }
        };
        answer.check_against(expectations);
        Ok(answer)
    })
}

/// Reads the list of models, as an answer of one name a line.
///
/// # Errors
///
/// As [`read_answer`].
pub fn read_models(response: Response) -> Result<Answer> {
    let context = Context { lists_models: true, without_key: false };
    read(response, context, &mut |headers, body| {
        let bytes = read_whole(Vec::new(), body, headers)?;
        let answer = models::parse(&bytes)?;
        Ok(Answer { body: Some(bytes), ..answer })
    })
}

/// Reads the body of a success with `read_body`; any other response is a failure. Answers and failures say which
/// response they came from.
pub(super) fn read(
    response: Response,
    context: Context,
    read_body: &mut dyn FnMut(&ResponseHeaders, &mut dyn ResponseBody) -> Result<Answer>,
) -> Result<Answer> {
    let Response { status, headers, mut body } = response;
    if !(200..300).contains(&status) || status == 204 {
        return Err(status::from_status(status, &headers, body, context).into());
    }
    let read = match compression(&headers) {
        Some(compression) => Err(compressed(compression).into()),
        None => read_body(&headers, &mut *body),
    };
    let with_origin = |failure| with_response(failure, status, &headers);
    match read {
        Ok(answer) => Ok(Answer {
            unusable: answer.unusable.map(with_origin),
            late_error: answer.late_error.map(with_origin),
            http_status: Some(status),
            request_id: headers.request_id.clone(),
            ..answer
        }),
        // A local error is not the response's, and what caused it stays in its chain.
        Err(error) if matches!(exit_status(&error), ExitStatus::Local | ExitStatus::BrokenPipe) => {
            Err(error)
        }
        Err(error) => Err(match into_failure(error) {
            Ok(failure) => with_origin(failure).into(),
            Err(error) => error,
        }),
    }
}

/// The failure itself, out of the error that carries it.
fn into_failure(error: anyhow::Error) -> Result<Failure> {
    let error = match error.downcast::<Failure>() {
        Ok(failure) => return Ok(failure),
        Err(error) => error.downcast::<io::Error>()?,
    };
    Ok(error.downcast::<Failure>()?)
}

/// How the answer in a response is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// As server-sent events.
    Stream,
    /// As one JSON, or not at all.
    Whole,
}

/// Reads as much as it takes to see how the answer is written: how much that was, and how it is.
fn read_beginning(
    body: &mut dyn ResponseBody,
    buffer: &mut [u8],
    headers: &ResponseHeaders,
) -> io::Result<(usize, Kind)> {
    let content_type = headers.content_type.as_deref().unwrap_or_default();
    let is_labelled =
        content_type.trim_start().to_ascii_lowercase().starts_with("text/event-stream");
    let mut len = 0;
    loop {
        let n = body.read(&mut buffer[len..])?;
        len += n;
        let is_all = n == 0 || len == buffer.len();
        if let Some(kind) = kind(&buffer[..len], is_labelled, is_all) {
            return Ok((len, kind));
        }
    }
}

/// How an answer is written, by its first byte that is not white space: its label may be missing or wrong.
/// `None` if more of it has to be seen.
fn kind(beginning: &[u8], is_labelled: bool, is_all: bool) -> Option<Kind> {
    /// What a stream can begin with.
    const FIELDS: [&[u8]; 5] = [b":", b"data:", b"event:", b"id:", b"retry:"];
    let text = beginning.strip_prefix(BOM).unwrap_or(beginning).trim_ascii_start();
    let may_be_field = FIELDS.iter().any(|field| field.starts_with(text));
    let may_be_bom = BOM.starts_with(beginning);
    Some(match text.first() {
        _ if may_be_bom && !is_all => return None,
        Some(b'{' | b'[' | b'"' | b'<') => Kind::Whole,
        Some(_) if is_labelled || FIELDS.iter().any(|field| text.starts_with(field)) => {
            Kind::Stream
        }
        _ if may_be_field && !is_all => return None,
        None if is_labelled => Kind::Stream,
        _ => Kind::Whole,
    })
}

/// Reads what follows `bytes`, up to the limit.
pub(super) fn read_whole(
    mut bytes: Vec<u8>,
    body: &mut dyn ResponseBody,
    headers: &ResponseHeaders,
) -> Result<Vec<u8>> {
    body.take(MAX_RESPONSE + 1 - bytes.len() as u64).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_RESPONSE {
        return Err(too_large().into());
    }
    if bytes.is_empty() && headers.has_declared_length {
        return Err(server_failure("the response is empty").into());
    }
    check_compression(&bytes)?;
    Ok(bytes)
}

/// A body that is compressed, though no header says so.
fn check_compression(beginning: &[u8]) -> Result<(), Failure> {
    match compression_of(beginning) {
        Some(compression) => Err(compressed(compression)),
        None => Ok(()),
    }
}

/// How a response says that it is compressed.
fn compression(headers: &ResponseHeaders) -> Option<&str> {
    let encoding = headers.content_encoding.as_deref()?.trim();
    Some(encoding).filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity"))
}

/// How a body is compressed, by its first bytes (RFC 1952, RFC 8878).
fn compression_of(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x1f, 0x8b, ..] => Some("gzip"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some("zstd"),
        _ => None,
    }
}

fn compressed(compression: &str) -> Failure {
    server_failure("the response is compressed").detail(Some(compression.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_says_how_an_answer_is_written() {
        let (stream, whole) = (Some(Kind::Stream), Some(Kind::Whole));
        for (beginning, labelled, unlabelled, unlabelled_and_all) in [
            (&b"{"[..], whole, whole, whole),
            (b"\xef\xbb\xbf [", whole, whole, whole),
            (b"<html>", whole, whole, whole),
            (b"data: x", stream, stream, stream),
            (b" \n: ping", stream, stream, stream),
            (b"text", stream, whole, whole),
            (b"dat", stream, None, whole),
            (b"\xef\xbb", None, None, whole),
            (b" \n", None, None, whole),
            (b"", None, None, whole),
        ] {
            let case = beginning.escape_ascii();
            assert_eq!(kind(beginning, true, false), labelled, "{case}, labelled");
            assert_eq!(
                kind(beginning, true, true),
                labelled.or(stream),
                "{case}, labelled and all"
            );
            assert_eq!(kind(beginning, false, false), unlabelled, "{case}");
            assert_eq!(kind(beginning, false, true), unlabelled_and_all, "{case}, all");
        }
    }

    #[test]
    fn only_a_real_encoding_is_a_compression() {
        for (encoding, expected) in [
            ("gzip", Some("gzip")),
            (" br ", Some("br")),
            ("", None),
            (" ", None),
            ("Identity", None),
        ] {
            let headers = ResponseHeaders {
                content_encoding: Some(encoding.into()),
                ..ResponseHeaders::default()
            };
            assert_eq!(compression(&headers), expected, "{encoding:?}");
        }
        assert_eq!(compression(&ResponseHeaders::default()), None);
        for (bytes, expected) in [
            (&b"\x1f\x8b\x08"[..], Some("gzip")),
            (b"\x28\xb5\x2f\xfd\x00", Some("zstd")),
            (b"\x1f\x8c", None),
            (b"{}", None),
        ] {
            assert_eq!(compression_of(bytes), expected);
        }
    }
}
