//! `cli`: what the arguments and the variables may be, and the messages for wrong ones.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::support::{Env, Server, four};

#[test]
fn a_wrong_argument_is_an_error_in_one_line_and_nothing_is_sent() {
    let (env, server) = (Env::new(), Server::never());
    let cases: &[(&[&str], &[&str])] = &[
        (&["--bogus", "hi"], &["--bogus"]),
        (&["hi", "-z"], &["-z"]),
        (&["hi", "-vz"], &["-z"]),
        (&["hi", "-5"], &["-5", "--"]),
        (&["hi", "-m"], &["--model"]),
        (&["hi", "--system"], &["--system"]),
        (&["hi", "--file"], &["--file"]),
        (&["hi", "--image"], &["--image"]),
        (&["hi", "--model="], &["--model"]),
        (&["hi", "--reasoning-effort="], &["--reasoning-effort"]),
        (&["hi", "--stop", ""], &["--stop"]),
        (&["hi", "--json=yes"], &["--json", "yes"]),
        (&["hi", "--dry-run=no"], &["--dry-run", "no"]),
        (&["hi", "--temperature=-1"], &["--temperature", "-1", "0", "2"]),
        (&["hi", "--temperature", "-1"], &["--temperature", "-1"]),
        (&["hi", "-t", "2.01"], &["--temperature", "2.01"]),
        (&["hi", "-t", "nan"], &["--temperature", "nan"]),
        (&["hi", "-t", "inf"], &["--temperature", "inf"]),
        (&["hi", "-t", "warm"], &["--temperature", "warm"]),
        (&["hi", "-t", "0,5"], &["--temperature", "0,5"]),
        (&["hi", "--top-p", "0"], &["--top-p", "greater than 0"]),
        (&["hi", "--top-p", "1.1"], &["--top-p", "1.1"]),
        (&["hi", "--top-p", "-0.5"], &["--top-p", "-0.5"]),
        (&["hi", "--detail", "fine"], &["--detail", "fine", "auto", "low", "high"]),
        (&["hi", "--detail", "HIGH"], &["--detail", "HIGH", "high"]),
        (&["hi", "--rehearse=nothing"], &["--rehearse", "nothing", "offline"]),
        (&["hi", "--timeout", "0"], &["--timeout"]),
        (&["hi", "-p", "user"], &["--param", "user", "KEY=VALUE"]),
        (&["hi", "-p", "=1"], &["--param", "=1", "KEY=VALUE"]),
    ];
    for (args, words) in cases {
        env.xask(*args).server(&server).key("xai-key").refused(2, words);
        // Errors are not notes.
        env.xask(["--quiet"].iter().chain(*args)).server(&server).refused(2, words);
    }
}

#[test]
fn an_integer_out_of_range_is_a_usage_error() {
    let (env, server) = (Env::new(), Server::never());
    let cases: &[(&[&str], &[&str])] = &[
        (&["hi", "--max-tokens", "0"], &["--max-tokens", "1"]),
        (&["hi", "--max-tokens=-5"], &["--max-tokens", "-5"]),
        (&["hi", "--max-tokens", "-5"], &["--max-tokens", "-5"]),
        (&["hi", "--max-tokens", "1.5"], &["--max-tokens", "1.5"]),
        (&["hi", "--max-tokens", "all"], &["--max-tokens", "all"]),
        (&["hi", "--max-tokens", ""], &["--max-tokens"]),
        (&["hi", "--seed", "2147483648"], &["--seed", "2147483648"]),
        (&["hi", "--seed", "-2147483649"], &["--seed", "-2147483649"]),
        (&["hi", "--seed", "1.5"], &["--seed", "1.5"]),
        (&["hi", "--seed", ""], &["--seed"]),
        (&["hi", "--seed", "\x1b[2J"], &["--seed", r"\x1b[2J"]),
    ];
    for (args, words) in cases {
        env.xask(*args).server(&server).key("xai-key").refused(2, words);
    }
}

