//! An entry is JSON that a person can read, written whole or not at all; a damaged one is never served.

use std::fs;

use serde_json::Value;

use super::{ANSWER, ARGS, DAMAGED, MISS, entries, offline, record, record_anew};
use crate::support::{
    Env, Gate, KEY, Script, Server, answer, chat, escaped, four, messages, wait_for,
};

#[test]
fn an_entry_is_json_that_a_person_can_read_and_holds_no_key() {
    let env = Env::new();
    let server = Server::respond(four());
    let run = env.xask(ARGS).args(["-s", "Be brief."]);
    run.server(&server).key(KEY).stdout(ANSWER).success();
    let [name] = &entries(&env)[..] else { panic!("entries: {:?}", entries(&env)) };
    let stem = name.strip_suffix(".json").expect("a JSON file");
    assert!(stem.len() == 64 && stem.bytes().all(|b| b.is_ascii_hexdigit()), "{name}");
    let text = String::from_utf8(env.read(format!("answers/{name}"))).expect("text");
    assert!(!text.contains(KEY) && text.ends_with("}\n"), "{text}");
    assert!(text.contains(&chat::completion("Four.")), "not the reply as it came: {text}");
    let entry: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(entry["request_sha256"], stem);
    assert_eq!(entry["request"], "model: grok-4\nsystem: Be brief.\nuser: What is 2 + 2?");
    assert_eq!(server.request().header("authorization"), Some(&*format!("Bearer {KEY}")));
}

#[test]
fn an_entry_written_long_ago_is_still_served() {
    // Both as `sha256sum` prints them: of the path, a line feed and the body, and of the response.
    let request = "420c232b3327ea805dbe507f95716cf928675acbeebc7e5f05b3e4fe28084249";
    let response = "c2544bc5851addc2203bb79053f8d3026878c0fc3d5c47d305e9133093ce9619";
    let entry = format!(
        r#"{{
  "xask": 1,
  "request_sha256": "{request}",
  "request": "model: grok-4\nuser: What is 2 + 2?",
  "reply_sha256": "{response}",
  "reply": {{"choices":[{{"message":{{"content":"Four."}},"finish_reason":"stop"}}]}}
}}
"#
    );
    let env = Env::new();
    env.write(format!("answers/{request}.json"), entry);
    offline(&env).stdout(ANSWER).success();
}

#[test]
fn a_new_folder_is_created_and_an_entry_respects_the_umask() {
    let env = Env::new();
    let server = Server::respond(four());
    let script = "umask 027; exec xask --cache a/b/answers hi";
    env.sh(script).server(&server).stdout(ANSWER).success();
    let [name] = &env.names_in("a/b/answers")[..] else { panic!("not one entry") };
    assert_eq!(env.mode(format!("a/b/answers/{name}")), 0o640);
    assert_eq!(env.mode("a/b/answers") & 0o777, 0o750);
}

/// Offline, the entry gives no answer and stays unchanged.
#[track_caller]
fn assert_not_served(env: &Env, name: &str, bytes: &[u8]) {
    env.write(name, bytes);
    let stderr = offline(env).case(escaped(bytes)).stderr_like(DAMAGED).code(1);
    let (_, error) = stderr.notes().split_once('\n').expect("a note and an error");
    assert!(messages::is_message(error) && error.contains(MISS[0]), "{error}");
    assert_eq!(env.read(name), bytes, "without a network nothing is written");
}

#[test]
fn a_damaged_entry_is_never_served() {
    let env = Env::new();
    let (name, good) = record(&env);
    let server = Server::respond(answer("Five."));
    let other = ["--cache", "other", "What is 2 + 3?"];
    env.xask(other).server(&server).stdout("Five.\n").success();
    let of_other = env.read(format!("other/{}", env.names_in("other")[0]));

    let good_text = String::from_utf8(good.clone()).expect("text");
    let edited = |from: &str, to: &str| {
        assert!(good_text.contains(from), "{from} is not in {good_text}");
        good_text.replacen(from, to, 1).into_bytes()
    };
    let mut damaged: Vec<Vec<u8>> = vec![
        Vec::new(),
        b"\n".to_vec(),
        b"{}".to_vec(),
        b"[]".to_vec(),
        b"null".to_vec(),
        b"not JSON".to_vec(),
        of_other,
        edited("\"request_sha256\": \"", "\"request_sha256\": \"0"),
        edited("\"request_sha256\"", "\"hash\""),
        [&good[..], b"}"].concat(),
        [&good[..], &good].concat(),
        vec![0; good.len()],
    ];
    // The last byte is a line feed; the entry is whole without it too.
    damaged.extend((0..good.len() - 2).step_by(41).map(|len| good[..len].to_vec()));
    damaged.push(good[..good.len() - 2].to_vec());
    for bytes in damaged {
        assert_not_served(&env, &name, &bytes);
        assert_eq!(record_anew(&env), (name.clone(), good.clone()), "{}", escaped(&bytes));
        offline(&env).stdout(ANSWER).success();
    }
}

