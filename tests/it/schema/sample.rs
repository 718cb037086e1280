//! A rehearsal with a schema: a sample that matches, or the name of the keyword that it cannot satisfy.

use serde_json::{Value, json};

use crate::support::{Env, Response, Run, Server, chat, messages};

/// Rehearses with this schema.
fn rehearse(env: &Env, schema: &Value) -> Run {
    env.write("schema.json", schema.to_string());
    env.xask(["-q", "--rehearse", "hi", "--schema", "schema.json"])
}

#[test]
fn a_rehearsal_answers_with_a_sample() {
    let env = Env::new();
    for (schema, sample) in [
        (json!({"type": "string"}), json!("text")),
        (json!({"type": "integer"}), json!(0)),
        (json!({"type": "number"}), json!(0)),
        (json!({"type": "boolean"}), json!(true)),
        (json!({"type": "null"}), json!(null)),
        (json!({"type": ["string", "null"]}), json!("text")),
        (json!({"type": "string", "enum": ["low", "high"]}), json!("low")),
        (json!({"enum": [{"pattern": 1}]}), json!({"pattern": 1})),
        (json!({"const": [1, {"anyOf": 2}]}), json!([1, {"anyOf": 2}])),
        (
            json!({"type": "array", "items": {"type": "array", "items": {"type": "integer"}}}),
            json!([[0]]),
        ),
        (json!({"type": "object"}), json!({})),
        // A property may have the name of a keyword, and a default may look like one.
        (
            json!({"properties": {"pattern": {"type": "string", "default": {"$ref": 1}}, "type": {"const": 1}}}),
            json!({"pattern": "text", "type": 1}),
        ),
        // Keywords that are ignored.
        (
            json!({
                "$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "x", "id": "y", "$comment": "c",
                "title": "t", "description": "d", "examples": [1], "deprecated": false,
                "readOnly": true, "$defs": {"a": {"pattern": "b"}},
                "type": "object", "additionalProperties": false, "required": ["a"],
                "properties": {"a": {"type": "object", "properties": {"b": {"enum": [7]}}}},
            }),
            json!({"a": {"b": 7}}),
        ),
    ] {
        for stream in ["--no-stream", "--stream"] {
            let run = rehearse(&env, &schema).args([stream]).stdout_like("");
            assert_eq!(run.success().json(), sample, "{schema}");
        }
        let run = rehearse(&env, &schema).args(["--json"]).stdout_like("");
        let response = run.success().json();
        let text =
            response["choices"][0]["message"]["content"].as_str().expect("a text").to_owned();
        assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), sample);
    }
}

#[test]
fn a_sample_matches_any_schema_it_was_made_from() {
    let env = Env::new();
    let mut dice = Dice(1);
    for _ in 0..60 {
        let schema = random_schema(&mut dice, 4);
        let sample = rehearse(&env, &schema).stdout_like("").success().json();
        assert!(fits(&schema, &sample), "{sample} does not fit {schema}");
    }
}

/// Numbers that are the same in every run (Knuth's MMIX).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// A schema of the keywords that a rehearsal supports.
fn random_schema(dice: &mut Dice, depth: u64) -> Value {
    let object = |dice: &mut Dice| {
        let names = ["a", "b", "c"].map(|name| (name, dice.below(2) == 0));
        let names = names.into_iter().filter(|(_, is_in)| *is_in).map(|(name, _)| name);
        let properties: serde_json::Map<_, _> =
            names.map(|name| (name.to_owned(), random_schema(dice, depth - 1))).collect();
        let required =
            [["a", "b"], ["b", "d"], ["c", "d"]][usize::try_from(dice.below(3)).expect("small")];
        json!({"type": "object", "properties": properties, "required": required})
    };
    match dice.below(if depth == 0 { 6 } else { 9 }) {
        0 => json!({"type": "string"}),
        1 => json!({"type": ["integer", "null"]}),
        2 => json!({"type": "boolean", "description": "yes or no"}),
        3 => json!({"type": "null"}),
        4 => json!({"enum": [dice.below(10), "x"]}),
        5 => json!({"const": {"a": [dice.below(10)]}}),
        6 => json!({"type": "array", "items": random_schema(dice, depth - 1)}),
        7 => json!({"items": random_schema(dice, depth - 1)}),
        _ => object(dice),
    }
}

