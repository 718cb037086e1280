//! JSON that no service should write, and some do: mended, because the answer in it was paid for.

use serde_json::Value;

/// The same JSON with U+FFFD for each half of a surrogate pair, and with the last of each key that it has
/// twice; `None` of what is no JSON all the same.
pub fn mend(json: &[u8]) -> Option<String> {
    let text = with_whole_pairs(str::from_utf8(json).ok()?);
    let value: Value = serde_json::from_str(&text).ok()?;
    Some(value.to_string())
}

/// Replaces escapes of one half of a surrogate pair (RFC 8259, 7).
fn with_whole_pairs(json: &str) -> String {
    let mut whole = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        whole.push_str(&rest[..at]);
        rest = &rest[at..];
        let len = match (unit(rest), rest.get(6..).and_then(unit)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => {
                whole.push('\u{fffd}');
                rest = &rest[6..];
                continue;
            }
            // The escaped character goes along: it may be a backslash.
            _ => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
        };
        whole.push_str(&rest[..len]);
        rest = &rest[len..];
    }
    whole + rest
}

/// The UTF-16 unit that an escape at the beginning stands for.
fn unit(text: &str) -> Option<u32> {
    u32::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_broken_is_changed() {
        for (json, mended) in [
            (&br#"{"a":"\ud83d\ude00"}"#[..], "{\"a\":\"\u{1f600}\"}"),
            (br#"["\ud83d"]"#, "[\"\u{fffd}\"]"),
            (br#"["\ude00\ud83d x"]"#, "[\"\u{fffd}\u{fffd} x\"]"),
            (br#"["\ud83d\ud83d\ude00"]"#, "[\"\u{fffd}\u{1f600}\"]"),
            (br#"["\\ud83d"]"#, r#"["\\ud83d"]"#),
            (br#"["\\\ud83d"]"#, "[\"\\\\\u{fffd}\"]"),
            (br#"{"a":1,"a":2}"#, r#"{"a":2}"#),
        ] {
            let shown = String::from_utf8_lossy(json);
            assert_eq!(mend(json).as_deref(), Some(mended), "{shown}");
        }
        for json in [&b"["[..], b"\"\\", b"\"\\u", b"\"\\ud83", b"\"\\ud83d", b"x", b"\"\xe9\""] {
            assert_eq!(mend(json), None);
        }
    }
}
