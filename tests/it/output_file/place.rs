//! Which paths can be written, and how: checked before the request; links are followed, devices and
//! pipes written in place.

use std::fs;
use std::path::Path;

use super::{OLD, REHEARSED};
use crate::support::{Env, Server, escaped, skip, unprivileged};

#[test]
fn a_new_file_respects_the_umask() {
    for (umask, mode) in [("022", 0o644), ("077", 0o600), ("000", 0o666), ("027", 0o640)] {
        let env = Env::new();
        env.sh(&format!("umask {umask}; exec xask -q --rehearse hi -o answer")).success();
        assert_eq!(env.mode("answer"), mode, "umask {umask}");
    }
}

#[test]
fn an_existing_file_keeps_its_mode() {
    for mode in [0o600, 0o640, 0o666, 0o777, 0o200, 0o4711] {
        for umask in ["000", "077"] {
            let env = Env::new();
            env.write("answer", OLD);
            env.set_mode("answer", mode);
            env.sh(&format!("umask {umask}; exec xask -q --rehearse hi -o answer")).success();
            assert_eq!(env.mode("answer"), mode, "umask {umask}");
        }
    }
}

#[test]
fn the_target_of_a_symbolic_link_is_replaced() {
    type Links<'a> = &'a [(&'a str, &'a str)];
    // Where a link named `answer` leads, further links, and the file behind them all.
    let cases: [(&str, Links, &str); 5] = [
        ("target", &[], "target"),
        ("folder/target", &[], "folder/target"),
        ("folder/link", &[("folder/link", "target")], "folder/target"),
        ("folder/link", &[("folder/link", "../a"), ("a", "b"), ("b", "c")], "c"),
        ("folder/../folder/./link", &[("folder/link", "../target")], "target"),
    ];
    for (to, further, target) in cases {
        for old in [None, Some(OLD)] {
            let env = Env::new();
            env.write("folder/file", "");
            for (link, to) in [("answer", to)].iter().chain(further) {
                env.link(link, to);
            }
            if let Some(old) = old {
                env.write(target, old);
            }
            env.xask(["-q", "--rehearse", "hi", "-o", "answer"]).success();
            assert_eq!(env.read(target), REHEARSED.as_bytes(), "{to}");
            let is_link = |name: &str| fs::symlink_metadata(env.path(name)).map(|m| m.is_symlink());
            assert!(!is_link(target).expect("it is there"));
            for (link, to) in [("answer", to)].iter().chain(further) {
                assert_eq!(fs::read_link(env.path(link)).expect("a link").to_str(), Some(*to));
            }
        }
    }
}

#[test]
fn an_absolute_link_is_followed_too() {
    let env = Env::new();
    env.link("answer", env.path("target"));
    env.xask(["-q", "--rehearse", "hi", "-o", "answer"]).success();
    assert_eq!(env.read("target"), REHEARSED.as_bytes());
    assert_eq!(env.names(), ["answer", "target"]);
}

#[test]
fn a_path_that_cannot_be_written_is_an_error_before_the_request() {
    let env = Env::new();
    env.write("folder/file", OLD);
    for (link, to) in [("circle", "circle2"), ("circle2", "circle"), ("lost", "no/target")] {
        env.link(link, to);
    }
    let never = Server::never();
    for (file, why) in [
        ("no/answer", "no such file or directory"),
        ("lost", "no such file or directory"),
        ("folder", "is a directory"),
        ("folder/", "is a directory"),
        (".", "is a directory"),
        ("/", "is a directory"),
        ("folder/..", "is a directory"),
        ("folder/file/answer", "not a directory"),
        ("folder/file/", "not a directory"),
        ("circle", "too many levels of symbolic links"),
    ] {
        let error = format!("xask: error: --output {file}: {why}\n");
        env.xask(["-o", file, "hi"]).server(&never).stderr(error.clone()).code(1);
        env.xask(["-o", file, "--list-models"]).server(&never).stderr(error).code(1);
    }
    assert_eq!(env.read("folder/file"), OLD);
    assert_eq!(env.names(), ["circle", "circle2", "folder", "lost"]);
}

