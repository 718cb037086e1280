//! `--names`: what each input is called in the prompt.

use std::ffi::OsStr;
use std::path::Path;

use super::image;

/// Names the inputs of one prompt, in their order.
#[derive(Debug)]
pub struct Names {
    enabled: bool,
    files: usize,
    images: usize,
}

impl Names {
    /// Names for `--names`, or none.
    pub fn new(enabled: bool) -> Self {
        Self { enabled, files: 0, images: 0 }
    }

    /// The name of the next text.
    pub fn next_file(&mut self, path: &Path) -> Option<String> {
        self.files += 1;
        let number = self.files;
        self.enabled.then(|| typed(path).unwrap_or_else(|| format!("file {number}")))
    }

    /// The name of the next image, by its argument.
    pub fn next_image(&mut self, argument: &OsStr) -> Option<String> {
        self.images += 1;
        let number = self.images;
        let path = Some(Path::new(argument)).filter(|_| image::has_name(argument));
        self.enabled.then(|| path.and_then(typed).unwrap_or_else(|| format!("image {number}")))
    }
}

/// A path as it was typed, unless it only says through which descriptor something comes.
fn typed(path: &Path) -> Option<String> {
    let is_named =
        path != Path::new("-") && !["/dev", "/proc"].iter().any(|folder| path.starts_with(folder));
    is_named.then(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_is_named_as_typed_or_by_its_number() {
        let mut names = Names::new(true);
        for (path, expected) in [
            ("notes.txt", "notes.txt"),
            ("-", "file 2"),
            ("../a b.txt", "../a b.txt"),
            ("/dev/fd/63", "file 4"),
            ("/proc/self/status", "file 5"),
            ("/development/x", "/development/x"),
        ] {
            assert_eq!(names.next_file(Path::new(path)).as_deref(), Some(expected));
        }
        for (argument, expected) in [
            ("a.png", "a.png"),
            ("-", "image 2"),
            ("https://example.org/a.png", "https://example.org/a.png"),
            ("DATA:image/png;base64,AA==", "image 4"),
            ("/dev/fd/63", "image 5"),
        ] {
            assert_eq!(names.next_image(OsStr::new(argument)).as_deref(), Some(expected));
        }
        assert_eq!(Names::new(false).next_file(Path::new("a.txt")), None);
    }
}
