//! Earlier messages: the file a conversation is kept in, and lists that are only read.
//!
//! A line is a message, as it was sent. The file is locked from reading to appending, so that runs at
//! the same time take turns. Nothing is repaired: what is broken is named, and left as it is.

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::deadline::Deadline;
use crate::error::{Exit, Failure};
use crate::message::{ContentPart, EarlierMessage, Message, Role, Turn};

/// How often a lock is asked for that another run holds: `flock` cannot wait for a limited time.
const LOCK_POLL: Duration = Duration::from_millis(10);

/// A wait for a lock that a person would wonder about.
const LONG_WAIT: Duration = Duration::from_secs(1);

/// A conversation's file, locked.
#[derive(Debug)]
pub struct Conversation {
    /// As it was given, for messages.
    name: PathBuf,
    /// Where it is, through all links.
    path: PathBuf,
    file: File,
    /// Its length in bytes, to which it is cut back if appending fails.
    len: u64,
    /// Its last line has no line feed.
    unended: bool,
    /// This run made the file, and removes it again where nothing was appended.
    made: bool,
}

impl Conversation {
    /// Opens and locks a conversation and reads its messages; a missing file is made, empty.
    ///
    /// `on_long_wait` is called once if another run holds the lock for over a second.
    ///
    /// # Errors
    ///
    /// Local trouble where it cannot be opened, or not be locked before the deadline; a usage failure
    /// with the line's number where it is broken.
    pub fn open(
        path: &Path,
        deadline: Deadline,
        on_long_wait: impl FnOnce(),
    ) -> Result<(Self, Vec<EarlierMessage>)> {
        let trouble = || local(path);
        let (mut file, made) = lock(path, deadline, on_long_wait).with_context(trouble)?;
        check_kind(&file.metadata().with_context(trouble)?).with_context(trouble)?;
        // Of a symbolic link the file it leads to: what is removed again is what was made.
        let resolved = fs::canonicalize(path).with_context(trouble)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).with_context(trouble)?;
        let (len, unended) = (bytes.len() as u64, bytes.last().is_some_and(|last| *last != b'\n'));
        let conversation = Self { name: path.to_owned(), path: resolved, file, len, unended, made };
        Ok((conversation, parse_lines(&path.display().to_string(), &bytes)?))
    }

    /// Reads the messages of a conversation without a lock; a missing file has none.
    ///
    /// # Errors
    ///
    /// As [`Conversation::open`].
    pub fn peek(path: &Path) -> Result<Vec<EarlierMessage>> {
        let found = match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            found => found.with_context(|| local(path))?,
        };
        check_kind(&found).with_context(|| local(path))?;
        let bytes = fs::read(path).with_context(|| local(path))?;
        parse_lines(&path.display().to_string(), &bytes)
    }

    /// Appends messages, each the JSON of one line, all or none, and waits until the disk has them.
    ///
    /// # Errors
    ///
    /// Local trouble; the file is then as it was.
    pub fn append(&mut self, messages: &[Vec<u8>]) -> Result<()> {
        let mut lines = Vec::new();
        if self.unended {
            lines.push(b'\n');
        }
        for message in messages {
            lines.extend_from_slice(message);
            lines.push(b'\n');
        }
        if !is_at(&self.file, &self.path) {
            return Err(anyhow!("another file has taken its place meanwhile"))
                .context(local(&self.name));
        }
        let appended = self.file.write_all(&lines).and_then(|()| sync(&self.file));
        if appended.is_err() {
            // What counts is the failure that is reported; half a line that stays is named next time.
            let _ = self.file.set_len(self.len);
        } else {
            self.len += lines.len() as u64;
        }
        appended.with_context(|| local(&self.name))
    }
}