#[test]
fn the_last_value_of_a_repeated_flag_counts() {
    let env = Env::new();
    env.write("s", "Be brief.");
    env.write("list", "{\"role\":\"user\",\"content\":\"hi\"}");
    env.write("schema.json", "{}");
    // An invalid earlier value is ignored too.
    for (earlier, later) in [
        ("--model=a", "--model=b"),
        ("-ma", "--model=b"),
        ("--system=a", "--system=b"),
        ("--developer=a", "--developer=b"),
        ("--system-file=missing", "--system-file=s"),
        ("--max-tokens=1", "--max-tokens=2"),
        ("--temperature=1", "-t0.5"),
        ("--top-p=1", "--top-p=0.5"),
        ("--seed=1", "--seed=2"),
        ("--reasoning-effort=low", "--reasoning-effort=high"),
        ("--timeout=1", "--timeout=2"),
        ("--connect-timeout=1", "--connect-timeout=2"),
        ("--retries=1", "--retries=2"),
        ("--base-url=http://localhost:1", "--base-url=https://localhost:2"),
        ("--conversation=s", "--conversation=list"),
        ("--messages=missing", "--messages=list"),
        ("--schema=missing", "--schema=schema.json"),
        ("--output=missing/s", "--output=t"),
        ("--cache=s", "--cache=t"),
        ("--rehearse=cut", "--rehearse"),
        ("--api=responses", "--api=chat"),
        ("--log=missing/log", "--log=log"),
    ] {
        let alone = env.dry(["hi", later]).stdout_like("").success().stdout;
        env.dry(["hi", earlier, later]).stdout(alone).success();
    }
    let stderr = env
        .xask(["-q", "--rehearse", "--rehearse=length", "hi"])
        .stdout_like("")
        .stderr_like("truncated")
        .code(9);
    assert!(!stderr.stdout.is_empty());
}

#[test]
fn flags_that_cannot_be_combined_are_named() {
    let (env, server) = (Env::new(), Server::never());
    env.write("s", "Be brief.");
    let both = [
        ["--system=a", "--system-file=s"],
        ["--system=a", "--developer=b"],
        ["--developer=b", "--system-file=s"],
    ];
    for [one, other] in both {
        for args in [["hi", one, other], ["hi", other, one]] {
            let flags = args[1..].iter().map(|arg| arg.split('=').next().expect("a flag"));
            let flags: Vec<_> = flags.collect();
            env.xask(args).server(&server).refused(2, &flags);
        }
    }
}

#[test]
fn a_switch_may_be_given_twice() {
    for switch in ["--quiet", "--verbose", "--usage", "--json", "--dry-run"] {
        let env = Env::new();
        let run = |switches: &[&str]| {
            let args = ["--rehearse", "hi"].iter().chain(switches);
            env.xask(args).stdout_like("hi").stderr_like("").success().stdout
        };
        assert_eq!(run(&[switch, switch]), run(&[switch]));
    }
}

#[test]
fn a_mistyped_flag_gets_a_suggestion() {
    let typos = [
        ("--modle", "--model"),
        ("--systm", "--system"),
        ("--fiel", "--file"),
        ("--imgae", "--image"),
        ("--temprature", "--temperature"),
        ("--max-token", "--max-tokens"),
        ("--dryrun", "--dry-run"),
        ("--rehearsal", "--rehearse"),
    ];
    for (typed, meant) in typos {
        let stderr = Env::new().xask([typed, "x", "hi"]).refused(2, &[typed]);
        assert!(stderr.contains(&format!("{meant}?")), "{stderr}");
    }
    // Something far from any flag may have been meant as text.
    Env::new().xask(["--xyzzy"]).refused(2, &["--xyzzy", "hint: ", " --\n"]);
}

#[test]
fn control_characters_in_arguments_are_escaped_in_errors() {
    let odd = "\x1b[2J\n\r\t\x07\x7f\u{9b}\u{202e}\u{2066}";
    let shown = r"\x1b[2J\x0a\x0d\x09\x07\x7f\u{9b}\u{202e}\u{2066}";
    let flag = |flag: &str| vec![format!("{flag}={odd}"), "hi".to_owned()];
    let cases = [
        vec![format!("--{odd}")],
        flag("--temperature"),
        flag("--top-p"),
        flag("--detail"),
        flag("--rehearse"),
        flag("--param"),
        flag("--json"),
        flag("--file"),
        flag("--image"),
        flag("--system-file"),
        flag("--base-url"),
        vec![format!("--param=model{odd}=1"), format!("--param=model{odd}=1"), "hi".to_owned()],
    ];
    for args in cases {
        let stderr = Env::new().xask(&args).refused(2, &[shown]);
        assert!(!stderr.contains(['\u{202e}', '\u{2066}', '\u{2028}']), "{stderr:?}");
    }
    Env::new().xask(["--image=data:\x07\u{202e},x"]).refused(2, &[r"data:\x07\u{202e}"]);
    for variable in ["XASK_REHEARSE", "XAI_BASE_URL"] {
        Env::new().xask(["hi"]).env(variable, odd).refused(2, &[shown]);
    }
}

