//! What the bodies of both APIs have in common: the form of a message, and fields that the user sets.

use super::{Api, ModelOptions, RawField};
use crate::body::BodyBuilder;
use crate::error::Failure;
use crate::json::to_json;
use crate::message::{ContentPart, NewMessage};

/// A message: its content is a string where it is one text, else a list of parts, which each API writes in its own form.
pub fn push_message<'a>(
    body: &mut BodyBuilder<'a>,
    message: &'a NewMessage,
    push_part: impl Fn(&mut BodyBuilder<'a>, &'a ContentPart),
) {
    let NewMessage { role, content } = message;
    body.json(r#"{"role":""#).json(role.as_str()).json(r#"","content":"#);
    match &content[..] {
        [ContentPart::Text(text)] => {
            body.string(text);
        }
        parts => {
            for (index, part) in parts.iter().enumerate() {
                body.json(if index == 0 { "[" } else { "," });
                push_part(body, part);
            }
            body.json("]");
        }
    }
    body.json("}");
}

/// The fields of the options that are given and that the API has, with their values as JSON, in the order of
/// `--help`.
pub fn option_fields(options: &ModelOptions, api: Api) -> Vec<(&'static str, String)> {
    let ModelOptions {
        max_tokens,
        temperature,
        top_p,
        seed,
        stop,
        reasoning_effort,
        format: _,
        search: _,
        extra: _,
    } = options;
    // `Display` of a finite f64 is JSON, and `1` stays `1`.
    let number = |x: &f64| x.to_string();
    let is_chat = api == Api::Chat;
    let effort = reasoning_effort.as_ref().map(to_json);
    let (max_name, effort_name, effort) = match api {
        Api::Chat => ("max_completion_tokens", "reasoning_effort", effort),
        Api::Responses => {
            let effort = effort.map(|effort| format!(r#"{{"effort":{effort}}}"#));
            ("max_output_tokens", "reasoning", effort)
        }
    };
    let fields = [
        (max_name, max_tokens.as_ref().map(to_json)),
        ("temperature", temperature.as_ref().map(number)),
        ("top_p", top_p.as_ref().map(number)),
        ("seed", seed.filter(|_| is_chat).as_ref().map(to_json)),
        ("stop", (is_chat && !stop.is_empty()).then(|| to_json(stop))),
        (effort_name, effort),
    ];
    fields.into_iter().filter_map(|(name, json)| Some((name, json?))).collect()
}

/// The fields of options, whose values are JSON, and then those that the user named.
pub fn push_fields<'a>(
    body: &mut BodyBuilder<'a>,
    options: Vec<(&'static str, String)>,
    extra: &'a [RawField],
) {
    for (name, json) in options {
        body.json(",\"").json(name).json("\":").json(&json);
    }
    for field in extra {
        body.json(",").string(&field.name).json(":").raw(&field.json);
    }
}

/// Checks the fields that the user named. `refuse` says why one cannot be set, and `by_options` are those that
/// options set.
///
/// # Errors
///
/// Status 2 for a field that is not the user's to set, or that is given twice.
pub fn check_extra(
    extra: &[RawField],
    by_options: &[&str],
    refuse: impl Fn(&str) -> Option<Failure>,
) -> Result<(), Failure> {
    for (index, RawField { name, .. }) in extra.iter().enumerate() {
        if let Some(failure) = refuse(name) {
            return Err(failure);
        }
        if by_options.contains(&name.as_str()) {
            return Err(Failure::usage(format!(
                "{}: already set by another option",
                cannot_set(name)
            )));
        }
        if extra[..index].iter().any(|earlier| earlier.name == *name) {
            return Err(Failure::usage(format!("--param {name}: given twice")));
        }
    }
    Ok(())
}

/// Why a field that the user named cannot be set: the beginning of the message.
pub fn cannot_set(name: &str) -> String {
    format!("--param cannot set {}", to_json(name))
}
