//! What the options of a request may be, and what they ask for.

use serde_json::value::RawValue;

use crate::api::encode::{cannot_set, check_extra, option_fields};
use crate::api::lenient::{Object, Raw, each, fields, string};
use crate::api::{Api, ModelOptions};
use crate::error::Failure;

/// Fields that `--param` cannot set, and what to do instead.
const RESERVED: [(&str, &str); 8] = [
    ("model", "use --model"),
    ("input", "it holds the prompt; see --messages"),
    ("instructions", "use --system"),
    ("stream", "use --stream"),
    ("store", "xask always sends false, so that xAI stores nothing"),
    ("previous_response_id", "it requires a stored response; use --conversation"),
    ("background", "it requires a stored response"),
    ("conversation", "it requires a stored response; use --conversation"),
];

/// Fields of chat completions, which the Responses API ignores and bills (measured, September 2026), and what to
/// do instead.
const OF_CHAT: [(&str, &str); 10] = [
    ("messages", "the Responses API calls it input, which holds the prompt; see --messages"),
    ("n", "there is one answer per request"),
    ("deferred", "use --deferred with --api chat"),
    ("stream_options", "the Responses API always reports the usage of a stream"),
    ("max_tokens", "the Responses API calls it max_output_tokens; use --max-tokens"),
    ("max_completion_tokens", "the Responses API calls it max_output_tokens; use --max-tokens"),
    ("response_format", "the Responses API calls it text.format; use --schema or --choice"),
    ("reasoning_effort", "the Responses API calls it reasoning.effort; use --reasoning-effort"),
    ("seed", "use --seed with --api chat"),
    ("stop", "use --stop with --api chat"),
];

/// Checks what the user set besides the options.
///
/// # Errors
///
/// Status 2 for an option that this API does not have, and for a field that is not the user's to set or
/// that is given twice.
pub fn check_options(options: &ModelOptions, has_format: bool) -> Result<(), Failure> {
    let of_chat = [("--seed", options.seed.is_some()), ("--stop", !options.stop.is_empty())];
    for (flag, is_given) in of_chat {
        if is_given {
            let what = format!("{flag} does not exist in the Responses API");
            let searches = options.requests_search();
            let hint = if searches {
                format!("omit {flag}, or omit the search options to use --api chat")
            } else {
                "use --api chat".to_owned()
            };
            return Err(Failure::usage(what).hint(hint));
        }
    }
    let options_set = option_fields(options, Api::Responses).into_iter().map(|(name, _)| name);
    let by_options: Vec<&str> = options_set
        .chain(has_format.then_some("text"))
        .chain(options.search.as_ref().map(|_| "tools"))
        .collect();
    check_extra(&options.extra, &by_options, refuse)
}

/// Why a field cannot be set.
fn refuse(name: &str) -> Option<Failure> {
    let hint_in = |fields: &[(&str, &'static str)]| {
        fields.iter().find(|(field, _)| *field == name).map(|(_, hint)| *hint)
    };
    if let Some(hint) = hint_in(&RESERVED) {
        return Some(Failure::usage(cannot_set(name)).hint(hint));
    }
    let hint = hint_in(&OF_CHAT)?;
    let what = format!("{}: it does not exist in the Responses API", cannot_set(name));
    Some(Failure::usage(what).hint(hint))
}

impl ModelOptions {
    /// Whether the model is requested to search on the server: by options of their own, or by `tools` that
    /// the user writes.
    pub fn requests_search(&self) -> bool {
        let Searches { web, x } = Searches::requested(self);
        web || x
    }
}

fields! {
    struct Tool<'a> {
        kind: Raw<'a> = "type",
    }
}

/// The searches that a request contains.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Searches {
    /// Of the web.
    pub web: bool,
    /// Of posts on X.
    pub x: bool,
}

