//! Errors in a response: what the API says about them.

use serde_json::Value;
use serde_json::value::RawValue;

use super::failures::server_failure;
use super::html::{is_html, text_of_html};
use super::lenient::{self, Broken, Object, Raw, count, each, fields, string};
use crate::error::{Failure, Retry};
use crate::json::minify;

/// How much of an error's body is looked at, in bytes: JSON that is cut has no message to be found.
pub const MAX_ERROR_BODY: usize = 1024 * 1024;

/// How much of a message is kept, in bytes: far over what is shown of it once secrets are masked.
const MAX_DETAIL: usize = 64 * 1024;

/// How deep a message is looked for, in objects, lists and strings that are JSON themselves.
const MAX_DEPTH: u32 = 8;

/// What an API too busy to begin says with status 200 (seen by its clients).
const UNAVAILABLE: &str = "service is currently unavailable";

/// What it says in place of that as a code.
const OVERLOADED: u64 = 529;

/// A response whose JSON is broken: one that ends in the middle is not whole, any other is no answer.
pub fn broken(broken: Broken, bytes: &[u8], message: &str) -> Failure {
    match broken {
        Broken::Cut => Failure::incomplete("incomplete response: truncated JSON"),
        Broken::NotJson => not_an_answer(message, bytes),
    }
}

/// The failure of a response that came with status 200 and carries an error.
pub fn api_error(bytes: &[u8]) -> Failure {
    ApiError::read(bytes).into_failure("server error")
}

/// The failure of an error that stands inside a response.
pub fn api_error_in(error: Raw) -> Failure {
    api_error(error.map_or(&b""[..], |error| error.get().as_bytes()))
}

/// The failure of whatever came in place of what was requested.
pub fn not_an_answer(message: &str, bytes: &[u8]) -> Failure {
    let error = ApiError::read(bytes);
    let detail = error.detail.or_else(|| whole_json(bytes));
    ApiError { detail, ..error }.into_failure(message)
}

/// The message of an error in any of the shapes seen: an object, a list, a string, JSON in a string, HTML,
/// text.
pub fn detail(bytes: &[u8]) -> Option<String> {
    ApiError::read(bytes).detail
}

/// The payload of the first event, in what is written as a stream of events under an error status.
fn first_payload(bytes: &[u8]) -> Option<&[u8]> {
    let line = bytes.trim_ascii_start().split(|byte| matches!(byte, b'\r' | b'\n')).next()?;
    line.strip_prefix(b"data:")
}

/// What the API says about an error.
#[derive(Debug, Default)]
pub struct ApiError {
    /// Its message, with a code where that says more.
    pub detail: Option<String>,
    /// The API was too busy to begin.
    is_unavailable: bool,
}

fields! {
    /// Where messages stand, in the shapes of xAI, of gateways and of common web frameworks.
    struct ErrorFields<'a> {
        code: Raw<'a> = "code",
        error: Raw<'a> = "error",
        /// RFC 9457.
        title: Raw<'a> = "title",
        message: Raw<'a> = "message",
        msg: Raw<'a> = "msg",
        detail: Raw<'a> = "detail",
        /// RFC 6749.
        error_description: Raw<'a> = "error_description",
        errors: Raw<'a> = "errors",
        /// Of an event of the Responses API.
        response: Raw<'a> = "response",
    }
}

impl ApiError {
    /// Reads an error in any of the shapes seen.
    pub fn read(bytes: &[u8]) -> Self {
        let mut error = Self::default();
        let read = lenient::parse(bytes, |json| {
            error = Self::default();
            let value: &RawValue = serde_json::from_str(json)?;
            error.detail = error.message(Some(value), MAX_DEPTH);
            Ok(())
        });
        if let (Err(_), Some(payload)) = (&read, first_payload(bytes)) {
            return Self::read(payload);
        }
        if read.is_err() {
            let text = String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_ERROR_BODY)]);
            error.detail = message_of_text(&text);
        }
        error.detail = error.detail.filter(|detail| !detail.trim().is_empty()).map(clip);
        error.is_unavailable |= error.detail.as_deref().is_some_and(says_unavailable);
        error
    }

    /// The failure with which a status of success ends.
    fn into_failure(self, message: &str) -> Failure {
        let retry = if self.is_unavailable { Retry::Safe } else { Retry::Never };
        server_failure(message).detail(self.detail).retry(retry)
    }

    fn message(&mut self, value: Raw, depth: u32) -> Option<String> {
        let depth = depth.checked_sub(1)?;
        match value?.get().as_bytes().first()? {
            b'"' => {
                let text = string(value)?;
                // A string may be JSON itself.
                match serde_json::from_str::<&RawValue>(&text) {
                    Ok(inner) if inner.get().starts_with(['{', '"']) => {
                        self.message(Some(inner), depth)
                    }
                    _ => Some(clip(text.into_owned())),
                }
            }
            b'{' => {
                let object: Object<ErrorFields> = serde_json::from_str(value?.get()).ok()?;
                self.message_of_object(&object.fields()?, depth)
            }
            b'[' => {
                let mut found = None;
                each(value, |element: &RawValue| {
                    found = self.message(Some(element), depth);
                    found.is_none()
                });
                found
            }
            _ => None,
        }
    }

    /// Each message once: the one is often the title of the other.
    fn message_of_object(&mut self, object: &ErrorFields, depth: u32) -> Option<String> {
        let ErrorFields {
            code,
            error,
            title,
            message,
            msg,
            detail,
            error_description,
            errors,
            response,
        } = object;
        // A list of details says where in the request each of them is, so all of it is shown.
        let detail = detail.filter(|detail| !detail.get().starts_with('['));
        let response = response.filter(|response| response.get().starts_with('{'));
        let places =
            [*error, *title, *message, *msg, detail, *error_description, *errors, response];
        let mut all = String::new();
        for found in places.into_iter().filter_map(|place| self.message(place, depth)) {
            if found.trim().is_empty() || all.contains(&found) {
                continue;
            }
            if found.contains(&all) {
                all = found;
            } else {
                all = format!("{all}: {found}");
            }
        }
        let code_text = string(*code);
        self.is_unavailable |= count(*code) == Some(OVERLOADED)
            || code_text.as_deref().is_some_and(|code| code == "529" || says_unavailable(code));
        Some(with_code(code_text.as_deref(), all)).filter(|text| !text.is_empty())
    }
}

