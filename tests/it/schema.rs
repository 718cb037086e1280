//! `--schema`: the form of an answer is requested as given in a file, and an answer that is not JSON is
//! unusable.

mod sample;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde_json::json;

use crate::support::{Env, Response, Server, answer, chat, four, unprivileged};

const NOT_JSON: &str = "the answer is not valid JSON, which --schema requires";

/// A schema, one token per line. Only the white space between them may change, not order, duplicates, numbers or
/// escapes.
const TOKENS: &str = r#"{
"type"
:
"object"
,
"b"
:
1
,
"a"
:
2
,
"a"
:
3
,
"n"
:
[
1.50
,
-1e2
,
123456789012345678901234567890
]
,
"\u0041 /\/  "
:
" \"  \\"
,
"\\\" :"
:
null
}"#;

#[test]
fn a_schema_is_sent_as_in_its_file_without_white_space_between_tokens() {
    let env = Env::new();
    let schema = TOKENS.replace('\n', "");
    let server = Server::play([0; 2].map(|_| answer("{}")));
    for file in [TOKENS.replace('\n', ""), format!("\n {} \n\n", TOKENS.replace('\n', " \r\n\t"))] {
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
fn a_schema_is_named_after_its_file() {
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
fn a_schema_from_a_pipe_or_a_device_has_a_default_name() {
    let env = Env::new();
    env.write("s.json", "{}");
    for script in [
        "xask --dry-run hi --schema /dev/fd/3 3<s.json",
        "xask --dry-run hi --schema /proc/self/fd/3 3<s.json",
        "cat s.json | xask --dry-run hi --schema /dev/fd/3 3<&0 </dev/null",
        "mkfifo pipe.json; cat s.json >pipe.json & xask --dry-run hi --schema pipe.json",
    ] {
        let body = env.sh(script).stdout_like("").success().json();
        assert_eq!(body["response_format"]["json_schema"]["name"], "schema", "{script}");
    }
}

#[test]
fn an_invalid_schema_is_a_usage_error_before_anything_is_sent() {
    let env = Env::new();
    let never = Server::never();
    let refuse = |file: &str, why: &str| {
        let run = env.xask(["hi", "--schema", file]).server(&never);
        run.fails(2, &[&format!("{file}: {why}")]);
    };
    refuse("missing", "no such file or directory");
    refuse(".", "is a directory");
    for bytes in [&b""[..], b" ", b"{", b"{} {}", b"{'a':1}", b"{\"a\":\"\xff\"}"] {
        env.write("schema", bytes);
        refuse("schema", "the schema is not JSON");
    }
    for bytes in ["[]", "true", "null", "7", "\"{}\""] {
        env.write("schema", bytes);
        refuse("schema", "the schema is not a JSON object");
    }
    unprivileged(|| {
        let env = Env::new();
        env.write_unreadable("shut", "{}");
        let error = "xask: error: shut: permission denied\n";
        env.xask(["hi", "--schema", "shut"]).stderr(error).code(2);
    });
}

#[test]
fn a_response_format_can_be_given_only_once() {
    let env = Env::new();
    env.write("schema.json", "{}");
    let param = ["hi", "-p", r#"response_format={"type":"json_object"}"#];
    let run = env.xask(param).args(["--schema", "schema.json"]);
    run.fails(2, &["--param cannot set \"response_format\": already set by another option"]);
    // With only --param it is a field like any other: the answer is not checked.
    let server = Server::respond(four());
    env.xask(param).server(&server).stdout("Four.\n").success();
    assert_eq!(server.request().json()["response_format"], json!({"type": "json_object"}));
}

#[test]
fn an_answer_that_is_json_is_usable() {
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
            text.chars().map(|c| chat::chunk(json!({"content": c}), None)).collect();
        let events = [&events[..], &[chat::chunk(json!({}), Some("stop"))]].concat();
        let responses = [answer(text), Response::sse(&events)];
        let server = Server::play(responses);
        let end = if text.ends_with('\n') { "" } else { "\n" };
        for stream in ["--no-stream", "--stream"] {
            let run =
                env.xask(["hi", "--schema", "schema.json", stream]).server(&server).case(text);
            run.stdout(format!("{text}{end}")).success();
        }
    }
}

#[test]
fn an_answer_that_is_not_json_is_printed_and_unusable() {
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
        let events = chat::stream_of(&[text], Some("stop"));
        let server = Server::play([answer(text), Response::sse(&events)]);
        let end = if text.ends_with('\n') { "" } else { "\n" };
        for stream in ["--no-stream", "--stream"] {
            let run =
                env.xask(["hi", "--schema", "schema.json", stream]).server(&server).case(text);
            run.stdout(format!("{text}{end}")).fails(9, &[NOT_JSON]);
        }
    }
}

#[test]
fn with_the_json_of_a_response_the_answer_still_decides() {
    let env = Env::new();
    env.write("schema.json", "{}");
    for (text, code) in [("4", 0), ("Four.", 9)] {
        let response = chat::completion(text);
        let server = Server::respond(Response::json(200, &*response));
        let run = env.xask(["hi", "--schema", "schema.json", "--json"]).server(&server);
        let run = run.stdout(format!("{response}\n"));
        run.ends(code, &[NOT_JSON]);
    }
}

#[test]
fn the_reason_an_answer_ended_is_reported_before_invalid_json() {
    let env = Env::new();
    env.write("schema.json", "{}");
    for (overrides, printed, why) in [
        (json!({"content": "{\"a\":", "finish_reason": "length"}), "{\"a\":\n", "token limit"),
        (json!({"content": "{}", "finish_reason": "length"}), "{}\n", "token limit"),
        (json!({"content": null, "refusal": "No."}), "No.\n", "refused"),
        (json!({"content": ""}), "", "the answer is empty"),
    ] {
        let server = Server::respond(Response::json(200, chat::completion_with(overrides)));
        let run = env.xask(["hi", "--schema", "schema.json"]).server(&server).case(why);
        run.stdout(printed).fails(9, &[why]);
    }
}

#[test]
fn an_answer_that_is_not_json_is_stored_nowhere() {
    let env = Env::new();
    env.write("schema.json", "{}");
    env.write("file", "old");
    let server = Server::respond(four());
    let run =
        env.xask(["hi", "--schema", "schema.json", "-o", "file", "-c", "talk"]).server(&server);
    run.stdout("Four.\n").fails(9, &[NOT_JSON]);
    assert_eq!(env.read("file"), b"old");
    assert_eq!(env.names(), ["file", "schema.json"]);
}
