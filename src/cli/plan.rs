//! The plan of a run: every default filled in, every rule between flags applied.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::api::{Api, ModelOptions};
use crate::client::{BaseUrl, KeySource, ProxyVariables, RetryPolicy};
use crate::offline::Rehearsal;
use crate::prompt::PromptSource;

/// The command line, with every decision made.
#[derive(Debug)]
pub enum Command {
    /// `--help` or `--version`: a text for standard output.
    Print(String),
    /// Everything else.
    Run(Box<Plan>),
}

/// What is asked of the API.
#[derive(Debug)]
pub enum Task {
    /// The answer to a prompt.
    Ask,
    /// `--fetch`: the answer to an earlier deferred request, by its id.
    Fetch(String),
    /// `--list-models`.
    ListModels,
}

/// The plan of one run. Where no prompt is sent, what belongs to one is absent: the flags are refused.
#[derive(Debug)]
pub struct Plan {
    /// What is asked of the API.
    pub task: Task,
    /// Where the messages come from.
    pub prompt: PromptSource,
    /// The file of a schema that the answer must match.
    pub schema: Option<PathBuf>,
    /// The model's name, as given. Without a prompt, only a rehearsal needs it.
    pub model: String,
    /// The other fields of the request.
    pub options: ModelOptions,
    /// The wire format.
    pub api: Api,
    /// Get an id at once, and poll for the answer.
    pub deferred: bool,
    /// The command that fetches a deferred answer, but for `--fetch` and the id.
    pub fetch_command: String,
    /// Exit status 9 unless the model searched and cites a source.
    pub require_sources: bool,
    /// The values of `--header`, in order: inputs, which are checked where nothing is sent too.
    pub headers: Vec<OsString>,
    /// What is printed, and where.
    pub output: OutputPlan,
    /// Where the answer comes from; `None` for a dry run, which prints the request's body.
    pub backend: Option<BackendPlan>,
    /// The API's address: also a part of what a cached answer is found by.
    pub base_url: BaseUrl,
    /// One limit for the whole run, from the moment the prompt has been read.
    pub timeout: Duration,
}

impl Plan {
    /// Whether a prompt is sent.
    pub fn is_ask(&self) -> bool {
        matches!(self.task, Task::Ask)
    }
}

/// What is printed, and where.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
pub struct OutputPlan {
    /// Print the response's JSON instead of the text.
    pub json: bool,
    /// Print only the first fenced code block.
    pub extract: bool,
    /// Whether the answer is printed as it arrives.
    pub stream: StreamMode,
    /// The `--output` file; `None` for standard output.
    pub file: Option<PathBuf>,
    /// The `--sources` file.
    pub sources: Option<PathBuf>,
    /// The `--log` file.
    pub log: Option<PathBuf>,
    /// Print the token usage to standard error.
    pub usage: bool,
    /// Suppress notes and the progress line.
    pub quiet: bool,
    /// Print details of the request and the response to standard error.
    pub verbose: bool,
}

/// Whether the answer is printed as it arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamMode {
    /// In any case.
    Always,
    /// Where standard output is a terminal.
    OnTerminal,
    /// In no case.
    Never,
}

/// Where the answer comes from.
#[derive(Debug)]
pub enum BackendPlan {
    /// From this program, which simulates the API.
    Rehearse(Rehearsal),
    /// From the cache, and never from the network.
    Offline {
        /// The folder of recorded answers.
        cache: PathBuf,
    },
    /// From the API, or from an earlier answer of it.
    Api {
        /// How to reach it.
        connection: Box<ConnectionPlan>,
        /// The folder of recorded answers.
        cache: Option<PathBuf>,
    },
}

impl BackendPlan {
    /// The folder of recorded answers, if one is used.
    pub fn cache(&self) -> Option<&Path> {
        match self {
            Self::Rehearse(_) | Self::Api { cache: None, .. } => None,
            Self::Offline { cache } | Self::Api { cache: Some(cache), .. } => Some(cache),
        }
    }
}

/// How to reach the API.
#[derive(Debug)]
pub struct ConnectionPlan {
    /// Where the key is found.
    pub key: KeySource,
    /// The user's home folder, below which a key should not be readable by others.
    pub home: Option<PathBuf>,
    /// For the name, the connection, TLS and a proxy's answer together.
    pub connect_timeout: Duration,
    /// The proxy variables.
    pub proxies: ProxyVariables,
    /// `SSL_CERT_FILE`: certificate authorities instead of the system's.
    pub ssl_cert_file: Option<PathBuf>,
    /// `SSL_CERT_DIR`: folders of them, separated by colons.
    pub ssl_cert_dir: Option<OsString>,
    /// What is retried, and how often.
    pub retry: RetryPolicy,
}
