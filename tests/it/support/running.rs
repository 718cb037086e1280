//! A run that has started: what a test does with the child while it runs, and how its outcome is checked.

use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{self, Child, ExitStatus};
use std::rc::Rc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use assert_cmd::assert::{Assert, OutputAssertExt};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};
use tempfile::TempDir;

use super::env::{Expectations, Run};
use super::tty::{Terminal, Tty};
use super::{LIMIT, Signal, escaped};

/// How many bytes of the terminal's output are shown for a failed test.
const SHOWN: usize = 4 * 1024;

/// Held while a child is started, and while a reader leaves: until it runs its own program, a child
/// of another test has copies of all descriptors, and would keep open a pipe that has no reader.
static STARTING: Mutex<()> = Mutex::new(());

fn starting() -> MutexGuard<'static, ()> {
    STARTING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A running child. It is killed when dropped.
#[must_use = "a Running that is not asked for its end proves nothing"]
pub struct Running {
    line: String,
    expect: Expectations,
    child: Child,
    watchdog: Option<Watchdog>,
    stdin: Option<Box<dyn Write + Send>>,
    stdout: Stream,
    stderr: Stream,
    tty: Stream,
    ended: bool,
    /// Kept until the child has ended, even if the test has dropped its `Env`.
    _folder: Rc<TempDir>,
}

/// The outcome of a run.
#[derive(Debug)]
pub struct Output {
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// The output on the terminal.
    pub tty: Vec<u8>,
    /// How much processor time it used, not how long it ran.
    pub cpu: Duration,
}

impl Running {
    pub(super) fn start(run: Run) -> Self {
        let line = run.line();
        let mut command = run.command();
        // A group of its own, so that the watchdog also reaches the children of a shell script.
        command.process_group(0);
        let terminal = (!run.ttys.is_empty())
            .then(|| Terminal::connect(&mut command, &run.ttys).expect("a pseudo-terminal"));
        let guard = starting();
        let mut child = command.spawn().unwrap_or_else(|e| panic!("{line}: {e}"));
        // The command holds the child's ends of the terminal and the pipe.
        drop((command, guard));
        let watchdog = Some(Watchdog::over(&child));

        let mut stdin = child.stdin.take().map(|pipe| Box::new(pipe) as Box<dyn Write + Send>);
        if run.ttys.contains(&Tty::Stdin) {
            let ours = terminal.as_ref().map(|ours| ours.try_clone().expect("a second handle"));
            stdin = ours.map(|ours| Box::new(ours) as Box<dyn Write + Send>);
        }
        Self {
            line,
            expect: run.expect,
            watchdog,
            stdin,
            stdout: Stream::new("stdout", child.stdout.take()),
            stderr: Stream::new("stderr", child.stderr.take()),
            tty: Stream::new("the terminal", terminal),
            child,
            ended: false,
            _folder: run.folder,
        }
    }

    /// Waits until stdout contains this, after what was last waited for. Returns all output so far.
    #[track_caller]
    pub fn read_stdout_until(&mut self, needle: impl AsRef<[u8]>) -> &[u8] {
        self.stdout.read_until(needle.as_ref(), &self.line)
    }

    /// As [`Running::read_stdout_until`], for stderr.
    #[track_caller]
    pub fn read_stderr_until(&mut self, needle: impl AsRef<[u8]>) -> &[u8] {
        self.stderr.read_until(needle.as_ref(), &self.line)
    }

    /// As [`Running::read_stdout_until`], for the terminal.
    #[track_caller]
    pub fn read_tty_until(&mut self, needle: impl AsRef<[u8]>) -> &[u8] {
        self.tty.read_until(needle.as_ref(), &self.line)
    }

    /// Closes stdout for reading. Bytes that were not read before are not part of the output.
    pub fn close_stdout(&mut self) {
        let _guard = starting();
        self.stdout.from = None;
        // A child that another test is starting has a copy of our end until its `exec`; until then the
        // reader has not left. If the pipe cannot be opened, no process has one.
        let theirs = format!("/proc/{}/fd/1", self.child.id());
        let flags = OFlags::WRONLY | OFlags::NONBLOCK;
        if let Ok(pipe) = rustix::fs::open(theirs, flags, Mode::empty()) {
            let mut fds = [PollFd::new(&pipe, PollFlags::empty())];
            let limit = Timespec::try_from(LIMIT).expect("a short time");
            assert_eq!(poll(&mut fds, Some(&limit)), Ok(1), "somebody else reads the stdout");
        }
    }

