//! The flags, group by group, each declared and documented once: its doc comment is its help.

#![expect(clippy::doc_markdown, reason = "the doc comments of flags are their help texts")]

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{
    NonEmptyStringValueParser, PossibleValue, PossibleValuesParser, TypedValueParser, ValueParser,
};
use clap::{ArgAction, Args, ValueHint};

use super::values;
use crate::api::{Api, Scenario};
use crate::message::Detail;

/// What the prompt consists of, beside its parts.
#[derive(Debug, Args)]
#[command(next_help_heading = "Prompt")]
pub struct PromptArgs {
    /// Set the system prompt
    ///
    /// It is sent first. A conversation keeps the system prompt that it started with: omit this option
    /// when you continue one, or give the same text again.
    #[arg(
        short,
        long,
        value_name = "TEXT",
        allow_hyphen_values = true,
        conflicts_with = "system_file"
    )]
    pub system: Option<OsString>,

    /// Read the system prompt from PATH; `-` is standard input
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath, allow_hyphen_values = true, hide_short_help = true)]
    pub system_file: Option<PathBuf>,

    /// Set the system prompt, like --system, but send it with the role `developer`
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true, conflicts_with_all = ["system", "system_file"], hide_short_help = true)]
    pub developer: Option<OsString>,

    /// Set how closely the model looks at images: auto, low or high
    ///
    /// Give it once for all images, or once per image, in order. Omitted from the request by default.
    #[arg(short, long, value_name = "LEVEL", action = ArgAction::Append, value_parser = values::detail(), hide_possible_values = true, hide_short_help = true)]
    pub detail: Vec<Detail>,

    /// Put each input's name before it
    ///
    /// A text becomes `<file name="PATH">`, the text, `</file>`; an image is preceded by the text `PATH:`. Use it
    /// to let the model tell several files apart.
    #[arg(short, long, hide_short_help = true)]
    pub names: bool,

    /// Replace bytes that are not UTF-8 with U+FFFD
    ///
    /// Applies to standard input, --file and --system-file. Without it, text that is not valid UTF-8 is an error.
    #[arg(long, hide_short_help = true)]
    pub lossy: bool,

    /// Continue the conversation in FILE
    ///
    /// FILE is created if missing, and holds one JSON message per line. Its messages are sent before the prompt; after an answer with exit
    /// status 0, the prompt and the answer are appended. Concurrent runs take turns.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "messages")]
    pub conversation: Option<PathBuf>,

    /// Send the earlier messages in FILE; `-` is standard input
    ///
    /// FILE holds a JSON array, or one JSON message per line, and is never written to. If it ends with a user
    /// message and the prompt has no parts (words, `-`, --file or --image), its messages are the whole request.
    #[arg(long, value_name = "FILE|-", value_hint = ValueHint::FilePath, allow_hyphen_values = true, hide_short_help = true)]
    pub messages: Option<PathBuf>,
}

/// The fields of the request.
#[derive(Debug, Args)]
#[command(next_help_heading = "Request")]
pub struct RequestArgs {
    /// Use the model NAME [env: XASK_MODEL] [default: grok-4]
    ///
    /// The name is not checked; it is sent as given. --list-models prints the names that your key may use.
    #[arg(short, long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub model: Option<String>,

    /// Use this endpoint: chat or responses [env: XASK_API]
    ///
    /// `chat` is POST /chat/completions, the default; `responses` is POST /responses, which a search option implies.
    #[arg(long, value_name = "API", value_parser = values::endpoint(), hide_possible_values = true, hide_short_help = true)]
    pub api: Option<Api>,

    /// Limit the answer to N tokens (truncated: exit status 9)
    ///
    /// With --api responses, reasoning tokens are not limited by it.
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = values::tokens, hide_short_help = true)]
    pub max_tokens: Option<u64>,

    /// Set the sampling temperature, from 0 to 2
    #[arg(short, long, value_name = "X", allow_hyphen_values = true, value_parser = values::temperature, hide_short_help = true)]
    pub temperature: Option<f64>,

    /// Set the nucleus sampling probability, greater than 0, at most 1
    #[arg(long, value_name = "X", allow_hyphen_values = true, value_parser = values::top_p, hide_short_help = true)]
    pub top_p: Option<f64>,

    /// Set a seed for (best-effort) reproducible sampling
    ///
    /// A 32-bit integer. Not available with --api responses.
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = values::seed, hide_short_help = true)]
    pub seed: Option<i32>,

    /// Stop before TEXT; repeatable, up to 4 times
    ///
    /// Not available with --api responses.
    #[arg(long, value_name = "TEXT", action = ArgAction::Append, allow_hyphen_values = true, value_parser = NonEmptyStringValueParser::new(), hide_short_help = true)]
    pub stop: Vec<String>,

    /// Set the reasoning effort: none, low, medium, high, or another level that the model supports
    #[arg(long, value_name = "LEVEL", value_parser = NonEmptyStringValueParser::new(), hide_short_help = true)]
    pub reasoning_effort: Option<String>,

    /// Request JSON that matches the JSON schema in FILE
    ///
    /// The API is responsible for matching the schema; xask checks only that the answer is JSON, and exits with status
    /// 9 if it is not. The schema is sent as strict, and named after the file.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, hide_short_help = true)]
    pub schema: Option<PathBuf>,

    /// Request one of these texts as the answer
    ///
    /// 2 to 100 distinct texts, separated by commas or by repeating the option. A strict schema limits the
    /// model to them, and only the chosen text is printed; any other answer ends with exit status 9. The texts are not
    /// trimmed: "yes, no" gives "yes" and " no".
    #[arg(long, value_name = "A,B,...", action = ArgAction::Append, value_delimiter = ',', allow_hyphen_values = true, conflicts_with = "schema", hide_short_help = true)]
    pub choice: Vec<String>,

    /// Send any other field; VALUE is JSON or a string
    ///
    /// A VALUE that is valid JSON is sent unchanged (apart from whitespace); anything else is sent as a string. Setting
    /// a field that xask or another option sets is a usage error. Repeatable.
    #[arg(short, long, value_name = "KEY=VALUE", action = ArgAction::Append, allow_hyphen_values = true, value_parser = values::key_value, hide_short_help = true)]
    pub param: Vec<(String, String)>,
}

