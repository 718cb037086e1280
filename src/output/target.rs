//! The file of `--output`: replaced as a whole, or left as it was.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rustix::fs::{Access, AtFlags, CWD, OFlags, accessat};

use crate::error::{Exit, Failure};

/// A chain of more symbolic links is taken for a circle, as the system does (`MAXSYMLINKS`).
const MAX_LINKS: usize = 40;

/// What a new file may be at most; the umask takes away from it.
const NEW_FILE_MODE: u32 = 0o666;

/// A device is only looked at: it is not waited for, and does not become the terminal of this process.
const NO_WAIT: i32 = OFlags::NONBLOCK.union(OFlags::NOCTTY).bits().cast_signed();

/// Where an answer goes in place of standard output.
#[derive(Debug)]
pub struct Target {
    /// As it was given, for messages.
    name: PathBuf,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// A file, replaced by a rename; with its mode, where it is there already.
    Replaced { path: PathBuf, mode: Option<u32> },
    /// A device, a pipe or an open descriptor, which cannot be replaced.
    InPlace,
}

impl Target {
    /// Finds out whether a file can be written, and leaves it as it is.
    ///
    /// # Errors
    ///
    /// Local trouble: a directory, a folder that is missing or may not be written to, a file that may
    /// not be written to.
    pub fn check(name: &Path) -> Result<Self> {
        let kind = check(name).with_context(|| trouble(name))?;
        Ok(Self { name: name.to_owned(), kind })
    }

    /// Writes the whole answer.
    ///
    /// # Errors
    ///
    /// Local trouble; a file is then as it was.
    pub fn write(&self, bytes: &[u8]) -> Result<()> {
        let written = match &self.kind {
            Kind::Replaced { path, mode } => replace(path, *mode, bytes),
            Kind::InPlace => OpenOptions::new()
                .append(true)
                .open(&self.name)
                .and_then(|mut file| file.write_all(bytes)),
        };
        written.with_context(|| trouble(&self.name))
    }
}

fn trouble(name: &Path) -> Failure {
    Failure::new(Exit::Local, format!("--output {}", name.display()))
}

fn check(name: &Path) -> io::Result<Kind> {
    let found = match fs::metadata(name) {
        Ok(found) => Some(found),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    if found.as_ref().is_some_and(Metadata::is_dir) || can_only_be_a_folder(name) {
        return Err(ErrorKind::IsADirectory.into());
    }
    if found.is_some() {
        accessat(CWD, name, Access::WRITE_OK, AtFlags::EACCESS)?;
    }
    if let Some(found) = found.as_ref().filter(|found| !found.is_file()) {
        // A device may be there and not be had, a terminal for one. A pipe would wait for its reader.
        if found.file_type().is_char_device() {
            OpenOptions::new().append(true).custom_flags(NO_WAIT).open(name)?;
        }
        return Ok(Kind::InPlace);
    }
    let Some(path) = resolve(name)? else { return Ok(Kind::InPlace) };
    // The one sure way to know; it has no name, and is gone when it is closed.
    tempfile::tempfile_in(folder(&path))?;
    Ok(Kind::Replaced { path, mode: found.map(|found| found.permissions().mode()) })
}

fn can_only_be_a_folder(name: &Path) -> bool {
    let name = name.as_os_str().as_bytes();
    [&b"/"[..], b"/.", b"/.."].iter().any(|end| name.ends_with(end)) || matches!(name, b"." | b"..")
}

/// Follows symbolic links to the file to be replaced, which need not be there. `None` for a file that
/// is named by an open descriptor, as in `/dev/stdout`: whoever opened it goes on writing to it.
fn resolve(name: &Path) -> io::Result<Option<PathBuf>> {
    let mut path = name.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_symlink() && is_in_proc(&path) => return Ok(None),
            Ok(found) if found.is_symlink() => path = folder(&path).join(fs::read_link(&path)?),
            _ => return Ok(Some(path)),
        }
    }
    Err(io::Error::other("too many levels of symbolic links"))
}

fn is_in_proc(path: &Path) -> bool {
    fs::canonicalize(folder(path)).is_ok_and(|folder| folder.starts_with("/proc"))
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// A new file beside the old one takes its place once the disk has it.
fn replace(path: &Path, mode: Option<u32>, bytes: &[u8]) -> io::Result<()> {
    let new = Permissions::from_mode(NEW_FILE_MODE);
    let mut file =
        tempfile::Builder::new().prefix(".xask-").permissions(new).tempfile_in(folder(path))?;
    // Only where it differs: not every file system can change it.
    if let Some(mode) =
        mode.filter(|mode| file.as_file().metadata().is_ok_and(|new| new.mode() != *mode))
    {
        file.as_file().set_permissions(Permissions::from_mode(mode & 0o7777))?;
    }
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    // So that the name, too, outlives a power cut. Not every file system can do it.
    let _ = File::open(folder(path)).and_then(|folder| folder.sync_all());
    Ok(())
}