#[test]
fn a_reformatted_entry_is_served() {
    let env = Env::new();
    let (name, good) = record(&env);
    let entry: Value = serde_json::from_slice(&good).expect("JSON");
    let indented = serde_json::to_vec_pretty(&entry).expect("JSON");
    for bytes in [
        entry.to_string().into_bytes(),
        [&indented[..], b"\n\n"].concat(),
        [b" \r\n\t", &indented[..]].concat(),
        String::from_utf8(good.clone()).expect("text").replace('\n', "\r\n").into_bytes(),
    ] {
        env.write(&name, &bytes);
        let case = escaped(&bytes);
        offline(&env).case(&case).stdout(ANSWER).success();
        let printed = offline(&env).args(["--json"]).case(&case).stdout_like("").success().json();
        assert_eq!(printed, chat::completion_value("Four."), "{case}");
        assert_eq!(env.read(&name), bytes);
    }
}

#[test]
fn an_edited_answer_is_served_as_edited() {
    let env = Env::new();
    let (name, good) = record(&env);
    let good = String::from_utf8(good).expect("text");
    env.write(&name, good.replace("Four.", "Five."));
    offline(&env).stdout("Five.\n").success();
    // An answer that is no longer complete counts as not recorded.
    env.write(&name, good.replace("\"stop\"", "\"length\""));
    offline(&env).stdout_like("").stderr_like("xask: error: ").code(9);
}

#[test]
fn an_unreadable_entry_is_a_local_error_and_nothing_is_sent() {
    let env = Env::new();
    let (name, _) = record(&env);
    fs::remove_file(env.path(&name)).expect("it is there");
    env.folder(&name);
    let never = Server::never();
    for offline in [&["--offline"][..], &[]] {
        let error = "xask: error: --cache answers: is a directory\n";
        env.xask(ARGS).args(offline).server(&never).stderr(error).code(1);
    }
}

#[test]
fn twenty_parallel_runs_record_one_whole_answer() {
    let env = Env::new();
    let gate = Gate::new();
    let received: Vec<Gate> = (0..20).map(|_| Gate::new()).collect();
    let text = "a line of it\n".repeat(2000);
    let script = |received: &Gate| Script::new().open(received).wait(&gate).send(answer(&text));
    let server = Server::play(received.iter().map(script));
    let runs: Vec<_> =
        received.iter().map(|_| env.xask(ARGS).server(&server).stdout(&*text).spawn()).collect();
    received.iter().for_each(Gate::wait);
    gate.open();
    for run in runs {
        run.success();
    }
    assert_eq!(entries(&env).len(), 1);
    let runs: Vec<_> = received.iter().map(|_| offline(&env).stdout(&*text).spawn()).collect();
    for run in runs {
        run.success();
    }
}

#[test]
fn twenty_parallel_prompts_record_twenty_answers() {
    let env = Env::new();
    let server = Server::play((0..20).map(|_| four()));
    let run = |n: usize| env.xask(["--cache", "new/answers", &n.to_string()]);
    let runs: Vec<_> = (0..20).map(|n| run(n).server(&server).stdout(ANSWER).spawn()).collect();
    for run in runs {
        run.success();
    }
    for n in 0..20 {
        run(n).args(["--offline"]).stdout(ANSWER).success();
    }
    assert_eq!(env.names_in("new/answers").len(), 20);
}

#[test]
fn a_killed_run_leaves_no_partial_entry() {
    const MOMENTS: u64 = 20;
    let text = "a line of it\n".repeat(40_000);
    for moment in 0..MOMENTS {
        let env = Env::new();
        let sent = Gate::new();
        let server = Server::play([Script::new().send(answer(&text)).open(&sent)]);
        let mut run = env.xask(ARGS).server(&server).spawn();
        sent.wait();
        // From the moment the response was sent until it is recorded.
        let enough = moment * text.len() as u64 / (MOMENTS - 1);
        wait_for(|| env.bytes_in("answers") >= enough);
        run.kill();
        drop(run.finish());
        let output = offline(&env).spawn().finish();
        let is_whole = output.status.success() && output.stdout == text.as_bytes();
        let is_missing = output.status.code() == Some(1) && messages::is_message(output.notes());
        assert!(is_whole || is_missing, "at {moment}: {}", output.status);
        let of_it = entries(&env).into_iter().find(|name| name.strip_suffix(".json").is_some());
        assert_eq!(is_whole, of_it.is_some(), "at {moment}: half an entry");
    }
}
