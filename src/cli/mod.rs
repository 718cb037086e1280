//! Every flag and every variable, declared and documented once.
//!
//! The only door to clap and to the environment. It decides what can be decided from the arguments
//! alone; no file is opened here.

#[cfg(test)]
mod documents;
mod environment;
mod fields;
mod flags;
mod parts;
mod usage;

use anyhow::Result;
use clap::error::ErrorKind;
use clap::{ArgAction, Parser};

pub use self::environment::{Environment, key_file, key_variable};
pub use self::flags::{AnswerArgs, PromptArgs, RequestArgs, ServiceArgs, WithoutArgs};
pub use self::parts::{Part, Parts, names_stdin};

/// What the command line asks for.
#[derive(Debug)]
pub enum Invocation {
    /// `--help` or `--version`: a text for standard output.
    Print(String),
    /// One question.
    Ask(Box<Cli>),
    /// `--list-models`.
    ListModels(Box<Cli>),
}

/// Reads the arguments and the environment of this process.
///
/// # Errors
///
/// A usage failure in one line for whatever clap refuses, for two that want standard input, and for
/// a variable that cannot be read.
pub fn parse() -> Result<Invocation> {
    match Cli::try_parse_from(std::env::args_os()) {
        Ok(mut cli) => {
            cli.take_defaults_from(Environment::read()?)?;
            usage::check(&cli)?;
            let cli = Box::new(cli);
            Ok(if cli.without.list_models {
                Invocation::ListModels(cli)
            } else {
                Invocation::Ask(cli)
            })
        }
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                Ok(Invocation::Print(error.render().to_string()))
            }
            _ => Err(usage::from_clap(&error).into()),
        },
    }
}

/// Ask an xAI chat model one question and print the answer.
///
/// One process, one request, one answer: standard output holds the answer and nothing else, standard
/// error everything else, and the exit status tells the truth about the answer.
#[derive(Debug, Parser)]
#[command(
    name = "xask",
    version,
    term_width = 80,
    disable_help_flag = true,
    disable_version_flag = true,
    override_usage = "xask [OPTIONS] [WORD]... [-- WORD...]",
    after_help = "A - among the words is standard input. All flags, exit status: xask --help",
    after_long_help = EXIT_STATUS
)]
pub struct Cli {
    /// The parts of the user message.
    #[command(flatten)]
    pub parts: Parts,
    /// The rest of what is said.
    #[command(flatten)]
    pub prompt: PromptArgs,
    /// What goes into the body beside the messages.
    #[command(flatten)]
    pub request: RequestArgs,
    /// What becomes of the answer.
    #[command(flatten)]
    pub answer: AnswerArgs,
    /// Where the question goes.
    #[command(flatten)]
    pub service: ServiceArgs,
    /// Answers from elsewhere.
    #[command(flatten)]
    pub without: WithoutArgs,
    // clap's own are not hidden from the short help, which is to fit a screen.
    /// Print help: -h the flags of every day, --help all of them
    #[arg(short, long, action = ArgAction::Help, help_heading = None::<&str>, hide_short_help = true)]
    help: Option<bool>,

    /// Print the version
    #[arg(short = 'V', long, action = ArgAction::Version, help_heading = None::<&str>, hide_short_help = true)]
    version: Option<bool>,

    /// What the environment adds that has no flag.
    #[clap(skip)]
    pub environment: Environment,
}

const EXIT_STATUS: &str = "\
Exit status:
  0  the answer is complete, written and flushed
  1  local trouble: standard input or output, a file, a lock, the disk
  2  usage; nothing was sent
  3  the API key: none, malformed, refused or not permitted
  4  the request was rejected
  5  rate limit
  6  not delivered; safe to repeat
  7  sent, but no whole answer came; may be billed twice if repeated
  8  the service failed, or its reply is no completion
  9  an answer, but not fit: cut, filtered, refused, empty, tool calls
141  the reader of standard output left

Environment: XAI_API_KEY, XAI_API_KEY_FILE, XAI_BASE_URL, XASK_MODEL,
XASK_REHEARSE, XASK_CACHE, XASK_OFFLINE, SSL_CERT_FILE, HTTPS_PROXY, ALL_PROXY,
NO_PROXY. See xask(1).";

impl Cli {
    /// Fills what was not typed from the environment.
    fn take_defaults_from(&mut self, mut environment: Environment) -> Result<()> {
        let Self { request, service, without, .. } = self;
        request.model = request.model.take().or_else(|| environment.model.take());
        service.base_url = service.base_url.take().or_else(|| environment.base_url.take());
        if without.rehearse.is_none() {
            without.rehearse = environment.rehearsal()?;
        }
        without.cache = without.cache.take().or_else(|| environment.cache.take());
        without.offline |= environment.offline()?;
        self.environment = environment;
        Ok(())
    }
}
