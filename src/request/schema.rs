//! The form an answer is to have: `response_format` (xAI API reference, "Structured outputs").

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;
use serde_json::value::RawValue;

use super::compact;
use crate::error::Failure;

/// The longest name of a schema, in characters (API reference, `response_format.json_schema.name`).
const MAX_NAME: usize = 64;

/// A JSON schema, as it stands in its file.
#[derive(Debug)]
pub struct Schema {
    name: String,
    json: Box<RawValue>,
}

impl Schema {
    /// Reads a schema. What it says is the service's to enforce.
    ///
    /// # Errors
    ///
    /// A usage failure where the file cannot be read or holds no JSON object.
    pub fn read(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let unusable = |why: &str| Failure::usage(format!("{name}: {why}"));
        let text = fs::read(path).with_context(|| Failure::usage(name.clone()))?;
        let json: Box<RawValue> = match serde_json::from_slice(&text) {
            Ok(json) => json,
            Err(error) => return Err(unusable(&format!("the schema is not JSON: {error}")).into()),
        };
        if !json.get().starts_with('{') {
            return Err(unusable("the schema is not a JSON object").into());
        }
        Ok(Self { name: schema_name(path), json })
    }

    /// The `response_format` of a request, strict.
    pub fn response_format(&self) -> String {
        let (name, json) = (&self.name, compact(&self.json));
        format!(
            r#"{{"type":"json_schema","json_schema":{{"name":"{name}","schema":{json},"strict":true}}}}"#
        )
    }

    /// The schema as data; `None` of one that is nested too deeply to be looked at.
    pub fn value(&self) -> Option<Value> {
        serde_json::from_str(self.json.get()).ok()
    }
}

/// The file's stem, in the characters a name may have.
fn schema_name(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let allowed = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' };
    stem.chars().take(MAX_NAME).map(allowed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_named_after_its_file() {
        for (path, name) in [
            ("bug-report.json", "bug-report"),
            ("a/b c.schema.json", "b_c_schema"),
            ("\u{e9}t\u{e9}.json", "_t_"),
            (&"x".repeat(70), &"x".repeat(64)),
        ] {
            assert_eq!(schema_name(Path::new(path)), name);
        }
    }
}
