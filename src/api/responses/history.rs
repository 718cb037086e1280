//! Messages of earlier runs, stored in the message format of chat completions, become items of `input`.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::api::lenient::{entries, is_error, string};
use crate::json::to_json;
use crate::message::{RawMessage, Role};

/// Parts that are in the form of the Responses API already.
const OWN_PARTS: [&str; 5] = ["input_text", "output_text", "input_image", "input_file", "refusal"];

/// JSON in pieces: what stays as it was is not copied.
type Pieces<'a> = Vec<Cow<'a, str>>;

/// A message from a file in the form of the Responses API. One whose content is a string has that form
/// already, and stays as it is; so do fields that are not known here.
///
/// # Errors
///
/// What of it cannot be sent to the Responses API.
pub fn convert(message: &RawMessage) -> Result<Pieces<'_>, String> {
    if message.role == Role::Tool {
        return Err("a message with role tool".to_owned());
    }
    let fields = entries(&message.json).ok_or("a message that is not an object")?;
    let mut object = Object::default();
    let mut is_changed = false;
    for (name, value) in fields {
        match &*name {
            "refusal" if is_error(Some(value)) => return Err("a refusal".to_owned()),
            "tool_calls" | "function_call" if is_error(Some(value)) => {
                return Err("a tool call".to_owned());
            }
            // Left out where it says nothing.
            "refusal" | "tool_calls" | "function_call" => is_changed = true,
            "content" if value.get().starts_with('[') => {
                object.field(&name, convert_parts(value, message.role)?);
                is_changed = true;
            }
            name => object.field(name, [value.get().into()]),
        }
    }
    Ok(if is_changed { object.finish() } else { vec![Cow::Borrowed(&message.json)] })
}

/// A content of parts.
fn convert_parts(list: &RawValue, role: Role) -> Result<Pieces<'_>, String> {
    let parts: Vec<&RawValue> =
        serde_json::from_str(list.get()).map_err(|_| "content that is not a list of parts")?;
    let mut pieces: Pieces = Vec::new();
    for (index, part) in parts.into_iter().enumerate() {
        pieces.push(if index == 0 { "[" } else { "," }.into());
        pieces.extend(convert_part(part, role)?);
    }
    pieces.push("]".into());
    Ok(pieces)
}

/// A part, whose name differs, and whose image is a bare URL.
fn convert_part(part: &RawValue, role: Role) -> Result<Pieces<'_>, String> {
    let fields = entries(part.get()).ok_or("a part that is not an object")?;
    let kind = fields.iter().find(|(name, _)| name == "type");
    let kind = kind.and_then(|(_, kind)| string(Some(kind))).unwrap_or_default();
    let new_kind = match (&*kind, role) {
        (own, _) if OWN_PARTS.contains(&own) => return Ok(vec![part.get().into()]),
        ("text", Role::Assistant) => r#""output_text""#,
        ("text", _) => r#""input_text""#,
        ("image_url", _) => r#""input_image""#,
        ("", _) => return Err("a part without a type".to_owned()),
        (other, _) => return Err(format!("a part of type {}", to_json(other))),
    };
    let is_string = |name: &str| {
        fields.iter().any(|(other, value)| other == name && value.get().starts_with('"'))
    };
    if kind == "text" && !is_string("text") {
        return Err("a part without its text".to_owned());
    }
    if kind == "image_url" && !fields.iter().any(|(name, _)| name == "image_url") {
        return Err(NO_URL.to_owned());
    }
    let mut object = Object::default();
    for (name, value) in &fields {
        match &**name {
            "type" => object.field("type", [new_kind.into()]),
            "image_url" if kind == "image_url" && !value.get().starts_with('"') => {
                push_image(&mut object, value).ok_or(NO_URL)?;
            }
            name => object.field(name, [value.get().into()]),
        }
    }
    Ok(object.finish())
}

/// Why an image part cannot be converted.
const NO_URL: &str = "an image without a URL";

/// The URL of an image, and the detail, which stands beside it here.
fn push_image<'a>(part: &mut Object<'a>, image: &'a RawValue) -> Option<()> {
    let fields = entries(image.get())?;
    let field =
        |wanted: &str| fields.iter().find(|(name, _)| name == wanted).map(|(_, value)| *value);
    let url = field("url").filter(|url| url.get().starts_with('"'))?;
    part.field("image_url", [url.get().into()]);
    if let Some(detail) = field("detail").filter(|detail| detail.get() != "null") {
        part.field("detail", [detail.get().into()]);
    }
    Some(())
}

/// An object that is being written.
#[derive(Default)]
struct Object<'a>(Pieces<'a>);

