//! One question to a server, its answer, and how it fails: with a code, and on stderr with one safe line and at
//! most a hint below it.

use std::path::PathBuf;
use std::process::Command;

use super::env::{Env, Run};
use super::server::{Reply, Server};
use super::{messages, replies};

/// What is asked where it does not matter what.
pub const QUESTION: &str = "What is 2 + 2?";

/// The key that is shown to a service, and to nobody else. It shares no five letters in a row with any other text
/// here.
pub const KEY: &str = "xai-Kq7ZbWm3TnVx9RfGh2Js";

/// The id of a reply, where it is to be told.
pub const ID: &str = "0f4c5b1e-7a3d";

/// The answer where it does not matter which. Printed, it is `Four.` and a line feed.
pub fn four() -> Reply {
    answer("Four.")
}

/// A whole and fit answer.
pub fn answer(text: &str) -> Reply {
    Reply::json(200, replies::completion(text))
}

/// The same as a stream, a piece an event: the head, the reasoning, the pieces, the finish.
pub fn streamed(pieces: &[&str]) -> Reply {
    Reply::sse(&replies::stream_of(pieces, Some("stop")))
}

/// Turned away, with leave to come back at once.
pub fn busy(status: u16) -> Reply {
    Reply::json(status, replies::error("overloaded", "Too busy.")).header("Retry-After", "0")
}

/// A JSON reply with its id.
pub fn reply(status: u16, body: impl Into<Vec<u8>>) -> Reply {
    Reply::json(status, body).with_id()
}

impl Reply {
    pub fn with_id(self) -> Self {
        self.header("x-request-id", ID)
    }
}

impl Env {
    /// A library for `LD_PRELOAD`, built from C.
    pub fn library(&self, source: &str) -> PathBuf {
        self.write("library.c", source);
        let library = self.path("library.so");
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-o"])
            .args([&library, &self.path("library.c")])
            .status()
            .expect("a C compiler, which ring takes too");
        assert!(built.success());
        library
    }

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
    /// Ends with this code: well, or as [`Run::fails`] says.
    #[track_caller]
    pub fn ends(self, code: i32, words: &[&str]) {
        match code {
            0 => _ = self.success(),
            _ => _ = self.fails(code, words),
        }
    }

    /// Ends with this code, and with a message as each of them must be, in which are all of these words.
    /// Returns stderr. Stdout is judged as always: by default it must be empty.
    #[track_caller]
    pub fn fails(self, code: i32, words: &[&str]) -> String {
        let line = self.line();
        let output = self.stderr_like("").code(code);
        let text = output.notes();
        assert!(messages::is_message(text), "{line}\nthis is no message: {text:?}");
        for word in words {
            assert!(text.contains(word), "{line}\n{word:?} is not in: {text}");
        }
        text.to_owned()
    }
}
