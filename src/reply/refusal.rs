//! Errors in a reply: what the service says, and which exit status it means.

use std::io::Read;

use serde::de::IgnoredAny;
use serde_json::Value;

use super::{about_reply, no_completion};
use crate::error::{Exit, Failure, Repeat};
use crate::service::ReplyHeaders;

/// How much of an error's body is looked at, in bytes: JSON that is cut has no words to be found.
const MAX_ERROR_BODY: u64 = 1024 * 1024;

/// What a service too busy to begin says with status 200 (seen by its clients).
const UNAVAILABLE: &str = "service is currently unavailable";

/// A JSON string that is itself JSON is unwrapped so many times: a bound of ours, gateways nest once.
const MAX_NESTING: usize = 3;

/// The failure that a status without an answer means.
pub fn of_status(status: u16, headers: &ReplyHeaders, body: impl Read) -> Failure {
    let mut bytes = Vec::new();
    // A body that breaks off still has words, and its status says enough without any.
    let _ = body.take(MAX_ERROR_BODY).read_to_end(&mut bytes);
    if bytes.len() as u64 == MAX_ERROR_BODY {
        // The last word may be half of the key, which could not be told any more.
        let end = bytes.iter().rposition(u8::is_ascii_whitespace).unwrap_or_default();
        bytes.truncate(end);
    }
    let words = words(&bytes).or_else(|| json_itself(&bytes));
    let (exit, repeat) = meaning(status, words.as_deref().unwrap_or_default());
    let what = match (exit, status) {
        (Exit::Key, _) => "the API key was refused",
        (Exit::RateLimit, _) => "too many requests or tokens for now",
        (Exit::Service, 300..400) => "the service redirects, which is not followed",
        (Exit::Service, 200..300) => "the service sent no reply",
        (Exit::Service, _) => "the service failed",
        _ => "the request was rejected",
    };
    let failure =
        about_reply(Failure::new(exit, what).words(words).repeat(repeat), status, headers);
    match (exit, headers.retry_after) {
        (Exit::Key, _) => {
            failure.hint("check XAI_API_KEY, and the key's permissions at https://console.x.ai")
        }
        (Exit::RateLimit | Exit::Service, Some(wait)) => {
            failure.hint(format!("the service asks to wait {} s", wait.as_secs()))
        }
        (Exit::Service, _) if (300..400).contains(&status) => failure.hint("check the base URL"),
        (Exit::Rejected, _) if status == 404 => failure.hint("check --model and the base URL"),
        _ => failure,
    }
}

/// The failure of a reply that came with status 200 and carries an error.
pub fn in_reply(bytes: &[u8]) -> Failure {
    in_place_of_reply("the service failed", bytes)
}

/// The same of whatever came in place of what was asked for.
pub fn in_place_of_reply(what: &str, bytes: &[u8]) -> Failure {
    // Wherever it stands: the service says it in `code`, which is not shown.
    let turned_away = String::from_utf8_lossy(bytes).to_ascii_lowercase().contains(UNAVAILABLE);
    let repeat = if turned_away { Repeat::Safe } else { Repeat::Never };
    no_completion(what.into()).words(words(bytes)).repeat(repeat)
}

/// What a status means, with the peculiarities of xAI (reported in its clients' issues).
fn meaning(status: u16, words: &str) -> (Exit, Repeat) {
    let words = words.to_ascii_lowercase();
    match status {
        400 if words.contains("incorrect api key") => (Exit::Key, Repeat::Never),
        403 if words.contains("usage guidelines") || words.contains("failed check") => {
            (Exit::Rejected, Repeat::Never)
        }
        401 | 403 => (Exit::Key, Repeat::Never),
        429 => (Exit::RateLimit, Repeat::Safe),
        408 | 425 | 525 | 526 => (Exit::Service, Repeat::Never),
        400..500 => (Exit::Rejected, Repeat::Never),
        503 | 521..=523 | 529 | 530 => (Exit::Service, Repeat::Safe),
        500..600 => (Exit::Service, Repeat::MayBeBilled),
        _ => (Exit::Service, Repeat::Never),
    }
}

/// The words of an error in any of the shapes seen: an object, a string, JSON in a string, HTML, text.
pub fn words(bytes: &[u8]) -> Option<String> {
    let words = match serde_json::from_slice::<Value>(bytes) {
        Ok(json) => words_of_json(&json, MAX_NESTING),
        // JSON too deep to be looked through has none that were meant to be read.
        Err(_) if serde_json::from_slice::<IgnoredAny>(bytes).is_ok() => None,
        Err(_) => words_of_text(&String::from_utf8_lossy(bytes)),
    };
    words.filter(|words| !words.trim().is_empty())
}

/// JSON itself, where words are in it, but not where they were looked for.
fn json_itself(bytes: &[u8]) -> Option<String> {
    let json: Value = serde_json::from_slice(bytes).ok()?;
    has_words(&json).then(|| json.to_string())
}

fn has_words(json: &Value) -> bool {
    match json {
        Value::String(text) => !text.trim().is_empty(),
        Value::Object(object) => object.values().any(has_words),
        Value::Array(array) => array.iter().any(has_words),
        _ => false,
    }
}

