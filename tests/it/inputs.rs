//! What an input must be: a named one holds text, the text is UTF-8, and a likely mistake is an error.

use crate::support::images::{JPEG, PNG, data_url, image, png};
use crate::support::{Env, Server, four};

use serde_json::json;

/// What counts as white space in a text.
const BLANK: [&str; 5] = ["", "\n", " \t\r\n\n", "\u{a0}\u{2003}\u{2028}\u{85}", "\u{feff}\n"];

#[test]
fn a_named_input_of_white_space_is_a_usage_error() {
    let (env, server) = (Env::new(), Server::never());
    env.write("a.png", PNG);
    env.write("text", "hi");
    for bytes in BLANK {
        env.write("blank", bytes);
        for (args, name) in [
            (&["Review:", "-"][..], "standard input"),
            (&["-", "-i", "a.png"], "standard input"),
            (&["-f", "text", "-"], "standard input"),
            (&["Review:", "-f", "blank"], "blank"),
            (&["-f", "text", "-f", "blank"], "blank"),
            (&["-i", "a.png", "-f", "blank"], "blank"),
            (&["-n", "-f", "blank", "hi"], "blank"),
            (&["hi", "--system-file", "blank"], "blank"),
            (&["hi", "--system-file", "-"], "standard input"),
            (&["hi", "--messages", "blank"], "blank"),
            (&["hi", "--messages", "-"], "standard input"),
            (&["hi", "-H", "@blank"], "blank"),
            (&["hi", "-H", "@-"], "standard input"),
        ] {
            // Lines of messages are blank if they have only what JSON counts as white space.
            if args.contains(&"--messages") && bytes.contains('\u{a0}') {
                continue;
            }
            let run = env.xask(args).stdin(bytes).server(&server).case((args, bytes));
            run.refused(2, &[name]);
            if !args.contains(&"-H") {
                let run = env.rehearse(args.iter().copied()).stdin(bytes).case((args, bytes));
                run.refused(2, &[name]);
            }
        }
    }
}

#[test]
fn an_input_that_was_not_named_may_be_empty() {
    let env = Env::new();
    env.write("a.png", PNG);
    env.write("new", "");
    for bytes in ["", "\n"] {
        let image = image(&data_url("image/png", PNG));
        assert_eq!(env.dry(["-i", "a.png"]).stdin(bytes).content(), json!([image]));
    }
    assert_eq!(env.dry(["-c", "new", "hi"]).content(), "hi");
    env.write("new", "\n \n");
    assert_eq!(env.dry(["-c", "new", "hi"]).content(), "hi");
    // An empty word counts as a word: standard input is not read.
    env.dry([""]).stdin("hi").refused(2, &["prompt"]);
    assert_eq!(env.dry(["", "-"]).stdin("hi").content(), "hi");
}

#[test]
fn a_byte_order_mark_is_not_part_of_a_text() {
    let env = Env::new();
    env.write("file", "\u{feff}hi\u{feff}\n");
    assert_eq!(env.dry(["-f", "file"]).content(), "hi\u{feff}");
    assert_eq!(env.dry(["-"]).stdin("\u{feff}hi\n").content(), "hi");
    assert_eq!(env.dry([""; 0]).stdin("\u{feff}hi\n").content(), "hi");
    assert_eq!(
        env.dry(["a", "-f", "file", "-f", "file"]).content(),
        "a\n\nhi\u{feff}\n\nhi\u{feff}"
    );
    // Only one.
    assert_eq!(env.dry(["-"]).stdin("\u{feff}\u{feff}hi").content(), "\u{feff}hi");
    let messages = env.dry(["hi", "--system-file", "file"]).messages();
    assert_eq!(messages[0]["content"], "hi\u{feff}");
    env.write("schema.json", "\u{feff}{}");
    env.dry(["hi", "--schema", "schema.json"]).stdout_like("\"schema\":{},").success();
    let message = "{\"role\":\"user\",\"content\":\"one\"}";
    for list in [format!("\u{feff}{message}\n"), format!("\u{feff}[{message}]")] {
        env.write("list", &list);
        let messages = env.dry(["--messages", "list", "two"]).messages();
        assert_eq!(messages[0]["content"], "one");
    }
    env.write("talk", format!("\u{feff}{message}\n"));
    assert_eq!(env.dry(["-c", "talk", "two"]).messages()[0]["content"], "one");
}

