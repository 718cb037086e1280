//! A file that holds its old content or its new one, whatever happens in between.
//!
//! The new content is written to a file of its own in the same folder, which takes the old one's place by a
//! rename once the disk has it. Where the system allows it, that file has no name until then.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::folder;

/// How the names of temporary files begin.
const PREFIX: &str = ".xask-";

/// How many random hexadecimal digits follow the prefix.
const RANDOM_DIGITS: usize = 16;

/// How many names are tried, should one be taken.
const MAX_TRIES: u32 = 16;

/// The most that the mode of a new file may be; the umask takes away from it.
const NEW_FILE_MODE: u32 = 0o666;

/// The mode of a file that will get an old one's: what that one hides is hidden from the beginning.
const PRIVATE_MODE: u32 = 0o600;

/// How a file is opened that may be another run's: without following a link, or waiting for a pipe's reader.
const PROBE_FLAGS: i32 = OFlags::NONBLOCK.union(OFlags::NOFOLLOW).bits().cast_signed();

/// Finds out whether files can be made in a folder.
///
/// # Errors
///
/// Why none can be made.
pub fn check_folder(folder: &Path) -> io::Result<()> {
    NewFile::create(folder, PRIVATE_MODE).map(drop)
}

/// Puts a file with these bytes, one part after the other, in the place of another file, or of none. A regular
/// file's mode is kept, and where the system allows it its owner and group.
///
/// Removes the temporary files that killed runs left in the folder.
///
/// # Errors
///
/// Whatever fails; the old file is then as it was.
pub fn replace(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    replace_with(path, parts, NewFile::create)
}

/// [`replace`], by a new file that is made so.
fn replace_with(
    path: &Path,
    parts: &[&[u8]],
    create: fn(&Path, u32) -> io::Result<NewFile>,
) -> io::Result<()> {
    let folder = folder_of(path);
    remove_stale(folder);
    let old = fs::symlink_metadata(path).ok().filter(Metadata::is_file);
    let mode = if old.is_some() { PRIVATE_MODE } else { NEW_FILE_MODE };
    let mut new = create(folder, mode)?;
    new.fill(parts, old.as_ref())?;
    if new.name.is_none() && !new.link(path, old.is_some()) {
        new = NewFile::create_named(folder, mode)?;
        new.fill(parts, old.as_ref())?;
    }
    let NewFile { file, name } = new;
    if let Some(name) = name {
        name.rename(path)?;
    }
    // So that the name, too, outlives a power cut. Not every file system can do it.
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
    close(file)
}

/// Closes a file.
///
/// # Errors
///
/// What was written is lost only now, as on NFS or by a quota (close(2)).
pub fn close(file: File) -> io::Result<()> {
    match nix::unistd::close(file) {
        // Closed all the same.
        Ok(()) | Err(nix::Error::EINTR) => Ok(()),
        Err(error) => Err(io::Error::from_raw_os_error(error as i32)),
    }
}

/// The folder that a file is in.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// A file that is not in its place yet. Under a temporary name it is locked, which tells other runs that its
/// own is alive.
struct NewFile {
    file: File,
    /// `None` where it has no name, or its final one.
    name: Option<TemporaryName>,
}

