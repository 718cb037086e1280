//! The file that a conversation is kept in: one message per line, in the message format of chat completions.
//!
//! The file is locked from reading to appending, so that runs at the same time take turns.

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::history;
use super::input::too_large;
use crate::deadline::Deadline;
use crate::error::Failure;
use crate::file::Limit;
use crate::message::RawMessage;

/// How often a lock is tried that another run holds: `flock` has no timeout.
const LOCK_POLL: Duration = Duration::from_millis(10);

/// A wait for a lock that a person would wonder about.
const LONG_WAIT: Duration = Duration::from_secs(1);

/// A conversation's file, locked.
#[derive(Debug)]
pub struct Conversation {
    /// As it was given, for messages.
    name: PathBuf,
    /// The file itself, through all links.
    path: PathBuf,
    file: File,
    /// This run created the file, and removes it again if it stays empty.
    created: bool,
}

impl Conversation {
    /// Opens and locks a conversation and reads its messages; a missing file is created, empty.
    ///
    /// The rest of an append that was interrupted is removed. `note` is called with that, and if another
    /// run holds the lock for over a second.
    ///
    /// A local I/O error where it cannot be opened, or not be locked before the deadline; a usage failure
    /// with the line's number where it is broken.
    pub(super) fn open(
        path: &Path,
        deadline: Deadline,
        note: &dyn Fn(&str),
    ) -> Result<(Self, Vec<RawMessage>)> {
        let context = || local_error(path);
        let (file, created) = lock(path, || open(path), deadline, note).with_context(context)?;
        // Of a symbolic link its target: what is removed again is what was created.
        let resolved = fs::canonicalize(path).with_context(context)?;
        let conversation = Self { name: path.to_owned(), path: resolved, file, created };
        let (messages, torn) = read(&conversation.file, path)?;
        if let Some(start) = torn {
            conversation.file.set_len(start).with_context(context)?;
            note(&format!("{}: removed an incomplete last line", path.display()));
        }
        Ok((conversation, messages))
    }

    /// Reads the messages of a conversation without a lock, and changes nothing; a missing file has none.
    ///
    /// Errors and notes as those of [`Conversation::open`].
    pub(super) fn peek(path: &Path, note: &dyn Fn(&str)) -> Result<Vec<RawMessage>> {
        // Looked at before it is opened: a pipe would be waited for.
        match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            found => check_kind(&found.with_context(|| local_error(path))?)
                .with_context(|| local_error(path))?,
        }
        let file = File::open(path).with_context(|| local_error(path))?;
        let (messages, torn) = read(&file, path)?;
        if torn.is_some() {
            note(&format!("{}: ignored an incomplete last line", path.display()));
        }
        Ok(messages)
    }

    /// Appends messages, each the JSON of one line, all or none, and waits until the disk has them.
    ///
    /// # Errors
    ///
    /// Exit status 1; the file is then as it was.
    pub fn append(&mut self, lines: &[u8]) -> Result<()> {
        self.try_append(lines).with_context(|| local_error(&self.name))
    }

    fn try_append(&mut self, lines: &[u8]) -> Result<()> {
        anyhow::ensure!(
            is_same_file(&self.file, &self.path)?,
            "it was replaced by another file during the run"
        );
        let (len, is_line_open) = self.end()?;
        let closed = if is_line_open { self.file.write_all(b"\n") } else { Ok(()) };
        let appended =
            closed.and_then(|()| self.file.write_all(lines)).and_then(|()| sync(&self.file));
        if appended.is_err() {
            // The failure that is reported is the first one; the next run removes half a line that stays.
            let _ = self.file.set_len(len);
        }
        Ok(appended?)
    }

    /// The file's length, and whether its last line has no line feed: as it is now, for programs that take
    /// no lock may have written to it since it was read.
    fn end(&self) -> io::Result<(u64, bool)> {
        let len = self.file.metadata()?.len();
        let mut last = [b'\n'];
        if let Some(at) = len.checked_sub(1) {
            self.file.read_exact_at(&mut last, at)?;
        }
        Ok((len, last != [b'\n']))
    }
}