#[test]
fn a_text_that_is_not_utf_8_gets_a_useful_hint() {
    let (env, server) = (Env::new(), Server::never());
    let utf16 = |units: fn(u16) -> [u8; 2]| -> Vec<u8> {
        "\u{feff}hi\n".encode_utf16().flat_map(units).collect()
    };
    for (bytes, hint) in [
        (utf16(u16::to_le_bytes), "iconv"),
        (utf16(u16::to_be_bytes), "iconv"),
        (b"caf\xe9".to_vec(), "--lossy"),
        (b"caf\xe9 \xff\xfe".to_vec(), "--lossy"),
        (png(100), "--image"),
        ([JPEG, &[0; 9]].concat(), "--image"),
    ] {
        env.write("file", &bytes);
        for args in [&["-f", "file"][..], &["hi", "-f", "file"], &["-"], &["hi", "-"], &[]] {
            let run = env.xask(args).stdin(&*bytes).server(&server).case((args, hint));
            run.refused(2, &["offset", "xask: hint: ", hint]);
        }
    }
}

#[test]
fn a_pdf_is_not_text() {
    let (env, server) = (Env::new(), Server::never());
    let pdf = "%PDF-1.7\nall of it is UTF-8";
    env.write("a.pdf", pdf);
    for lossy in [None, Some("--lossy")] {
        for args in [&["-f", "a.pdf"][..], &["hi", "--system-file", "a.pdf"]] {
            let run = env.xask(args.iter().copied().chain(lossy)).server(&server);
            run.refused(2, &["a.pdf", "pdftotext"]);
        }
    }
    // In the middle of a text it is a character.
    env.write("about", " %PDF-1.7 is how it begins");
    assert_eq!(env.dry(["-f", "about"]).content(), " %PDF-1.7 is how it begins");
}

#[test]
fn lossy_replaces_only_bytes_that_are_not_utf_8() {
    let env = Env::new();
    for (bytes, text) in [
        (&b"caf\xe9 au lait\n"[..], "caf\u{fffd} au lait"),
        (b"\xef\xbb\xbf\xff", "\u{fffd}"),
        (b"a\xe2\x82", "a\u{fffd}"),
        (b"a\xe2\x82b", "a\u{fffd}b"),
        (b"\xed\xa0\x80", "\u{fffd}\u{fffd}\u{fffd}"),
        (b"a\xc0\xafb", "a\u{fffd}\u{fffd}b"),
        (b"\xf0\x9f\x98\x80 \xf0\x9f\x98", "\u{1f600} \u{fffd}"),
        ("h\u{e9} \u{1f600}\n\n".as_bytes(), "h\u{e9} \u{1f600}\n"),
    ] {
        env.write("file", bytes);
        assert_eq!(env.dry(["--lossy", "-f", "file"]).content(), text);
        assert_eq!(env.dry(["--lossy", "-"]).stdin(bytes).content(), text);
        assert_eq!(env.dry(["--lossy"]).stdin(bytes).content(), text);
        let messages = env.dry(["hi", "--lossy", "--system-file", "file"]).messages();
        assert_eq!(messages[0]["content"], text);
    }
    // A character that is split between two reads stays whole.
    let long = [vec![b'x'; (64 << 10) - 1], "\u{e9}\u{1f600}".repeat(50_000).into_bytes()].concat();
    let text = String::from_utf8(long.clone()).expect("UTF-8");
    assert_eq!(env.dry(["--lossy", "-"]).stdin(long).content(), text);
    let server = Server::respond(four());
    let run = env.xask(["--lossy", "-"]).stdin(&b"caf\xe9"[..]).server(&server);
    run.stdout("Four.\n").success();
    assert_eq!(server.request().json()["messages"][0]["content"], "caf\u{fffd}");
}

#[test]
fn lossy_does_not_turn_binary_files_into_text() {
    let env = Env::new();
    let utf16: Vec<u8> = "\u{feff}hi".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (bytes, word) in
        [(png(100), "--image"), ([JPEG, b"\0"].concat(), "--image"), (utf16, "iconv")]
    {
        env.write("file", &bytes);
        env.dry(["--lossy", "-f", "file"]).refused(2, &["file", word]);
        env.dry(["--lossy", "-"]).stdin(&*bytes).refused(2, &["standard input", word]);
    }
    // It applies to texts that are read; messages, schemas and arguments are as strict as before.
    env.write("list", b"{\"role\":\"user\",\"content\":\"\xff\"}\n");
    env.dry(["--lossy", "--messages", "list", "hi"]).refused(2, &["list"]);
    env.dry(["--lossy", "-c", "list", "hi"]).refused(2, &["list"]);
    env.write("schema.json", b"{\"title\":\"\xff\"}");
    env.dry(["--lossy", "hi", "--schema", "schema.json"]).refused(2, &["schema.json"]);
}
