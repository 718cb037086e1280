//! What a run of xask costs, compared with curl doing the same POST.
//!
//! `cargo bench` builds the program as released and measures it; `cargo bench -- --quick` takes fewer
//! rounds, `--program PATH` measures another build of it, and `--beside PATH` compares it with another build
//! (an earlier version, for example) instead of curl.
//!
//! Whole processes are measured, from their start to their end, against a server in a process of its
//! own on loopback. xask and curl take turns in rounds, so that other load on the machine affects both. The
//! result is a Markdown table on standard output; everything else goes to standard error. Nothing is
//! checked here: a clock is not a test.

mod build;
mod command;
mod cost;
mod fixtures;
mod probe;
mod rows;
mod server;
mod table;

use std::env;
use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use self::rows::Effort;

/// The meaning of the arguments.
enum Task {
    Measure {
        effort: Effort,
        /// Instead of the release build.
        program: Option<PathBuf>,
        /// Instead of curl.
        beside: Option<PathBuf>,
    },
    /// Hidden: the other process, which serves until its standard input ends.
    Serve,
    /// Started by a command that builds and runs every target, such as `cargo test --all-targets`.
    Nothing,
}

fn main() -> Result<()> {
    match task()? {
        Task::Measure { effort, program, beside } => {
            let program = program.map_or_else(build::release, Ok)?;
            let table = rows::measure(&program, beside.as_deref(), effort)?;
            io::stdout().write_all(table.as_bytes())?;
        }
        Task::Serve => server::serve()?,
        Task::Nothing => show("run this with `cargo bench`"),
    }
    Ok(())
}

fn task() -> Result<Task> {
    let mut effort = Effort::Full;
    let mut by_cargo_bench = false;
    let (mut program, mut beside) = (None, None);
    let mut args = env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            server::ARGUMENT => return Ok(Task::Serve),
            "--bench" => by_cargo_bench = true,
            "--quick" => effort = Effort::Quick,
            "--program" => program = Some(args.next().context("--program takes a path")?.into()),
            "--beside" => beside = Some(args.next().context("--beside takes a path")?.into()),
            _ => bail!("unknown argument {arg:?}; expected --quick, --program or --beside"),
        }
    }
    Ok(if by_cargo_bench { Task::Measure { effort, program, beside } } else { Task::Nothing })
}

/// Shows the progress. Standard error may be closed; the table does not depend on it.
fn show(message: &str) {
    writeln!(io::stderr(), "bench: {message}").ok();
}
