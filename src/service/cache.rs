//! Answers recorded once and used again: a script's tests run without a key, a network or a bill.
//!
//! An entry is a file named after the SHA-256 of the exact request, and plain JSON that a person can
//! read and commit. One that is damaged is never served.

use std::borrow::Cow;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use ring::digest::{Context as Digest, SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::{Exit, Failure, from_io};
use crate::request::{Body, CompletionRequest};

/// The version of the format of an entry.
const FORMAT: u32 = 1;

/// How much of a body is hashed at a time, in bytes.
const READ_BUFFER: usize = 64 * 1024;

/// The place of one answer in a folder of recorded answers.
#[derive(Debug)]
pub struct Entry {
    folder: PathBuf,
    request_sha256: String,
    /// The request in words.
    request: String,
}

/// What is found in an entry's place.
#[derive(Debug)]
pub enum Found {
    /// The bytes of the recorded reply.
    Reply(Vec<u8>),
    /// A file that is not what was recorded.
    Damaged,
    /// No file.
    Nothing,
}

/// What is in the file.
#[derive(Debug, Serialize, Deserialize)]
struct Record<'a> {
    /// See [`FORMAT`].
    xask: u32,
    /// What the entry is found by: the path, a line feed, and the body.
    request_sha256: &'a str,
    /// The request in words, for people; not read again.
    request: Cow<'a, str>,
    /// Of the bytes of the reply, to tell a damaged entry.
    reply_sha256: &'a str,
    /// The reply of the service, as it came, but for the white space around it.
    #[serde(borrow)]
    reply: &'a RawValue,
    /// The white space before and after it, where there was any.
    #[serde(default, skip_serializing_if = "is_empty")]
    around: [Cow<'a, str>; 2],
}

fn is_empty(texts: &[Cow<str>; 2]) -> bool {
    texts.iter().all(|text| text.is_empty())
}

impl Entry {
    /// The entry of a request: of the path it is posted to and its exact body, whether it would be
    /// streamed or not. Images count by their content.
    ///
    /// # Errors
    ///
    /// Local trouble where the body cannot be read to its end.
    pub fn of(folder: &Path, path: &str, request: &CompletionRequest, body: &Body) -> Result<Self> {
        let mut hash = Digest::new(&SHA256);
        hash.update(path.as_bytes());
        hash.update(b"\n");
        let mut reader = body.reader();
        let mut buffer = vec![0; READ_BUFFER];
        loop {
            match reader.read(&mut buffer).map_err(from_io)? {
                0 => break,
                n => hash.update(&buffer[..n]),
            }
        }
        let request_sha256 = hex(hash.finish().as_ref());
        Ok(Self { folder: folder.to_owned(), request_sha256, request: request.describe() })
    }

    /// Looks for the recorded reply.
    ///
    /// # Errors
    ///
    /// Local trouble: there is one, and it cannot be read.
    pub fn find(&self) -> Result<Found> {
        let bytes = match fs::read(self.path()) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(error) => return Err(error).with_context(|| self.trouble()),
        };
        let Ok(record) = serde_json::from_slice::<Record>(&bytes) else {
            return Ok(Found::Damaged);
        };
        let Record {
            xask,
            request_sha256,
            request: _,
            reply_sha256,
            reply,
            around: [before, after],
        } = record;
        let reply = [before.as_bytes(), reply.get().as_bytes(), after.as_bytes()].concat();
        let is_sound = xask == FORMAT
            && request_sha256 == self.request_sha256
            && reply_sha256 == sha256(&reply);
        Ok(if is_sound { Found::Reply(reply) } else { Found::Damaged })
    }

    /// Makes the folder where it is missing, so that a trouble with it is found before the answer is
    /// paid for.
    ///
    /// # Errors
    ///
    /// Local trouble: it cannot be made or not be written to.
    pub fn prepare(&self) -> Result<()> {
        fs::create_dir_all(&self.folder)
            .and_then(|()| tempfile::tempfile_in(&self.folder))
            .with_context(|| self.trouble())?;
        Ok(())
    }

    /// Records a reply, whole or not at all.
    ///
    /// # Errors
    ///
    /// Local trouble: it cannot be written.
    pub fn record(&self, reply: &[u8]) -> Result<()> {
        let write = || -> Result<()> {
            let text = std::str::from_utf8(reply).context("the reply is not UTF-8")?;
            let json = text.trim_ascii();
            let (before, after) = text.split_once(json).unwrap_or_default();
            let record = Record {
                xask: FORMAT,
                request_sha256: &self.request_sha256,
                request: self.request.as_str().into(),
                reply_sha256: &sha256(reply),
                reply: serde_json::from_str(json).context("the reply is not JSON")?,
                around: [before.into(), after.into()],
            };
            let mut json = serde_json::to_vec_pretty(&record)?;
            json.push(b'\n');
            let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o666);
            let mut file =
                tempfile::Builder::new().permissions(permissions).tempfile_in(&self.folder)?;
            file.write_all(&json)?;
            file.as_file().sync_all()?;
            file.persist(self.path()).map_err(|failed| failed.error)?;
            Ok(())
        };
        write().with_context(|| self.trouble())
    }

    /// Where it is.
    pub fn path(&self) -> PathBuf {
        self.folder.join(format!("{}.json", self.request_sha256))
    }

    fn trouble(&self) -> Failure {
        Failure::new(Exit::Local, format!("cache {}", self.folder.display()))
    }
}

fn sha256(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 0xf])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}
