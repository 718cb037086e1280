//! `--schema`: the form of an answer is asked for as it stands in a file, and an answer that is no JSON is
//! not fit. A rehearsal answers with a sample.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Env, Reply, Run, Server, answer, four, powerless, replies, says};

const NOT_JSON: &str = "the answer is not the JSON that --schema asks for";

/// Rehearses with this schema.
fn rehearse(env: &Env, schema: &Value) -> Run {
    env.write("schema.json", schema.to_string());
    env.xask(["-q", "--rehearse", "hi", "--schema", "schema.json"])
}

#[test]
fn a_schema_is_sent_as_it_stands_in_its_file_less_the_space_between() {
    let env = Env::new();
    // Nothing else in it is ours to change: order, doubles, numbers, escapes. The body stays one line.
    let tokens = [
        "{",
        r#""type""#,
        ":",
        r#""object""#,
        ",",
        r#""b""#,
        ":",
        "1",
        ",",
        r#""a""#,
        ":",
        "2",
        ",",
        r#""a""#,
        ":",
        "3",
        ",",
        r#""n""#,
        ":",
        "[",
        "1.50",
        ",",
        "-1e2",
        ",",
        "123456789012345678901234567890",
        "]",
        ",",
        r#""\u0041 /\/  ""#,
        ":",
        r#"" \"  \\""#,
        ",",
        r#""\\\" :""#,
        ":",
        "null",
        "}",
    ];
    let schema = tokens.concat();
    let server = Server::play([0; 2].map(|_| answer("{}")));
    for file in [tokens.concat(), format!("\n {} \n\n", tokens.join(" \r\n\t"))] {
        env.write("bug-report.json", file);
        let run = || env.xask(["hi", "--schema", "bug-report.json", "-t", "1"]);
        run().server(&server).stdout("{}\n").success();
        let expected = format!(
            r#"{{"model":"grok-4","messages":[{{"role":"user","content":"hi"}}],"temperature":1,"response_format":{{"type":"json_schema","json_schema":{{"name":"bug-report","schema":{schema},"strict":true}}}}}}"#
        );
        let requests = server.requests();
        let sent = &requests.last().expect("it was asked").body;
        assert_eq!(String::from_utf8_lossy(sent), expected);
        run().args(["--dry-run"]).stdout(format!("{expected}\n")).success();
    }
}

#[test]
fn it_is_named_after_its_file() {
    let long = "x".repeat(70);
    for (file, name) in [
        (&b"bug-report.json"[..], "bug-report"),
        (b"Bug_Report2.JSON", "Bug_Report2"),
        (b"a b.schema.json", "a_b_schema"),
        (b"folder.json/plain", "plain"),
        ("\u{e9}t\u{e9}.json".as_bytes(), "_t_"),
        (b"\xff.json", "_"),
        (b"\"},{.json", "____"),
        (b".json", "_json"),
        (b"-.json", "-"),
        (format!("{long}.json").as_bytes(), &long[..64]),
    ] {
        let env = Env::new();
        let path = env.write(Path::new(OsStr::from_bytes(file)), "{}");
        let run = env.xask(["hi", "--dry-run", "--schema"]).args([path]).stdout_like("");
        let format = &run.success().json()["response_format"];
        let expected = json!({"name": name, "schema": {}, "strict": true});
        assert_eq!(format, &json!({"type": "json_schema", "json_schema": expected}));
    }
}

#[test]
fn what_is_no_schema_is_refused_before_anything_is_sent() {
    let env = Env::new();
    let never = Server::never();
    let refuse = |file: &str, why: &str| {
        let run = env.xask(["hi", "--schema", file]).server(&never);
        run.stderr_like(says::error(&format!("{file}: {why}"))).code(2);
    };
    refuse("missing", "no such file or directory");
    refuse(".", "is a directory");
    for bytes in
        [&b""[..], b" ", b"{", b"{} {}", b"{'a':1}", b"\xef\xbb\xbf{}", b"{\"a\":\"\xff\"}"]
    {
        env.write("schema", bytes);
        refuse("schema", "the schema is not JSON");
    }
    for bytes in ["[]", "true", "null", "7", "\"{}\""] {
        env.write("schema", bytes);
        refuse("schema", "the schema is not a JSON object");
    }
    let run = env.xask(["hi", "--schema", "schema", "--schema", "schema"]);
    run.stderr_like(says::error("--schema: given more than once")).code(2);
    powerless(|| {
        let env = Env::new();
        env.write_unreadable("shut", "{}");
        let error = "xask: shut: permission denied\n";
        env.xask(["hi", "--schema", "shut"]).stderr(error).code(2);
    });
}

