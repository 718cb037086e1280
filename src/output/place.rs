//! How a file can be written to: found out before the request, without changing anything.

use std::fs::{self, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, OFlags, accessat};
use rustix::process::geteuid;

use crate::atomic_file::{check_folder, folder_of};

/// A longer chain of symbolic links is taken for a loop, as the system does (`MAXSYMLINKS`).
const MAX_LINKS: usize = 40;

/// A device is only looked at: it is not waited for, and does not become the terminal of this process.
const PROBE_FLAGS: i32 = OFlags::NONBLOCK.union(OFlags::NOCTTY).bits().cast_signed();

/// The bit of a folder's mode by which only their owners can replace files in it (`S_ISVTX`).
const STICKY: u32 = 0o1000;

/// How a path is written.
#[derive(Debug, PartialEq, Eq)]
pub enum Place {
    /// A regular file at the end of all symbolic links, or none yet: replaced by a rename.
    Replaced(PathBuf),
    /// A regular file that cannot be renamed over: truncated and written.
    Overwritten(PathBuf),
    /// A device, a pipe or an open descriptor: written to.
    Direct,
}

impl Place {
    /// Finds out how a path can be written. An error says why it cannot be written at all.
    pub fn find(name: &Path) -> io::Result<Self> {
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
                OpenOptions::new().append(true).custom_flags(PROBE_FLAGS).open(name)?;
            }
            return Ok(Self::Direct);
        }
        let Some(path) = resolve(name)? else { return Ok(Self::Direct) };
        // The one sure way to know.
        let checked = check_folder(folder_of(&path));
        let Some(found) = found else { return checked.map(|()| Self::Replaced(path)) };
        if checked.is_ok() && can_be_renamed_over(&path, &found)? {
            return Ok(Self::Replaced(path));
        }
        OpenOptions::new().write(true).custom_flags(PROBE_FLAGS).open(&path)?;
        Ok(Self::Overwritten(path))
    }
}

/// Whether two paths lead to one regular file, which two outputs would destroy. Devices, pipes and open
/// descriptors can take several.
pub fn is_same_file(one: &Path, other: &Path) -> bool {
    match (Identity::of(one), Identity::of(other)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

/// What two names of one file have in common.
#[derive(PartialEq, Eq)]
enum Identity {
    /// Device and inode.
    Inode(u64, u64),
    /// The folder, without symbolic links, and the name of a file that is not there yet.
    Missing(PathBuf, PathBuf),
}

impl Identity {
    /// `None` for what is no regular file.
    fn of(path: &Path) -> Option<Self> {
        let path = resolve(path).ok()??;
        if let Ok(found) = fs::metadata(&path) {
            return found.is_file().then(|| Self::Inode(found.dev(), found.ino()));
        }
        let folder = fs::canonicalize(folder_of(&path)).ok()?;
        Some(Self::Missing(folder, path.file_name()?.into()))
    }
}

fn can_only_be_a_folder(name: &Path) -> bool {
    let name = name.as_os_str().as_bytes();
    [&b"/"[..], b"/.", b"/.."].iter().any(|end| name.ends_with(end)) || matches!(name, b"." | b"..")
}

/// Follows symbolic links to the file to be replaced, which need not be there. `None` for a file that is named
/// by an open descriptor, as in `/dev/stdout`: the program that opened it continues to write to it.
fn resolve(name: &Path) -> io::Result<Option<PathBuf>> {
    let mut path = name.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_symlink() && is_in_proc(&path) => return Ok(None),
            Ok(found) if found.is_symlink() => path = folder_of(&path).join(fs::read_link(&path)?),
            _ => return Ok(Some(path)),
        }
    }
    Err(io::Error::other("too many levels of symbolic links"))
}

fn is_in_proc(path: &Path) -> bool {
    fs::canonicalize(folder_of(path)).is_ok_and(|folder| folder.starts_with("/proc"))
}

/// Whether another file can take its place. An error for a file that cannot get other content at all.
fn can_be_renamed_over(path: &Path, found: &Metadata) -> io::Result<bool> {
    let folder = fs::metadata(folder_of(path))?;
    let owners = [found.uid(), folder.uid()];
    // On another device it is a mount of its own, as in a container.
    if found.dev() != folder.dev() || forbids_rename(folder.mode(), owners, geteuid().as_raw()) {
        return Ok(false);
    }
    #[cfg(target_os = "linux")]
    if !attributes_allow_rename(path)? {
        return Ok(false);
    }
    Ok(true)
}

/// Whether a folder of this mode lets only others than this user replace a file: the owners of both, and root.
fn forbids_rename(folder_mode: u32, owners: [u32; 2], user: u32) -> bool {
    const ROOT: u32 = 0;
    folder_mode & STICKY != 0 && user != ROOT && !owners.contains(&user)
}

