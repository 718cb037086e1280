//! Adjacent texts become one.

use anyhow::Result;

const BLANK_LINE: &str = "\n\n";

/// The text between two images, or the whole text: joined by blank lines.
#[derive(Debug, Default)]
pub struct TextJoiner(String);

impl TextJoiner {
    /// Adds a text that is in memory; an empty one adds nothing.
    pub fn add(&mut self, text: &str) {
        if !text.is_empty() {
            self.separate();
            self.0.push_str(text);
        }
    }

    /// Adds what `append` appends, under a name where there is one; nothing adds nothing.
    pub fn add_with(
        &mut self,
        name: Option<&str>,
        append: impl FnOnce(&mut String) -> Result<()>,
    ) -> Result<()> {
        let before = self.0.len();
        self.separate();
        if let Some(name) = name {
            self.0.push_str("<file name=\"");
            self.0.push_str(&escape_attribute(name));
            self.0.push_str("\">\n");
        }
        let start = self.0.len();
        append(&mut self.0)?;
        if self.0.len() == start {
            self.0.truncate(before);
        } else if name.is_some() {
            self.0.push_str("\n</file>");
        }
        Ok(())
    }

    /// What was added since the last call, if anything was.
    pub fn take(&mut self) -> Option<String> {
        Some(std::mem::take(&mut self.0)).filter(|text| !text.is_empty())
    }

    fn separate(&mut self) {
        if !self.0.is_empty() {
            self.0.push_str(BLANK_LINE);
        }
    }
}

/// A text between double quotes, as in XML.
fn escape_attribute(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_text_is_in_a_tag_of_its_own() {
        let mut texts = TextJoiner::default();
        texts.add("first");
        let append = |text: &mut String| {
            text.push_str("a < b\n");
            Ok(())
        };
        texts.add_with(Some("a&b<c>\"d\".txt"), append).expect("nothing fails");
        texts.add_with(None, append).expect("nothing fails");
        texts.add_with(Some("nothing"), |_| Ok(())).expect("nothing fails");
        texts.add("");
        let expected =
            "first\n\n<file name=\"a&amp;b&lt;c>&quot;d&quot;.txt\">\na < b\n\n</file>\n\na < b\n";
        assert_eq!(texts.take().as_deref(), Some(expected));
        assert_eq!(texts.take(), None);
    }
}
