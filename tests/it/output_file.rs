//! `--output`: a usable answer goes to a file; otherwise the file stays unchanged and the answer goes
//! to standard output.

mod in_place;
mod place;
mod whole;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde_json::json;

use crate::support::{Env, Response, Server, Tty, answer, chat, escaped, four};

/// The content of a file before the run.
const OLD: &[u8] = b"old\nand longer than the answer that takes its place\n";

/// The answer of `--rehearse hi`.
const REHEARSED: &str = "[rehearsal]\nmodel: grok-4\nuser: hi\n";

#[test]
fn the_answer_goes_to_the_file_and_stdout_stays_empty() {
    let whole = format!("{}\n", chat::completion("Four."));
    let events = chat::stream_of(&["Fo", "ur."], Some("stop"));
    let lines = format!("{}\n", events.join("\n"));
    let models = r#"{"object":"list","data":[{"id":"a"},{"id":"b"}]}"#;
    let cases: [(&[&str], Response, &str); 8] = [
        (&["hi"], four(), "Four.\n"),
        (&["hi"], answer("a\r\nb\x1b\n"), "a\r\nb\x1b\n"),
        (&["hi", "--json"], four(), &whole),
        (&["hi", "--stream"], Response::sse(&events), "Four.\n"),
        (&["hi", "--stream", "--json"], Response::sse(&events), &lines),
        (&["hi", "--stream", "--json"], four(), &whole),
        (&["--list-models"], Response::json(200, models), "a\nb\n"),
        (&["--list-models", "--json"], Response::json(200, models), &format!("{models}\n")),
    ];
    for (args, response, expected) in cases {
        for old in [None, Some(OLD)] {
            let env = Env::new();
            if let Some(old) = old {
                env.write("answer", old);
            }
            let server = Server::respond(response.clone());
            env.xask(["-o", "answer"])
                .server(&server)
                .args(args)
                .case((expected, old.is_some()))
                .success();
            assert_eq!(escaped(&env.read("answer")), escaped(expected.as_bytes()), "{args:?}");
            assert_eq!(env.names(), ["answer"]);
        }
    }
}

#[test]
fn a_dash_is_standard_output() {
    let env = Env::new();
    for args in [&["-o", "-", "hi"][..], &["--output=-", "hi"], &["--list-models", "-o", "-"]] {
        let models = r#"{"data":[{"id":"Four."}],"choices":[{"message":{"content":"Four."}}]}"#;
        let server = Server::respond(Response::json(200, models));
        env.xask(args).server(&server).stdout("Four.\n").success();
    }
    assert_eq!(env.names(), [""; 0]);
}

#[test]
fn a_file_is_exact_even_if_the_answer_is_sanitized_on_a_terminal() {
    let env = Env::new();
    let text = "\x1b[2J\u{202e}\r\n";
    let unusable = chat::completion_with(json!({"content": text, "finish_reason": "length"}));
    let responses = [answer(text), Response::json(200, unusable)];
    let server = Server::play(responses);
    let run = || env.xask(["-o", "answer", "hi"]).server(&server).tty(Tty::Stdout);
    run().success();
    run().on_tty("\\x1b[2J\\u{202e}\n").stderr_like("token limit").code(9);
    assert_eq!(env.read("answer"), text.as_bytes());
}

#[test]
fn a_full_standard_output_does_not_matter() {
    let env = Env::new();
    env.sh("xask -q --rehearse hi -o answer >/dev/full").success();
    env.sh("xask -q --rehearse hi -o closed >&-").success();
    assert_eq!(env.read("answer"), REHEARSED.as_bytes());
    assert_eq!(env.read("closed"), REHEARSED.as_bytes());
}

#[test]
fn a_file_may_have_any_name() {
    let env = Env::new();
    for name in [&b"a b"[..], b"-x", b"new\nline", b"\xff\xfe", "\u{e9}\u{1f980}".as_bytes()] {
        let name = OsStr::from_bytes(name);
        let output = [OsStr::new("--output="), name].join(OsStr::new(""));
        env.xask(["-q", "--rehearse", "hi"]).args([output]).success();
        assert_eq!(env.read(Path::new(name)), REHEARSED.as_bytes());
        fs::remove_file(env.path(Path::new(name))).expect("it is there");
    }
    assert_eq!(env.names(), [""; 0]);
}

#[test]
fn the_output_file_may_also_be_an_input() {
    let env = Env::new();
    env.write("notes", "old");
    env.xask(["-q", "--rehearse", "-f", "notes", "-o", "notes"]).success();
    assert_eq!(env.read("notes"), b"[rehearsal]\nmodel: grok-4\nuser: old\n");
}

#[test]
fn the_old_file_is_replaced_and_not_overwritten() {
    let env = Env::new();
    let path = env.write("answer", OLD);
    fs::hard_link(&path, env.path("other name")).expect("a second name");
    env.xask(["-q", "--rehearse", "hi", "-o", "answer"]).success();
    assert_eq!(env.read("other name"), OLD);
    assert_eq!(env.read("answer"), REHEARSED.as_bytes());
}

#[test]
fn a_file_and_a_conversation_both_get_the_answer() {
    let env = Env::new();
    let server = Server::respond(four());
    env.xask(["-c", "talk", "-o", "answer", "2 + 2?"]).server(&server).success();
    assert_eq!(env.read("answer"), b"Four.\n");
    let lines = "{\"role\":\"user\",\"content\":\"2 + 2?\"}\n\
                 {\"role\":\"assistant\",\"content\":\"Four.\"}\n";
    assert_eq!(escaped(&env.read("talk")), escaped(lines.as_bytes()));
    assert_eq!(env.names(), ["answer", "talk"]);
}

#[test]
fn a_conversation_is_not_replaced_by_its_answer() {
    let env = Env::new();
    env.xask(["-q", "--rehearse", "-c", "talk", "hi"])
        .stdout("[rehearsal]\nmodel: grok-4\nuser: hi\n")
        .success();
    let before = env.read("talk");
    env.link("link", "talk");
    for name in ["talk", "./talk", "link"] {
        let run = env.xask(["-q", "--rehearse", "-c", "talk", "-o", name, "again"]);
        run.stderr_like("--output and --conversation are the same file").code(2);
        assert_eq!(env.read("talk"), before, "{name}");
    }
}
