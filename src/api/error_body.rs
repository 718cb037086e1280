//! Errors in a response: what the API says, and which exit status it means.

use std::fmt;
use std::io::Read;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::lenient::{self, BOM, Object, Raw, count, each, fields, string, visit_scalars};
use super::read::{server_failure, with_response};
use crate::error::{ExitStatus, Failure, Retry};
use crate::json::minify;
use crate::response::ResponseHeaders;

/// How much of an error's body is looked at, in bytes: JSON that is cut has no message to be found.
const MAX_ERROR_BODY: usize = 1024 * 1024;

/// How much of a message is kept, in bytes: far over what is shown of it once secrets are masked.
const MAX_DETAIL: usize = 64 * 1024;

/// How deep a message is looked for, in objects, lists and strings that are JSON themselves.
const MAX_DEPTH: u32 = 8;

/// What an API too busy to begin says with status 200 (seen by its clients).
const UNAVAILABLE: &str = "service is currently unavailable";

/// What it says in place of that as a code.
const OVERLOADED: u64 = 529;

/// What the failure depends on beside the response.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// The list of models was requested, and not an answer.
    pub lists_models: bool,
    /// The request carried no key.
    pub without_key: bool,
}

/// The failure that a status without an answer means.
pub fn from_status(
    status: u16,
    headers: &ResponseHeaders,
    body: impl Read,
    context: Context,
) -> Failure {
    let mut bytes = Vec::new();
    // A body that breaks off still has a message, and its status says enough without any.
    let _ = body.take(MAX_ERROR_BODY as u64).read_to_end(&mut bytes);
    if bytes.len() == MAX_ERROR_BODY {
        // The last word may be half of the key, which could not be recognized any more.
        let end = bytes.iter().rposition(u8::is_ascii_whitespace).unwrap_or_default();
        bytes.truncate(end);
    }
    let detail = ApiError::read(&bytes).detail.or_else(|| whole_json(&bytes));
    let words = detail.as_deref().unwrap_or_default().to_ascii_lowercase();
    let is_page = is_page(headers, &bytes);
    let (exit, retry) = match classify(status, &words) {
        (ExitStatus::Key, retry) if status == 403 && is_page => (ExitStatus::Rejected, retry),
        classified => classified,
    };
    let message = match (exit, status) {
        (ExitStatus::Key, 401 | 403) if context.without_key => "no API key was sent",
        (ExitStatus::Key, _) => "the API key was refused",
        (ExitStatus::RateLimit, _) => "rate limit exceeded",
        (ExitStatus::Server, 300..400) => "the server redirects, which xask does not follow",
        (ExitStatus::Server, 200..300) => "the server sent no response",
        (ExitStatus::Server, _) => "server error",
        (_, 403) if is_page => "something in front of the API refused",
        _ => "the request was rejected",
    };
    let failure = Failure::new(exit, message).detail(detail).retry(retry);
    let failure = with_response(failure, status, headers);
    match hint(exit, status, &words, headers, context) {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// What the user can do about a status.
fn hint(
    exit: ExitStatus,
    status: u16,
    words: &str,
    headers: &ResponseHeaders,
    context: Context,
) -> Option<String> {
    let wait = headers.retry_after.map(|wait| wait.as_secs());
    let hint = match (exit, status) {
        (ExitStatus::Key, 401 | 403) if context.without_key => {
            "set XAI_API_KEY or XAI_API_KEY_FILE"
        }
        (ExitStatus::Key, _) => {
            "check XAI_API_KEY, and the key's permissions at https://console.x.ai"
        }
        (ExitStatus::RateLimit | ExitStatus::Server, _) if wait.is_some() => {
            return Some(format!("retry after {} s", wait.unwrap_or_default()));
        }
        (ExitStatus::Server, 300..400) => "check the base URL",
        (ExitStatus::Rejected, 404) if context.lists_models => "check the base URL",
        (ExitStatus::Rejected, 404) => "check --model and the base URL",
        (ExitStatus::Rejected, 410) => {
            "the API has retired this feature; to search, use --web-search or --x-search"
        }
        (ExitStatus::Rejected, 422) => "check the values given with --param and other options",
        (ExitStatus::Rejected, 400) if words.contains("not allowed on chat completions") => {
            "use --api responses"
        }
        (ExitStatus::Rejected, 400) if words.contains("argument not supported") => {
            "leave out the option that sets it"
        }
        _ => return None,
    };
    Some(hint.to_owned())
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

/// What a status means, with the peculiarities of xAI (reported in its clients' issues); the message of
/// the response in lower case.
fn classify(status: u16, words: &str) -> (ExitStatus, Retry) {
    match status {
        400 if words.contains("incorrect api key") => (ExitStatus::Key, Retry::Never),
        403 if words.contains("usage guidelines") || words.contains("failed check") => {
            (ExitStatus::Rejected, Retry::Never)
        }
        401 | 403 => (ExitStatus::Key, Retry::Never),
        429 => (ExitStatus::RateLimit, Retry::Safe),
        408 | 425 | 525 | 526 => (ExitStatus::Server, Retry::Never),
        400..500 => (ExitStatus::Rejected, Retry::Never),
        503 | 521..=523 | 529 | 530 => (ExitStatus::Server, Retry::Safe),
        500..600 => (ExitStatus::Server, Retry::MayDoubleBill),
        _ => (ExitStatus::Server, Retry::Never),
    }
}

/// What the API says about an error.
#[derive(Debug, Default)]
struct ApiError {
    /// Its message, with a code where that says more.
    detail: Option<String>,
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
    }
}

impl ApiError {
    fn read(bytes: &[u8]) -> Self {
        let mut error = Self::default();
        let read = lenient::parse(bytes, |json| {
            error = Self::default();
            let value: &RawValue = serde_json::from_str(json)?;
            error.detail = error.message(Some(value), MAX_DEPTH);
            Ok(())
        });
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
        let ErrorFields { code, error, title, message, msg, detail, error_description, errors } =
            object;
        // A list of details says where in the request each of them is, so all of it is shown.
        let detail = detail.filter(|detail| !detail.get().starts_with('['));
        let places = [*error, *title, *message, *msg, detail, *error_description, *errors];
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
fn whole_json(bytes: &[u8]) -> Option<String> {
    if bytes.len() > MAX_ERROR_BODY {
        return None;
    }
    let json: &RawValue = serde_json::from_slice(bytes).ok()?;
    serde_json::from_str::<HasText>(json.get()).ok().filter(|has_text| has_text.0)?;
    Some(clip(minify(json)))
}

/// Whether any value inside is a text; keys do not count.
struct HasText(bool);

impl<'de> Deserialize<'de> for HasText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(HasTextVisitor).map(Self)
    }
}

struct HasTextVisitor;

impl<'de> Visitor<'de> for HasTextVisitor {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<bool, E> {
        Ok(!text.trim().is_empty())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<bool, A::Error> {
        let mut found = false;
        while let Some(HasText(has_text)) = list.next_element()? {
            found |= has_text;
        }
        Ok(found)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut found = false;
        while let Some((_, HasText(has_text))) = map.next_entry::<IgnoredAny, _>()? {
            found |= has_text;
        }
        Ok(found)
    }

    visit_scalars!(false);

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        Ok(false)
    }
}

/// A code is shown where it is a slug, and more than the message already says. Older responses have a
/// sentence in its place, which the message says better.
fn with_code(code: Option<&str>, message: String) -> String {
    let is_slug = |code: &str| {
        code.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_:.".contains(&byte))
    };
    match code {
        Some(code) if message.is_empty() => code.to_owned(),
        Some(code) if is_slug(code) && !message.contains(code) => format!("{code}: {message}"),
        _ => message,
    }
}

/// Whether a body is a page of HTML, which no API sends.
fn is_page(headers: &ResponseHeaders, bytes: &[u8]) -> bool {
    let content_type = headers.content_type.as_deref().unwrap_or_default();
    let bytes = bytes.strip_prefix(BOM).unwrap_or(bytes);
    content_type.trim_start().to_ascii_lowercase().starts_with("text/html")
        || bytes.trim_ascii_start().starts_with(b"<")
}

/// The title of a page, else its text; nothing of what is no text at all.
fn message_of_text(text: &str) -> Option<String> {
    if text.contains('\0') {
        return None;
    }
    if !text.trim_start_matches('\u{feff}').trim_start().starts_with('<') {
        return Some(text.to_owned());
    }
    let lower = text.to_ascii_lowercase();
    let title = inside_of(&lower, "title").map(|(start, end)| text[start..end].trim().to_owned());
    let beginning = ..text.floor_char_boundary(MAX_DETAIL);
    let without_tags = || strip_html(&text[beginning], &lower[beginning]);
    title.filter(|title| !title.is_empty()).or_else(|| Some(without_tags()))
}

/// Where the first element of this name begins and ends inside, in HTML in lower case.
fn inside_of(lower: &str, name: &str) -> Option<(usize, usize)> {
    let tag = format!("<{name}");
    let mut from = 0;
    loop {
        let after = from + lower[from..].find(&tag)? + tag.len();
        // Its attributes, or nothing: `<titles>` is another element.
        if lower[after..].starts_with(|c: char| c == '>' || c.is_ascii_whitespace()) {
            let start = after + lower[after..].find('>')? + 1;
            return Some((start, start + lower[start..].find(&format!("</{name}"))?));
        }
        from = after;
    }
}

/// The text of HTML, without its tags, styles and scripts; `lower` is the same in lower case.
fn strip_html(html: &str, lower: &str) -> String {
    let (mut html, mut lower) = (html, lower);
    let mut text = String::new();
    while let Some(at) = html.find('<') {
        text.push_str(&html[..at]);
        text.push(' ');
        (html, lower) = (&html[at..], &lower[at..]);
        let code = ["style", "script"].into_iter().filter(|name| lower[1..].starts_with(name));
        let code_end = code.filter_map(|name| inside_of(lower, name)).map(|(_, end)| end).next();
        let skip = code_end.or_else(|| html.find('>').map(|end| end + 1)).unwrap_or(html.len());
        (html, lower) = (&html[skip..], &lower[skip..]);
    }
    text + html
}

#[cfg(test)]
mod tests;
