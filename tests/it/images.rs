//! Images: their position, which ones are accepted, and the messages for all others.

use std::ffi::OsStr;
use std::fs;

use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixListener;
use std::thread;

use crate::support::images::{JPEG, MAX_IMAGE, PNG, data_url, image, image_with, png};
use crate::support::{Env, Script, Server, Tty, four, unprivileged};
use serde_json::{Value, json};

fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

#[test]
fn texts_and_images_arrive_in_the_order_of_the_command_line() {
    let env = Env::new();
    env.write("before.png", png(100));
    env.write("after.png", [JPEG, &[7; 99]].concat());
    let before = data_url("image/png", &png(100));
    let after = data_url("image/jpeg", &[JPEG, &[7; 99]].concat());
    let server = Server::respond(four());
    let args =
        ["What changed between", "--image", "before.png", "and", "--image", "after.png", "?"];
    env.xask(args.iter().chain(&["--detail", "high"])).server(&server).stdout("Four.\n").success();
    let request = server.request();
    let high = |url| image_with(url, "high");
    let content =
        [text("What changed between"), high(&before), text("and"), high(&after), text("?")];
    let messages = json!([{"role": "user", "content": content}]);
    assert_eq!(request.json(), json!({"model": "grok-4", "messages": messages}));
    assert_eq!(request.header("content-length"), Some(&*request.body.len().to_string()));
}

#[test]
fn texts_are_joined_as_far_as_the_next_image() {
    let env = Env::new();
    let (before, after) = (png(100), [JPEG, &[7; 99]].concat());
    env.write("before.png", &before);
    env.write("after.png", &after);
    env.write("file", "out of a file\n");
    let (a, b) = (image(&data_url("image/png", &before)), image(&data_url("image/jpeg", &after)));
    let cases: &[(&[&str], Value)] = &[
        (&["-i", "before.png", "hi"], json!([a, text("hi")])),
        (&["a", "b", "-i", "before.png", "c", "d"], json!([text("a b"), a, text("c d")])),
        (
            &["a", "-f", "file", "-i", "after.png", "-f", "file", "b", "-"],
            json!([text("a\n\nout of a file"), b, text("out of a file\n\nb\n\nin")]),
        ),
        (&["-", "-i", "before.png", "--", "-i"], json!([text("in"), a, text("-i")])),
        // Empty words add no part, blank ones do.
        (&["", "-i", "before.png", ""], json!([a])),
        (&["", "-i", "before.png", "-i", "after.png", " "], json!([a, b, text(" ")])),
    ];
    for (args, expected) in cases {
        assert_eq!(env.dry(args.iter().copied()).stdin("in\n").content(), *expected, "{args:?}");
    }
    let messages = env.dry(["-s", "Be brief.", "-i", "before.png", "hi"]).messages();
    assert_eq!(messages[0], json!({"role": "system", "content": "Be brief."}));
}

#[test]
fn with_images_standard_input_is_the_text_and_may_be_empty() {
    let env = Env::new();
    env.write("before.png", PNG);
    env.write("after.png", JPEG);
    let (a, b) = (image(&data_url("image/png", PNG)), image(&data_url("image/jpeg", JPEG)));
    let cases: &[(&[&str], &[&Value])] = &[
        (&["-i", "before.png"], &[&a]),
        (&["-i", "before.png", "-i", "after.png", "-i", "before.png"], &[&a, &b, &a]),
    ];
    for (args, images) in cases {
        for stdin in ["", "\n"] {
            assert_eq!(env.dry(args.iter().copied()).stdin(stdin).content(), json!(images));
        }
        let content = env.dry(args.iter().copied()).stdin("in\n").content();
        assert_eq!(content, json!([images, &[&text("in")][..]].concat()));
    }
}