    /// Writes to a stdin that is [open](Run::stdin_open), or the terminal.
    #[track_caller]
    pub fn write_stdin(&mut self, bytes: impl AsRef<[u8]>) {
        let stdin = self.stdin.as_mut().expect("stdin is open");
        stdin.write_all(bytes.as_ref()).expect("the child reads its stdin");
    }

    /// Ends an open pipe on stdin. (A terminal stays: write `\x04` to it.)
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    pub fn kill(&mut self) {
        self.child.kill().expect("the child can be killed");
    }

    /// Sends a signal to the child; [`Running::signal`] checks whether it dies of it.
    pub fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the child can be signalled");
    }

    /// How often the child has called write(2) so far, for any file.
    #[track_caller]
    pub fn write_calls(&self) -> u64 {
        let path = format!("/proc/{}/io", self.child.id());
        let counts = std::fs::read_to_string(&path).expect("the child's input and output");
        let calls = counts.lines().find_map(|line| line.strip_prefix("syscw: "));
        calls.expect("a count of writes").parse().expect("a number")
    }

    /// The peak memory of the child so far, in KiB. Exact while it waits: the
    /// kernel provides it for running processes only.
    #[track_caller]
    pub fn peak_kib(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(&path).expect("the child's status");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.unwrap_or_else(|| panic!("{}: has ended, or no VmHWM", self.line));
        peak.trim().trim_end_matches(" kB").parse().expect("a number of kB")
    }

    #[track_caller]
    pub fn success(self) -> Output {
        self.code(0)
    }

    /// Waits for the end, and checks it as [`Run::code`] does.
    #[track_caller]
    pub fn code(mut self, code: i32) -> Output {
        let output = self.end();
        output.on(&output.stdout, &self.line).code(code);
        self.judge(output)
    }

    /// Waits for the end, and expects death by this signal.
    #[track_caller]
    pub fn signal(mut self, signal: Signal) -> Output {
        let output = self.end();
        let (had, want) = (output.status, signal.as_raw());
        let end = output.on(&output.stdout, &self.line);
        assert!(had.signal() == Some(want), "expected signal {want}, had {had}\n{end}");
        self.judge(output)
    }

    /// Waits for the end, and checks nothing.
    #[track_caller]
    #[must_use = "nobody has looked at this output yet"]
    pub fn finish(mut self) -> Output {
        self.end()
    }

    /// Checks each stream against its expectation.
    #[track_caller]
    fn judge(mut self, output: Output) -> Output {
        let expect = std::mem::take(&mut self.expect);
        let mut end = output.on(&output.stdout, &self.line);
        for predicate in expect.stderr.into_predicates() {
            end = end.stderr(predicate);
        }
        for predicate in expect.stdout.into_predicates() {
            end = end.stdout(predicate);
        }
        // `assert_cmd` has no third stream.
        end = output.on(&output.tty, &self.line);
        end = end.append_context("stdout, below,", "what came out of the terminal");
        for predicate in expect.tty.into_predicates() {
            end = end.stdout(predicate);
        }
        output
    }

    /// Reads the streams to their ends, then reaps the child. Stdin stays open until the child is gone.
    #[track_caller]
    fn end(&mut self) -> Output {
        thread::scope(|scope| {
            for stream in [&mut self.stdout, &mut self.stderr, &mut self.tty] {
                scope.spawn(|| stream.drain());
            }
        });
        // Not reaped before the watchdog is stopped, or its kill might reach another process.
        let id = WaitId::Pid(Pid::from_child(&self.child));
        waitid(id, WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).expect("the child ends");
        let cpu = cpu(self.child.id());
        let hung = self.watchdog.take().is_some_and(Watchdog::call_off);
        let status = self.child.wait().expect("the child is reaped");
        self.ended = true;

        let take = |stream: &mut Stream| std::mem::take(&mut stream.seen);
        let stdout = take(&mut self.stdout);
        let (stderr, tty) = (take(&mut self.stderr), take(&mut self.tty));
        let output = Output { status, stdout, stderr, tty, cpu };
        if hung {
            let end = output.on(&output.stdout, &self.line);
            panic!("killed, for it ran longer than {LIMIT:?}\n{end}");
        }
        output
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        self.watchdog.take().map(Watchdog::call_off);
        let _ = self.child.wait();
    }
}

