//! How xask words what it says on stderr.

use predicates::prelude::*;

/// An error that holds these words: one line, and perhaps a hint on a second.
pub fn error(words: &str) -> impl Predicate<str> + use<> {
    let lines = r"\Axask: [^\n]+\n(xask: hint: [^\n]+\n)?\z";
    let lines = predicate::str::is_match(lines).expect("a pattern");
    lines.and(predicate::str::contains(words))
}
