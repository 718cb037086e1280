//! What is shown on a terminal: the answer as it arrives, nothing in it that controls the terminal, and
//! an error on a line of its own. The same bytes through a pipe are exact.

use serde_json::json;

use super::{TRUNCATED, truncated};
use crate::support::{
    Env, Gate, Reads, Response, Run, Script, Server, Tty, answer, chat, escaped, four,
    json_response, streamed,
};

/// Texts of a model, and how they are shown on a terminal.
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
    // It looks like an escaped control character, and is not one.
    (r"\x1b[2J", r"\x1b[2J"),
];

/// The text with one event per character: everything that can be split over two events is.
fn split(text: &str) -> Vec<&str> {
    text.char_indices().map(|(at, char)| &text[at..at + char.len_utf8()]).collect()
}

fn stream_of(pieces: &[&str]) -> Response {
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
fn nothing_in_an_answer_controls_a_terminal() {
    for (text, safe) in TEXTS {
        let seen = with_newline(safe);
        let server = Server::respond(answer(text));
        at_terminal(&["--no-stream", "hi"]).server(&server).case(text).on_tty(&*seen).success();
        for pieces in [vec![text], split(text)] {
            let server = Server::respond(stream_of(&pieces));
            at_terminal(&["hi"]).server(&server).case(text).on_tty(&*seen).success();
        }
    }
}

#[test]
fn an_escape_sequence_split_over_two_reads_is_escaped_too() {
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
        let server = Server::respond(whole);
        Env::new().xask(["hi"]).server(&server).case(text).stdout(&*exact).success();
        for pieces in [vec![text], split(text)] {
            let server = Server::respond(stream_of(&pieces));
            let run = Env::new().xask(["--stream", "hi"]).server(&server).case(text);
            // Whether another stream is a terminal makes no difference to the answer.
            run.tty(Tty::Stdin).tty(Tty::Stderr).stdout(&*exact).success();
        }
    }
}

#[test]
fn json_is_sanitized_on_a_terminal_and_exact_in_a_pipe() {
    // JSON allows all control characters but C0 unescaped.
    let (text, safe) = ("\u{9b}2J\u{202e}\x7f\u{e9}", r"\u{9b}2J\u{202e}\x7fé");
    let whole = chat::completion(text);
    let events = chat::stream_of(&[text], Some("stop"));
    let lines = events.join("\n");
    for (flags, response, printed) in [
        (&["--json", "hi"][..], Response::json(200, &*whole), whole),
        (&["--json", "--stream", "hi"], Response::sse(&events), lines),
    ] {
        assert!(printed.contains(text), "{}", escaped(printed.as_bytes()));
        let server = Server::play([response.clone(), response]);
        let seen = printed.replace(text, safe) + "\n";
        at_terminal(flags).server(&server).on_tty(seen).success();
        Env::new().xask(flags).server(&server).stdout(printed + "\n").success();
    }
}

#[test]
fn json_on_a_terminal_has_plain_line_ends_and_no_invalid_bytes() {
    let env = Env::new();
    let server = Server::respond(json_response(
        200,
        "{\r\n\"choices\":[{\"message\":{\"content\":\"a\"}}]}\r\n",
    ));
    let shown = "{\n\"choices\":[{\"message\":{\"content\":\"a\"}}]}\n";
    env.ask(&server, ["--json"]).tty(Tty::Stdout).on_tty(shown).success();
    // Some terminals interpret a bare \x9b.
    let body = b"{\"x\":\"\x9b2J\",\"choices\":[{\"message\":{\"content\":\"a\"}}]}\n";
    let server = Server::respond(json_response(200, body.as_slice()));
    let run = env.ask(&server, ["--json"]).tty(Tty::Stdout);
    run.on_tty("{\"x\":\"\u{fffd}2J\",\"choices\":[{\"message\":{\"content\":\"a\"}}]}\n")
        .success();
}