impl<'a> Object<'a> {
    fn field(&mut self, name: &str, value: impl IntoIterator<Item = Cow<'a, str>>) {
        let separator = if self.0.is_empty() { '{' } else { ',' };
        self.0.push(format!("{separator}{}:", to_json(name)).into());
        self.0.extend(value);
    }

    fn finish(mut self) -> Pieces<'a> {
        self.0.push(if self.0.is_empty() { "{}" } else { "}" }.into());
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn convert(role: Role, json: &str) -> Result<String, String> {
        let message = RawMessage { role, json: json.to_owned(), place: String::new() };
        super::convert(&message).map(|pieces| pieces.concat())
    }

    #[test]
    fn messages_that_both_apis_understand_stay_unchanged() {
        for json in [
            r#"{ "role": "user", "content": "hi", "name": "Ann", "x": [1.0] }"#,
            r#"{"role":"user","content":"\ud83d"}"#,
            r#"{"role":"user","content":null}"#,
        ] {
            assert_eq!(convert(Role::User, json).as_deref(), Ok(json));
        }
    }

    #[test]
    fn parts_are_renamed() {
        for (role, json, converted) in [
            (
                Role::User,
                r#"{"role":"user","content":[{"type":"text","text":"a b"}, {"type":"image_url","image_url":{"url":"https://a.org/b.png","detail":"low"}}]}"#,
                r#"{"role":"user","content":[{"type":"input_text","text":"a b"},{"type":"input_image","image_url":"https://a.org/b.png","detail":"low"}]}"#,
            ),
            (
                Role::System,
                r#"{"content":[{"text":"a","type":"text","x":{ "y":1}}],"role":"system"}"#,
                r#"{"content":[{"text":"a","type":"input_text","x":{ "y":1}}],"role":"system"}"#,
            ),
            (
                Role::Assistant,
                r#"{"role":"assistant","content":[{"type":"text","text":"a"}]}"#,
                r#"{"role":"assistant","content":[{"type":"output_text","text":"a"}]}"#,
            ),
            (
                Role::User,
                r#"{"role":"user","content":[{"type":"image_url","image_url":{"detail":null,"url":"u"}},{"type":"image_url","image_url":"v"}]}"#,
                r#"{"role":"user","content":[{"type":"input_image","image_url":"u"},{"type":"input_image","image_url":"v"}]}"#,
            ),
            (
                Role::User,
                r#"{"role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_file","file_id":"f"}]}"#,
                r#"{"role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_file","file_id":"f"}]}"#,
            ),
        ] {
            assert_eq!(convert(role, json).as_deref(), Ok(converted));
        }
    }

    #[test]
    fn empty_calls_and_refusals_are_omitted() {
        for empty in ["null", "[]", "\"\"", "{ }", "[ ]"] {
            let json = format!(
                r#"{{"role":"assistant","tool_calls":{empty},"content":"hi","refusal":{empty},"function_call":{empty}}}"#
            );
            let converted = r#"{"role":"assistant","content":"hi"}"#;
            assert_eq!(convert(Role::Assistant, &json).as_deref(), Ok(converted));
        }
    }

    #[test]
    fn content_that_cannot_be_sent_is_named() {
        let call = r#"{"role":"assistant","content":null,"tool_calls":[{"id":"1"}]}"#;
        for (role, json, named) in [
            (Role::Tool, r#"{"role":"tool","content":"4","tool_call_id":"1"}"#, "role tool"),
            (Role::Assistant, call, "a tool call"),
            (
                Role::Assistant,
                r#"{"role":"assistant","function_call":{"name":"f"}}"#,
                "a tool call",
            ),
            (Role::Assistant, r#"{"role":"assistant","refusal":"No."}"#, "refusal"),
            (
                Role::User,
                r#"{"content":[{"type":"input_audio","input_audio":{}}]}"#,
                "\"input_audio\"",
            ),
            (Role::User, r#"{"content":[{"text":"a"}]}"#, "without a type"),
            (Role::User, r#"{"content":["a"]}"#, "not an object"),
            (Role::User, r#"{"content":[{"type":"image_url","image_url":{}}]}"#, "without a URL"),
            (Role::User, r#"{"content":[{"type":"image_url"}]}"#, "without a URL"),
            (Role::User, r#"{"content":[{"type":"image_url","image_url":null}]}"#, "without a URL"),
            (
                Role::User,
                r#"{"content":[{"type":"image_url","image_url":["u"]}]}"#,
                "without a URL",
            ),
            (Role::User, r#"{"content":[{"type":"text"}]}"#, "without its text"),
            (Role::User, r#"{"content":[{"type":"text","text":null}]}"#, "without its text"),
            (Role::User, r#"["content"]"#, "not an object"),
        ] {
            let why = convert(role, json).expect_err(json);
            assert!(why.contains(named), "{json}: {why}");
        }
    }
}
