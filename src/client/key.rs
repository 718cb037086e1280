//! The API key: where it is found, and a type that cannot be printed.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::error::{ExitStatus, Failure};
use crate::file::{self, Limit, without_bom};
use crate::prompt::is_stdin_path;
use crate::secret::Secret;

/// The longest key that is sent, in bytes: the head of a request must fit into a buffer of 8 KiB.
const MAX_LEN: usize = 4096;

/// How xAI's keys begin.
const PREFIX: &str = "xai-";

/// Where the key is found.
#[derive(Debug, Default)]
pub struct KeySource {
    /// `XAI_API_KEY`.
    pub variable: Option<Secret<OsString>>,
    /// `XAI_API_KEY_FILE`: where the key is, if it is not in the variable.
    pub file: Option<PathBuf>,
}

impl KeySource {
    /// Whether the key is read from standard input: `XAI_API_KEY_FILE=/dev/stdin`.
    pub fn is_stdin(&self) -> bool {
        let file = self.file.as_ref().filter(|_| self.variable.is_none());
        file.is_some_and(|file| file.as_os_str() != "-" && is_stdin_path(file.as_os_str()))
    }

    /// A note if the key's file is the user's own, below `home`, and every user of this machine can read it. Secrets
    /// that a system mounts elsewhere are readable by design.
    pub fn exposure_note(&self, home: &Path) -> Option<String> {
        let is_blank =
            |value: &Secret<OsString>| value.reveal().as_encoded_bytes().trim_ascii().is_empty();
        let file = self.file.as_deref().filter(|_| self.variable.as_ref().is_none_or(is_blank))?;
        let is_exposed = is_exposed(file, home).unwrap_or(false);
        let name = file.display();
        is_exposed.then(|| {
            format!("other users can read the key in {name}; to change that: chmod 600 {name}")
        })
    }
}