#[test]
fn detail_is_given_once_or_once_per_image_or_not_at_all() {
    let env = Env::new();
    env.write("a.png", PNG);
    env.write("b.png", PNG);
    let (url, png) = ("https://example.com/c.png", data_url("image/png", PNG));
    let cases: &[(&[&str], [Option<&str>; 3])] = &[
        (&[], [None; 3]),
        (&["-d", "low"], [Some("low"); 3]),
        (&["--detail=auto"], [Some("auto"); 3]),
        (&["-d", "low", "--detail", "high", "-dauto"], [Some("low"), Some("high"), Some("auto")]),
    ];
    for (details, expected) in cases {
        let images = ["-i", "a.png", "x", "-i", url, "y", "-i", "-"];
        // Before the images, after them, and (one for each) between them.
        let behind = [&images[..], details].concat();
        let before = [details, &images[..]].concat();
        for args in [behind, before] {
            let content = env.dry(args.iter().copied()).stdin(PNG).content();
            for (index, (at, url)) in [(0, &*png), (2, url), (4, &png)].into_iter().enumerate() {
                let wanted = expected[index].map_or(image(url), |detail| image_with(url, detail));
                assert_eq!(content[at], wanted, "{args:?}");
            }
        }
    }
    let among = ["-i", "a.png", "-d", "low", "-i", "b.png", "-d", "high"];
    let wanted = json!([image_with(&png, "low"), image_with(&png, "high")]);
    assert_eq!(env.dry(among).content(), wanted);
    assert_eq!(env.dry(["-i", "a.png", "-d", "high"]).content(), json!([image_with(&png, "high")]));
}

#[test]
fn a_wrong_number_of_details_is_a_usage_error() {
    let (env, server) = (Env::new(), Server::never());
    env.write("a.png", PNG);
    let low = |n: usize| ["-d", "low"].repeat(n);
    for (images, details) in [(1, 2), (2, 3), (3, 2), (5, 4)] {
        let args = [["-i", "a.png"].repeat(images), low(details)].concat();
        let words = ["--detail", &details.to_string(), &images.to_string(), "hint", "once"];
        env.xask(args).server(&server).refused(2, &words);
    }
    for details in [1, 2] {
        let args = [vec!["hi"], low(details)].concat();
        env.xask(args).server(&server).refused(2, &["--detail", "--image"]);
    }
}

#[test]
fn a_url_is_passed_through_and_never_fetched() {
    let (env, elsewhere) = (Env::new(), Server::never());
    let png = data_url("image/png", PNG);
    let addresses = [
        &format!("http://{}/a.png", elsewhere.addr()),
        "https://example.com/a%20b.gif?c=d&e=\"f\"#g",
        "HTTPS://example.com/é.png",
        "http://",
        &png,
        &data_url("image/jpeg", JPEG),
        &data_url("image/jpg", JPEG),
    ];
    for address in addresses {
        assert_eq!(env.dry(["-i", address]).content(), json!([image(address)]));
        env.rehearse(["-i", address]).stdout_like("user: ").success();
    }
    let server = Server::respond(four());
    let args = addresses.iter().flat_map(|address| ["-i", address]);
    env.xask(args).server(&server).stdout("Four.\n").success();
    let sent = server.request().json();
    let expected: Vec<_> = addresses.iter().map(|address| image(address)).collect();
    assert_eq!(sent["messages"][0]["content"], json!(expected));
}

#[test]
fn a_data_url_of_anything_else_is_a_usage_error() {
    let (env, server) = (Env::new(), Server::never());
    for url in [
        "data:image/gif;base64,R0lGODlh",
        "data:image/svg+xml;base64,PHN2Zy8+",
        "data:image/png,raw",
        "data:image/png;base64,",
        "data:text/plain;base64,aGk=",
        "data:,hi",
        "data:",
    ] {
        let words = ["data:", "PNG", "JPEG"];
        env.xask(["-i", url]).server(&server).key("xai-key").refused(2, &words);
    }
}

