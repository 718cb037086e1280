//! Every flag and every variable, declared and documented once, and resolved into a [`Command`].
//!
//! The only layer that knows clap and the environment. It decides what can be decided from the arguments
//! alone; no file is opened here.

mod clap_error;
mod environment;
mod flags;
mod modes;
mod options;
mod parts;
mod plan;
mod resolve;
mod validate;
mod values;

use std::ffi::OsString;
use std::mem::ManuallyDrop;

use anyhow::Result;
use clap::error::ErrorKind;
use clap::{ArgAction, CommandFactory, FromArgMatches, Parser};

pub use self::environment::{key_file, key_variable};
use self::flags::{AnswerArgs, ConnectionArgs, OfflineArgs, PromptArgs, RequestArgs, SearchArgs};
use self::parts::PromptParts;
pub use self::plan::{BackendPlan, Command, ConnectionPlan, OutputPlan, Plan, StreamMode, Task};

/// Reads the arguments and the environment of this process.
///
/// # Errors
///
/// Exit status 2, in one line, for whatever clap or the rules between several arguments refuse, and for
/// a variable that cannot be used.
pub fn parse() -> Result<Command> {
    let args: Vec<OsString> = std::env::args_os().collect();
    validate::reject_subcommand(&args)?;
    // Never dropped: that would take longer than to read the arguments, and the process is short.
    let mut command = ManuallyDrop::new(Cli::command());
    match command.try_get_matches_from_mut(args) {
        Ok(mut matches) => {
            modes::check(&matches)?;
            let cli = Cli::from_arg_matches_mut(&mut matches)
                .map_err(|error| clap_error::into_failure(&error))?;
            resolve::resolve(cli)
        }
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                Ok(Command::Print(error.render().to_string()))
            }
            _ => Err(clap_error::into_failure(&error).into()),
        },
    }
}

/// The command line's definition, from which the completions and the man page's options are generated.
pub fn command() -> clap::Command {
    Cli::command()
}

/// xask sends one prompt to an xAI (Grok) model and prints the answer.
///
/// One process, one request, one answer. Standard output holds the answer and nothing else, standard error
/// everything else, and the exit status tells you whether the answer is complete and usable.
#[derive(Debug, Parser)]
#[command(
    name = "xask",
    version,
    term_width = 80,
    args_override_self = true,
    disable_help_flag = true,
    disable_version_flag = true,
    override_usage = "xask [OPTIONS] [WORD]... [-- WORD...]",
    after_help = "Use - to insert standard input. All options and exit statuses: xask --help",
    after_long_help = EXIT_STATUS
)]
struct Cli {
    /// The parts of the user message.
    #[command(flatten)]
    parts: PromptParts,
    #[command(flatten)]
    prompt: PromptArgs,
    #[command(flatten)]
    request: RequestArgs,
    #[command(flatten)]
    search: SearchArgs,
    #[command(flatten)]
    answer: AnswerArgs,
    #[command(flatten)]
    connection: ConnectionArgs,
    #[command(flatten)]
    offline: OfflineArgs,
    // clap's own would be shown in the short help, which has to fit a screen.
    /// Print help (-h: summary, --help: all options)
    #[arg(short, long, action = ArgAction::Help, help_heading = None::<&str>, hide_short_help = true)]
    help: Option<bool>,

    /// Print the version
    #[arg(short = 'V', long, action = ArgAction::Version, help_heading = None::<&str>, hide_short_help = true)]
    version: Option<bool>,
}

const EXIT_STATUS: &str = "\
Exit status:
  0  the answer is complete, usable, and written in full
  1  local I/O error: standard input or output, a file, a lock, the disk; or
     --offline without a cached answer
  2  usage error; nothing was sent
  3  the API key is missing, malformed, rejected or not permitted
  4  the request was rejected
  5  rate limit exceeded
  6  not delivered; safe to retry
  7  incomplete response; a retry may be billed again
  8  server error, or the response is not a completion
  9  unusable answer: truncated, filtered, refused, empty, a tool call, or
     without the JSON, choice, code block or sources requested
141  standard output was closed by the reader

Environment: XAI_API_KEY, XAI_API_KEY_FILE, XAI_BASE_URL, XASK_MODEL, XASK_API,
XASK_LOG, XASK_REHEARSE, XASK_CACHE, XASK_OFFLINE, SSL_CERT_FILE, SSL_CERT_DIR,
HTTPS_PROXY, ALL_PROXY, NO_PROXY. See xask(1).";
