//! The files in a folder.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Dir, Mode, OFlags};

/// The paths of what a folder holds, in no order; what cannot be read of it is left out.
///
/// Not by `std::fs::read_dir`: it panics where closing a folder fails.
///
/// # Errors
///
/// The folder cannot be opened.
pub fn paths(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let entries = Dir::new(rustix::fs::open(folder, flags, Mode::empty())?)?;
    let names =
        entries.flatten().map(|entry| OsStr::from_bytes(entry.file_name().to_bytes()).to_owned());
    Ok(names.filter(|name| name != "." && name != "..").map(|name| folder.join(name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_lists_its_files() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(paths(folder.path()).expect("listed").is_empty());
        std::fs::write(folder.path().join("a b"), "").expect("written");
        assert_eq!(paths(folder.path()).expect("listed"), [folder.path().join("a b")]);
        assert!(paths(&folder.path().join("a b")).is_err());
    }
}
