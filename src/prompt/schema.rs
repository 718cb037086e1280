//! The `--schema` file.

use std::fs;
use std::path::{self, Path};

use anyhow::{Context, Result};
use serde_json::value::RawValue;

use crate::api::Schema;
use crate::error::Failure;
use crate::file::{self, Limit, without_bom};
use crate::json::minify;

/// The longest name of a schema, in characters (API reference, `response_format.json_schema.name`).
const MAX_NAME: usize = 64;

/// Reads a schema. What it says is for the API to enforce.
///
/// # Errors
///
/// Exit status 2 where the file cannot be read or holds no JSON object.
pub fn load(path: &Path) -> Result<Schema> {
    let file = path.display().to_string();
    let unusable = |why: &str| Failure::usage(format!("{file}: {why}"));
    let bytes = file::read(path, Limit::SCHEMA).with_context(|| Failure::usage(file.clone()))?;
    let json: &RawValue = match serde_json::from_slice(without_bom(&bytes)) {
        Ok(json) => json,
        Err(error) => return Err(unusable(&format!("the schema is not JSON: {error}")).into()),
    };
    if !json.get().starts_with('{') {
        return Err(unusable("the schema is not a JSON object").into());
    }
    Ok(Schema { name: schema_name(path), json: minify(json) })
}

/// The file's stem, in the characters that a name may have; `schema` for what has no name of its own, as
/// the pipe of `<(…)`, whose number changes from run to run.
fn schema_name(path: &Path) -> String {
    let is_file = fs::metadata(path).is_ok_and(|found| found.is_file());
    let is_special = path::absolute(path)
        .is_ok_and(|path| ["/dev", "/proc"].iter().any(|folder| path.starts_with(folder)));
    if !is_file || is_special {
        return "schema".to_owned();
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let allowed = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' };
    stem.chars().take(MAX_NAME).map(allowed).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_schema_is_named_after_its_file() {
        let folder = tempfile::tempdir().expect("a folder");
        for (file, name) in [
            ("bug-report.json", "bug-report"),
            ("b c.schema.json", "b_c_schema"),
            ("\u{e9}t\u{e9}.json", "_t_"),
            (&"x".repeat(70), &"x".repeat(64)),
        ] {
            let path = folder.path().join(file);
            fs::write(&path, "{}").expect("it is written");
            assert_eq!(load(&path).expect(file).name, name);
        }
    }

    #[test]
    fn a_schema_that_is_not_a_regular_file_is_named_schema() {
        let folder = tempfile::tempdir().expect("a folder");
        let link = folder.path().join("null.json");
        symlink("/dev/null", &link).expect("a link");
        for path in ["/dev/fd/63", "/proc/self/status", "/dev/null"].map(Path::new) {
            assert_eq!(schema_name(path), "schema", "{}", path.display());
        }
        assert_eq!(schema_name(&link), "schema");
    }

    #[test]
    fn a_byte_order_mark_is_not_part_of_a_schema() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.json");
        fs::write(&path, b"\xef\xbb\xbf{ \"type\": \"object\" }\n").expect("it is written");
        assert_eq!(load(&path).expect("it is a schema").json, r#"{"type":"object"}"#);
    }
}