#[test]
fn a_response_format_is_given_once() {
    let env = Env::new();
    env.write("schema.json", "{}");
    let param = ["hi", "-p", r#"response_format={"type":"json_object"}"#];
    let run = env.xask(param).args(["--schema", "schema.json"]);
    run.stderr_like(says::error("--param response_format: this field is given twice")).code(2);
    // By --param alone it is any other field: what the answer is, is not looked at.
    let server = Server::reply(four());
    env.xask(param).server(&server).stdout("Four.\n").success();
    assert_eq!(server.request().json()["response_format"], json!({"type": "json_object"}));
}

#[test]
fn an_answer_that_is_json_is_fit() {
    let deep = "[".repeat(200) + &"]".repeat(200);
    for text in [
        "{}",
        "[]",
        "4",
        "-1.5e300",
        "1e999",
        "123456789012345678901234567890",
        "\"four\"",
        "true",
        "null",
        " \n{\"a\":1}\r\n",
        "{\"a\":1,\"a\":2}",
        "\"\u{1f980}\"",
        &deep,
    ] {
        let env = Env::new();
        env.write("schema.json", "{}");
        let events: Vec<_> =
            text.chars().map(|c| replies::chunk(json!({"content": c}), None)).collect();
        let events = [&events[..], &[replies::chunk(json!({}), Some("stop"))]].concat();
        let replies = [answer(text), Reply::sse(&events)];
        let server = Server::play(replies);
        let end = if text.ends_with('\n') { "" } else { "\n" };
        for stream in ["--no-stream", "--stream"] {
            let run = env.xask(["hi", "--schema", "schema.json", stream]).server(&server);
            run.stdout(format!("{text}{end}")).success();
        }
    }
}

#[test]
fn an_answer_that_is_not_json_is_printed_and_not_fit() {
    for text in [
        "Four.",
        "```json\n{\"a\":1}\n```",
        "```\n{}\n```\n",
        "Here it is: {}",
        "{} {}",
        "{\"a\":1}\n{\"a\":2}",
        "{\"a\":1,}",
        "{'a':1}",
        "{a:1}",
        "{\"a\":1",
        "[1 2]",
        "NaN",
        "True",
        "// four\n4",
        "\u{feff}{}",
    ] {
        let env = Env::new();
        env.write("schema.json", "{}");
        let events = replies::stream_of(&[text], Some("stop"));
        let server = Server::play([answer(text), Reply::sse(&events)]);
        let end = if text.ends_with('\n') { "" } else { "\n" };
        for stream in ["--no-stream", "--stream"] {
            let run = env.xask(["hi", "--schema", "schema.json", stream]).server(&server);
            run.stdout(format!("{text}{end}")).stderr_like(says::error(NOT_JSON)).code(9);
        }
    }
}

#[test]
fn in_the_reply_s_own_json_it_is_still_the_answer_that_counts() {
    let env = Env::new();
    env.write("schema.json", "{}");
    for (text, code) in [("4", 0), ("Four.", 9)] {
        let reply = replies::completion(text);
        let server = Server::reply(Reply::json(200, &*reply));
        let run = env.xask(["hi", "--schema", "schema.json", "--json"]).server(&server);
        let run = run.stdout(format!("{reply}\n"));
        if code == 0 { run } else { run.stderr_like(says::error(NOT_JSON)) }.code(code);
    }
}

#[test]
fn why_an_answer_ended_is_told_before_what_it_is_not() {
    let env = Env::new();
    env.write("schema.json", "{}");
    for (overrides, printed, why) in [
        (json!({"content": "{\"a\":", "finish_reason": "length"}), "{\"a\":\n", "token limit"),
        (json!({"content": "{}", "finish_reason": "length"}), "{}\n", "token limit"),
        (json!({"content": null, "refusal": "No."}), "No.\n", "refused"),
        (json!({"content": ""}), "", "the answer is empty"),
    ] {
        let server = Server::reply(Reply::json(200, replies::completion_with(overrides)));
        let run = env.xask(["hi", "--schema", "schema.json"]).server(&server);
        run.stdout(printed).stderr_like(says::error(why)).code(9);
    }
}

#[test]
fn an_answer_that_is_not_json_is_kept_nowhere() {
    let env = Env::new();
    env.write("schema.json", "{}");
    env.write("file", "old");
    let server = Server::reply(four());
    let run =
        env.xask(["hi", "--schema", "schema.json", "-o", "file", "-c", "talk"]).server(&server);
    run.stdout("Four.\n").stderr_like(says::error(NOT_JSON)).code(9);
    assert_eq!(env.read("file"), b"old");
    assert_eq!(env.names(), ["file", "schema.json"]);
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
        // A property may have the name of a keyword, and a default its look.
        (
            json!({"properties": {"pattern": {"type": "string", "default": {"$ref": 1}}, "type": {"const": 1}}}),
            json!({"pattern": "text", "type": 1}),
        ),
        // What is passed over.
        (
            json!({
                "$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "x", "$comment": "c",
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
        let reply = run.success().json();
        let text = reply["choices"][0]["message"]["content"].as_str().expect("a text").to_owned();
        assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), sample);
    }
}

#[test]
fn a_sample_fits_whatever_schema_it_was_made_from() {
    let env = Env::new();
    let mut dice = Dice(1);
    for _ in 0..60 {
        let schema = random_schema(&mut dice, 4);
        let sample = rehearse(&env, &schema).stdout_like("").success().json();
        assert!(fits(&schema, &sample), "{sample} does not fit {schema}");
    }
}

/// Numbers that are the same every time (Knuth's MMIX).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// A schema of the keywords that a rehearsal knows.
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

/// What a validator says of those keywords.
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

#[test]
fn a_keyword_that_a_sample_cannot_honour_is_named() {
    let env = Env::new();
    for keyword in [
        "$ref",
        "$dynamicRef",
        "pattern",
        "format",
        "minLength",
        "maxLength",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minItems",
        "maxItems",
        "uniqueItems",
        "contains",
        "prefixItems",
        "minProperties",
        "maxProperties",
        "patternProperties",
        "propertyNames",
        "dependentRequired",
        "anyOf",
        "allOf",
        "oneOf",
        "not",
        "if",
        "whatever",
    ] {
        let restricted = json!({"type": "string", keyword: 1});
        for schema in [
            restricted.clone(),
            json!({"type": "object", "properties": {"a": {"type": "null"}, "b": restricted}}),
            json!({"type": "array", "items": {"type": "object", "required": ["a"], "properties": {"a": restricted}}}),
        ] {
            let error = says::error(&format!(
                "--schema: a rehearsal cannot make a sample for the keyword {keyword}"
            ));
            rehearse(&env, &schema).stderr_like(error).code(2);
        }
    }
    for (schema, what) in [
        (json!({"enum": []}), "an enum without values"),
        (json!({"type": "thing"}), "the type thing"),
        (json!({"type": "object", "properties": {"a": false}}), "a schema that is not an object"),
    ] {
        rehearse(&env, &schema).stderr_like(says::error(what)).code(2);
    }
}

#[test]
fn only_a_sample_needs_to_know_the_keywords() {
    let env = Env::new();
    let schema = json!({"type": "string", "pattern": "^a"});
    let run = rehearse(&env, &schema).env("XASK_REHEARSE", "1").args(["--dry-run"]);
    let body = run.stdout_like("").success().json();
    assert_eq!(body["response_format"]["json_schema"]["schema"], schema);
    let server = Server::reply(Reply::json(200, replies::completion("\"b\"")));
    // What it restricts is the service's to enforce.
    let run = env.xask(["hi", "--schema", "schema.json"]).server(&server);
    run.stdout("\"b\"\n").success();
    for (case, code) in [("length", 9), ("429", 5), ("offline", 6)] {
        let run = env.xask(["-q", "hi", "--schema", "schema.json"]).env("XASK_REHEARSE", case);
        run.stdout_like("").stderr_like(says::error("")).code(code);
    }
}