/// What the model may search.
#[derive(Debug, Args)]
#[command(next_help_heading = "Search")]
pub struct SearchArgs {
    /// Let the model search the web
    ///
    /// The search runs on xAI's servers and is billed per search. It implies --api responses.
    #[arg(long)]
    pub web_search: bool,

    /// Let the model search posts on X
    ///
    /// Like --web-search; both can be given.
    #[arg(long)]
    pub x_search: bool,

    /// Search only this site (requires --web-search)
    ///
    /// A host name without scheme or path. Repeatable, or separated by commas, up to 5.
    #[arg(long, value_name = "HOST", action = ArgAction::Append, value_delimiter = ',', value_parser = values::domain, hide_short_help = true)]
    pub domain: Vec<String>,

    /// Search only posts of this X account (requires --x-search)
    ///
    /// With or without a leading `@`. Repeatable, or separated by commas, up to 20.
    #[arg(long, value_name = "NAME", action = ArgAction::Append, value_delimiter = ',', value_parser = values::handle, hide_short_help = true)]
    pub handle: Vec<String>,

    /// Search only posts from this day on (requires --x-search)
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = values::date, hide_short_help = true)]
    pub from_date: Option<String>,

    /// Search only posts up to this day (requires --x-search)
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = values::date, hide_short_help = true)]
    pub to_date: Option<String>,

    /// Write the cited addresses to FILE, only on success
    ///
    /// One line per source: address, tab, title. FILE is empty if there are none. Without this option, each source
    /// is printed to standard error (not with --quiet).
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, hide_short_help = true)]
    pub sources: Option<PathBuf>,

    /// Fail (exit status 9) unless the model searched and cites a source
    #[arg(long, hide_short_help = true)]
    pub require_sources: bool,
}

/// What is printed, and where.
#[derive(Debug, Args)]
#[command(next_help_heading = "Answer")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct AnswerArgs {
    /// Print the raw JSON response instead of the text
    ///
    /// The response's own bytes, unchanged. An error response is never printed.
    #[arg(short, long)]
    pub json: bool,

    /// Print only the first fenced code block of the answer
    ///
    /// Without a closed code block, the exit status is 9 and the whole answer is printed.
    #[arg(short = 'x', long, conflicts_with_all = ["json", "schema", "choice"])]
    pub extract: bool,

    /// Write the answer to FILE, only on success (exit status 0)
    ///
    /// FILE is replaced as a whole, or left as it was. If the answer cannot be written or is not usable, it is
    /// printed to standard output instead, and the exit status says why. `-` is standard output.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,

    /// Print the answer as it arrives; the default on a terminal
    ///
    /// It is the default if standard output is a terminal and none of --json, --output, --cache, --extract,
    /// --choice and --deferred is given. With --json, print the payload of each event, one per line.
    #[arg(long, overrides_with_all = ["stream", "no_stream"], hide_short_help = true)]
    pub stream: bool,

    /// Print the answer when it is complete
    #[arg(long, overrides_with_all = ["stream", "no_stream"], hide_short_help = true)]
    pub no_stream: bool,

    /// Print token usage and cost to standard error
    ///
    /// One line, even with exit status 9 or --quiet. Fields missing from the response are omitted.
    #[arg(long, hide_short_help = true)]
    pub usage: bool,

    /// Append one JSON line about the run to FILE [env: XASK_LOG]
    ///
    /// The line has the time, exit status, model, usage, cost and error, but never the key, the prompt or the answer. It
    /// is written whatever the outcome, except exit status 2.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, hide_short_help = true)]
    pub log: Option<PathBuf>,

    /// Print request and response details to standard error
    ///
    /// URL, model, status, request ID, times and retries; never the key, never the prompt.
    #[arg(short, long, hide_short_help = true)]
    pub verbose: bool,

    /// Suppress notes, sources and the progress line (errors are still shown)
    #[arg(short, long, hide_short_help = true)]
    pub quiet: bool,
}