#[test]
fn an_image_is_recognized_by_its_bytes_whatever_its_name() {
    let env = Env::new();
    let jpeg = [JPEG, &[0; 20]].concat();
    env.folder("folder");
    for (name, bytes, media_type) in [
        ("a.png", PNG, "image/png"),
        ("a.jpg", PNG, "image/png"),
        ("a.gif", &jpeg, "image/jpeg"),
        ("a.png", &jpeg, "image/jpeg"),
        ("smallest", &b"\xff\xd8\xff"[..], "image/jpeg"),
        ("folder/no name at all", PNG, "image/png"),
        ("-x", PNG, "image/png"),
        ("./-", PNG, "image/png"),
        ("a\"b\n.png", PNG, "image/png"),
        ("http:a.png", PNG, "image/png"),
    ] {
        env.write(name, bytes);
        let expected = json!([image(&data_url(media_type, bytes))]);
        assert_eq!(env.dry(["-i", name]).content(), expected, "{name}");
    }
    let path = env.write(OsStr::from_bytes(b"odd\xff.png"), PNG);
    env.link("link", &path);
    let expected = json!([image(&data_url("image/png", PNG))]);
    let args = ["--dry-run", "-i"].map(OsStr::new).into_iter().chain([path.as_os_str()]);
    assert_eq!(env.xask(args).content(), expected);
    assert_eq!(env.dry(["-i", "link"]).content(), expected);
}

