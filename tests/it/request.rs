//! `request`: what is sent, field by field, and how a dry run shows it.

use crate::support::{Env, Server, four};
use serde_json::{Value, json};

const HI: &str = r#"{"model":"grok-4","messages":[{"role":"user","content":"hi"}]"#;

/// The body with the prompt `hi` and these fields after the messages.
fn hi_with(fields: &str) -> String {
    let comma = if fields.is_empty() { "" } else { "," };
    format!("{HI}{comma}{fields}}}")
}

#[test]
fn nothing_is_sent_that_was_not_given() {
    let env = Env::new();
    let server = Server::respond(four());
    env.xask(["hi"]).server(&server).stdout("Four.\n").success();
    let request = server.request();
    assert_eq!(request.body, hi_with("").as_bytes());
    assert_eq!((&*request.method, &*request.path), ("POST", "/v1/chat/completions"));
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("content-length"), Some(&*request.body.len().to_string()));
    assert_eq!(request.header("transfer-encoding"), None);

    // Flags that are not fields leave no trace either.
    let none =
        ["hi", "--json", "--usage", "--no-stream", "-q", "--timeout=9", "--connect-timeout=9"];
    assert_eq!(env.dry(none).text(), hi_with(""));
    assert_eq!(env.dry(["hi", "--base-url", "http://localhost:1/v2"]).text(), hi_with(""));
}

