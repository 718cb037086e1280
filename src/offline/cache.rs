//! Answers recorded once and used again: a script's tests run without a key, a network or a bill.
//!
//! A record is a file named after the SHA-256 of the exact request, and plain JSON that a person can read
//! and commit. One that is corrupt is never used.

use std::borrow::Cow;
use std::fmt::Write;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use ring::digest::{Context as Digest, SHA256};
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::api::repair_json;
use crate::atomic_file;
use crate::body::Body;
use crate::error::Failure;

/// The version of the format of a record.
const FORMAT: u32 = 1;

/// How much of a body is hashed at a time, in bytes.
const READ_BUFFER: usize = 64 * 1024;

/// The largest record that is read, in bytes: more than twice what a response may have, so that one that was
/// formatted by hand fits too.
const MAX_RECORD: u64 = 128 * 1024 * 1024;

/// How much of a prompt is shown to tell which one has no answer, in characters.
const MAX_EXCERPT: usize = 40;

/// Opening a record never blocks, and no terminal becomes ours, whatever is in its place.
const PROBE_FLAGS: i32 = OFlags::NONBLOCK.union(OFlags::NOCTTY).bits().cast_signed();

/// The place of one answer in a folder of recorded answers.
#[derive(Debug)]
pub struct CacheEntry {
    folder: PathBuf,
    request_sha256: String,
    /// The request, for people.
    summary: String,
}

/// What is found in an entry's place.
#[derive(Debug, PartialEq, Eq)]
pub enum Lookup {
    /// The recorded response.
    Hit(Vec<u8>),
    /// A file that is no record of this request.
    Corrupt,
    /// No file.
    Miss,
}

/// What is in the file.
#[derive(Debug, Serialize, Deserialize)]
struct Record<'a> {
    /// See [`FORMAT`].
    xask: u32,
    /// What the record is found by: the SHA-256 of the path, a line feed, and the body.
    #[serde(borrow)]
    request_sha256: Cow<'a, str>,
    /// The request, for people; not read again.
    request: Cow<'a, str>,
    /// The JSON of the response, as received but for what is not JSON; `reply` before version 0.2.
    #[serde(borrow, alias = "reply")]
    response: &'a RawValue,
}

impl CacheEntry {
    /// The entry of a request: of the path that it is posted to and its exact body. Images count by their
    /// content.
    ///
    /// # Errors
    ///
    /// Exit status 1 where an image can no longer be read.
    pub fn for_request(folder: &Path, path: &str, summary: String, body: &Body) -> Result<Self> {
        let mut hash = Digest::new(&SHA256);
        hash.update(path.as_bytes());
        hash.update(b"\n");
        let mut reader = body.reader();
        let mut buffer = vec![0; READ_BUFFER];
        loop {
            match reader.read(&mut buffer)? {
                0 => break,
                n => hash.update(&buffer[..n]),
            }
        }
        let mut request_sha256 = String::new();
        for byte in hash.finish().as_ref() {
            // Writing to a string cannot fail.
            let _ = write!(request_sha256, "{byte:02x}");
        }
        Ok(Self { folder: folder.to_owned(), request_sha256, summary })
    }

