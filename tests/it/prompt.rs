//! `prompt`: arguments and files become messages. Standard input has a test file of its
//! own, and so have images.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::thread;

use crate::support::images::{JPEG, PNG};
use crate::support::{Env, Server, four, unprivileged};
use serde_json::json;

/// The text of the user message, if it is a single text.
#[track_caller]
fn text(env: &Env, args: &[&str]) -> String {
    let content = env.dry(args.iter().copied()).content();
    content.as_str().unwrap_or_else(|| panic!("no plain text: {content}")).to_owned()
}

#[test]
fn neighbouring_words_are_joined_by_one_space() {
    let env = Env::new();
    let cases: &[(&[&str], &str)] = &[
        (&["what", "is", "2", "+", "2"], "what is 2 + 2"),
        (&["what is", "2 + 2"], "what is 2 + 2"),
        (&[" what ", " is"], " what   is"),
        (&["a", "", "b"], "a  b"),
        (&["a\n", "b\n"], "a\n b\n"),
        // Flags that add no part do not separate.
        (&["what", "-m", "x", "is", "--temperature", "0", "-q", "2"], "what is 2"),
        (&["a", "-s", "Be brief.", "b"], "a b"),
        (&["a", "--", "b", "c"], "a b c"),
    ];
    for (args, expected) in cases {
        assert_eq!(text(&env, args), *expected, "{args:?}");
    }
}

#[test]
fn after_two_dashes_every_word_is_text() {
    let env = Env::new();
    let cases: &[(&[&str], &str)] = &[
        (&["--", "-"], "-"),
        (&["--", "--image", "a.png", "-f", "b"], "--image a.png -f b"),
        (&["--", "--help"], "--help"),
        (&["--", "--"], "--"),
        (&["a", "--", "-x", "--", "-y"], "a -x -- -y"),
        (&["--", "-5 degrees"], "-5 degrees"),
    ];
    for (args, expected) in cases {
        let run = env.dry(args.iter().copied()).stdin("not asked for");
        assert_eq!(run.content(), *expected, "{args:?}");
    }
}

#[test]
fn texts_keep_the_order_of_the_command_line_with_a_blank_line_between() {
    let env = Env::new();
    env.write("one", "first\n");
    env.write("two", "second");
    let cases: &[(&[&str], &str)] = &[
        (&["a", "b", "-", "c"], "a b\n\nin\n\nc"),
        (&["-", "a"], "in\n\na"),
        (&["a", "-"], "a\n\nin"),
        (&["-f", "one", "-", "--file", "two"], "first\n\nin\n\nsecond"),
        (
            &["a", "-f", "one", "b", "-", "-m", "x", "c", "-f", "two"],
            "a\n\nfirst\n\nb\n\nin\n\nc\n\nsecond",
        ),
        (&["-f", "one", "-f", "one"], "first\n\nfirst"),
        (&["-", "--", "-"], "in\n\n-"),
        (&["-fone", "--file=two"], "first\n\nsecond"),
    ];
    for (args, expected) in cases {
        let content = env.dry(args.iter().copied()).stdin("in\n").content();
        assert_eq!(content, *expected, "{args:?}");
    }
}

#[test]
fn only_one_final_line_feed_of_a_file_or_stdin_is_removed() {
    let env = Env::new();
    let cases = [
        ("x\n", "x"),
        ("x", "x"),
        ("x\n\n", "x\n"),
        ("x\r\n", "x\r"),
        ("\n\nx\n", "\n\nx"),
        (" \tx \n", " \tx "),
        ("x\u{feff}\u{85}\n", "x\u{feff}\u{85}"),
        ("x\n\u{2028}", "x\n\u{2028}"),
    ];
    for (bytes, expected) in cases {
        env.write("file", bytes);
        assert_eq!(text(&env, &["-f", "file"]), expected, "{bytes:?} in a file");
        for args in [&["-"][..], &[]] {
            let content = env.dry(args.iter().copied()).stdin(bytes).content();
            assert_eq!(content, expected, "{bytes:?} on stdin");
        }
        let messages = env.dry(["--system-file", "file", "hi"]).messages();
        assert_eq!(messages[0]["content"], expected, "{bytes:?} as the system message");
        // An argument is not changed.
        assert_eq!(text(&env, &["--", bytes]), bytes);
        let messages = env.dry(["--system", bytes, "hi"]).messages();
        assert_eq!(messages[0]["content"], bytes);
    }
}

#[test]
fn an_empty_word_adds_nothing() {
    let env = Env::new();
    env.write("one", "first");
    let cases: &[(&[&str], &str)] = &[
        (&["", "-f", "one", ""], "first"),
        // White space may be one of several texts.
        (&[" ", "-f", "one"], " \n\nfirst"),
    ];
    for (args, expected) in cases {
        assert_eq!(text(&env, args), *expected, "{args:?}");
    }
}