#[test]
fn a_name_with_a_trailing_slash_is_an_error_before_the_request() {
    let env = Env::new();
    let never = Server::never();
    for file in ["new/", "new/."] {
        env.xask(["-o", file, "hi"]).server(&never).fails(1, &[file]);
    }
    assert_eq!(env.names(), [""; 0]);
}

#[test]
fn a_path_without_write_permission_is_an_error_before_the_request() {
    unprivileged(|| {
        let env = Env::new();
        env.folder("shut");
        env.write("open/file", OLD);
        env.link("open/link", "../shut/new");
        env.set_mode("shut", 0o555);
        env.set_mode("open/file", 0o444);
        let never = Server::never();
        for file in ["shut/new", "open/file", "open/link"] {
            let error = format!("xask: error: --output {file}: permission denied\n");
            env.xask(["-o", file, "hi"]).server(&never).stderr(error).code(1);
        }
        env.set_mode("shut", 0o755);
        assert_eq!(env.read("open/file"), OLD);
    });
}

#[test]
fn a_folder_that_holds_no_new_files_is_an_error_before_the_request() {
    let env = Env::new();
    let never = Server::never();
    for file in ["/proc/new", "/sys/new", "/proc/self/new"] {
        env.xask(["-o", file, "hi"]).server(&never).fails(1, &[file]);
    }
}

#[test]
fn the_file_is_checked_after_the_inputs_and_before_the_key() {
    let env = Env::new();
    let run = |args: &[&str]| env.xask(["-o", "no/answer"]).args(args);
    run(&["-f", "missing"]).fails(2, &["missing: no such file"]);
    run(&[" "]).fails(2, &[]);
    run(&["hi"]).fails(1, &["--output no/answer"]);
    // No key, and no server.
    env.xask(["-o", "answer", "hi"]).fails(3, &["no API key"]);
    assert_eq!(env.names(), [""; 0]);
}

#[test]
fn a_named_pipe_is_written_in_place() {
    let env = Env::new();
    let script = "mkfifo pipe; cat pipe & xask -q --rehearse hi -o pipe && wait && test -p pipe";
    env.sh(script).stdout(REHEARSED).success();
    assert_eq!(env.names(), ["pipe"]);
}

#[test]
fn a_device_is_written_in_place() {
    let env = Env::new();
    env.link("link", "/dev/null");
    for file in ["/dev/null", "link"] {
        env.xask(["-q", "--rehearse", "hi", "-o", file]).success();
    }
    assert!(fs::read("/dev/null").expect("it is still a device").is_empty());
    assert_eq!(fs::read_link(env.path("link")).expect("a link"), Path::new("/dev/null"));
}

#[test]
fn a_device_that_cannot_be_opened_is_an_error_before_the_request() {
    // Without a terminal of its own, as in a cron job.
    if !Env::new().sh("command -v setsid").stdout_like("").spawn().finish().status.success() {
        return skip("there is no setsid");
    }
    let (env, never) = (Env::new(), Server::never());
    let run = env.sh("setsid -w xask hi -o /dev/tty </dev/null").server(&never);
    run.fails(1, &["--output /dev/tty: no such device or address"]);
}

#[test]
fn a_descriptor_path_of_a_shell_is_written_in_place() {
    let env = Env::new();
    for file in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
        env.xask(["-q", "--rehearse", "hi", "-o", file]).stdout(REHEARSED).success();
    }
    env.xask(["-q", "--rehearse", "hi", "-o", "/dev/stderr"]).stderr(REHEARSED).success();
    // As a shell passes `-o >(cat)`.
    env.sh("xask -q --rehearse hi -o /dev/fd/3 3>&1 >/dev/null | cat").stdout(REHEARSED).success();
}

#[test]
fn a_file_that_a_shell_has_opened_is_not_replaced() {
    for descriptor in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
        let env = Env::new();
        // Between two lines that the shell writes.
        let script = format!("{{ echo 1; xask -q --rehearse hi -o {descriptor}; echo 2; }} >>log");
        env.sh(&script).success();
        let log = format!("1\n{REHEARSED}2\n");
        assert_eq!(escaped(&env.read("log")), escaped(log.as_bytes()), "{descriptor}");
    }
}
