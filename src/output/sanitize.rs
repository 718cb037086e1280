//! Control characters are made visible, so that a text cannot control a terminal.

/// Whether a terminal may act on a character: C0 but newline and tab, DEL, C1, and the controls of
/// bidirectional text (Unicode Standard Annex 9), which show a text in another order than it is in.
fn is_control(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn escape(c: char, out: &mut String) {
    match u8::try_from(c) {
        Ok(byte @ 0..=0x7f) => {
            let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or_default();
            out.extend(['\\', 'x', digit(byte >> 4), digit(byte & 0xf)]);
        }
        _ => out.extend(c.escape_unicode()),
    }
}

/// A text for a terminal, which comes in pieces.
#[derive(Debug, Default)]
pub struct TerminalSanitizer {
    /// The beginning of a character whose end comes with the next piece.
    held_bytes: Vec<u8>,
    /// A CR at the end of a piece is dropped where a LF follows.
    held_cr: bool,
}

impl TerminalSanitizer {
    /// Adds a piece, made safe, to `out`; what is not UTF-8 as U+FFFD.
    pub fn push(&mut self, piece: &[u8], out: &mut String) {
        let mut bytes = std::mem::take(&mut self.held_bytes);
        bytes.extend_from_slice(piece);
        let mut rest = &bytes[..];
        while let Err(error) = std::str::from_utf8(rest) {
            let (valid, invalid) = rest.split_at(error.valid_up_to());
            self.push_text(&String::from_utf8_lossy(valid), out);
            let Some(len) = error.error_len() else {
                self.held_bytes = invalid.to_vec();
                return;
            };
            self.push_text("\u{fffd}", out);
            rest = &invalid[len..];
        }
        self.push_text(&String::from_utf8_lossy(rest), out);
    }

    fn push_text(&mut self, piece: &str, out: &mut String) {
        for c in piece.chars() {
            if std::mem::take(&mut self.held_cr) && c != '\n' {
                escape('\r', out);
            }
            match c {
                '\r' => self.held_cr = true,
                c if is_control(c) => escape(c, out),
                c => out.push(c),
            }
        }
    }

    /// Adds what was held back at the end of the text.
    pub fn finish(&mut self, out: &mut String) {
        if !std::mem::take(&mut self.held_bytes).is_empty() {
            self.push_text("\u{fffd}", out);
        }
        if std::mem::take(&mut self.held_cr) {
            escape('\r', out);
        }
    }
}

/// A text in one line: newline and tab are made visible too.
pub fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        push_one_line(c, &mut out);
    }
    out
}

/// Whether a character has no place in a text of one line, on a terminal too.
pub fn is_control_of_line(c: char) -> bool {
    is_control(c) || matches!(c, '\n' | '\t' | '\u{2028}' | '\u{2029}')
}

/// Adds a character of a text in one line.
pub fn push_one_line(c: char, out: &mut String) {
    if is_control_of_line(c) {
        escape(c, out);
    } else {
        out.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn safe<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
        let (mut text, mut out) = (TerminalSanitizer::default(), String::new());
        for piece in pieces {
            text.push(piece, &mut out);
        }
        text.finish(&mut out);
        out
    }

    #[test]
    fn characters_that_control_a_terminal_are_escaped() {
        for (text, expected) in [
            ("plain \u{e9}\ttab\nline", "plain \u{e9}\ttab\nline"),
            ("\x1b]52;c;aGk=\x07", r"\x1b]52;c;aGk=\x07"),
            ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
            ("\x1b[2J", r"\x1b[2J"),
            ("\x1b]8;;http://a\x1b\\b", r"\x1b]8;;http://a\x1b\b"),
            ("\u{9b}2J", r"\u{9b}2J"),
            ("\u{202e}abc\u{2069}", r"\u{202e}abc\u{2069}"),
            ("\x7f\0", r"\x7f\x00"),
            ("a\r\nb", "a\nb"),
            ("a\rb\r", r"a\x0db\x0d"),
        ] {
            assert_eq!(safe([text.as_bytes()]), expected);
            assert_eq!(safe(text.as_bytes().chunks(1)), expected, "byte by byte");
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_become_a_replacement_character() {
        assert_eq!(safe([&b"a\xffb\xe2\x82"[..]]), "a\u{fffd}b\u{fffd}");
        assert_eq!(safe(b"a\xffb\xe2\x82".chunks(1)), "a\u{fffd}b\u{fffd}");
    }

    #[test]
    fn a_message_is_one_line() {
        assert_eq!(one_line("a\nb\tc\u{1b}"), r"a\x0ab\x09c\x1b");
    }

    /// Text that is hard to split: control characters, characters of several bytes, parts of them.
    fn hard_bytes() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            any::<char>().prop_map(|c| c.to_string().into_bytes()),
            Just(b"\r".to_vec()),
            Just(b"\n".to_vec()),
            Just("\u{202e}".as_bytes().to_vec()),
            any::<u8>().prop_map(|byte| vec![byte]),
        ];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn a_text_in_any_pieces_gives_the_same_output(a in hard_bytes(), b in hard_bytes()) {
            let whole = [&a[..], &b].concat();
            prop_assert_eq!(safe([&a[..], &b]), safe([&whole[..]]));
            prop_assert_eq!(safe(whole.chunks(1)), safe([&whole[..]]));
        }

        #[test]
        fn no_characters_that_control_a_terminal_are_left(bytes in hard_bytes()) {
            let text = safe([&bytes[..]]);
            prop_assert!(!text.contains(is_control), "{text:?}");
            prop_assert!(!one_line(&text).contains(['\n', '\t']));
        }
    }
}
