//! A file that the answer, or the list of its sources, goes to: replaced as a whole, or left as it was.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::place::Place;
use crate::atomic_file;
use crate::error::Failure;

/// A file for an output. Where it is a device or a pipe, it is written in place.
#[derive(Debug)]
pub struct OutputFile {
    /// The option and the path, as given, for messages.
    name: String,
    path: PathBuf,
    place: Place,
}

impl OutputFile {
    /// Finds out whether the file of an option can be written, and leaves it as it is.
    ///
    /// # Errors
    ///
    /// Exit status 1 where it cannot be written.
    pub fn check(option: &str, path: &Path) -> Result<Self> {
        let name = format!("{option} {}", path.display());
        let place = Place::find(path).with_context(|| Failure::local(&*name))?;
        Ok(Self { name, path: path.to_owned(), place })
    }

    /// Writes all of it, one part after the other.
    ///
    /// # Errors
    ///
    /// Exit status 1 where it cannot be written; a file that is replaced by a rename is then as it was.
    pub fn write(&self, parts: &[&[u8]]) -> Result<()> {
        let written = match &self.place {
            Place::Replaced(path) => match atomic_file::replace(path, parts) {
                Err(error) if is_refused_rename(&error) && is_regular(path) => {
                    // Something changed since it was checked. The first error says more, should this fail.
                    write_in_place(path, parts, true).map_err(|_| error)
                }
                written => written,
            },
            Place::Overwritten(path) => write_in_place(path, parts, true),
            Place::Direct => write_in_place(&self.path, parts, false),
        };
        written.with_context(|| Failure::local(&*self.name))
    }
}

/// Writes to what is there: over what a regular file holds, or to a device or a pipe.
fn write_in_place(path: &Path, parts: &[&[u8]], is_regular: bool) -> io::Result<()> {
    let mut file =
        OpenOptions::new().write(true).truncate(is_regular).append(!is_regular).open(path)?;
    for part in parts {
        file.write_all(part)?;
    }
    if is_regular {
        file.sync_all()?;
    }
    atomic_file::close(file)
}

/// What a rename fails with where the same file can be written.
fn is_refused_rename(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::PermissionDenied
            | ErrorKind::ResourceBusy
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::CrossesDevices
    )
}

fn is_regular(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_renamed_over_is_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        fs::write(&path, "old and longer than the new").expect("written");
        fs::hard_link(&path, folder.path().join("link")).expect("linked");
        let place = Place::Overwritten(path.clone());
        let file = OutputFile { name: "--output file".into(), path, place };
        file.write(&[b"n", b"ew"]).expect("written");
        assert_eq!(fs::read(folder.path().join("link")).expect("read"), b"new");
    }

    #[test]
    fn a_failure_names_the_option_and_the_path() {
        for (option, path) in [("--output", "/proc/new"), ("--sources", "/dev/null/new")] {
            let error = OutputFile::check(option, Path::new(path)).expect_err("it cannot be made");
            assert_eq!(error.to_string(), format!("{option} {path}"));
        }
    }
}
