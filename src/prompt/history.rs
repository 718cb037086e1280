//! Earlier messages: read as they stand, and checked as far as a request needs it.

use std::path::Path;

use anyhow::Result;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::Stdin;
use super::input;
use super::source::input_name;
use crate::error::Failure;
use crate::file::{Limit, without_bom};
use crate::message::{RawMessage, Role};

/// The messages of `--messages`.
///
/// A usage failure where they cannot be read or are broken; a local I/O error where standard input
/// breaks.
pub fn read(path: &Path, stdin: &mut Stdin) -> Result<Vec<RawMessage>> {
    let name = input_name(path);
    let bytes = input::read(path, stdin, Limit::MESSAGES)?;
    let text = without_bom(&bytes);
    if str::from_utf8(text).is_ok_and(|text| text.trim().is_empty()) {
        return Err(input::blank(&name, text.is_empty()).into());
    }
    parse(&name, text)
}

/// Messages as a JSON array, or one a line.
///
/// A usage failure that names the message or the line.
pub fn parse(name: &str, bytes: &[u8]) -> Result<Vec<RawMessage>> {
    if bytes.trim_ascii_start().first() != Some(&b'[') {
        return parse_lines(name, bytes);
    }
    let Ok(array) = serde_json::from_slice::<Vec<&RawValue>>(bytes) else {
        return Err(Failure::usage(format!("{name}: not a JSON array of messages")).into());
    };
    let messages = array.into_iter().enumerate().map(|(index, raw)| (index + 1, raw.get()));
    parse_all(messages, |number| format!("{name}: message {number}"))
}

/// The messages of a conversation, one a line, and where its last line begins if that is the beginning of
/// a message whose end is missing: the rest of an append that was interrupted.
///
/// A usage failure that names the line.
pub fn parse_conversation(name: &str, bytes: &[u8]) -> Result<(Vec<RawMessage>, Option<u64>)> {
    let torn = torn_line(bytes);
    let whole = &bytes[..torn.unwrap_or(bytes.len())];
    let messages = parse_lines(name, without_bom(whole))?;
    Ok((messages, torn.map(|start| start as u64)))
}

/// Where a last line without a line feed begins whose JSON object ends in the middle.
fn torn_line(bytes: &[u8]) -> Option<usize> {
    let start = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let line = without_bom(&bytes[start..]);
    let line = match str::from_utf8(line) {
        Ok(line) => line,
        // The last character is torn too.
        Err(error) if error.error_len().is_none() => {
            str::from_utf8(&line[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return None,
    };
    let ends_early =
        |line: &str| serde_json::from_str::<IgnoredAny>(line).is_err_and(|error| error.is_eof());
    // A number that ends in its sign, its point or its exponent is broken to the parser, and not torn.
    let is_torn =
        line.trim_start().starts_with('{') && (ends_early(line) || ends_early(&format!("{line}0")));
    is_torn.then_some(start)
}

/// Messages one a line; blank lines are skipped.
///
/// A usage failure that names the line.
fn parse_lines(name: &str, bytes: &[u8]) -> Result<Vec<RawMessage>> {
    let place = |number: usize| format!("{name}: line {number}");
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].split(|byte| *byte == b'\n').count();
        Failure::usage(format!("{}: not UTF-8 text", place(line)))
    })?;
    let lines = text.split('\n').enumerate().map(|(index, line)| (index + 1, line.trim()));
    let lines = lines.filter(|(_, line)| !line.is_empty());
    parse_all(lines, place)
}

fn parse_all<'a>(
    messages: impl Iterator<Item = (usize, &'a str)>,
    place: impl Fn(usize) -> String,
) -> Result<Vec<RawMessage>> {
    let mut parsed: Vec<RawMessage> = Vec::new();
    for (number, json) in messages {
        let place = place(number);
        let broken = |why: String| Failure::usage(format!("{place}: {why}"));
        let role = check_message(json).map_err(broken)?;
        if role.is_system() && !parsed.is_empty() {
            return Err(broken(format!("the {} message must come first", role.as_str())).into());
        }
        parsed.push(RawMessage { role, json: json.to_owned(), place });
    }
    Ok(parsed)
}

