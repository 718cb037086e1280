//! The key is masked wherever it would appear, also in upper case, or split by blanks and control characters.

use super::sanitize::push_one_line;
use crate::secret::Secret;

/// The shortest text that is taken for a key, in bytes. To mask shorter ones would garble every message.
const MIN_SECRET: usize = 4;

/// What stands in place of the key.
const MASK: &str = "[key]";

/// The texts that are masked.
#[derive(Debug, Default)]
pub struct Masks(Vec<Secret<Vec<char>>>);

impl Masks {
    /// Masks this text too, unless it is too short to be a key.
    pub fn add(&mut self, secret: &str) {
        if secret.len() >= MIN_SECRET {
            self.0.push(Secret::new(secret.chars().filter(|c| !is_separator(*c)).collect()));
        }
    }

    /// A text without the secrets.
    pub fn apply(&self, text: &str) -> String {
        let mut masked = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let found = self.0.iter().filter_map(|secret| prefix_len(rest, secret.reveal())).max();
            match found {
                Some(_) => masked.push_str(MASK),
                None => masked.push(c),
            }
            rest = &rest[found.unwrap_or(c.len_utf8())..];
        }
        masked
    }

    /// Words from outside in one line of at most `max` bytes, white space folded and control characters made
    /// visible. They are masked before they are cut, so that no part of a key is left over.
    pub fn shorten(&self, words: &str, max: usize) -> String {
        let mut line = String::new();
        for word in self.apply(words).split_whitespace() {
            if !line.is_empty() {
                line.push(' ');
            }
            word.chars().for_each(|c| push_one_line(c, &mut line));
            if line.len() > max {
                line.truncate(line.floor_char_boundary(max - '…'.len_utf8()));
                line.push('…');
                break;
            }
        }
        line
    }
}

/// What may stand between the characters of a key that somebody repeats.
fn is_separator(c: char) -> bool {
    c.is_whitespace() || c.is_control()
}

/// How many bytes at the beginning of a text are a secret, if they are.
fn prefix_len(text: &str, secret: &[char]) -> Option<usize> {
    let mut chars = text.char_indices();
    let mut expected = secret.iter();
    let mut next = expected.next()?;
    loop {
        let (at, c) = chars.next()?;
        if c.eq_ignore_ascii_case(next) {
            match expected.next() {
                Some(following) => next = following,
                None => return Some(at + c.len_utf8()),
            }
        } else if at == 0 || !is_separator(c) {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: &str = "xai-Secret0123456789abcdefghi";

    fn masks() -> Masks {
        let mut masks = Masks::default();
        masks.add(KEY);
        masks.add("abc");
        masks
    }

    #[test]
    fn a_key_is_masked_however_it_is_written() {
        let upper = KEY.to_uppercase();
        let split: String = KEY.chars().flat_map(|c| [c, ' ']).collect();
        let folded = format!("{}\r\n\t{}", &KEY[..9], &KEY[9..]);
        for key in [KEY, &upper, &split, &folded] {
            for (before, after) in [("", ""), ("the key ", "is wrong"), ("xai-xai-", KEY)] {
                let masked = masks().apply(&format!("{before}{key}{after}"));
                assert!(masked.starts_with(&format!("{before}{MASK}")), "{masked}");
                assert!(!masked.to_lowercase().contains("secret"), "{masked}");
            }
        }
        for text in ["", "abc", "xai-Secret0123456789", "no key \u{e9}", "xai", "x a i"] {
            assert_eq!(masks().apply(text), text);
        }
    }

    #[test]
    fn text_from_outside_is_one_short_line() {
        let long = "\u{e9}".repeat(300);
        let cut = "\u{e9}".repeat(198);
        for (words, expected) in [
            (" a\r\n\t b \x1b[2J ", r"a b \x1b[2J".to_owned()),
            (&format!("the key {KEY}  is wrong"), "the key [key] is wrong".to_owned()),
            (&format!("the key {}", KEY.replace('S', "\0S")), "the key [key]".to_owned()),
            (&long, format!("{cut}…")),
            ("", String::new()),
            (" \n ", String::new()),
        ] {
            assert_eq!(masks().shorten(words, 400), expected);
        }
    }

    proptest! {
        #[test]
        fn no_part_of_a_key_is_left_in_truncated_text(before in 0_usize..200, max in 10_usize..200) {
            let words = format!("{}{KEY}{}", "-".repeat(before), KEY.to_uppercase());
            let line = masks().shorten(&words, max);
            prop_assert!(line.len() <= max, "{line}");
            prop_assert!(!line.to_lowercase().contains('x'), "{line}");
        }

        #[test]
        fn a_text_stays_unchanged_without_a_key(text: String) {
            prop_assert_eq!(Masks::default().apply(&text), text);
        }
    }
}
