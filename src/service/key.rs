//! The API key: where it is found, and a type that cannot be printed.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::error::{Exit, Failure};

/// The longest key that is sent, in bytes: the head of a request must fit into a buffer of 8 KiB.
const MAX_LEN: usize = 4096;

/// How xAI's keys begin.
const PREFIX: &str = "xai-";

/// An API key that fits into a header.
#[derive(Clone)]
pub struct Key(String);

impl Key {
    /// The key of `XAI_API_KEY`, else of the file that `XAI_API_KEY_FILE` names.
    ///
    /// # Errors
    ///
    /// A key failure where the file cannot be read or what was found cannot be a key. `Ok(None)`
    /// where nothing was set.
    pub fn find(variable: Option<&OsStr>, file: Option<&Path>) -> Result<Option<Self>> {
        if let Some(value) = variable
            && let Some(key) = Self::parse("XAI_API_KEY", value.as_encoded_bytes())?
        {
            return Ok(Some(key));
        }
        let Some(path) = file else { return Ok(None) };
        let name = format!("XAI_API_KEY_FILE: {}", path.display());
        let bytes = fs::read(path).with_context(|| Failure::new(Exit::Key, name.clone()))?;
        match Self::parse(&name, &bytes)? {
            Some(key) => Ok(Some(key)),
            None => Err(Failure::new(Exit::Key, format!("{name}: there is no key in it")).into()),
        }
    }

    /// The key in a file, only to mask it: of a pipe, which could be read once, nothing; and the name of a
    /// file that is not there, where it is a key that was given in its place.
    pub fn peek(file: &Path) -> Option<Self> {
        match fs::metadata(file) {
            Ok(found) if found.is_file() => Self::parse("", &fs::read(file).ok()?).ok()?,
            Err(_) => {
                file.to_str().filter(|name| name.starts_with(PREFIX)).map(|name| Self(name.into()))
            }
            Ok(_) => None,
        }
    }

    /// No key is set, and the service wants one.
    pub fn missing() -> Failure {
        Failure::new(Exit::Key, "no API key: XAI_API_KEY is not set")
            .hint("set XAI_API_KEY, or XAI_API_KEY_FILE to the path of a file with the key; keys are made at https://console.x.ai")
    }

    /// The key itself, for the request's header and for masking it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    fn parse(name: &str, bytes: &[u8]) -> Result<Option<Self>> {
        let key = bytes.trim_ascii();
        if key.is_empty() {
            return Ok(None);
        }
        // What may stand in a header (RFC 9110, 5.5) less what no key has: control characters, and
        // anything beyond ASCII.
        let fits = |byte: &u8| matches!(byte, b' '..=b'~');
        let why = match std::str::from_utf8(key) {
            Ok(text) if key.len() <= MAX_LEN && key.iter().all(fits) => {
                return Ok(Some(Self(text.to_owned())));
            }
            _ if key.len() > MAX_LEN => "it is longer than any key",
            _ => "it has characters that no key has",
        };
        Err(Failure::new(Exit::Key, format!("{name}: the key is malformed: {why}")).into())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}
