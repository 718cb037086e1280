//! What a status without an answer means: the exit status, whether to retry, and what to do about it.

use std::io::Read;

use super::error_body::{ApiError, MAX_ERROR_BODY, whole_json};
use super::failures::with_response;
use super::html::is_html;
use crate::error::{ExitStatus, Failure, Retry};
use crate::response::ResponseHeaders;

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
    let is_page = is_html(&bytes) || is_labelled_html(headers);
    let (exit, retry) = match classify(status, &words) {
        (ExitStatus::Key, retry) if status == 403 && is_page => (ExitStatus::Rejected, retry),
        classified => classified,
    };
    let message = match (exit, status) {
        (ExitStatus::Key, 401 | 403) if context.without_key => "no API key was sent",
        (ExitStatus::Key, _) => "the API key was rejected",
        (ExitStatus::RateLimit, _) => "rate limit exceeded",
        (ExitStatus::Server, 300..400) => "the server sent a redirect, which xask does not follow",
        (ExitStatus::Server, 200..300) => "the server sent an empty response",
        (ExitStatus::Server, _) => "server error",
        (_, 403) if is_page => "something in front of the API rejected the request",
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
    // Rounded up: an earlier request would be rejected again.
    let wait = headers
        .retry_after
        .map(|wait| wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)));
    let hint = match (exit, status) {
        (ExitStatus::Key, 401 | 403) if context.without_key => {
            "set XAI_API_KEY or XAI_API_KEY_FILE"
        }
        (ExitStatus::Key, _) => {
            "check XAI_API_KEY or XAI_API_KEY_FILE, and the key's permissions at https://console.x.ai"
        }
        (ExitStatus::RateLimit | ExitStatus::Server, _) if wait.is_some() => {
            return Some(format!("retry after {} s", wait.unwrap_or_default()));
        }
        (ExitStatus::Server, 300..400) => "check the base URL",
        (ExitStatus::Rejected, 404) if context.lists_models => "check the base URL",
        (ExitStatus::Rejected, 404) if words.contains("model") => {
            "check --model; --list-models prints the models that the key may use"
        }
        (ExitStatus::Rejected, 404) => "check --model and the base URL",
        (ExitStatus::Rejected, 410) => {
            "the API has retired this feature; to search, use --web-search or --x-search"
        }
        (ExitStatus::Rejected, 422) => "check the values given with --param and other options",
        (ExitStatus::Rejected, 400) if words.contains("not allowed on chat completions") => {
            "use --api responses"
        }
        (ExitStatus::Rejected, 400) if words.contains("argument not supported") => {
            "omit the option that sets it"
        }
        _ => return None,
    };
    Some(hint.to_owned())
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

