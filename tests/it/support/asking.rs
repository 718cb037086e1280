//! One question to a server, and how it fails: with a code, and on stderr with one safe line and at most a
//! hint below it.

use super::env::{Env, Run};
use super::server::Server;
use super::shown;

/// What is asked where it does not matter what.
pub const QUESTION: &str = "What is 2 + 2?";

/// What no message to a person may contain.
const JARGON: [&str; 6] = ["(os error", "Os {", "Some(", "kind:", "panicked", "backtrace"];

impl Env {
    /// Asks a server the one question, once, with these flags.
    pub fn ask<'a>(&self, server: &Server, flags: impl IntoIterator<Item = &'a str>) -> Run {
        self.ask_at(&server.url(), flags)
    }

    /// As [`Env::ask`], for a base URL.
    pub fn ask_at<'a>(&self, url: &str, flags: impl IntoIterator<Item = &'a str>) -> Run {
        let args = ["--retries=0", QUESTION].into_iter().chain(flags);
        self.xask(args).env("XAI_BASE_URL", url)
    }
}

impl Run {
    /// Ends with this code, and with a message as each of them must be, in which are all of these words.
    /// Returns stderr. Stdout is judged as always: by default it must be empty.
    #[track_caller]
    pub fn fails(self, code: i32, words: &[&str]) -> String {
        let line = self.line();
        let output = self.stderr_like("").code(code);
        let text = output.notes();
        assert!(is_message(text), "{line}\nthis is no message: {}", shown(text.as_bytes()));
        for jargon in JARGON {
            assert!(!text.contains(jargon), "{line}\n{jargon:?} is jargon: {text}");
        }
        for word in words {
            assert!(text.contains(word), "{line}\n{word:?} is not in: {text}");
        }
        text.to_owned()
    }
}

/// One line, lower case but for names, a hint at most below it, and nothing that a terminal obeys.
fn is_message(text: &str) -> bool {
    let Some(lines) = text.strip_suffix('\n') else { return false };
    let (first, hint) = lines.split_once('\n').unwrap_or((lines, "xask: hint: none"));
    let Some(what) = first.strip_prefix("xask: ") else { return false };
    let name = what.split([':', ' ']).next().unwrap_or_default();
    (what.starts_with(|c: char| !c.is_uppercase()) || name == name.to_uppercase())
        && hint.starts_with("xask: hint: ")
        && ![first, hint].concat().contains(is_obeyed)
}

/// Controls, and what shows a text in another order or on another line than it is in.
fn is_obeyed(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
