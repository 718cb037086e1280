//! JSON text: written without white space, so that a request's body is one line of a batch file.

use serde::Serialize;
use serde_json::value::RawValue;

/// JSON without the white space between its tokens. Numbers, escapes and the order of keys stay.
pub fn minify(json: &RawValue) -> String {
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

/// A string, a number or a list of strings as JSON: none of them can fail.
pub fn to_json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_white_space_between_tokens_is_dropped() {
        for (json, expected) in [
            ("{ \"a b\" :\n [1.50,\t2 ] }", r#"{"a b":[1.50,2]}"#),
            (r#"[ "\\\" x" , "\\\\" , " y " ]"#, r#"["\\\" x","\\\\"," y "]"#),
            ("7", "7"),
        ] {
            let raw: &RawValue = serde_json::from_str(json).expect(json);
            assert_eq!(minify(raw), expected);
        }
    }

    /// Any JSON, written with any white space between its tokens, and without.
    fn spaced() -> impl Strategy<Value = (String, String)> {
        let space = || "[ \\t\\r\\n]{0,2}";
        let leaf = prop_oneof![
            any::<String>().prop_map(|text| to_json(&text)),
            // Escapes that are optional.
            r#""(\\[\\"/bfnrt]| |\\u00e9)*""#.prop_map(String::from),
            "-?(0|[1-9][0-9]{0,30})([.][0-9]{1,5})?([eE][+-]?[0-9]{1,3})?".prop_map(String::from),
            Just("null".to_owned()),
        ];
        let leaf = leaf.prop_map(|json| (json.clone(), json));
        leaf.prop_recursive(4, 20, 4, move |inner| {
            let item = (space(), inner, space());
            let key = any::<String>().prop_map(|text| to_json(&text));
            let list = vec(item.clone(), 0..4).prop_map(|items| join(&items, '[', ']'));
            let object = vec((key, space(), item), 0..4).prop_map(|fields| {
                let field = |(key, space, (before, (spaced, tight), after)): (_, String, _)| {
                    let spaced = format!("{key}{space}:{before}{spaced}");
                    (space, (spaced, format!("{key}:{tight}")), after)
                };
                join(&fields.into_iter().map(field).collect::<Vec<_>>(), '{', '}')
            });
            prop_oneof![list, object]
        })
    }

    fn join(
        items: &[(String, (String, String), String)],
        open: char,
        close: char,
    ) -> (String, String) {
        let spaced: Vec<_> =
            items.iter().map(|(a, (spaced, _), b)| format!("{a}{spaced}{b}")).collect();
        let tight: Vec<_> = items.iter().map(|(_, (_, tight), _)| tight.clone()).collect();
        (format!("{open} {}{close}", spaced.join(",")), format!("{open}{}{close}", tight.join(",")))
    }

    proptest! {
        #[test]
        fn json_is_the_same_except_for_white_space((spaced, tight) in spaced()) {
            let raw: &RawValue = serde_json::from_str(&spaced).expect(&spaced);
            prop_assert_eq!(minify(raw), tight);
        }
    }
}
