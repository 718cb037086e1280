//! xask sends one prompt to an xAI (Grok) model and prints the answer.
//!
//! The modules in the order in which they may be imported, lowest first: the ground ([`error`], [`deadline`],
//! [`secret`], [`host`], [`message`], [`response`], [`json`], [`folder`], [`mod@file`],
//! [`atomic_file`]), then the layers: [`body`],
//! [`api`], [`prompt`], [`client`], [`offline`], [`output`], [`cli`], [`app`]. `cli` resolves the command line into a plan,
//! and `app` runs it: `prompt` loads the messages, `api` writes them as a request, `client` or `offline` gets the
//! response, `api` reads the answer in it, `output` prints it.
//!
//! This is a library for the program's own tests; it promises nothing to other programs.

pub mod api;
pub mod app;
pub mod atomic_file;
pub mod body;
pub mod cli;
pub mod client;
pub mod deadline;
pub mod error;
pub mod file;
pub mod folder;
pub mod host;
pub mod json;
pub mod message;
pub mod offline;
pub mod output;
pub mod prompt;
pub mod response;
pub mod secret;

use std::process::ExitCode;

use self::client::Key;
use self::error::ExitStatus;
use self::output::Reporter;

/// Runs xask with the arguments and the environment of this process.
pub fn main() -> ExitCode {
    let mut reporter = Reporter::default();
    output::make_size_limit_an_error();
    // Before anything is read: a key that was pasted into the wrong place is not shown either.
    if let Some(key) = cli::key_variable() {
        reporter.mask(&key);
    }
    match cli::parse().and_then(|command| app::run(command, &mut reporter)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if let Some(key) = cli::key_file().and_then(|path| Key::peek(&path)) {
                reporter.mask(key.reveal());
            }
            let status = error::exit_status(&error);
            // The reader closed the pipe on purpose, as `head` does: a message would only be noise.
            if status != ExitStatus::BrokenPipe {
                reporter.error(&error);
            }
            ExitCode::from(status as u8)
        }
    }
}

/// The command line's definition, for the tests of the documents.
#[doc(hidden)]
pub fn command() -> clap::Command {
    cli::command()
}
