//! The form of the messages of xask on stderr.

use predicates::prelude::*;

/// The output of `--usage` for [`completion`](super::chat::completion).
pub const USAGE: &str =
    "xask: usage: prompt=21 cached=4 reasoning=120 completion=2 total=143 cost_usd=0.00077\n";

/// The note with a simulated answer.
pub const REHEARSED: &str = "xask: note: rehearsal: no request was sent\n";

/// The hint below an error if it is unknown whether the API has processed the request.
pub const BILLED: &str = "xask: hint: the request was sent; a retry may be billed again\n";

/// The beginning of the error of a run, and of no other line, so that a log can be searched for it.
pub const ERROR: &str = "xask: error: ";

/// Text that no message may contain.
const JARGON: [&str; 6] = ["(os error", "Os {", "Some(", "kind:", "panicked", "backtrace"];

/// A [message](is_message) that contains these words, for runs where [`Run::fails`](super::Run::fails) comes too late:
/// those that a test interacts with.
pub fn error(words: &str) -> impl Predicate<str> + use<> {
    predicate::function(is_message).and(predicate::str::contains(words))
}

/// One line, lower case except names, with at most a hint below it, without jargon, and without characters that
/// control a terminal.
pub fn is_message(text: &str) -> bool {
    let Some(lines) = text.strip_suffix('\n') else { return false };
    let (first, hint) = lines.split_once('\n').unwrap_or((lines, "xask: hint: none"));
    let Some(what) = first.strip_prefix(ERROR) else { return false };
    let name = what.split([':', ' ']).next().unwrap_or_default();
    // The message may begin with the name of a variable.
    let is_name = name.len() > 2 && name == name.to_uppercase();
    (what.starts_with(|c: char| !c.is_uppercase()) || is_name)
        && !what.starts_with("error")
        && hint.starts_with("xask: hint: ")
        && text.lines().filter(|line| line.starts_with(ERROR)).count() == 1
        && ![first, hint].concat().contains(controls_terminal)
        && !JARGON.iter().any(|jargon| text.contains(jargon))
}

/// Control characters, and those that change the order or the lines of a text on screen.
fn controls_terminal(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
