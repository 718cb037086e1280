//! A fresh folder, an empty environment, and one run of xask in them, with what is expected of it.
//!
//! Strict by default: a run that writes an unexpected byte to any stream fails its test.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io::{self, PipeReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::thread;

use tempfile::TempDir;

use super::Signal;
use super::expected::{Expected, IntoMatcher, WIDTH};
use super::running::{Output, Running};
use super::server::Server;
use super::tty::Tty;

/// A folder that is removed after the test, and the runs inside it.
pub struct Env {
    folder: Rc<TempDir>,
}

impl Env {
    pub fn new() -> Self {
        Self { folder: Rc::new(TempDir::new().expect("a temporary folder")) }
    }

    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// xask with these arguments.
    pub fn xask<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Run {
        Run::new(self, binary().as_os_str()).args(args)
    }

    /// A shell script in which `xask` is the binary under test.
    pub fn sh(&self, script: &str) -> Run {
        let mut path = binary().parent().expect("the binary's folder").as_os_str().to_owned();
        if let Some(rest) = std::env::var_os("PATH") {
            path.push(":");
            path.push(rest);
        }
        Run::new(self, "sh".as_ref()).env("PATH", path).args(["-c", script])
    }
}

fn binary() -> &'static Path {
    assert_cmd::cargo::cargo_bin!("xask")
}

/// One run that has not started, and its expected output. Nothing happens before [`Run::code`],
/// [`Run::success`], [`Run::signal`] or [`Run::spawn`].
#[must_use = "a Run that is not asked for its exit code was never run"]
pub struct Run {
    pub(super) folder: Rc<TempDir>,
    program: OsString,
    args: Vec<OsString>,
    case: String,
    vars: BTreeMap<OsString, OsString>,
    stdin: Stdin,
    pub(super) ttys: Vec<Tty>,
    pub(super) expect: Expectations,
}

/// Where the child's standard input comes from.
enum Stdin {
    Null,
    Bytes(Vec<u8>),
    Open,
    File(PathBuf),
}

#[derive(Default)]
pub(super) struct Expectations {
    pub stdout: Expected,
    pub stderr: Expected,
    pub tty: Expected,
}

impl Run {
    fn new(env: &Env, program: &OsStr) -> Self {
        // Backtraces are on, so that every test checks that they are not printed.
        let mut vars: BTreeMap<OsString, OsString> =
            [("LANG".into(), "C.UTF-8".into()), ("RUST_BACKTRACE".into(), "1".into())].into();
        if let Some(path) = std::env::var_os("PATH") {
            vars.insert("PATH".into(), path);
        }
        Self {
            folder: Rc::clone(&env.folder),
            program: program.to_owned(),
            args: Vec::new(),
            case: String::new(),
            vars,
            stdin: Stdin::Null,
            ttys: Vec::new(),
            expect: Expectations::default(),
        }
    }

