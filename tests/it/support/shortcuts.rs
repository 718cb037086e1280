//! Shortcuts for dry runs, rehearsals and expected errors.

use serde_json::Value;

use super::env::{Env, Run};

/// Text of clap and Rust that no message of xask may contain.
const JARGON: [&str; 2] = ["..", "invalid digit"];

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
    /// The output without its final line feed: the answer, or the body of a dry run.
    #[track_caller]
    pub fn text(self) -> String {
        let output = self.stdout_like("").success();
        let text = String::from_utf8(output.stdout).expect("stdout is UTF-8");
        text.strip_suffix('\n').expect("stdout ends in a line feed").to_owned()
    }

    /// Accepts any output on stdout and stderr.
    pub fn any_output(self) -> Self {
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

    /// As [`Run::fails`], for messages that are entirely xask's own: no sentences, no jargon.
    #[track_caller]
    pub fn refused(self, code: i32, words: &[&str]) -> String {
        let text = self.fails(code, words);
        assert!(!text.lines().any(|line| line.ends_with('.')), "not a message as they are: {text}");
        for jargon in JARGON {
            assert!(!text.contains(jargon), "{jargon:?} is jargon: {text}");
        }
        text
    }
}
