//! Single values: peak memory, system calls, and the latency of the first event.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::SystemTime;

use anyhow::{Context, Result};

use super::command::{succeeded, traced};
use super::cost::median;
use super::server::Server;

/// Memory and system calls hardly change between runs.
const RUNS: usize = 3;

/// The answer on standard output.
pub fn answer(mut command: Command) -> Result<Vec<u8>> {
    let output = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).output()?;
    succeeded(&command, output.status)?;
    Ok(output.stdout)
}

/// Bytes of memory at the peak until the request was sent. The kernel keeps it only for running
/// processes, so the server waits to respond meanwhile.
pub fn peak_memory(server: &mut Server, make: impl Fn() -> Result<Command>) -> Result<f64> {
    let peaks: Result<Vec<f64>> = (0..RUNS).map(|_| peak_of_one(server, make()?)).collect();
    Ok(median(peaks?))
}

/// System calls of a whole run, its threads included. `scratch` is a file to write to.
pub fn system_calls(scratch: &Path, make: impl Fn() -> Result<Command>) -> Result<f64> {
    let calls: Result<Vec<f64>> = (0..RUNS).map(|_| calls_of_one(scratch, &make()?)).collect();
    Ok(median(calls?))
}

/// Seconds from the write of the first event to the first byte on standard output.
pub fn first_byte(server: &mut Server, mut command: Command) -> Result<f64> {
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let mut stdout = child.stdout.take().context("no pipe")?;
    stdout.read_exact(&mut [0]).context("nothing was printed")?;
    let printed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let sent = server.wait_until_sent()?;
    server.release_response()?;
    stdout.read_to_end(&mut Vec::new())?;
    succeeded(&command, child.wait()?)?;
    Ok(printed.as_secs_f64() - sent.as_secs_f64())
}

fn peak_of_one(server: &mut Server, mut command: Command) -> Result<f64> {
    let mut child = command.spawn()?;
    server.wait_until_held()?;
    let status = fs::read_to_string(format!("/proc/{}/status", child.id()))?;
    server.release_response()?;
    succeeded(&command, child.wait()?)?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = peak.and_then(|text| text.trim().strip_suffix(" kB")).context("no VmHWM")?;
    Ok(kib.parse::<f64>()? * 1024.0)
}

fn calls_of_one(scratch: &Path, command: &Command) -> Result<f64> {
    let mut strace = traced(command, scratch);
    let status = strace.status()?;
    succeeded(&strace, status)?;
    let summary = fs::read_to_string(scratch)?;
    let total = summary.lines().find(|line| line.ends_with("total")).context("no total")?;
    Ok(total.split_whitespace().nth(3).context("no calls")?.parse()?)
}
