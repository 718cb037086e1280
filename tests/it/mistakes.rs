//! Command lines that are certainly mistakes: a shell pattern after a flag that takes one file, a
//! subcommand that does not exist.

use crate::support::images::{JPEG, PNG};
use crate::support::{Env, Server, chat};

#[test]
fn more_files_of_an_expanded_pattern_are_a_usage_error() {
    let (env, server) = (Env::new(), Server::never());
    for (name, bytes) in
        [("1.png", PNG), ("2.png", JPEG), ("3.txt", b"text"), ("4.txt", b"\xff"), ("empty", b"")]
    {
        env.write(name, bytes);
    }
    env.link("link.png", "2.png");
    for (args, word) in [
        (&["compare", "-i", "1.png", "2.png"][..], "2.png"),
        (&["compare", "-i", "1.png", "2.png", "1.png"], "2.png"),
        (&["-i", "1.png", "2.png", "compare"], "2.png"),
        (&["compare", "--image", "1.png", "link.png"], "link.png"),
        (&["compare", "--image=1.png", "2.png"], "2.png"),
        (&["compare", "-i1.png", "2.png"], "2.png"),
        (&["compare", "-vi1.png", "2.png"], "2.png"),
        (&["compare", "-i", "https://example.com/1.png", "2.png"], "2.png"),
        (&["compare", "-f", "3.txt", "4.txt"], "4.txt"),
        (&["compare", "-f", "3.txt", "1.png"], "1.png"),
        (&["compare", "--file=3.txt", "empty"], "empty"),
        (&["compare", "-f3.txt", "4.txt", "-f", "3.txt"], "4.txt"),
    ] {
        let run = env.xask(args).server(&server).case(args);
        let flag = if args.iter().any(|arg| arg.contains('f')) { "-f" } else { "-i" };
        let stderr = run.refused(2, &[word, "xask: hint: ", "--"]);
        assert!(
            stderr.contains(flag) || stderr.contains("--file") || stderr.contains("--image"),
            "{stderr}"
        );
    }
}

#[test]
fn a_word_that_is_not_such_a_file_is_text() {
    let env = Env::new();
    for (name, bytes) in [
        ("1.png", PNG),
        ("2.png", JPEG),
        ("3.txt", b"text"),
        ("4.txt", b"more"),
        ("gif", b"GIF89a"),
    ] {
        env.write(name, bytes);
    }
    env.folder("folder");
    for args in [
        // No image after -i, no file after -f.
        &["-i", "1.png", "3.txt"][..],
        &["-i", "1.png", "gif"],
        &["-i", "1.png", "folder"],
        &["-i", "1.png", "what is this?"],
        &["-f", "3.txt", "folder"],
        &["-f", "3.txt", "5.txt"],
        // Not directly after it.
        &["2.png", "-i", "1.png"],
        &["-i", "1.png", "in", "2.png"],
        &["-i", "1.png", "", "2.png"],
        &["-f", "3.txt", "against", "4.txt"],
        &["-i", "1.png", "-q", "2.png"],
        // After -- everything is text.
        &["-i", "1.png", "--", "2.png"],
        &["-f", "3.txt", "--", "4.txt", "3.txt"],
        // The value of another flag.
        &["-i", "1.png", "-f", "3.txt"],
        &["-s", "3.txt", "4.txt"],
        &["-o", "3.txt", "4.txt"],
    ] {
        env.dry(args.iter().copied()).case(args).stdout_like("").success();
    }
}

#[test]
fn the_list_of_files_ends_with_the_first_word_that_is_not_such_a_file() {
    let env = Env::new();
    env.write("1.png", PNG);
    env.write("2.png", PNG);
    let stderr = env.dry(["-i", "1.png", "2.png", "1.png", "and", "2.png"]).refused(2, &["2.png"]);
    // The hint shows how to pass them.
    assert!(stderr.contains("-i 1.png -i 2.png") || stderr.matches("-i").count() > 1, "{stderr}");
}

#[test]
fn one_word_that_looks_like_a_subcommand_is_not_sent() {
    let (env, server) = (Env::new(), Server::never());
    for (word, flag) in [("help", "--help"), ("models", "--list-models"), ("version", "--version")]
    {
        env.xask([word]).server(&server).refused(2, &[word, "xask: hint: ", flag]);
        env.xask([word]).stdin("text").server(&server).refused(2, &[word, flag]);
        assert_eq!(env.dry(["--", word]).content(), word);
        assert_eq!(env.dry([word, "me"]).content(), format!("{word} me"));
        assert_eq!(env.dry(["-s", "Be brief.", word]).content(), word);
    }
    assert_eq!(env.dry(["Help"]).content(), "Help");
    let server = Server::respond(crate::support::Response::json(200, chat::completion("Four.")));
    env.xask(["--", "help"]).server(&server).stdout("Four.\n").success();
}