    /// Looks for the recorded response.
    ///
    /// # Errors
    ///
    /// Exit status 1 for a record that cannot be read, is no regular file or is too large.
    pub fn load(&self) -> Result<Lookup> {
        let mut bytes = Vec::new();
        match self.open().and_then(|file| file.take(MAX_RECORD).read_to_end(&mut bytes)) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Lookup::Miss),
            Err(error) => return Err(error).with_context(|| self.context()),
        }
        // serde would take the values of an array for the fields of a record.
        let is_object = bytes.trim_ascii_start().starts_with(b"{");
        Ok(match serde_json::from_slice::<Record>(&bytes) {
            Ok(Record { xask: FORMAT, request_sha256, request: _, response })
                if is_object && request_sha256 == self.request_sha256 =>
            {
                Lookup::Hit(response.get().into())
            }
            _ => Lookup::Corrupt,
        })
    }

    /// Opens the record: a pipe or a device could be read for ever.
    fn open(&self) -> io::Result<File> {
        let file = OpenOptions::new().read(true).custom_flags(PROBE_FLAGS).open(self.path())?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let refuse =
            |why: &str| Err(io::Error::other(format!("{}.json is {why}", self.request_sha256)));
        if !metadata.is_file() {
            return refuse("not a regular file");
        }
        if metadata.len() > MAX_RECORD {
            return refuse(&format!("larger than {} MiB", MAX_RECORD >> 20));
        }
        Ok(file)
    }

    /// How long ago the response was recorded, as far as the file system knows.
    pub fn age(&self) -> Option<Duration> {
        let recorded = fs::metadata(self.path()).and_then(|found| found.modified()).ok()?;
        SystemTime::now().duration_since(recorded).ok()
    }

    /// The failure of a run that may not use the network and finds no record. `prompt` is the text of the
    /// user's last message: its beginning is the detail, which the log leaves out.
    pub fn miss(&self, model: &str, prompt: &str) -> Failure {
        let Self { folder, request_sha256, summary: _ } = self;
        let folder = folder.display();
        let failure = Failure::local(format!(
            "no cached answer in {folder} for this request: model {model}, {request_sha256}"
        ));
        let failure = failure.detail(excerpt(prompt));
        if self.folder.exists() { failure } else { failure.hint("the folder does not exist") }
    }

    /// Makes the folder where it is missing, so that what is wrong with it is found before the answer is
    /// paid for.
    ///
    /// # Errors
    ///
    /// Exit status 1 where it cannot be made or written to.
    pub fn ensure_writable(&self) -> Result<()> {
        fs::create_dir_all(&self.folder)
            .and_then(|()| atomic_file::check_folder(&self.folder))
            .with_context(|| self.context())
    }

    /// Records a response, whole or not at all. One that cannot be expressed in JSON is not recorded.
    ///
    /// # Errors
    ///
    /// Exit status 1 where it cannot be written.
    pub fn store(&self, response: &[u8]) -> Result<()> {
        let Some(response) = valid_json(response) else { return Ok(()) };
        let write = || -> Result<()> {
            let record = serde_json::to_string_pretty(&Record {
                xask: FORMAT,
                request_sha256: (&*self.request_sha256).into(),
                request: (&*self.summary).into(),
                response: RawValue::NULL,
            })?;
            // The response may be large: it is written as it is, and not copied into the record before.
            let (head, tail) = record.rsplit_once(RawValue::NULL.get()).unwrap_or_default();
            let parts = [head, response.get(), tail, "\n"].map(str::as_bytes);
            Ok(atomic_file::replace(&self.path(), &parts)?)
        };
        write().with_context(|| self.context())
    }

    /// Where it is.
    pub fn path(&self) -> PathBuf {
        self.folder.join(format!("{}.json", self.request_sha256))
    }

    fn context(&self) -> Failure {
        Failure::local(format!("--cache {}", self.folder.display()))
    }
}

/// The JSON of a response: what a server sends beside it, or in place of it, is no reason to lose an answer.
fn valid_json(bytes: &[u8]) -> Option<Cow<'_, RawValue>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii();
    if let Some(json) = str::from_utf8(bytes).ok().and_then(|text| serde_json::from_str(text).ok())
    {
        return Some(Cow::Borrowed(json));
    }
    RawValue::from_string(repair_json(bytes)?.trim_ascii().to_owned()).ok().map(Cow::Owned)
}