impl NewFile {
    /// A file without a name where that can be, else with a temporary one.
    fn create(folder: &Path, mode: u32) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        if let Some(file) = linux::create_unnamed(folder, mode) {
            return Ok(Self { file, name: None });
        }
        Self::create_named(folder, mode)
    }

    fn create_named(folder: &Path, mode: u32) -> io::Result<Self> {
        let mut tries = 0;
        loop {
            let path = random_path(folder);
            let created = OpenOptions::new().write(true).create_new(true).mode(mode).open(&path);
            tries += 1;
            match created {
                Ok(file) => {
                    // Where a file system has no locks, no run removes what is not its own. Where it has,
                    // another run may be about to remove this file, or have done it.
                    let is_taken = matches!(file.try_lock(), Err(TryLockError::WouldBlock));
                    if (!is_taken && is_at(&file, &path)) || tries == MAX_TRIES {
                        return Ok(Self { file, name: Some(TemporaryName(path)) });
                    }
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists && tries < MAX_TRIES => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Writes everything, and takes over the attributes of the old file: its mode at last, when it is the
    /// right owner's.
    fn fill(&mut self, parts: &[&[u8]], old: Option<&Metadata>) -> io::Result<()> {
        for part in parts {
            self.file.write_all(part)?;
        }
        if let Some(old) = old {
            let owner = fchown(&self.file, Some(old.uid()), None);
            let group = fchown(&self.file, None, Some(old.gid()));
            // Without both, no `S_ISUID` and `S_ISGID`: a program must not run as another than before.
            let mode = old.mode() & if owner.and(group).is_ok() { 0o7777 } else { 0o1777 };
            // Only where it differs: not every file system can change it.
            if self.file.metadata()?.mode() & 0o7777 != mode {
                self.file.set_permissions(Permissions::from_mode(mode))?;
            }
        }
        self.file.sync_all()
    }

    /// Gives a file without a name its final one where that is free, else a temporary one. `false` where the
    /// system cannot name such a file.
    #[cfg(target_os = "linux")]
    fn link(&mut self, path: &Path, is_taken: bool) -> bool {
        if !is_taken {
            match linux::link(&self.file, path) {
                Ok(()) => return true,
                // Another process has made it meanwhile.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(_) => return false,
            }
        }
        // Before anybody can see it.
        let _ = self.file.try_lock();
        let temporary = random_path(folder_of(path));
        let is_linked = linux::link(&self.file, &temporary).is_ok();
        self.name = is_linked.then_some(TemporaryName(temporary));
        is_linked
    }

    #[cfg(not(target_os = "linux"))]
    fn link(&mut self, _: &Path, _: bool) -> bool {
        false
    }
}

/// A name that goes when it is dropped.
struct TemporaryName(PathBuf);

impl TemporaryName {
    fn rename(mut self, to: &Path) -> io::Result<()> {
        fs::rename(&self.0, to)?;
        self.0 = PathBuf::new();
        Ok(())
    }
}

impl Drop for TemporaryName {
    fn drop(&mut self) {
        if self.0 != Path::new("") {
            let _ = fs::remove_file(&self.0);
        }
    }
}

fn random_path(folder: &Path) -> PathBuf {
    let digits = (0..RANDOM_DIGITS).filter_map(|_| char::from_digit(fastrand::u32(0..16), 16));
    folder.join(PREFIX.chars().chain(digits).collect::<String>())
}

/// Removes the temporary files of runs that were killed. Those of live runs are locked.
fn remove_stale(folder: &Path) {
    let paths = folder::paths(folder).unwrap_or_default();
    for path in paths.iter().filter(|path| is_temporary(path)) {
        let opened = OpenOptions::new().write(true).custom_flags(PROBE_FLAGS).open(path);
        if let Ok(file) = opened
            && file.try_lock().is_ok()
            && is_at(&file, path)
        {
            let _ = fs::remove_file(path);
        }
    }
}

fn is_temporary(path: &Path) -> bool {
    let name = path.file_name().and_then(OsStr::to_str);
    let digits = name.and_then(|name| name.strip_prefix(PREFIX));
    digits.is_some_and(|digits| {
        digits.len() == RANDOM_DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// Whether a regular file still has a name.
fn is_at(file: &File, path: &Path) -> bool {
    let inode = |metadata: Metadata| (metadata.dev(), metadata.ino());
    let named = fs::symlink_metadata(path).ok().filter(Metadata::is_file).map(inode);
    named.is_some() && file.metadata().ok().map(inode) == named
}

/// Files without a name (open(2), `O_TMPFILE`), which `/proc` helps to link.
#[cfg(target_os = "linux")]
mod linux {
    use std::fs::{File, OpenOptions};
    use std::io;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::OpenOptionsExt;
    use std::path::{Path, PathBuf};

    use rustix::fs::{AtFlags, CWD, OFlags, linkat};

    /// `None` where it cannot be made, or could not be linked. What else is wrong shows when one with a name
    /// is made.
    pub(super) fn create_unnamed(folder: &Path, mode: u32) -> Option<File> {
        let flags = OFlags::TMPFILE.bits().cast_signed();
        let file =
            OpenOptions::new().write(true).mode(mode).custom_flags(flags).open(folder).ok()?;
        descriptor(&file).exists().then_some(file)
    }

    pub(super) fn link(file: &File, to: &Path) -> io::Result<()> {
        Ok(linkat(CWD, descriptor(file), CWD, to, AtFlags::SYMLINK_FOLLOW)?)
    }

    fn descriptor(file: &File) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Create = fn(&Path, u32) -> io::Result<NewFile>;
    const WAYS: [Create; 2] = [NewFile::create, NewFile::create_named];

    fn names(folder: &Path) -> Vec<String> {
        let paths = folder::paths(folder).expect("a folder");
        let names = paths.iter().filter_map(|path| path.file_name());
        let mut names: Vec<_> = names.map(|name| name.to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_and_keeps_its_mode() {
        for create in WAYS {
            for mode in [0o600, 0o604, 0o640, 0o400, 0o4711] {
                let folder = tempfile::tempdir().expect("a folder");
                let path = folder.path().join("file");
                fs::write(&path, "old and longer").expect("written");
                fs::set_permissions(&path, Permissions::from_mode(mode)).expect("set");
                replace_with(&path, &[b"n", b"ew"], create).expect("replaced");
                assert_eq!(fs::metadata(&path).expect("there").mode() & 0o7777, mode);
                assert_eq!(fs::read(&path).expect("read"), b"new");
                assert_eq!(names(folder.path()), ["file"]);
            }
        }
    }

    #[test]
    fn a_new_file_is_made() {
        for create in WAYS {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("file");
            replace_with(&path, &[b"n", b"ew"], create).expect("made");
            assert_eq!(fs::read(&path).expect("read"), b"new");
            let mode = fs::metadata(&path).expect("there").mode() & 0o7777;
            assert_eq!(mode & !NEW_FILE_MODE, 0, "{mode:o}");
            assert_eq!(mode & PRIVATE_MODE, PRIVATE_MODE, "{mode:o}");
            assert_eq!(names(folder.path()), ["file"]);
        }
    }

    #[test]
    #[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
    fn the_owner_and_the_group_are_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        fs::write(&path, "old").expect("written");
        if std::os::unix::fs::chown(&path, Some(12), Some(34)).is_err() {
            println!("skipped: only root can give a file away");
            return;
        }
        fs::set_permissions(&path, Permissions::from_mode(0o4640)).expect("set");
        replace(&path, &[b"new"]).expect("replaced");
        let new = fs::metadata(&path).expect("there");
        assert_eq!((new.uid(), new.gid(), new.mode() & 0o7777), (12, 34, 0o4640));
    }

    #[test]
    fn a_file_that_replaces_another_is_private_until_its_mode_is_set() {
        fn create(folder: &Path, mode: u32) -> io::Result<NewFile> {
            let mode_of = |new: &NewFile| new.file.metadata().expect("there").mode();
            NewFile::create_named(folder, mode).inspect(|new| assert_eq!(mode_of(new) & 0o077, 0))
        }
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        fs::write(&path, "old").expect("written");
        replace_with(&path, &[b"new"], create).expect("replaced");
    }

    #[test]
    fn a_failure_leaves_nothing_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("taken")).expect("made");
        for create in WAYS {
            let error = replace_with(&folder.path().join("taken"), &[b"n", b"ew"], create);
            assert_eq!(error.expect_err("a folder").kind(), ErrorKind::IsADirectory);
            assert_eq!(names(folder.path()), ["taken"]);
        }
        check_folder(folder.path()).expect("writable");
        let error = check_folder(&folder.path().join("missing")).expect_err("missing");
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(names(folder.path()), ["taken"]);
    }

    #[test]
    fn files_of_a_killed_run_are_removed_and_those_of_a_live_run_are_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let alive = NewFile::create_named(folder.path(), PRIVATE_MODE).expect("made");
        let alive_name = alive.name.as_ref().and_then(|name| name.0.file_name()).expect("a name");
        let others = [".xask-config", ".xask-0123456789abcdeg", ".xask-0123456789abcde", "file"];
        for name in others {
            fs::write(folder.path().join(name), "mine").expect("written");
        }
        fs::write(folder.path().join(".xask-0123456789abcdef"), "half").expect("written");
        fs::create_dir(folder.path().join(".xask-0000000000000000")).expect("made");
        replace(&folder.path().join("file"), &[b"new"]).expect("replaced");
        let mut left =
            vec![alive_name.to_string_lossy().into_owned(), ".xask-0000000000000000".into()];
        left.extend(others.map(str::to_owned));
        left.sort();
        assert_eq!(names(folder.path()), left);
    }

    #[test]
    fn parallel_writers_do_not_disturb_each_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        std::thread::scope(|scope| {
            for n in 0..8_u8 {
                let (path, create) = (&path, WAYS[usize::from(n) % 2]);
                scope.spawn(move || {
                    for _ in 0..25 {
                        replace_with(path, &[&[n; 1000]], create).expect("replaced");
                    }
                });
            }
        });
        let content = fs::read(&path).expect("read");
        assert_eq!(content, [content[0]; 1000]);
        assert_eq!(names(folder.path()), ["file"]);
    }
}
