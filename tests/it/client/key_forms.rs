//! Characters pasted around a key, and how little of a key is ever shown.

use crate::support::{Env, ID, KEY, Response, Server, chat, four};

#[test]
fn characters_pasted_with_a_key_are_named() {
    let env = Env::new();
    let never = Server::never();
    for key in [
        format!("\"{KEY}\""),
        format!("'{KEY}'"),
        format!("{KEY}'"),
        format!("Bearer {KEY}"),
        format!("bearer {KEY}"),
        format!("XAI_API_KEY={KEY}"),
        format!("export XAI_API_KEY={KEY}"),
        format!("export {KEY}"),
        format!("{} {}", &KEY[..9], &KEY[9..]),
    ] {
        env.write("key", &key);
        for run in
            [env.ask(&never, []).key(&key), env.ask(&never, []).env("XAI_API_KEY_FILE", "key")]
        {
            let shown = run.case(&key).refused(3, &["XAI_API_KEY"]);
            assert!(!shown.contains(&KEY[..9]) && !shown.contains(&KEY[9..]), "{shown}");
        }
    }
    // Each is named.
    for (key, word) in [
        ("\"xai-1234567890\"", "quot"),
        ("Bearer xai-1234567890", "Bearer"),
        ("XAI_API_KEY=xai-1234567890", "XAI_API_KEY="),
    ] {
        env.ask(&never, []).key(key).refused(3, &[word]);
    }
    let server = Server::respond(four());
    env.ask(&server, []).key("Bearer-like_key.1=").stdout("Four.\n").success();
}

#[test]
fn a_key_is_masked_before_truncation_and_in_any_case() {
    let env = Env::new();
    let lengths = [60, 80, 90, 99, 100, 380, 395, 400];
    for text in [KEY.to_owned(), KEY.to_uppercase(), KEY.to_lowercase()] {
        for length in lengths {
            let words = format!("{}{text}", "w".repeat(length));
            let response =
                Response::json(400, chat::error("slug", &words)).header("x-request-id", &words);
            let server = Server::play([response.clone(), response]);
            for flags in [&[][..], &["-v"]] {
                let run = env.ask(&server, flags.iter().copied()).key(KEY).case((&text, length));
                let output = run.stderr_like("").code(4);
                let stderr = output.notes().to_lowercase();
                for part in KEY.to_lowercase().as_bytes().windows(6) {
                    let part = str::from_utf8(part).expect("ASCII");
                    assert!(!stderr.contains(part), "{part} is in {stderr}");
                }
            }
        }
    }
}

#[test]
fn a_key_that_is_split_by_blanks_is_masked_too() {
    let env = Env::new();
    let split = format!("{} {}", &KEY[..12], &KEY[12..]);
    let server =
        Server::respond(Response::json(400, chat::error("slug", &format!("key {split}!"))));
    let shown = env.ask(&server, []).key(KEY).fails(4, &[]);
    assert!(!shown.contains(&KEY[..12]) && !shown.contains(&KEY[12..]), "{shown}");
}

#[test]
fn an_id_is_shown_up_to_100_bytes_everywhere() {
    let env = Env::new();
    for flags in [&[][..], &["-v"]] {
        let id = format!("{ID}{}", "z".repeat(500));
        let server = Server::respond(Response::json(400, "{}").header("x-request-id", &id));
        let output = env.ask(&server, flags.iter().copied()).stderr_like(ID).code(4);
        for line in output.notes().lines() {
            assert!(line.matches('z').count() <= 100, "{line}");
        }
    }
}