/// The fields that are checked in a message that is sent unchanged. The API judges the rest.
#[derive(Deserialize)]
struct MessageHeader<'a> {
    role: Option<&'a RawValue>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    tool_calls: Option<&'a RawValue>,
    function_call: Option<&'a RawValue>,
    refusal: Option<&'a RawValue>,
}

const NOT_AN_OBJECT: &str = "not a JSON object";

/// The role of a message that can be sent.
fn check_message(json: &str) -> Result<Role, String> {
    // A list of a message's values would be taken for the message itself.
    if json.starts_with('[') {
        return Err(NOT_AN_OBJECT.to_owned());
    }
    let header = serde_json::from_str::<MessageHeader>(json);
    let header = header.map_err(|error| match error.classify() {
        Category::Eof => "truncated JSON",
        Category::Syntax => "not JSON",
        // Its fields may be anything, but each only once.
        Category::Data | Category::Io if json.starts_with('{') => "a field is given twice",
        Category::Data | Category::Io => NOT_AN_OBJECT,
    })?;
    let role = header.role.ok_or("it has no role")?.get();
    let role: Role = serde_json::from_str(role).map_err(|_| format!("unknown role {role}"))?;
    let has_content = header.content.is_some_and(|content| is_filled(content.get()));
    // An answer that called tools, and one that was refused, may have no content.
    let MessageHeader { tool_calls, function_call, refusal, .. } = header;
    let in_its_place = [tool_calls, function_call, refusal].into_iter().any(says_something);
    if has_content || (role == Role::Assistant && in_its_place) {
        return Ok(role);
    }
    Err("it has no content".to_owned())
}

/// Whether content is a text or a list of parts, and not empty.
fn is_filled(content: &str) -> bool {
    match content.as_bytes() {
        [b'"', ..] => content != "\"\"",
        [b'[', inner @ ..] => inner.trim_ascii() != b"]",
        _ => false,
    }
}