/// The beginning of a prompt in quotes, white space folded; `None` if it has no text.
fn excerpt(prompt: &str) -> Option<String> {
    let words: Vec<&str> = prompt.split_whitespace().take(MAX_EXCERPT).collect();
    let text: String = words.join(" ").chars().take(MAX_EXCERPT).collect();
    (!text.is_empty()).then(|| format!("\"{}\"", text.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::BodyBuilder;
    use serde_json::Value;

    const ANSWER: &str = r#"{"choices":[{"message":{"content":"Four."},"finish_reason":"stop"}]}"#;

    fn entry(folder: &Path) -> CacheEntry {
        let mut body = BodyBuilder::default();
        body.json("{}");
        let summary = "model: grok-4\nuser: 2 + 2?".to_owned();
        CacheEntry::for_request(folder, "/v1/chat/completions", summary, &body.finish())
            .expect("a body in memory can be read")
    }

    #[track_caller]
    fn load(entry: &CacheEntry) -> Lookup {
        entry.load().expect("it can be read")
    }

    #[test]
    fn a_response_is_found_again_under_the_hash_of_its_request() {
        let folder = tempfile::tempdir().expect("a folder");
        let entry = entry(folder.path());
        // As `sha256sum` prints it, of the path, a line feed and the body.
        let sha256 = "70e6dddea77adc8bc25b2655b30f5541184707973bc1cadea633ec71cd065953";
        assert_eq!(load(&entry), Lookup::Miss);
        entry.store(format!("\n{ANSWER}\r\n").as_bytes()).expect("stored");
        assert_eq!(load(&entry), Lookup::Hit(ANSWER.into()));
        let name = entry.path().file_name().map(|name| name.to_string_lossy().into_owned());
        assert_eq!(name, Some(format!("{sha256}.json")));
        assert!(entry.age().is_some_and(|age| age < Duration::from_mins(1)));
    }

    #[test]
    fn a_record_survives_json_formatters() {
        let folder = tempfile::tempdir().expect("a folder");
        let entry = entry(folder.path());
        entry.store(ANSWER.as_bytes()).expect("stored");
        let record: Value =
            serde_json::from_slice(&fs::read(entry.path()).expect("read")).expect("JSON");
        let Lookup::Hit(before) = load(&entry) else { panic!("no hit") };
        for formatted in [
            serde_json::to_string_pretty(&record).expect("JSON"),
            record.to_string(),
            record.to_string().replace("\":", "\" :\r\n\t"),
            record.to_string().replace("request_sha256", r"request\u005fsha256"),
            record.to_string().replace("\"response\"", "\"reply\""),
        ] {
            fs::write(entry.path(), formatted).expect("written");
            let Lookup::Hit(after) = load(&entry) else { panic!("no hit") };
            let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).expect("JSON");
            assert_eq!(json(&after), json(&before));
        }
    }

    #[test]
    fn anything_but_a_record_of_this_request_is_corrupt() {
        let folder = tempfile::tempdir().expect("a folder");
        let entry = entry(folder.path());
        entry.store(ANSWER.as_bytes()).expect("stored");
        let good = fs::read_to_string(entry.path()).expect("read");
        let hash = entry.request_sha256.clone();
        let array = format!("[1,{hash:?},\"\",{ANSWER}]");
        let cut = good.trim_end().trim_end_matches('}');
        for corrupt in [
            "",
            "{}",
            "null",
            "not JSON",
            &array,
            cut,
            &good.replace(&hash, &hash.replace(['0', 'a'], "1")),
            &good.replace("\"xask\": 1", "\"xask\": 2"),
            &good.replace("\"response\"", "\"other\""),
            &format!("{good}}}"),
        ] {
            fs::write(entry.path(), corrupt).expect("written");
            assert_eq!(load(&entry), Lookup::Corrupt, "{corrupt}");
        }
    }

    #[test]
    fn a_response_that_is_not_valid_json_is_recorded_as_json() {
        for (sent, recorded) in [
            (&b"\xef\xbb\xbf{\"a\":1}"[..], r#"{"a":1}"#),
            (b"{\"a\":\"\xff\"}", "{\"a\":\"\u{fffd}\"}"),
            (
                br#"{"a":NaN,"b":[-Infinity,Infinity],"c":"NaN"}"#,
                r#"{"a":null,"b":[null,null],"c":"NaN"}"#,
            ),
            (
                br#"{"a":1.50,"a":123456789012345678901234567890}"#,
                r#"{"a":1.50,"a":123456789012345678901234567890}"#,
            ),
        ] {
            let folder = tempfile::tempdir().expect("a folder");
            let entry = entry(folder.path());
            entry.store(sent).expect("stored");
            serde_json::from_slice::<Value>(&fs::read(entry.path()).expect("read")).expect("JSON");
            assert_eq!(load(&entry), Lookup::Hit(recorded.into()));
        }
        let folder = tempfile::tempdir().expect("a folder");
        let entry = entry(folder.path());
        entry.store(b"{\"a\":").expect("no reason to fail");
        assert_eq!(load(&entry), Lookup::Miss);
    }

    #[test]
    fn only_a_regular_file_of_a_bounded_size_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let entry = entry(folder.path());
        let error = || format!("{:#}", entry.load().expect_err("it is not read"));
        std::os::unix::fs::symlink("/dev/zero", entry.path()).expect("linked");
        assert!(error().ends_with(".json is not a regular file"), "{}", error());
        fs::remove_file(entry.path()).expect("removed");
        fs::create_dir(entry.path()).expect("made");
        assert!(error().ends_with("is a directory"), "{}", error());
        fs::remove_dir(entry.path()).expect("removed");
        let file = File::create(entry.path()).expect("made");
        file.set_len(MAX_RECORD + 1).expect("grown");
        assert!(error().ends_with(".json is larger than 128 MiB"), "{}", error());
        let fifo =
            std::process::Command::new("mkfifo").arg(entry.path().with_extension("")).status();
        if fifo.is_ok_and(|status| status.success()) {
            fs::rename(entry.path().with_extension(""), entry.path()).expect("renamed");
            assert!(error().ends_with(".json is not a regular file"), "{}", error());
        }
    }

    #[test]
    fn a_miss_names_what_is_missing() {
        let folder = Path::new("answers");
        let hash = entry(folder).request_sha256;
        for (prompt, excerpt) in [
            ("  What is\n\t2 + 2?\n", Some("\"What is 2 + 2?\"")),
            ("", None),
            (" \n", None),
            (&"\u{e9}".repeat(50), Some(&*format!("\"{}\"", "\u{e9}".repeat(40)))),
            (&"seven b ".repeat(9), Some("\"seven b seven b seven b seven b seven b\"")),
        ] {
            let miss = entry(folder).miss("grok-4", prompt);
            let expected =
                format!("no cached answer in answers for this request: model grok-4, {hash}");
            assert_eq!(miss.to_string(), expected);
            assert_eq!(miss.detail.as_deref(), excerpt);
        }
    }
}
