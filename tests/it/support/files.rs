//! The folder of a test: files, folders, links, named pipes, and their permissions.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::env::Env;

impl Env {
    /// Writes a file; missing folders of its path are created.
    pub fn write(&self, name: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder for the file");
        fs::write(&path, bytes).expect("the file is written");
        path
    }

    #[track_caller]
    pub fn read(&self, name: impl AsRef<Path>) -> Vec<u8> {
        let path = self.path(name);
        fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    /// The names in the folder, sorted, to check that nothing was left behind.
    pub fn names(&self) -> Vec<String> {
        self.names_in("")
    }

    /// The same for one of its folders. A missing folder holds nothing.
    pub fn names_in(&self, folder: impl AsRef<Path>) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).into_iter().flatten();
        let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
        let mut names: Vec<_> = entries.map(|entry| name(entry.expect("an entry"))).collect();
        names.sort();
        names
    }

    /// The size of all files in one of its folders, in bytes: what a run has written so far. A missing
    /// folder holds nothing.
    pub fn bytes_in(&self, folder: impl AsRef<Path>) -> u64 {
        let entries = fs::read_dir(self.path(folder)).into_iter().flatten().filter_map(Result::ok);
        // A file that is gone by now holds nothing either.
        entries.filter_map(|entry| entry.metadata().ok()).map(|found| found.len()).sum()
    }

    /// Creates a folder in an existing folder.
    pub fn folder(&self, name: impl AsRef<Path>) {
        fs::create_dir(self.path(name)).expect("a folder");
    }

    /// Creates a symbolic link of this name to this target.
    pub fn link(&self, name: impl AsRef<Path>, to: impl AsRef<Path>) {
        symlink(to, self.path(name)).expect("a link");
    }

    /// A named pipe. Opening it waits for the other side.
    pub fn fifo(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, 0o600.into()).expect("a named pipe");
        fs::canonicalize(path).expect("the named pipe is there")
    }

    /// The permissions of a file or a folder.
    #[track_caller]
    pub fn mode(&self, name: impl AsRef<Path>) -> u32 {
        let found = fs::metadata(self.path(name)).expect("it is there");
        found.permissions().mode() & 0o7777
    }

    #[track_caller]
    pub fn set_mode(&self, name: impl AsRef<Path>, mode: u32) {
        fs::set_permissions(self.path(name), Permissions::from_mode(mode)).expect("it is ours");
    }

    /// A file that only root may read.
    pub fn write_unreadable(&self, name: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
        self.write(&name, bytes);
        self.set_mode(name, 0o000);
    }
}
