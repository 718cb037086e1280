//! Which request an answer was recorded for: its path and its exact body, and nothing else.

use super::{ANSWER, entries, offline, record};
use crate::support::images::{data_url, png};
use crate::support::{Env, Server, answer, four};

/// Requests that differ. `/…` is a path at the API's host.
const REQUESTS: [&[&str]; 36] = [
    &["?"],
    &["? "],
    &["? ?"],
    &["?", "--base-url", "/v2"],
    &["?", "--base-url", "/"],
    &["?", "-m", "grok-3"],
    &["?", "-s", "Be brief."],
    &["?", "-s", "Be brief"],
    &["?", "--developer", "Be brief."],
    &["?", "--max-tokens", "9"],
    &["?", "--max-tokens", "10"],
    &["?", "-t", "1"],
    &["?", "--top-p", "1"],
    &["?", "--seed", "1"],
    &["?", "--stop", "1"],
    &["?", "--stop", "1", "--stop", "2"],
    &["?", "--stop", "2", "--stop", "1"],
    &["?", "--reasoning-effort", "low"],
    &["?", "-p", "user=1"],
    &["?", "-p", "user=\"1\""],
    &["?", "-p", "user=1.0"],
    &["?", "-p", "safety_identifier=1"],
    &["?", "--schema", "schema.json"],
    &["?", "--schema", "renamed.json"],
    &["?", "--schema", "other/schema.json"],
    &["?", "-i", "a.png"],
    &["?", "-i", "b.png"],
    &["-i", "a.png", "?"],
    &["-i", "a.png", "-i", "b.png", "?"],
    &["-i", "b.png", "-i", "a.png", "?"],
    &["?", "-i", "a.png", "-d", "low"],
    &["?", "-i", "a.png", "-d", "high"],
    &["?", "-i", "https://example.com/a.png"],
    &["--messages", "said"],
    &["--messages", "answered", "?"],
    &["--messages", "tagged"],
];

#[test]
fn every_part_of_a_request_counts() {
    let env = Env::new();
    let message = r#"{"role":"user","content":"hi"}"#;
    for (name, bytes) in [
        ("schema.json", r#"{"type":"string"}"#),
        ("renamed.json", r#"{"type":"string"}"#),
        ("other/schema.json", r#"{"type":"string","title":"another"}"#),
        ("said", message),
        ("tagged", r#"{"role":"user","content":"hi","name":"me"}"#),
        ("answered", &format!("[{message},{{\"role\":\"assistant\",\"content\":\"Hi.\"}}]")),
    ] {
        env.write(name, bytes);
    }
    env.write("a.png", png(100));
    env.write("b.png", png(101));
    // JSON, which some of them require.
    let text = |n: usize| format!("\"{n}\"");
    let server = Server::play((0..REQUESTS.len()).map(|n| answer(&text(n))));
    let run = |n: usize, root: &str| {
        let at_root = |arg: &str| arg.starts_with('/').then(|| format!("{root}{arg}"));
        let args = REQUESTS[n].iter().map(|arg| at_root(arg).unwrap_or_else(|| (*arg).to_owned()));
        let run = env.xask(["--cache", "answers"]).args(args);
        run.env("XAI_BASE_URL", format!("{root}/v1")).stdout(format!("{}\n", text(n)))
    };
    for n in 0..REQUESTS.len() {
        run(n, server.url().trim_end_matches("/v1")).success();
    }
    assert_eq!(entries(&env).len(), REQUESTS.len());
    for n in 0..REQUESTS.len() {
        run(n, "https://example.com").args(["--offline"]).success();
    }
}

#[test]
fn settings_outside_the_request_do_not_count() {
    let env = Env::new();
    let image = png(100);
    env.write("a.png", &image);
    env.write("folder/b", &image);
    env.write("question", "What is this?\n");
    env.write("empty", "");
    let recorded = ["-s", "Be brief.", "What is", "this?", "-i", "a.png"];
    let server = Server::respond(four());
    env.xask(["--cache", "answers"]).args(recorded).server(&server).stdout(ANSWER).success();
    assert_eq!(server.request().json().get("stream"), None);
    let data = data_url("image/png", &image);
    let same: [&[&str]; 14] = [
        &["--stream"],
        &["--no-stream"],
        &["--quiet"],
        &["--timeout", "7", "--connect-timeout", "7", "--retries", "7", "--retry-lost"],
        &["--model", "grok-4"],
        &["--base-url", "https://example.com/v1"],
        &["--base-url", "https://example.com:444/v1/"],
        &["--base-url", "http://localhost:1/v1"],
        &["--base-url", "http://[::1]:1/v1"],
        // Another command line with the same body.
        &["=", "What is", "-s", "Be brief.", "this?", "-i", "a.png"],
        &["=", "-s", "Be brief.", "What", "is", "this?", "-i", "folder/b"],
        &["=", "-s", "Be brief.", "-f", "question", "-i", "a.png"],
        &["=", "-s", "Be brief.", "What is this?", "-i", &data],
        &["=", "-c", "empty", "-s", "Be brief.", "What is this?", "-i", "a.png"],
    ];
    for args in same {
        let args = match args {
            ["=", args @ ..] => args.to_vec(),
            more => [&recorded[..], more].concat(),
        };
        let run = env.xask(["--cache", "answers", "--offline"]).args(&args);
        run.stdout(ANSWER).success();
    }
}

#[test]
fn the_host_does_not_count_even_if_it_is_short() {
    let env = Env::new();
    record(&env);
    for host in ["s", "t", "http"] {
        let url = format!("https://{host}/v1");
        offline(&env).env("XAI_BASE_URL", url).stdout(ANSWER).success();
    }
}

#[test]
fn an_image_counts_by_its_current_content() {
    let env = Env::new();
    env.write("a.png", png(100));
    let server = Server::play([answer("one"), answer("two")]);
    let run = || env.xask(["--cache", "answers", "-i", "a.png", "?"]).server(&server);
    run().stdout("one\n").success();
    env.write("a.png", png(101));
    run().stdout("two\n").success();
    run().stdout("two\n").success();
    env.write("a.png", png(100));
    run().stdout("one\n").success();
}
