//! The file of a conversation: its lock, a full disk, and names that are links.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;

use serde_json::Value;

use super::{assert_body, assert_file, exchange, message};
use crate::support::{
    Env, Gate, Response, Script, Server, answer, chat, four, messages, streamed, unprivileged,
};

#[test]
fn a_run_waits_for_the_lock_and_reports_a_long_wait() {
    let env = Env::new();
    let before = exchange("hi", "hello");
    let path = env.write("kept", &before);
    let mut held = OpenOptions::new().append(true).open(path).expect("a file");
    let gone = File::open(env.write("gone", "")).expect("a file");
    held.lock().expect("a lock");
    gone.lock().expect("a lock");
    let server = Server::play([four(), answer("Five.")]);
    let run = |name: &str, printed| {
        let run = env.xask(["-c", name, "more"]).server(&server).stdout(printed);
        run.stderr(format!("xask: note: {name} is locked by another xask process; waiting\n"))
            .spawn()
    };
    let (mut run, mut run_on_gone) = (run("kept", "Four.\n"), run("gone", "Five.\n"));
    // This run reports no wait, and gives up.
    let quiet = env.xask(["-c", "kept", "--quiet", "--timeout", "1.1", "never"]).server(&server);
    let quiet = quiet.stderr_like(messages::error("kept: ")).spawn();
    run.read_stderr_until("waiting");
    run_on_gone.read_stderr_until("waiting");
    quiet.code(1);
    assert!(server.requests().is_empty(), "nothing is sent before its turn");
    // Messages that the other run appends meanwhile are part of the conversation.
    held.write_all(exchange("then", "now").as_bytes()).expect("the file takes it");
    held.unlock().expect("the lock is held");
    run.success();
    let messages = [("user", "hi"), ("assistant", "hello"), ("user", "then"), ("assistant", "now")];
    let messages = messages.map(|(role, text)| message(role, text));
    let all = [&messages[..], &[message("user", "more")]].concat();
    assert_body(&server.request(), &all);
    assert_file(&env, "kept", &(before + &exchange("then", "now") + &exchange("more", "Four.")));
    // A run that created the file and has nothing to store removes it.
    fs::remove_file(env.path("gone")).expect("it is there");
    gone.unlock().expect("the lock is held");
    run_on_gone.success();
    assert_file(&env, "gone", &exchange("more", "Five."));
}

#[test]
fn a_run_that_never_gets_the_lock_gives_up_at_the_deadline() {
    let env = Env::new();
    let before = exchange("hi", "hello");
    let held = File::open(env.write("kept", &before)).expect("a file");
    held.lock().expect("a lock");
    let server = Server::never();
    // Such a short wait gets no note.
    for args in [&["more"][..], &["--rehearse", "more"]] {
        let run = env.xask([&["-c", "kept", "--timeout", "0.1"], args].concat()).server(&server);
        run.stderr_like(messages::error("kept: ")).stderr_like("after 0.1 s (--timeout)").code(1);
    }
    assert_file(&env, "kept", &before);
}

#[test]
fn parallel_runs_take_turns() {
    const RUNS: usize = 20;
    let env = Env::new();
    // Some fail, perhaps also the one that created the file.
    let response = |n: usize| match n % 5 {
        0 => Response::json(400, chat::error("wet", "It rains.")),
        _ => answer(&format!("answer {n}")),
    };
    let server = Server::play((0..RUNS + RUNS / 4).map(response));
    let runs: Vec<_> = (0..RUNS + RUNS / 4)
        .map(|n| env.xask(["-c", "kept", &format!("question {n}")]).server(&server).spawn())
        .collect();
    let codes = runs.into_iter().map(|run| run.finish().status.code());
    assert_eq!(codes.filter(|code| *code == Some(0)).count(), RUNS);

    let kept = String::from_utf8(env.read("kept")).expect("text");
    let kept: Vec<Value> =
        kept.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(kept.len(), 2 * RUNS);
    // Each run saw all that was stored before, and no other run came in between.
    let requests = server.requests();
    for (n, request) in requests.iter().enumerate() {
        let before = 2 * (n - n.div_ceil(5));
        let sent = request.json();
        let sent = sent["messages"].as_array().expect("messages");
        assert_eq!(sent[..before], kept[..before], "request {n}");
        assert_eq!(sent.len(), before + 1, "request {n}");
        if n % 5 > 0 {
            assert_eq!(sent[before], kept[before], "request {n}");
            assert_eq!(kept[before + 1]["content"], format!("answer {n}"));
        }
    }
    let mut questions: Vec<_> = requests
        .iter()
        .map(|request| {
            request.json()["messages"].as_array().expect("messages").last().expect("one")["content"]
                .to_string()
        })
        .collect();
    questions.sort_unstable();
    questions.dedup();
    assert_eq!(questions.len(), requests.len(), "each asked once");
}

