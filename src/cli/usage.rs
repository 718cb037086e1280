//! What the arguments may be: their ranges, what excludes what, and how a refusal is worded.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::parts::names_stdin;
use super::{Cli, Part};
use crate::error::Failure;

/// Checks what clap cannot: rules between several arguments.
pub fn check(cli: &Cli) -> Result<()> {
    check_stdin(cli)?;
    if cli.parts.0.iter().any(|part| matches!(part, Part::Image(source) if source.is_empty())) {
        return Err(Failure::usage("--image: a value is missing").into());
    }
    let Cli { prompt, request, answer, without, .. } = cli;
    for (flag, file) in [("--conversation", &prompt.conversation), ("--schema", &request.schema)] {
        if file.as_ref().is_some_and(|path| names_stdin(path.as_os_str())) {
            return Err(Failure::usage(format!("{flag}: it is a file, not standard input"))
                .hint("a file of the name - is ./-")
                .into());
        }
    }
    let is_recorded = without.cache.is_some() && without.rehearse.is_none() && !without.dry_run;
    if answer.json && answer.stream && is_recorded {
        return Err(Failure::usage("--json --stream and --cache exclude each other")
            .hint("a recorded answer is one JSON, not a stream of events")
            .into());
    }
    let details = cli.prompt.detail.len();
    let images = cli.parts.0.iter().filter(|part| matches!(part, Part::Image(_))).count();
    match (details, images) {
        (0, _) => Ok(()),
        (_, 0) => Err(Failure::usage("--detail: there is no --image").into()),
        (1, _) => Ok(()),
        _ if details == images => Ok(()),
        _ => Err(Failure::usage(format!(
            "--detail: given {details} times, and --image {images} times"
        ))
        .hint("give it once for all images, or once per image, in their order")
        .into()),
    }
}

/// Standard input can be given to one taker only.
fn check_stdin(cli: &Cli) -> Result<()> {
    let mut takers: Vec<&str> = Vec::new();
    for part in &cli.parts.0 {
        match part {
            Part::Stdin(name) => takers.push(name),
            Part::Image(source) if source == "-" => takers.push("--image -"),
            Part::Image(_) | Part::Word(_) | Part::File(_) => {}
        }
    }
    let is_stdin =
        |path: &Option<PathBuf>| path.as_ref().is_some_and(|path| names_stdin(path.as_os_str()));
    if is_stdin(&cli.prompt.system_file) {
        takers.push("--system-file -");
    }
    if is_stdin(&cli.prompt.messages) {
        takers.push("--messages -");
    }
    match takers[..] {
        [first, second, ..] => Err(Failure::usage(format!(
            "standard input is asked for twice, by {first} and by {second}"
        ))
        .into()),
        _ => Ok(()),
    }
}

/// A clap error in our form: one line, lower case, and a hint where clap has one.
pub fn from_clap(error: &clap::Error) -> Failure {
    let text = |kind| error.get(kind).map(context_text).unwrap_or_default();
    let arg = text(ContextKind::InvalidArg);
    let value = text(ContextKind::InvalidValue);
    let what = match error.kind() {
        ErrorKind::UnknownArgument => format!("{arg}: there is no such flag"),
        ErrorKind::InvalidValue if value.is_empty() => format!("{arg}: a value is missing"),
        ErrorKind::InvalidValue => {
            format!("{}: {value}: expected one of {}", flag_of(&arg), text(ContextKind::ValidValue))
        }
        ErrorKind::ValueValidation => match std::error::Error::source(error) {
            Some(why) => format!("{}: {value}: {why}", flag_of(&arg)),
            None => format!("{}: {value}: not a valid value", flag_of(&arg)),
        },
        ErrorKind::ArgumentConflict => match text(ContextKind::PriorArg) {
            prior if prior == arg => format!("{}: given more than once", flag_of(&arg)),
            prior => format!("{} and {} exclude each other", flag_of(&arg), flag_of(&prior)),
        },
        ErrorKind::TooManyValues => {
            format!("{}: it takes no value, but {value} was given", flag_of(&arg))
        }
        ErrorKind::NoEquals => format!("{}: its value is attached with =", flag_of(&arg)),
        ErrorKind::InvalidUtf8 => "an argument is not UTF-8".to_owned(),
        _ => first_line(&error.render().to_string()),
    };
    let failure = Failure::usage(what);
    match (error.kind(), text(ContextKind::SuggestedArg)) {
        (ErrorKind::UnknownArgument, suggested) if !suggested.is_empty() => failure
            .hint(format!("did you mean {suggested}? a text that begins with - goes after --")),
        (ErrorKind::UnknownArgument, _) => {
            failure.hint("a text that begins with - goes after --; the flags are in xask --help")
        }
        _ => failure,
    }
}

