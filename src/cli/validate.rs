//! Rules between several arguments: what excludes what, and what needs what.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::Cli;
use super::flags::{AnswerArgs, ConnectionArgs, RequestArgs, SearchArgs};
use crate::api::Api;
use crate::error::Failure;
use crate::prompt::{PromptPart, is_stdin_path};

/// How many texts `--choice` takes: one is no choice, and a hundred are more than a model tells apart.
const CHOICES: std::ops::RangeInclusive<usize> = 2..=100;

/// The most sites of `--domain` (xAI API reference, `web_search`).
const MAX_DOMAINS: usize = 5;

/// The most accounts of `--handle` (xAI SDK, `x_search`).
const MAX_HANDLES: usize = 20;

/// Refuses a command line that is one word which other tools take as a command: it would be sent, and paid.
pub fn reject_subcommand(args: &[OsString]) -> Result<(), Failure> {
    let [_, word] = args else { return Ok(()) };
    let hint = match word.to_str() {
        Some("help") => "use --help",
        Some("models") => "use --list-models",
        Some("version") => "use --version",
        _ => return Ok(()),
    };
    let word = word.display();
    Err(Failure::usage(format!("{word} is not a command"))
        .hint(format!("{hint}; to send it as the prompt: xask -- {word}")))
}

/// Checks what clap cannot: rules between several arguments.
///
/// # Errors
///
/// Exit status 2.
pub fn check(cli: &Cli) -> Result<(), Failure> {
    check_stdin(cli)?;
    check_files(cli)?;
    check_details(cli)?;
    check_choices(&cli.request)?;
    check_answer(&cli.answer, &cli.request)?;
    check_search(&cli.search, &cli.request)?;
    check_deferred(cli)
}

/// Standard input can be used only once.
fn check_stdin(cli: &Cli) -> Result<(), Failure> {
    reject_second(&stdin_consumers(cli))
}

/// The file of the key may be standard input, if nothing else is.
///
/// # Errors
///
/// Exit status 2 where something else is.
pub fn check_stdin_for_key(cli: &Cli) -> Result<(), Failure> {
    reject_second(&[stdin_consumers(cli), vec!["XAI_API_KEY_FILE".to_owned()]].concat())
}

/// What reads standard input because it was named.
fn stdin_consumers(cli: &Cli) -> Vec<String> {
    let mut consumers = Vec::new();
    for part in &cli.parts.0 {
        match part {
            PromptPart::Stdin => consumers.push("-".to_owned()),
            PromptPart::File(path) if is_stdin_path(path.as_os_str()) => {
                consumers.push(format!("--file {}", path.display()));
            }
            PromptPart::Image(source) if source == "-" => consumers.push("--image -".to_owned()),
            _ => {}
        }
    }
    let is_stdin =
        |path: &Option<PathBuf>| path.as_ref().is_some_and(|path| is_stdin_path(path.as_os_str()));
    if is_stdin(&cli.prompt.system_file) {
        consumers.push("--system-file -".to_owned());
    }
    if is_stdin(&cli.prompt.messages) {
        consumers.push("--messages -".to_owned());
    }
    for header in &cli.connection.header {
        let file = header.as_bytes().strip_prefix(b"@").map(OsStr::from_bytes);
        consumers.extend(file.filter(|file| is_stdin_path(file)).map(|_| "--header @-".to_owned()));
    }
    consumers
}

fn reject_second(consumers: &[String]) -> Result<(), Failure> {
    match consumers {
        [first, second, ..] => Err(Failure::usage(format!(
            "standard input can be used only once, but {first} and {second} both read it"
        ))),
        _ => Ok(()),
    }
}

/// Some options take a file that standard input and standard output cannot stand for.
fn check_files(cli: &Cli) -> Result<(), Failure> {
    let is_empty =
        |part: &PromptPart| matches!(part, PromptPart::Image(source) if source.is_empty());
    if cli.parts.0.iter().any(is_empty) {
        return Err(Failure::usage("option --image requires a value"));
    }
    let files = [
        ("--conversation", &cli.prompt.conversation),
        ("--schema", &cli.request.schema),
        ("--log", &cli.answer.log),
        ("--sources", &cli.search.sources),
    ];
    for (flag, file) in files {
        if let Some(path) = file.as_ref().filter(|path| is_stdin_path(path.as_os_str())) {
            return Err(Failure::usage(format!("{flag} takes a file, not {}", path.display()))
                .hint("for a file named -, write ./-"));
        }
    }
    Ok(())
}