/// How the API is reached.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connection")]
pub struct ConnectionArgs {
    /// Use the API at URL [env: XAI_BASE_URL] [default: https://api.x.ai/v1]
    ///
    /// The URL must begin with https://, or with http:// if the host is in 127.0.0.0/8, or is ::1 or localhost. Its path is kept.
    // A link in angle brackets would be shown with them in the help.
    #[allow(rustdoc::bare_urls)]
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url, value_parser = ValueParser::string(), hide_short_help = true)]
    pub base_url: Option<String>,

    /// Add a request header; @FILE reads headers from FILE
    ///
    /// FILE holds one header per line; `@-` is standard input. Repeatable. `Authorization` is accepted from a file
    /// only, and replaces the key.
    #[arg(short = 'H', long, value_name = "NAME: VALUE|@FILE", action = ArgAction::Append, value_parser = ValueParser::os_string(), hide_short_help = true)]
    pub header: Vec<OsString>,

    /// Set the maximum total time, in seconds [default: 3600]
    ///
    /// Fractions are allowed. It runs from the moment the prompt has been read, and covers every wait: for a lock,
    /// the connection, the answer, and between retries.
    #[arg(long, value_name = "SECONDS", allow_hyphen_values = true, value_parser = values::seconds, hide_short_help = true)]
    pub timeout: Option<Duration>,

    /// Set the maximum time to connect, in seconds [default: 10]
    ///
    /// It covers name resolution, connecting, the TLS handshake and a proxy's response.
    #[arg(long, value_name = "SECONDS", allow_hyphen_values = true, value_parser = values::seconds, hide_short_help = true)]
    pub connect_timeout: Option<Duration>,

    /// Retry up to N times when a request was not billed [default: 2]
    ///
    /// This covers requests that were not delivered, and those rejected with status 429, 503, 521 to 523, 529 or 530, or
    /// with the message "service is currently unavailable". A Retry-After of up to 60 seconds is obeyed; a longer one ends the run.
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = values::retries, hide_short_help = true)]
    pub retries: Option<u32>,

    /// Also retry requests that may already have been billed
    ///
    /// These are requests that would end with exit status 7, or that got an HTTP status 5xx that --retries does not cover
    /// (except 525 and 526).
    #[arg(long, hide_short_help = true)]
    pub retry_lost: bool,

    /// Get the answer by polling, without holding a connection open
    ///
    /// The API returns a request ID at once, and xask polls for the answer until --timeout expires. Chat completions
    /// only.
    #[arg(long, hide_short_help = true)]
    pub deferred: bool,

    /// Poll for the answer to an earlier --deferred request
    ///
    /// xAI returns each answer only once, and only within 24 hours.
    #[arg(long, value_name = "ID", value_parser = values::request_id, hide_short_help = true)]
    pub fetch: Option<String>,
}

/// Answers without the network.
#[derive(Debug, Args)]
#[command(next_help_heading = "Testing and offline use")]
pub struct OfflineArgs {
    /// Print the request body instead of sending it
    ///
    /// Uses no key and no network, takes no lock and appends nothing. The body asks for a stream only if --stream is given.
    #[arg(long, hide_short_help = true)]
    pub dry_run: bool,

    /// Simulate the API locally: no key, network or cost
    ///
    /// The simulated answer describes the request; the same request always gets the same answer. CASE selects another outcome, to test how a
    /// script handles it: `length`, `filtered`, `refused`, `empty`, `tools` and `unsearched` (with --require-sources)
    /// end with exit status 9, `cut` with 7, `401` and `403` with 3, `429` with 5, `500` with 8, `offline` with 6. The
    /// default is `ok`, or `searched` with a search option; `searched` and `unsearched` require one.
    /// [env: XASK_REHEARSE]
    #[arg(long, value_name = "CASE", num_args = 0..=1, require_equals = true, default_missing_value = "ok",
        value_parser = PossibleValuesParser::new(scenarios()).try_map(|name| Scenario::from_name(&name).ok_or("unknown")),
        hide_possible_values = true, hide_short_help = true)]
    pub rehearse: Option<Scenario>,

    /// Use the answer recorded in DIR, or record it [env: XASK_CACHE]
    ///
    /// A recorded answer is used for exactly the same request: images are compared by content, and streaming makes no
    /// difference. A new request is sent without streaming, and its answer is recorded on success (exit status 0). The
    /// files hold no key and can be committed.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, hide_short_help = true)]
    pub cache: Option<PathBuf>,

    /// Never use the network [env: XASK_OFFLINE=1]
    ///
    /// The answer comes from --cache; a request that is not in the cache fails with exit status 1.
    #[arg(long, hide_short_help = true)]
    pub offline: bool,

    /// Print the models that the key may use, one per line
    ///
    /// Takes no prompt. With --json, print the API's own list.
    #[arg(long, hide_short_help = true)]
    pub list_models: bool,
}

/// `1` is `ok`, as in the variable.
fn scenarios() -> impl Iterator<Item = PossibleValue> {
    Scenario::names().into_iter().map(|name| match name {
        "ok" => PossibleValue::new(name).alias("1"),
        _ => PossibleValue::new(name),
    })
}