impl Drop for Conversation {
    /// Leaves no empty file behind. Whoever waits for its lock looks again which file has the name.
    fn drop(&mut self) {
        if self.made && self.len == 0 && is_at(&self.file, &self.path) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A pipe has no end to read to, nor one to append at; a device may have none either. Only the null device
/// is a file of no messages, for who wants to keep none.
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

fn local(path: &Path) -> Failure {
    Failure::new(Exit::Local, path.display().to_string())
}

/// Opens the file and takes its lock, before the deadline; says whether it had to be made.
fn lock(path: &Path, deadline: Deadline, on_long_wait: impl FnOnce()) -> Result<(File, bool)> {
    let begun = Instant::now();
    let mut on_long_wait = Some(on_long_wait);
    loop {
        let (file, made) = open(path)?;
        match file.try_lock() {
            Ok(()) if is_at(&file, path) => return Ok((file, made)),
            // Another run removed it, empty, while we waited.
            Ok(()) => continue,
            Err(TryLockError::Error(error)) => return Err(error.into()),
            Err(TryLockError::WouldBlock) => {}
        }
        if begun.elapsed() >= LONG_WAIT
            && let Some(tell) = on_long_wait.take()
        {
            tell();
        }
        match deadline.remaining() {
            Some(Duration::ZERO) => anyhow::bail!(
                "timed out after {} s (--timeout): another run holds its lock",
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
fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

/// Earlier messages that are only read: a JSON array, or a message a line.
///
/// # Errors
///
/// A usage failure that names the message or the line.
pub fn parse(name: &str, bytes: &[u8]) -> Result<Vec<EarlierMessage>> {
    if bytes.trim_ascii_start().first() != Some(&b'[') {
        return parse_lines(name, bytes);
    }
    let Ok(array) = serde_json::from_slice::<Vec<&RawValue>>(bytes) else {
        return Err(Failure::usage(format!("{name}: not a JSON array of messages")).into());
    };
    let messages = array.into_iter().enumerate().map(|(index, raw)| (index + 1, raw.get()));
    parse_all(messages, |number| format!("{name}: message {number}"))
}

fn parse_lines(name: &str, bytes: &[u8]) -> Result<Vec<EarlierMessage>> {
    let place = |number: usize| format!("{name}: line {number}");
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].split(|byte| *byte == b'\n').count();
        Failure::usage(format!("{}: not UTF-8 text", place(line)))
    })?;
    let lines = text.split('\n').enumerate().map(|(index, line)| (index + 1, line.trim()));
    let lines = lines.filter(|(_, line)| !line.is_empty());
    parse_all(lines, place)
}

fn parse_all<'a>(
    messages: impl Iterator<Item = (usize, &'a str)>,
    place: impl Fn(usize) -> String,
) -> Result<Vec<EarlierMessage>> {
    let mut parsed: Vec<EarlierMessage> = Vec::new();
    for (number, json) in messages {
        let broken = |why: String| Failure::usage(format!("{}: {why}", place(number)));
        let message = parse_message(json).map_err(broken)?;
        if message.role.instructs() && !parsed.is_empty() {
            return Err(
                broken(format!("the {} message is not the first", message.role.as_str())).into()
            );
        }
        parsed.push(message);
    }
    Ok(parsed)
}

/// What must be right in a message that is sent as it stands; the rest is the service's to judge.
#[derive(Deserialize)]
struct Shape<'a> {
    role: Option<&'a RawValue>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    tool_calls: Option<&'a RawValue>,
}

fn parse_message(json: &str) -> Result<EarlierMessage, String> {
    let shape: Shape = serde_json::from_str(json).map_err(|error| match error.classify() {
        serde_json::error::Category::Eof => "it is cut in the middle".to_owned(),
        serde_json::error::Category::Syntax => "not JSON".to_owned(),
        _ => "not a message".to_owned(),
    })?;
    let role = shape.role.ok_or("not a message: it has no role")?.get();
    let role: Role = serde_json::from_str(role).map_err(|_| format!("unknown role {role}"))?;
    let has_content = match shape.content.map(RawValue::get) {
        None => false,
        Some(content) => {
            let is_text =
                serde_json::from_str::<String>(content).is_ok_and(|text| !text.is_empty());
            is_text
                || serde_json::from_str::<Vec<&RawValue>>(content)
                    .is_ok_and(|parts| !parts.is_empty())
        }
    };
    // An answer that called tools has nothing else to say.
    if has_content || (role == Role::Assistant && shape.tool_calls.is_some()) {
        return Ok(EarlierMessage { role, json: json.to_owned() });
    }
    Err("its content is empty".to_owned())
}

/// What earlier messages are to this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// A conversation that goes on: what it began with stays.
    InConversation,
    /// A list given for this run.
    Elsewhere,
}

/// Puts the instructions in their place: first, and once.
///
/// # Errors
///
/// A usage failure that names the file where the earlier messages begin with other instructions, or where a conversation
/// has begun without any.
pub fn with_system(
    earlier: Vec<EarlierMessage>,
    system: Option<Message>,
    kept: Kept,
    name: &Path,
) -> Result<Vec<Turn>> {
    let system = match (system, earlier.first()) {
        (Some(system), Some(first)) if first.role.instructs() => {
            if !is_same(&system, first) {
                let what = format!("{}: it begins with another system message", name.display());
                return Err(Failure::usage(what)
                    .hint("leave it out, or give the same one again")
                    .into());
            }
            None
        }
        (Some(_), Some(_)) if kept == Kept::InConversation => {
            let what = format!("{}: it has begun without a system message", name.display());
            return Err(Failure::usage(what).hint("give it when a conversation is new").into());
        }
        (system, _) => system,
    };
    Ok(system.map(Turn::New).into_iter().chain(earlier.into_iter().map(Turn::Earlier)).collect())
}

fn is_same(system: &Message, earlier: &EarlierMessage) -> bool {
    #[derive(Deserialize)]
    struct Text {
        content: String,
    }
    let text = serde_json::from_str::<Text>(&earlier.json).ok().map(|text| text.content);
    match (&system.content[..], text) {
        ([ContentPart::Text(given)], Some(text)) => system.role == earlier.role && *given == text,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_line_is_named_with_its_number() {
        let user = r#"{"role":"user","content":"hi"}"#;
        for (lines, expected) in [
            (format!("{user}\n{{"), "f: line 2: it is cut in the middle"),
            (format!("{user}\n\n{{\"role\":\"us"), "f: line 3: it is cut in the middle"),
            ("hello".to_owned(), "f: line 1: not JSON"),
            (r#""hello""#.to_owned(), "f: line 1: not a message"),
            ("7".to_owned(), "f: line 1: not a message"),
            (r#"{"content":"hi"}"#.to_owned(), "f: line 1: not a message: it has no role"),
            (r#"{"role":"robot","content":"hi"}"#.to_owned(), "f: line 1: unknown role \"robot\""),
            (r#"{"role":7,"content":"hi"}"#.to_owned(), "f: line 1: unknown role 7"),
            (r#"{"role":"user"}"#.to_owned(), "f: line 1: its content is empty"),
            (r#"{"role":"user","content":""}"#.to_owned(), "f: line 1: its content is empty"),
            (r#"{"role":"user","content":[]}"#.to_owned(), "f: line 1: its content is empty"),
            (r#"{"role":"user","content":7}"#.to_owned(), "f: line 1: its content is empty"),
            (
                format!("{user}\n{}", r#"{"role":"system","content":"hi"}"#),
                "f: line 2: the system message is not the first",
            ),
        ] {
            let error = parse("f", lines.as_bytes()).expect_err(&lines);
            assert_eq!(error.to_string(), expected);
        }
        assert_eq!(
            parse("f", b"\n\xff").expect_err("not UTF-8").to_string(),
            "f: line 2: not UTF-8 text"
        );
    }

    #[test]
    fn messages_are_kept_as_they_stand() {
        let call = r#"{ "role":"assistant", "content":null, "tool_calls":[{"id":"1"}], "x":1.50 }"#;
        let lines = format!("\n  {call}\r\n\n{{\"role\":\"tool\",\"content\":\"7\"}}\n");
        let array = format!(" [{call},\n{{\"role\":\"tool\",\"content\":\"7\"}}]\n");
        for text in [lines, array] {
            let messages = parse("f", text.as_bytes()).expect("they are messages");
            assert_eq!(
                messages.iter().map(|message| message.role).collect::<Vec<_>>(),
                [Role::Assistant, Role::Tool]
            );
            assert_eq!(messages[0].json, call);
        }
    }
}
