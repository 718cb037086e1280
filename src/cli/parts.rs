//! The parts of the prompt in the order in which they were typed.
//!
//! clap sorts arguments by name; the order between words, `--file` and `--image` is in the indices.

use std::ffi::OsString;

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches, ValueHint};

use crate::prompt::{PromptPart, is_stdin_path};

/// All parts, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PromptParts(pub Vec<PromptPart>);

/// Words before `--`, where `-` is standard input.
const WORD: &str = "word";
/// Words after `--`, where `-` is a word.
const TRAILING: &str = "trailing";
const FILE: &str = "file";
const IMAGE: &str = "image";

impl Args for PromptParts {
    fn augment_args(command: Command) -> Command {
        command.args(words()).next_help_heading("Prompt").args(files())
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for PromptParts {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut parts: Vec<(usize, PromptPart)> = Vec::new();
        parts.extend(indexed(matches, WORD, |word: OsString| match word.to_str() {
            Some("-") => PromptPart::Stdin,
            _ => PromptPart::Word { text: word, follows_input: true },
        }));
        parts.extend(indexed(matches, TRAILING, |word: OsString| PromptPart::Word {
            text: word,
            follows_input: false,
        }));
        parts.extend(indexed(matches, FILE, PromptPart::File));
        parts.extend(indexed(matches, IMAGE, |source: OsString| {
            PromptPart::Image(if is_stdin_path(&source) { "-".into() } else { source })
        }));
        parts.sort_by_key(|(index, _)| *index);
        Ok(Self(mark_followers(parts)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn words() -> [Arg; 2] {
    let words = |id| {
        let arg = Arg::new(id).num_args(0..).value_parser(ValueParser::os_string());
        arg.hide_short_help(true)
    };
    [
        words(WORD).value_name("WORD").help("Set the prompt; - inserts standard input").long_help(
            "Set the prompt. Words are joined by one space. `-` inserts standard input as text, at this \
             position, once. If no word, `-` or --file is given, the text is read from standard input. Exception: \
             if --messages ends with a user message and no --image is given, those messages are the whole request. \
             With words, standard input is read only where `-` or an option asks for it.",
        ),
        words(TRAILING).value_name("-- WORD").last(true).help("Send every word as text").long_help(
            "Send every word after `--` as text, including `-` and anything that looks like an option: \
             `xask -- \"$text\"` is safe for any text.",
        ),
    ]
}

fn files() -> [Arg; 2] {
    let input = |id: &'static str| {
        let arg = Arg::new(id).long(id).action(ArgAction::Append).allow_hyphen_values(true);
        arg.value_hint(ValueHint::FilePath)
    };
    [
        input(FILE)
            .short('f')
            .value_name("PATH")
            .value_parser(ValueParser::path_buf())
            .help("Insert a text file at this position in the prompt")
            .long_help(
                "Insert a text file (UTF-8) at this position in the prompt; repeatable. `-` is standard \
                 input; for a file named `-`, write `./-`.",
            ),
        input(IMAGE)
            .short('i')
            .value_name("PATH|URL|-")
            .value_parser(ValueParser::os_string())
            .help("Insert an image (PNG or JPEG) at this position")
            .long_help(
                "Insert an image at this position in the prompt; repeatable. A local PNG or JPEG file of at \
                 most 20 MiB, detected by content, not by extension; an http, https or data URL, which is \
                 sent as given; or `-`, one image from standard input.",
            ),
    ]
}

/// Leaves [`PromptPart::Word::follows_input`] only to words right behind the value of `--file` or `--image`,
/// and to words right behind those.
fn mark_followers(parts: Vec<(usize, PromptPart)>) -> Vec<PromptPart> {
    // The index right behind an input or such a word.
    let mut next = None;
    let mark = |(index, mut part): (usize, PromptPart)| {
        let follows = match &mut part {
            PromptPart::Word { follows_input, .. } => {
                *follows_input &= next == Some(index);
                *follows_input
            }
            PromptPart::Stdin => false,
            PromptPart::File(_) | PromptPart::Image(_) => true,
        };
        next = follows.then_some(index + 1);
        part
    };
    parts.into_iter().map(mark).collect()
}

/// The values of one argument as parts, each with its index on the command line.
fn indexed<T: Clone + Send + Sync + 'static>(
    matches: &ArgMatches,
    id: &str,
    part: impl Fn(T) -> PromptPart,
) -> Vec<(usize, PromptPart)> {
    let values = matches.get_many::<T>(id).into_iter().flatten().cloned();
    matches.indices_of(id).into_iter().flatten().zip(values.map(part)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(args: &[&str]) -> Vec<PromptPart> {
        let command = PromptParts::augment_args(Command::new("xask"))
            .arg(Arg::new("system").short('s').long("system"));
        let matches = command.try_get_matches_from([&["xask"], args].concat());
        PromptParts::from_arg_matches(&matches.expect("they parse")).expect("they are parts").0
    }

    fn word(text: &str) -> PromptPart {
        PromptPart::Word { text: text.into(), follows_input: false }
    }

    fn follower(text: &str) -> PromptPart {
        PromptPart::Word { text: text.into(), follows_input: true }
    }

    #[test]
    fn a_word_right_after_an_input_is_marked() {
        for (args, expected) in [
            (&["-i", "a", "b", "c"][..], &[follower("b"), follower("c")][..]),
            (&["-ia", "b"], &[follower("b")]),
            (&["-i=a", "b"], &[follower("b")]),
            (&["--image=a", "b"], &[follower("b")]),
            (&["--file", "a", "b"], &[follower("b")]),
            (&["--file=-", "b"], &[follower("b")]),
            (&["x", "-i", "a", "b"], &[word("x"), follower("b")]),
            (&["-i", "a", "-s", "b", "c"], &[word("c")]),
            (&["-i", "a", "b", "-s", "c", "d"], &[follower("b"), word("d")]),
            (&["-i", "a", "--", "b"], &[word("b")]),
            (&["-i", "a", "b", "--", "c"], &[follower("b"), word("c")]),
            (&["-i", "a", "-", "b"], &[word("b")]),
        ] {
            let words = |part: &PromptPart| matches!(part, PromptPart::Word { .. });
            let had: Vec<_> = parts(args).into_iter().filter(words).collect();
            assert_eq!(had, expected, "{args:?}");
        }
    }

    #[test]
    fn parts_keep_the_order_of_the_command_line() {
        assert_eq!(
            parts(&[
                "between",
                "--image",
                "a.png",
                "-s",
                "Be brief.",
                "and",
                "-f",
                "b.txt",
                "-",
                "?"
            ]),
            [
                word("between"),
                PromptPart::Image("a.png".into()),
                word("and"),
                PromptPart::File("b.txt".into()),
                PromptPart::Stdin,
                word("?"),
            ]
        );
    }

    #[test]
    fn after_two_dashes_everything_is_a_word() {
        assert_eq!(
            parts(&["a", "--", "-", "--image", "b"]),
            [word("a"), word("-"), word("--image"), word("b")]
        );
    }
}
