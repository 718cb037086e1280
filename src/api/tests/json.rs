//! JSON of every kind that parsers are tested with, next to the answer and instead of it, in both APIs.

use super::*;

/// JSON according to RFC 8259: any of it may come with the answer without harm.
const VALID: [&str; 38] = [
    "[]",
    "[[]   ]",
    "[\"\"]",
    " [1] ",
    "[1,null,null,null,2]",
    "{}",
    "{\"\":0}",
    "{\"a\":1,\"a\":2}",
    "{\"a\\u0000b\":0}",
    "{\"min\":-1.0e+28,\"max\":1.0e+28}",
    "0",
    "-0",
    "-123",
    "123.456e78",
    "1E+2",
    "0e+1",
    "20e1",
    "-0.0000000000000000000000000000000000000000000000000000000000000000000001",
    "123456789012345678901234567890123456789012345678901234567890",
    "0.4e00669999999999999999999999999999999999999999999999999999999999999999",
    "-1e+9999",
    "true",
    "null",
    "\"\\u0060\\u012a\\u12AB\"",
    "\"\\uD801\\udc37\"",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
    "\"\\\\u0000\"",
    "\"\\u0000\"",
    "\"a/*b*/c\"",
    "\"\\uDBFF\\uDFFE\"",
    "\"\u{7f}\"",
    "\"\u{2028}\u{2029}\"",
    "\"\u{fffe}\u{10ffff}\"",
    "\"\u{feff}\"",
    // JSON that parsers may accept or reject.
    "\"\\ud800\"",
    "\"\\uDFAA\\uD800\"",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
    "\t\r\n 1 \t\r\n",
];

/// Text that is not JSON, and not one of the numbers that programs write instead either.
const INVALID: [&str; 46] = [
    "",
    ",",
    "[1 true]",
    "[1,]",
    "[,1]",
    "[1,,2]",
    "[3[4]]",
    "[1}",
    "{1:1}",
    "{a:1}",
    "{'a':1}",
    "{\"a\" 1}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{\"a\":1,,}",
    "{\"a\":1 \"b\":2}",
    "{\"a\"=1}",
    "{[]:1}",
    "+1",
    "01",
    "-01",
    "-",
    "--1",
    ".5",
    "1.",
    "1.e1",
    "1e",
    "1e+",
    "0x1F",
    "1_000",
    "1 000",
    "\u{ff11}",
    "tru",
    "True",
    "nul",
    "undefined",
    "'text'",
    "text",
    "\"\\x00\"",
    "\"\\u00A\"",
    "[\"\\uD800\\u\",1,2,3]",
    "\"\\\u{1f600}\"",
    "/* why */ 1",
    "1 // why",
    "<null>",
    "*",
];

const CHAT: &str = r#"{"choices":[{"message":{"content":"Four."},"finish_reason":"stop"}],"x":@}"#;
const CHUNK: &str = r#"{"choices":[{"delta":{"content":"Four."}}],"x":@}"#;
const STOP: &str = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;
const RESPONSE: &str = r#"{"status":"completed","output":[{"type":"message","role":"assistant",
    "content":[{"type":"output_text","text":"Four."}]}],"x":@}"#;

/// A response of each form with `json` next to the answer.
fn responses(json: &str) -> [(Api, &'static str, String); 4] {
    let response = RESPONSE.replace('\n', " ").replace('@', json);
    let terminal = format!(r#"{{"type":"response.completed","response":{response}}}"#);
    // A line end within an event's payload begins another line of it.
    let stream = |payloads: &[&str]| {
        let lines = payloads.iter().map(|payload| payload.replace(['\r', '\n'], "\ndata:"));
        events(&lines.collect::<Vec<_>>().iter().map(String::as_str).collect::<Vec<_>>())
    };
    [
        (Api::Chat, "application/json", CHAT.replace('@', json)),
        (Api::Chat, "text/event-stream", stream(&[&CHUNK.replace('@', json), STOP])),
        (Api::Responses, "application/json", response.clone()),
        (Api::Responses, "text/event-stream", stream(&[&terminal])),
    ]
}

#[test]
fn other_fields_may_be_any_json() {
    for json in VALID {
        for (api, label, response) in responses(json) {
            let read = read_as(api, label, &*response);
            assert_eq!(outcome(&read), usable("Four."), "{api:?} {label} {json}");
        }
    }
}

#[test]
fn invalid_json_is_not_an_answer() {
    for json in INVALID {
        for (api, label, response) in responses(json) {
            let outcome = outcome(&read_as(api, label, &*response));
            assert_eq!(
                outcome.code,
                ExitStatus::Server as u8,
                "{api:?} {label} {json}: {outcome:?}"
            );
        }
    }
}

#[test]
fn json_that_ends_in_the_middle_is_incomplete() {
    for json in [
        "[",
        "[1",
        "[1,",
        "{",
        "{\"a\"",
        "{\"a\":",
        "\"",
        "\"a",
        "\"\\",
        "\"\\u00",
        "[\"a",
        "{\"a\":\"b",
        "-",
        "1.",
        "1e",
        "1e+",
        "{\n\"a\": -",
    ] {
        for (api, whole) in [(Api::Chat, CHAT), (Api::Responses, RESPONSE)] {
            let (cut, _) = whole.split_once('@').expect("it has a place for it");
            assert_fails(&read_json(api, format!("{cut}{json}")), ExitStatus::Incomplete, "", json);
        }
    }
}

#[test]
fn endless_nesting_is_an_error() {
    for open in ["[", "{\"\":"] {
        let deep = open.repeat(100_000);
        for (api, label, response) in responses(&deep) {
            let outcome = outcome(&read_as(api, label, &*response));
            let refused = [ExitStatus::Server as u8, ExitStatus::Incomplete as u8];
            assert!(refused.contains(&outcome.code), "{api:?} {label} {open}: {outcome:?}");
        }
    }
}
