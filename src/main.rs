//! xask: one question to an xAI chat model, one answer on standard output.
//!
//! The listing of this folder is the way of a question. `cli` says what is asked for, `question` leads
//! it through the rooms: `prompt` makes messages of it, `request` a body, `service` gets a reply,
//! `reply` finds the answer in it, `output` prints it. `error`, `message`, `conversation` and
//! `deadline` are the ground they stand on.

mod cli;
mod conversation;
mod deadline;
mod error;
mod message;
mod output;
mod prompt;
mod question;
mod reply;
mod request;
mod service;

use std::process::ExitCode;

use anyhow::Result;

use self::cli::Invocation;
use self::error::Exit;
use self::output::{Notes, Stdout};
use self::service::Key;

fn main() -> ExitCode {
    let mut notes = Notes::default();
    // Before anything is read: a key that was pasted into the wrong place is not shown either.
    if let Some(key) = cli::key_variable() {
        notes.mask(&key);
    }
    match run(&mut notes) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if let Some(key) = cli::key_file().and_then(|path| Key::peek(&path)) {
                notes.mask(key.reveal());
            }
            let exit = error::exit(&error);
            // Whoever closed the pipe knows; a message would only disturb the rest of the pipeline.
            if exit != Exit::ReaderLeft {
                notes.error(&error);
            }
            ExitCode::from(exit as u8)
        }
    }
}

fn run(notes: &mut Notes) -> Result<()> {
    match cli::parse()? {
        Invocation::Print(text) => Stdout::open()?.write(text.as_bytes()),
        Invocation::Ask(cli) => question::ask(&cli, notes),
        Invocation::ListModels(cli) => question::list_models(&cli, notes),
    }
}
