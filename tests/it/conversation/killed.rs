//! What a killed run or another program leaves of a conversation, and how the next run continues.

use super::{assert_body, assert_file, exchange, lines, message};
use crate::support::{Env, Gate, Response, Script, Server, answer, four, wait_for};

/// A whole line, and the parts of one that a crash may leave.
fn halves() -> Vec<Vec<u8>> {
    let line = message("assistant", "caf\u{e9} {\"a\":[1,true]} \\ Four.");
    let mut halves: Vec<Vec<u8>> =
        (1..line.len()).map(|len| line.as_bytes()[..len].to_vec()).collect();
    halves.push(message("user", "hi").into_bytes()[..9].to_vec());
    halves
}

#[test]
fn an_incomplete_last_line_is_removed_with_a_note() {
    let env = Env::new();
    let before = exchange("hi", "hello");
    for half in halves().into_iter().step_by(5) {
        let case = String::from_utf8_lossy(&half).into_owned();
        env.write("kept", [before.as_bytes(), &half].concat());
        let server = Server::respond(four());
        let run = env.xask(["-c", "kept", "more"]).server(&server).case(&case).stdout("Four.\n");
        let output = run.stderr_like("xask: note: kept").success();
        assert_eq!(output.notes().lines().count(), 1, "{}", output.notes());
        let sent = [message("user", "hi"), message("assistant", "hello"), message("user", "more")];
        assert_body(&server.request(), &sent);
        assert_file(&env, "kept", &(before.clone() + &exchange("more", "Four.")));
    }
    // Also if the file has nothing else, and with --quiet without a note.
    env.write("kept", &message("user", "hi")[..9]);
    let server = Server::respond(four());
    env.xask(["-q", "-c", "kept", "more"]).server(&server).stdout("Four.\n").success();
    assert_file(&env, "kept", &exchange("more", "Four."));
}

#[test]
fn any_other_broken_line_is_a_usage_error() {
    let env = Env::new();
    let never = Server::never();
    let before = exchange("hi", "hello");
    let line = message("user", "hi");
    for broken in [
        // Whole JSON that is not a message.
        "{}".to_owned(),
        "7".to_owned(),
        "\"hi\"".to_owned(),
        "[]".to_owned(),
        "{\"role\":\"robot\",\"content\":\"hi\"}".to_owned(),
        // Never the beginning of JSON.
        "hello".to_owned(),
        "{\"role\":}".to_owned(),
        "{'role'".to_owned(),
        format!("{line} {line}"),
        // A line with its line feed.
        format!("{}\n", &line[..20]),
        format!("{}\n{line}\n", &line[..20]),
    ] {
        let file = before.clone() + &broken;
        env.write("kept", &file);
        let run = env.xask(["-c", "kept", "more"]).server(&never).case(&broken);
        run.refused(2, &["kept: line 3"]);
        assert_file(&env, "kept", &file);
    }
    // A list is never written to.
    let file = before + &line[..20];
    env.write("kept", &file);
    env.xask(["--messages", "kept", "more"]).server(&never).refused(2, &["kept: line 3"]);
    env.dry(["--messages", "kept", "more"]).refused(2, &["kept: line 3"]);
    assert_file(&env, "kept", &file);
}

#[test]
fn a_dry_run_removes_nothing() {
    let env = Env::new();
    let file = exchange("hi", "hello") + &message("user", "hi")[..20];
    env.write("kept", &file);
    drop(env.dry(["-c", "kept", "more"]).any_output().spawn().finish());
    assert_file(&env, "kept", &file);
}

#[test]
fn a_failed_run_that_removed_an_incomplete_line_leaves_whole_lines() {
    let env = Env::new();
    let before = exchange("hi", "hello");
    env.write("kept", before.clone() + &message("user", "hi")[..20]);
    let server = Server::respond(Response::json(400, "{}"));
    let run = env.xask(["-c", "kept", "more"]).server(&server).stderr_like("note: kept");
    run.code(4);
    assert_file(&env, "kept", &before);
}

#[test]
fn a_run_may_be_killed_at_any_moment_without_breaking_the_conversation() {
    const MOMENTS: u64 = 12;
    let text = "a line of it\n".repeat(40_000);
    let before = exchange("hi", "hello");
    let whole = before.clone() + &exchange("more", &text);
    for moment in 0..MOMENTS {
        let env = Env::new();
        env.write("kept", &before);
        let sent = Gate::new();
        let server = Server::play([Script::new().send(answer(&text)).open(&sent), four().into()]);
        let mut run = env.xask(["-c", "kept", "more"]).server(&server).spawn();
        sent.wait();
        let (from, to) = (before.len() as u64, whole.len() as u64);
        let enough = from + moment * (to - from) / (MOMENTS - 1);
        wait_for(|| env.bytes_in("") >= enough);
        run.kill();
        drop(run.finish());
        let run = env.xask(["-c", "kept", "again"]).server(&server).stdout("Four.\n");
        run.stderr_like("").success();
        let kept = String::from_utf8(env.read("kept")).expect("text");
        let rest = kept.strip_prefix(&before).expect("what was there stays");
        let again = exchange("again", "Four.");
        // Everything, only whole lines, or nothing.
        let prompt = lines(&[message("user", "more")]);
        let may_be = [exchange("more", &text) + &again, prompt + &again, again];
        assert!(may_be.iter().any(|may| may == rest), "at {moment}: {} bytes", rest.len());
    }
}

#[test]
fn a_new_file_that_another_program_wrote_to_stays() {
    let env = Env::new();
    let (server, received, gate) = Server::holding(Response::json(400, "{}"));
    let run = env.xask(["-c", "kept", "hi"]).server(&server).stderr_like("").spawn();
    received.wait();
    env.write("kept", "theirs\n");
    gate.open();
    run.code(4);
    assert_file(&env, "kept", "theirs\n");
}

#[test]
fn appended_messages_begin_on_a_new_line() {
    let env = Env::new();
    let before = exchange("hi", "hello");
    env.write("kept", before.trim_end());
    let (server, received, gate) = Server::holding(four());
    let run = env.xask(["-c", "kept", "more"]).server(&server).stdout("Four.\n").spawn();
    received.wait();
    // By a program that takes no lock.
    let theirs = lines(&[message("user", "theirs")]);
    env.write("kept", before.clone() + theirs.trim_end());
    gate.open();
    run.success();
    assert_file(&env, "kept", &(before + &theirs + &exchange("more", "Four.")));
}
