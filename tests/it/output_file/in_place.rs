//! Files that cannot be replaced by a rename, whose owner stays, and files that killed runs leave behind.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};

use super::{OLD, REHEARSED};
use crate::support::{Env, Gate, Script, Server, answer, four, skip, unprivileged};

#[test]
fn a_file_in_a_read_only_folder_is_written_in_place() {
    unprivileged(|| {
        let env = Env::new();
        env.write("shut/answer", OLD);
        env.set_mode("shut", 0o555);
        let before = fs::metadata(env.path("shut/answer")).expect("it is there").ino();
        for text in ["A longer answer than the one that stood there before it.", "Four."] {
            let server = Server::respond(answer(text));
            env.xask(["-o", "shut/answer", "hi"]).server(&server).success();
            assert_eq!(env.read("shut/answer"), format!("{text}\n").as_bytes());
        }
        let after = fs::metadata(env.path("shut/answer")).expect("it is there").ino();
        assert_eq!(before, after, "the same file");
        // An unusable answer leaves it unchanged.
        env.xask(["-q", "--rehearse=length", "-o", "shut/answer", "hi"])
            .stdout_like("")
            .fails(9, &[]);
        assert_eq!(env.read("shut/answer"), b"Four.\n");
        env.set_mode("shut", 0o755);
        assert_eq!(env.names_in("shut"), ["answer"]);
    });
}

#[test]
fn a_file_that_is_its_own_mount_is_written_in_place() {
    let env = Env::new();
    env.write("answer", OLD);
    env.write("elsewhere", OLD);
    let mount = "mount --bind elsewhere answer 2>/dev/null";
    let can = env.sh(&format!("unshare -rm sh -c '{mount}' 2>/dev/null")).spawn().finish();
    if !can.status.success() {
        return skip("a file cannot be mounted here");
    }
    let script = format!("unshare -rm sh -c '{mount} && exec xask -q --rehearse -o answer hi'");
    env.sh(&script).success();
    assert_eq!(env.read("elsewhere"), REHEARSED.as_bytes());
    assert_eq!(env.read("answer"), OLD, "below the mount it is as it was");
    assert_eq!(env.names(), ["answer", "elsewhere"]);
}

#[test]
fn owner_and_group_stay() {
    let env = Env::new();
    let path = env.write("answer", OLD);
    if chown(&path, Some(12345), Some(23456)).is_err() {
        return skip("a file cannot be given away here");
    }
    env.set_mode("answer", 0o640);
    let server = Server::respond(four());
    env.xask(["-o", "answer", "hi"]).server(&server).success();
    let found = fs::metadata(&path).expect("it is there");
    assert_eq!((found.uid(), found.gid(), env.mode("answer")), (12345, 23456, 0o640));
    assert_eq!(env.read("answer"), b"Four.\n");
}

#[test]
fn one_file_for_two_outputs_is_a_usage_error() {
    let env = Env::new();
    let never = Server::never();
    env.write("one", "");
    env.folder("folder");
    env.link("link", "one");
    fs::hard_link(env.path("one"), env.path("hard")).expect("a link");
    for (one, other) in [
        ("one", "one"),
        ("one", "./one"),
        ("one", "folder/../one"),
        ("one", "link"),
        ("one", "hard"),
        ("new", "./new"),
    ] {
        for (first, second) in [
            ("--output", "--log"),
            ("--output", "--conversation"),
            ("--output", "--sources"),
            ("--sources", "--log"),
            ("--sources", "--conversation"),
            ("--log", "--conversation"),
        ] {
            for (first, second) in [(first, second), (second, first)] {
                let args =
                    [first, one, second, other, "hi", "--api", "responses", "-p", "tools=[]"];
                let run = env.xask(args).server(&never).case(args);
                run.fails(2, &[first, second]);
            }
        }
    }
    assert_eq!(env.read("one"), b"");
    assert_eq!(env.names(), ["folder", "hard", "link", "one"]);
    // The variable counts like its flag.
    env.xask(["-o", "one", "hi"]).env("XASK_LOG", "one").server(&never).fails(2, &["--output"]);
}

#[test]
fn devices_and_pipes_may_serve_two_outputs() {
    let env = Env::new();
    let run = env.xask(["-q", "--rehearse", "hi", "-o", "/dev/null", "--log", "/dev/null"]);
    run.args(["-c", "/dev/null"]).success();
    let script = "xask -q --rehearse hi -o /dev/fd/3 --log /dev/fd/3 3>&1 >/dev/null | cat";
    env.sh(script).stdout_like(REHEARSED).stdout_like("\"exit\":0").success();
}

#[test]
fn files_left_by_a_killed_run_are_removed_by_the_next_run() {
    let text = "a line of it\n".repeat(40_000);
    let env = Env::new();
    for _ in 0..10 {
        let sent = Gate::new();
        let server = Server::play([Script::new().send(answer(&text)).open(&sent)]);
        let mut run = env.xask(["-o", "answer", "hi"]).server(&server).spawn();
        sent.wait();
        run.kill();
        drop(run.finish());
        let left = env.names().into_iter().filter(|name| name.starts_with(".xask-")).count();
        assert!(left <= 1, "{:?}", env.names());
    }
    // A file with a name, as on systems without unnamed files; and files of other programs.
    env.write(".xask-0123456789abcdef", "half");
    env.write(".xask-config", "mine");
    env.xask(["-q", "--rehearse", "-o", "answer", "hi"]).success();
    assert_eq!(env.names(), [".xask-config", "answer"]);
    assert_eq!(env.read("answer"), REHEARSED.as_bytes());
}

#[test]
fn a_file_size_limit_is_a_write_error_and_not_a_signal() {
    let env = Env::new();
    env.write("answer", OLD);
    env.write("talk", "");
    for (args, words) in [
        ("-o answer", "--output answer"),
        ("-c talk", "talk"),
        ("--log log", "--log log"),
        (">file", "standard output"),
    ] {
        let script = format!("ulimit -f 0; exec xask -q --rehearse hi {args}");
        let run = env.sh(&script).case(args);
        let run = if args.starts_with('>') { run } else { run.stdout(REHEARSED) };
        run.fails(1, &[words, "file too large"]);
    }
    assert_eq!(env.read("answer"), OLD);
    assert_eq!(env.read("talk"), b"");
    let server = Server::respond(four());
    let run = env.sh("ulimit -f 0; exec xask --cache answers hi").server(&server).stdout("Four.\n");
    run.fails(1, &["cache answers", "file too large"]);
}