#[test]
fn an_argument_or_variable_that_is_not_utf_8_is_an_error() {
    let (env, server) = (Env::new(), Server::never());
    let odd = |before: &str| OsString::from_vec([before.as_bytes(), b"\xff"].concat());
    for (flag, name) in [
        ("", "prompt"),
        ("--system=", "--system"),
        ("--developer=", "--developer"),
        ("--", "--"),
        ("--model=", ""),
        ("--param=user=", ""),
        ("--stop=", ""),
        ("--detail=", ""),
        ("--temperature=", ""),
        ("--rehearse=", ""),
    ] {
        let args = [OsStr::new("hi"), &odd(flag)];
        env.xask(args).server(&server).key("xai-key").refused(2, &[name]);
    }
    env.xask([OsStr::new("hi"), OsStr::new("--"), &odd("é")])
        .server(&server)
        .refused(2, &["prompt", "UTF-8", "offset 2"]);
    for variable in ["XASK_MODEL", "XASK_REHEARSE", "XASK_OFFLINE", "XAI_BASE_URL"] {
        let run = env.xask(["hi"]).server(&server).env(variable, OsStr::from_bytes(b"a\xff"));
        run.refused(2, &[variable, "UTF-8"]);
    }
}

#[test]
fn arguments_are_checked_before_inputs_and_inputs_before_the_key() {
    let (env, server) = (Env::new(), Server::never());
    env.write("gif", "GIF89a");
    let missing = ["--file", "missing"];
    let cases: &[(&[&str], &str)] = &[
        (&["-t", "9"], "--temperature"),
        (&["--bogus"], "--bogus"),
        (&["--stop=a", "--stop=b", "--stop=c", "--stop=d", "--stop=e"], "--stop"),
        (&["-p", "model=x"], "model"),
        (&["-p", "user=x", "-p", "user=y"], "user"),
        (&["-d", "low"], "--detail"),
        (&["-", "-"], "standard input"),
        (&["--base-url", "ftp://x"], "ftp"),
    ];
    for (args, words) in cases {
        let stderr = env.xask(missing.iter().chain(*args)).server(&server).refused(2, &[words]);
        assert!(!stderr.contains("missing"), "{stderr}");
    }
    for args in [missing, ["--image", "gif"], ["--system-file", "missing"], ["", ""]] {
        let run = env.xask(args).server(&server).env("XAI_API_KEY_FILE", "no-such-key");
        run.refused(2, &[]);
    }
    env.xask(["hi"]).server(&server).env("XAI_API_KEY_FILE", "no-such-key").refused(3, &[]);
}

#[test]
fn errors_are_reported_in_a_fixed_order() {
    let env = Env::new();
    env.write("key", "xai-key");
    let faults: [(&[&str], &[&str], i32, &str); 6] = [
        // Wrong arguments, the right ones, and what is reported about the wrong ones.
        (&["-t", "9"], &["-t", "1"], 2, "--temperature"),
        (&["-f", "missing"], &["hi"], 2, "missing: no such file"),
        (&["-o", "no/answer"], &["-o", "answer"], 1, "--output no/answer: "),
        (&["=XAI_API_KEY_FILE", "no-key"], &["=XAI_API_KEY_FILE", "key"], 3, "no-key: "),
        (
            &["=SSL_CERT_FILE", "no.pem"],
            &["=SSL_CERT_FILE", ""],
            1,
            "certificate authorities: no.pem",
        ),
        (&["--base-url", "https://127.0.0.1:1"], &[], 6, "cannot connect to 127.0.0.1:1"),
    ];
    for (n, (_, _, code, shown)) in faults.iter().enumerate() {
        // Everything before this mistake is right, everything after it wrong.
        let words = faults.iter().enumerate();
        let words = words.map(|(i, (wrong, right, ..))| if i < n { right } else { wrong });
        let run = words.fold(env.xask(["--retries=0"]), |run, words| match words {
            [variable, value] if variable.starts_with('=') => run.env(&variable[1..], value),
            words => run.args(*words),
        });
        run.refused(*code, &[shown]);
    }
    assert_eq!(env.names(), ["key"]);
}