/// `--image <PATH>` as `--image`, `[WORD]...` as words.
fn flag_of(arg: &str) -> &str {
    match arg.split([' ', '=']).next().unwrap_or(arg).trim_end_matches('[') {
        "" | "[--" => "words after --",
        "[WORD]..." => "words",
        flag => flag,
    }
}

fn context_text(value: &ContextValue) -> String {
    match value {
        ContextValue::Strings(texts) => texts.join(", "),
        other => other.to_string(),
    }
}

fn first_line(rendered: &str) -> String {
    let line = rendered.lines().next().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

/// `--temperature`: 0 to 2 (xAI API reference).
pub fn temperature(text: &str) -> Result<f64, String> {
    number(text)
        .filter(|x| (0.0..=2.0).contains(x))
        .ok_or_else(|| "expected a number from 0 to 2".into())
}

/// `--top-p`: over 0, to 1 (xAI API reference).
pub fn top_p(text: &str) -> Result<f64, String> {
    number(text)
        .filter(|x| *x > 0.0 && *x <= 1.0)
        .ok_or_else(|| "expected a number over 0 and up to 1".into())
}

/// `--max-tokens`: from 1.
pub fn tokens(text: &str) -> Result<u64, String> {
    text.parse().ok().filter(|n| *n > 0).ok_or_else(|| "expected a whole number from 1".into())
}

/// `--seed`: 32 bits with a sign (xAI API reference).
pub fn seed(text: &str) -> Result<i32, String> {
    text.parse().map_err(|_| format!("expected a whole number from {} to {}", i32::MIN, i32::MAX))
}

/// `--retries`: from 0.
pub fn retries(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| "expected a whole number from 0".into())
}

/// A time in seconds, over 0, fractions allowed.
pub fn seconds(text: &str) -> Result<Duration, String> {
    number(text)
        .filter(|seconds| *seconds > 0.0)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "expected a number of seconds over 0".into())
}

/// `KEY=VALUE`; the value may hold further `=`.
pub fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE".into()),
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|x: &f64| x.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_held_to_the_ranges_of_the_service() {
        for (text, valid) in [
            ("0", true),
            ("2", true),
            (".5", true),
            ("2.01", false),
            ("-1", false),
            ("nan", false),
            ("x", false),
        ] {
            assert_eq!(temperature(text).is_ok(), valid, "temperature {text}");
        }
        for (text, valid) in
            [("0", false), ("1e-9", true), ("1", true), ("1.1", false), ("inf", false)]
        {
            assert_eq!(top_p(text).is_ok(), valid, "top-p {text}");
        }
        for (text, valid) in [
            ("0", false),
            ("0.2", true),
            ("1e9", true),
            ("1e300", false),
            ("-1", false),
            ("", false),
        ] {
            assert_eq!(seconds(text).is_ok(), valid, "seconds {text}");
        }
    }

    #[test]
    fn a_parameter_is_split_at_its_first_equals_sign() {
        assert_eq!(key_value("user=a=b"), Ok(("user".into(), "a=b".into())));
        assert_eq!(key_value("user="), Ok(("user".into(), String::new())));
        assert!(key_value("=x").is_err());
        assert!(key_value("user").is_err());
    }
}
