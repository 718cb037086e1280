//! JSON that no server should write, and some do: repaired, because the answer in it was paid for.

use super::failures::MAX_RESPONSE;

/// The same JSON as a parser takes it: U+FFFD for bytes that are not UTF-8 and for each half of a
/// surrogate pair, and null for `NaN` and infinities, as Python writes them. `None` if that makes it larger
/// than a response may be. What is not JSON for another reason stays so.
pub fn repair_json(json: &[u8]) -> Option<String> {
    repair_within(json, MAX_RESPONSE)
}

fn repair_within(json: &[u8], limit: u64) -> Option<String> {
    let mut repaired = Repaired { json: String::with_capacity(json.len()), in_string: false };
    for chunk in json.utf8_chunks() {
        repaired.push(chunk.valid(), chunk.invalid().is_empty());
        if !chunk.invalid().is_empty() {
            repaired.json.push(char::REPLACEMENT_CHARACTER);
        }
        if repaired.json.len() as u64 > limit {
            return None;
        }
    }
    Some(repaired.json)
}

/// Numbers that JSON does not have.
const NO_NUMBERS: [&str; 3] = ["NaN", "Infinity", "-Infinity"];

struct Repaired {
    json: String,
    in_string: bool,
}

impl Repaired {
    /// Adds the next of the JSON, which may be the last of it.
    fn push(&mut self, mut rest: &str, is_last: bool) {
        while !rest.is_empty() {
            let special: &[u8] = if self.in_string { b"\"\\" } else { b"\"NI-" };
            let at = rest.bytes().position(|byte| special.contains(&byte)).unwrap_or(rest.len());
            let (plain, special) = rest.split_at(at);
            self.json.push_str(plain);
            rest = match special.as_bytes() {
                [b'"', ..] => {
                    self.in_string = !self.in_string;
                    self.json.push('"');
                    &special[1..]
                }
                [b'\\', ..] => self.push_escape(special),
                [_, ..] => self.push_number(special, is_last),
                [] => special,
            };
        }
    }

    /// Adds an escape, and returns what follows it.
    fn push_escape<'a>(&mut self, text: &'a str) -> &'a str {
        let (escape, rest) = split_escape(text);
        match escape {
            Escape::LoneSurrogate => self.json.push(char::REPLACEMENT_CHARACTER),
            Escape::Char(_) | Escape::Other => {
                self.json.push_str(&text[..text.len() - rest.len()]);
            }
        }
        rest
    }

    /// Adds what begins like one of [`NO_NUMBERS`], and returns what follows it.
    fn push_number<'a>(&mut self, text: &'a str, is_last: bool) -> &'a str {
        for number in NO_NUMBERS {
            if let Some(rest) = text.strip_prefix(number) {
                self.json.push_str("null");
                return rest;
            }
            // What ends in the middle of one must be seen to end in the middle.
            if is_last && number.starts_with(text) {
                return "";
            }
        }
        self.json.push_str(&text[..1]);
        &text[1..]
    }
}

/// What the inside of a JSON string says.
pub fn unescape(mut inside: &str) -> String {
    let mut text = String::with_capacity(inside.len());
    while let Some(at) = inside.find('\\') {
        let (plain, rest) = inside.split_at(at);
        text.push_str(plain);
        let (escape, rest) = split_escape(rest);
        text.push(match escape {
            Escape::Char(c) => c,
            Escape::LoneSurrogate | Escape::Other => char::REPLACEMENT_CHARACTER,
        });
        inside = rest;
    }
    text.push_str(inside);
    text
}

/// What a backslash and what follows it stand for (RFC 8259, 7).
enum Escape {
    Char(char),
    /// One half of a pair, which stands for nothing.
    LoneSurrogate,
    /// No escape of JSON.
    Other,
}

/// The escape at the beginning of a text, and what follows it.
fn split_escape(text: &str) -> (Escape, &str) {
    if let Some(unit) = utf16_escape(text) {
        let pair = [Some(unit), text.get(6..).and_then(utf16_escape)];
        let units = pair.into_iter().flatten();
        return match char::decode_utf16(units).next() {
            Some(Ok(c)) => (Escape::Char(c), &text[6 * c.len_utf16()..]),
            _ => (Escape::LoneSurrogate, &text[6..]),
        };
    }
    let mut rest = text.chars();
    rest.next();
    let escape = match rest.next() {
        Some(c @ ('"' | '\\' | '/')) => Escape::Char(c),
        Some('b') => Escape::Char('\u{8}'),
        Some('f') => Escape::Char('\u{c}'),
        Some('n') => Escape::Char('\n'),
        Some('r') => Escape::Char('\r'),
        Some('t') => Escape::Char('\t'),
        _ => Escape::Other,
    };
    (escape, rest.as_str())
}

/// The UTF-16 unit that an escape at the beginning stands for.
fn utf16_escape(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    // A sign is no digit, but `from_str_radix` takes one.
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| u16::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn only_what_is_broken_is_changed() {
        for (json, repaired) in [
            (&br#"{"a":"\ud83d\ude00"}"#[..], r#"{"a":"\ud83d\ude00"}"#),
            (br#"["\ud83d"]"#, "[\"\u{fffd}\"]"),
            (br#"["\ude00\ud83d x"]"#, "[\"\u{fffd}\u{fffd} x\"]"),
            (br#"["\ud83d\ud83d\ude00"]"#, "[\"\u{fffd}\\ud83d\\ude00\"]"),
            (br#"["\\ud83d"]"#, r#"["\\ud83d"]"#),
            (br#"["\\\ud83d"]"#, "[\"\\\\\u{fffd}\"]"),
            (br#"{"a":1,"a":2}"#, r#"{"a":1,"a":2}"#),
            (b"[NaN,-Infinity, Infinity ,-1]", "[null,null, null ,-1]"),
            (br#"["NaN \"-Infinity",NaN]"#, r#"["NaN \"-Infinity",null]"#),
            (b"\"\xe9\" \"\xf0\x9f\x98\"", "\"\u{fffd}\" \"\u{fffd}\""),
            (b"[-Inf", "["),
            (b"[Na", "["),
            (b"[-1, Nope", "[-1, Nope"),
            (b"\"\\", "\"\\"),
            (b"\"\\ud83", "\"\\ud83"),
            (b"\"\\u+123\"", "\"\\u+123\""),
        ] {
            let shown = String::from_utf8_lossy(json);
            assert_eq!(repair_json(json).as_deref(), Some(repaired), "{shown}");
        }
    }

    #[test]
    fn json_that_would_grow_over_the_limit_is_not_repaired() {
        assert_eq!(repair_within(&[0xff; 3], 9).map(|json| json.len()), Some(9));
        assert_eq!(repair_within(&[0xff; 4], 9), None);
    }

    proptest! {
        #[test]
        fn json_that_is_not_broken_stays_unchanged(text: String, number: f64) {
            let json = serde_json::json!([{ text.clone(): [text, number, null] }]).to_string();
            prop_assert_eq!(repair_json(json.as_bytes()), Some(json));
        }

        #[test]
        fn a_string_is_read_as_any_parser_reads_it(inside in r#"([ -!#-\[\]-~]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4}|é|😀){0,20}"#) {
            let json = format!("\"{inside}\"");
            let repaired = repair_json(json.as_bytes()).expect("it is small");
            let expected: Value = serde_json::from_str(&repaired).expect("it is JSON");
            prop_assert_eq!(Value::String(unescape(&inside)), expected);
        }

        #[test]
        fn any_bytes_become_text(bytes: Vec<u8>) {
            repair_json(&bytes).expect("it is small");
        }
    }
}
