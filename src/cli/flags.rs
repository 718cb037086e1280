//! The flags, group by group, each declared and documented once: its doc comment is its help.

#![expect(clippy::doc_markdown, reason = "the doc comments of flags are their help texts")]

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{
    NonEmptyStringValueParser, PossibleValue, PossibleValuesParser, TypedValueParser, ValueParser,
};
use clap::{ArgAction, Args, ValueHint};

use super::usage;
use crate::message::Detail;
use crate::service::RehearsalCase;

/// What is said beside the parts of the user message.
#[derive(Debug, Args)]
#[command(next_help_heading = "Prompt")]
pub struct PromptArgs {
    /// The system message: how to answer
    ///
    /// It is sent first. A conversation keeps the one it began with: leave it out when it goes on, or
    /// give the same one again.
    #[arg(
        short,
        long,
        value_name = "TEXT",
        allow_hyphen_values = true,
        conflicts_with = "system_file"
    )]
    pub system: Option<OsString>,

    /// The system message from a file; `-` is standard input
    #[arg(
        long,
        value_name = "PATH",
        value_hint = ValueHint::FilePath,
        allow_hyphen_values = true,
        hide_short_help = true
    )]
    pub system_file: Option<PathBuf>,

    /// The same with the role `developer`, in place of --system
    #[arg(
        long,
        value_name = "TEXT",
        allow_hyphen_values = true,
        conflicts_with_all = ["system", "system_file"],
        hide_short_help = true
    )]
    pub developer: Option<OsString>,

    /// How closely to look at images: auto, low or high
    ///
    /// Given once, it is for all images; given once per image, for each in order. Not sent when not
    /// given.
    #[arg(
        short,
        long,
        value_name = "LEVEL",
        action = ArgAction::Append,
        value_parser = PossibleValuesParser::new(Detail::NAMES).try_map(|name| name.parse::<Detail>()),
        hide_possible_values = true, hide_short_help = true)]
    pub detail: Vec<Detail>,

    /// Go on with the conversation in FILE
    ///
    /// One JSON message a line. Its messages are sent before the question; after an answer with exit
    /// status 0 the question and the answer are appended. A missing or empty file is a new
    /// conversation. Runs at the same time take turns.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "messages")]
    pub conversation: Option<PathBuf>,

    /// Send the earlier messages in FILE, or on standard input (`-`)
    ///
    /// A JSON array, or one JSON message a line; only read. If they end in a user message and no part
    /// is given, they are the whole request.
    #[arg(long, value_name = "FILE|-", value_hint = ValueHint::FilePath, allow_hyphen_values = true, hide_short_help = true)]
    pub messages: Option<PathBuf>,
}

/// The fields of the request.
#[derive(Debug, Args)]
#[command(next_help_heading = "Request")]
pub struct RequestArgs {
    /// The model [env: XASK_MODEL] [default: grok-4]
    ///
    /// Names are the service's business: any is sent.
    #[arg(short, long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub model: Option<String>,

    /// Cut the answer after N tokens (exit status 9)
    ///
    /// Sent as `max_completion_tokens`.
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = usage::tokens, hide_short_help = true)]
    pub max_tokens: Option<u64>,

    /// Sampling temperature, from 0 to 2
    #[arg(
        short,
        long,
        value_name = "X",
        allow_hyphen_values = true,
        value_parser = usage::temperature,
        hide_short_help = true
    )]
    pub temperature: Option<f64>,

    /// Nucleus sampling, over 0 and up to 1
    #[arg(long, value_name = "X", allow_hyphen_values = true, value_parser = usage::top_p, hide_short_help = true)]
    pub top_p: Option<f64>,

    /// Sample the same way again, as far as the service can (a 32-bit integer)
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = usage::seed, hide_short_help = true)]
    pub seed: Option<i32>,

    /// Stop before this text; up to 4 times
    #[arg(
        long,
        value_name = "TEXT",
        action = ArgAction::Append,
        allow_hyphen_values = true,
        value_parser = NonEmptyStringValueParser::new(),
        hide_short_help = true
    )]
    pub stop: Vec<String>,

    /// How long to think: none, low, medium, high or what the model knows
    #[arg(long, value_name = "LEVEL", value_parser = NonEmptyStringValueParser::new(), hide_short_help = true)]
    pub reasoning_effort: Option<String>,

    /// Ask for JSON of the form in FILE
    ///
    /// A JSON schema, sent as `response_format`, strict, and named after the file. The service sees to
    /// it that the answer has that form; an answer that is not JSON ends with exit status 9.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, hide_short_help = true)]
    pub schema: Option<PathBuf>,

    /// Send any other field; VALUE is JSON or a string
    ///
    /// What is JSON is sent as it was typed, numbers too, but for white space between its tokens;
    /// anything else is a string. `model`,
    /// `messages`, `stream`, `stream_options`, `n` and `deferred` are refused, and so is a field given
    /// twice, by flag or here.
    #[arg(
        short,
        long,
        value_name = "KEY=VALUE",
        action = ArgAction::Append,
        allow_hyphen_values = true,
        value_parser = usage::key_value, hide_short_help = true)]
    pub param: Vec<(String, String)>,
}

