//! `prompt`: standard input, which options read it, which must not, and the note about data that
//! was not read.

use crate::support::images::{PNG, data_url, image};
use crate::support::{Env, Run, Server, Tty, four};
use predicates::prelude::*;
use serde_json::json;

#[test]
fn without_a_text_part_standard_input_is_the_text() {
    let env = Env::new();
    env.write("asked", "What is 2 + 2?\n");
    for args in [&[][..], &["-m", "x"], &["-s", "Be brief."], &["--"], &["-"]] {
        let run = env.dry(args.iter().copied()).stdin("What is 2 + 2?\n");
        assert_eq!(run.content(), "What is 2 + 2?", "{args:?}, a pipe");
        let run = env.dry(args.iter().copied()).stdin_file("asked");
        assert_eq!(run.content(), "What is 2 + 2?", "{args:?}, a file");
    }
    let server = Server::respond(four());
    let mut run = env.xask([""; 0]).stdin_open().server(&server).stdout("Four.\n").spawn();
    for piece in ["What is", " 2 +", " 2?\n"] {
        run.write_stdin(piece);
    }
    run.close_stdin();
    run.success();
    assert_eq!(
        server.request().json()["messages"],
        json!([{"role": "user", "content": "What is 2 + 2?"}])
    );
}

#[test]
fn a_file_is_read_from_its_current_offset() {
    let env = Env::new();
    env.write("lines", "one\ntwo\nthree\n");
    let run = env.sh("{ read -r line; xask --dry-run; } <lines");
    assert_eq!(run.content(), "two\nthree");
}

#[test]
fn a_terminal_without_a_prompt_gets_a_hint_instead_of_a_wait() {
    let (env, server) = (Env::new(), Server::never());
    for args in [&[][..], &["-s", "Be brief."], &["--"], &["--dry-run"], &["--rehearse"]] {
        let run = env.xask(args).server(&server).tty(Tty::Stdin);
        run.refused(2, &["no prompt", "hint", "words", "--file", "standard input"]);
    }
    let run = env.xask(["--image", "-"]).server(&server).tty(Tty::Stdin);
    run.refused(2, &["--image -", "terminal"]);
}

#[test]
fn a_dash_reads_from_the_terminal() {
    let body = r#"{"model":"grok-4","messages":[{"role":"user","content":"Say:\n\ntyped"}]}"#;
    let mut run = Env::new().dry(["Say:", "-"]).tty(Tty::Stdin).stdout(format!("{body}\n")).spawn();
    run.write_stdin("typed\n\x04");
    run.success();
}

#[test]
fn standard_input_is_never_read_with_words_or_files() {
    let env = Env::new();
    env.write("file", "What is 2 + 2?");
    env.write("a.png", PNG);
    for args in ["hi", "-- -", "-f file", "hi -i a.png", "-f file -i a.png", "-s brief hi", "''"] {
        // The next reader gets every byte, from a pipe and from a file.
        let script = format!("{{ xask -q --rehearse {args} >said 2>&1; cat; }}");
        env.sh(&format!("printf 'one\\ntwo\\n' | {script}")).stdout("one\ntwo\n").success();
        env.write("lines", "one\ntwo\n");
        env.sh(&format!("{script} <lines")).stdout("one\ntwo\n").success();
    }
}

#[test]
fn a_prompt_with_an_open_pipe_does_not_hang() {
    let env = Env::new();
    env.write("file", "hi");
    env.write("a.png", PNG);
    for args in [&["hi"][..], &["-f", "file"], &["-f", "file", "-i", "a.png"], &["--", "-"]] {
        let server = Server::respond(four());
        env.xask(args).stdin_open().server(&server).stdout("Four.\n").success();
        env.rehearse(args.iter().copied()).stdin_open().stdout_like("user: ").success();
        env.dry(args.iter().copied()).stdin_open().stdout_like("user").success();
    }
}

#[test]
fn a_loop_over_lines_sends_one_request_per_line() {
    let env = Env::new();
    env.write("lines", "one\ntwo\nthree\n");
    let each = "while read -r line; do xask --rehearse \"Translate: $line\"; done";
    let answer = |line| format!("[rehearsal]\nmodel: grok-4\nuser: Translate: {line}\n");
    let expected = ["one", "two", "three"].map(answer).concat();

    // The loop has begun to read from a file, but data in a pipe may have been meant: two of three get a note.
    for (script, notes) in
        [(format!("{each} <lines"), 0), (format!("printf 'one\\ntwo\\nthree\\n' | {each}"), 2)]
    {
        let output = env.sh(&script).stdout(expected.clone()).stderr_like("rehearsal").success();
        let noted = output.notes().lines().filter(|line| line.contains("standard input")).count();
        assert_eq!(noted, notes, "{script}: {}", output.notes());
    }
}

