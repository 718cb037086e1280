//! The parts of the prompt in the order in which they were typed.
//!
//! clap sorts arguments by name; the order between words, `--file` and `--image` is in the indices.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches, ValueHint};

/// One part of the prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// A word of the command line.
    Word(OsString),
    /// Standard input as text, and how it was named: `-` or `--file -`.
    Stdin(String),
    /// A text file (`--file`).
    File(PathBuf),
    /// A picture: a path, an address or `-` (`--image`).
    Image(OsString),
}

/// All parts, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts(pub Vec<Part>);

/// Words before `--`, where `-` is standard input.
const WORD: &str = "word";
/// Words after `--`, where `-` is a word.
const LITERAL: &str = "literal";
const FILE: &str = "file";
const IMAGE: &str = "image";

/// Whether a path is standard input, by the name of this program or one of the system's.
pub fn names_stdin(path: &OsStr) -> bool {
    ["-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"].iter().any(|name| path == *name)
}

impl Args for Parts {
    fn augment_args(command: Command) -> Command {
        command.args(words()).next_help_heading("Prompt").args(files())
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Parts {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut parts: Vec<(usize, Part)> = Vec::new();
        parts.extend(indexed(matches, WORD, |word: OsString| match word.to_str() {
            Some("-") => Part::Stdin("-".into()),
            _ => Part::Word(word),
        }));
        parts.extend(indexed(matches, LITERAL, Part::Word));
        parts.extend(indexed(matches, FILE, |path: PathBuf| {
            if names_stdin(path.as_os_str()) {
                Part::Stdin(format!("--file {}", path.display()))
            } else {
                Part::File(path)
            }
        }));
        parts.extend(indexed(matches, IMAGE, |source: OsString| {
            Part::Image(if names_stdin(&source) { "-".into() } else { source })
        }));
        parts.sort_by_key(|(index, _)| *index);
        Ok(Self(parts.into_iter().map(|(_, part)| part).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn words() -> [Arg; 2] {
    [
            Arg::new(WORD)
                .value_name("WORD")
                .num_args(0..)
                .value_parser(ValueParser::os_string())
                .help("The prompt; - is standard input, at this place")
                .long_help(
                    "The prompt. Neighbouring words are joined by one space. `-` stands for standard \
                     input as text, at this place, once. Without any word, `-` or --file, standard input \
                     is the prompt; with words and no `-` it is never read.",
                )
                .hide_short_help(true),
            Arg::new(LITERAL)
                .value_name("-- WORD")
                .num_args(0..)
                .last(true)
                .value_parser(ValueParser::os_string())
                .help("After --, every word is text")
                .long_help(
                    "After `--` every word is text, also `-` and what looks like a flag: \
                     `xask -- \"$text\"` is safe for any text.",
                )
                .hide_short_help(true),
        ]
}

fn files() -> [Arg; 2] {
    [
            Arg::new(FILE)
                .short('f')
                .long("file")
                .value_name("PATH")
                .action(ArgAction::Append)
                .value_parser(ValueParser::path_buf())
                .value_hint(ValueHint::FilePath)
                .allow_hyphen_values(true)
                .help("Add a text file, at this place among the words")
                .long_help(
                    "Add a text file (UTF-8), at this place among the words; repeatable. `-` is standard \
                     input, `./-` a file of that name.",
                ),
            Arg::new(IMAGE)
                .short('i')
                .long("image")
                .value_name("PATH|URL|-")
                .action(ArgAction::Append)
                .value_parser(ValueParser::os_string())
                .value_hint(ValueHint::FilePath)
                .allow_hyphen_values(true)
                .help("Add an image (PNG or JPEG), at this place")
                .long_help(
                    "Add an image, at this place among the words; repeatable. A local PNG or JPEG of at \
                     most 20 MiB, told by its first bytes, whatever its name; an http, https or data URL, \
                     which is passed along; or `-`, the bytes of one image on standard input.",
                ),
        ]
}

/// The values of one argument as parts, each with its index on the command line.
fn indexed<T: Clone + Send + Sync + 'static>(
    matches: &ArgMatches,
    id: &str,
    part: impl Fn(T) -> Part,
) -> Vec<(usize, Part)> {
    let values = matches.get_many::<T>(id).into_iter().flatten().cloned();
    matches.indices_of(id).into_iter().flatten().zip(values.map(part)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(args: &[&str]) -> Vec<Part> {
        let command = Parts::augment_args(Command::new("xask"))
            .arg(Arg::new("system").short('s').long("system"));
        let matches = command.try_get_matches_from([&["xask"], args].concat());
        Parts::from_arg_matches(&matches.expect("they parse")).expect("they are parts").0
    }

    fn word(text: &str) -> Part {
        Part::Word(text.into())
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
                Part::Image("a.png".into()),
                word("and"),
                Part::File("b.txt".into()),
                Part::Stdin("-".into()),
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

    #[test]
    fn a_file_named_dash_is_standard_input() {
        assert_eq!(parts(&["--file", "-"]), [Part::Stdin("--file -".into())]);
        assert_eq!(parts(&["--file", "/dev/stdin"]), [Part::Stdin("--file /dev/stdin".into())]);
        assert_eq!(parts(&["--file", "./-"]), [Part::File("./-".into())]);
    }
}
