//! Files that are read whole before the request, and how large an input may be.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// How large an input may be: far more than it needs, but less than what takes all memory where it has no end.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// The largest size in bytes, inclusive; whole KiB.
    pub bytes: u64,
    /// What it is the limit of, for messages.
    of: &'static str,
}

impl Limit {
    /// A file with the key.
    pub const KEY_FILE: Self = Self { bytes: 64 * KIB, of: "a key file" };
    /// A `--header` file.
    pub const HEADER_FILE: Self = Self { bytes: 64 * KIB, of: "a header file" };
    /// A file of certificates. A system's bundle has a quarter of a MiB.
    pub const CERTIFICATES: Self = Self { bytes: 16 * MIB, of: "certificates" };
    /// A file of `--schema`.
    pub const SCHEMA: Self = Self { bytes: 4 * MIB, of: "a schema" };
    /// A file of `--messages`.
    pub const MESSAGES: Self = Self { bytes: 256 * MIB, of: "--messages" };
    /// A file of `--conversation`.
    pub const CONVERSATION: Self = Self { bytes: 256 * MIB, of: "a conversation" };
    /// All texts of a prompt together.
    pub const TEXTS: Self = Self { bytes: 256 * MIB, of: "all texts of a prompt" };

    /// What is wrong with an input that is larger.
    pub fn exceeded(self) -> String {
        let Self { bytes, of } = self;
        match (bytes / KIB, bytes / MIB) {
            (kib, 0) => format!("larger than {kib} KiB, the limit for {of}"),
            (_, mib) => format!("larger than {mib} MiB, the limit for {of}"),
        }
    }
}

/// The bytes of a regular file or a pipe. Devices can have no end, and a terminal would be waited for.
///
/// # Errors
///
/// Why it cannot be read, also where it is larger than its limit.
pub fn read(path: &Path, limit: Limit) -> io::Result<Vec<u8>> {
    let metadata = fs::metadata(path)?;
    let kind = metadata.file_type();
    if kind.is_char_device() || kind.is_block_device() || kind.is_socket() {
        return Err(io::Error::other("neither a regular file nor a pipe"));
    }
    let mut file = File::open(path)?;
    // All of a regular file at once: `Take` begins with a few bytes, and doubles.
    let expected = metadata.len().min(limit.bytes + 1);
    let mut bytes = vec![0; usize::try_from(expected).unwrap_or_default()];
    let len = file.read(&mut bytes)?;
    bytes.truncate(len);
    file.take(limit.bytes + 1 - len as u64).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit.bytes {
        return Err(io::Error::other(limit.exceeded()));
    }
    Ok(bytes)
}

/// A text file's bytes without the byte order mark that some editors put before UTF-8.
pub fn without_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_limit() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        let limit = Limit { bytes: 2 * KIB, of: "a test" };
        for (len, fits) in [(0, true), (2048, true), (2049, false)] {
            fs::write(&path, vec![b' '; len]).expect("it is written");
            let read = read(&path, limit).map_err(|error| error.to_string());
            let expected =
                if fits { Ok(len) } else { Err("larger than 2 KiB, the limit for a test") };
            assert_eq!(read.as_ref().map(Vec::len).map_err(String::as_str), expected, "{len}");
        }
        assert_eq!(
            Limit::CERTIFICATES.exceeded(),
            "larger than 16 MiB, the limit for certificates"
        );
    }

    #[test]
    fn a_device_is_refused_and_not_read() {
        for path in ["/dev/zero", "/dev/null"] {
            let error = read(Path::new(path), Limit::KEY_FILE).expect_err("a device");
            assert_eq!(error.to_string(), "neither a regular file nor a pipe", "{path}");
        }
    }
}
