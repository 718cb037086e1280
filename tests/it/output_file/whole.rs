//! The file is unchanged or has a usable answer, whatever happens; and an answer that was billed is
//! not lost.

use std::fs;
use std::os::unix::fs::MetadataExt;

use serde_json::json;

use super::{OLD, REHEARSED};
use crate::support::{
    Env, Gate, Response, Script, Server, Signal, answer, chat, four, messages, wait_for,
};

#[test]
fn an_answer_that_cannot_be_written_to_the_file_is_printed() {
    let env = Env::new();
    let full = "xask: error: --output /dev/full: no space left on device\n";
    env.xask(["-q", "--rehearse", "hi", "-o", "/dev/full"]).stdout(REHEARSED).stderr(full).code(1);
    let response = chat::completion("Four.");
    let events = chat::stream_of(&["Fo", "ur."], Some("stop"));
    for (args, response, expected) in [
        (&["--json"][..], four(), format!("{response}\n")),
        (&["--stream"], Response::sse(&events), "Four.\n".to_owned()),
        (&["--json", "--stream"], Response::sse(&events), events.join("\n") + "\n"),
    ] {
        let server = Server::respond(response);
        let run = env.xask(["-o", "/dev/full", "hi"]).args(args).server(&server);
        run.stdout(expected).stderr(full).code(1);
    }
}

#[test]
fn a_full_disk_leaves_the_file_unchanged_and_no_other_file() {
    let text = "x".repeat(3000);
    let answer = format!("[rehearsal]\nmodel: grok-4\nuser: {text}\n");
    // In blocks of 512 bytes: none of the answer fits, a part of it, or all of it.
    for (blocks, fits) in [(0, false), (1, false), (4, false), (8, true)] {
        for old in [None, Some(OLD)] {
            let env = Env::new();
            env.write("prompt", &text);
            if let Some(old) = old {
                env.write("answer", old);
            }
            let before = env.names();
            let script = format!(
                "trap '' XFSZ; ulimit -f {blocks}; exec xask -q --rehearse -f prompt -o answer"
            );
            let run = env.sh(&script);
            if fits {
                run.success();
                assert_eq!(env.read("answer"), answer.as_bytes());
                continue;
            }
            run.stdout(&*answer).stderr("xask: error: --output answer: file too large\n").code(1);
            assert_eq!(env.names(), before, "{blocks} blocks");
            if let Some(old) = old {
                assert_eq!(env.read("answer"), old, "{blocks} blocks");
            }
        }
    }
}

#[test]
fn an_answer_is_printed_if_its_file_becomes_unwritable_meanwhile() {
    type Change = fn(&Env);
    let gone: Change = |env| fs::remove_dir_all(env.path("folder")).expect("it was there");
    let folder: Change = |env| {
        fs::remove_file(env.path("folder/answer")).expect("it was there");
        env.folder("folder/answer");
    };
    for (change, left) in [(gone, &[][..]), (folder, &["answer"])] {
        let env = Env::new();
        env.write("folder/answer", OLD);
        let (server, received, gate) = Server::holding(four());
        let run = env.xask(["-o", "folder/answer", "hi"]).server(&server);
        let run =
            run.stdout("Four.\n").stderr_like(messages::error("--output folder/answer")).spawn();
        received.wait();
        change(&env);
        gate.open();
        run.code(1);
        assert_eq!(env.names_in("folder"), left);
    }
}

#[test]
fn a_run_that_does_not_end_with_0_leaves_the_file_unchanged() {
    for (case, code, printed) in [
        ("length", 9, "This answer is truncated at the\n"),
        ("filtered", 9, "This answer is\n"),
        ("refused", 9, "I cannot help with that.\n"),
        ("empty", 9, ""),
        ("tools", 9, ""),
        ("cut", 7, ""),
        ("401", 3, ""),
        ("403", 3, ""),
        ("429", 5, ""),
        ("500", 8, ""),
        ("offline", 6, ""),
    ] {
        for stream in ["--stream", "--no-stream"] {
            for old in [None, Some(OLD)] {
                let env = Env::new();
                if let Some(old) = old {
                    env.write("answer", old);
                }
                let before = env.names();
                let rehearse = format!("--rehearse={case}");
                let run = env.xask(["-q", "-o", "answer", "hi", stream, &rehearse]);
                run.stdout(printed).fails(code, &[]);
                assert_eq!(env.names(), before, "{case} {stream}");
                if let Some(old) = old {
                    assert_eq!(env.read("answer"), old, "{case} {stream}");
                }
            }
        }
    }
}

