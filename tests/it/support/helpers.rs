//! One prompt to a server, its answer, and how it fails: with an exit status, and on stderr with one safe line and at
//! most a hint below it.

use std::path::PathBuf;
use std::process::Command;

use super::env::{Env, Run};
use super::server::{Response, Server};
use super::{chat, messages};

/// The prompt where the text does not matter.
pub const PROMPT: &str = "What is 2 + 2?";

/// The key that is sent to the API, and shown nowhere else. It shares no five letters in a row with any other text
/// here.
pub const KEY: &str = "xai-Kq7ZbWm3TnVx9RfGh2Js";

/// The id of a response, for tests of messages that name it.
pub const ID: &str = "0f4c5b1e-7a3d";

/// The answer where the text does not matter. Printed, it is `Four.` and a line feed.
pub fn four() -> Response {
    answer("Four.")
}

/// A whole and usable answer.
pub fn answer(text: &str) -> Response {
    Response::json(200, chat::completion(text))
}

/// The same as a stream, one event per piece: the role, the reasoning, the pieces, the finish reason.
pub fn streamed(pieces: &[&str]) -> Response {
    Response::sse(&chat::stream_of(pieces, Some("stop")))
}

/// A rejection that allows a retry at once.
pub fn retry_at_once(status: u16) -> Response {
    Response::json(status, chat::error("overloaded", "Too busy.")).header("Retry-After", "0")
}

/// A JSON response with its id.
pub fn json_response(status: u16, body: impl Into<Vec<u8>>) -> Response {
    Response::json(status, body).with_id()
}

impl Response {
    pub fn with_id(self) -> Self {
        self.header("x-request-id", ID)
    }
}

impl Env {
    /// A shared object for `LD_PRELOAD`, built from C.
    pub fn preloadable(&self, source: &str) -> PathBuf {
        self.write("shim.c", source);
        let shim = self.path("shim.so");
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-o"])
            .args([&shim, &self.path("shim.c")])
            .status()
            .expect("a C compiler, which ring takes too");
        assert!(built.success());
        shim
    }

    /// Runs xask with [`PROMPT`] and these flags against a server, without retries.
    pub fn ask<'a>(&self, server: &Server, flags: impl IntoIterator<Item = &'a str>) -> Run {
        self.ask_at(&server.url(), flags)
    }

    /// As [`Env::ask`], for a base URL.
    pub fn ask_at<'a>(&self, url: &str, flags: impl IntoIterator<Item = &'a str>) -> Run {
        let args = ["--retries=0", PROMPT].into_iter().chain(flags);
        self.xask(args).env("XAI_BASE_URL", url)
    }
}

impl Run {
    /// Ends with this code: 0, or as described at [`Run::fails`].
    #[track_caller]
    pub fn ends(self, code: i32, words: &[&str]) {
        match code {
            0 => _ = self.success(),
            _ => _ = self.fails(code, words),
        }
    }

    /// Ends with this code, and with a valid message that contains all of these words.
    /// Returns stderr. Stdout is checked as always: by default it must be empty.
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