#[test]
fn a_prompt_of_white_space_is_a_usage_error_and_nothing_is_sent() {
    let (env, server) = (Env::new(), Server::never());
    let cases: &[&[&str]] = &[
        &[""],
        &["", ""],
        &[" "],
        &["\n\t"],
        &["--", " "],
        &["\u{a0}\u{2003}\u{2028}\u{85}"],
        &["-s", "Be brief.", ""],
    ];
    for args in cases {
        for stdin in ["", "\n", " \r\n"] {
            env.xask(*args).server(&server).stdin(stdin).refused(2, &["prompt", "empty"]);
            env.dry(args.iter().copied()).stdin(stdin).refused(2, &["prompt", "empty"]);
        }
    }
}

#[test]
fn the_system_prompt_comes_first_wherever_its_flag_is() {
    let env = Env::new();
    env.write("brief", "Be brief.\n");
    env.write("- odd", "Be odd.");
    let user = json!({"role": "user", "content": "hi"});
    let cases: &[(&[&str], &str, &str)] = &[
        (&["-s", "Be brief.", "hi"], "system", "Be brief."),
        (&["hi", "--system", "Be\nbrief."], "system", "Be\nbrief."),
        (&["hi", "--system=-"], "system", "-"),
        (&["hi", "-s", "--odd"], "system", "--odd"),
        (&["hi", "--system-file", "brief"], "system", "Be brief."),
        (&["--system-file", "- odd", "hi"], "system", "Be odd."),
        (&["hi", "--developer", " Be brief."], "developer", " Be brief."),
    ];
    for (args, role, content) in cases {
        let messages = env.dry(args.iter().copied()).messages();
        assert_eq!(messages, json!([{"role": role, "content": content}, user]), "{args:?}");
    }
    assert_eq!(env.dry(["hi"]).messages(), json!([user]));
    let messages = env.dry(["--system-file", "-", "hi"]).stdin("From a pipe.\n").messages();
    assert_eq!(messages[0], json!({"role": "system", "content": "From a pipe."}));
}

#[test]
fn an_empty_or_unreadable_system_prompt_is_a_usage_error() {
    let (env, server) = (Env::new(), Server::never());
    env.write("blank", " \n\t\n");
    env.write("broken", b"ab\xffc");
    env.folder("folder");
    let cases: &[(&[&str], &[&str])] = &[
        (&["-s", ""], &["--system", "empty"]),
        (&["--system= \n"], &["--system", "empty"]),
        (&["--developer", "\t"], &["--developer", "empty"]),
        (&["--system-file", "blank"], &["blank", "white space"]),
        (&["--system-file", "/dev/null"], &["/dev/null", "empty"]),
        (&["--system-file", "-"], &["standard input", "empty"]),
        (&["--system-file", "missing"], &["missing", "no such file"]),
        (&["--system-file", "folder"], &["folder", "is a directory"]),
        (&["--system-file", "broken"], &["broken", "UTF-8", "offset 2"]),
    ];
    for (args, words) in cases {
        env.xask(args.iter().chain(&["hi"])).server(&server).refused(2, words);
    }
}

#[test]
fn a_text_file_is_anything_readable_but_a_directory() {
    let env = Env::new();
    let path = env.write("deep/down/plain text", "words");
    env.link("link", &path);
    env.write("-x", "a dash");
    env.write("-", "only a dash");
    env.write(OsStr::from_bytes(b"odd\xffname"), "odd");
    let fifo = env.fifo("fifo");
    let writer = thread::spawn(move || fs::write(fifo, "out of a pipe\n"));
    assert_eq!(text(&env, &["-f", "fifo"]), "out of a pipe");
    writer.join().expect("no panic").expect("the pipe was read");

    let absolute = path.to_str().expect("UTF-8");
    for (name, expected) in [
        ("deep/down/plain text", "words"),
        (absolute, "words"),
        ("link", "words"),
        ("-x", "a dash"),
        ("./-", "only a dash"),
    ] {
        assert_eq!(text(&env, &["-f", name]), expected);
    }
    let args = ["--dry-run", "-f"].map(OsStr::new).into_iter();
    let run = env.xask(args.chain([OsStr::from_bytes(b"odd\xffname")]));
    assert_eq!(run.content(), "odd");
    // Its size is given as 0, but it contains text.
    assert!(text(&env, &["-f", "/proc/version"]).starts_with("Linux version"));
}

#[test]
fn an_unreadable_text_file_is_an_error_with_name_and_reason() {
    let (env, server) = (Env::new(), Server::never());
    env.folder("folder");
    env.link("dangling", "nowhere");
    env.link("loop", "loop");
    env.write("file", "x");
    for (name, why) in [
        ("missing", "no such file or directory"),
        ("folder", "is a directory"),
        (".", "is a directory"),
        ("dangling", "no such file or directory"),
        ("loop", "symbolic link"),
        ("file/x", "not a directory"),
    ] {
        let words = format!("xask: error: {name}: ");
        env.xask(["hi", "-f", name]).server(&server).refused(2, &[&words, why]);
    }
    env.xask(["-f", "file", "-f", "missing"]).server(&server).refused(2, &["missing"]);
    unprivileged(|| {
        let env = Env::new();
        env.write_unreadable("secret", "x");
        env.dry(["-f", "secret"]).refused(2, &["xask: error: secret: ", "permission denied"]);
        env.dry(["--system-file", "secret", "x"])
            .refused(2, &["xask: error: secret: ", "permission"]);
    });
}

