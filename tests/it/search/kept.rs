//! Recorded searches, and how a search is recognized in a response.

use serde_json::json;

use super::{KERNEL, cited, in_http, search};
use crate::support::responses::{cited_message, message, response, web_search};
use crate::support::{Env, Server};

#[test]
fn a_recorded_answer_to_a_search_gives_a_note_with_its_age() {
    let env = Env::new();
    let server = Server::respond(in_http(&cited()));
    let run = || search(&env, ["--cache", "answers", "--sources", "s"]).server(&server);
    run().stdout("Seven.\n").success();
    let output = run().stdout("Seven.\n").stderr_like("xask: note: ").success();
    assert_eq!(output.notes().lines().count(), 1, "{}", output.notes());
    let of_it = output.notes().to_owned();
    assert!(of_it.contains("cache") || of_it.contains("recorded"), "{of_it}");
    run().args(["-q", "--offline"]).stdout("Seven.\n").success();
    // An answer without a search needs no note.
    let env = Env::new();
    let server = Server::respond(in_http(&response(&[message("Seven.")])));
    let run = || env.xask(["--api", "responses", "--cache", "answers", "hi"]).server(&server);
    run().stdout("Seven.\n").success();
    run().stdout("Seven.\n").success();
}

#[test]
fn a_recorded_answer_without_required_sources_counts_as_not_recorded() {
    let env = Env::new();
    let unsearched = response(&[message("Seven.")]);
    let server = Server::play([in_http(&unsearched), in_http(&cited())]);
    let run = |args: &[&str]| {
        let all = ["--cache", "answers", "-q"].iter().chain(args).copied();
        search(&env, all).server(&server).stdout("Seven.\n")
    };
    run(&[]).success();
    run(&["--offline"]).success();
    run(&["--offline", "--require-sources"]).fails(9, &["search"]);
    run(&["--require-sources"]).success();
    run(&["--offline", "--require-sources"]).success();
}

#[test]
fn a_search_is_recognized_by_its_calls_or_by_the_counters() {
    let env = Env::new();
    let cites = || cited_message("Seven.", &[KERNEL]);
    let call = |kind: &str, name: &str, status: &str| {
        response(&[json!({"type": kind, "name": name, "status": status}), cites()])
    };
    let counted = |usage: serde_json::Value| {
        let mut response = response(&[cites()]);
        response["usage"] = usage;
        response
    };
    for (response, code) in [
        (call("web_search_call", "", "completed"), 0),
        (call("x_search_call", "", "completed"), 0),
        (call("custom_tool_call", "x_keyword_search", "completed"), 0),
        (call("custom_tool_call", "view_x_video", "completed"), 0),
        (call("web_search_call", "", "in_progress"), 0),
        (call("web_search_call", "", "failed"), 9),
        (call("custom_tool_call", "x_keyword_search", "failed"), 9),
        (call("code_interpreter_call", "", "completed"), 9),
        (counted(json!({"server_side_tool_usage_details": {"web_search_calls": 1}})), 0),
        (counted(json!({"server_side_tool_usage_details": {"x_search_calls": 2}})), 0),
        (counted(json!({"server_side_tool_usage_details": {"web_search_calls": 0}})), 9),
        (counted(json!({"server_side_tool_usage_details": {"mcp_calls": 3}})), 9),
        (response(&[web_search(), message("Seven.")]), 9),
    ] {
        let server = Server::respond(in_http(&response));
        let run = search(&env, ["--require-sources", "-q"]).case(&response).server(&server);
        run.stdout("Seven.\n").ends(code, &[]);
    }
}

#[test]
fn an_unusable_answer_shows_and_stores_no_sources() {
    let env = Env::new();
    let mut truncated = cited();
    truncated["status"] = "incomplete".into();
    truncated["incomplete_details"] = json!({"reason": "max_output_tokens"});
    let server = Server::respond(in_http(&truncated));
    search(&env, []).server(&server).stdout("Seven.\n").fails(9, &["token limit"]);
    let server = Server::respond(in_http(&truncated));
    search(&env, ["--sources", "s", "-o", "out"]).server(&server).stdout("Seven.\n").fails(9, &[]);
    assert_eq!(env.names(), [""; 0]);
}

#[test]
fn sources_are_written_before_the_answer_and_may_go_to_a_device() {
    let env = Env::new();
    let server = Server::respond(in_http(&cited()));
    search(&env, ["--sources", "/dev/null"]).server(&server).stdout("Seven.\n").success();
    // If the answer cannot be written, the sources stay written: they belong to the printed answer.
    let server = Server::respond(in_http(&cited()));
    let run = search(&env, ["--sources", "s", "-o", "/dev/full"]).server(&server);
    run.stdout("Seven.\n").fails(1, &["/dev/full"]);
    let server = Server::respond(in_http(&cited()));
    let run = search(&env, ["--sources", "/dev/full", "-o", "out"]).server(&server);
    run.stdout("Seven.\n").fails(1, &["--sources /dev/full"]);
    assert!(!env.path("out").exists());
}