impl Searches {
    /// By options of their own, or by `tools` that the user writes.
    pub fn requested(options: &ModelOptions) -> Self {
        let search = options.search.as_ref();
        let mut searches = Self {
            web: search.is_some_and(|search| search.web.is_some()),
            x: search.is_some_and(|search| search.x.is_some()),
        };
        let tools = options.extra.iter().find(|field| field.name == "tools");
        let tools = tools.and_then(|field| serde_json::from_str::<&RawValue>(&field.json).ok());
        each(tools, |tool: Object<Tool>| {
            match tool.fields().and_then(|tool| string(tool.kind)).as_deref() {
                Some("web_search") => searches.web = true,
                Some("x_search") => searches.x = true,
                _ => {}
            }
            true
        });
        searches
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{RawField, Search, XSearch};

    fn param(name: &str, value: &str) -> RawField {
        RawField::new(name.into(), value)
    }

    fn checked(options: &ModelOptions, has_format: bool) -> Option<(String, Option<String>)> {
        check_options(options, has_format).err().map(|failure| (failure.to_string(), failure.hint))
    }

    #[test]
    fn fields_the_user_cannot_set_are_usage_errors_with_a_hint() {
        for (name, hinted) in [
            ("model", "--model"),
            ("input", "prompt"),
            ("instructions", "--system"),
            ("stream", "--stream"),
            ("store", "false"),
            ("previous_response_id", "--conversation"),
            ("background", "stored"),
            ("conversation", "--conversation"),
            ("messages", "input"),
            ("n", "one answer"),
            ("deferred", "--api chat"),
            ("stream_options", "usage"),
            ("max_tokens", "max_output_tokens"),
            ("max_completion_tokens", "max_output_tokens"),
            ("response_format", "text.format"),
            ("reasoning_effort", "reasoning.effort"),
            ("seed", "--api chat"),
            ("stop", "--api chat"),
        ] {
            let options = ModelOptions { extra: vec![param(name, "1")], ..ModelOptions::default() };
            let (what, hint) = checked(&options, false).expect(name);
            assert!(what.starts_with(&format!("--param cannot set \"{name}\"")), "{what}");
            assert!(hint.as_ref().is_some_and(|hint| hint.contains(hinted)), "{name}: {hint:?}");
        }
    }

    #[test]
    fn a_field_is_set_once() {
        let set = ModelOptions {
            max_tokens: Some(1),
            temperature: Some(1.0),
            top_p: Some(1.0),
            reasoning_effort: Some("low".into()),
            search: Some(Search::default()),
            ..ModelOptions::default()
        };
        for name in ["max_output_tokens", "temperature", "top_p", "reasoning", "text", "tools"] {
            let extra = vec![param(name, "1")];
            let options = ModelOptions { extra: extra.clone(), ..set.clone() };
            let (what, _) = checked(&options, true).expect(name);
            assert_eq!(
                what,
                format!("--param cannot set \"{name}\": already set by another option")
            );
            let options = ModelOptions { extra, ..ModelOptions::default() };
            assert_eq!(checked(&options, false), None, "{name}");
        }
        let extra = vec![param("user", "a"), param("top_k", "1"), param("user", "b")];
        let options = ModelOptions { extra, ..ModelOptions::default() };
        let (what, _) = checked(&options, false).expect("it is there twice");
        assert_eq!(what, "--param user: given twice");
    }

    #[test]
    fn searches_are_requested_by_flags_or_by_tools() {
        for (tools, web, x) in [
            (r#"[{"type":"web_search"}]"#, true, false),
            (r#"[{"type":"function"},{"type":"x_search"}]"#, false, true),
            (r#"[{"type":"function","name":"web_search"}]"#, false, false),
            (r#"{"type":"web_search"}"#, false, false),
            (r#"["web_search"]"#, false, false),
        ] {
            let extra = vec![param("tools", tools)];
            let options = ModelOptions { extra, ..ModelOptions::default() };
            assert_eq!(Searches::requested(&options), Searches { web, x }, "{tools}");
        }
        let search = Some(Search { web: None, x: Some(XSearch::default()) });
        let options = ModelOptions { search, ..ModelOptions::default() };
        assert_eq!(Searches::requested(&options), Searches { web: false, x: true });
        assert!(options.requests_search());
        assert!(!ModelOptions::default().requests_search());
    }
}