#[test]
fn each_flag_sets_the_field_of_its_name() {
    let env = Env::new();
    let cases: &[(&[&str], &str)] = &[
        (&["--max-tokens", "1"], r#""max_completion_tokens":1"#),
        (&["--max-tokens=18446744073709551615"], r#""max_completion_tokens":18446744073709551615"#),
        (&["-t", "0"], r#""temperature":0"#),
        (&["--temperature", "2"], r#""temperature":2"#),
        (&["--temperature=.5"], r#""temperature":0.5"#),
        (&["-t", "0.7"], r#""temperature":0.7"#),
        (&["-t", "1e-7"], r#""temperature":0.0000001"#),
        (&["--top-p", "1"], r#""top_p":1"#),
        (&["--top-p", "0.95"], r#""top_p":0.95"#),
        (&["--seed", "0"], r#""seed":0"#),
        (&["--seed", "-2147483648"], r#""seed":-2147483648"#),
        (&["--seed=2147483647"], r#""seed":2147483647"#),
        (&["--reasoning-effort", "low"], r#""reasoning_effort":"low""#),
        (&["--reasoning-effort", "of my \"own\""], r#""reasoning_effort":"of my \"own\"""#),
        (&["--stop", "END"], r#""stop":["END"]"#),
        (
            &["--stop=b", "--stop", "a", "--stop", "-", "--stop", "\n"],
            r#""stop":["b","a","-","\n"]"#,
        ),
    ];
    for (args, field) in cases {
        let body = env.dry(args.iter().copied().chain(["hi"])).text();
        assert_eq!(body, hi_with(field), "{args:?}");
    }
    let all = ["hi", "--seed=1", "-t1", "--stop=x", "-p", "user=me", "--top-p=1", "--max-tokens=5"];
    let expected = json!({"model": "grok-4", "messages": [{"role": "user", "content": "hi"}], "seed": 1,
        "temperature": 1, "stop": ["x"], "user": "me", "top_p": 1, "max_completion_tokens": 5});
    let body: Value = serde_json::from_str(&env.dry(all).text()).expect("JSON");
    assert_eq!(body, expected);
}

#[test]
fn more_than_four_stops_are_a_usage_error() {
    let server = Server::never();
    let args = ["hi", "--stop=a", "--stop=b", "--stop=c", "--stop=d", "--stop=e"];
    Env::new().xask(args).server(&server).refused(2, &["--stop", "4"]);
}

#[test]
fn a_parameter_is_sent_as_typed_if_it_is_json_and_otherwise_as_a_string() {
    let env = Env::new();
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    let cases = [
        ("1.50", "1.50"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("-0.10000000000000000000000001", "-0.10000000000000000000000001"),
        ("1e400", "1e400"),
        ("1E+02", "1E+02"),
        ("-0", "-0"),
        ("true", "true"),
        ("null", "null"),
        (r#"{"b":1.0,"a":{"z":[],"y":null},"b":2}"#, r#"{"b":1.0,"a":{"z":[],"y":null},"b":2}"#),
        ("[1, 2.00]", "[1,2.00]"),
        (r#""5""#, r#""5""#),
        (r#""a\u0041\/""#, r#""a\u0041\/""#),
        (&deep, &deep),
        // Strings.
        ("auto", r#""auto""#),
        ("", r#""""#),
        ("a=b=c", r#""a=b=c""#),
        ("01", r#""01""#),
        (".5", r#"".5""#),
        ("+1", r#""+1""#),
        ("1 2", r#""1 2""#),
        ("0x10", r#""0x10""#),
        ("NaN", r#""NaN""#),
        ("True", r#""True""#),
        ("'x'", r#""'x'""#),
        (r#"{"a":"#, r#""{\"a\":""#),
        ("[1,]", r#""[1,]""#),
        ("\"open", r#""\"open""#),
        ("a\n\u{1b}\u{2028}é", "\"a\\n\\u001b\u{2028}é\""),
        ("-x", r#""-x""#),
    ];
    for (value, sent) in cases {
        let body = env.dry(["hi", "-p", &format!("user={value}")]).text();
        assert_eq!(body, hi_with(&format!(r#""user":{sent}"#)), "{value}");
    }
}

#[test]
fn a_parameter_of_several_lines_keeps_the_body_on_one_line() {
    let typed = "user={\r\n  \"a\": [1.50,\n\t\"b  c\"]\n}\n";
    let body = Env::new().dry(["hi", "-p", typed]).text();
    assert_eq!(body.lines().count(), 1, "{body}");
    let value: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(value["user"], json!({"a": [1.5, "b  c"]}));
    assert!(body.contains("1.50"), "{body}");
}

#[test]
fn parameters_keep_their_order_and_their_names() {
    let env = Env::new();
    let args = ["-p", "z=1", "hi", "--param=a.b=2", "-pA=3", "-p", "odd \"key\"\n=4", "--seed=5"];
    let expected = r#""seed":5,"z":1,"a.b":2,"A":3,"odd \"key\"\n":4"#;
    assert_eq!(env.dry(args).text(), hi_with(expected));
    // On the wire too, although JSON parsers cannot represent the number.
    let server = Server::respond(four());
    let args = ["hi", "-p", "big=123456789012345678901234567890", "-p", "price=1.50"];
    env.xask(args).server(&server).stdout("Four.\n").success();
    let expected = hi_with(r#""big":123456789012345678901234567890,"price":1.50"#);
    assert_eq!(server.request().body, expected.as_bytes());
}

#[test]
fn param_cannot_set_a_field_of_the_programs_own() {
    let (env, server) = (Env::new(), Server::never());
    for field in ["model", "messages", "stream", "stream_options", "n", "deferred"] {
        for value in ["1", "null", "", "x"] {
            let param = format!("{field}={value}");
            env.xask(["hi", "-p", &param]).server(&server).refused(2, &["--param", field]);
        }
    }
    // In another case, or longer, their names are other fields.
    assert_eq!(
        env.dry(["hi", "-p", "N=1", "-p", "models=2"]).text(),
        hi_with(r#""N":1,"models":2"#)
    );
}

#[test]
fn a_field_given_twice_is_named_in_a_usage_error() {
    let (env, server) = (Env::new(), Server::never());
    let cases = [
        ("--max-tokens=1", "max_completion_tokens", "already set by another option"),
        ("--temperature=1", "temperature", "already set by another option"),
        ("--top-p=1", "top_p", "already set by another option"),
        ("--seed=1", "seed", "already set by another option"),
        ("--stop=x", "stop", "already set by another option"),
        ("--reasoning-effort=low", "reasoning_effort", "already set by another option"),
        ("--param=user=x", "user", "given twice"),
    ];
    for (flag, field, why) in cases {
        let param = format!("--param={field}=1");
        for args in [["hi", flag, &param], ["hi", &param, flag]] {
            env.xask(args).server(&server).refused(2, &["--param", field, why]);
        }
        // Each of them may be given once.
        assert_eq!(env.dry(["hi", &param]).text(), hi_with(&format!(r#""{field}":1"#)));
    }
}

#[test]
fn a_dry_run_prints_what_would_be_sent() {
    let env = Env::new();
    env.write("file", "text\u{1}\n");
    let args: &[&[&str]] = &[
        &["hi"],
        &["-m", "m", "-s", "Be brief.", "-", "-f", "file", "-t=0.5", "-p", "user=\"é\""],
        &["--developer", "x", "a", "--stream", "--usage"],
    ];
    for args in args {
        // A response to a request for a stream may still be whole.
        let server = Server::respond(four());
        env.xask(*args).stdin("in\n").server(&server).any_output().success();
        let dry = env.dry(args.iter().copied()).stdin("in\n").text();
        assert_eq!(dry.as_bytes(), server.request().body, "{args:?}");
    }
}

#[test]
fn a_dry_run_needs_no_key_no_network_and_no_rehearsal() {
    let (env, server) = (Env::new(), Server::never());
    let expected = format!("{}\n", hi_with(""));
    env.dry(["hi"]).stdout(expected.clone()).success();
    env.dry(["hi"]).server(&server).key("xai-key").stdout(expected.clone()).success();
    env.dry(["hi"]).env("XAI_API_KEY_FILE", "missing").stdout(expected.clone()).success();
    env.dry(["hi"]).env("SSL_CERT_FILE", "missing").stdout(expected.clone()).success();
    // It takes precedence over a rehearsal, and is not an answer: neither its JSON nor its usage is printed.
    env.dry(["hi", "--rehearse=500"]).stdout(expected.clone()).success();
    env.dry(["hi"]).env("XASK_REHEARSE", "1").stdout(expected.clone()).success();
    env.dry(["hi", "--json", "--usage"]).stdin("unread").stdout(expected).success();
}
