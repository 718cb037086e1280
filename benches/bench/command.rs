//! One job, as a command line of xask and as one of curl. Both use the same body, the same
//! certificates and the same empty environment.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Write, pipe};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;

use anyhow::{Context, Result, ensure};

const KEY: &str = "xai-0123456789abcdef";
/// A shell pipeline that prints only the answer of a stream.
const PIPELINE: &str =
    r#""$@" | sed -un 's/^data: {/{/p' | jq --unbuffered -j '.choices[0].delta.content // empty'"#;

/// The program that sends the request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Client {
    Xask,
    /// Another build of xask.
    OtherXask,
    /// With a body that was built beforehand.
    Curl,
    /// curl, sed and jq in a shell.
    Pipeline,
}

/// One job: its arguments, its body, and the programs that run it.
#[derive(Default)]
pub struct Job {
    /// The xask that is measured.
    pub program: PathBuf,
    /// The xask that it is compared with.
    pub other: PathBuf,
    /// xask's arguments.
    pub args: Vec<OsString>,
    /// The standard input of xask, which is a pipe.
    pub stdin: Option<Vec<u8>>,
    /// The body for curl, built from the two above.
    pub body: PathBuf,
    /// The authorities to trust.
    pub bundle: PathBuf,
}

impl Job {
    /// The command with its standard input, and its standard output on /dev/null.
    pub fn command(&self, client: Client, url: &str) -> Result<Command> {
        let mut command = match client {
            Client::Xask => self.xask(&self.program, url),
            Client::OtherXask => self.xask(&self.other, url),
            Client::Curl => with(bare("curl"), self.curl_arguments(url)),
            Client::Pipeline => {
                let mut shell = bare("sh");
                shell.args(["-c", PIPELINE, "sh", "curl"]);
                with(shell, self.curl_arguments(url))
            }
        };
        let stdin = match &self.stdin {
            Some(bytes) if matches!(client, Client::Xask | Client::OtherXask) => {
                pipe_with(bytes.clone())?
            }
            _ => Stdio::null(),
        };
        command.stdin(stdin).stdout(Stdio::null());
        Ok(command)
    }

    /// Writes the body that xask would send to a file.
    pub fn write_body(&mut self, path: &Path) -> Result<()> {
        let mut command = self.command(Client::Xask, "http://127.0.0.1/v1")?;
        let file = File::create(path)?;
        let status = command.arg("--dry-run").stdout(file).status()?;
        succeeded(&command, status)?;
        path.clone_into(&mut self.body);
        Ok(())
    }

    fn xask(&self, program: &Path, url: &str) -> Command {
        let mut command = with(bare(program), self.args.clone());
        command.env("XAI_API_KEY", KEY).env("XAI_BASE_URL", url).env("SSL_CERT_FILE", &self.bundle);
        command
    }

    /// `-q` keeps curl from reading its configuration, `Expect:` keeps it from a round trip before the body.
    fn curl_arguments(&self, url: &str) -> Vec<OsString> {
        let mut arguments: Vec<OsString> =
            ["-q", "-sS", "-N", "--fail", "-H", "Expect:"].map(OsString::from).into();
        for field in [&format!("Authorization: Bearer {KEY}"), "Content-Type: application/json"] {
            arguments.extend(["-H".into(), field.into()]);
        }
        arguments.extend(["--cacert".into(), self.bundle.clone().into()]);
        // Sent from the file while it is read; `--data-binary` would hold all of it in memory.
        arguments.extend(["-X".into(), "POST".into(), "-T".into(), self.body.clone().into()]);
        arguments.push(format!("{url}/chat/completions").into());
        arguments
    }
}

/// The same command under `strace`, which counts its system calls into `file`.
pub fn traced(command: &Command, file: &Path) -> Command {
    let mut strace = bare("strace");
    strace.args(["-c", "-f", "-o"]).arg(file).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            strace.env(name, value);
        }
    }
    strace.stdin(Stdio::null()).stdout(Stdio::null());
    strace
}

/// The first line of the version of a tool; `None` if the tool is missing.
pub fn version(tool: impl AsRef<OsStr>, flag: &str) -> Option<String> {
    let output = bare(tool).arg(flag).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().next().map(str::to_owned)
}

/// A run that failed measured nothing.
pub fn succeeded(command: &Command, status: ExitStatus) -> Result<()> {
    ensure!(status.success(), "{}: {status}", command.get_program().display());
    Ok(())
}

/// With nothing in its environment but `PATH`.
fn bare(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(env::var_os("PATH").map(|path| ("PATH", path)));
    command
}

fn with(mut command: Command, arguments: Vec<OsString>) -> Command {
    command.args(arguments);
    command
}

/// A pipe into which a thread writes.
fn pipe_with(bytes: Vec<u8>) -> Result<Stdio> {
    let (reader, mut writer) = pipe().context("no pipe")?;
    // A program that ends early has another exit status.
    thread::spawn(move || writer.write_all(&bytes).ok());
    Ok(reader.into())
}