fn words_of_json(json: &Value, nesting: usize) -> Option<String> {
    match json {
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            Ok(inner @ (Value::Object(_) | Value::String(_))) if nesting > 0 => {
                words_of_json(&inner, nesting - 1)
            }
            _ => Some(text.clone()),
        },
        Value::Object(object) => {
            let words = ["error", "message", "detail"]
                .iter()
                .find_map(|key| words_of_json(object.get(*key)?, nesting.checked_sub(1)?));
            Some(with_code(object.get("code"), words.unwrap_or_default()))
                .filter(|text| !text.is_empty())
        }
        _ => None,
    }
}

/// A code is shown where it is a slug, and more than the words already say. Older replies have a
/// sentence in its place, which the words say better.
fn with_code(code: Option<&Value>, words: String) -> String {
    let is_slug = |code: &str| {
        code.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_:.".contains(&byte))
    };
    match code.and_then(Value::as_str) {
        Some(code) if words.is_empty() => code.to_owned(),
        Some(code) if is_slug(code) && !words.contains(code) => format!("{code}: {words}"),
        _ => words,
    }
}

/// The title of a page, else its text; nothing of what is no text at all.
fn words_of_text(text: &str) -> Option<String> {
    if text.contains('\0') {
        return None;
    }
    if !text.trim_start().starts_with('<') {
        return Some(text.to_owned());
    }
    let lower = text.to_ascii_lowercase();
    let title = lower.find("<title>").map(|start| start + "<title>".len()).and_then(|start| {
        let end = start + lower[start..].find("</title>")?;
        Some(text[start..end].trim().to_owned())
    });
    title.filter(|title| !title.is_empty()).or_else(|| Some(without_tags(text)))
}

fn without_tags(html: &str) -> String {
    let mut text = String::new();
    for piece in html.split('<') {
        text.push_str(piece.split_once('>').map_or("", |(_, text)| text));
        text.push(' ');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_decides_the_exit_status_and_whether_to_repeat() {
        let wrong_key =
            "Incorrect API key provided. You can obtain an API key from https://console.x.ai.";
        let content = "Content violates usage guidelines. Team: x. Failed check: SAFETY_CHECK";
        for (status, words, exit, repeat) in [
            (400, "", Exit::Rejected, Repeat::Never),
            (400, wrong_key, Exit::Key, Repeat::Never),
            (401, "", Exit::Key, Repeat::Never),
            (403, "", Exit::Key, Repeat::Never),
            (403, content, Exit::Rejected, Repeat::Never),
            (404, "", Exit::Rejected, Repeat::Never),
            (408, "", Exit::Service, Repeat::Never),
            (410, "", Exit::Rejected, Repeat::Never),
            (413, "", Exit::Rejected, Repeat::Never),
            (422, "", Exit::Rejected, Repeat::Never),
            (425, "", Exit::Service, Repeat::Never),
            (429, "", Exit::RateLimit, Repeat::Safe),
            (500, "", Exit::Service, Repeat::MayBeBilled),
            (502, "", Exit::Service, Repeat::MayBeBilled),
            (503, "", Exit::Service, Repeat::Safe),
            (504, "", Exit::Service, Repeat::MayBeBilled),
            (520, "", Exit::Service, Repeat::MayBeBilled),
            (521, "", Exit::Service, Repeat::Safe),
            (523, "", Exit::Service, Repeat::Safe),
            (524, "", Exit::Service, Repeat::MayBeBilled),
            (525, "", Exit::Service, Repeat::Never),
            (526, "", Exit::Service, Repeat::Never),
            (529, "", Exit::Service, Repeat::Safe),
            (530, "", Exit::Service, Repeat::Safe),
            (101, "", Exit::Service, Repeat::Never),
            (204, "", Exit::Service, Repeat::Never),
            (302, "", Exit::Service, Repeat::Never),
            (700, "", Exit::Service, Repeat::Never),
        ] {
            assert_eq!(meaning(status, words), (exit, repeat), "{status} {words}");
        }
    }

    #[test]
    fn the_words_of_an_error_are_found_in_every_shape() {
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
            (r#"{"error":"words"}"#, "words"),
            (r#"{"error":{"message":"words","type":"t","code":"bad-thing"}}"#, "bad-thing: words"),
            (r#"{"error":{"message":"words","type":"t","code":null}}"#, "words"),
            (r#"{"type":"error","message":"words"}"#, "words"),
            (r#""words""#, "words"),
            (r#""{\"error\":\"words\"}""#, "words"),
            (r#"{"error":"{\"message\":\"words\"}"}"#, "words"),
            (r#"{"code":"internal"}"#, "internal"),
            (
                "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>",
                "502 Bad Gateway",
            ),
            ("<p>Bad <b>gateway</b>", "Bad gateway"),
            ("upstream connect error", "upstream connect error"),
        ] {
            let words = words(body.as_bytes()).unwrap_or_default();
            let folded: Vec<&str> = words.split_whitespace().collect();
            assert_eq!(folded.join(" "), expected, "{body}");
        }
        for body in ["", "\u{1f}\u{8b}\u{8}\0gzip", "  ", "{}", "[]", "null", r#"{"error":null}"#] {
            assert_eq!(words(body.as_bytes()), None, "{body}");
        }
    }
}