/// What becomes of the answer.
#[derive(Debug, Args)]
#[command(next_help_heading = "Answer")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct AnswerArgs {
    /// Print the reply's JSON in place of the text
    ///
    /// The reply's own bytes, unchanged. An error reply is never printed.
    #[arg(short, long, overrides_with = "json")]
    pub json: bool,

    /// Write the answer to FILE, if it is complete and fit
    ///
    /// FILE is replaced as a whole, or left as it was. An answer that cannot or may not go there is
    /// printed instead, and the exit status says why. `-` is standard output.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,

    /// Print the answer as it comes; the default on a terminal
    ///
    /// On by default when standard output is a terminal and neither --json, --output nor --cache is
    /// given. With --json, the payload of each event, one a line.
    #[arg(long, overrides_with_all = ["stream", "no_stream"], hide_short_help = true)]
    pub stream: bool,

    /// Print the answer when it is whole
    #[arg(long, overrides_with_all = ["stream", "no_stream"], hide_short_help = true)]
    pub no_stream: bool,

    /// Tell the tokens and the cost on standard error
    ///
    /// One line, also with exit status 9 and --quiet; what the reply does not have is left out.
    #[arg(long, hide_short_help = true, overrides_with = "usage")]
    pub usage: bool,

    /// Tell of the request and the reply on standard error
    ///
    /// URL, model, status, request id and times; never the key, never the prompt.
    #[arg(short, long, hide_short_help = true, overrides_with = "verbose")]
    pub verbose: bool,

    /// No notes on standard error; errors stay
    #[arg(short, long, overrides_with = "quiet")]
    pub quiet: bool,
}

/// Where the question goes, and how long it may take.
#[derive(Debug, Args)]
#[command(next_help_heading = "Service")]
pub struct ServiceArgs {
    /// The service's address [env: XAI_BASE_URL] [default: https://api.x.ai/v1]
    ///
    /// https, or http where the host is in 127.0.0.0/8, ::1 or localhost. Its path is kept.
    #[arg(
        long,
        value_name = "URL",
        value_hint = ValueHint::Url,
        value_parser = ValueParser::string(),
        hide_short_help = true
    )]
    pub base_url: Option<String>,

    /// Give up after this time in all [default: 3600]
    ///
    /// Fractions are allowed. It runs from the moment the prompt has been read, and covers every wait:
    /// for a conversation's lock, the connection, the answer, and between retries.
    #[arg(long, value_name = "SECONDS", allow_hyphen_values = true, value_parser = usage::seconds, default_value = "3600", hide_default_value = true, hide_short_help = true)]
    pub timeout: Duration,

    /// Give up connecting after this time [default: 10]
    ///
    /// For the name, the connection, TLS and a proxy's answer together.
    #[arg(long, value_name = "SECONDS", allow_hyphen_values = true, value_parser = usage::seconds, default_value = "10", hide_default_value = true, hide_short_help = true)]
    pub connect_timeout: Duration,

    /// Repeat up to N times a failure that cost nothing [default: 2]
    ///
    /// The question was not delivered, or it was turned away: with status 429, 503, 521 to 523, 529 or
    /// 530, or because the service is currently unavailable. Each time is told on standard error. A
    /// Retry-After of up to 60 seconds is obeyed; a longer one ends the run.
    #[arg(
        long,
        value_name = "N", allow_hyphen_values = true, value_parser = usage::retries,
        default_value = "2",
        hide_default_value = true,
        hide_short_help = true
    )]
    pub retries: u32,

    /// Repeat also what may have been billed
    ///
    /// That is what ends with exit status 7, and any 5xx but 525 and 526.
    #[arg(long, hide_short_help = true, overrides_with = "retry_lost")]
    pub retry_lost: bool,
}

/// Answers from elsewhere than the service.
#[derive(Debug, Args)]
#[command(next_help_heading = "Without the service")]
pub struct WithoutArgs {
    /// Print the request's body and stop
    ///
    /// No key and no network is used, no lock taken, nothing appended. Not streamed unless --stream is
    /// given.
    #[arg(long, overrides_with = "dry_run")]
    pub dry_run: bool,

    /// Answer from inside: no key, no network, no cost
    ///
    /// The answer describes the request, the same every time. CASE plays another, so that every branch
    /// of a script can be tried: `ok` is the default; `length`, `filtered`, `refused`, `empty` and
    /// `tools` end with exit status 9, `cut` with 7, `401` and `403` with 3, `429` with 5, `500` with
    /// 8, `offline` with 6. [env: XASK_REHEARSE]
    #[arg(
        long,
        value_name = "CASE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "ok",
        value_parser = PossibleValuesParser::new(rehearsal_cases())
            .try_map(|name| name.parse::<RehearsalCase>()),
        hide_possible_values = true
    )]
    pub rehearse: Option<RehearsalCase>,

    /// Use an answer recorded in DIR, or record it [env: XASK_CACHE]
    ///
    /// An answer is used again for exactly the same request; images count by their content, and
    /// whether it is streamed does not count. What is not recorded yet is asked for, unstreamed. The
    /// files hold no key and can be committed. Only answers with exit status 0 are recorded.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, hide_short_help = true)]
    pub cache: Option<PathBuf>,

    /// Never use the network [env: XASK_OFFLINE=1]
    ///
    /// There is an answer recorded in --cache, or exit status 6.
    #[arg(long, hide_short_help = true, overrides_with = "offline")]
    pub offline: bool,

    /// Print the models the key may use, one a line
    ///
    /// Takes no prompt. With --json, the service's own list.
    #[arg(
        long,
        hide_short_help = true,
        conflicts_with_all = ["word", "literal", "file", "image", "system", "system_file", "developer", "detail", "conversation", "messages", "dry_run", "schema", "cache"]
    )]
    pub list_models: bool,
}

/// `1` is `ok`, as in the variable.
fn rehearsal_cases() -> impl Iterator<Item = PossibleValue> {
    RehearsalCase::NAMES.into_iter().map(|name| match name {
        "ok" => PossibleValue::new(name).alias("1"),
        _ => PossibleValue::new(name),
    })
}
