//! Raw flags and variables become a [`Command`].
//!
//! The only place that decides what comes first of a dry run, a rehearsal, the cache and the network.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

use super::flags::{AnswerArgs, ConnectionArgs, OfflineArgs, PromptArgs, RequestArgs, SearchArgs};
use super::parts::PromptParts;
use super::plan::{BackendPlan, Command, ConnectionPlan, OutputPlan, Plan, StreamMode, Task};
use super::{Cli, environment, options, validate};
use crate::api::Api;
use crate::client::{BaseUrl, RetryPolicy};
use crate::error::Failure;
use crate::offline::Rehearsal;
use crate::prompt::{HistorySource, PromptSource, SystemSource};

/// The model where none is named (xAI guide).
const DEFAULT_MODEL: &str = "grok-4";

/// The time for everything: an hour, as in xAI's examples for reasoning models.
const DEFAULT_TIMEOUT: Duration = Duration::from_hours(1);

/// The time to connect.
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a request is retried that was not billed.
const DEFAULT_RETRIES: u32 = 2;

/// Decides what a command line and its environment ask for.
///
/// # Errors
///
/// Exit status 2 for whatever cannot be done as given.
pub fn resolve(cli: Cli) -> Result<Command> {
    validate::check(&cli)?;
    let task = match &cli.connection.fetch {
        Some(id) => Task::Fetch(id.clone()),
        None if cli.offline.list_models => Task::ListModels,
        None => Task::Ask,
    };
    let is_ask = matches!(task, Task::Ask);
    let cache = cli.offline.cache.clone().or_else(|| environment::path("XASK_CACHE"));
    let cache = cache.filter(|_| is_ask);
    let names_cache = cache.is_some();
    let backend = backend(&cli, cache, &task)?;
    let stdin_is_key = match &backend {
        Some(BackendPlan::Api { connection, .. }) => connection.key.is_stdin(),
        _ => false,
    };
    if stdin_is_key {
        validate::check_stdin_for_key(&cli)?;
    }
    let Cli { parts, prompt, request, search, answer, connection, offline: _, help: _, version: _ } =
        cli;
    let ConnectionArgs { base_url, header: headers, timeout, deferred, .. } = connection;
    let fetch_command = fetch_command(base_url.as_deref(), &headers);
    let base_url = match base_url {
        None => environment::text("XAI_BASE_URL")?,
        typed => typed,
    };
    let base_url = BaseUrl::parse(base_url.as_deref())?;
    let model = model_name(request.model.clone(), is_ask)?;
    let by_default = is_ask && backend.is_some() && !names_cache;
    let is_cached = backend.as_ref().is_some_and(|backend| backend.cache().is_some());
    let stream = stream_mode(&answer, &request, deferred, by_default, is_cached)?;
    let api = if is_ask { select_api(&request, &search, deferred)? } else { Api::DEFERRED };
    let log = environment::path("XASK_LOG").filter(|_| !matches!(task, Task::ListModels));
    let output = output_plan(answer, search.sources.clone(), log, stream);
    let SearchArgs { require_sources, .. } = search;
    let schema = request.schema.clone();
    let options = options::resolve(request, search);
    api.wire_format().check_options(&options, schema.is_some() || options.format.is_some())?;
    check_rehearsal(backend.as_ref(), options.requests_search())?;
    let prompt = PromptSource { stdin_is_key, ..prompt_source(parts, prompt) };
    Ok(Command::Run(Box::new(Plan {
        task,
        prompt,
        schema,
        model,
        options,
        api,
        deferred,
        fetch_command,
        require_sources,
        headers,
        output,
        backend,
        base_url,
        timeout: timeout.unwrap_or(DEFAULT_TIMEOUT),
    })))
}

/// The model that is typed, else that of the environment, else the default. A list and a deferred answer name one only
/// where they are simulated: there, a variable that cannot be used is passed over.
fn model_name(typed: Option<String>, is_ask: bool) -> Result<String, Failure> {
    let name = match typed {
        None if is_ask => environment::text("XASK_MODEL")?,
        None => environment::text("XASK_MODEL").unwrap_or_default(),
        typed => typed,
    };
    Ok(name.unwrap_or_else(|| DEFAULT_MODEL.to_owned()))
}

/// A search is simulated only where one is requested.
fn check_rehearsal(backend: Option<&BackendPlan>, requests_search: bool) -> Result<(), Failure> {
    match backend {
        Some(BackendPlan::Rehearse(Rehearsal { scenario, .. }))
            if scenario.needs_search() && !requests_search =>
        {
            let what =
                "--rehearse=searched and --rehearse=unsearched require --web-search or --x-search";
            Err(Failure::usage(what))
        }
        _ => Ok(()),
    }
}

/// The endpoint: the one that a flag needs, else the one that was named, else chat completions.
fn select_api(request: &RequestArgs, search: &SearchArgs, deferred: bool) -> Result<Api, Failure> {
    let flag = match (search.web_search, search.x_search) {
        (true, _) => Some("--web-search"),
        (_, true) => Some("--x-search"),
        _ => None,
    };
    match (flag, request.api) {
        (Some(flag), Some(Api::Chat)) => {
            Err(Failure::usage(format!("{flag} cannot be combined with --api chat"))
                .hint("only the Responses API searches; omit --api"))
        }
        (Some(_), _) => Ok(Api::Responses),
        _ if deferred => Ok(Api::Chat),
        (None, Some(typed)) => Ok(typed),
        (None, None) => Ok(environment::api()?.unwrap_or(Api::Chat)),
    }
}