#[test]
fn unread_data_gets_one_note_that_names_the_dash() {
    let env = Env::new();
    let server = Server::respond(four());
    let note = "^xask: note: standard input [^\n]* - [^\n]*\n$";
    let run = env.xask(["hi"]).stdin("data").server(&server).stdout("Four.\n");
    run.stderr_like(predicate::str::is_match(note).expect("a pattern")).success();
}

#[test]
fn the_note_is_omitted_in_case_of_doubt() {
    let env = Env::new();
    env.write("data", "data\n");
    env.write("lines", "one\ntwo\n");
    env.write("empty", "");
    env.write("a.png", PNG);
    env.fifo("fifo");
    let ask = |args: &[&'static str]| env.xask(["--rehearse"].iter().chain(args));
    let hi = || ask(&["hi"]);
    let odd_pipe = "exec 3<>fifo; printf data >&3; xask --rehearse hi <fifo";
    let cases: Vec<(&str, Run, bool)> = vec![
        ("a pipe", hi().stdin("data"), true),
        ("a file", hi().stdin_file("data"), true),
        ("a pipe that stays open", env.sh(odd_pipe), true),
        ("beside a file", ask(&["-f", "data"]).stdin("data"), true),
        ("beside an image", ask(&["hi", "-i", "a.png"]).stdin("data"), true),
        ("verbose", ask(&["hi", "-v"]).stdin("data"), true),
        ("nothing", hi(), false),
        ("an empty pipe", hi().stdin(""), false),
        ("an empty pipe that stays open", hi().stdin_open(), false),
        ("an empty file", hi().stdin_file("empty"), false),
        ("a device", hi().stdin_file("/dev/zero"), false),
        ("a folder", hi().stdin_file("."), false),
        ("a file begun", env.sh("{ read -r x; xask --rehearse hi; } <lines"), false),
        ("closed", env.sh("xask --rehearse hi <&-"), false),
        ("quiet", ask(&["hi", "-q"]).stdin("data"), false),
        ("read", ask(&["hi", "-"]).stdin("data"), false),
        ("read from a file", ask(&["hi", "-"]).stdin_file("data"), false),
        ("read as the question", ask(&[]).stdin_file("data"), false),
        ("read as the system", ask(&["hi", "--system-file", "-"]).stdin("data"), false),
        ("read as an image", ask(&["hi", "--image", "-"]).stdin_file("a.png"), false),
        ("not asked", env.xask(["--dry-run", "hi"]).stdin("data"), false),
    ];
    for (name, run, expected) in cases {
        let output = run.any_output().success();
        assert_eq!(
            notes_on_stdin(output.notes()),
            usize::from(expected),
            "{name}: {}",
            output.notes()
        );
    }
    let script = "read -r line; xask --rehearse hi";
    let mut run = env.sh(script).tty(Tty::Stdin).any_output().spawn();
    run.write_stdin("one\ntwo\n");
    assert_eq!(notes_on_stdin(run.success().notes()), 0, "a terminal");
}

#[test]
fn the_note_comes_only_after_a_usable_answer() {
    let env = Env::new();
    for (case, code) in [("length", 9), ("empty", 9), ("429", 5), ("500", 8), ("cut", 7)] {
        let run = env.xask(["hi", &format!("--rehearse={case}")]).stdin("data");
        let output = run.any_output().code(code);
        assert_eq!(notes_on_stdin(output.notes()), 0, "{case}: {}", output.notes());
    }
}

fn notes_on_stdin(notes: &str) -> usize {
    notes.lines().filter(|line| line.contains("standard input")).count()
}

#[test]
fn two_options_that_read_standard_input_are_named() {
    let (env, server) = (Env::new(), Server::never());
    let readers: [&[&str]; 4] =
        [&["-"], &["--image", "-"], &["--system-file", "-"], &["--messages", "-"]];
    for (i, one) in readers.iter().enumerate() {
        for (j, other) in readers.iter().enumerate() {
            // A flag that may be given only once has another error.
            if i == j && i > 1 {
                continue;
            }
            let args = [one, &["hi"][..], other].concat();
            let named = |reader: &[&str]| reader.join(" ");
            let words = ["standard input", &named(one), &named(other)];
            env.xask(&args).server(&server).stdin("data").case(&args).refused(2, &words);
        }
    }
}

#[test]
fn a_file_named_dash_counts_as_standard_input() {
    for args in [["-f", "-", "-"], ["-", "-f", "-"]] {
        Env::new().xask(args).refused(2, &["standard input", "--file -"]);
    }
}

#[test]
fn standard_input_by_its_path_counts_as_read() {
    let env = Env::new();
    env.write("a.png", PNG);
    env.write("file", "What is 2 + 2?\n");
    for path in ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"] {
        let image = image(&data_url("image/png", PNG));
        assert_eq!(env.dry(["-i", path]).stdin_file("a.png").content(), json!([image]));
        let run = env.xask(["--rehearse", "-f", path]).stdin_file("file").any_output();
        assert_eq!(notes_on_stdin(run.success().notes()), 0);
        env.dry(["-f", path, "-"]).stdin_file("file").refused(2, &["standard input", path]);
    }
}

