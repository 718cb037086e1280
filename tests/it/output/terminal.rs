//! What a person at a terminal sees: the answer at once, nothing in it that commands the terminal, and
//! an error on a line of its own. The same bytes through a pipe are exact.

use serde_json::json;

use super::{CUT, cut};
use crate::support::{
    Env, Gate, Reads, Reply, Run, Script, Server, Tty, answer, escaped, four, replies, reply,
    streamed,
};

/// What a model may say, and how a terminal is shown it.
const TEXTS: [(&str, &str); 17] = [
    ("clipboard \x1b]52;c;aGk=\x07", r"clipboard \x1b]52;c;aGk=\x07"),
    ("title \x1b]0;root\x07 \x1b]2;root\x1b\\", r"title \x1b]0;root\x07 \x1b]2;root\x1b\"),
    ("cursor \x1b[2J\x1b[1;1H\x1b[A\x08\x0b\x0c", r"cursor \x1b[2J\x1b[1;1H\x1b[A\x08\x0b\x0c"),
    ("link \x1b]8;;http://a/\x1b\\b\x1b]8;;\x1b\\", r"link \x1b]8;;http://a/\x1b\b\x1b]8;;\x1b\"),
    ("query \x1b[c\x1bP$q\"p\x1b\\\x05", r#"query \x1b[c\x1bP$q"p\x1b\\x05"#),
    ("colour \x1b[31mred\x1b[0m", r"colour \x1b[31mred\x1b[0m"),
    (
        "C1 \u{9b}2J \u{9d}0;root\u{9c} \u{80}\u{85}\u{9f}",
        r"C1 \u{9b}2J \u{9d}0;root\u{9c} \u{80}\u{85}\u{9f}",
    ),
    (
        "bidi \u{202a}\u{202b}\u{202c}\u{202d}\u{202e}abc",
        r"bidi \u{202a}\u{202b}\u{202c}\u{202d}\u{202e}abc",
    ),
    ("isolates \u{2066}\u{2067}\u{2068}\u{2069}", r"isolates \u{2066}\u{2067}\u{2068}\u{2069}"),
    ("NUL \0\x01 DEL \x7f SI \x0e\x0f US \x1f", r"NUL \x00\x01 DEL \x7f SI \x0e\x0f US \x1f"),
    ("lines\none\ttab\n\nend", "lines\none\ttab\n\nend"),
    ("CRLF\r\nends\r\n\r\nlines", "CRLF\nends\n\nlines"),
    ("CR alone\rgoes back\r\r\n", "CR alone\\x0dgoes back\\x0d\n"),
    ("escape at the end\x1b", r"escape at the end\x1b"),
    ("CR at the end\r", r"CR at the end\x0d"),
    (
        "\u{e9}\u{4f60}\u{1f600} \u{200d}\u{200f}\u{a0}\u{ff}\u{2029}\u{ffff}",
        "\u{e9}\u{4f60}\u{1f600} \u{200d}\u{200f}\u{a0}\u{ff}\u{2029}\u{ffff}",
    ),
    // It looks like what is shown of a control character, and is none.
    (r"\x1b[2J", r"\x1b[2J"),
];

/// The text as an event a character: whatever can be split over two events is.
fn split(text: &str) -> Vec<&str> {
    text.char_indices().map(|(at, char)| &text[at..at + char.len_utf8()]).collect()
}

fn stream_of(pieces: &[&str]) -> Reply {
    streamed(pieces)
}

/// A run whose stdout is the terminal.
fn at_terminal(args: &[&str]) -> Run {
    Env::new().xask(args).tty(Tty::Stdout)
}

fn with_newline(text: &str) -> String {
    let newline = if text.ends_with('\n') { "" } else { "\n" };
    format!("{text}{newline}")
}

#[test]
fn nothing_in_an_answer_commands_a_terminal() {
    for (text, safe) in TEXTS {
        let seen = with_newline(safe);
        let server = Server::reply(answer(text));
        at_terminal(&["--no-stream", "hi"]).server(&server).case(text).on_tty(&*seen).success();
        for pieces in [vec![text], split(text)] {
            let server = Server::reply(stream_of(&pieces));
            at_terminal(&["hi"]).server(&server).case(text).on_tty(&*seen).success();
        }
    }
}

#[test]
fn an_escape_split_over_two_reads_is_shown_too() {
    for (text, safe) in [("a\x1b]52;c;aGk=\x07b", r"a\x1b]52;c;aGk=\x07b"), ("a\r\nb", "a\nb")] {
        for at in 1..text.len() {
            let gate = Gate::new();
            let (first, rest) = stream_of(&[&text[..at], &text[at..]]).split(2);
            let server = Server::play([Script::new().send(first).wait(&gate).send(rest)]);
            let mut run = at_terminal(&["hi"])
                .server(&server)
                .case((text, at))
                .on_tty(with_newline(safe))
                .spawn();
            run.read_tty_until("a");
            gate.open();
            run.success();
        }
    }
}

#[test]
fn through_a_pipe_the_bytes_are_exact() {
    for (text, _) in TEXTS {
        let exact = with_newline(text);
        let whole = answer(text);
        let server = Server::reply(whole);
        Env::new().xask(["hi"]).server(&server).case(text).stdout(&*exact).success();
        for pieces in [vec![text], split(text)] {
            let server = Server::reply(stream_of(&pieces));
            let run = Env::new().xask(["--stream", "hi"]).server(&server).case(text);
            // Whether anything else is a terminal makes no difference to the answer.
            run.tty(Tty::Stdin).tty(Tty::Stderr).stdout(&*exact).success();
        }
    }
}

#[test]
fn json_is_safe_on_a_terminal_and_exact_in_a_pipe() {
    // JSON lets all but C0 through as it is.
    let (text, safe) = ("\u{9b}2J\u{202e}\x7f\u{e9}", r"\u{9b}2J\u{202e}\x7fé");
    let whole = replies::completion(text);
    let events = replies::stream_of(&[text], Some("stop"));
    let lines = events.join("\n");
    for (flags, reply, printed) in [
        (&["--json", "hi"][..], Reply::json(200, &*whole), whole),
        (&["--json", "--stream", "hi"], Reply::sse(&events), lines),
    ] {
        assert!(printed.contains(text), "{}", escaped(printed.as_bytes()));
        let server = Server::play([reply.clone(), reply]);
        let seen = printed.replace(text, safe) + "\n";
        at_terminal(flags).server(&server).on_tty(seen).success();
        Env::new().xask(flags).server(&server).stdout(printed + "\n").success();
    }
}

#[test]
fn lines_of_json_end_as_on_a_terminal_and_what_is_no_text_is_not_handed_on() {
    let env = Env::new();
    let server =
        Server::reply(reply(200, "{\r\n\"choices\":[{\"message\":{\"content\":\"a\"}}]}\r\n"));
    let shown = "{\n\"choices\":[{\"message\":{\"content\":\"a\"}}]}\n";
    env.ask(&server, ["--json"]).tty(Tty::Stdout).on_tty(shown).success();
    // Some terminals take a bare \x9b for a command.
    let body = b"{\"x\":\"\x9b2J\",\"choices\":[{\"message\":{\"content\":\"a\"}}]}\n";
    let server = Server::reply(reply(200, body.as_slice()));
    let run = env.ask(&server, ["--json"]).tty(Tty::Stdout);
    run.on_tty("{\"x\":\"\u{fffd}2J\",\"choices\":[{\"message\":{\"content\":\"a\"}}]}\n")
        .success();
}

#[test]
fn a_body_shown_to_a_person_cannot_command_a_terminal() {
    let env = Env::new();
    let args = ["--dry-run", "a\u{7f}\u{9b}2J\u{202e}\u{1b}"];
    let body = |text: &str| {
        format!(
            "{{\"model\":\"grok-4\",\"messages\":[{{\"role\":\"user\",\"content\":\"{text}\"}}]}}\n"
        )
    };
    env.xask(args).tty(Tty::Stdout).on_tty(body("a\\x7f\\u{9b}2J\\u{202e}\\u001b")).success();
    env.xask(args).stdout(body("a\u{7f}\u{9b}2J\u{202e}\\u001b")).success();
    let shown = "[rehearsal]\nmodel: grok-4\nuser: a\\x7f\\u{9b}2J\\u{202e}\\x1b\n";
    env.xask(["--rehearse", "-q", args[1]]).tty(Tty::Stdout).on_tty(shown).success();
}

#[test]
fn a_long_text_is_shown_whole() {
    // Whatever is written at a time ends in the middle of one of these.
    let text = format!("{}{}", "-", "\u{1f600}".repeat(60_000));
    let server = Server::reply(answer(&text));
    at_terminal(&["--no-stream", "hi"]).server(&server).on_tty(with_newline(&text)).success();
    let server = Server::reply(stream_of(&[&text]));
    at_terminal(&["hi"]).server(&server).on_tty(with_newline(&text)).success();
}

#[test]
fn a_long_dry_run_is_shown_whole() {
    let text = "\u{1f600}".repeat(60_000);
    for shift in 0..4 {
        let text = format!("{}{text}", "-".repeat(shift));
        let body =
            format!(r#"{{"model":"grok-4","messages":[{{"role":"user","content":"{text}"}}]}}"#);
        at_terminal(&["--dry-run"]).stdin(text).on_tty(body + "\n").success();
    }
}

#[test]
fn a_person_reads_along() {
    let pieces = ["Fo", "ur", "."];
    let gates = pieces.map(|_| Gate::new());
    let mut script = Script::new().send(stream_of(&[]).head());
    for (piece, gate) in pieces.iter().zip(&gates) {
        let payload = replies::chunk(json!({ "content": piece }), None);
        let event = format!("data: {payload}\n\n");
        let chunk = format!("{:x}\r\n{event}\r\n", event.len());
        script = script.send(chunk).wait(gate);
    }
    let (_, end) = stream_of(&[]).split(1);
    let server = Server::play([script.send(end)]);
    let mut run = at_terminal(&["hi"]).server(&server).on_tty("Four.\n").spawn();
    for (piece, gate) in pieces.iter().zip(&gates) {
        run.read_tty_until(piece);
        gate.open();
    }
    run.success();
}

#[test]
fn an_error_has_a_line_of_its_own() {
    const CUT: &str = "xask: error: incomplete response: the stream ended without a finish reason\n\
        xask: hint: the request was sent; a retry may be billed again\n";
    const FAILED: &str = "xask: error: server error: It rains.\n";
    const LIMIT: &str =
        "xask: error: answer truncated at the token limit (--max-tokens or the model's)\n";
    const EMPTY: &str = "xask: error: the answer is empty\n";
    let error = r#"{"error":"It rains."}"#;
    for (pieces, more, finish, seen, code) in [
        (&["Fo"][..], None, None, format!("Fo\n{CUT}"), 7),
        (&["Fo\n"], None, None, format!("Fo\n{CUT}"), 7),
        (&["Fo\r\n"], None, None, format!("Fo\n{CUT}"), 7),
        (&["Fo\r"], None, None, format!("Fo\\x0d\n{CUT}"), 7),
        (&["Fo\x1b"], None, None, format!("Fo\\x1b\n{CUT}"), 7),
        (&["Fo\n", ""], None, None, format!("Fo\n{CUT}"), 7),
        (&["", "\n"], None, None, format!("\n{CUT}"), 7),
        (&[], None, None, CUT.into(), 7),
        (&["Fo"], Some(error), Some("stop"), format!("Fo\n{FAILED}"), 8),
        (&[], Some(error), Some("stop"), FAILED.into(), 8),
        (&["Fo"], None, Some("length"), format!("Fo\n{LIMIT}"), 9),
        (&["Fo\n"], None, Some("length"), format!("Fo\n{LIMIT}"), 9),
        (&[], None, Some("stop"), EMPTY.into(), 9),
    ] {
        let mut events = replies::stream_of(pieces, None);
        events.extend(more.map(str::to_owned));
        events.extend(finish.map(|reason| replies::chunk(json!({}), Some(reason))));
        let server = Server::reply(Reply::sse(&events));
        at_terminal(&["hi"]).server(&server).case(&seen).tty(Tty::Stderr).on_tty(&*seen).code(code);
        // Also where only the answer is on the terminal: a prompt may follow.
        let server = Server::reply(Reply::sse(&events));
        let answer = &seen[..seen.find("xask:").expect("an error")];
        let run =
            Env::new().xask(["hi"]).server(&server).case(&seen).tty(Tty::Stdout).on_tty(answer);
        run.stderr(&seen[answer.len()..]).code(code);
    }
}

#[test]
fn an_answer_and_an_error_share_a_terminal() {
    let env = Env::new();
    let both = |reply: Reply, shown: &str, code: i32| {
        let server = Server::reply(reply);
        env.ask(&server, ["-q"])
            .tty(Tty::Stdout)
            .tty(Tty::Stderr)
            .tty(Tty::Stdin)
            .on_tty(shown)
            .code(code);
    };
    both(four(), "Four.\n", 0);
    both(cut(), &format!("Two and\n{CUT}"), 9);
    let empty = replies::completion("");
    both(reply(200, empty), "xask: error: the answer is empty (x-request-id 0f4c5b1e-7a3d)\n", 9);
    let words =
        "xask: error: the request was rejected: a\\x1b[2J (HTTP 400, x-request-id 0f4c5b1e-7a3d)\n";
    both(reply(400, "a\u{1b}[2J"), words, 4);
}

#[test]
fn a_connection_that_breaks_leaves_its_error_on_a_line_of_its_own() {
    let gate = Gate::new();
    let (told, _) = stream_of(&["Fo", "ur."]).split(2);
    let script = Script::after(Reads::AllBut(1)).send(told).wait(&gate).reset();
    let server = Server::play([script]);
    let run = at_terminal(&["hi"]).server(&server).tty(Tty::Stderr);
    let mut run = run.on_tty_like("Fo\nxask: error: incomplete").spawn();
    run.read_tty_until("Fo");
    gate.open();
    run.code(7);
}

#[test]
fn what_is_kept_of_an_answer_is_not_what_was_shown() {
    let env = Env::new();
    let server = Server::reply(stream_of(&["a\x1b[2J", "\r\n\u{202e}b"]));
    let run = env.xask(["-c", "kept", "hi"]).server(&server).tty(Tty::Stdout);
    run.on_tty("a\\x1b[2J\n\\u{202e}b\n").success();
    let kept = String::from_utf8(env.read("kept")).expect("text");
    let answer = kept.lines().nth(1).expect("an answer");
    let answer: serde_json::Value = serde_json::from_str(answer).expect("JSON");
    assert_eq!(answer["content"], "a\x1b[2J\r\n\u{202e}b");
}