impl Output {
    /// Stdout as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        let fail = |e| panic!("stdout is no JSON: {e}: {}", escaped(&self.stdout));
        serde_json::from_slice(&self.stdout).unwrap_or_else(fail)
    }

    /// Stderr as text.
    #[track_caller]
    pub fn notes(&self) -> &str {
        std::str::from_utf8(&self.stderr).expect("stderr is UTF-8")
    }

    /// For `assert_cmd`, with any stream in place of stdout.
    fn on(&self, stdout: &[u8], line: &str) -> Assert {
        let (status, stderr) = (self.status, self.stderr.clone());
        let output = process::Output { status, stdout: stdout.to_vec(), stderr };
        let end = output.assert().append_context("command", line.to_owned());
        let tty = &self.tty[..self.tty.len().min(SHOWN)];
        if tty.is_empty() { end } else { end.append_context("tty", escaped(tty)) }
    }
}

/// The processor time of a process, in user and kernel mode, even if it has ended and was not
/// reaped yet (proc(5): fields 14 and 15, in hundredths of a second).
fn cpu(id: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).expect("the child's times");
    let fields = stat.rsplit_once(") ").expect("the name before them").1.split(' ');
    let ticks = fields.skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("a number"));
    Duration::from_millis(ticks.sum::<u64>() * 10)
}

/// A stream the child writes to, and what was read from it.
struct Stream {
    name: &'static str,
    from: Option<Box<dyn Read + Send>>,
    seen: Vec<u8>,
    /// Up to here `seen` was already waited for.
    mark: usize,
}

impl Stream {
    fn new(name: &'static str, from: Option<impl Read + Send + 'static>) -> Self {
        let from = from.map(|from| Box::new(from) as Box<dyn Read + Send>);
        Self { name, from, seen: Vec::new(), mark: 0 }
    }

    #[track_caller]
    fn read_until(&mut self, needle: &[u8], line: &str) -> &[u8] {
        assert!(!needle.is_empty(), "nothing to wait for");
        let name = self.name;
        let from = self.from.as_mut().unwrap_or_else(|| panic!("{name} cannot be read"));
        let mut buffer = [0; 16 * 1024];
        let mut from_here = self.mark;
        loop {
            let new = &self.seen[from_here..];
            if let Some(at) = new.windows(needle.len()).position(|window| window == needle) {
                self.mark = from_here + at + needle.len();
                return &self.seen;
            }
            from_here = (self.seen.len() + 1).saturating_sub(needle.len()).max(self.mark);
            let n = from.read(&mut buffer).unwrap_or_else(|e| panic!("{name}: {e}"));
            let (want, had) = (escaped(needle), escaped(&self.seen));
            assert!(n > 0, "{line}\n{name} ended (or hung) before it said {want}\nit said: {had}");
            self.seen.extend_from_slice(&buffer[..n]);
        }
    }

    fn drain(&mut self) {
        if let Some(mut from) = self.from.take() {
            from.read_to_end(&mut self.seen).expect("the stream is readable");
        }
    }
}

/// Kills the child and its own children when [`LIMIT`] has passed.
struct Watchdog {
    leash: Sender<()>,
    thread: JoinHandle<bool>,
}

impl Watchdog {
    fn over(child: &Child) -> Self {
        let group = Pid::from_child(child);
        let (leash, held) = channel::<()>();
        let thread = thread::spawn(move || {
            let hung = held.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout);
            if hung {
                let _ = kill_process_group(group, Signal::KILL);
            }
            hung
        });
        Self { leash, thread }
    }

    /// Whether it had to kill.
    fn call_off(self) -> bool {
        drop(self.leash);
        self.thread.join().expect("the watchdog does not fail")
    }
}