#[test]
fn an_option_that_needs_a_file_rejects_standard_input() {
    for flag in ["--conversation", "--schema"] {
        for path in ["-", "/dev/stdin"] {
            Env::new().dry([flag, path, "hi"]).stdin("{}").refused(2, &[flag, "a file"]);
        }
    }
}

#[test]
fn an_option_that_reads_standard_input_leaves_no_prompt() {
    let env = Env::new();
    let run = env.dry(["--image", "-"]).stdin(PNG);
    let image = image(&data_url("image/png", PNG));
    assert_eq!(run.content(), json!([image]));
    let run = env.dry(["--system-file", "-"]).stdin("Be brief.");
    run.refused(2, &["no prompt", "hint"]);
}

/// A secret must not become a prompt.
#[test]
fn standard_input_with_headers_or_the_key_is_not_a_prompt() {
    let env = Env::new();
    env.write("a.png", PNG);
    env.write("headers", "X-Token: token-0123456789\n");
    env.write("key", "xai-0123456789\n");
    let image = image(&data_url("image/png", PNG));
    for file in ["@-", "@/dev/stdin", "@/dev/fd/0"] {
        let run = env.dry(["-i", "a.png", "-H", file]).stdin_file("headers");
        assert_eq!(run.content(), json!([image]), "{file}");
        env.dry(["-H", file]).stdin_file("headers").refused(2, &["no prompt"]);
        env.dry(["-", "-H", file])
            .stdin_file("headers")
            .refused(2, &["standard input", "--header"]);
    }
    let server = Server::respond(four());
    let run = env.xask(["-i", "a.png"]).env("XAI_API_KEY_FILE", "/dev/stdin").stdin_file("key");
    run.server(&server).stdout("Four.\n").success();
    let request = server.request();
    assert_eq!(request.header("authorization"), Some("Bearer xai-0123456789"));
    assert!(!String::from_utf8_lossy(&request.body).contains("xai-0123456789"));
    let never = Server::never();
    let run = env.xask(["-"]).env("XAI_API_KEY_FILE", "/dev/stdin").stdin_file("key");
    run.server(&never).refused(2, &["standard input", "XAI_API_KEY_FILE"]);
}

#[test]
fn an_unreadable_standard_input_is_a_local_error() {
    let (env, server) = (Env::new(), Server::never());
    for script in ["xask", "xask -", "xask words -", "xask --system-file - hi", "xask --image - hi"]
    {
        for (stdin, why) in [("<.", "directory"), ("0>file", "descriptor")] {
            let run = env.sh(&format!("{script} {stdin}")).server(&server);
            run.refused(1, &["standard input", why]);
        }
    }
    // A run that does not need it is not affected.
    for stdin in ["<.", "0>file", "<&-"] {
        let run = env.sh(&format!("xask -q --rehearse hi {stdin}"));
        run.stdout("[rehearsal]\nmodel: grok-4\nuser: hi\n").success();
    }
}

#[test]
fn a_closed_standard_input_counts_as_empty() {
    let (env, server) = (Env::new(), Server::never());
    env.write("file", "hi");
    env.write("a.png", PNG);
    env.sh("xask <&-").server(&server).refused(2, &["prompt", "hint"]);
    env.sh("xask - <&-").server(&server).refused(2, &["standard input", "empty"]);
    // The next file that is opened must not become standard input.
    assert_eq!(env.sh("xask --dry-run -f file <&-").content(), "hi");
    let image = image(&data_url("image/png", PNG));
    assert_eq!(env.sh("xask --dry-run -i a.png <&-").content(), json!([image]));
}
