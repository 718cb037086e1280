//! What a file is, by its first bytes.

use crate::message::ImageFormat;

/// PNG or JPEG.
pub fn sniff(head: &[u8]) -> Option<ImageFormat> {
    match head {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(ImageFormat::Png),
        [0xff, 0xd8, 0xff, ..] => Some(ImageFormat::Jpeg),
        _ => None,
    }
}

/// What a thing is called that is neither PNG nor JPEG.
pub fn describe_unsupported(head: &[u8]) -> &'static str {
    damaged(head).or_else(|| image_kind(head)).unwrap_or_else(|| text_kind(head))
}

fn image_kind(head: &[u8]) -> Option<&'static str> {
    Some(match head {
        [b'G', b'I', b'F', b'8', ..] => "a GIF",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "a WebP",
        [_, _, _, _, b'f', b't', b'y', b'p', b'h' | b'm', b'e' | b'i', b'i' | b'v' | b'f', ..] => {
            "a HEIC"
        }
        [_, _, _, _, b'f', b't', b'y', b'p', b'a', b'v', b'i', ..] => "an AVIF",
        [b'B', b'M', ..] if head.len() > 14 => "a BMP",
        [b'I', b'I', b'*' | b'+', 0, ..] | [b'M', b'M', 0, b'*' | b'+', ..] => "a TIFF",
        [b'%', b'P', b'D', b'F', b'-', ..] => "a PDF",
        [b'%', b'!', b'P', b'S', ..] => "PostScript",
        // A directory of at least one image (ICO) or cursor (CUR).
        [0, 0, 1 | 2, 0, 1..=255, 0, ..] => "an ICO",
        [b'8', b'B', b'P', b'S', ..] => "a PSD",
        // The container, or the bare codestream.
        [0, 0, 0, 12, b'j', b'P', b' ', b' ', ..] | [0xff, 0x4f, 0xff, 0x51, ..] => "a JPEG 2000",
        [0, 0, 0, 12, b'J', b'X', b'L', b' ', ..] | [0xff, 0x0a, ..] => "a JPEG XL",
        [b'P', b'1'..=b'6', b' ' | b'\t' | b'\r' | b'\n', b'0'..=b'9' | b'#', ..]
        | [b'P', b'7', b'\n', b'W' | b'#', ..] => "a PNM",
        _ => return None,
    })
}

/// An image whose first bytes were changed on the way: line feeds or 8-bit characters converted, as FTP, git
/// and shells do with what they take for text.
fn damaged(head: &[u8]) -> Option<&'static str> {
    /// U+FFFD in UTF-8, which takes the place of what is not UTF-8.
    const REPLACED: &[u8] = "\u{fffd}".as_bytes();
    let png = [&[0x89][..], &[0x09], "\u{89}".as_bytes(), REPLACED];
    let is_png =
        |first: &&[u8]| head.strip_prefix(*first).is_some_and(|rest| rest.starts_with(b"PNG"));
    if sniff(head).is_none() && png.iter().any(is_png) {
        return Some("a PNG damaged by text conversion");
    }
    let is_jpeg =
        head.starts_with("\u{ff}\u{d8}\u{ff}".as_bytes()) || head.starts_with(&REPLACED.repeat(3));
    is_jpeg.then_some("a JPEG damaged by text conversion")
}

fn text_kind(head: &[u8]) -> &'static str {
    // The head may end within a character.
    let text = match str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
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
    fn a_file_is_recognized_by_its_first_bytes() {
        for (head, expected) in [
            (&b"GIF89a\x01\0"[..], "a GIF"),
            (b"RIFF\x10\0\0\0WEBPVP8 ", "a WebP"),
            (b"\0\0\0\x18ftypheic\0\0\0\0", "a HEIC"),
            (b"\0\0\0\x18ftypmif1\0\0\0\0", "a HEIC"),
            (b"\0\0\0\x18ftypavif\0\0\0\0", "an AVIF"),
            (b"II*\0\x08\0\0\0", "a TIFF"),
            (b"%PDF-1.7", "a PDF"),
            (b"%!PS-Adobe-3.0 EPSF-3.0", "PostScript"),
            (b"\0\0\x01\0\x02\0\x10\x10", "an ICO"),
            (b"8BPS\0\x01", "a PSD"),
            (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000"),
            (b"\xff\x4f\xff\x51\0\x2f", "a JPEG 2000"),
            (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL"),
            (b"\xff\x0a\x7f", "a JPEG XL"),
            (b"P6\n640 480\n255\n", "a PNM"),
            (b"P5 # made by hand", "a PNM"),
            (b"P7\nWIDTH 2", "a PNM"),
            (b"P1 is broken", "text, not an image"),
            (b"<?xml version=\"1.0\"?>\n<svg xmlns=", "an SVG"),
            (b"hello", "text, not an image"),
            (b"caf\xc3", "text, not an image"),
            (b"\x89PN", "not an image"),
            (b"\0\x01\x02", "not an image"),
        ] {
            assert_eq!(describe_unsupported(head), expected, "{head:?}");
            assert_eq!(sniff(head), None, "{head:?}");
        }
        assert_eq!(sniff(b"\x89PNG\r\n\x1a\n"), Some(ImageFormat::Png));
        assert_eq!(sniff(b"\xff\xd8\xff\xe0"), Some(ImageFormat::Jpeg));
        assert_eq!(sniff(b"\xff\xd8"), None);
    }

    #[test]
    fn an_image_that_was_converted_as_text_is_named_as_such() {
        for head in [
            &b"\x89PNG\n\x1a\n\0\0\0\rIHDR"[..],
            b"\x89PNG\r\r\n\x1a\r\n\0\0\0\r\nIHDR",
            b"\x09PNG\r\n\x1a\n",
            b"\xc2\x89PNG\r\n\x1a\n",
            b"\xef\xbf\xbdPNG\r\n\x1a\n",
        ] {
            let expected = "a PNG damaged by text conversion";
            assert_eq!(describe_unsupported(head), expected, "{head:?}");
        }
        for head in [
            &b"\xc3\xbf\xc3\x98\xc3\xbf\xc3\xa0"[..],
            b"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd",
        ] {
            let expected = "a JPEG damaged by text conversion";
            assert_eq!(describe_unsupported(head), expected, "{head:?}");
        }
    }
}
