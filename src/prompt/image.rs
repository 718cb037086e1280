//! Images: detected by their first bytes; other formats are rejected before anything is sent, with an error that names the format.
//!
//! Nothing is decoded, re-encoded or kept, but for the bytes of a pipe, which cannot be read twice.

use std::ffi::OsStr;
use std::fs::{self, File, FileType};
use std::io::Read;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::sniff::{describe_unsupported, sniff};
use super::stdin::Stdin;
use crate::error::Failure;
use crate::message::{FileIdentity, ImageFile, ImageFormat, ImageSource};

/// The largest image the API takes, in bytes, inclusive (xAI guide: 20 MiB).
const MAX_BYTES: u64 = 20 * 1024 * 1024;

/// How many of the first bytes tell what a file is.
const HEAD_BYTES: usize = 256;

/// How much of a `data:` URL is shown in a message, in characters: its type.
const MAX_SHOWN: usize = 60;

/// What the API takes, for the end of a refusal.
const ACCEPTED: &str = "xAI accepts PNG and JPEG";

/// The image that an argument of `--image` names: a URL, `-`, or a path.
///
/// A usage failure says by name what it is instead of a PNG or JPEG of the right size.
pub fn load(argument: &OsStr, stdin: &mut Stdin) -> Result<ImageSource> {
    match argument.to_str() {
        Some("-") => from_stdin(stdin),
        Some(url) if has_scheme(url, "http://") || has_scheme(url, "https://") => {
            Ok(ImageSource::Url(url.to_owned()))
        }
        Some(url) if has_scheme(url, "data:") => data_url(url),
        _ => from_path(Path::new(argument)),
    }
}

/// Whether an argument of `--image` is a name for the image: not standard input, nor the image itself.
pub fn has_name(argument: &OsStr) -> bool {
    argument.to_str().is_none_or(|text| text != "-" && !has_scheme(text, "data:"))
}

fn has_scheme(url: &str, scheme: &str) -> bool {
    url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
}

/// A URL that holds the image itself: checked as a file would be, and sent as given.
fn data_url(url: &str) -> Result<ImageSource> {
    let (media, data) = url["data:".len()..].split_once(',').unwrap_or_default();
    let media = media.to_ascii_lowercase();
    let beginning: String = media.chars().take(MAX_SHOWN).collect();
    let name = format!("--image data:{beginning}…");
    let refuse = |why: &str| Err(Failure::usage(format!("{name}: {why}; {ACCEPTED}")).into());
    // Between the type and the encoding, there may be parameters (RFC 2397).
    let kind = media.strip_suffix(";base64").and_then(|media| media.split(';').next());
    let declared = match kind {
        Some("image/png") => ImageFormat::Png,
        Some("image/jpeg" | "image/jpg") => ImageFormat::Jpeg,
        _ => return refuse("not a base64 image/png or image/jpeg"),
    };
    if data.contains(|c: char| c.is_ascii_whitespace()) {
        return refuse("its base64 contains white space");
    }
    let Ok(bytes) = STANDARD.decode(data) else { return refuse("its base64 is not valid") };
    let format = check_whole(&name, &bytes)?;
    if format != declared {
        return refuse(&format!("it contains {}", format.media_type()));
    }
    Ok(ImageSource::Url(url.to_owned()))
}

fn from_stdin(stdin: &mut Stdin) -> Result<ImageSource> {
    if Stdin::is_terminal() {
        return Err(Failure::usage("--image -: standard input is a terminal").into());
    }
    let mut bytes = Vec::new();
    stdin.read_at_most(MAX_BYTES + 1, &mut bytes)?;
    from_bytes("standard input", bytes)
}

fn from_path(path: &Path) -> Result<ImageSource> {
    let name = path.display().to_string();
    // Looked at before it is opened: to open a device can have effects, and a pipe may wait.
    let found = fs::metadata(path).with_context(|| unreadable(path, &name))?;
    check_type(&name, found.file_type())?;
    let mut file = File::open(path).with_context(|| unreadable(path, &name))?;
    let found = file.metadata().with_context(|| unreadable(path, &name))?;
    if found.file_type().is_fifo() {
        let mut bytes = Vec::new();
        file.take(MAX_BYTES + 1)
            .read_to_end(&mut bytes)
            .with_context(|| unreadable(path, &name))?;
        return from_bytes(&name, bytes);
    }
    let mut head = Vec::with_capacity(HEAD_BYTES);
    file.by_ref()
        .take(HEAD_BYTES as u64)
        .read_to_end(&mut head)
        .with_context(|| unreadable(path, &name))?;
    let format = check_head(&name, &head)?;
    if found.len() > MAX_BYTES {
        return Err(too_large(&name, &found.len().to_string()));
    }
    Ok(ImageSource::File(ImageFile {
        path: path.to_owned(),
        format,
        identity: FileIdentity::of(&found),
    }))
}

