//! A shell's pattern after `--image` or `--file`: only its first file is the flag's value.
//!
//! `-i *.png` becomes `-i a.png b.png c.png`, where `b.png` and `c.png` are words. Sent as such, they would
//! be paid for without having been seen.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::Result;

use super::PromptPart;
use super::sniff::sniff;
use crate::error::Failure;

/// A usage failure where the word after the value of `--image` names an image, or after that of `--file` a
/// regular file.
pub fn check(parts: &[PromptPart]) -> Result<()> {
    for (index, part) in parts.iter().enumerate() {
        let (flag, kind, is_meant): (_, _, fn(&Path) -> bool) = match part {
            PromptPart::Image(_) => ("-i", "an image", is_image),
            PromptPart::File(_) => ("-f", "a file", Path::is_file),
            PromptPart::Stdin | PromptPart::Word { .. } => continue,
        };
        let Some(PromptPart::Word { text, follows_input: true }) = parts.get(index + 1) else {
            continue;
        };
        if is_meant(Path::new(text)) {
            let what = format!("{} names {kind}, but is given as text", text.display());
            let hint = format!(
                "{flag} takes one file: repeat it for each ({flag} FILE {flag} FILE), and put text after --"
            );
            return Err(Failure::usage(what).hint(hint).into());
        }
    }
    Ok(())
}

/// Whether a path is that of a PNG or JPEG file.
fn is_image(path: &Path) -> bool {
    let mut head = Vec::new();
    // A pipe is not opened: it would be waited for.
    path.is_file()
        && File::open(path).is_ok_and(|file| file.take(8).read_to_end(&mut head).is_ok())
        && sniff(&head).is_some()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::fs;

    use super::*;
    use crate::error::failure;

    fn word(text: impl AsRef<OsStr>) -> PromptPart {
        PromptPart::Word { text: text.as_ref().to_owned(), follows_input: true }
    }

    #[test]
    fn further_files_of_a_pattern_are_not_words() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        fs::write(path("b.png"), b"\x89PNG\r\n\x1a\n").expect("it is written");
        fs::write(path("c.jpg"), b"\xff\xd8\xff\xe0").expect("it is written");
        fs::write(path("d.txt"), b"text").expect("it is written");
        let [b, c, d] = ["b.png", "c.jpg", "d.txt"].map(|name| word(path(name)));
        let folder_word = word(folder.path());
        let image = || PromptPart::Image("a.png".into());
        let file = || PromptPart::File("a.txt".into());
        let apart = PromptPart::Word { text: path("b.png").into(), follows_input: false };
        for (parts, expected) in [
            (vec![image(), b.clone()], Some("b.png names an image, but is given as text")),
            (
                vec![image(), b.clone(), c.clone()],
                Some("b.png names an image, but is given as text"),
            ),
            (vec![image(), b.clone(), word("?"), c.clone()], Some("given as text")),
            (vec![word("x"), image(), c.clone()], Some("c.jpg names an image")),
            (vec![file(), d.clone(), b.clone()], Some("d.txt names a file, but is given as text")),
            (vec![PromptPart::File("-".into()), d.clone()], Some("d.txt names a file")),
            (vec![image(), word("?"), b.clone()], None),
            (vec![image(), d.clone()], None),
            (vec![image(), apart.clone()], None),
            (vec![file(), folder_word], None),
            (vec![file(), word("missing.txt"), word("")], None),
            (vec![PromptPart::Stdin, d], None),
            (vec![b, image()], None),
        ] {
            let had = check(&parts).err().map(|error| {
                let hint = failure(&error).and_then(|failure| failure.hint.clone());
                assert!(hint.is_some_and(|hint| hint.contains("after --")), "{error}");
                error.to_string()
            });
            match (&had, expected) {
                (None, None) => {}
                (Some(had), Some(expected)) => assert!(had.contains(expected), "{had}"),
                _ => panic!("{parts:?}: {had:?}"),
            }
        }
    }
}
