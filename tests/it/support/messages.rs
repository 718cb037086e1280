//! How xask words what it says on stderr.

use predicates::prelude::*;

/// What `--usage` says of [`completion`](super::replies::completion).
pub const USAGE: &str =
    "xask: usage: prompt=21 cached=4 reasoning=120 completion=2 total=143 cost_usd=0.00077\n";

/// The note beside an answer from inside the program.
pub const REHEARSED: &str = "xask: note: rehearsal: no request was sent\n";

/// The hint below an error after which unknown reason what the service has done.
pub const BILLED: &str = "xask: hint: the request was sent; a retry may be billed again\n";

/// How the error of a run begins, and no other line: a log can be searched for it.
pub const ERROR: &str = "xask: error: ";

/// What no message to a person may contain.
const JARGON: [&str; 6] = ["(os error", "Os {", "Some(", "kind:", "panicked", "backtrace"];

/// A [message](is_message) that holds these words, where [`Run::fails`](super::Run::fails) comes too late: of a
/// run that a test has a word with.
pub fn error(words: &str) -> impl Predicate<str> + use<> {
    predicate::function(is_message).and(predicate::str::contains(words))
}

/// One line, lower case but for names, a hint at most below it, in words, and with nothing that a terminal obeys.
pub fn is_message(text: &str) -> bool {
    let Some(lines) = text.strip_suffix('\n') else { return false };
    let (first, hint) = lines.split_once('\n').unwrap_or((lines, "xask: hint: none"));
    let Some(what) = first.strip_prefix(ERROR) else { return false };
    let name = what.split([':', ' ']).next().unwrap_or_default();
    // A variable may be what is wrong.
    let is_name = name.len() > 2 && name == name.to_uppercase();
    (what.starts_with(|c: char| !c.is_uppercase()) || is_name)
        && !what.starts_with("error")
        && hint.starts_with("xask: hint: ")
        && text.lines().filter(|line| line.starts_with(ERROR)).count() == 1
        && ![first, hint].concat().contains(is_obeyed)
        && !JARGON.iter().any(|jargon| text.contains(jargon))
}

/// Controls, and what shows a text in another order or on another line than it is in.
fn is_obeyed(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