    /// Adds arguments.
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// The row of a table, for the message if the run fails.
    pub fn case(mut self, case: impl fmt::Debug) -> Self {
        self.case = format!("[{case:?}] ");
        self
    }

    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.vars.insert(key.as_ref().to_owned(), value.as_ref().to_owned());
        self
    }

    /// Sends requests to this server.
    pub fn server(self, server: &Server) -> Self {
        self.env("XAI_BASE_URL", server.url())
    }

    pub fn key(self, key: &str) -> Self {
        self.env("XAI_API_KEY", key)
    }

    /// A pipe that holds these bytes and then ends. Without this or a similar call, stdin is /dev/null.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Stdin::Bytes(bytes.into());
        self
    }

    /// A pipe that stays open as long as the child runs. Only
    /// [`Running::write_stdin`] writes to it.
    pub fn stdin_open(mut self) -> Self {
        self.stdin = Stdin::Open;
        self
    }

    /// A file, at offset 0. A relative path is one in the folder.
    pub fn stdin_file(mut self, path: impl AsRef<Path>) -> Self {
        self.stdin = Stdin::File(self.folder.path().join(path));
        self
    }

    /// Connects this stream with the run's pseudo-terminal; all such streams share one.
    /// Its output is no longer `stdout` or `stderr`, but `tty`.
    pub fn tty(mut self, stream: Tty) -> Self {
        self.ttys.push(stream);
        self
    }

    /// Expects exactly these bytes on stdout.
    pub fn stdout(mut self, exact: impl Into<Vec<u8>>) -> Self {
        self.expect.stdout = Expected::Exactly(exact.into());
        self
    }

    /// Expects exactly these bytes on stderr.
    pub fn stderr(mut self, exact: impl Into<Vec<u8>>) -> Self {
        self.expect.stderr = Expected::Exactly(exact.into());
        self
    }

    /// Expects exactly these bytes on the terminal.
    pub fn on_tty(mut self, exact: impl Into<Vec<u8>>) -> Self {
        self.expect.tty = Expected::Exactly(exact.into());
        self
    }

    /// Expects stdout to contain a text, or to satisfy a predicate; each further call adds one.
    pub fn stdout_like<K>(mut self, like: impl IntoMatcher<K>) -> Self {
        self.expect.stdout.add(like.into_predicate());
        self
    }

    /// As [`Run::stdout_like`], for stderr.
    pub fn stderr_like<K>(mut self, like: impl IntoMatcher<K>) -> Self {
        self.expect.stderr.add(like.into_predicate());
        self
    }

    /// As [`Run::stdout_like`], for the terminal.
    pub fn on_tty_like<K>(mut self, like: impl IntoMatcher<K>) -> Self {
        self.expect.tty.add(like.into_predicate());
        self
    }

    /// Runs to the end, and expects exit 0.
    #[track_caller]
    pub fn success(self) -> Output {
        self.code(0)
    }

    /// Runs to the end, and expects this exit code.
    #[track_caller]
    pub fn code(self, code: i32) -> Output {
        self.spawn().code(code)
    }

    /// Runs to the end, and expects death by this signal.
    #[track_caller]
    pub fn signal(self, signal: Signal) -> Output {
        self.spawn().signal(signal)
    }

    /// Starts it, for a test that interacts with it while it runs.
    #[track_caller]
    pub fn spawn(self) -> Running {
        Running::start(self)
    }

    /// The command, without its three streams (except for stdin from /dev/null or a file).
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).current_dir(self.folder.path()).env_clear().envs(&self.vars);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(match &self.stdin {
            Stdin::Null => Stdio::null(),
            Stdin::Bytes(bytes) => pipe_of(bytes.clone()).into(),
            Stdin::Open => Stdio::piped(),
            Stdin::File(path) => match File::open(path) {
                Ok(file) => file.into(),
                Err(e) => panic!("{}: {e}", path.display()),
            },
        });
        command
    }

    /// The command line for messages: the variables of the test, then the arguments, long ones truncated.
    pub(super) fn line(&self) -> String {
        let short = |text: &OsStr| {
            let text = text.to_string_lossy();
            let cut = if text.chars().nth(WIDTH).is_some() { "…" } else { "" };
            format!("{:?}{cut}", text.chars().take(WIDTH).collect::<String>())
        };
        let set = self
            .vars
            .iter()
            .filter(|(key, _)| !["LANG", "RUST_BACKTRACE", "PATH"].iter().any(|u| key == u));
        let mut words: Vec<_> =
            set.map(|(key, value)| format!("{}={}", key.display(), short(value))).collect();
        words.push(if self.program == *binary() { "xask" } else { "sh" }.to_owned());
        words.extend(self.args.iter().map(|arg| short(arg)));
        format!("{}{}", self.case, words.join(" "))
    }
}

/// A pipe that holds these bytes. The first of them are in it (and if that is all, it is closed)
/// before the child starts, so that the child reliably finds them there.
fn pipe_of(bytes: Vec<u8>) -> PipeReader {
    /// The minimum of POSIX; no pipe blocks on this many bytes.
    const FITS: usize = 512;
    let (theirs, mut ours) = io::pipe().expect("a pipe");
    let (first, rest) = bytes.split_at(bytes.len().min(FITS));
    ours.write_all(first).expect("an empty pipe takes this");
    if !rest.is_empty() {
        // A thread of its own, because the child may write before it reads. It ends with the child at
        // the latest; a child that does not read the bytes is not an error.
        thread::spawn(move || ours.write_all(&bytes[FITS..]));
    }
    theirs
}