/// Validates a value against those keywords.
fn fits(schema: &Value, value: &Value) -> bool {
    let is = |name: &Value| match name.as_str() {
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64(),
        Some("boolean") => value.is_boolean(),
        Some("null") => value.is_null(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => false,
    };
    let members = |of: &Value| of.as_array().cloned().unwrap_or_default();
    schema.as_object().expect("a schema").iter().all(|(keyword, rule)| match keyword.as_str() {
        "type" => is(rule) || members(rule).iter().any(is),
        "enum" => members(rule).contains(value),
        "const" => rule == value,
        "items" => members(value).iter().all(|member| fits(rule, member)),
        "required" => {
            members(rule).iter().all(|name| value.get(name.as_str().expect("a name")).is_some())
        }
        "properties" => rule
            .as_object()
            .expect("properties")
            .iter()
            .all(|(name, rule)| value.get(name).is_none_or(|value| fits(rule, value))),
        "description" => true,
        other => panic!("{other} is not one of them"),
    })
}

/// Keywords that restrict a value in ways that a sample does not support.
const RESTRICTING: &str = "$ref $dynamicRef pattern format minLength maxLength minimum maximum exclusiveMinimum \
    exclusiveMaximum multipleOf minItems maxItems uniqueItems contains prefixItems minProperties \
    maxProperties patternProperties propertyNames dependentRequired anyOf allOf oneOf not if \
    whatever";

#[test]
fn a_keyword_that_a_sample_cannot_satisfy_is_named() {
    let env = Env::new();
    for keyword in RESTRICTING.split(' ') {
        let restricted = json!({"type": "string", keyword: 1});
        for schema in [
            restricted.clone(),
            json!({"type": "object", "properties": {"a": {"type": "null"}, "b": restricted}}),
            json!({"type": "array", "items": {"type": "object", "required": ["a"], "properties": {"a": restricted}}}),
        ] {
            let error = messages::error(&format!(
                "--schema: a rehearsal does not support the keyword {keyword}"
            ));
            rehearse(&env, &schema).case(schema.to_string()).stderr_like(error).code(2);
        }
    }
    for (schema, what) in [
        (json!({"enum": []}), "an enum without a value that matches the type"),
        (json!({"type": "string", "enum": [5]}), "an enum without a value that matches the type"),
        (json!({"type": 5}), "a type that is neither a string nor a list of strings"),
        (json!({"type": "thing"}), "the type thing"),
        (json!({"type": "object", "properties": {"a": false}}), "a schema that is not an object"),
    ] {
        rehearse(&env, &schema).case(schema.to_string()).fails(2, &[what]);
    }
}

#[test]
fn a_value_of_an_enum_matches_its_type_too() {
    let schema = json!({"type": "string", "enum": [5, "a"]});
    rehearse(&Env::new(), &schema).stdout("\"a\"\n").success();
}

#[test]
fn a_schema_too_deep_for_a_sample_is_reported_as_such() {
    let env = Env::new();
    let levels = 200;
    let deep = r#"{"type":"array","items":"#.repeat(levels) + "{}" + &"}".repeat(levels);
    env.write("schema.json", deep);
    let run = env.xask(["-q", "--rehearse", "hi", "--schema", "schema.json"]);
    run.fails(2, &["nested this deeply"]);
}

#[test]
fn unsupported_keywords_matter_only_for_a_sample() {
    let env = Env::new();
    let schema = json!({"type": "string", "pattern": "^a"});
    let run = rehearse(&env, &schema).env("XASK_REHEARSE", "1").args(["--dry-run"]);
    let body = run.stdout_like("").success().json();
    assert_eq!(body["response_format"]["json_schema"]["schema"], schema);
    let server = Server::respond(Response::json(200, chat::completion("\"b\"")));
    // The API enforces its restrictions.
    let run = env.xask(["hi", "--schema", "schema.json"]).server(&server);
    run.stdout("\"b\"\n").success();
    for (case, code) in [("length", 9), ("429", 5), ("offline", 6)] {
        let run = env.xask(["-q", "hi", "--schema", "schema.json"]).env("XASK_REHEARSE", case);
        run.stdout_like("").fails(code, &[]);
    }
}