impl Drop for Conversation {
    /// Leaves no empty file behind. A run that waits for its lock looks again which file has the name.
    fn drop(&mut self) {
        let is_empty = || self.file.metadata().is_ok_and(|found| found.len() == 0);
        let is_same = || is_same_file(&self.file, &self.path).is_ok_and(|is_same| is_same);
        if self.created && is_empty() && is_same() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The messages of an open file, and where its last line begins if that is incomplete.
fn read(file: &File, path: &Path) -> Result<(Vec<RawMessage>, Option<u64>)> {
    let context = || local_error(path);
    let name = path.display().to_string();
    let found = file.metadata().with_context(context)?;
    check_kind(&found).with_context(context)?;
    let limit = Limit::CONVERSATION;
    let mut bytes = Vec::new();
    if found.len() <= limit.bytes {
        file.take(limit.bytes + 1).read_to_end(&mut bytes).with_context(context)?;
    }
    if found.len().max(bytes.len() as u64) > limit.bytes {
        return Err(too_large(&name, limit).into());
    }
    history::parse_conversation(&name, &bytes)
}

/// A pipe has no end to read to, nor one to append at; a device may have neither. Only the null device
/// is a file without messages, for users who want to keep none.
fn check_kind(found: &Metadata) -> Result<()> {
    let kind = found.file_type();
    let is_null = || fs::metadata("/dev/null").is_ok_and(|null| null.rdev() == found.rdev());
    let is_endless = kind.is_char_device() && !is_null();
    anyhow::ensure!(!kind.is_fifo() && !kind.is_socket() && !is_endless, "not a file");
    Ok(())
}

/// Waits until the disk has it, where there is a disk: `/dev/null` has none.
fn sync(file: &File) -> io::Result<()> {
    match file.sync_data() {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        synced => synced,
    }
}

fn local_error(path: &Path) -> Failure {
    Failure::local(path.display().to_string())
}

/// Opens a file and takes its lock, before the deadline; says whether it had to be created.
fn lock(
    path: &Path,
    mut open: impl FnMut() -> io::Result<(File, bool)>,
    deadline: Deadline,
    note: &dyn Fn(&str),
) -> Result<(File, bool)> {
    let begun = Instant::now();
    let mut told = false;
    loop {
        let (file, created) = open()?;
        match file.try_lock() {
            Ok(()) if is_same_file(&file, path)? => return Ok((file, created)),
            Err(TryLockError::Error(error)) => return Err(error.into()),
            Err(TryLockError::WouldBlock) if !told && begun.elapsed() >= LONG_WAIT => {
                told = true;
                note(&format!("{} is locked by another xask process; waiting", path.display()));
            }
            // Without the lock; or another run removed the file, empty, while we waited.
            Ok(()) | Err(TryLockError::WouldBlock) => {}
        }
        match deadline.remaining() {
            Some(Duration::ZERO) => anyhow::bail!(
                "timed out after {} s (--timeout): locked by another xask process",
                deadline.limit().as_secs_f64()
            ),
            remaining => thread::sleep(remaining.map_or(LOCK_POLL, |left| left.min(LOCK_POLL))),
        }
    }
}

fn open(path: &Path) -> io::Result<(File, bool)> {
    let mut options = OpenOptions::new();
    options.read(true).append(true);
    match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Ok((options.create(true).open(path)?, true))
        }
        opened => Ok((opened?, false)),
    }
}

