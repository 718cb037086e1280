//! What a person at a terminal sees: the answer, made safe.

use super::{CUT, cut};
use crate::support::{Env, Reply, Server, Tty, four, replies, reply};

/// What a model may say, and what of it a terminal is given.
const HOSTILE: [(&str, &str); 16] = [
    (
        "plain, \u{e9}\u{4f60}\u{1f600}\tand\ttabs\nand lines\n",
        "plain, \u{e9}\u{4f60}\u{1f600}\tand\ttabs\nand lines\n",
    ),
    ("\u{1b}[2J\u{1b}[H", "\\x1b[2J\\x1b[H\n"),
    ("\u{1b}]0;a title\u{7}", "\\x1b]0;a title\\x07\n"),
    ("\u{1b}]52;c;aGk=\u{1b}\\", "\\x1b]52;c;aGk=\\x1b\\\n"),
    (
        "\u{1b}]8;;http://a\u{1b}\\b\u{1b}]8;;\u{1b}\\",
        "\\x1b]8;;http://a\\x1b\\b\\x1b]8;;\\x1b\\\n",
    ),
    ("\0\u{1}\u{8}\u{b}\u{c}\u{e}\u{1f}\u{7f}", "\\x00\\x01\\x08\\x0b\\x0c\\x0e\\x1f\\x7f\n"),
    ("\u{80}\u{85}\u{9b}2J\u{9d}0;a\u{9c}", "\\u{80}\\u{85}\\u{9b}2J\\u{9d}0;a\\u{9c}\n"),
    ("\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}", "\\u{202a}\\u{202b}\\u{202c}\\u{202d}\\u{202e}\n"),
    ("\u{2066}\u{2067}\u{2068}\u{2069}", "\\u{2066}\\u{2067}\\u{2068}\\u{2069}\n"),
    ("dos\r\nlines\r\n", "dos\nlines\n"),
    ("over\rwritten", "over\\x0dwritten\n"),
    ("at the end\r", "at the end\\x0d\n"),
    ("twice\r\r\n", "twice\\x0d\n"),
    ("\u{a0}\u{200f}\u{2029}\u{ffff}", "\u{a0}\u{200f}\u{2029}\u{ffff}\n"),
    ("no newline", "no newline\n"),
    ("\n", "\n"),
];

#[test]
fn an_answer_cannot_command_a_terminal_and_is_exact_in_a_pipe() {
    let env = Env::new();
    for (text, shown) in HOSTILE {
        // It ends otherwise than well, so that blank ones pass too.
        let body = replies::completion_with(
            serde_json::json!({"content": text, "finish_reason": "length"}),
        );
        for flags in [&[][..], &["--no-stream"]] {
            let server = Server::reply(reply(200, body.as_str()));
            let run = env.ask(&server, flags.iter().copied()).tty(Tty::Stdout);
            run.on_tty(shown).stderr(CUT).code(9);
        }
        let newline = if text.ends_with('\n') { "" } else { "\n" };
        let server = Server::reply(reply(200, body.as_str()));
        // That stderr is a terminal makes no difference to stdout.
        let run = env.ask(&server, ["-q"]).tty(Tty::Stderr).tty(Tty::Stdin);
        run.stdout(format!("{text}{newline}")).on_tty(CUT).code(9);
    }
}

#[test]
fn json_cannot_command_a_terminal_either() {
    let env = Env::new();
    let choices = r#""choices":[{"message":{"content":"\u001b[2J"}}]}"#;
    let body = format!("{{\"x\":\"\u{7f}\u{9b}2J\u{202e}\",\r\n{choices}");
    let shown = format!("{{\"x\":\"\\x7f\\u{{9b}}2J\\u{{202e}}\",\n{choices}\n");
    let server = Server::reply(reply(200, body));
    env.ask(&server, ["--json"]).tty(Tty::Stdout).on_tty(shown).success();
    // Bytes that are no text are not handed on, for some terminals take \x9b for a command.
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
    let shown = "model: grok-4\nuser: a\\x7f\\u{9b}2J\\u{202e}\\x1b\n";
    env.xask(["--rehearse", "-q", args[1]]).tty(Tty::Stdout).on_tty(shown).success();
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
    both(
        reply(200, empty),
        "xask: the answer is empty (HTTP 200, x-request-id 0f4c5b1e-7a3d)\n",
        9,
    );
    let words =
        "xask: the request was rejected: a\\x1b[2J (HTTP 400, x-request-id 0f4c5b1e-7a3d)\n";
    both(reply(400, "a\u{1b}[2J"), words, 4);
}

#[test]
fn a_long_answer_is_whole_on_a_terminal() {
    // More than a terminal takes at once.
    let text = "a line of thirty-two characters\n".repeat(10_000);
    let server = Server::reply(reply(200, replies::completion(&text)));
    Env::new().ask(&server, []).tty(Tty::Stdout).on_tty(text).success();
}
