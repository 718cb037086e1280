//! The program as released.
//!
//! Not the one that cargo builds for a bench: that one has the features that dev-dependencies enable.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde_json::Value;

use super::command::succeeded;
use super::show;

/// Builds it if necessary, and returns its path.
pub fn release() -> Result<PathBuf> {
    show("the release build");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args([
        "build",
        "--release",
        "--bin",
        "xask",
        "--message-format",
        "json-render-diagnostics",
    ]);
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = cargo.stderr(Stdio::inherit()).output().context("cannot start cargo")?;
    succeeded(&cargo, output.status)?;
    let messages = String::from_utf8(output.stdout)?;
    let executable = messages.lines().filter_map(|line| serde_json::from_str(line).ok());
    let mut executable =
        executable.filter_map(|it: Value| it["executable"].as_str().map(PathBuf::from));
    executable.next_back().context("cargo does not say what it built")
}