/// Whether the name still leads to the file that was opened.
fn is_same_file(file: &File, path: &Path) -> io::Result<bool> {
    let open = file.metadata()?;
    match fs::metadata(path) {
        Ok(named) => Ok((open.dev(), open.ino()) == (named.dev(), named.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use tempfile::TempDir;

    use super::*;
    use crate::error::{ExitStatus, exit_status};

    const USER: &str = r#"{"role":"user","content":"hi"}"#;

    /// A folder and the path of a file in it that does not exist yet.
    fn file() -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("r.jsonl");
        (folder, path)
    }

    /// The result of opening a file, and the notes.
    fn open_it(path: &Path) -> (Result<(Conversation, Vec<RawMessage>)>, Vec<String>) {
        let notes = RefCell::new(Vec::new());
        let note = |text: &str| notes.borrow_mut().push(text.to_owned());
        let opened = Conversation::open(path, Deadline::after(Duration::from_secs(9)), &note);
        (opened, notes.into_inner())
    }

    #[test]
    fn the_rest_of_an_interrupted_append_is_removed_with_a_note() {
        let (_folder, path) = file();
        let whole = format!("{USER}\n");
        for torn in
            ["{", r#"{"role":"us"#, r#"{"role":"assistant","content":"4"#, "{\"a\":\"\u{e9}"]
        {
            let bytes = [whole.as_bytes(), torn.as_bytes()].concat();
            // A character may be incomplete too.
            let bytes = if torn.is_ascii() { &bytes[..] } else { &bytes[..bytes.len() - 1] };
            fs::write(&path, bytes).expect("it is written");

            let notes = RefCell::new(Vec::new());
            let note = |text: &str| notes.borrow_mut().push(text.to_owned());
            let messages = Conversation::peek(&path, &note).expect("it is whole but for its end");
            assert_eq!((messages.len(), notes.borrow().len()), (1, 1), "{torn}");
            assert_eq!(fs::read(&path).expect("it is there"), bytes, "{torn}");

            let (opened, notes) = open_it(&path);
            let (_, messages) = opened.expect("it is whole but for its end");
            let expected = format!("{}: removed an incomplete last line", path.display());
            assert_eq!((messages.len(), notes), (1, vec![expected]), "{torn}");
            assert_eq!(fs::read_to_string(&path).expect("text"), whole, "{torn}");
        }
    }

    #[test]
    fn anything_else_that_is_broken_is_left_unchanged() {
        let (_folder, path) = file();
        for broken in [
            "{\n".to_owned(),
            "x\n{\"role\":\"us".to_owned(),
            format!("{USER}\nhello"),
            format!("{USER}\n[\"user\",\"h"),
            format!("{USER}\n{{\"role\":\"us\0\0"),
            format!("{USER}\n{{}}"),
        ] {
            fs::write(&path, &broken).expect("it is written");
            let (opened, notes) = open_it(&path);
            let error = opened.map(drop).expect_err(&broken);
            assert_eq!(exit_status(&error), ExitStatus::Usage, "{broken}");
            assert_eq!(notes, [""; 0], "{broken}");
            assert_eq!(fs::read_to_string(&path).expect("text"), broken);
        }
    }

    #[test]
    fn text_written_meanwhile_by_another_program_stays_on_its_own_line() {
        for (before, meanwhile, expected) in [
            ("", "", ""),
            ("@\n", "", "@\n"),
            ("@", "", "@\n"),
            ("", "half", "half\n"),
            ("@\n", "half", "@\nhalf\n"),
            ("@", "b\n", "@b\n"),
        ] {
            let (_folder, path) = file();
            let text = |text: &str| text.replace('@', USER);
            fs::write(&path, text(before)).expect("it is written");
            let (mut conversation, _) = open_it(&path).0.expect("it is whole");
            let mut other = OpenOptions::new().append(true).open(&path).expect("it is there");
            other.write_all(meanwhile.as_bytes()).expect("it is written");
            conversation.append(b"new\n").expect("it can be appended to");
            let had = fs::read_to_string(&path).expect("text");
            assert_eq!(had, format!("{}new\n", text(expected)), "{before:?} {meanwhile:?}");
        }
    }

    #[test]
    fn only_an_empty_file_that_this_run_created_is_removed() {
        for (before, meanwhile, stays) in
            [(None, "", false), (None, "x", true), (Some(""), "", true), (Some(USER), "", true)]
        {
            let (_folder, path) = file();
            if let Some(text) = before {
                fs::write(&path, text).expect("it is written");
            }
            let (conversation, _) = open_it(&path).0.expect("it is whole");
            let mut other = OpenOptions::new().append(true).open(&path).expect("it is there");
            other.write_all(meanwhile.as_bytes()).expect("it is written");
            drop(conversation);
            assert_eq!(path.exists(), stays, "{before:?} {meanwhile:?}");
        }
    }

    #[test]
    fn a_file_that_keeps_being_replaced_is_waited_for_until_the_deadline() {
        let (folder, path) = file();
        let other = || {
            let other = folder.path().join("other");
            Ok((OpenOptions::new().append(true).create(true).open(other)?, false))
        };
        let deadline = Deadline::after(Duration::from_millis(30));
        let error = lock(&path, other, deadline, &|_| ()).expect_err("it is never the same file");
        assert!(error.to_string().contains("timed out after 0.03 s"), "{error}");
    }

    #[test]
    fn a_name_that_cannot_be_examined_is_an_error_at_once() {
        let (folder, path) = file();
        let other = || Ok((File::create(folder.path().join("other"))?, false));
        let below_a_file = folder.path().join("other/r.jsonl");
        let deadline = Deadline::after(Duration::from_secs(9));
        assert!(lock(&below_a_file, other, deadline, &|_| ()).is_err());
        drop(path);
    }

    #[test]
    fn a_conversation_has_a_limit() {
        let (_folder, path) = file();
        let file = File::create(&path).expect("a file");
        // A file of one hole: nothing is written to the disk.
        file.set_len(Limit::CONVERSATION.bytes + 1).expect("a hole");
        let error = open_it(&path).0.map(drop).expect_err("it is too large");
        assert_eq!(exit_status(&error), ExitStatus::Usage);
        assert!(
            error.to_string().ends_with("larger than 256 MiB, the limit for a conversation"),
            "{error}"
        );
    }
}
