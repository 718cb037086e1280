//! The short ways to ask: which body a command line makes, which words it is refused with.

use serde_json::Value;

use super::env::{Env, Run};

/// What no message to a person may contain: the languages of clap, Rust and the C library.
const JARGON: [&str; 8] =
    ["error:", "(os error", "Os {", "Some(", "..", "invalid digit", "kind:", "panicked"];

impl Env {
    /// `xask --dry-run` with these arguments.
    pub fn dry<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Run {
        self.xask(["--dry-run"].into_iter().chain(args))
    }

    /// `xask --quiet --rehearse` with these arguments.
    pub fn rehearse<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Run {
        self.xask(["--quiet", "--rehearse"].into_iter().chain(args))
    }
}

impl Run {
    /// What it prints, less the line feed behind it: the answer, or the body of a dry run.
    #[track_caller]
    pub fn text(self) -> String {
        let output = self.stdout_like("").success();
        let text = String::from_utf8(output.stdout).expect("stdout is UTF-8");
        text.strip_suffix('\n').expect("stdout ends in a line feed").to_owned()
    }

    /// Whatever it says, on stdout and stderr.
    pub fn whatever(self) -> Self {
        self.stdout_like("").stderr_like("")
    }

    /// The messages of the body that a dry run prints.
    #[track_caller]
    pub fn messages(self) -> Value {
        let body: Value = serde_json::from_str(&self.text()).expect("a body is JSON");
        body["messages"].clone()
    }

    /// The content of the last of them.
    #[track_caller]
    pub fn content(self) -> Value {
        let messages = self.messages();
        messages.as_array().and_then(|all| all.last()).expect("a message")["content"].clone()
    }

    /// Ends with this code and with an error as every one must be: one line on stderr, lower case but for
    /// names, a hint at most on a second, nothing on stdout; in it all of these words. Returns it.
    #[track_caller]
    pub fn refused(self, code: i32, words: &[&str]) -> String {
        let output = self.stderr_like("").code(code);
        let text = output.notes();
        let lines: Vec<&str> = text.split_terminator('\n').collect();
        let what = lines.first().and_then(|line| line.strip_prefix("xask: ")).unwrap_or_default();
        let hints = lines.get(1..).unwrap_or_default();
        let is_message = text.ends_with('\n')
            && (what.starts_with(|c: char| !c.is_uppercase()) || is_name(what))
            && hints.len() <= 1
            && hints.iter().all(|line| line.starts_with("xask: hint: "))
            && lines.iter().all(|line| !line.contains(char::is_control) && !line.ends_with('.'));
        assert!(is_message, "not a message as they are: {text:?}");
        for jargon in JARGON {
            assert!(!text.contains(jargon), "{jargon:?} is jargon: {text}");
        }
        for word in words {
            assert!(text.contains(word), "{word:?} is not in: {text}");
        }
        text.to_owned()
    }
}

/// Whether it begins with the name of a variable.
fn is_name(what: &str) -> bool {
    what.split([':', ' ']).next().is_some_and(|word| word.len() > 2 && word == word.to_uppercase())
}