/// What `chattr` and `mount --bind` have done to a file and its folder (statx(2)).
#[cfg(target_os = "linux")]
fn attributes_allow_rename(path: &Path) -> io::Result<bool> {
    use rustix::fs::{StatxAttributes, StatxFlags, statx};

    let attributes = |path: &Path| {
        let found = statx(CWD, path, AtFlags::empty(), StatxFlags::TYPE);
        found.map_or(StatxAttributes::empty(), |found| found.stx_attributes)
    };
    let (file, folder) = (attributes(path), attributes(folder_of(path)));
    if file.contains(StatxAttributes::APPEND) {
        return Err(io::Error::other("the file is append-only"));
    }
    Ok(!file.intersects(StatxAttributes::MOUNT_ROOT)
        && !folder.intersects(StatxAttributes::APPEND | StatxAttributes::IMMUTABLE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::process::Command;

    #[test]
    fn in_a_sticky_folder_only_an_owner_can_replace_a_file() {
        for (mode, file, user, expected) in [
            (0o1777, 7, 7, false),
            (0o1777, 7, 8, true),
            (0o1777, 7, 5, false),
            (0o1777, 7, 0, false),
            (0o777, 7, 8, false),
        ] {
            assert_eq!(forbids_rename(mode, [file, 5], user), expected, "{mode:o} {file} {user}");
        }
    }

    #[test]
    fn names_of_one_file_are_the_same_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("folder")).expect("made");
        for name in ["file", "other", "folder/file"] {
            fs::write(path(name), "").expect("written");
        }
        fs::hard_link(path("file"), path("hard link")).expect("linked");
        for (link, to) in [("link", "file"), ("new link", "new"), ("null", "/dev/null")] {
            symlink(to, path(link)).expect("linked");
        }
        for (one, other, expected) in [
            ("file", "file", true),
            ("file", "./folder/../file", true),
            ("file", "link", true),
            ("file", "hard link", true),
            ("file", "other", false),
            ("file", "folder/file", false),
            ("file", "new", false),
            ("new", "new", true),
            ("new", "folder/../new", true),
            ("new", "new link", true),
            ("new", "newer", false),
            ("new", "folder/new", false),
            ("null", "null", false),
            ("no/new", "no/new", false),
        ] {
            assert_eq!(is_same_file(&path(one), &path(other)), expected, "{one} {other}");
            assert_eq!(is_same_file(&path(other), &path(one)), expected, "{other} {one}");
        }
        assert!(!is_same_file(Path::new("/dev/stdout"), Path::new("/dev/stdout")));
    }

    /// Whether a command succeeds here, such as `mount` for root.
    fn run(command: &str, args: &[&std::ffi::OsStr]) -> bool {
        Command::new(command).args(args).output().is_ok_and(|output| output.status.success())
    }

    #[test]
    #[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
    fn a_file_that_is_a_mount_point_is_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        let [file, source] = ["file", "source"].map(|name| folder.path().join(name));
        fs::write(&file, "").expect("written");
        fs::write(&source, "old").expect("written");
        if !run("mount", &["--bind".as_ref(), source.as_os_str(), file.as_os_str()]) {
            println!("skipped: only root can mount");
            return;
        }
        let place = Place::find(&file);
        assert!(run("umount", &[file.as_os_str()]));
        assert_eq!(place.expect("writable"), Place::Overwritten(file.clone()));
        assert_eq!(Place::find(&file).expect("writable"), Place::Replaced(file));
    }

    #[test]
    #[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
    fn file_attributes_are_noticed_before_the_request() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        fs::write(&file, "old").expect("written");
        let chattr = |flag: &str, path: &Path| run("chattr", &[flag.as_ref(), path.as_os_str()]);
        if !chattr("+a", &file) {
            println!("skipped: only root can set attributes, and not on every file system");
            return;
        }
        let append_only = Place::find(&file);
        assert!(chattr("-a", &file) && chattr("+i", &file));
        let immutable = Place::find(&file);
        assert!(chattr("-i", &file) && chattr("+a", folder.path()));
        let in_folder = (Place::find(&file), Place::find(&folder.path().join("new")));
        assert!(chattr("-a", folder.path()));
        assert_eq!(append_only.expect_err("not writable").to_string(), "the file is append-only");
        assert_eq!(immutable.expect_err("not writable").kind(), ErrorKind::PermissionDenied);
        assert_eq!(in_folder.0.expect("writable"), Place::Overwritten(file));
        assert!(matches!(in_folder.1, Ok(Place::Replaced(_))));
    }
}