#[test]
fn an_empty_path_is_a_usage_error() {
    for flag in ["--file", "--image", "--system-file"] {
        Env::new().dry(["hi", flag, ""]).refused(2, &[flag]);
    }
}

#[test]
fn a_text_that_is_not_utf_8_is_an_error_with_the_offset() {
    let (env, server) = (Env::new(), Server::never());
    let cases: [(&[u8], &str); 7] = [
        (b"\xff", "offset 0"),
        (b"ab\xffcd", "offset 2"),
        (b"\xc3\xa9\xe9", "offset 2"),
        // Half a character at the end, a surrogate, a longer form than needed, Latin-1.
        (b"ab\xe2\x82", "offset 2"),
        (b"\xed\xa0\x80", "offset 0"),
        (b"a\xc0\xaf", "offset 1"),
        (b"caf\xe9 au lait\n", "offset 3"),
    ];
    for (bytes, offset) in cases {
        env.write("bad", bytes);
        let words = ["xask: error: bad: ", "UTF-8", offset];
        env.xask(["-f", "bad"]).server(&server).refused(2, &words);
        // Counted from the beginning of the file, whatever comes before it.
        env.xask(["some words", "-f", "bad"]).server(&server).refused(2, &words);
        let words = ["standard input", "UTF-8", offset];
        env.xask(["-"]).server(&server).stdin(bytes).refused(2, &words);
        let stderr = env.xask([""; 0]).server(&server).stdin(bytes).refused(2, &words);
        assert!(!stderr.contains("image"), "{stderr}");
    }
    let far = [vec![b'x'; 200_000], b"\xff".to_vec()].concat();
    env.xask(["-"]).server(&server).stdin(far).refused(2, &["offset 200000"]);
}

#[test]
fn an_image_given_as_text_gets_a_hint_to_use_image() {
    let (env, server) = (Env::new(), Server::never());
    for head in [PNG, JPEG] {
        let bytes = [head, &[0; 100]].concat();
        env.write("picture", &bytes);
        env.xask(["-f", "picture"]).server(&server).refused(2, &["picture", "hint", "--image"]);
        env.xask(["words", "-"]).server(&server).stdin(bytes).refused(2, &["hint", "--image"]);
    }
}

#[test]
fn every_character_arrives_unchanged() {
    let env = Env::new();
    // All of ASCII, the pitfalls of JSON and JavaScript, and the limits of the lengths of UTF-8.
    let ascii = (0..=127_u8).map(char::from);
    let odd = "\u{80}\u{7ff}\u{800}\u{2028}\u{2029}\u{d7ff}\u{e000}\u{feff}\u{fffd}\u{ffff}\u{10000}\u{10ffff}";
    let all: String = ascii.chain(odd.chars()).chain(r#"\u0041 \\ \" </script>"#.chars()).collect();
    env.write("all", &all);
    let server = Server::respond(four());
    let run = env.xask(["-f", "all", "-", "--system-file", "all", "-p", "user=\t\u{1b}\""]);
    run.stdin(&*all).server(&server).stdout("Four.\n").success();

    let request = server.request();
    assert!(!request.body.iter().any(|byte| *byte < b' '), "a raw control character");
    assert_eq!(request.header("content-length"), Some(&*request.body.len().to_string()));
    let body = request.json();
    assert_eq!(body["messages"][0]["content"], *all);
    assert_eq!(body["messages"][1]["content"], format!("{all}\n\n{all}"));
    assert_eq!(body["user"], "\t\u{1b}\"");
}

#[test]
fn a_very_large_text_arrives_byte_for_byte() {
    let env = Env::new();
    // Characters of every length and escapes, so that no two reads end at the same place in them.
    let line = "a\"\u{e9}\\\u{20ac}\t\u{1f600}\u{1}\n";
    let large = line.repeat(5 * 1024 * 1024 / line.len());
    env.write("large", &large);
    let server = Server::respond(four());
    let run = env.xask(["Sum it up:", "-", "-f", "large"]).stdin(&*large).server(&server);
    run.stdout("Four.\n").success();

    let request = server.request();
    assert_eq!(request.header("content-length"), Some(&*request.body_len.to_string()));
    assert_eq!(request.header("transfer-encoding"), None);
    let less = &large[..large.len() - 1];
    let arrived = request.json();
    let arrived = arrived["messages"][0]["content"].as_str().expect("a text");
    // Not `assert_eq`, which would print 10 MiB.
    assert!(arrived == format!("Sum it up:\n\n{less}\n\n{less}"), "{} bytes", arrived.len());
}
