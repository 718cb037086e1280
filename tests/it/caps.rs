//! How large an input may be, and that endless input is not read forever.

use std::fs::File;

use crate::support::{Env, KEY, Output, Response, Server, chat, four};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// A file of `len` bytes, most of them a hole.
fn large(env: &Env, name: &str, begin: &str, len: u64) {
    let file = File::options().append(true).open(env.write(name, begin)).expect("the file");
    file.set_len(len).expect("a hole");
}

#[test]
fn an_input_over_its_limit_is_an_error_that_names_the_limit() {
    let env = Env::new();
    let never = Server::never();
    let talk = "{\"role\":\"user\",\"content\":\"hi\"}\n";
    large(&env, "headers", "X-One: ", 64 * KIB + 1);
    large(&env, "schema", "{\"title\":\"", 4 * MIB + 1);
    large(&env, "text", "hi", 256 * MIB + 1);
    large(&env, "half", "hi", 128 * MIB + 1);
    large(&env, "talk", talk, 256 * MIB + 1);
    for (args, name, cap) in [
        (&["hi", "-H", "@headers"][..], "headers", "64 KiB"),
        (&["hi", "--schema", "schema"], "schema", "4 MiB"),
        (&["-f", "text"], "text", "256 MiB"),
        (&["hi", "-c", "talk"], "talk", "256 MiB"),
        (&["hi", "--messages", "talk"], "talk", "256 MiB"),
        // All texts of a prompt together.
        (&["-f", "half", "-f", "half"], "half", "256 MiB"),
    ] {
        env.xask(args).server(&never).case(args).refused(2, &[name, cap]);
    }
    let run = env.sh("xask - <text").server(&never);
    run.refused(2, &["standard input", "256 MiB"]);
}

#[test]
fn keys_and_certificates_have_limits() {
    let env = Env::new();
    let never = Server::never();
    env.write("long", "k".repeat(4097));
    large(&env, "endless", "key", 64 * KIB + 1);
    env.ask(&never, []).key(&"k".repeat(4097)).refused(3, &["XAI_API_KEY", "4"]);
    env.ask(&never, []).env("XAI_API_KEY_FILE", "long").refused(3, &["long", "4"]);
    env.ask(&never, []).env("XAI_API_KEY_FILE", "endless").refused(3, &["endless", "64 KiB"]);
    let server = Server::respond(four());
    env.ask(&server, []).key(&"k".repeat(4096)).stdout("Four.\n").success();
    large(&env, "ca.pem", "-----BEGIN", 16 * MIB + 1);
    let url = format!("https://{}/v1", never.addr());
    env.ask_at(&url, []).key(KEY).env("SSL_CERT_FILE", "ca.pem").refused(1, &["ca.pem", "16 MiB"]);
}

#[test]
fn endless_files_are_not_read_forever() {
    let env = Env::new();
    let never = Server::never();
    for args in [
        &["hi", "-H", "@/dev/zero"][..],
        &["hi", "--schema", "/dev/zero"],
        &["-f", "/dev/full"],
        &["hi", "--messages", "/dev/zero"],
    ] {
        env.xask(args).server(&never).case(args).refused(2, &["/dev/"]);
    }
    for code_of in ["/dev/zero", "/dev/full"] {
        env.ask(&never, []).env("XAI_API_KEY_FILE", code_of).refused(3, &[code_of]);
        let url = format!("https://{}/v1", never.addr());
        env.ask_at(&url, []).key(KEY).env("SSL_CERT_FILE", code_of).refused(1, &[code_of]);
    }
}

#[test]
fn a_cache_entry_is_a_regular_file_of_at_most_128_mib() {
    let env = Env::new();
    let server = Server::respond(four());
    let run = || env.ask(&server, ["--cache", "answers"]);
    run().stdout("Four.\n").success();
    let name = format!("answers/{}", env.names_in("answers")[0]);
    let good = String::from_utf8(env.read(&name)).expect("text");
    // White space up to the limit, and beyond it.
    large(&env, &name, &good, 128 * MIB + 1);
    run().args(["--offline"]).stderr_like("larger than 128 MiB").code(1);
    std::fs::remove_file(env.path(&name)).expect("it is there");
    env.link(&name, "/dev/zero");
    run().args(["--offline", "--timeout=9"]).stderr_like("xask: error: ").code(1);
    std::fs::remove_file(env.path(&name)).expect("it is there");
    env.fifo(&name);
    run().args(["--offline", "--timeout=9"]).stderr_like("xask: error: ").code(1);
}

/// A run limited to this many MiB of address space, which includes the program itself.
fn within(mib: u64, response: Response) -> Output {
    let server = Server::respond(response);
    let script = format!("ulimit -v {}; exec xask --retries=0 hi", mib << 10);
    Env::new().sh(&script).server(&server).spawn().finish()
}

#[test]
fn no_response_takes_many_times_its_size_in_memory() {
    let many = |unit: &str| unit.repeat((8 << 20) / unit.len());
    let with = |field: &str, value: &str| {
        let body = chat::completion("Four.");
        Response::json(200, body.replacen('{', &format!("{{\"{field}\":{value},"), 1))
    };
    // The limit is 200 MiB for 64: the same ratio for 8, plus the program.
    let objects = format!("[{}0]", many("{\"\":1},"));
    let choice = r#"{"message":{"content":"Four."},"finish_reason":"stop"},"#;
    let choices = format!("{{\"choices\":[{}]}}", many(choice).trim_end_matches(','));
    for (case, response, code) in [
        ("usage", with("usage", &objects), 0),
        ("the words of an error", Response::json(400, format!("{{\"error\":{objects}}}")), 4),
        ("choices", Response::json(200, choices), 0),
    ] {
        let output = within(52, response);
        assert_eq!(output.status.code(), Some(code), "{case}: {}", output.notes());
    }
}
