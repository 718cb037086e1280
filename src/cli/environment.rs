//! The variables xask knows. An empty one counts as unset.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use anyhow::Result;

use crate::error::Failure;
use crate::service::{ProxyVariables, RehearsalCase};

/// The documented variables of this process, as they were set.
#[derive(Debug, Default)]
pub struct Environment {
    /// `XAI_API_KEY`. Not shown by `Debug` of anything that holds it: see [`Secret`].
    pub api_key: Secret,
    /// `XAI_API_KEY_FILE`: where the key is, when it is not in the variable.
    pub api_key_file: Option<PathBuf>,
    /// `XAI_BASE_URL`, for `--base-url`.
    pub base_url: Option<String>,
    /// `XASK_MODEL`, for `--model`.
    pub model: Option<String>,
    /// `XASK_CACHE`, for `--cache`.
    pub cache: Option<PathBuf>,
    /// `XASK_OFFLINE`, for `--offline`.
    offline: Option<String>,
    /// `XASK_REHEARSE`, for `--rehearse`.
    rehearse: Option<String>,
    /// `https_proxy`, `all_proxy`, `no_proxy`, in lower and upper case.
    pub proxies: ProxyVariables,
    /// `SSL_CERT_FILE`: certificate authorities in place of the system's.
    pub ssl_cert_file: Option<PathBuf>,
}

impl Environment {
    /// Reads them all.
    ///
    /// # Errors
    ///
    /// A usage failure where one that must be text is not UTF-8.
    pub fn read() -> Result<Self> {
        Ok(Self {
            api_key: Secret(variable("XAI_API_KEY")),
            api_key_file: key_file(),
            base_url: text("XAI_BASE_URL")?,
            model: text("XASK_MODEL")?,
            cache: variable("XASK_CACHE").map(PathBuf::from),
            offline: text("XASK_OFFLINE")?,
            rehearse: text("XASK_REHEARSE")?,
            proxies: proxies(),
            ssl_cert_file: variable("SSL_CERT_FILE").map(PathBuf::from),
        })
    }

    /// The case `XASK_REHEARSE` names; `0` switches it off.
    ///
    /// # Errors
    ///
    /// A usage failure for a case nobody knows: not to rehearse what was meant as a rehearsal could
    /// cost money.
    pub fn rehearsal(&self) -> Result<Option<RehearsalCase>> {
        match self.rehearse.as_deref() {
            None | Some("0") => Ok(None),
            Some("1") => Ok(Some(RehearsalCase::Ok)),
            Some(name) => match name.parse() {
                Ok(case) => Ok(Some(case)),
                Err(why) => Err(Failure::usage(format!("XASK_REHEARSE: {name}: {why}")).into()),
            },
        }
    }

    /// Whether `XASK_OFFLINE` is on: `1`, and not `0`.
    ///
    /// # Errors
    ///
    /// A usage failure for anything else, which could have been meant either way.
    pub fn offline(&self) -> Result<bool> {
        match self.offline.as_deref() {
            None | Some("0") => Ok(false),
            Some("1") => Ok(true),
            Some(other) => {
                Err(Failure::usage(format!("XASK_OFFLINE: {other}: expected 1 or 0")).into())
            }
        }
    }
}

/// A value that `Debug` does not show.
#[derive(Default)]
pub struct Secret(pub Option<OsString>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// What `XAI_API_KEY` holds, whether or not it can be a key.
pub fn key_variable() -> Option<String> {
    let key = variable("XAI_API_KEY")?.to_string_lossy().trim().to_owned();
    Some(key).filter(|key| !key.is_empty())
}

/// The file that `XAI_API_KEY_FILE` names.
pub fn key_file() -> Option<PathBuf> {
    variable("XAI_API_KEY_FILE").map(PathBuf::from)
}

/// Lower case first, as curl reads them.
fn proxies() -> ProxyVariables {
    let first = |names: &[&'static str]| {
        names.iter().find_map(|name| variable(name).map(|value| (*name, value)))
    };
    ProxyVariables {
        proxy: first(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
        no_proxy: first(&["no_proxy", "NO_PROXY"]),
    }
}

fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| value != OsStr::new(""))
}

fn text(name: &str) -> Result<Option<String>> {
    variable(name)
        .map(OsString::into_string)
        .transpose()
        .map_err(|_| Failure::usage(format!("{name}: it is not UTF-8")).into())
}
