//! A sample that fits a schema, for a rehearsal.
//!
//! Made of `type`, `enum`, `const`, `properties`, `required` and `items`. What else restricts is named
//! and refused: a sample that does not fit would try out the wrong branch of a script.

use serde_json::{Map, Value, json};

use crate::api::Schema;
use crate::error::Failure;

/// Keywords that are used.
const SUPPORTED: [&str; 6] = ["type", "enum", "const", "properties", "required", "items"];

/// Keywords that restrict nothing here: annotations, definitions, and what may be besides.
const IGNORED: [&str; 16] = [
    "$schema",
    "$id",
    "id",
    "$comment",
    "$defs",
    "definitions",
    "title",
    "description",
    "default",
    "example",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "additionalProperties",
    "strict",
];

/// The JSON of the first value that fits, the same every time.
///
/// # Errors
///
/// A usage failure that names the keyword it cannot honour.
pub fn generate(schema: &Schema) -> Result<String, Failure> {
    let value = schema.value().ok_or_else(|| unsupported("a schema nested this deeply"))?;
    Ok(value_for(&value)?.to_string())
}

fn value_for(schema: &Value) -> Result<Value, Failure> {
    let object = match schema {
        Value::Object(object) => object,
        Value::Bool(true) => return Ok(Value::Null),
        _ => return Err(unsupported("a schema that is not an object")),
    };
    if let Some(keyword) = object.keys().find(|key| !is_known(key)) {
        return Err(unsupported(&format!("the keyword {keyword}")));
    }
    let types = types_of(object)?;
    if let Some(value) = object.get("const") {
        return Ok(value.clone());
    }
    if let Some(values) = object.get("enum") {
        let mut values = values.as_array().into_iter().flatten();
        let fits = |value: &&Value| types.is_empty() || types.iter().any(|name| is_a(value, name));
        return values
            .find(fits)
            .cloned()
            .ok_or_else(|| unsupported("an enum without a value that matches the type"));
    }
    match type_of(object, &types) {
        Some("string") => Ok(json!("text")),
        Some("integer" | "number") => Ok(json!(0)),
        Some("boolean") => Ok(json!(true)),
        Some("null") | None => Ok(Value::Null),
        Some("array") => match object.get("items") {
            Some(items) => Ok(json!([value_for(items)?])),
            None => Ok(json!([])),
        },
        Some("object") => sample_object(object),
        Some(other) => Err(unsupported(&format!("the type {other}"))),
    }
}

fn sample_object(schema: &Map<String, Value>) -> Result<Value, Failure> {
    let mut sample = Map::new();
    // Required, but not described: anything fits.
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    sample.extend(required.filter_map(Value::as_str).map(|name| (name.to_owned(), Value::Null)));
    for (name, property) in
        schema.get("properties").and_then(Value::as_object).into_iter().flatten()
    {
        sample.insert(name.clone(), value_for(property)?);
    }
    Ok(Value::Object(sample))
}

/// The types that are named: none, one, or several.
fn types_of(schema: &Map<String, Value>) -> Result<Vec<&str>, Failure> {
    let named = match schema.get("type") {
        None => return Ok(Vec::new()),
        Some(Value::Array(names)) => names.iter().map(Value::as_str).collect(),
        Some(name) => name.as_str().map(|name| vec![name]),
    };
    named
        .filter(|names: &Vec<&str>| !names.is_empty())
        .ok_or_else(|| unsupported("a type that is neither a string nor a list of strings"))
}

/// The type, the first of several; what a schema describes tells it too.
fn type_of<'a>(schema: &Map<String, Value>, types: &[&'a str]) -> Option<&'a str> {
    match types.first() {
        Some(name) => Some(name),
        None if schema.contains_key("properties") || schema.contains_key("required") => {
            Some("object")
        }
        None if schema.contains_key("items") => Some("array"),
        None => None,
    }
}

fn is_a(value: &Value, name: &str) -> bool {
    match value {
        Value::Null => name == "null",
        Value::Bool(_) => name == "boolean",
        Value::Number(number) => name == "number" || (name == "integer" && !number.is_f64()),
        Value::String(_) => name == "string",
        Value::Array(_) => name == "array",
        Value::Object(_) => name == "object",
    }
}

fn is_known(keyword: &str) -> bool {
    SUPPORTED.contains(&keyword) || IGNORED.contains(&keyword)
}

fn unsupported(what: &str) -> Failure {
    Failure::usage(format!("--schema: a rehearsal does not support {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_fits_its_schema() {
        for (schema, sample) in [
            (json!({"type": "string"}), json!("text")),
            (json!({"type": "integer"}), json!(0)),
            (json!({"type": "boolean"}), json!(true)),
            (json!({"type": "null"}), json!(null)),
            (json!({"type": ["number", "null"]}), json!(0)),
            (json!({"enum": ["low", "high"]}), json!("low")),
            (json!({"const": 7, "description": "seven", "id": "x"}), json!(7)),
            (json!({"type": "array", "items": {"type": "string"}}), json!(["text"])),
            (json!({"type": "array"}), json!([])),
            (json!({}), json!(null)),
            (
                json!({
                    "$schema": "x", "title": "t", "type": "object", "additionalProperties": false,
                    "required": ["a", "c"],
                    "properties": {"a": {"type": "array", "items": {"properties": {"b": {"type": "number"}}}}},
                }),
                json!({"a": [{"b": 0}], "c": null}),
            ),
        ] {
            assert_eq!(value_for(&schema).expect("it can be honoured"), sample, "{schema}");
        }
    }

    #[test]
    fn keywords_that_cannot_be_satisfied_are_named() {
        for keyword in [
            "$ref", "pattern", "minimum", "maxItems", "anyOf", "allOf", "oneOf", "not", "format",
            "if",
        ] {
            let schema =
                json!({"type": "object", "properties": {"a": {"type": "string", keyword: 1}}});
            let failure = value_for(&schema).expect_err(keyword);
            assert!(failure.to_string().contains(keyword), "{failure}");
        }
        assert!(value_for(&json!({"enum": []})).is_err());
        assert!(value_for(&json!({"type": "thing"})).is_err());
    }
}
