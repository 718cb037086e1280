//! Image files in the body: byte for byte, in constant memory, and either as they were when they
//! were checked or not at all.

use std::fs::{self, File};
use std::io::{BufReader, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::thread;
use std::time::{Duration, SystemTime};

use crate::support::images::{MAX_IMAGE, PNG, data_url, image, png};
use crate::support::{
    Env, Gate, Reads, Request, Run, Script, Server, four, retry_at_once, wait_for,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

#[test]
fn every_length_is_encoded_correctly_wherever_a_chunk_ends() {
    let env = Env::new();
    // Near the lengths at which something is split or padded: 3 bytes, pages, 96 and 128 KiB.
    let near = |n: usize| n - 4..n + 4;
    let lengths: Vec<_> =
        [12, 6144, 8192, 98_304, 131_072, 196_608].into_iter().flat_map(near).collect();
    let mut args = vec!["--dry-run".to_owned()];
    let mut expected = Vec::new();
    for len in lengths {
        // A word of varying length shifts the image against the buffer it is encoded into.
        let (name, word) = (format!("{len}.png"), "x".repeat(1 + len % 11));
        env.write(&name, png(len));
        args.extend([word.clone(), "-i".to_owned(), name]);
        expected.extend([
            json!({"type": "text", "text": word}),
            image(&data_url("image/png", &png(len))),
        ]);
    }
    let content = env.xask(&args).content();
    assert!(content == json!(expected));
    let server = Server::respond(four());
    env.xask(&args[1..]).server(&server).stdout("Four.\n").success();
    let request = server.request();
    assert_eq!(request.header("content-length"), Some(&*request.body.len().to_string()));
    assert!(request.json()["messages"][0]["content"] == json!(expected));
    for len in near(98_304) {
        let content = env.dry(["-i", "-"]).stdin(png(len)).content();
        assert!(content == json!([image(&data_url("image/png", &png(len)))]), "{len}");
    }
}

/// The peak memory of a run until its request has arrived, in KiB, and the request.
fn peak(env: &Env, args: &[&str]) -> (u64, Request) {
    let (arrived, go) = (Gate::new(), Gate::new());
    let server = Server::play([Script::new()
        .keep_in(env.path("body"))
        .open(&arrived)
        .wait(&go)
        .send(four())]);
    let run = env.xask(args).server(&server).stdout("Four.\n").spawn();
    arrived.wait();
    let peak = run.peak_kib();
    go.open();
    run.success();
    (peak, server.request())
}

#[test]
fn ten_large_images_arrive_whole_and_take_little_memory() {
    let env = Env::new();
    let names = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
    let args: Vec<_> = names.iter().flat_map(|name| ["-i", name]).collect();
    for name in names {
        // Each has a different end, so that they can be told apart.
        let path = env.sparse_png(name, MAX_IMAGE - 100);
        let mut file = File::options().append(true).open(path).expect("the file is there");
        file.write_all(name.repeat(100).as_bytes()).expect("written");
    }
    let (text, _) = peak(&env, &["hi"]);
    let (one, _) = peak(&env, &args[..2]);
    let (ten, request) = peak(&env, &args);
    assert!(one <= text + 1536, "one image: {one} KiB, a text: {text} KiB");
    assert!(ten <= text + 1536, "ten images: {ten} KiB, a text: {text} KiB");

    assert_eq!(request.header("content-length"), Some(&*request.body_len.to_string()));
    let mut arrived = BufReader::new(File::open(env.path("body")).expect("the body was kept"));
    let mut expect = |text: &str| {
        let mut had = vec![0; text.len()];
        arrived.read_exact(&mut had).expect("the body is long enough");
        // Not `assert_eq`, which would print 28 MB.
        assert!(had == text.as_bytes(), "it is not {}", &text[..text.len().min(60)]);
    };
    expect(r#"{"model":"grok-4","messages":[{"role":"user","content":["#);
    for name in names {
        expect(if name == "0" { "" } else { "," });
        expect(r#"{"type":"image_url","image_url":{"url":""#);
        // Between its ends is a hole, and zeros are A in base64.
        expect(&data_url("image/png", &[PNG, &[0; 4]].concat()));
        expect(&"A".repeat((MAX_IMAGE - 12 - 302) / 3 * 4));
        expect(&STANDARD.encode([vec![0; 202], name.repeat(100).into_bytes()].concat()));
        expect("\"}}");
    }
    expect("]}]}");
    assert_eq!(arrived.read(&mut [0]).expect("the end"), 0);
}

#[test]
fn a_dry_run_and_a_rehearsal_take_little_memory_too() {
    let env = Env::new();
    env.sparse_png("a.png", MAX_IMAGE);
    // There is room for the program, but not for one image.
    let script = |flag: &str| format!("ulimit -v 24576 && xask -q {flag} -i a.png -i a.png");
    let length = env.sh(&format!("{} >body && wc -c <body", script("--dry-run"))).text();
    assert!(length.trim().parse::<usize>().expect("a number") > 2 * MAX_IMAGE.div_ceil(3) * 4);
    env.sh(&script("--rehearse")).stdout_like("[image/png, 20971520 bytes]").success();
}

#[test]
fn files_are_opened_one_after_another() {
    let env = Env::new();
    env.write("a.png", PNG);
    let script = format!("ulimit -n 16 && xask --dry-run {}", "-i a.png ".repeat(40));
    assert_eq!(env.sh(&script).content().as_array().map(Vec::len), Some(40));
}

/// Changes to a file, by name.
type Change = (&'static str, fn(&Env));

fn open(env: &Env) -> File {
    File::options().write(true).open(env.path("a.png")).expect("the file is there")
}

/// To a file that is not open yet.
const CHANGES: [Change; 9] = [
    ("shrinks", |env| open(env).set_len(1000).expect("shorter")),
    ("is emptied", |env| open(env).set_len(0).expect("shorter")),
    ("grows", |env| open(env).set_len(MAX_IMAGE as u64).expect("longer")),
    ("is rewritten", |env| {
        let len = fs::metadata(env.path("a.png")).expect("it is there").len();
        let mut file = open(env);
        file.write_all(&[PNG, b"others"].concat()).expect("written");
        assert_eq!(file.metadata().expect("it is there").len(), len);
        // By a clock that is finer than that of the file system.
        file.set_modified(SystemTime::now() + Duration::from_secs(1)).expect("its time is set");
    }),
    ("is rewritten under its old time", |env| {
        let before = fs::metadata(env.path("a.png")).expect("it is there");
        // Until the clock of the file system has advanced.
        wait_for(|| {
            let mut file = open(env);
            file.write_all(&[PNG, b"others"].concat()).expect("written");
            let modified = before.modified().expect("it has a time");
            file.set_modified(modified).expect("its time is set");
            let changed = |found: &fs::Metadata| (found.ctime(), found.ctime_nsec());
            changed(&file.metadata().expect("it is there")) != changed(&before)
        });
    }),
    ("is replaced", |env| {
        let found = fs::metadata(env.path("a.png")).expect("it is there");
        let len = usize::try_from(found.len()).expect("it fits");
        // Another file of the same size and time.
        let other = File::options().write(true).open(env.sparse_png("b.png", len));
        let modified = found.modified().expect("it has a time");
        other.and_then(|other| other.set_modified(modified)).expect("its time is set");
        fs::rename(env.path("b.png"), env.path("a.png")).expect("they are replaced");
    }),
    ("is replaced by a folder", |env| {
        fs::remove_file(env.path("a.png")).expect("it was there");
        env.folder("a.png");
    }),
    ("vanishes", |env| fs::remove_file(env.path("a.png")).expect("it was there")),
    ("becomes a link that leads nowhere", |env| {
        fs::rename(env.path("a.png"), env.path("c.png")).expect("they are replaced");
        env.link("a.png", "a.png");
    }),
];

/// Runs while the file changes: after it was checked, because the pipe comes after it on the command line,
/// and before it is sent, because the pipe has not been read to its end.
#[track_caller]
fn while_it_changes(env: &Env, run: Run, change: fn(&Env)) -> (String, Vec<u8>) {
    let pipe = env.path("pipe");
    let (opened, changed) = (Gate::new(), Gate::new());
    let writer = {
        let (opened, changed) = (opened.clone(), changed.clone());
        thread::spawn(move || {
            let pipe = File::options().write(true).open(pipe);
            opened.open();
            changed.wait();
            pipe.and_then(|mut pipe| pipe.write_all(b"What is this?"))
        })
    };
    let run = run.any_output().spawn();
    opened.wait();
    change(env);
    changed.open();
    let output = run.code(1);
    writer.join().expect("no panic").expect("the pipe was read");
    (output.notes().to_owned(), output.stdout)
}

#[test]
fn a_file_that_changes_after_it_was_checked_is_never_sent() {
    for (name, change) in CHANGES {
        for mode in ["--json", "--dry-run", "--rehearse"] {
            let env = Env::new();
            env.fifo("pipe");
            env.write("a.png", png(300_000));
            let asked = mode == "--json";
            let server = if asked { Server::play([Script::new()]) } else { Server::never() };
            let run = env.xask(["-q", mode, "-i", "a.png", "-f", "pipe"]).server(&server);
            let (stderr, stdout) = while_it_changes(&env, run, change);
            assert!(
                stderr.starts_with("xask: error: a.png") && stderr.lines().count() == 1,
                "{name}: {stderr}"
            );
            // Not a byte of the new file is sent: it may be a secret.
            assert!(stdout.len() < 200, "{name}, {mode}: {} bytes", stdout.len());
            if asked {
                assert_eq!(stdout, b"");
                assert_cut(&server);
            }
        }
    }
}

/// The server never receives as many bytes as were announced.
#[track_caller]
fn assert_cut(server: &Server) {
    server.wait();
    for request in server.requests() {
        let promised = request.header("content-length").and_then(|length| length.parse().ok());
        assert!(promised > Some(request.body_len), "{} of {promised:?}", request.body_len);
    }
}

/// Runs xask and changes the file `a.png` when the first bytes have arrived, and the last cannot have: no socket holds
/// a whole large image.
#[track_caller]
fn change_while_sent(env: &Env, args: &[&str], (name, change): Change) {
    let (begun, go) = (Gate::new(), Gate::new());
    let script = Script::after(Reads::Body(200)).open(&begun).wait(&go).hold();
    let server = Server::play([script]);
    let run = env.xask(args).server(&server).case(name).any_output().spawn();
    begun.wait();
    change(env);
    go.open();
    let stderr = run.code(1).notes().to_owned();
    assert!(
        stderr.starts_with("xask: error: a.png") && stderr.lines().count() == 1,
        "{name}: {stderr}"
    );
    assert_cut(&server);
}

#[test]
fn a_file_that_changes_while_another_is_sent_is_never_sent() {
    for change in CHANGES {
        let env = Env::new();
        env.sparse_png("first.png", MAX_IMAGE);
        env.write("a.png", png(300_000));
        change_while_sent(&env, &["-i", "first.png", "-i", "a.png"], change);
    }
}

#[test]
fn a_file_that_changes_while_it_is_sent_is_not_sent_to_its_end() {
    let changes: [Change; 4] = [
        ("shrinks", |env| open(env).set_len(MAX_IMAGE as u64 / 2).expect("shorter")),
        ("is emptied", |env| open(env).set_len(0).expect("shorter")),
        ("grows", |env| open(env).set_len(MAX_IMAGE as u64 + 1).expect("longer")),
        CHANGES[3],
    ];
    for change in changes {
        let env = Env::new();
        env.sparse_png("a.png", MAX_IMAGE);
        change_while_sent(&env, &["-i", "a.png"], change);
    }
}

#[test]
fn each_attempt_reads_the_file_again_and_notices_a_change() {
    let env = Env::new();
    env.write("a.png", png(300_000));
    let server = Server::play([retry_at_once(503), four()]);
    let run = env.xask(["-i", "a.png"]).server(&server);
    run.stdout("Four.\n").stderr_like("503").success();
    let requests = server.requests();
    assert!(requests[0].body == requests[1].body, "they differ");

    for (name, change) in CHANGES {
        let env = Env::new();
        env.write("a.png", png(300_000));
        let (arrived, go) = (Gate::new(), Gate::new());
        let first = Script::new().open(&arrived).wait(&go).send(retry_at_once(503));
        let server = Server::play([first, Script::new()]);
        let run = env.xask(["-q", "-i", "a.png"]).server(&server).any_output().spawn();
        arrived.wait();
        change(&env);
        go.open();
        let stderr = run.code(1).notes().to_owned();
        assert!(
            stderr.lines().last().is_some_and(|line| line.starts_with("xask: error: a.png")),
            "{name}: {stderr}"
        );
        server.wait();
        assert!(
            server.requests().get(1).is_none_or(|second| second.body_len < requests[0].body_len)
        );
    }
}

#[test]
fn a_file_that_becomes_a_pipe_does_not_hang() {
    let env = Env::new();
    env.fifo("pipe");
    env.write("a.png", PNG);
    let run = env.xask(["--dry-run", "-i", "a.png", "-f", "pipe"]);
    let (stderr, _) = while_it_changes(&env, run, |env| {
        fs::remove_file(env.path("a.png")).expect("it was there");
        env.fifo("a.png");
    });
    assert!(stderr.starts_with("xask: error: a.png"), "{stderr}");
}