/// Files that are not images, whatever their names.
const NOT_IMAGES: [(&str, &[u8]); 15] = [
    ("cat.png", b"GIF89a\x01\0\x01\0"),
    ("old.gif", b"GIF87a\x01\0\x01\0"),
    ("web.png", b"RIFF\x10\0\0\0WEBPVP8 \0"),
    ("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
    ("drawing.png", b"<?xml version=\"1.0\"?>\n<!-- by hand -->\n<svg/>"),
    ("photo.heic", b"\0\0\0\x18ftypheic\0\0\0\0"),
    ("scan.tif", b"II*\0\x08\0\0\0"),
    ("doc.png", b"%PDF-1.7\n"),
    ("notes.png", b"Just words.\n"),
    ("empty.png", b""),
    ("one.png", b"x"),
    ("byte.png", b"\x89"),
    ("half.png", b"\x89PNG\r\n\x1a"),
    ("half.jpg", b"\xff\xd8"),
    ("noise.png", b"\x00\x01\x02\x03"),
];

const TAKES: &str = "; xAI accepts PNG and JPEG\n";
const NOWHERE: &str = "\nxask: hint: it is a broken symbolic link\n";
const ADDRESSES: &str = "\nxask: hint: URLs must begin with http://, https:// or data:\n";

/// What is refused, why, and the rest of the message.
const REFUSED: [(&str, &str, &str); 27] = [
    ("cat.png", " is a GIF", TAKES),
    ("old.gif", " is a GIF", TAKES),
    ("web.png", " is a WebP", TAKES),
    ("drawing.svg", " is an SVG", TAKES),
    ("drawing.png", " is an SVG", TAKES),
    ("photo.heic", " is a HEIC", TAKES),
    ("scan.tif", " is a TIFF", TAKES),
    ("doc.png", " is a PDF", TAKES),
    ("notes.png", " is text, not an image", TAKES),
    ("empty.png", " is empty", TAKES),
    ("one.png", " is text, not an image", TAKES),
    ("byte.png", " is not an image", TAKES),
    ("half.png", " is a PNG damaged by text conversion", TAKES),
    ("half.jpg", " is not an image", TAKES),
    ("noise.png", " is not an image", TAKES),
    ("folder.png", " is a directory, not an image", TAKES),
    ("a socket", " is a socket, not an image", TAKES),
    ("/dev/null", " is a device, not an image", TAKES),
    ("/dev/zero", " is a device, not an image", TAKES),
    ("/proc/version", " is text, not an image", TAKES),
    ("missing.png", ": no such file or directory", "\n"),
    ("cat.png/x", ": not a directory", "\n"),
    ("dangling.png", ": no such file or directory", NOWHERE),
    ("loop.png", ": too many levels of symbolic links", NOWHERE),
    ("file:///a.png", ": no such file or directory", ADDRESSES),
    ("ftp://example.com/a.png", ": no such file or directory", ADDRESSES),
    ("large.png", " has 20971521 bytes; xAI accepts at most 20971520 (20 MiB) per image", "\n"),
];

#[test]
fn a_file_that_is_not_an_image_is_an_error_with_name_and_reason_before_the_key_is_read() {
    let (env, server) = (Env::new(), Server::never());
    let _socket = UnixListener::bind(env.path("a socket")).expect("a socket");
    env.folder("folder.png");
    env.link("dangling.png", "nowhere");
    env.link("loop.png", "loop.png");
    env.sparse_png("large.png", MAX_IMAGE + 1);
    for (name, bytes) in NOT_IMAGES {
        env.write(name, bytes);
    }
    for (name, why, rest) in REFUSED {
        let run = env.xask(["hi", "-i", name]).server(&server).env("XAI_API_KEY_FILE", "missing");
        let stderr = run.refused(2, &[]);
        assert_eq!(stderr, format!("xask: error: {name}{why}{rest}"));
    }
    // The second is checked before the first is sent.
    env.write("good.png", PNG);
    env.xask(["-i", "good.png", "-i", "cat.png"]).server(&server).refused(2, &["cat.png"]);
    unprivileged(|| {
        let env = Env::new();
        env.write_unreadable("secret.png", PNG);
        env.dry(["-i", "secret.png"]).refused(2, &["xask: error: secret.png: permission denied"]);
    });
}

#[test]
fn no_size_is_reported_for_a_pipe_that_is_too_large() {
    let env = Env::new();
    let run = env.sh("head -c 30000000 a.png | xask --dry-run -i /dev/fd/3 3<&0 </dev/null");
    env.sparse_png("a.png", 30_000_000);
    let stderr = run.refused(2, &["/dev/fd/3", "20971520"]);
    assert!(!stderr.contains("20971521"), "{stderr}");
}

#[test]
fn standard_input_may_be_the_image() {
    let (env, server) = (Env::new(), Server::never());
    let jpeg = [JPEG, &[0; 2000]].concat();
    env.write("a.jpg", &jpeg);
    let part = image(&data_url("image/jpeg", &jpeg));
    assert_eq!(env.dry(["-i", "-"]).stdin(&*jpeg).content(), json!([part]));
    assert_eq!(
        env.dry(["a", "--image=-", "b"]).stdin_file("a.jpg").content(),
        json!([text("a"), part, text("b")])
    );
    for (bytes, why) in [
        (&b"GIF89a\x01\0"[..], "is a GIF; xAI accepts PNG and JPEG"),
        (b"words\n", "is text, not an image; xAI accepts PNG and JPEG"),
        (b"", "is empty; xAI accepts PNG and JPEG"),
    ] {
        let stderr = env.xask(["hi", "-i", "-"]).stdin(bytes).server(&server).refused(2, &[]);
        assert_eq!(stderr, format!("xask: error: standard input {why}\n"));
    }
    // Text in a pipe is the prompt for the images on the command line.
    env.write("a.png", PNG);
    let content = env.sh("echo 'What is this?' | xask --dry-run --image a.png").content();
    assert_eq!(content, json!([image(&data_url("image/png", PNG)), text("What is this?")]));
    for run in [env.dry(["-i", "a.png"]), env.dry(["-i", "a.png"]).tty(Tty::Stdin)] {
        assert_eq!(run.content(), json!([image(&data_url("image/png", PNG))]));
    }
}

#[test]
fn a_pipe_may_be_an_image() {
    let env = Env::new();
    let bytes = png(300_000);
    env.write("a.png", &bytes);
    let expected = json!([image(&data_url("image/png", &bytes)), text("hi")]);
    let content = env.sh("cat a.png | xask --dry-run -i /dev/fd/3 hi 3<&0 </dev/null").content();
    assert!(content == expected);
    let fifo = env.fifo("fifo");
    let writer = thread::spawn(move || fs::write(fifo, bytes));
    let server = Server::respond(four());
    env.xask(["-i", "fifo", "hi"]).server(&server).stdout("Four.\n").success();
    writer.join().expect("no panic").expect("the pipe was read");
    assert!(server.request().json()["messages"][0]["content"] == expected);
    // Its content is checked like that of a file.
    let script = "printf GIF89a | xask -i /dev/fd/3 3<&0 </dev/null";
    env.sh(script).refused(2, &["/dev/fd/3 is a GIF; xAI accepts PNG and JPEG"]);
}

#[test]
fn twenty_mebibytes_are_accepted_and_one_byte_more_is_an_error() {
    let env = Env::new();
    env.sparse_png("most.png", MAX_IMAGE);
    env.sparse_png("more.png", MAX_IMAGE + 1);
    let pipe = |name: &str| format!("cat {name} | xask -q --rehearse -i /dev/fd/3 3<&0 </dev/null");
    let runs = |name: &str| {
        [
            env.rehearse(["-i", name]),
            env.rehearse(["-i", "-"]).stdin_file(name),
            env.sh(&pipe(name)),
        ]
    };
    for run in runs("most.png") {
        run.stdout("[rehearsal]\nmodel: grok-4\nuser: [image/png, 20971520 bytes]\n").success();
    }
    for run in runs("more.png") {
        run.refused(2, &["20971520", "20 MiB"]);
    }
    let server = Server::play([Script::new().weigh().send(four())]);
    env.xask(["-i", "most.png"]).server(&server).stdout("Four.\n").success();
    let around = "{\"model\":\"grok-4\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\
                  \"image_url\":{\"url\":\"data:image/png;base64,\"}}]}]}";
    assert_eq!(server.request().body_len, around.len() + MAX_IMAGE.div_ceil(3) * 4);
}

#[test]
fn a_rehearsal_shows_type_size_and_detail() {
    let env = Env::new();
    env.write("a.png", png(1234));
    let jpeg = [JPEG, &[0; 6]].concat();
    env.write("b", &jpeg);
    let cases: &[(&[&str], &str)] = &[
        (&["-i", "a.png"], "[image/png, 1234 bytes]"),
        (&["-i", "a.png", "-d", "high"], "[image/png, 1234 bytes, detail high]"),
        (
            &["See", "-i", "a.png", "-d", "low", "and", "-i", "b", "-d", "auto"],
            "See [image/png, 1234 bytes, detail low] and [image/jpeg, 10 bytes, detail auto]",
        ),
        (&["-i", "-"], "[image/jpeg, 10 bytes]"),
        (&["-i", &data_url("image/jpeg", &jpeg)], "[image/jpeg, 10 bytes]"),
        (&["-i", &data_url("image/png", PNG), "-d", "low"], "[image/png, 8 bytes, detail low]"),
        (&["-i", "https://example.com/a.png"], "https://example.com/a.png"),
    ];
    for (args, expected) in cases {
        let stdin = if args.contains(&"-") { &jpeg[..] } else { b"" };
        let answer = env.rehearse(args.iter().copied()).stdin(stdin).text();
        assert_eq!(answer, format!("[rehearsal]\nmodel: grok-4\nuser: {expected}"));
    }
}

#[test]
fn a_rehearsal_knows_every_accepted_spelling_of_a_data_url() {
    for url in ["DATA:image/PNG;base64,iVBORw0KGgo=", "data:image/png;BASE64,iVBORw0KGgo="] {
        let answer = Env::new().rehearse(["-i", url]).text();
        assert_eq!(answer, "[rehearsal]\nmodel: grok-4\nuser: [image/png, 8 bytes]", "{url}");
    }
}
