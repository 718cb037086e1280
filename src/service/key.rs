//! The API key: where it is found, and a type that cannot be printed.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::error::{Exit, Failure};

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

    /// The key in a file, only to mask it; of a pipe, which could be read once, nothing.
    pub fn peek(file: &Path) -> Option<Self> {
        fs::metadata(file).ok().filter(fs::Metadata::is_file)?;
        Self::parse("", &fs::read(file).ok()?).ok()?
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
        match std::str::from_utf8(key) {
            Ok(text) if key.iter().all(fits) => Ok(Some(Self(text.to_owned()))),
            _ => {
                let what =
                    format!("{name}: the key is malformed: it has characters that no key has");
                Err(Failure::new(Exit::Key, what).into())
            }
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}