/// Whether a field says something: it is there, and neither null, false nor empty.
fn says_something(field: Option<&RawValue>) -> bool {
    field.is_some_and(|value| match value.get().as_bytes() {
        [b'[' | b'{', inner @ .., _] => !inner.trim_ascii().is_empty(),
        value => !matches!(value, b"null" | b"false" | b"\"\""),
    })
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_broken_line_is_named_with_its_number() {
        let user = r#"{"role":"user","content":"hi"}"#;
        for (lines, expected) in [
            (format!("{user}\n{{"), "f: line 2: truncated JSON"),
            (format!("{user}\n\n{{\"role\":\"us"), "f: line 3: truncated JSON"),
            ("hello".to_owned(), "f: line 1: not JSON"),
            (r#""hello""#.to_owned(), "f: line 1: not a JSON object"),
            ("7".to_owned(), "f: line 1: not a JSON object"),
            (r#"{"content":"hi"}"#.to_owned(), "f: line 1: it has no role"),
            (format!("{user}\n{}", r#"["user","hi",null]"#), "f: line 2: not a JSON object"),
            (r#"[["user","hi",null]]"#.to_owned(), "f: message 1: not a JSON object"),
            (r#"{"role":"robot","content":"hi"}"#.to_owned(), "f: line 1: unknown role \"robot\""),
            (r#"{"role":7,"content":"hi"}"#.to_owned(), "f: line 1: unknown role 7"),
            (r#"{"role":"user"}"#.to_owned(), "f: line 1: it has no content"),
            (r#"{"role":"user","content":""}"#.to_owned(), "f: line 1: it has no content"),
            (r#"{"role":"user","content":[]}"#.to_owned(), "f: line 1: it has no content"),
            (r#"{"role":"user","content":7}"#.to_owned(), "f: line 1: it has no content"),
            (
                format!("{user}\n{}", r#"{"role":"system","content":"hi"}"#),
                "f: line 2: the system message must come first",
            ),
        ] {
            let error = parse("f", lines.as_bytes()).expect_err(&lines);
            assert_eq!(error.to_string(), expected);
        }
        assert_eq!(
            parse("f", b"\n\xff").expect_err("not UTF-8").to_string(),
            "f: line 2: not UTF-8 text"
        );
    }

    #[test]
    fn messages_are_kept_unchanged() {
        let call = r#"{ "role":"assistant", "content":null, "tool_calls":[{"id":"1"}], "x":1.50 }"#;
        let lines = format!("\n  {call}\r\n\n{{\"role\":\"tool\",\"content\":\"7\"}}\n");
        let array = format!(" [{call},\n{{\"role\":\"tool\",\"content\":\"7\"}}]\n");
        for text in [lines, array] {
            let messages = parse("f", text.as_bytes()).expect("they are messages");
            assert_eq!(
                messages.iter().map(|message| message.role).collect::<Vec<_>>(),
                [Role::Assistant, Role::Tool]
            );
            assert_eq!(messages[0].json, call);
        }
    }

    #[test]
    fn a_message_with_content_is_sent_unchanged() {
        for message in [
            r#"{"role":"user","content":"\ud83d x"}"#,
            r#"{"role":"user","content":["a"]}"#,
            r#"{"role":"assistant","content":null,"tool_calls":[{"id":"1"}]}"#,
            r#"{"role":"assistant","content":null,"function_call":{"name":"f"}}"#,
            r#"{"role":"assistant","content":"","refusal":"No."}"#,
        ] {
            let messages = parse("f", message.as_bytes()).expect(message);
            assert_eq!(messages[0].json, message);
        }
        for message in [
            r#"{"role":"user","content":"","refusal":"No."}"#,
            r#"{"role":"user","content":[ ]}"#,
            r#"{"role":"assistant","content":null}"#,
            r#"{"role":"assistant","tool_calls":[ ],"function_call":{},"refusal":""}"#,
            r#"{"role":"assistant","tool_calls":null,"refusal":false}"#,
        ] {
            let error = parse("f", message.as_bytes()).expect_err(message);
            assert_eq!(error.to_string(), "f: line 1: it has no content", "{message}");
        }
    }

    #[test]
    fn a_last_line_is_incomplete_wherever_it_ends_early() {
        let user = r#"{"role":"user","content":"hi"}"#;
        for torn in [
            "{",
            r#"{"n":-"#,
            r#"{"n":1."#,
            r#"{"n":1e"#,
            r#"{"n":1e+"#,
            r#"{"n":nul"#,
            r#"{"a":"\ud8"#,
        ] {
            let (messages, start) =
                parse_conversation("f", format!("{user}\n{torn}").as_bytes()).expect(torn);
            assert_eq!((messages.len(), start), (1, Some(user.len() as u64 + 1)), "{torn}");
        }
        for broken in [r#"{"n":x"#, r#"{"n":-x"#, "-", r#"{"n":1.}"#] {
            assert!(
                parse_conversation("f", format!("{user}\n{broken}").as_bytes()).is_err(),
                "{broken}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_judged(
            bytes in prop_oneof![
                vec(any::<u8>(), 0..200),
                r#"[\[\]{}",:\\ \n0a-]{0,60}"#.prop_map(String::into_bytes),
                r#"(\{"role":"(user|tool|x)?"?,?("content":("a"|\[\]|1))?\}?\n?){0,5}"#
                    .prop_map(String::into_bytes),
            ]
        ) {
            let _ = parse("f", &bytes);
            if let Ok((_, Some(torn))) = parse_conversation("f", &bytes) {
                prop_assert!(torn < bytes.len() as u64);
            }
        }

        #[test]
        fn a_conversation_truncated_anywhere_is_whole_up_to_there(
            texts in vec(".{1,20}", 1..5),
            cut in any::<prop::sample::Index>(),
        ) {
            let line = |text: &String| format!("{}\n", json!({"role": "user", "content": text}));
            let lines: Vec<String> = texts.iter().map(line).collect();
            let file = lines.concat();
            let cut = cut.index(file.len() + 1);
            let (messages, torn) = parse_conversation("f", &file.as_bytes()[..cut]).expect("it is whole up to there");
            // A line that lacks only its line feed is whole.
            let mut end = 0;
            let ends = lines.iter().map(|line| { end += line.len(); end });
            let whole: Vec<usize> = ends.take_while(|end| *end <= cut + 1).collect();
            prop_assert_eq!(messages.len(), whole.len());
            let start = whole.last().copied().unwrap_or_default();
            prop_assert_eq!(torn, (start < cut).then_some(start as u64));
        }
    }
}
