//! The models a key may use (xAI API reference, `GET /v1/models`).

use std::fmt::Write;

use serde_json::json;

use super::lenient::{self, Object, Raw, each, fields, string};
use super::{Answer, error_body};
use crate::error::Failure;
use crate::response::Response;

const NOT_A_LIST: &str = "the response is not a list of models";

fields! {
    /// The whole response.
    struct ModelList<'a> {
        data: Raw<'a> = "data",
    }
}

fields! {
    /// One model.
    struct Model<'a> {
        /// The name that `--model` takes.
        id: Raw<'a> = "id",
    }
}

/// The names, one a line.
///
/// # Errors
///
/// Status 8 if the response is not a list of models, 7 if it is cut.
pub fn parse(bytes: &[u8]) -> Result<Answer, Failure> {
    let read = lenient::parse(bytes, |json| {
        let object: Object<ModelList> = serde_json::from_str(json)?;
        Ok(object.fields().and_then(|list| names(list.data)))
    });
    match read {
        Ok(Some(text)) => Ok(Answer { text, ..Answer::default() }),
        Ok(None) => Err(error_body::not_an_answer(NOT_A_LIST, bytes)),
        Err(why) => Err(error_body::broken(why, bytes, NOT_A_LIST)),
    }
}

/// The names in a list, one a line; `None` if it is no list of models.
fn names(list: Raw) -> Option<String> {
    let mut names = String::new();
    let mut is_list = true;
    let was_list = each(list, |model: Object<Model>| {
        match model.fields().and_then(|model| string(model.id)) {
            Some(id) => push_line(&mut names, &id),
            None => is_list = false,
        }
        is_list
    });
    names.pop();
    (is_list && was_list).then_some(names)
}

/// Adds a line with a name, whose control characters are made visible: a name never takes two lines.
fn push_line(names: &mut String, id: &str) {
    for c in id.chars() {
        // Writing to a string cannot fail.
        let _ = match c {
            '\0'..='\x1f' | '\x7f' => write!(names, "\\x{:02x}", u32::from(c)),
            c if c.is_control() => write!(names, "\\u{{{:x}}}", u32::from(c)),
            c => write!(names, "{c}"),
        };
    }
    names.push('\n');
}

/// A list of one model.
pub fn scripted(model: &str) -> Response {
    let model = json!({ "id": model, "created": 0, "object": "model", "owned_by": "xask" });
    Response::json(200, json!({ "object": "list", "data": [model] }).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_one_line() {
        for (json, text) in [
            (r#"{"data":[{"id":"a"},{"id":"b","owned_by":7}]}"#, Some("a\nb")),
            (
                r#"{"data":[{"id":"a\nb\u001b[2J\u009b\u202e"}]}"#,
                Some("a\\x0ab\\x1b[2J\\u{9b}\u{202e}"),
            ),
            ("\u{feff}{\"data\":[{\"id\":\"a\"}],\"x\":NaN}", Some("a")),
            (r#"{"data":[]}"#, Some("")),
            (r#"{"data":["a"]}"#, None),
            (r#"{"data":[{"name":"a"}]}"#, None),
            (r#"{"data":{"id":"a"}}"#, None),
            (r#"[{"id":"a"}]"#, None),
            (r#"{"data":[["a"]]}"#, None),
        ] {
            let answer = parse(json.as_bytes());
            assert_eq!(answer.ok().map(|answer| answer.text).as_deref(), text, "{json}");
        }
    }
}