fn is_exposed(file: &Path, home: &Path) -> std::io::Result<bool> {
    let (file, home) = (file.canonicalize()?, home.canonicalize()?);
    let metadata = fs::metadata(&file)?;
    let is_own = metadata.is_file() && metadata.uid() == fs::metadata(&home)?.uid();
    if !is_own || !file.starts_with(&home) || metadata.permissions().mode() & 0o004 == 0 {
        return Ok(false);
    }
    // A folder that others cannot enter hides what is in it.
    for folder in file.ancestors().skip(1).take_while(|folder| folder.starts_with(&home)) {
        if fs::metadata(folder)?.permissions().mode() & 0o001 == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// An API key that fits into a header.
#[derive(Debug, Clone)]
pub struct Key(Secret);

impl Key {
    /// The key of `XAI_API_KEY`, else of the file that `XAI_API_KEY_FILE` names; `None` if neither is set.
    ///
    /// # Errors
    ///
    /// Exit status 3 if the file cannot be read, or what was found cannot be a key.
    pub fn find(source: &KeySource) -> Result<Option<Self>> {
        if let Some(value) = &source.variable
            && let Some(key) = Self::parse("XAI_API_KEY", value.reveal().as_encoded_bytes())?
        {
            return Ok(Some(key));
        }
        let Some(path) = &source.file else { return Ok(None) };
        let name = format!("XAI_API_KEY_FILE: {}", path.display());
        let failure = |message| Failure::new(ExitStatus::Key, message);
        let bytes = file::read(path, Limit::KEY_FILE).with_context(|| failure(name.clone()))?;
        match Self::parse(&name, without_bom(&bytes))? {
            Some(key) => Ok(Some(key)),
            None => Err(failure(format!("{name}: contains no key")).into()),
        }
    }

    /// The key in a file, only to mask it: nothing of a pipe, which could be read once; and the name of a file that
    /// does not exist, if it is a key that was given instead of a path.
    pub fn peek(path: &Path) -> Option<Self> {
        match fs::metadata(path) {
            Ok(found) if found.is_file() => {
                let bytes = file::read(path, Limit::KEY_FILE).ok()?;
                Self::parse("", without_bom(&bytes)).ok()?
            }
            Err(_) => {
                let name = path.to_str().filter(|name| name.starts_with(PREFIX))?;
                Some(Self(Secret::new(name.to_owned())))
            }
            Ok(_) => None,
        }
    }

    /// No key is set, and the API wants one.
    pub fn missing() -> Failure {
        let message = "no API key found: neither XAI_API_KEY nor XAI_API_KEY_FILE is set";
        Failure::new(ExitStatus::Key, message).hint("create a key at https://console.x.ai")
    }

    /// The key itself, for the request's header and for masking it.
    pub fn reveal(&self) -> &str {
        self.0.reveal()
    }

    fn parse(name: &str, bytes: &[u8]) -> Result<Option<Self>, Failure> {
        let bytes = bytes.trim_ascii();
        if bytes.is_empty() {
            return Ok(None);
        }
        let refuse =
            |why: &str| Failure::new(ExitStatus::Key, format!("{name} is malformed: {why}"));
        if bytes.len() > MAX_LEN {
            return Err(refuse("it is longer than 4096 bytes"));
        }
        let Ok(key) = str::from_utf8(bytes) else { return Err(refuse("it is not valid UTF-8")) };
        match fault(key) {
            None => Ok(Some(Self(Secret::new(key.to_owned())))),
            Some((why, None)) => Err(refuse(why)),
            Some((why, Some(hint))) => Err(refuse(why).hint(hint)),
        }
    }
}

/// What a text has that no key has, and what to do about it. It names what was typed with the key, never the key.
fn fault(key: &str) -> Option<(&'static str, Option<&'static str>)> {
    let starts_with =
        |start: &str| key.get(..start.len()).is_some_and(|found| found.eq_ignore_ascii_case(start));
    Some(match key.chars().find(|c| !matches!(c, '!' | '#'..='&' | '('..='~')) {
        _ if starts_with("export ") => ("it begins with \"export \"", Some("use only the key")),
        _ if starts_with("XAI_API_KEY=") => {
            ("it begins with \"XAI_API_KEY=\"", Some("use only the key"))
        }
        _ if starts_with("Bearer ") => {
            ("it begins with \"Bearer \"", Some("xask adds that itself"))
        }
        None => return None,
        Some('"' | '\'') => (
            "it contains a quote",
            Some("give the key without quotes; docker's --env-file keeps them"),
        ),
        Some(' ') => ("it contains a space", None),
        Some('\n' | '\r') => ("it contains a newline", Some("use only the key, on one line")),
        Some(c) if c.is_control() => ("it contains a control character", None),
        Some(_) => ("it contains a character that is not ASCII", None),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::exit_status;

    fn find(variable: Option<&str>, file: Option<&Path>) -> Result<Option<Key>> {
        let variable = variable.map(|value| Secret::new(value.into()));
        Key::find(&KeySource { variable, file: file.map(Path::to_owned) })
    }

    #[test]
    fn characters_around_a_key_are_named_and_the_key_is_not() {
        for (given, why) in [
            ("\"xai-abc\"", "it contains a quote"),
            ("xai-a'bc", "it contains a quote"),
            ("xai-a bc", "it contains a space"),
            ("Bearer xai-abc", "it begins with \"Bearer \""),
            ("bearer xai-abc", "it begins with \"Bearer \""),
            ("XAI_API_KEY=xai-abc", "it begins with \"XAI_API_KEY=\""),
            ("XAI_API_KEY=\"xai-abc\"", "it begins with \"XAI_API_KEY=\""),
            ("export XAI_API_KEY=xai-abc", "it begins with \"export \""),
            ("xai-a\nbc", "it contains a newline"),
            ("xai-a\r\nbc", "it contains a newline"),
            ("xai-a\tbc", "it contains a control character"),
            ("xai-a\u{7f}bc", "it contains a control character"),
            ("xai-a\u{85}bc", "it contains a control character"),
            ("xai-a\u{e9}bc", "it contains a character that is not ASCII"),
            ("\u{201c}xai-abc\u{201d}", "it contains a character that is not ASCII"),
        ] {
            let error = find(Some(given), None).expect_err(given);
            assert_eq!(error.to_string(), format!("XAI_API_KEY is malformed: {why}"));
            assert_eq!(exit_status(&error), ExitStatus::Key, "{given}");
        }
    }

    #[test]
    fn every_printable_character_of_ascii_but_quotes_may_be_in_a_key() {
        let every: String = ('!'..='~').filter(|c| !matches!(c, '"' | '\'')).collect();
        for given in [&*every, "bearer", "export", "Zm9v==", "A=b", "k", &"k".repeat(4096)] {
            let key = find(Some(&format!(" {given}\n")), None).expect(given);
            assert_eq!(key.expect("a key").reveal(), given);
        }
        assert!(find(Some(&"k".repeat(4097)), None).is_err());
        assert!(find(Some(" \n"), None).expect("nothing").is_none());
    }

    #[test]
    fn a_key_file_may_begin_with_a_byte_order_mark_and_is_read_up_to_a_limit() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        fs::write(&path, "\u{feff}xai-abc\r\n").expect("it is written");
        assert_eq!(find(None, Some(&path)).expect("a key").expect("a key").reveal(), "xai-abc");
        assert_eq!(Key::peek(&path).expect("a key").reveal(), "xai-abc");
        fs::write(&path, " ".repeat(64 * 1024) + "k").expect("it is written");
        for (file, why) in [
            (path.as_path(), "larger than 64 KiB, the limit for a key file"),
            (Path::new("/dev/zero"), "neither a regular file nor a pipe"),
        ] {
            let error = find(None, Some(file)).expect_err("no key");
            let expected = format!("XAI_API_KEY_FILE: {}: {why}", file.display());
            assert_eq!((format!("{error:#}"), exit_status(&error)), (expected, ExitStatus::Key));
            assert!(Key::peek(file).is_none());
        }
    }

    #[test]
    fn a_file_of_the_user_gets_a_note_if_others_can_read_it() {
        let home = tempfile::tempdir().expect("a folder");
        let (folder, path) = (home.path().join("keys"), home.path().join("keys/xai"));
        fs::create_dir(&folder).expect("a folder");
        fs::write(&path, "xai-abc").expect("it is written");
        let set_mode = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
        };
        let note = |variable: Option<&str>, home: &Path| {
            let variable = variable.map(|value| Secret::new(value.into()));
            KeySource { variable, file: Some(path.clone()) }.exposure_note(home)
        };
        for (home_mode, folder_mode, mode, expected) in [
            (0o755, 0o755, 0o644, true),
            (0o711, 0o701, 0o444, true),
            (0o755, 0o755, 0o600, false),
            (0o755, 0o755, 0o640, false),
            (0o700, 0o755, 0o644, false),
            (0o755, 0o750, 0o644, false),
        ] {
            set_mode(home.path(), home_mode);
            set_mode(&folder, folder_mode);
            set_mode(&path, mode);
            assert_eq!(
                note(None, home.path()).is_some(),
                expected,
                "{home_mode:o} {folder_mode:o} {mode:o}"
            );
            set_mode(&path, 0o600);
        }
        set_mode(home.path(), 0o755);
        set_mode(&folder, 0o755);
        set_mode(&path, 0o644);
        let name = path.display();
        let expected =
            format!("other users can read the key in {name}; to change that: chmod 600 {name}");
        assert_eq!(note(Some(" "), home.path()), Some(expected));
        assert_eq!(note(Some("xai-abc"), home.path()), None, "the file is not used");
        let elsewhere = tempfile::tempdir().expect("a folder");
        assert_eq!(note(None, elsewhere.path()), None, "it is not below the home folder");
        assert_eq!(note(None, Path::new("/nowhere")), None);
    }
}