fn says_unavailable(text: &str) -> bool {
    text.to_ascii_lowercase().contains(UNAVAILABLE)
}

/// The beginning of a long message, up to the end of a word: the last one may be half of the key.
pub fn clip(mut text: String) -> String {
    if text.len() > MAX_DETAIL {
        text.truncate(text.floor_char_boundary(MAX_DETAIL));
        text.truncate(text.rfind(char::is_whitespace).unwrap_or_default());
    }
    text
}

/// JSON itself, where text is in it, but not where a message was looked for.
pub fn whole_json(bytes: &[u8]) -> Option<String> {
    if bytes.len() > MAX_ERROR_BODY {
        return None;
    }
    let json: &RawValue = serde_json::from_slice(bytes).ok()?;
    // As a tree, for it is short.
    serde_json::from_str(json.get()).ok().filter(has_text)?;
    Some(clip(minify(json)))
}

/// Whether any value inside is a text; keys do not count.
fn has_text(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(list) => list.iter().any(has_text),
        Value::Object(object) => object.values().any(has_text),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// A code is shown where it is a slug, and more than the message already says. Older responses have a
/// sentence in its place, which the message says better, or the HTTP status.
fn with_code(code: Option<&str>, message: String) -> String {
    let is_slug = |code: &str| {
        code.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_:.".contains(&byte))
            && code.contains(|c: char| c.is_ascii_alphabetic())
    };
    match code {
        Some(code) if message.is_empty() => code.to_owned(),
        Some(code) if is_slug(code) && !message.contains(code) => format!("{code}: {message}"),
        _ => message,
    }
}

/// The message in what is no JSON: of a page, of a text; nothing of what is no text at all.
fn message_of_text(text: &str) -> Option<String> {
    if text.contains('\0') {
        return None;
    }
    Some(if is_html(text.as_bytes()) { text_of_html(text) } else { text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_of_an_error_is_found_in_every_shape() {
        for (body, expected) in [
            (
                r#"{"code":"invalid-argument","error":"Model not found: x"}"#,
                "invalid-argument: Model not found: x",
            ),
            (
                r#"{"code":"Some requested entity was not found","error":"The model x"}"#,
                "The model x",
            ),
            (r#"{"code":"a b","error":"it is a b here"}"#, "it is a b here"),
            (r#"{"code":400,"error":"words"}"#, "words"),
            (r#"{"code":"400","error":"words"}"#, "words"),
            ("data: {\"error\":{\"message\":\"words\"}}\n\ndata: [DONE]\n\n", "words"),
            ("\r\ndata: words\r\n", "words"),
            (r#"{"error":"words"}"#, "words"),
            (r#"{"error":{"message":"words","type":"t","code":"bad-thing"}}"#, "bad-thing: words"),
            (r#"{"error":{"message":"words","type":"t","code":null}}"#, "words"),
            (r#"{"type":"error","message":"words"}"#, "words"),
            (r#""words""#, "words"),
            (r#""{\"error\":\"words\"}""#, "words"),
            (r#"{"error":"{\"message\":\"words\"}"}"#, "words"),
            (r#"{"error":"42"}"#, "42"),
            (r#"{"code":"internal"}"#, "internal"),
            (
                r#"{"error":"Bad Request","message":"temperature must be <= 1"}"#,
                "Bad Request: temperature must be <= 1",
            ),
            (
                r#"{"error":"invalid_grant","error_description":"It expired."}"#,
                "invalid_grant: It expired.",
            ),
            (r#"{"error":"words","message":"some words here"}"#, "some words here"),
            (r#"{"error":{"message":"some words here"},"message":"words"}"#, "some words here"),
            (
                r#"{"title":"Forbidden","status":403,"detail":"Not for you."}"#,
                "Forbidden: Not for you.",
            ),
            (r#"[{"error":{"code":400,"message":"words"}}]"#, "words"),
            (r#"{"errors":[{"code":7},{"message":"words"},{"message":"more"}]}"#, "words"),
            (r#"{"msg":"words"}"#, "words"),
            (r#"{"type":"error","response":{"error":{"message":"words"}}}"#, "words"),
            (r#"{"message":"half a pair: \ud83d","x":"\ud83d"}"#, "half a pair: \u{fffd}"),
            (r#"{"message":"words","x":NaN}"#, "words"),
            (
                "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>",
                "502 Bad Gateway",
            ),
            ("<html><TITLE lang=en>Blocked</TITLE></html>", "Blocked"),
            ("<titles>no</titles><title\n>yes</title>", "yes"),
            ("<style type=x>p{color:red}</style><script>if (a<b) {}</script><p>Blocked", "Blocked"),
            ("<script>never ends", "never ends"),
            ("<p>Bad <b>gateway</b>", "Bad gateway"),
            ("upstream connect error", "upstream connect error"),
        ] {
            let words = detail(body.as_bytes()).unwrap_or_default();
            let folded: Vec<&str> = words.split_whitespace().collect();
            assert_eq!(folded.join(" "), expected, "{body}");
        }
        for body in ["", "\u{1f}\u{8b}\u{8}\0gzip", "  ", "{}", "[]", "null", r#"{"error":null}"#] {
            assert_eq!(detail(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn only_an_api_too_busy_to_begin_is_retried() {
        for (body, retry) in [
            (r#"{"code":"The service is currently unavailable","error":"Timed out"}"#, Retry::Safe),
            (r#"{"error":{"code":"The Service is currently unavailable"}}"#, Retry::Safe),
            (r#"{"error":"The service is currently unavailable."}"#, Retry::Safe),
            (r#"{"type":"error","code":529,"message":"overloaded"}"#, Retry::Safe),
            (r#"{"error":{"code":"529","message":"overloaded"}}"#, Retry::Safe),
            ("The service is currently unavailable", Retry::Safe),
            (r#"{"code":500,"error":"internal"}"#, Retry::Never),
            (r#"{"error":"words","choices":"the service is currently unavailable"}"#, Retry::Never),
        ] {
            assert_eq!(api_error(body.as_bytes()).retry, retry, "{body}");
        }
    }

    #[test]
    fn json_without_a_message_is_shown_itself_where_it_has_any_text() {
        for (body, shown) in [
            (r#"{ "b": {"x": ["text"]}, "a": 1 }"#, Some(r#"{"b":{"x":["text"]},"a":1}"#)),
            (
                r#"{"detail":[{"loc":["body"],"msg":"no"}]}"#,
                Some(r#"{"detail":[{"loc":["body"],"msg":"no"}]}"#),
            ),
            (r#"{"text": [1, null, true, 0.5, -1, " "]}"#, None),
        ] {
            assert_eq!(not_an_answer("x", body.as_bytes()).detail.as_deref(), shown, "{body}");
        }
    }

    #[test]
    fn a_long_message_ends_with_a_whole_word() {
        for (count, expected) in [(12_000, 60_000), (1_000_000, 65_534)] {
            let words = "word ".repeat(count);
            for body in [&words, &format!(r#"{{"error":"{words}"}}"#)] {
                let detail = detail(body.as_bytes()).map_or(0, |detail| detail.trim_end().len());
                assert!(expected - detail <= 1, "{detail} bytes");
            }
        }
        for (len, expected) in [(MAX_DETAIL, MAX_DETAIL), (MAX_DETAIL + 1, 0)] {
            assert_eq!(clip("x".repeat(len)).len(), expected);
        }
    }

    #[test]
    fn json_is_shown_itself_up_to_a_limit() {
        for (len, is_shown) in
            [(MAX_ERROR_BODY - 1, true), (MAX_ERROR_BODY, true), (MAX_ERROR_BODY + 1, false)]
        {
            let json = format!("[\"{}\"]", "x".repeat(len - 4));
            assert_eq!(whole_json(json.as_bytes()).is_some(), is_shown, "{len} bytes");
        }
    }

    #[test]
    fn endless_nesting_is_not_followed() {
        for (open, close) in [("[", "]"), (r#"{"error":"#, "}")] {
            let body = format!("{}\"deep\"{}", open.repeat(100_000), close.repeat(100_000));
            assert_eq!(detail(body.as_bytes()), None);
        }
    }
}
