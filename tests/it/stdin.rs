//! `prompt`, and of it standard input: who may read it, who must not, and what is said of data that
//! nobody read.

use crate::support::pictures::{PNG, data_url, image};
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
    let server = Server::reply(four());
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
fn a_file_is_read_from_where_it_stands() {
    let env = Env::new();
    env.write("lines", "one\ntwo\nthree\n");
    let run = env.sh("{ read -r line; xask --dry-run; } <lines");
    assert_eq!(run.content(), "two\nthree");
}

#[test]
fn with_a_terminal_and_no_text_there_is_no_waiting_but_a_hint() {
    let (env, server) = (Env::new(), Server::never());
    for args in [&[][..], &["-s", "Be brief."], &["--"], &["--dry-run"], &["--rehearse"]] {
        let run = env.xask(args).server(&server).tty(Tty::Stdin);
        run.refused(2, &["no prompt", "hint", "words", "--file", "standard input"]);
    }
    let run = env.xask(["--image", "-"]).server(&server).tty(Tty::Stdin);
    run.refused(2, &["--image -", "terminal"]);
}

#[test]
fn who_asks_for_the_terminal_by_name_may_type() {
    let body = r#"{"model":"grok-4","messages":[{"role":"user","content":"Say:\n\ntyped"}]}"#;
    let mut run = Env::new().dry(["Say:", "-"]).tty(Tty::Stdin).stdout(format!("{body}\n")).spawn();
    run.write_stdin("typed\n\x04");
    run.success();
}

#[test]
fn beside_words_or_files_it_is_never_read() {
    let env = Env::new();
    env.write("file", "What is 2 + 2?");
    env.write("a.png", PNG);
    for args in ["hi", "-- -", "-f file", "hi -i a.png", "-f file -i a.png", "-s brief hi", "''"] {
        // The next reader finds every byte, in a pipe and in a file.
        let script = format!("{{ xask -q --rehearse {args} >said 2>&1; cat; }}");
        env.sh(&format!("printf 'one\\ntwo\\n' | {script}")).stdout("one\ntwo\n").success();
        env.write("lines", "one\ntwo\n");
        env.sh(&format!("{script} <lines")).stdout("one\ntwo\n").success();
    }
}

#[test]
fn a_prompt_beside_an_open_pipe_does_not_hang() {
    let env = Env::new();
    env.write("file", "hi");
    env.write("a.png", PNG);
    for args in [&["hi"][..], &["-f", "file"], &["-f", "file", "-i", "a.png"], &["--", "-"]] {
        let server = Server::reply(four());
        env.xask(args).stdin_open().server(&server).stdout("Four.\n").success();
        env.rehearse(args.iter().copied()).stdin_open().stdout_like("user: ").success();
        env.dry(args.iter().copied()).stdin_open().stdout_like("user").success();
    }
}

#[test]
fn a_loop_over_lines_asks_once_for_each() {
    let env = Env::new();
    env.write("lines", "one\ntwo\nthree\n");
    let each = "while read -r line; do xask --rehearse \"Translate: $line\"; done";
    let answer = |line| format!("[rehearsal]\nmodel: grok-4\nuser: Translate: {line}\n");
    let expected = ["one", "two", "three"].map(answer).concat();

    // In a file the loop has begun to read, in a pipe it may be what was meant: two of three are noted.
    for (script, notes) in
        [(format!("{each} <lines"), 0), (format!("printf 'one\\ntwo\\nthree\\n' | {each}"), 2)]
    {
        let output = env.sh(&script).stdout(expected.clone()).stderr_like("rehearsal").success();
        let noted = output.notes().lines().filter(|line| line.contains("standard input")).count();
        assert_eq!(noted, notes, "{script}: {}", output.notes());
    }
}

#[test]
fn data_that_nobody_read_gets_one_note_that_names_the_dash() {
    let env = Env::new();
    let server = Server::reply(four());
    let note = "^xask: note: standard input [^\n]* - [^\n]*\n$";
    let run = env.xask(["hi"]).stdin("data").server(&server).stdout("Four.\n");
    run.stderr_like(predicate::str::is_match(note).expect("a pattern")).success();
}

#[test]
fn the_note_is_a_guess_that_errs_on_the_quiet_side() {
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
fn after_anything_but_a_good_answer_the_note_would_only_distract() {
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
fn two_that_ask_for_it_by_name_are_named() {
    let (env, server) = (Env::new(), Server::never());
    let takers: [&[&str]; 4] =
        [&["-"], &["--image", "-"], &["--system-file", "-"], &["--messages", "-"]];
    for (i, one) in takers.iter().enumerate() {
        for (j, other) in takers.iter().enumerate() {
            // A flag that may be given once is refused for that.
            if i == j && i > 1 {
                continue;
            }
            let args = [one, &["hi"][..], other].concat();
            let named = |taker: &[&str]| taker.join(" ");
            let words = ["standard input", &named(one), &named(other)];
            env.xask(&args).server(&server).stdin("data").case(&args).refused(2, &words);
        }
    }
}

#[test]
fn a_file_named_dash_is_named_when_two_ask() {
    for args in [["-f", "-", "-"], ["-", "-f", "-"]] {
        Env::new().xask(args).refused(2, &["standard input", "--file -"]);
    }
}

#[test]
fn standard_input_by_its_path_counts_as_taken() {
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
fn what_must_be_a_file_is_not_standard_input() {
    for flag in ["--conversation", "--schema"] {
        for path in ["-", "/dev/stdin"] {
            Env::new().dry([flag, path, "hi"]).stdin("{}").refused(2, &[flag, "a file"]);
        }
    }
}

#[test]
fn who_takes_it_leaves_nothing_for_the_question() {
    let env = Env::new();
    let run = env.dry(["--image", "-"]).stdin(PNG);
    let image = image(&data_url("image/png", PNG));
    assert_eq!(run.content(), json!([image]));
    let run = env.dry(["--system-file", "-"]).stdin("Be brief.");
    run.refused(2, &["no prompt", "hint"]);
}

/// What holds a secret must not become a prompt.
#[test]
fn standard_input_with_headers_or_the_key_is_no_prompt() {
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
    let server = Server::reply(four());
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
fn a_standard_input_that_cannot_be_read_is_local_trouble() {
    let (env, server) = (Env::new(), Server::never());
    for script in ["xask", "xask -", "xask words -", "xask --system-file - hi", "xask --image - hi"]
    {
        for (stdin, why) in [("<.", "directory"), ("0>file", "descriptor")] {
            let run = env.sh(&format!("{script} {stdin}")).server(&server);
            run.refused(1, &["standard input", why]);
        }
    }
    // Who does not need it is not troubled.
    for stdin in ["<.", "0>file", "<&-"] {
        let run = env.sh(&format!("xask -q --rehearse hi {stdin}"));
        run.stdout("[rehearsal]\nmodel: grok-4\nuser: hi\n").success();
    }
}

#[test]
fn a_closed_standard_input_is_an_empty_one() {
    let (env, server) = (Env::new(), Server::never());
    env.write("file", "hi");
    env.write("a.png", PNG);
    env.sh("xask <&-").server(&server).refused(2, &["prompt", "hint"]);
    env.sh("xask - <&-").server(&server).refused(2, &["standard input", "empty"]);
    // What is opened next must not take its place.
    assert_eq!(env.sh("xask --dry-run -f file <&-").content(), "hi");
    let image = image(&data_url("image/png", PNG));
    assert_eq!(env.sh("xask --dry-run -i a.png <&-").content(), json!([image]));
}