fn check_details(cli: &Cli) -> Result<(), Failure> {
    let details = cli.prompt.detail.len();
    let images = cli.parts.0.iter().filter(|part| matches!(part, PromptPart::Image(_))).count();
    if details == 0 || details == images || (details == 1 && images > 0) {
        return Ok(());
    }
    if images == 0 {
        return Err(Failure::usage("--detail requires --image"));
    }
    let images = if images == 1 { "1 image".to_owned() } else { format!("{images} images") };
    Err(Failure::usage(format!("--detail given {details} times for {images}"))
        .hint("give it once for all images, or once per image, in order"))
}

fn check_choices(RequestArgs { choice, .. }: &RequestArgs) -> Result<(), Failure> {
    if choice.is_empty() {
        return Ok(());
    }
    if choice.iter().any(String::is_empty) {
        return Err(Failure::usage("--choice: empty choice"));
    }
    if !CHOICES.contains(&choice.len()) {
        let (least, most) = (CHOICES.start(), CHOICES.end());
        let what = format!("--choice: expected {least} to {most} choices, got {}", choice.len());
        return Err(Failure::usage(what).hint("separate the choices with commas: --choice yes,no"));
    }
    let repeated = choice.iter().enumerate().find(|(at, text)| choice[..*at].contains(text));
    match repeated {
        Some((_, text)) => Err(Failure::usage(format!("--choice: choice {text} given twice"))),
        None => Ok(()),
    }
}

/// What is printed must be one thing.
fn check_answer(answer: &AnswerArgs, request: &RequestArgs) -> Result<(), Failure> {
    let AnswerArgs { json, extract, stream, .. } = answer;
    if *stream && *extract {
        return Err(cannot_combine("--extract", "--stream")
            .hint("the code block is known only when the answer is complete"));
    }
    if *stream && !json && !request.choice.is_empty() {
        return Err(cannot_combine("--choice", "--stream")
            .hint("the chosen text is known only when the answer is complete"));
    }
    Ok(())
}

fn check_search(search: &SearchArgs, request: &RequestArgs) -> Result<(), Failure> {
    let SearchArgs {
        web_search,
        x_search,
        domain,
        handle,
        from_date,
        to_date,
        sources,
        require_sources,
    } = search;
    let has_tools = request.param.iter().any(|(key, _)| key == "tools");
    let searches = *web_search || *x_search || has_tools;
    for (flag, is_given, needed, is_there) in [
        ("--domain", !domain.is_empty(), "--web-search", *web_search),
        ("--handle", !handle.is_empty(), "--x-search", *x_search),
        ("--from-date", from_date.is_some(), "--x-search", *x_search),
        ("--to-date", to_date.is_some(), "--x-search", *x_search),
        ("--sources", sources.is_some(), "--web-search or --x-search", searches),
        ("--require-sources", *require_sources, "--web-search or --x-search", searches),
    ] {
        if is_given && !is_there {
            return Err(Failure::usage(format!("{flag} requires {needed}")));
        }
    }
    for (flag, given, most) in
        [("--domain", domain.len(), MAX_DOMAINS), ("--handle", handle.len(), MAX_HANDLES)]
    {
        if given > most {
            return Err(Failure::usage(format!("{flag}: expected at most {most}, got {given}")));
        }
    }
    // Dates of this form are in the order of their text.
    if let (Some(from), Some(to)) = (from_date, to_date)
        && from > to
    {
        return Err(Failure::usage(format!("--from-date {from} is after --to-date {to}")));
    }
    Ok(())
}

fn check_deferred(cli: &Cli) -> Result<(), Failure> {
    let ConnectionArgs { deferred, .. } = &cli.connection;
    if !deferred {
        return Ok(());
    }
    let others = [
        ("--web-search", cli.search.web_search),
        ("--x-search", cli.search.x_search),
        ("--api responses", cli.request.api.is_some_and(|api| api != Api::DEFERRED)),
        ("--stream", cli.answer.stream),
        ("--conversation", cli.prompt.conversation.is_some()),
    ];
    match others.into_iter().find(|(_, is_given)| *is_given) {
        Some((other, _)) => Err(cannot_combine("--deferred", other)),
        None => Ok(()),
    }
}

fn cannot_combine(one: &str, other: &str) -> Failure {
    Failure::usage(format!("{one} cannot be combined with {other}"))
}
