//! JSON in one line, otherwise as it was written: a request's body is a line of a batch file.

use serde_json::value::RawValue;

/// JSON without the white space between its tokens; numbers, escapes and the order of keys stay.
pub fn compact(json: &RawValue) -> String {
    let (mut in_string, mut escaped) = (false, false);
    let is_kept = |c: &char| {
        if in_string {
            in_string = escaped || *c != '"';
            escaped = !escaped && *c == '\\';
            return true;
        }
        in_string = *c == '"';
        !c.is_ascii_whitespace()
    };
    json.get().chars().filter(is_kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_white_space_between_tokens_is_dropped() {
        for (json, expected) in [
            ("{ \"a b\" :\n [1.50,\t2 ] }", r#"{"a b":[1.50,2]}"#),
            (r#"[ "\\\" x" , "\\\\" , " y " ]"#, r#"["\\\" x","\\\\"," y "]"#),
            ("7", "7"),
        ] {
            let raw: &RawValue = serde_json::from_str(json).expect(json);
            assert_eq!(compact(raw), expected);
        }
    }
}
