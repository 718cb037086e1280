//! The content of the user's message.

use std::ffi::OsString;
use std::iter::Peekable;
use std::path::Path;

use anyhow::Result;

use super::joiner::TextJoiner;
use super::names::Names;
use super::stdin::Stdin;
use super::text::{self, TextReader};
use super::{PromptPart, PromptSource, image};
use crate::error::Failure;
use crate::message::{ContentPart, Detail, Image};

/// Standard input, as `--file` names it.
const STDIN: &str = "-";

/// Reads the parts in their order; standard input where nothing else gives a text.
///
/// A usage failure for an input that cannot be used, and where there is neither a text nor an image.
pub fn read(
    source: &PromptSource,
    reader: &mut TextReader,
    stdin: &mut Stdin,
) -> Result<Vec<ContentPart>> {
    let mut content = Content {
        reader,
        stdin,
        names: Names::new(source.names),
        texts: TextJoiner::default(),
        parts: Vec::new(),
        has_text: false,
    };
    let mut details = source.details.iter().copied().cycle();
    let mut parts = source.parts.iter().peekable();
    while let Some(part) = parts.next() {
        match part {
            PromptPart::Word { text, .. } => content.add_words(text, &mut parts)?,
            PromptPart::Stdin => content.add_text(Path::new(STDIN), true)?,
            PromptPart::File(path) => content.add_text(path, true)?,
            PromptPart::Image(argument) => content.add_image(argument, details.next())?,
        }
    }
    let names_text = source.parts.iter().any(|part| !matches!(part, PromptPart::Image(_)));
    let from_stdin = !names_text && !source.stdin_is_key && content.stdin.may_read_implicitly();
    if from_stdin {
        content.add_text(Path::new(STDIN), false)?;
    }
    content.finish(names_text || from_stdin)
}

/// The content as far as it has been read.
struct Content<'a> {
    reader: &'a mut TextReader,
    stdin: &'a mut Stdin,
    names: Names,
    /// What stands behind the last image.
    texts: TextJoiner,
    parts: Vec<ContentPart>,
    /// Whether an input holds more than white space; its name does not count.
    has_text: bool,
}

impl Content<'_> {
    /// Adds a word and those right behind it, joined by spaces.
    fn add_words<'a>(
        &mut self,
        word: &OsString,
        parts: &mut Peekable<impl Iterator<Item = &'a PromptPart>>,
    ) -> Result<()> {
        let mut words = text::argument("the prompt", word)?;
        while let Some(PromptPart::Word { text, .. }) =
            parts.next_if(|part| matches!(part, PromptPart::Word { .. }))
        {
            words.push(' ');
            words.push_str(&text::argument("the prompt", text)?);
        }
        self.has_text |= !words.trim().is_empty();
        self.texts.add(&words);
        Ok(())
    }

    /// Adds a file, or standard input, which may be blank where it was not named.
    fn add_text(&mut self, path: &Path, is_named: bool) -> Result<()> {
        let name = self.names.next_file(path);
        let Self { reader, stdin, texts, has_text, .. } = self;
        texts.add_with(name.as_deref(), |text| {
            let start = text.len();
            reader.append(path, is_named, stdin, text)?;
            *has_text |= !text[start..].trim().is_empty();
            Ok(())
        })
    }

    fn add_image(&mut self, argument: &OsString, detail: Option<Detail>) -> Result<()> {
        if let Some(name) = self.names.next_image(argument) {
            self.texts.add(&format!("{name}:"));
        }
        self.parts.extend(self.texts.take().map(ContentPart::Text));
        let source = image::load(argument, self.stdin)?;
        self.parts.push(ContentPart::Image(Image { source, detail }));
        Ok(())
    }

    fn finish(mut self, was_given: bool) -> Result<Vec<ContentPart>> {
        self.parts.extend(self.texts.take().map(ContentPart::Text));
        let has_image = self.parts.iter().any(|part| matches!(part, ContentPart::Image(_)));
        if self.has_text || has_image {
            return Ok(self.parts);
        }
        let what = if was_given { "the prompt is empty" } else { "there is no prompt" };
        Err(Failure::usage(what)
            .hint("give it as words, with --file, or on standard input; see xask --help")
            .into())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::message::ImageSource;

    fn word(text: &str) -> PromptPart {
        PromptPart::Word { text: text.into(), follows_input: false }
    }

    /// The texts and, for images, their URLs.
    fn texts(parts: Vec<PromptPart>, names: bool) -> Result<Vec<String>> {
        let source = PromptSource { parts, names, ..PromptSource::default() };
        let content = read(&source, &mut TextReader::new(false), &mut Stdin::default())?;
        let show = |part| match part {
            ContentPart::Text(text) => text,
            ContentPart::Image(Image { source: ImageSource::Url(url), .. }) => format!("<{url}>"),
            ContentPart::Image(image) => format!("{image:?}"),
        };
        Ok(content.into_iter().map(show).collect())
    }

    #[test]
    fn each_input_can_be_preceded_by_its_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a&b.txt");
        fs::write(&path, "four\n").expect("it is written");
        let url = "https://example.org/a.png";
        let parts = vec![
            word("compare"),
            PromptPart::File(path.clone()),
            PromptPart::Image(url.into()),
            PromptPart::Image(url.into()),
            word("?"),
        ];
        let image = format!("<{url}>");
        assert_eq!(
            texts(parts.clone(), false).expect("a prompt"),
            ["compare\n\nfour", &image, &image, "?"]
        );
        let name = path.display().to_string().replace('&', "&amp;");
        let first = format!("compare\n\n<file name=\"{name}\">\nfour\n</file>\n\n{url}:");
        assert_eq!(
            texts(parts, true).expect("a prompt"),
            [&first, &image, &format!("{url}:"), &image, "?"]
        );
    }

    #[test]
    fn a_prompt_of_white_space_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("blank.txt");
        fs::write(&path, "\n\n").expect("it is written");
        let blank = format!("{} contains only white space", path.display());
        let image = || PromptPart::Image("https://example.org/a.png".into());
        for (parts, expected) in [
            (vec![word("")], Err("the prompt is empty")),
            (vec![word(" "), word("\t")], Err("the prompt is empty")),
            (vec![PromptPart::File(path.clone())], Err(&*blank)),
            (vec![word("a"), PromptPart::File(path.clone())], Err(&blank)),
            (vec![image(), PromptPart::File(path.clone())], Err(&blank)),
            (vec![word(""), image()], Ok(())),
            (vec![word(" "), image()], Ok(())),
        ] {
            let had = texts(parts.clone(), true);
            match expected {
                Err(expected) => {
                    assert_eq!(had.expect_err(expected).to_string(), expected, "{parts:?}");
                }
                Ok(()) => assert!(had.is_ok(), "{parts:?}"),
            }
        }
    }
}
