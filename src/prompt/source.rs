//! What a prompt is made from, as plain data: what the command line names, in its order.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::message::Detail;

/// Everything that the messages of a run are made from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PromptSource {
    /// The parts of the user's message, in the order of the command line.
    pub parts: Vec<PromptPart>,
    /// `--detail`: none, one for all images, or one per image in their order.
    pub details: Vec<Detail>,
    /// Where the system prompt comes from.
    pub system: SystemSource,
    /// Where earlier messages come from.
    pub history: HistorySource,
    /// `--lossy`: replace what is not UTF-8 in files and standard input.
    pub lossy: bool,
    /// `--names`: put each input's name before it.
    pub names: bool,
    /// Standard input is the file of the key: it is no part of the prompt.
    pub stdin_is_key: bool,
}

/// One part of the user's message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PromptPart {
    /// A word of the command line.
    Word {
        /// The word.
        text: OsString,
        /// Whether it stands right behind the value of `--file` or `--image`, or behind another such word,
        /// and before `--`: where a shell puts the further files of a pattern.
        follows_input: bool,
    },
    /// The word `-`: standard input as text.
    Stdin,
    /// A text file (`--file`), or a name for standard input.
    File(PathBuf),
    /// An image (`--image`): a path, a URL, or `-` for standard input.
    Image(OsString),
}

/// Where the system prompt comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SystemSource {
    /// There is none.
    #[default]
    None,
    /// `--system`.
    Text(OsString),
    /// `--system-file`, which may be standard input.
    File(PathBuf),
    /// `--developer`: a text that is sent with the role `developer`.
    Developer(OsString),
}

/// Where earlier messages come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum HistorySource {
    /// There are none.
    #[default]
    None,
    /// `--messages`: a list that is only read, maybe from standard input.
    Messages(PathBuf),
    /// `--conversation`: a file to which this run's messages are appended.
    Conversation(PathBuf),
}

impl HistorySource {
    /// The conversation that is appended to.
    pub fn conversation(&self) -> Option<&Path> {
        match self {
            Self::Conversation(path) => Some(path),
            Self::None | Self::Messages(_) => None,
        }
    }
}

/// Whether a path names standard input, by this program's name for it or one of the system's.
pub fn is_stdin_path(path: &OsStr) -> bool {
    ["-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"].iter().any(|name| path == *name)
}

/// What messages call a path that may stand for standard input.
pub fn input_name(path: &Path) -> String {
    if is_stdin_path(path.as_os_str()) {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_input_has_several_names() {
        for (path, expected) in [
            ("-", true),
            ("/dev/stdin", true),
            ("/dev/fd/0", true),
            ("/proc/self/fd/0", true),
            ("./-", false),
            ("/dev/fd/1", false),
            ("", false),
        ] {
            assert_eq!(is_stdin_path(path.as_ref()), expected, "{path}");
        }
    }
}
