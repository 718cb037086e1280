//! The catalogue of messages: every text in the source that a user can read, in one file.
//!
//! A message is a string literal with a space between two words. Omitted are attributes, tests, texts
//! that are compared and not printed, the help (the man page has it), and texts sent to servers and proxies.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::{keep_in_step, path};

/// Functions whose texts are compared with input, or belong to the help.
const NOT_PRINTED: [&str; 10] = [
    "contains",
    "split",
    "starts_with",
    "strip_prefix",
    "trim_start_matches",
    "trim_end_matches",
    "expect",
    "help",
    "long_help",
    "next_help_heading",
];

const INTRODUCTION: &str = "\
# Messages

The texts that xask can print on standard error, in the order of the source, for reviewers and translators. A few
others, such as `Bearer {}`, are listed too although they are never printed. Braces stand for what a run fills in. An
error is `xask: error: WHAT: WHY`, often put together from two of these texts; hints, notes and retries have lines of
their own. A test keeps this file in step: `UPDATE=1 cargo test --test docs` rewrites it.
";

#[test]
fn the_catalogue_has_every_message() {
    let mut catalogue = INTRODUCTION.to_owned();
    for file in sources(&path("src")) {
        let text = fs::read_to_string(&file).expect("it can be read");
        let tokens: TokenStream = text.parse().expect("it is Rust");
        let mut messages = Vec::new();
        collect(tokens, &mut messages);
        if messages.is_empty() {
            continue;
        }
        let name = file.strip_prefix(path("src")).expect("it is below src").display();
        let subject = text.lines().next().and_then(|line| line.strip_prefix("//! ")).unwrap_or("");
        catalogue.extend(["\n## ", &name.to_string(), "\n\n", subject, "\n\n"]);
        catalogue.extend(messages.iter().map(|message| format!("- `{message}`\n")));
    }
    keep_in_step("tests/docs/messages.md", &catalogue);
}

/// The files of the program without its tests, in alphabetical order.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("it can be listed");
    let mut entries: Vec<PathBuf> =
        entries.map(|entry| entry.expect("it can be listed").path()).collect();
    entries.sort();
    let mut files = Vec::new();
    for entry in entries {
        let stem = entry.file_stem().expect("it has a name");
        if stem == "tests" {
            continue;
        }
        if entry.is_dir() {
            files.extend(sources(&entry));
        } else {
            files.push(entry);
        }
    }
    files
}

/// Adds the messages in `tokens`, each only once.
fn collect(tokens: TokenStream, messages: &mut Vec<String>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut index = 0;
    while let Some(token) = tokens.get(index) {
        index += 1;
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '#' => {
                let has_bang = is_punct(tokens.get(index), '!');
                let attribute = tokens.get(index + usize::from(has_bang));
                if let Some(TokenTree::Group(group)) = attribute {
                    index += 1 + usize::from(has_bang);
                    if group.stream().to_string() == "cfg (test)" {
                        index +=
                            tokens[index..].iter().take_while(|token| !ends_item(token)).count()
                                + 1;
                    }
                }
            }
            // The messages of serde for unexpected values are never printed: xask has its own for errors in JSON.
            TokenTree::Ident(name) if name == "expecting" => {
                index += tokens[index..].iter().take_while(|token| !ends_item(token)).count() + 1;
            }
            TokenTree::Ident(name) if NOT_PRINTED.iter().any(|other| name == other) => {
                index += usize::from(matches!(tokens.get(index), Some(TokenTree::Group(_))));
            }
            TokenTree::Literal(literal) => {
                let is_pattern = is_punct(tokens.get(index), '=')
                    && is_punct(tokens.get(index + 1), '>')
                    || is_punct(tokens.get(index), '|');
                let text = text_of(&literal.to_string());
                if !is_pattern && text.as_deref().is_some_and(is_message) {
                    messages.extend(text.filter(|text| !messages.contains(text)));
                }
            }
            TokenTree::Group(group) => collect(group.stream(), messages),
            _ => {}
        }
    }
}

fn is_punct(token: Option<&TokenTree>, character: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == character)
}

fn ends_item(token: &TokenTree) -> bool {
    match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => punct.as_char() == ';',
        _ => false,
    }
}

/// The content of a string literal, with the escapes that messages use resolved.
fn text_of(literal: &str) -> Option<String> {
    let text = literal.strip_prefix('"')?.strip_suffix('"')?;
    let mut lines = text.split("\\\n");
    let first = lines.next().unwrap_or_default().to_owned();
    let text = lines.fold(first, |text, line| text + line.trim_start());
    Some(text.replace("\\\"", "\""))
}

/// Whether a text is meant for people: it has two adjacent words, and no line ends of a protocol.
fn is_message(text: &str) -> bool {
    let is_word = |word: &str| word.chars().any(char::is_alphabetic) || word.contains('{');
    let words = text.split(' ').filter(|word| is_word(word)).count();
    let has_letters =
        text.split(['{', '}']).step_by(2).any(|piece| piece.chars().any(char::is_alphabetic));
    words >= 2
        && has_letters
        && !text.contains("\\r\\n")
        && !text.contains('\n')
        && !text.contains("\\n")
}