#[test]
fn no_other_variable_changes_the_request_or_the_output() {
    let env = Env::new();
    let others = [
        ("HOME", "/nonexistent"),
        ("XDG_CONFIG_HOME", "/nonexistent"),
        ("XDG_CACHE_HOME", "/nonexistent"),
        ("TMPDIR", "/nonexistent"),
        ("LANG", "de_DE.ISO-8859-1"),
        ("LC_ALL", "C"),
        ("TERM", "dumb"),
        ("COLUMNS", "1"),
        ("CLICOLOR_FORCE", "1"),
        ("NO_COLOR", "1"),
        ("RUST_LOG", "trace"),
        ("TZ", "Asia/Kolkata"),
        ("XASK_SYSTEM", "Be long."),
        ("XASK_TIMEOUT", "0"),
        ("XASK_KEY", "xai-other"),
        ("GROK_API_KEY", "xai-other"),
        ("OPENAI_API_KEY", "xai-other"),
        ("OPENAI_BASE_URL", "http://127.0.0.1:1"),
        ("SSL_CERT_DIR", "/nonexistent"),
    ];
    let server = Server::play([four(), four()]);
    env.ask(&server, []).stdout("Four.\n").success();
    let run = others.iter().fold(env.ask(&server, []), |run, (name, value)| run.env(name, value));
    run.stdout("Four.\n").success();
    let [one, other] = &server.requests()[..] else { panic!("two requests") };
    assert_eq!((&one.headers, &one.body), (&other.headers, &other.body));
    assert_eq!(env.names(), [""; 0]);
}

#[test]
fn the_model_is_from_the_flag_or_the_variable_or_else_grok_4() {
    let env = Env::new();
    let model = |variable: Option<&str>, args: &[&str]| {
        let mut run = env.rehearse(["hi"].into_iter().chain(args.iter().copied()));
        if let Some(value) = variable {
            run = run.env("XASK_MODEL", value);
        }
        run.text().lines().nth(1).expect("a second line").to_owned()
    };
    assert_eq!(model(None, &[]), "model: grok-4");
    assert_eq!(model(Some("grok-5"), &[]), "model: grok-5");
    assert_eq!(model(Some("grok-5"), &["-m", "grok-6"]), "model: grok-6");
    assert_eq!(model(Some(""), &[]), "model: grok-4");
    // Whether the model exists is for the API to decide.
    assert_eq!(model(None, &["--model=no such/modèl"]), "model: no such/modèl");
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let env = Env::new();
    let server = Server::respond(four());
    let empty = [
        "XASK_MODEL",
        "XASK_REHEARSE",
        "XASK_CACHE",
        "XASK_OFFLINE",
        "XAI_API_KEY",
        "XAI_API_KEY_FILE",
        "SSL_CERT_FILE",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
    ];
    let run = empty.iter().fold(env.xask(["hi"]), |run, name| run.env(name, ""));
    run.server(&server).stdout("Four.\n").success();
    let request = server.request();
    assert_eq!(request.json()["model"], "grok-4");
    assert_eq!(request.header("authorization"), None);
    assert_eq!(env.names(), [""; 0], "nothing is recorded");

    // With the default address a key is needed; without one nothing is sent.
    let run = empty.iter().fold(env.xask(["hi"]), |run, name| run.env(name, ""));
    run.env("XAI_BASE_URL", "").refused(3, &["XAI_API_KEY"]);

    env.write("key", "xai-from-file\n");
    let server = Server::respond(four());
    let run = env.xask(["hi"]).server(&server).key("").env("XAI_API_KEY_FILE", "key");
    run.stdout("Four.\n").success();
    assert_eq!(server.request().header("authorization"), Some("Bearer xai-from-file"));
}

#[test]
fn flags_are_accepted_in_every_usual_form_and_place() {
    let env = Env::new();
    let expected = r#"{"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":"a b"}],"temperature":0.5}"#;
    let forms: [&[&str]; 5] = [
        &["-m", "m", "-s", "s", "-t", "0.5", "a", "b"],
        &["a", "b", "-mm", "-ss", "-t.5"],
        &["a", "--model=m", "b", "--system=s", "--temperature=0.5"],
        &["a", "-t=0.5", "-m=m", "-s=s", "--", "b"],
        &["-jqm", "m", "--usage", "a", "--temperature", ".5", "b", "--system", "s"],
    ];
    for args in forms {
        assert_eq!(env.dry(args.iter().copied()).text(), expected, "{args:?}");
    }
}
