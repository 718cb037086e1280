//! clap's errors in the form of ours: one line in lower case, and a hint.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::error::Failure;

/// A suggestion that needs more changes than this is far-fetched.
const MAX_TYPOS: usize = 2;

/// The failure of a command line that clap refuses.
pub fn into_failure(error: &clap::Error) -> Failure {
    let text = |kind| error.get(kind).map(context_text).unwrap_or_default();
    let arg = text(ContextKind::InvalidArg);
    let value = text(ContextKind::InvalidValue);
    let flag = flag_of(&arg);
    let message = match error.kind() {
        ErrorKind::UnknownArgument => {
            return unknown_option(&arg, &text(ContextKind::SuggestedArg));
        }
        ErrorKind::InvalidValue if value.is_empty() => format!("option {flag} requires a value"),
        ErrorKind::InvalidValue => {
            format!("{flag}: {value}: expected one of {}", text(ContextKind::ValidValue))
        }
        ErrorKind::ValueValidation => match std::error::Error::source(error) {
            Some(why) => format!("{flag}: {value}: {why}"),
            None => format!("{flag}: {value}: not a valid value"),
        },
        ErrorKind::ArgumentConflict => {
            format!("{flag} cannot be combined with {}", flag_of(&text(ContextKind::PriorArg)))
        }
        ErrorKind::TooManyValues => format!("option {flag} takes no value, but got {value}"),
        ErrorKind::InvalidUtf8 => "an argument is not valid UTF-8".to_owned(),
        _ => first_line(&error.render().to_string()),
    };
    Failure::usage(message)
}

fn unknown_option(arg: &str, suggested: &str) -> Failure {
    let is_near = !suggested.is_empty() && edit_distance(arg, suggested) <= MAX_TYPOS;
    let message = if is_near {
        format!("unknown option {arg}; did you mean {suggested}?")
    } else {
        format!("unknown option {arg}")
    };
    let hint = match arg {
        "-k" | "--insecure" => {
            "certificates are always verified; to trust a different CA, set SSL_CERT_FILE"
        }
        "--api-key" | "--key" | "--token" => "the key comes from XAI_API_KEY or XAI_API_KEY_FILE",
        "-u" => {
            "use --usage for the token usage; the key comes from XAI_API_KEY or XAI_API_KEY_FILE"
        }
        "--search" => "use --web-search or --x-search",
        _ => "put text that starts with \"-\" after --",
    };
    Failure::usage(message).hint(hint)
}

/// `--image <PATH>` as `--image`, `[WORD]...` as words.
fn flag_of(arg: &str) -> &str {
    match arg.split([' ', '=']).next().unwrap_or(arg).trim_end_matches('[') {
        "" | "[--" => "text after --",
        "[WORD]..." => "text",
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

/// How many characters must be inserted, deleted or replaced to make one text of the other (Levenshtein).
fn edit_distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, c) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, d) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(c != *d);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_near_miss_is_suggested() {
        for (one, other, distance) in
            [("", "", 0), ("--modle", "--model", 2), ("--mode", "--model", 1), ("ab", "ba", 2)]
        {
            assert_eq!(edit_distance(one, other), distance, "{one} {other}");
            assert_eq!(edit_distance(other, one), distance, "{other} {one}");
        }
    }
}
