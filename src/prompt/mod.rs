//! What was typed becomes messages: words, `-`, `--file` and `--image` in order.
//!
//! The only room that reads standard input. It knows no wire format: what a text or an image looks
//! like in JSON is `request`'s business.

mod image;
mod stdin;
mod text;

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

pub use self::stdin::Stdin;
use self::text::Texts;
use crate::cli::{Part, PromptArgs, names_stdin};
use crate::conversation;
use crate::error::Failure;
use crate::message::{ContentPart, Detail, EarlierMessage, ImageUrl, Message, Role};

/// The messages of this run.
#[derive(Debug)]
pub struct Prompt {
    /// The instructions, where there are any.
    pub system: Option<Message>,
    /// The question; `None` where the earlier messages end in one and no part was given.
    pub user: Option<Message>,
}

/// Reads everything the command line names, in its order.
///
/// `asked_before` tells that the earlier messages end in a question: then no part is needed.
///
/// # Errors
///
/// A usage failure for an input that is missing, unreadable or not what it must be, and for a prompt
/// without any words or image; local trouble where standard input breaks.
pub fn read(
    parts: &[Part],
    args: &PromptArgs,
    asked_before: bool,
    stdin: &mut Stdin,
) -> Result<Prompt> {
    let system = system_message(args, stdin)?;
    if asked_before && parts.is_empty() {
        return Ok(Prompt { system, user: None });
    }
    let content = user_content(parts, &args.detail, stdin)?;
    Ok(Prompt { system, user: Some(Message { role: Role::User, content }) })
}

/// The messages of `--messages`.
///
/// # Errors
///
/// A usage failure where they cannot be read or are broken; local trouble where standard input breaks.
pub fn earlier_messages(path: &Path, stdin: &mut Stdin) -> Result<Vec<EarlierMessage>> {
    if names_stdin(path.as_os_str()) {
        let mut bytes = Vec::new();
        stdin.read_to_end(&mut bytes)?;
        return conversation::parse("standard input", &bytes);
    }
    let name = path.display().to_string();
    let bytes = fs::read(path).with_context(|| Failure::usage(name.clone()))?;
    conversation::parse(&name, &bytes)
}

/// The message of `--system`, `--system-file` or `--developer`.
fn system_message(args: &PromptArgs, stdin: &mut Stdin) -> Result<Option<Message>> {
    let PromptArgs { system, system_file, developer, detail: _, conversation: _, messages: _ } =
        args;
    let (flag, role, text) = match (system, system_file, developer) {
        (Some(text), _, _) => ("--system", Role::System, argument("--system", text)?),
        (_, Some(path), _) => ("--system-file", Role::System, system_text(path, stdin)?),
        (_, _, Some(text)) => ("--developer", Role::Developer, argument("--developer", text)?),
        (None, None, None) => return Ok(None),
    };
    if text.trim().is_empty() {
        return Err(Failure::usage(format!("{flag}: the text is empty")).into());
    }
    Ok(Some(Message::text(role, text)))
}

fn system_text(path: &Path, stdin: &mut Stdin) -> Result<String> {
    let mut texts = Texts::default();
    if names_stdin(path.as_os_str()) {
        texts.add_stdin(stdin)?;
    } else {
        texts.add_file(path)?;
    }
    Ok(texts.take().unwrap_or_default())
}

/// The parts of the question; standard input where nothing else gives a text.
fn user_content(parts: &[Part], details: &[Detail], stdin: &mut Stdin) -> Result<Vec<ContentPart>> {
    let mut content = Vec::new();
    let mut texts = Texts::default();
    let mut details = details.iter().copied().cycle();
    let mut parts = parts.iter().peekable();
    let (mut named_text, mut images) = (false, 0);
    while let Some(part) = parts.next() {
        named_text |= !matches!(part, Part::Image(_));
        match part {
            Part::Word(word) => {
                let mut words = argument("the prompt", word)?;
                while let Some(Part::Word(word)) =
                    parts.next_if(|part| matches!(part, Part::Word(_)))
                {
                    words.push(' ');
                    words.push_str(&argument("the prompt", word)?);
                }
                texts.add(&words);
            }
            Part::Stdin(_) => texts.add_stdin(stdin)?,
            Part::File(path) => texts.add_file(path)?,
            Part::Image(source) => {
                content.extend(texts.take().map(ContentPart::Text));
                let url = image::source(source, stdin)?;
                content.push(ContentPart::Image(ImageUrl { url, detail: details.next() }));
                images += 1;
            }
        }
    }
    let from_stdin = !named_text && stdin.is_free_for_text();
    if from_stdin {
        texts.add_stdin(stdin)?;
    }
    content.extend(texts.take().map(ContentPart::Text));
    if images == 0 && content.iter().all(is_blank) {
        return Err(no_prompt(named_text || from_stdin));
    }
    Ok(content)
}

fn is_blank(part: &ContentPart) -> bool {
    matches!(part, ContentPart::Text(text) if text.trim().is_empty())
}

/// There is nothing to ask: a text that says nothing, or no text at all.
fn no_prompt(given: bool) -> anyhow::Error {
    let what = if given { "the prompt is empty" } else { "there is no prompt" };
    Failure::usage(what)
        .hint("give it as words, with --file, or on standard input; see xask --help")
        .into()
}

/// An argument as text.
fn argument(name: &str, text: &OsString) -> Result<String> {
    text::utf8(name, 0, text.as_encoded_bytes().to_vec())
}
