//! `--names`: the name of each input comes before it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use serde_json::{Value, json};

use crate::support::images::{JPEG, PNG, data_url, image, image_with};
use crate::support::{Env, Tty};

fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

/// A folder with two texts and two images, and their `data:` URLs.
fn inputs() -> (Env, String, String) {
    let env = Env::new();
    env.write("a.txt", "one\n");
    env.write("deep/b.txt", "two\n\n");
    env.write("a.png", PNG);
    env.write("b.jpg", JPEG);
    (env, data_url("image/png", PNG), data_url("image/jpeg", JPEG))
}

#[test]
fn a_text_is_between_lines_with_its_name() {
    let (env, _, _) = inputs();
    let a = "<file name=\"a.txt\">\none\n</file>";
    let b = "<file name=\"deep/b.txt\">\ntwo\n\n</file>";
    for (args, expected) in [
        (&["-f", "a.txt"][..], a.to_owned()),
        (&["-f", "a.txt", "-f", "deep/b.txt"], format!("{a}\n\n{b}")),
        (
            &["compare", "-f", "a.txt", "and", "-f", "deep/b.txt"],
            format!("compare\n\n{a}\n\nand\n\n{b}"),
        ),
        (&["-f", "./a.txt"], a.replace("a.txt", "./a.txt")),
        (&["-f", "a.txt", "-"], format!("{a}\n\n<file name=\"file 2\">\nin\n</file>")),
        (&["-", "-f", "a.txt"], format!("<file name=\"file 1\">\nin\n</file>\n\n{a}")),
        // Standard input without a name is an input as well.
        (&[], "<file name=\"file 1\">\nin\n</file>".to_owned()),
        (&["hi"], "hi".to_owned()),
    ] {
        for flag in ["-n", "--names"] {
            let run = env.dry([flag].into_iter().chain(args.iter().copied())).stdin("in\n");
            assert_eq!(run.content(), *expected, "{args:?}");
        }
    }
    let absolute = env.path("a.txt");
    let absolute = absolute.to_str().expect("UTF-8");
    assert_eq!(env.dry(["-n", "-f", absolute]).content(), a.replace("a.txt", absolute));
}

#[test]
fn an_image_comes_after_a_text_with_its_name() {
    let (env, png, jpeg) = inputs();
    let a = "<file name=\"a.txt\">\none\n</file>";
    for (args, expected) in [
        (&["-i", "a.png"][..], json!([text("a.png:"), image(&png)])),
        (
            &["What changed?", "-i", "a.png", "-i", "b.jpg"],
            json!([text("What changed?\n\na.png:"), image(&png), text("b.jpg:"), image(&jpeg)]),
        ),
        (
            &["-i", "a.png", "-f", "a.txt", "-i", "b.jpg", "-d", "low", "end"],
            json!([
                text("a.png:"),
                image_with(&png, "low"),
                text(&format!("{a}\n\nb.jpg:")),
                image_with(&jpeg, "low"),
                text("end"),
            ]),
        ),
        (
            &["-i", "https://example.com/a.png?b", "-i", &png, "-i", "-"],
            json!([
                text("https://example.com/a.png?b:"),
                image("https://example.com/a.png?b"),
                text("image 2:"),
                image(&png),
                text("image 3:"),
                image(&png),
            ]),
        ),
    ] {
        let stdin = if args.contains(&"-") { PNG } else { b"" };
        let run = env.dry(["-n"].into_iter().chain(args.iter().copied())).stdin(stdin);
        assert_eq!(run.content(), expected, "{args:?}");
    }
}

#[test]
fn inputs_without_a_name_are_numbered_by_kind() {
    let (env, png, _) = inputs();
    let script = "xask --dry-run -n -f a.txt -f /dev/fd/3 -i a.png -i /dev/fd/4 -f /proc/self/fd/5 \
                  3<a.txt 4<a.png 5<deep/b.txt </dev/null";
    let content = env.sh(script).content();
    let texts = "<file name=\"a.txt\">\none\n</file>\n\n<file name=\"file 2\">\none\n</file>";
    assert_eq!(content[0], text(&format!("{texts}\n\na.png:")));
    assert_eq!(content[1], image(&png));
    assert_eq!(content[2], text("image 2:"));
    assert_eq!(content[4], text("<file name=\"file 3\">\ntwo\n\n</file>"));
}

#[test]
fn characters_with_a_meaning_in_xml_are_escaped_in_the_name() {
    let env = Env::new();
    for (name, shown) in [
        ("a & b.txt", "a &amp; b.txt"),
        ("<a>.txt", "&lt;a>.txt"),
        ("it's \"it\".txt", "it's &quot;it&quot;.txt"),
        ("&amp;.txt", "&amp;amp;.txt"),
        ("h\u{e9}.txt", "h\u{e9}.txt"),
    ] {
        env.write(name, "x </file> & <y>");
        let content = env.dry(["-n", "-f", name]).content();
        // The text itself is sent unchanged.
        assert_eq!(content, format!("<file name=\"{shown}\">\nx </file> & <y>\n</file>"));
    }
    env.write("a & \"b\".png", PNG);
    let content = env.dry(["-n", "-i", "a & \"b\".png"]).content();
    assert_eq!(content[0], text("a & \"b\".png:"));
    // Names that are not UTF-8 are readable too.
    env.write(OsStr::from_bytes(b"odd\xff.txt"), "x");
    let args = ["--dry-run", "-n", "-f"].map(OsStr::new).into_iter();
    let content = env.xask(args.chain([OsStr::from_bytes(b"odd\xff.txt")])).content();
    assert!(content.as_str().expect("a text").ends_with(".txt\">\nx\n</file>"), "{content}");
}

#[test]
fn earlier_messages_and_system_prompts_are_not_named() {
    let (env, _, _) = inputs();
    let one = json!({"role": "user", "content": "one"});
    env.write("list", one.to_string());
    let args = ["-n", "--messages", "list", "--system-file", "a.txt", "-f", "a.txt"];
    let named = json!({"role": "user", "content": "<file name=\"a.txt\">\none\n</file>"});
    let expected = json!([{"role": "system", "content": "one"}, one, named]);
    assert_eq!(env.dry(args).messages(), expected);
    let messages = env.dry(["-n", "-c", "list", "-f", "a.txt"]).messages();
    assert_eq!(messages[0], one);
}

#[test]
fn an_empty_input_with_a_name_is_still_empty() {
    let (env, _, _) = inputs();
    env.write("blank", " \n");
    env.dry(["-n", "-f", "blank"]).refused(2, &["blank"]);
    env.dry(["-n", "hi", "-"]).stdin("").refused(2, &["standard input"]);
    env.dry(["-n"]).stdin("").refused(2, &["prompt"]);
    env.dry(["-n"]).tty(Tty::Stdin).refused(2, &["prompt"]);
    env.dry(["-n", " "]).refused(2, &["prompt"]);
}
