//! Errors as a person reads them: what failed, why, and which response it was.

use std::io;

use anyhow::Error;

use super::masks::Masks;
use crate::error::{ExitStatus, Failure, describe_io, exit_status, failure};

/// How much of the API's own words is shown, in bytes.
const MAX_DETAIL: usize = 400;

/// How much of an `x-request-id` is shown, in bytes.
const MAX_REQUEST_ID: usize = 100;

/// An error as `what: why`, with the API's own words. Masked, but not made safe for a terminal.
pub fn describe(error: &Error, masks: &Masks) -> String {
    let text = masks.apply(&describe_chain(error));
    let detail = failure(error).and_then(|failure| failure.detail.as_deref());
    match detail.map(|detail| masks.shorten(detail, MAX_DETAIL)) {
        Some(detail) if !detail.is_empty() => format!("{text}: {detail}"),
        _ => text,
    }
}

/// The same for the log, which tells of the API's words, but not what a local error has as its detail: the
/// beginning of a prompt.
pub fn describe_for_log(error: &Error, masks: &Masks) -> String {
    match exit_status(error) {
        ExitStatus::Local => masks.apply(&describe_chain(error)),
        _ => describe(error, masks),
    }
}

/// Which response an error is from, as in ` (HTTP 400, x-request-id 0f4c…)`. A status of 200 would say "all is
/// well" beside an error, and is left out.
pub fn describe_response(error: &Error, masks: &Masks) -> String {
    let Some(Failure { http_status, request_id, .. }) = failure(error) else {
        return String::new();
    };
    let status = http_status.filter(|status| *status != 200).map(|status| format!("HTTP {status}"));
    let id = request_id.as_deref().map(|id| format!("x-request-id {}", shorten_id(id, masks)));
    match [status, id].into_iter().flatten().collect::<Vec<_>>() {
        parts if parts.is_empty() => String::new(),
        parts => format!(" ({})", parts.join(", ")),
    }
}

/// An `x-request-id` as it is shown.
pub fn shorten_id(id: &str, masks: &Masks) -> String {
    masks.shorten(id, MAX_REQUEST_ID)
}

/// The chain of an error in one line, outermost first: `what: why`.
fn describe_chain(error: &Error) -> String {
    let causes: Vec<String> = error
        .chain()
        .map(|cause| match cause.downcast_ref::<io::Error>() {
            Some(error) => describe_io(error),
            None => cause.to_string(),
        })
        .collect();
    causes.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    const KEY: &str = "xai-Secret0123456789abcdefghi";

    fn text(error: &Error) -> String {
        let mut masks = Masks::default();
        masks.add(KEY);
        describe(error, &masks) + &describe_response(error, &masks)
    }

    #[test]
    fn an_error_is_described_with_its_cause() {
        let missing: anyhow::Result<()> = Err(io::Error::from_raw_os_error(2).into());
        let error = missing.context(Failure::usage("a.txt")).expect_err("it was an error");
        assert_eq!(text(&error), "a.txt: no such file or directory");
    }

    #[test]
    fn a_failure_inside_an_io_error_is_described_once() {
        let failure = Failure::local("a.png changed").response(500, Some("id"));
        let error = Error::from(io::Error::from(failure));
        assert_eq!(text(&error), "a.png changed (HTTP 500, x-request-id id)");
    }

    #[test]
    fn the_response_is_named_without_a_success_status() {
        for (status, id, expected) in [
            (400, None, "rejected: no (HTTP 400)"),
            (400, Some("id"), "rejected: no (HTTP 400, x-request-id id)"),
            (200, None, "rejected: no"),
            (200, Some("id"), "rejected: no (x-request-id id)"),
        ] {
            let failure = Failure::local("rejected").detail(Some("no".into()));
            assert_eq!(text(&failure.response(status, id).into()), expected);
        }
        assert_eq!(text(&Failure::local("rejected").detail(Some(" ".into())).into()), "rejected");
    }

    #[test]
    fn a_request_id_that_holds_the_key_shows_no_part_of_it() {
        for before in 0..120 {
            let id = "-".repeat(before) + &KEY.to_uppercase() + "-";
            let text = text(&Failure::local("rejected").response(400, Some(&id)).into());
            let shown = text.split("x-request-id ").nth(1).expect("an id");
            assert!(!shown.contains('X') && shown.len() <= MAX_REQUEST_ID + 1, "{text}");
        }
    }

    #[test]
    fn messages_of_the_api_are_truncated() {
        let failure = Failure::local("rejected").detail(Some("a\n".repeat(10_000_000)));
        assert_eq!(text(&failure.into()).len(), "rejected: ".len() + MAX_DETAIL);
    }
}