#[test]
fn a_body_shown_on_a_terminal_is_sanitized() {
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
    // Every write ends in the middle of one of these.
    let text = format!("{}{}", "-", "\u{1f600}".repeat(60_000));
    let server = Server::respond(answer(&text));
    at_terminal(&["--no-stream", "hi"]).server(&server).on_tty(with_newline(&text)).success();
    let server = Server::respond(stream_of(&[&text]));
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
fn a_terminal_gets_the_answer_as_it_arrives() {
    let pieces = ["Fo", "ur", "."];
    let gates = pieces.map(|_| Gate::new());
    let mut script = Script::new().send(stream_of(&[]).head());
    for (piece, gate) in pieces.iter().zip(&gates) {
        let payload = chat::chunk(json!({ "content": piece }), None);
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
    const TRUNCATED: &str = "xask: error: incomplete response: the stream ended without a finish reason\n\
        xask: hint: the request was sent; a retry may be billed again\n";
    const FAILED: &str = "xask: error: server error: It rains.\n";
    const LIMIT: &str =
        "xask: error: answer truncated at the token limit (--max-tokens or the model's)\n";
    const EMPTY: &str = "xask: error: the answer is empty\n";
    let error = r#"{"error":"It rains."}"#;
    for (pieces, more, finish, seen, code) in [
        (&["Fo"][..], None, None, format!("Fo\n{TRUNCATED}"), 7),
        (&["Fo\n"], None, None, format!("Fo\n{TRUNCATED}"), 7),
        (&["Fo\r\n"], None, None, format!("Fo\n{TRUNCATED}"), 7),
        (&["Fo\r"], None, None, format!("Fo\\x0d\n{TRUNCATED}"), 7),
        (&["Fo\x1b"], None, None, format!("Fo\\x1b\n{TRUNCATED}"), 7),
        (&["Fo\n", ""], None, None, format!("Fo\n{TRUNCATED}"), 7),
        (&["", "\n"], None, None, format!("\n{TRUNCATED}"), 7),
        (&[], None, None, TRUNCATED.into(), 7),
        (&["Fo"], Some(error), Some("stop"), format!("Fo\n{FAILED}"), 8),
        (&[], Some(error), Some("stop"), FAILED.into(), 8),
        (&["Fo"], None, Some("length"), format!("Fo\n{LIMIT}"), 9),
        (&["Fo\n"], None, Some("length"), format!("Fo\n{LIMIT}"), 9),
        (&[], None, Some("stop"), EMPTY.into(), 9),
    ] {
        let mut events = chat::stream_of(pieces, None);
        events.extend(more.map(str::to_owned));
        events.extend(finish.map(|reason| chat::chunk(json!({}), Some(reason))));
        let server = Server::respond(Response::sse(&events));
        at_terminal(&["hi"]).server(&server).case(&seen).tty(Tty::Stderr).on_tty(&*seen).code(code);
        // Also if only the answer is on the terminal: a shell prompt may follow.
        let server = Server::respond(Response::sse(&events));
        let answer = &seen[..seen.find("xask:").expect("an error")];
        let run =
            Env::new().xask(["hi"]).server(&server).case(&seen).tty(Tty::Stdout).on_tty(answer);
        run.stderr(&seen[answer.len()..]).code(code);
    }
}

#[test]
fn an_answer_and_an_error_share_a_terminal() {
    let env = Env::new();
    let both = |response: Response, shown: &str, code: i32| {
        let server = Server::respond(response);
        env.ask(&server, ["-q"])
            .tty(Tty::Stdout)
            .tty(Tty::Stderr)
            .tty(Tty::Stdin)
            .on_tty(shown)
            .code(code);
    };
    both(four(), "Four.\n", 0);
    both(truncated(), &format!("Two and\n{TRUNCATED}"), 9);
    let empty = chat::completion("");
    both(
        json_response(200, empty),
        "xask: error: the answer is empty (x-request-id 0f4c5b1e-7a3d)\n",
        9,
    );
    let words =
        "xask: error: the request was rejected: a\\x1b[2J (HTTP 400, x-request-id 0f4c5b1e-7a3d)\n";
    both(json_response(400, "a\u{1b}[2J"), words, 4);
}

#[test]
fn a_connection_that_breaks_leaves_its_error_on_a_line_of_its_own() {
    let gate = Gate::new();
    let (shown, _) = stream_of(&["Fo", "ur."]).split(2);
    let script = Script::after(Reads::AllBut(1)).send(shown).wait(&gate).reset();
    let server = Server::play([script]);
    let run = at_terminal(&["hi"]).server(&server).tty(Tty::Stderr);
    let mut run = run.on_tty_like("Fo\nxask: error: incomplete").spawn();
    run.read_tty_until("Fo");
    gate.open();
    run.code(7);
}

#[test]
fn an_answer_is_stored_without_the_escapes_shown_on_a_terminal() {
    let env = Env::new();
    let server = Server::respond(stream_of(&["a\x1b[2J", "\r\n\u{202e}b"]));
    let run = env.xask(["-c", "kept", "hi"]).server(&server).tty(Tty::Stdout);
    run.on_tty("a\\x1b[2J\n\\u{202e}b\n").success();
    let kept = String::from_utf8(env.read("kept")).expect("text");
    let answer = kept.lines().nth(1).expect("an answer");
    let answer: serde_json::Value = serde_json::from_str(answer).expect("JSON");
    assert_eq!(answer["content"], "a\x1b[2J\r\n\u{202e}b");
}
