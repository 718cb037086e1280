//! The list of cited sources (`--sources`): one a line, its address, a tab and its title.

use super::sanitize::is_control_of_line;

/// The lines of sources, each an address and its title if it has one. Control characters are removed, so that
/// a line has one tab and is one line.
pub fn source_lines<'a>(sources: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> String {
    let clean = |text: &str| text.replace(is_control_of_line, "");
    let lines = sources.into_iter().map(|(address, title)| {
        format!("{}\t{}\n", clean(address), clean(title.unwrap_or_default()))
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_source_is_a_line_of_two_fields() {
        let sources = [
            ("https://a.org/?q=\u{e9} b", Some("A\ttitle\r\nof \x1b[2Jtwo lines\u{202e}")),
            ("https://b.org/\n\x7f\u{9b}", None),
            ("https://c.org/", Some("")),
        ];
        let expected = "https://a.org/?q=\u{e9} b\tAtitleof [2Jtwo lines\n\
                        https://b.org/\t\nhttps://c.org/\t\n";
        assert_eq!(source_lines(sources), expected);
        assert_eq!(source_lines([]), "");
    }

    proptest! {
        #[test]
        fn the_form_is_kept_for_any_content(sources: Vec<(String, Option<String>)>) {
            let lines = source_lines(sources.iter().map(|(a, t)| (&**a, t.as_deref())));
            prop_assert_eq!(lines.matches('\n').count(), sources.len());
            prop_assert!(lines.lines().all(|line| line.matches('\t').count() == 1));
        }
    }
}