/// Where the answer comes from; nowhere in a dry run. A dry run comes before a rehearsal, a rehearsal before
/// `--offline`, and that before the network.
fn backend(cli: &Cli, cache: Option<PathBuf>, task: &Task) -> Result<Option<BackendPlan>, Failure> {
    let OfflineArgs { dry_run, rehearse, cache: _, offline, list_models: _ } = &cli.offline;
    if *dry_run {
        return Ok(None);
    }
    let rehearse = match rehearse {
        None => environment::scenario()?,
        typed => *typed,
    };
    if let Some(scenario) = rehearse {
        let in_code_block = cli.answer.extract;
        return Ok(Some(BackendPlan::Rehearse(Rehearsal { scenario, in_code_block })));
    }
    let name = if *offline { "--offline" } else { "--offline (XASK_OFFLINE)" };
    if !offline && !environment::is_offline()? {
        let connection = Box::new(connection(&cli.connection));
        return Ok(Some(BackendPlan::Api { connection, cache }));
    }
    let mode = match (cache, task) {
        (Some(cache), _) => return Ok(Some(BackendPlan::Offline { cache })),
        (None, Task::Ask) => {
            return Err(Failure::usage(format!("{name} requires --cache or XASK_CACHE")));
        }
        (None, Task::Fetch(_)) => "--fetch",
        (None, Task::ListModels) => "--list-models",
    };
    let message = format!("{mode} cannot be combined with {name}");
    Err(Failure::usage(message).hint("use --rehearse to simulate the API"))
}

/// How the API is reached; the variables are read here, where they can be used.
fn connection(args: &ConnectionArgs) -> ConnectionPlan {
    let ConnectionArgs {
        base_url: _,
        header: _,
        timeout: _,
        connect_timeout,
        retries,
        retry_lost,
        deferred: _,
        fetch: _,
    } = *args;
    ConnectionPlan {
        key: environment::key(),
        home: environment::path("HOME"),
        connect_timeout: connect_timeout.unwrap_or(DEFAULT_CONNECT_TIMEOUT),
        proxies: environment::proxies(),
        ssl_cert_file: environment::path("SSL_CERT_FILE"),
        ssl_cert_dir: environment::path("SSL_CERT_DIR").map(PathBuf::into_os_string),
        retry: RetryPolicy { retries: retries.unwrap_or(DEFAULT_RETRIES), retry_lost },
    }
}

/// Whether the answer is printed as it arrives: one from the cache or for it is whole.
fn stream_mode(
    answer: &AnswerArgs,
    request: &RequestArgs,
    deferred: bool,
    by_default: bool,
    is_cached: bool,
) -> Result<StreamMode> {
    let AnswerArgs { json, extract, stream, no_stream, output, .. } = answer;
    if *json && *stream && is_cached {
        return Err(Failure::usage("--json --stream cannot be combined with --cache")
            .hint("the cache holds whole responses, not streams")
            .into());
    }
    let is_whole = *no_stream
        || *json
        || *extract
        || deferred
        || output.is_some()
        || !request.choice.is_empty();
    Ok(if is_cached {
        StreamMode::Never
    } else if *stream {
        StreamMode::Always
    } else if by_default && !is_whole {
        StreamMode::OnTerminal
    } else {
        StreamMode::Never
    })
}

/// The command that fetches a deferred answer, but for `--fetch` and the id: with what leads to the same API,
/// and without what may be a secret.
fn fetch_command(base_url: Option<&str>, headers: &[OsString]) -> String {
    let mut command = "xask".to_owned();
    if let Some(url) = base_url {
        command.extend([" --base-url ", &shell_word(url)]);
    }
    for file in
        headers.iter().filter_map(|header| header.to_str()).filter(|header| header.starts_with('@'))
    {
        command.extend([" -H ", &shell_word(file)]);
    }
    command
}

/// A text as one word of a shell.
fn shell_word(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"@%+=:,./-_".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn output_plan(
    answer: AnswerArgs,
    sources: Option<PathBuf>,
    log_variable: Option<PathBuf>,
    stream: StreamMode,
) -> OutputPlan {
    let AnswerArgs { json, extract, output, stream: _, no_stream: _, usage, log, verbose, quiet } =
        answer;
    let file = output.filter(|path| path.as_os_str() != "-");
    let log = log.or(log_variable);
    OutputPlan { json, extract, stream, file, sources, log, usage, quiet, verbose }
}

fn prompt_source(parts: PromptParts, args: PromptArgs) -> PromptSource {
    let PromptArgs { system, system_file, developer, detail, names, lossy, conversation, messages } =
        args;
    let system = match (system, system_file, developer) {
        (Some(text), _, _) => SystemSource::Text(text),
        (_, Some(path), _) => SystemSource::File(path),
        (_, _, Some(text)) => SystemSource::Developer(text),
        (None, None, None) => SystemSource::None,
    };
    let history = match (conversation, messages) {
        (Some(path), _) => HistorySource::Conversation(path),
        (_, Some(path)) => HistorySource::Messages(path),
        (None, None) => HistorySource::None,
    };
    let parts = parts.0;
    PromptSource { parts, details: detail, system, history, lossy, names, stdin_is_key: false }
}