/// Whether a response calls itself a page of HTML.
fn is_labelled_html(headers: &ResponseHeaders) -> bool {
    let content_type = headers.content_type.as_deref().unwrap_or_default();
    content_type.trim_start().to_ascii_lowercase().starts_with("text/html")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_status_decides_the_exit_status_and_whether_to_retry() {
        let wrong_key =
            "Incorrect API key provided. You can obtain an API key from https://console.x.ai.";
        let content = "Content violates usage guidelines. Team: x. Failed check: SAFETY_CHECK";
        for (status, words, exit, retry) in [
            (400, "", ExitStatus::Rejected, Retry::Never),
            (400, wrong_key, ExitStatus::Key, Retry::Never),
            (401, "", ExitStatus::Key, Retry::Never),
            (403, "", ExitStatus::Key, Retry::Never),
            (403, content, ExitStatus::Rejected, Retry::Never),
            (404, "", ExitStatus::Rejected, Retry::Never),
            (408, "", ExitStatus::Server, Retry::Never),
            (410, "", ExitStatus::Rejected, Retry::Never),
            (413, "", ExitStatus::Rejected, Retry::Never),
            (422, "", ExitStatus::Rejected, Retry::Never),
            (425, "", ExitStatus::Server, Retry::Never),
            (429, "", ExitStatus::RateLimit, Retry::Safe),
            (500, "", ExitStatus::Server, Retry::MayDoubleBill),
            (502, "", ExitStatus::Server, Retry::MayDoubleBill),
            (503, "", ExitStatus::Server, Retry::Safe),
            (504, "", ExitStatus::Server, Retry::MayDoubleBill),
            (520, "", ExitStatus::Server, Retry::MayDoubleBill),
            (521, "", ExitStatus::Server, Retry::Safe),
            (523, "", ExitStatus::Server, Retry::Safe),
            (524, "", ExitStatus::Server, Retry::MayDoubleBill),
            (525, "", ExitStatus::Server, Retry::Never),
            (526, "", ExitStatus::Server, Retry::Never),
            (529, "", ExitStatus::Server, Retry::Safe),
            (530, "", ExitStatus::Server, Retry::Safe),
            (101, "", ExitStatus::Server, Retry::Never),
            (204, "", ExitStatus::Server, Retry::Never),
            (302, "", ExitStatus::Server, Retry::Never),
            (700, "", ExitStatus::Server, Retry::Never),
        ] {
            let words = words.to_ascii_lowercase();
            assert_eq!(classify(status, &words), (exit, retry), "{status} {words}");
        }
    }

    fn failure(status: u16, content_type: &str, body: &str, context: Context) -> Failure {
        let content_type = Some(content_type.to_owned());
        let headers = ResponseHeaders { content_type, ..ResponseHeaders::default() };
        from_status(status, &headers, body.as_bytes(), context)
    }

    const ANSWER: Context = Context { lists_models: false, without_key: false };

    #[test]
    fn an_html_page_with_403_is_not_attributed_to_the_api() {
        for (content_type, body, status) in [
            ("text/html; charset=utf-8", "Blocked", ExitStatus::Rejected),
            ("", " \u{feff}<!DOCTYPE html><title>Blocked</title>", ExitStatus::Key),
            ("", "\u{feff} <!DOCTYPE html><title>Blocked</title>", ExitStatus::Rejected),
            ("application/json", r#"{"error":"<b>"}"#, ExitStatus::Key),
            ("text/plain", "Forbidden", ExitStatus::Key),
        ] {
            assert_eq!(failure(403, content_type, body, ANSWER).status, status, "{body}");
            assert_eq!(failure(401, content_type, body, ANSWER).status, ExitStatus::Key, "{body}");
        }
    }

    #[test]
    fn what_happened_is_said_in_words() {
        let without_key = Context { without_key: true, ..ANSWER };
        for (status, content_type, context, message) in [
            (204, "", ANSWER, "the server sent an empty response"),
            (302, "", ANSWER, "the server sent a redirect, which xask does not follow"),
            (400, "text/html", ANSWER, "the request was rejected"),
            (401, "", ANSWER, "the API key was rejected"),
            (401, "", without_key, "no API key was sent"),
            (403, "", without_key, "no API key was sent"),
            (403, "text/html", ANSWER, "something in front of the API rejected the request"),
            (429, "", ANSWER, "rate limit exceeded"),
            (500, "", ANSWER, "server error"),
        ] {
            assert_eq!(failure(status, content_type, "", context).to_string(), message, "{status}");
        }
        let content = r#"{"error":"Content violates usage guidelines."}"#;
        let rejected = failure(403, "application/json", content, ANSWER);
        assert_eq!(rejected.to_string(), "the request was rejected");
    }

    #[test]
    fn a_hint_says_what_can_be_done() {
        let models = Context { lists_models: true, ..ANSWER };
        let without_key = Context { without_key: true, ..ANSWER };
        for (status, message, context, hint) in [
            (
                400,
                "Multi Agent requests are not allowed on chat completions",
                ANSWER,
                "--api responses",
            ),
            (400, "Argument not supported: metadata", ANSWER, "omit the option"),
            (401, "", ANSWER, "check XAI_API_KEY"),
            (401, "", without_key, "set XAI_API_KEY"),
            (404, "", ANSWER, "--model"),
            (404, "", models, "check the base URL"),
            (410, "", ANSWER, "--web-search"),
            (422, "", ANSWER, "--param"),
        ] {
            let body = format!(r#"{{"error":"{message}"}}"#);
            let found = failure(status, "", &body, context).hint.unwrap_or_default();
            assert!(found.contains(hint), "{status} {message}: {found}");
        }
        assert_eq!(failure(400, "", "", ANSWER).hint, None);
        for (body, hint) in [
            (r#"{"error":"The model grok-9 does not exist"}"#, "prints the models"),
            (r#"{"error":"no such path"}"#, "check --model and the base URL"),
        ] {
            let found = failure(404, "", body, ANSWER).hint.unwrap_or_default();
            assert!(found.contains(hint), "{body}: {found}");
        }
    }

    #[test]
    fn a_pause_that_the_api_requests_is_rounded_up() {
        let hint = |status, retry_after| {
            let headers = ResponseHeaders { retry_after, ..ResponseHeaders::default() };
            from_status(status, &headers, &b""[..], ANSWER).hint
        };
        for (milliseconds, expected) in [
            (0, "retry after 0 s"),
            (1, "retry after 1 s"),
            (1000, "retry after 1 s"),
            (1001, "retry after 2 s"),
        ] {
            let wait = Some(Duration::from_millis(milliseconds));
            assert_eq!(hint(429, wait).as_deref(), Some(expected), "{milliseconds} ms");
            assert_eq!(hint(503, wait).as_deref(), Some(expected), "{milliseconds} ms");
            assert_ne!(hint(404, wait).as_deref(), Some(expected), "{milliseconds} ms");
        }
        assert_eq!(hint(429, None), None);
        assert_eq!(hint(302, None).as_deref(), Some("check the base URL"));
    }
}
