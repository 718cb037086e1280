//! The variables xask knows. An empty one counts as unset.
//!
//! Each is read where it is used: one that a mode cannot use is ignored, whatever it holds.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use crate::api::{Api, Scenario};
use crate::client::{KeySource, ProxyVariables};
use crate::error::Failure;
use crate::secret::Secret;

/// A variable that names a file or folders, or whatever else need not be UTF-8.
pub fn path(name: &str) -> Option<PathBuf> {
    variable(name).map(PathBuf::from)
}

/// A variable that is a text.
///
/// # Errors
///
/// Exit status 2 where it is not UTF-8.
pub fn text(name: &str) -> Result<Option<String>, Failure> {
    let not_text = |_| Failure::usage(format!("{name}: not valid UTF-8"));
    variable(name).map(|value| value.into_string().map_err(not_text)).transpose()
}

/// `XAI_API_KEY` and `XAI_API_KEY_FILE`.
pub fn key() -> KeySource {
    KeySource { variable: variable("XAI_API_KEY").map(Secret::new), file: key_file() }
}

/// The endpoint that `XASK_API` names.
///
/// # Errors
///
/// Exit status 2 for any other name.
pub fn api() -> Result<Option<Api>, Failure> {
    let Some(name) = text("XASK_API")? else { return Ok(None) };
    let names = Api::ALL.map(Api::as_str).join(" or ");
    let unknown = || Failure::usage(format!("XASK_API: {name}: expected {names}"));
    Api::from_name(&name).map(Some).ok_or_else(unknown)
}

/// The scenario that `XASK_REHEARSE` names, unless it is off.
///
/// # Errors
///
/// Exit status 2 for an unknown scenario: what was meant as a rehearsal must not cost money.
pub fn scenario() -> Result<Option<Scenario>, Failure> {
    let Some(value) = text("XASK_REHEARSE")? else { return Ok(None) };
    match switch(&value) {
        Some(is_on) => Ok(is_on.then_some(Scenario::Ok)),
        None => Scenario::from_name(&value).map(Some).ok_or_else(|| {
            let names = Scenario::names().join(", ");
            Failure::usage(format!("XASK_REHEARSE: {value}: expected {SWITCH}, or {names}"))
        }),
    }
}

/// Whether `XASK_OFFLINE` is on.
///
/// # Errors
///
/// Exit status 2 for a value that could mean either.
pub fn is_offline() -> Result<bool, Failure> {
    let Some(value) = text("XASK_OFFLINE")? else { return Ok(false) };
    switch(&value)
        .ok_or_else(|| Failure::usage(format!("XASK_OFFLINE: {value}: expected {SWITCH}")))
}

/// What a variable that is on or off takes.
const SWITCH: &str = "1, true, yes, on, 0, false, no, off";

/// Whether a value means on or off; `None` for any other.
fn switch(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// What `XAI_API_KEY` holds, whether or not it can be a key.
pub fn key_variable() -> Option<String> {
    let key = variable("XAI_API_KEY")?.to_string_lossy().trim().to_owned();
    Some(key).filter(|key| !key.is_empty())
}

/// The file that `XAI_API_KEY_FILE` names.
pub fn key_file() -> Option<PathBuf> {
    path("XAI_API_KEY_FILE")
}

/// `https_proxy`, `all_proxy` and `no_proxy`: in lower case first, as curl reads them.
pub fn proxies() -> ProxyVariables {
    let first = |names: &[&'static str]| {
        names.iter().find_map(|name| variable(name).map(|value| (*name, value)))
    };
    let proxy = first(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]);
    ProxyVariables {
        proxy: proxy.map(|(name, value)| (name, Secret::new(value))),
        no_proxy: first(&["no_proxy", "NO_PROXY"]),
    }
}

fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| value != OsStr::new(""))
}
