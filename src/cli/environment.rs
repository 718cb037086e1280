//! The variables xask knows. An empty one counts as unset.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use crate::api::{Api, Scenario};
use crate::client::{KeySource, ProxyVariables};
use crate::error::Failure;
use crate::secret::Secret;

/// The documented variables of this process, as they were set.
#[derive(Debug, Default)]
pub struct Environment {
    /// `XAI_API_KEY` and `XAI_API_KEY_FILE`.
    pub key: KeySource,
    /// `HOME`.
    pub home: Option<PathBuf>,
    /// `XAI_BASE_URL`, for `--base-url`.
    base_url: Option<OsString>,
    /// `XASK_MODEL`, for `--model`.
    model: Option<OsString>,
    /// `XASK_API`, for `--api`.
    api: Option<OsString>,
    /// `XASK_LOG`, for `--log`.
    pub log: Option<PathBuf>,
    /// `XASK_CACHE`, for `--cache`.
    pub cache: Option<PathBuf>,
    /// `XASK_OFFLINE`, for `--offline`.
    offline: Option<OsString>,
    /// `XASK_REHEARSE`, for `--rehearse`.
    rehearse: Option<OsString>,
    /// `https_proxy`, `all_proxy`, `no_proxy`, in lower and upper case.
    pub proxies: ProxyVariables,
    /// `SSL_CERT_FILE`: certificate authorities in place of the system's.
    pub ssl_cert_file: Option<PathBuf>,
    /// `SSL_CERT_DIR`: folders of them.
    pub ssl_cert_dir: Option<OsString>,
}

impl Environment {
    /// Reads them all. What is wrong with one is an error only where it is used.
    pub fn read() -> Self {
        Self {
            key: KeySource { variable: variable("XAI_API_KEY").map(Secret::new), file: key_file() },
            home: variable("HOME").map(PathBuf::from),
            base_url: variable("XAI_BASE_URL"),
            model: variable("XASK_MODEL"),
            api: variable("XASK_API"),
            log: variable("XASK_LOG").map(PathBuf::from),
            cache: variable("XASK_CACHE").map(PathBuf::from),
            offline: variable("XASK_OFFLINE"),
            rehearse: variable("XASK_REHEARSE"),
            proxies: proxies(),
            ssl_cert_file: variable("SSL_CERT_FILE").map(PathBuf::from),
            ssl_cert_dir: variable("SSL_CERT_DIR"),
        }
    }

    /// `XAI_BASE_URL`.
    ///
    /// # Errors
    ///
    /// Exit status 2 where it is not UTF-8.
    pub fn base_url(&self) -> Result<Option<&str>, Failure> {
        text("XAI_BASE_URL", self.base_url.as_deref())
    }

    /// `XASK_MODEL`.
    ///
    /// # Errors
    ///
    /// Exit status 2 where it is not UTF-8.
    pub fn model(&self) -> Result<Option<&str>, Failure> {
        text("XASK_MODEL", self.model.as_deref())
    }

    /// The endpoint that `XASK_API` names.
    ///
    /// # Errors
    ///
    /// Exit status 2 for any other name.
    pub fn api(&self) -> Result<Option<Api>, Failure> {
        let Some(name) = text("XASK_API", self.api.as_deref())? else { return Ok(None) };
        let names = Api::ALL.map(Api::as_str).join(" or ");
        let unknown = || Failure::usage(format!("XASK_API: {name}: expected {names}"));
        Api::from_name(name).map(Some).ok_or_else(unknown)
    }

    /// The scenario that `XASK_REHEARSE` names, unless it is off.
    ///
    /// # Errors
    ///
    /// Exit status 2 for an unknown scenario: what was meant as a rehearsal must not cost money.
    pub fn scenario(&self) -> Result<Option<Scenario>, Failure> {
        let Some(value) = text("XASK_REHEARSE", self.rehearse.as_deref())? else { return Ok(None) };
        match switch(value) {
            Some(is_on) => Ok(is_on.then_some(Scenario::Ok)),
            None => Scenario::from_name(value).map(Some).ok_or_else(|| {
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
    pub fn is_offline(&self) -> Result<bool, Failure> {
        let Some(value) = text("XASK_OFFLINE", self.offline.as_deref())? else { return Ok(false) };
        switch(value)
            .ok_or_else(|| Failure::usage(format!("XASK_OFFLINE: {value}: expected {SWITCH}")))
    }
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
    variable("XAI_API_KEY_FILE").map(PathBuf::from)
}

/// Lower case first, as curl reads them.
fn proxies() -> ProxyVariables {
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

fn text<'a>(name: &str, value: Option<&'a OsStr>) -> Result<Option<&'a str>, Failure> {
    let not_text = || Failure::usage(format!("{name}: not valid UTF-8"));
    value.map(|value| value.to_str().ok_or_else(not_text)).transpose()
}