#[test]
fn an_unusable_answer_is_printed_in_the_requested_form() {
    let env = Env::new();
    let response = chat::completion_with(json!({"finish_reason": "length"}));
    let events = chat::stream_of(&["Fo", "ur."], Some("length"));
    for (args, sent, printed) in [
        (&["--json"][..], Response::json(200, &*response), format!("{response}\n")),
        (&["--json", "--stream"], Response::sse(&events), events.join("\n") + "\n"),
        (&["--stream"], Response::sse(&events), "Four.\n".to_owned()),
    ] {
        let server = Server::respond(sent);
        let run = env.xask(["-o", "answer", "hi"]).args(args).server(&server);
        run.stdout(printed).fails(9, &["token limit"]);
    }
    assert_eq!(env.names(), [""; 0]);
}

#[test]
fn a_reader_that_left_takes_precedence_over_an_unusable_answer() {
    let env = Env::new();
    let unusable = chat::completion_with(json!({"finish_reason": "length"}));
    let (server, received, gate) = Server::holding(Response::json(200, unusable));
    let mut run = env.xask(["-o", "answer", "hi"]).server(&server).spawn();
    received.wait();
    run.close_stdout();
    gate.open();
    run.code(141);
    assert_eq!(env.names(), [""; 0]);
}

#[test]
fn a_conversation_that_cannot_be_stored_leaves_the_file_unchanged() {
    let env = Env::new();
    let long = "x".repeat(1100);
    let talk = env.write("talk", format!("{{\"role\":\"user\",\"content\":\"{long}\"}}\n"));
    let len = fs::metadata(talk).expect("it is there").len();
    env.write("answer", OLD);
    let server = Server::respond(four());
    // 1024 bytes: enough for the answer, too few for what follows the conversation.
    let script = "trap '' XFSZ; ulimit -f 2; exec xask -c talk -o answer hi";
    let run = env.sh(script).server(&server);
    run.stdout("Four.\n").fails(1, &["talk: file too large"]);
    assert_eq!(env.read("answer"), OLD);
    assert_eq!(env.read("talk").len() as u64, len);
    assert_eq!(env.names(), ["answer", "talk"]);
}

#[test]
fn twenty_parallel_runs_leave_the_whole_answer_of_one() {
    let env = Env::new();
    let texts: Vec<String> =
        (0..20).map(|n| char::from(b'a' + n).to_string().repeat(50_000)).collect();
    let runs: Vec<_> = texts
        .iter()
        .map(|text| {
            env.xask(["-q", "--rehearse", "-", "-o", "answer"]).stdin(text.as_bytes()).spawn()
        })
        .collect();
    for run in runs {
        run.success();
    }
    let answer = env.read("answer");
    let is_of =
        |text: &String| answer == format!("[rehearsal]\nmodel: grok-4\nuser: {text}\n").as_bytes();
    assert!(texts.iter().any(is_of), "mixed: {} bytes", answer.len());
    assert_eq!(env.names(), ["answer"]);
}

#[test]
fn a_run_killed_at_any_moment_leaves_the_old_or_the_new_file() {
    const MOMENTS: u64 = 30;
    let text = "a line of it\n".repeat(40_000);
    let len = text.len() as u64;
    for moment in 0..MOMENTS {
        let env = Env::new();
        let path = env.write("answer", OLD);
        let old = fs::metadata(&path).expect("it is there").ino();
        let sent = Gate::new();
        let response = answer(&text);
        let server = Server::play([Script::new().send(response).open(&sent)]);
        let mut run = env.xask(["-o", "answer", "hi"]).server(&server).spawn();
        sent.wait();
        // From the moment the response was sent until the file is replaced.
        let enough = OLD.len() as u64 + moment * len / (MOMENTS - 1);
        let is_new = || fs::metadata(&path).is_ok_and(|found| found.ino() != old);
        wait_for(|| env.bytes_in("") >= enough || is_new());
        run.kill();
        let status = run.finish().status;
        let file = env.read("answer");
        let is_new = file == text.as_bytes();
        assert!(is_new || file == OLD, "at {moment}: {} bytes, {status}", file.len());
        assert!(is_new || !status.success(), "at {moment}: {status}");
    }
}

#[test]
fn a_run_ended_by_a_signal_leaves_the_file_unchanged() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let env = Env::new();
        env.write("answer", OLD);
        let received = Gate::new();
        let server = Server::play([Script::new().open(&received).hold()]);
        let script = "exec env --default-signal=INT,TERM,HUP xask -o answer hi";
        let run = env.sh(script).server(&server).spawn();
        received.wait();
        run.send(signal);
        run.signal(signal);
        assert_eq!(env.read("answer"), OLD);
        assert_eq!(env.names(), ["answer"]);
    }
}
