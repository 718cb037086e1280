//! Which flags a mode takes: a flag without effect in a mode is rejected.

use clap::ArgMatches;
use clap::parser::ValueSource;

use crate::error::Failure;

/// What every mode that uses the network takes.
const CONNECTION: [&str; 7] =
    ["base_url", "header", "timeout", "connect_timeout", "retries", "retry_lost", "rehearse"];

/// What `--list-models` takes beside [`CONNECTION`].
const LIST_MODELS: [&str; 6] = ["list_models", "json", "output", "quiet", "verbose", "offline"];

/// What `--fetch` takes beside [`CONNECTION`].
const FETCH: [&str; 11] = [
    "fetch", "output", "extract", "json", "quiet", "verbose", "usage", "log", "schema", "choice",
    "offline",
];

/// Refuses a flag that the mode of this command line cannot use.
///
/// # Errors
///
/// Exit status 2 that names both flags.
pub fn check(matches: &ArgMatches) -> Result<(), Failure> {
    let (mode, taken) = if matches.get_flag("list_models") {
        ("--list-models", &LIST_MODELS[..])
    } else if matches.contains_id("fetch") {
        ("--fetch", &FETCH[..])
    } else {
        return Ok(());
    };
    let typed = matches.ids().map(clap::Id::as_str).filter(|id| {
        matches.value_source(id) == Some(ValueSource::CommandLine) && !id.ends_with("Args")
    });
    let refused = typed.filter(|id| !taken.contains(id) && !CONNECTION.contains(id)).min();
    match refused {
        Some("word" | "trailing") => Err(Failure::usage(format!("{mode} takes no prompt"))),
        Some(id) => {
            let flag = id.replace('_', "-");
            Err(Failure::usage(format!("--{flag} cannot be combined with {mode}")))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{CONNECTION, FETCH, LIST_MODELS};

    /// A mode would refuse its own flag if the field of the flag were renamed.
    #[test]
    fn every_id_is_an_argument_of_the_command() {
        let command = crate::command();
        for id in [&CONNECTION[..], &LIST_MODELS, &FETCH].concat() {
            assert!(command.get_arguments().any(|arg| arg.get_id() == id), "no argument {id}");
        }
    }
}
