//! Files and standard input, read up to a limit.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};

use super::Stdin;
use super::source::{input_name, is_stdin_path};
use crate::error::Failure;

const MIB: u64 = 1024 * 1024;

/// How large an input may be: far more than a request can hold, but less than what takes all memory where
/// a device has no end.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// The largest size in bytes, inclusive.
    pub bytes: u64,
    /// The same, for messages.
    size: &'static str,
    /// What it is the limit of, for messages.
    of: &'static str,
}

impl Limit {
    /// A `--schema` file.
    pub const SCHEMA: Self = Self { bytes: 4 * MIB, size: "4 MiB", of: "a schema" };
    /// A `--messages` file.
    pub const MESSAGES: Self = Self { bytes: 256 * MIB, size: "256 MiB", of: "--messages" };
    /// A `--conversation` file.
    pub const CONVERSATION: Self = Self { bytes: 256 * MIB, size: "256 MiB", of: "a conversation" };
    /// All texts of a prompt together.
    pub const TEXTS: Self = Self { bytes: 256 * MIB, size: "256 MiB", of: "all texts of a prompt" };

    /// The failure of an input that is larger.
    pub fn exceeded(self, name: &str) -> Failure {
        let Self { size, of, .. } = self;
        Failure::usage(format!("{name} is too large: the limit for {of} is {size}"))
    }
}

/// The bytes of a file or of standard input, up to a limit.
///
/// A usage failure where it cannot be read, and where it is larger; a local I/O error where standard
/// input cannot be read.
pub fn read(path: &Path, stdin: &mut Stdin, limit: Limit) -> Result<Vec<u8>> {
    if !is_stdin_path(path.as_os_str()) {
        return read_file(path, limit);
    }
    let mut bytes = Vec::new();
    stdin.read_at_most(limit.bytes + 1, &mut bytes)?;
    check_len(&input_name(path), &bytes, limit)?;
    Ok(bytes)
}

/// The bytes of a file, up to a limit.
///
/// A usage failure where it cannot be read, and where it is larger.
pub fn read_file(path: &Path, limit: Limit) -> Result<Vec<u8>> {
    let name = path.display().to_string();
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(limit.bytes + 1).read_to_end(&mut bytes));
    read.with_context(|| Failure::usage(name.clone()))?;
    check_len(&name, &bytes, limit)?;
    Ok(bytes)
}

fn check_len(name: &str, bytes: &[u8], limit: Limit) -> Result<()> {
    if bytes.len() as u64 > limit.bytes {
        return Err(limit.exceeded(name).into());
    }
    Ok(())
}

/// A text file's bytes without the byte order mark that some editors put before UTF-8.
pub fn without_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// The failure of an input that was named, but holds no text.
pub fn blank(name: &str, is_empty: bool) -> Failure {
    let what = if is_empty { "is empty" } else { "contains only white space" };
    Failure::usage(format!("{name} {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_limit_and_an_endless_one_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.json");
        let limit = Limit { bytes: MIB, size: "1 MiB", of: "a test" };
        for (len, fits) in [(0, true), (1024 * 1024, true), (1024 * 1024 + 1, false)] {
            std::fs::write(&path, vec![b' '; len]).expect("it is written");
            assert_eq!(read_file(&path, limit).is_ok(), fits, "{len}");
        }
        let endless = read_file(Path::new("/dev/zero"), limit).expect_err("it has no end");
        let expected = "/dev/zero is too large: the limit for a test is 1 MiB";
        assert_eq!(endless.to_string(), expected);
    }
}