#[test]
fn the_lock_is_held_until_the_answer_is_stored() {
    let env = Env::new();
    env.write("kept", "");
    env.write("read", exchange("hi", "hello"));
    let gates = [(); 2].map(|()| (Gate::new(), Gate::new()));
    let script =
        |(received, gate): &(Gate, Gate)| Script::new().open(received).wait(gate).send(four());
    let server = Server::play(gates.iter().map(script));
    for ((flag, name, locked), (received, gate)) in
        [("-c", "kept", true), ("--messages", "read", false)].into_iter().zip(&gates)
    {
        let run = env.xask([flag, name, "more"]).server(&server).stdout("Four.\n").spawn();
        received.wait();
        let file = File::open(env.path(name)).expect("a file");
        let taken = matches!(file.try_lock(), Err(TryLockError::WouldBlock));
        assert_eq!(taken, locked, "{flag}");
        drop(file);
        gate.open();
        run.success();
    }
}

#[test]
fn a_full_disk_leaves_the_file_unchanged() {
    let text = "Four. ".repeat(100);
    let begun = exchange("hi", "hello");
    for before in [Some(&*begun), Some(begun.trim_end()), Some(""), None] {
        for (flag, response) in [("--no-stream", answer(&text)), ("--stream", streamed(&[&text]))] {
            let env = Env::new();
            if let Some(before) = before {
                env.write("kept", before);
            }
            // A file may have 512 bytes here: the first write is short, and the next one fails.
            let script = format!("trap '' XFSZ; ulimit -f 1; exec xask -c kept {flag} more");
            let server = Server::respond(response);
            let run = env.sh(&script).server(&server).stdout(format!("{text}\n"));
            run.refused(1, &["kept: "]);
            match before {
                Some(before) => assert_file(&env, "kept", before),
                None => assert_eq!(env.names(), [""; 0]),
            }
        }
    }
}

#[test]
fn a_file_that_cannot_be_a_conversation_is_named_and_nothing_is_sent() {
    unprivileged(|| {
        let env = Env::new();
        env.folder("folder");
        env.fifo("pipe");
        env.link("loop", "loop");
        env.write_unreadable("unreadable", exchange("hi", "hello"));
        env.write("unwritable", exchange("hi", "hello"));
        env.set_mode("unwritable", 0o444);
        let names = env.names();
        let server = Server::never();
        for name in
            ["folder", "folder/", "pipe", "missing/kept", "loop", "unreadable", "unwritable"]
        {
            let run = env.xask(["-c", name, "more"]).server(&server);
            run.refused(1, &[&format!("{name}: ")]);
        }
        assert_eq!(env.names(), names);
    });
}

#[test]
fn a_dry_run_does_not_wait_for_a_pipe() {
    let env = Env::new();
    env.fifo("pipe");
    let run = env.xask(["--dry-run", "-c", "pipe", "more"]);
    run.refused(1, &["pipe: "]);
}

#[test]
fn a_link_stays_a_link() {
    let env = Env::new();
    env.write("folder/kept", exchange("hi", "hello"));
    env.link("link", "folder/kept");
    env.link("dangling", "folder/new");
    let server = Server::play([four(), four()]);
    for link in ["link", "dangling"] {
        env.xask(["-c", link, "more"]).server(&server).stdout("Four.\n").success();
        assert!(env.path(link).is_symlink(), "{link}");
    }
    let more = exchange("more", "Four.");
    assert_file(&env, "folder/kept", &(exchange("hi", "hello") + &more));
    assert_file(&env, "folder/new", &more);
}

