//! Files and standard input, read up to a limit.

use std::path::Path;

use anyhow::{Context, Result};

use super::Stdin;
use super::source::{input_name, is_stdin_path};
use crate::error::Failure;
use crate::file::{self, Limit};

/// The bytes of a file or of standard input, up to a limit.
///
/// A usage failure where it cannot be read, and where it is larger; a local I/O error where standard
/// input cannot be read.
pub fn read(path: &Path, stdin: &mut Stdin, limit: Limit) -> Result<Vec<u8>> {
    let name = input_name(path);
    if !is_stdin_path(path.as_os_str()) {
        return file::read(path, limit).with_context(|| Failure::usage(name));
    }
    let mut bytes = Vec::new();
    stdin.read_at_most(limit.bytes + 1, &mut bytes)?;
    if bytes.len() as u64 > limit.bytes {
        return Err(too_large(&name, limit).into());
    }
    Ok(bytes)
}

/// The failure of an input that is larger than its limit.
pub fn too_large(name: &str, limit: Limit) -> Failure {
    Failure::usage(format!("{name}: {}", limit.exceeded()))
}

/// The failure of an input that was named, but holds no text.
pub fn blank(name: &str, is_empty: bool) -> Failure {
    let what = if is_empty { "is empty" } else { "contains only white space" };
    Failure::usage(format!("{name} {what}"))
}