fn from_bytes(name: &str, bytes: Vec<u8>) -> Result<ImageSource> {
    Ok(ImageSource::Bytes { format: check_whole(name, &bytes)?, bytes })
}

/// The format of an image in memory, perhaps without what is beyond the limit.
fn check_whole(name: &str, bytes: &[u8]) -> Result<ImageFormat> {
    let format = check_head(name, &bytes[..bytes.len().min(HEAD_BYTES)])?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(too_large(name, &format!("more than {MAX_BYTES}")));
    }
    Ok(format)
}

fn unreadable(path: &Path, name: &str) -> Failure {
    let failure = Failure::usage(name);
    if name.contains("://") {
        return failure.hint("URLs must begin with http://, https:// or data:");
    }
    match fs::symlink_metadata(path) {
        Ok(link) if link.is_symlink() => failure.hint("it is a broken symbolic link"),
        _ => failure,
    }
}

/// Only what can be read from its beginning to its end is an image file.
fn check_type(name: &str, file_type: FileType) -> Result<()> {
    let what = if file_type.is_file() || file_type.is_fifo() {
        return Ok(());
    } else if file_type.is_dir() {
        "a directory"
    } else if file_type.is_socket() {
        "a socket"
    } else {
        "a device"
    };
    Err(Failure::usage(format!("{name} is {what}, not an image; {ACCEPTED}")).into())
}

fn check_head(name: &str, head: &[u8]) -> Result<ImageFormat> {
    if head.is_empty() {
        return Err(Failure::usage(format!("{name} is empty; {ACCEPTED}")).into());
    }
    sniff(head).ok_or_else(|| {
        Failure::usage(format!("{name} is {}; {ACCEPTED}", describe_unsupported(head))).into()
    })
}

fn too_large(name: &str, size: &str) -> anyhow::Error {
    let what =
        format!("{name} has {size} bytes; xAI accepts at most {MAX_BYTES} (20 MiB) per image");
    Failure::usage(what).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_url_is_checked_as_a_file_is() {
        let png = "iVBORw0KGgo=";
        let jpeg = "/9j/4A==";
        let large = STANDARD.encode([b"\x89PNG\r\n\x1a\n".as_slice(), &vec![0; 20 << 20]].concat());
        for (url, expected) in [
            (format!("data:image/png;base64,{png}"), None),
            (format!("DATA:image/JPEG;base64,{jpeg}"), None),
            (format!("data:image/jpg;base64,{jpeg}"), None),
            (format!("data:image/png;charset=utf-8;name=a.png;base64,{png}"), None),
            (format!("data:image/png;charset=utf-8,{png}"), Some("not a base64 image/png")),
            (format!("data:{},{png}", "a".repeat(100_000)), Some("not a base64 image/png")),
            (format!("data:image/png;base64,{jpeg}"), Some("it contains image/jpeg")),
            (format!("data:image/jpeg;base64,{png}"), Some("it contains image/png")),
            ("data:image/png;base64,iVBORw0K\nGgo=".to_owned(), Some("contains white space")),
            (format!("data:image/png;base64,{png} "), Some("contains white space")),
            ("data:image/png;base64,iVBORw0KGgo".to_owned(), Some("its base64 is not valid")),
            ("data:image/png;base64,iVBORw0KGgo%3D".to_owned(), Some("its base64 is not valid")),
            ("data:image/jpeg;base64,_9j_4A==".to_owned(), Some("its base64 is not valid")),
            ("data:image/png;base64,R0lGODlh".to_owned(), Some("is a GIF")),
            ("data:image/png;base64,".to_owned(), Some("is empty")),
            (format!("data:image/png;base64,{large}"), Some("has more than 20971520 bytes")),
            ("data:image/gif;base64,R0lGODlh".to_owned(), Some("not a base64 image/png")),
            ("data:image/png,rawbytes".to_owned(), Some("not a base64 image/png")),
            ("data:".to_owned(), Some("not a base64 image/png")),
        ] {
            let start = &url[..url.len().min(60)];
            match (data_url(&url), expected) {
                (Ok(source), None) => assert_eq!(source, ImageSource::Url(url), "as given"),
                (Err(error), Some(expected)) => {
                    let error = error.to_string();
                    assert!(error.contains(expected) && error.len() < 200, "{start}: {error}");
                }
                (had, _) => panic!("{start}: {had:?}"),
            }
        }
    }
}
