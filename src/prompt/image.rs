//! Images: told by their first bytes, refused by name and reason before anything is sent.
//!
//! Nothing is decoded, re-encoded or kept, but for the bytes of a pipe, which cannot be read twice.

use std::ffi::OsStr;
use std::fs::{self, File, FileType};
use std::io::Read;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use anyhow::{Context, Result};

use super::stdin::Stdin;
use crate::error::Failure;
use crate::message::{FileStamp, ImageFile, ImageFormat, ImageSource};

/// The largest image the service takes, in bytes, inclusive (xAI guide: 20 MiB).
const MAX_BYTES: u64 = 20 * 1024 * 1024;

/// How many of the first bytes tell what a file is.
const HEAD_BYTES: usize = 256;

/// What the service takes, for the end of a refusal.
const ACCEPTED: &str = "xAI takes PNG and JPEG";

/// The image that an argument of `--image` names: an address, `-`, or a path.
///
/// # Errors
///
/// A usage failure that says by name what it is instead of a PNG or JPEG of the right size.
pub fn source(argument: &OsStr, stdin: &mut Stdin) -> Result<ImageSource> {
    match argument.to_str() {
        Some("-") => from_stdin(stdin),
        Some(url) if has_scheme(url, "http://") || has_scheme(url, "https://") => {
            Ok(ImageSource::Address(url.to_owned()))
        }
        Some(url) if has_scheme(url, "data:") => data_url(url),
        _ => from_path(Path::new(argument)),
    }
}

/// PNG or JPEG, by the first bytes.
pub fn format(head: &[u8]) -> Option<ImageFormat> {
    match head {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(ImageFormat::Png),
        [0xff, 0xd8, 0xff, ..] => Some(ImageFormat::Jpeg),
        _ => None,
    }
}

fn has_scheme(url: &str, scheme: &str) -> bool {
    url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
}

fn data_url(url: &str) -> Result<ImageSource> {
    let (media, data) = url["data:".len()..].split_once(',').unwrap_or_default();
    let media = media.to_ascii_lowercase();
    let is_image =
        ["image/png;base64", "image/jpeg;base64", "image/jpg;base64"].contains(&media.as_str());
    if !is_image || data.is_empty() {
        let why = "not a base64 image/png or image/jpeg";
        return Err(Failure::usage(format!("--image data:{media}…: {why}; {ACCEPTED}")).into());
    }
    Ok(ImageSource::Address(url.to_owned()))
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
    let format = check_bytes(&name, &head)?;
    if found.len() > MAX_BYTES {
        return Err(too_large(&name, &found.len().to_string()));
    }
    Ok(ImageSource::File(ImageFile { path: path.to_owned(), format, stamp: FileStamp::of(&found) }))
}

fn from_bytes(name: &str, bytes: Vec<u8>) -> Result<ImageSource> {
    let head = &bytes[..bytes.len().min(HEAD_BYTES)];
    let format = check_bytes(name, head)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(too_large(name, &format!("over {MAX_BYTES}")));
    }
    Ok(ImageSource::Bytes { format, bytes })
}

fn unreadable(path: &Path, name: &str) -> Failure {
    let failure = Failure::usage(name);
    if name.contains("://") {
        return failure.hint("addresses begin with http://, https:// or data:");
    }
    match fs::symlink_metadata(path) {
        Ok(link) if link.is_symlink() => failure.hint("it is a symbolic link that leads nowhere"),
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

fn check_bytes(name: &str, head: &[u8]) -> Result<ImageFormat> {
    if head.is_empty() {
        return Err(Failure::usage(format!("{name} is empty; {ACCEPTED}")).into());
    }
    format(head)
        .ok_or_else(|| Failure::usage(format!("{name} is {}; {ACCEPTED}", kind(head))).into())
}

fn too_large(name: &str, size: &str) -> anyhow::Error {
    let what = format!("{name} has {size} bytes; xAI takes at most {MAX_BYTES} (20 MiB) an image");
    Failure::usage(what).into()
}

/// What something is that is neither PNG nor JPEG, by its first bytes.
fn kind(head: &[u8]) -> &'static str {
    match head {
        [b'G', b'I', b'F', b'8', ..] => "a GIF",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "a WebP",
        [_, _, _, _, b'f', b't', b'y', b'p', b'h' | b'm', b'e' | b'i', b'i' | b'v' | b'f', ..] => {
            "a HEIC"
        }
        [_, _, _, _, b'f', b't', b'y', b'p', b'a', b'v', b'i', ..] => "an AVIF",
        [b'B', b'M', ..] if head.len() > 14 => "a BMP",
        [b'I', b'I', b'*', 0, ..] | [b'M', b'M', 0, b'*', ..] => "a TIFF",
        [b'%', b'P', b'D', b'F', b'-', ..] => "a PDF",
        _ => text_kind(head),
    }
}

fn text_kind(head: &[u8]) -> &'static str {
    // The head may end within a character.
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return "not an image",
    };
    if text.contains("<svg") {
        "an SVG"
    } else if text.chars().any(|c| c.is_control() && !c.is_whitespace()) {
        "not an image"
    } else {
        "text, not an image"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_told_by_its_first_bytes() {
        for (head, expected) in [
            (&b"GIF89a\x01\0"[..], "a GIF"),
            (b"RIFF\x10\0\0\0WEBPVP8 ", "a WebP"),
            (b"\0\0\0\x18ftypheic\0\0\0\0", "a HEIC"),
            (b"\0\0\0\x18ftypmif1\0\0\0\0", "a HEIC"),
            (b"\0\0\0\x18ftypavif\0\0\0\0", "an AVIF"),
            (b"II*\0\x08\0\0\0", "a TIFF"),
            (b"%PDF-1.7", "a PDF"),
            (b"<?xml version=\"1.0\"?>\n<svg xmlns=", "an SVG"),
            (b"hello", "text, not an image"),
            (b"caf\xc3", "text, not an image"),
            (b"\x89PN", "not an image"),
            (b"\0\x01\x02", "not an image"),
        ] {
            assert_eq!(kind(head), expected, "{head:?}");
            assert_eq!(format(head), None, "{head:?}");
        }
        assert_eq!(format(b"\x89PNG\r\n\x1a\n"), Some(ImageFormat::Png));
        assert_eq!(format(b"\xff\xd8\xff\xe0"), Some(ImageFormat::Jpeg));
        assert_eq!(format(b"\xff\xd8"), None);
    }

    #[test]
    fn a_data_url_must_be_a_base64_png_or_jpeg() {
        for (url, valid) in [
            ("data:image/png;base64,iVBORw0KGgo=", true),
            ("DATA:image/JPEG;base64,/9j/", true),
            ("data:image/gif;base64,R0lGODlh", false),
            ("data:image/png,rawbytes", false),
            ("data:image/png;base64,", false),
            ("data:", false),
        ] {
            assert_eq!(data_url(url).is_ok(), valid, "{url}");
        }
    }
}