#[test]
fn a_link_stays_a_link_when_nothing_is_stored() {
    let env = Env::new();
    env.link("dangling", "new");
    let run = env.xask(["-q", "-c", "dangling", "--rehearse=empty", "more"]);
    run.refused(9, &["empty"]);
    assert_eq!(env.names(), ["dangling"]);
}

#[test]
fn a_file_that_was_replaced_meanwhile_is_a_local_error_and_stays() {
    let theirs = exchange("theirs", "not ours");
    for before in [Some(exchange("hi", "hello")), None] {
        for (response, text, code) in
            [(four(), "Four.\n", 1), (Response::json(400, r#"{"error":"no"}"#), "", 4)]
        {
            let env = Env::new();
            if let Some(before) = &before {
                env.write("kept", before);
            }
            let (server, received, gate) = Server::holding(response);
            let run = env.xask(["-c", "kept", "more"]).server(&server).stdout(text);
            let why = if code == 1 { "kept: it was replaced" } else { "" };
            let run = run.stderr_like(messages::error(why)).spawn();
            received.wait();
            // As an editor saves a file.
            fs::rename(env.write("edited", &theirs), env.path("kept")).expect("a new file");
            gate.open();
            run.code(code);
            assert_file(&env, "kept", &theirs);
        }
    }
}

#[test]
fn a_line_that_was_added_meanwhile_stays() {
    let env = Env::new();
    let (before, theirs) = (exchange("hi", "hello"), exchange("theirs", "not ours"));
    let path = env.write("kept", &before);
    let (server, received, gate) = Server::holding(four());
    let run = env.xask(["-c", "kept", "more"]).server(&server).stdout("Four.\n").spawn();
    received.wait();
    // By a program that takes no lock.
    let mut file = OpenOptions::new().append(true).open(path).expect("a file");
    file.write_all(theirs.as_bytes()).expect("the file takes it");
    gate.open();
    run.success();
    assert_file(&env, "kept", &(before + &theirs + &exchange("more", "Four.")));
}

#[test]
fn a_new_file_gets_default_permissions_and_an_old_one_keeps_its_own() {
    let env = Env::new();
    env.write("old", exchange("hi", "hello"));
    env.set_mode("old", 0o600);
    for (mask, name, mode) in
        [("000", "a", 0o666), ("022", "b", 0o644), ("077", "c", 0o600), ("000", "old", 0o600)]
    {
        let script = format!("umask {mask}; exec xask -q --rehearse -c {name} hi");
        env.sh(&script).stdout_like("model").success();
        assert_eq!(env.mode(name), mode, "umask {mask}, {name}");
    }
}

#[test]
fn dev_null_is_always_a_new_conversation() {
    let env = Env::new();
    let server = Server::play([four(), four()]);
    for _ in 0..2 {
        let run = env.xask(["-c", "/dev/null", "hi"]).server(&server);
        run.stdout("Four.\n").success();
    }
    for request in server.requests() {
        assert_body(&request, &[message("user", "hi")]);
    }
}

#[test]
fn an_endless_device_cannot_be_a_conversation() {
    let (env, never) = (Env::new(), Server::never());
    for flags in [&[][..], &["--dry-run"]] {
        let run = env.ask(&never, ["-c", "/dev/zero"]).args(flags).case(flags);
        run.fails(1, &["/dev/zero: not a file"]);
    }
}

#[test]
fn a_file_name_may_have_any_bytes() {
    let env = Env::new();
    let name = OsStr::from_bytes(b"caf\xe9 \x1b[2J.jsonl");
    let server = Server::respond(four());
    let args = [OsStr::new("-c"), name, OsStr::new("hi")];
    env.xask(args).server(&server).stdout("Four.\n").success();
    assert_eq!(env.read(name), exchange("hi", "Four.").as_bytes());
    env.write(name, "no JSON");
    env.xask(args).fails(2, &[r"\x1b[2J.jsonl: line 1"]);
}

#[test]
fn an_empty_file_that_existed_stays() {
    let env = Env::new();
    env.write("kept", "");
    let server = Server::respond(Response::json(400, chat::error("wet", "It rains.")));
    let run = env.xask(["-c", "kept", "hi"]).server(&server);
    run.refused(4, &["It rains."]);
    assert_file(&env, "kept", "");
}
