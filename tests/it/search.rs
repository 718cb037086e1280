//! Searches on the server: what is requested, where the sources go, and the outcome of an answer without them.

mod kept;

use serde_json::{Value, json};

use crate::support::responses::{cited_message, events, message, response, stream, web_search};
use crate::support::{Env, Response, Run, Server};

const KERNEL: (&str, &str) = ("https://kernel.org/", "1");
const LWN: (&str, &str) = ("https://lwn.net/a?b=c&d", "LWN");

/// `xask --web-search hi` and more.
fn search<'a>(env: &Env, args: impl IntoIterator<Item = &'a str>) -> Run {
    env.xask(["--web-search", "--retries=0", "hi"].into_iter().chain(args))
}

/// An answer after a search that cites its sources, one of them twice.
fn cited() -> Value {
    response(&[web_search(), cited_message("Seven.", &[KERNEL, LWN, KERNEL])])
}

fn in_http(response: &Value) -> Response {
    Response::json(200, response.to_string())
}

#[test]
fn the_flags_become_tools_with_the_web_first() {
    for (args, tools) in [
        ("--web-search", r#"[{"type":"web_search"}]"#),
        ("--x-search", r#"[{"type":"x_search"}]"#),
        ("--x-search --web-search", r#"[{"type":"web_search"},{"type":"x_search"}]"#),
        (
            "--web-search --domain kernel.org,lwn.net --domain a.org",
            r#"[{"type":"web_search","allowed_domains":["kernel.org","lwn.net","a.org"]}]"#,
        ),
        (
            "--x-search --handle @xai,grok --from-date 2026-02-28 --to-date 2026-11-25",
            r#"[{"type":"x_search","allowed_x_handles":["xai","grok"],"from_date":"2026-02-28","to_date":"2026-11-25"}]"#,
        ),
        ("--x-search --to-date 2024-02-29", r#"[{"type":"x_search","to_date":"2024-02-29"}]"#),
    ] {
        let body = Env::new().dry(args.split(' ').chain(["hi"])).text();
        let expected = format!(
            r#"{{"model":"grok-4","input":[{{"role":"user","content":"hi"}}],"store":false,"tools":{tools}}}"#
        );
        assert_eq!(body, expected, "{args}");
    }
}

#[test]
fn an_invalid_search_is_a_usage_error() {
    let six = "--web-search --domain a.org,b.org,c.org --domain d.org,e.org,f.org";
    let handles: Vec<String> = (0..21).map(|n| format!("h{n}")).collect();
    let handles = format!("--x-search --handle {}", handles.join(","));
    for (args, words) in [
        ("--api chat --web-search", &["--web-search", "--api chat"][..]),
        ("--domain a.org", &["--domain", "--web-search"]),
        ("--x-search --domain a.org", &["--domain", "--web-search"]),
        ("--web-search --handle xai", &["--handle", "--x-search"]),
        ("--web-search --from-date 2026-11-01", &["--from-date", "--x-search"]),
        (six, &["--domain", "5", "6"]),
        (&handles, &["--handle", "20", "21"]),
        ("--web-search --domain https://a.org", &["https://a.org"]),
        ("--web-search --domain a.org/b", &["a.org/b"]),
        ("--x-search --from-date 2026-02-29", &["2026-02-29"]),
        ("--x-search --from-date 2026-11-02 --to-date 2026-11-01", &["2026-11-02", "2026-11-01"]),
        ("--web-search -p tools=[]", &["tools"]),
        ("--sources s", &["--sources", "--web-search"]),
        ("--require-sources", &["--require-sources", "--web-search"]),
        ("--web-search --sources -", &["--sources"]),
        ("--rehearse=searched", &["searched"]),
        ("--rehearse=unsearched", &["searched"]),
    ] {
        let env = Env::new();
        env.xask(args.split(' ').chain(["hi"])).case(args).refused(2, words);
        assert_eq!(env.names(), [""; 0], "{args}");
    }
}

#[test]
fn sources_are_listed_once_each_in_order() {
    let note = format!("xask: source: {}\nxask: source: {}\n", KERNEL.0, LWN.0);
    for (args, http_response) in [
        (&[][..], in_http(&cited())),
        (&["--stream"], stream(&events(&cited()))),
        (&["--json"], in_http(&cited())),
    ] {
        let server = Server::respond(http_response);
        let run = search(&Env::new(), args.iter().copied()).server(&server);
        let printed = match args {
            ["--json"] => format!("{}\n", cited()),
            _ => "Seven.\n".to_owned(),
        };
        run.stdout(printed).stderr(&*note).success();
    }
    let server = Server::respond(in_http(&cited()));
    search(&Env::new(), ["-q"]).server(&server).stdout("Seven.\n").success();
}

#[test]
fn a_file_gets_all_sources_and_only_for_a_usable_answer() {
    let lines = format!("{}\t{}\n{}\t{}\n", KERNEL.0, KERNEL.1, LWN.0, LWN.1);
    let none = response(&[web_search(), message("Seven.")]);
    let blank = response(&[web_search(), cited_message(" ", &[KERNEL])]);
    let odd = response(&[
        web_search(),
        cited_message("Seven.", &[("https://a.org/\n\t", "a\tb\r\n"), ("https://b.org/", "")]),
    ]);
    for (response, code, printed, expected) in [
        (cited(), 0, "Seven.\n", &*lines),
        (none, 0, "Seven.\n", ""),
        (blank, 9, " \n", "old\n"),
        (odd, 0, "Seven.\n", "https://a.org/\tab\nhttps://b.org/\t\n"),
    ] {
        let env = Env::new();
        env.write("links.tsv", "old\n");
        let server = Server::respond(in_http(&response));
        let run = search(&env, ["--sources", "links.tsv"]).case(&response).server(&server);
        run.stdout(printed).ends(code, &[]);
        assert_eq!(String::from_utf8(env.read("links.tsv")).as_deref(), Ok(expected));
        assert_eq!(env.names(), ["links.tsv"]);
    }
}

#[test]
fn an_unwritable_file_of_sources_is_an_error_before_anything_is_sent() {
    let env = Env::new();
    search(&env, ["--sources", "no/links.tsv"])
        .server(&Server::never())
        .refused(1, &["no/links.tsv"]);
    let both = ["--sources", "out", "-o", "out"];
    search(&env, both).server(&Server::never()).refused(2, &["--sources", "--output"]);
}

#[test]
fn an_answer_without_a_search_gets_a_note_and_fails_if_sources_are_required() {
    let searched = response(&[web_search(), message("Seven.")]);
    let unsearched = response(&[message("Seven.")]);
    let failed = json!({"type": "web_search_call", "status": "failed"});
    let failed = response(&[failed, cited_message("Seven.", &[KERNEL])]);
    let custom =
        json!({"type": "custom_tool_call", "name": "x_keyword_search", "status": "completed"});
    let custom = response(&[custom, cited_message("Seven.", &[KERNEL])]);
    for (response, is_required, code, words) in [
        (&searched, false, 0, &[][..]),
        (&searched, true, 9, &["source"]),
        (&unsearched, false, 0, &["note", "search"]),
        (&unsearched, true, 9, &["search"]),
        (&failed, false, 0, &["note", "search"]),
        (&failed, true, 9, &["search"]),
        (&custom, true, 0, &[]),
        (&cited(), true, 0, &[]),
    ] {
        for is_streamed in [false, true] {
            let http_response =
                if is_streamed { stream(&events(response)) } else { in_http(response) };
            let server = Server::respond(http_response);
            let required = is_required.then_some("--require-sources");
            let streamed = is_streamed.then_some("--stream");
            let run = search(&Env::new(), required.into_iter().chain(streamed)).case(response);
            let output = run.server(&server).stdout("Seven.\n").stderr_like("").code(code);
            let notes = output.notes();
            for word in words {
                assert!(notes.contains(word), "{response} {is_required}: {notes}");
            }
            if code == 0 {
                assert_eq!(notes.contains("note:"), words.contains(&"note"), "{notes}");
            }
        }
    }
}

#[test]
fn tools_of_the_user_can_search_too() {
    let tools = r#"tools=[{"type":"web_search","excluded_domains":["b.org"]}]"#;
    let run = |args: &[&str]| {
        let args = [&["--api", "responses", "-p", tools, "hi"], args].concat();
        Env::new().xask(args)
    };
    let server = Server::respond(in_http(&cited()));
    run(&["--require-sources"]).server(&server).stdout("Seven.\n").stderr_like("source:").success();
    assert_eq!(server.request().json()["tools"][0]["excluded_domains"], json!(["b.org"]));
    let server = Server::respond(in_http(&response(&[message("Seven.")])));
    run(&[]).server(&server).stdout("Seven.\n").stderr_like("did not search").success();
    // A tool that is not a search need not be used.
    let server = Server::respond(in_http(&response(&[message("Seven.")])));
    let args = ["--api", "responses", "-p", r#"tools=[{"type":"code_interpreter"}]"#, "hi"];
    Env::new().xask(args).server(&server).stdout("Seven.\n").success();
}

#[test]
fn searches_are_counted_in_the_usage() {
    let mut response = cited();
    response["usage"]["server_side_tool_usage_details"] =
        json!({"web_search_calls": 5, "x_search_calls": 2, "mcp_calls": 0});
    let server = Server::respond(in_http(&response));
    let usage = "total=1079 web_searches=5 x_searches=2 cost_usd=0.00577\n";
    search(&Env::new(), ["--usage", "-q"])
        .server(&server)
        .stdout("Seven.\n")
        .stderr_like(usage)
        .success();
}

#[test]
fn a_search_is_rehearsed_with_its_sources_or_without() {
    let env = Env::new();
    let run = |args: &[&str]| {
        let args = [&["-q", "--web-search", "--sources", "s", "hi"], args].concat();
        env.xask(args).stdout("[rehearsal]\nmodel: grok-4\nuser: hi\n")
    };
    for args in [&["--rehearse"][..], &["--rehearse=searched"], &["--rehearse", "--stream"]] {
        run(&[args, &["--require-sources"]].concat()).success();
        let sources = String::from_utf8(env.read("s")).expect("it is text");
        assert_eq!(sources.lines().count(), 2, "{sources}");
    }
    run(&["--rehearse=unsearched"]).success();
    assert_eq!(env.read("s"), b"");
    run(&["--rehearse=unsearched", "--require-sources"]).fails(9, &["search"]);
}
