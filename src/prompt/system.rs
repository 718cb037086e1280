//! The system prompt: first, and once.

use anyhow::Result;
use serde::Deserialize;

use super::text::{self, TextReader};
use super::{Stdin, SystemSource};
use crate::error::Failure;
use crate::message::{ContentPart, Message, NewMessage, RawMessage, Role};

/// The message of `--system`, `--system-file` or `--developer`.
pub fn read(
    source: &SystemSource,
    reader: &mut TextReader,
    stdin: &mut Stdin,
) -> Result<Option<NewMessage>> {
    let (flag, role, text) = match source {
        SystemSource::None => return Ok(None),
        SystemSource::File(path) => {
            let mut text = String::new();
            reader.append(path, true, stdin, &mut text)?;
            return Ok(Some(NewMessage::text(Role::System, text)));
        }
        SystemSource::Text(text) => ("--system", Role::System, text),
        SystemSource::Developer(text) => ("--developer", Role::Developer, text),
    };
    let text = text::argument(flag, text)?;
    if text.trim().is_empty() {
        return Err(Failure::usage(format!("{flag} is empty")).into());
    }
    Ok(Some(NewMessage::text(role, text)))
}

/// Puts the system prompt first, and once, before the earlier messages of the file `name`. In a conversation that
/// goes on, what it began with stays.
///
/// A usage failure where the earlier messages begin with another system prompt, or where a conversation
/// was started without one.
pub fn merge(
    earlier: Vec<RawMessage>,
    is_persistent: bool,
    system: Option<NewMessage>,
    name: &str,
) -> Result<Vec<Message>> {
    let system = match (system, earlier.first()) {
        (Some(system), Some(first)) if first.role.is_system() => {
            if !is_same(&system, first) {
                let what = format!("{name} already has a different system prompt");
                return Err(Failure::usage(what)
                    .hint("omit the option, or give the same text again")
                    .into());
            }
            None
        }
        (Some(_), Some(_)) if is_persistent => {
            let what = format!("{name} was started without a system prompt");
            return Err(Failure::usage(what).hint("it cannot be added later").into());
        }
        (system, _) => system,
    };
    Ok(system.map(Message::New).into_iter().chain(earlier.into_iter().map(Message::Raw)).collect())
}

fn is_same(system: &NewMessage, earlier: &RawMessage) -> bool {
    #[derive(Deserialize)]
    struct Text {
        content: String,
    }
    let text = serde_json::from_str::<Text>(&earlier.json).ok().map(|text| text.content);
    match (&system.content[..], text) {
        ([ContentPart::Text(given)], Some(text)) => system.role == earlier.role && *given == text,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::history;

    /// The origin of the merged messages, and their roles; or the error.
    fn merged(earlier: &str, is_persistent: bool, system: Option<NewMessage>) -> String {
        let earlier = history::parse("f", earlier.as_bytes()).expect("they are messages");
        match merge(earlier, is_persistent, system, "f") {
            Ok(messages) => {
                let origin = |message: &Message| match message {
                    Message::Raw(message) => format!("earlier {}", message.role.as_str()),
                    Message::New(message) => format!("new {}", message.role.as_str()),
                };
                messages.iter().map(origin).collect::<Vec<_>>().join(", ")
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_system_prompt_comes_first_and_once() {
        let brief = || NewMessage::text(Role::System, "Be brief.".to_owned());
        let user = r#"{"role":"user","content":"hi"}"#;
        let system = r#"{"role":"system","content":"Be brief."}"#;
        let long = r#"{"role":"system","content":"Be long."}"#;
        let escaped = r#"{"role":"system","content":"Be\u0020brief.","name":"x"}"#;
        let parts = r#"{"role":"system","content":[{"type":"text","text":"Be brief."}]}"#;
        let developer = r#"{"role":"developer","content":"Be brief."}"#;
        let another = "f already has a different system prompt";
        let without = "f was started without a system prompt";
        let (earlier_user, earlier_system) = ("earlier user", "earlier system");
        for (earlier, is_given, persistent, read_only) in [
            ("", false, "", ""),
            ("", true, "new system", "new system"),
            (user, false, earlier_user, earlier_user),
            (user, true, without, "new system, earlier user"),
            (system, false, earlier_system, earlier_system),
            (system, true, earlier_system, earlier_system),
            (escaped, true, earlier_system, earlier_system),
            (long, true, another, another),
            (parts, true, another, another),
            (developer, true, another, another),
        ] {
            let given = || is_given.then(brief);
            assert_eq!(merged(earlier, true, given()), persistent, "{earlier}");
            assert_eq!(merged(earlier, false, given()), read_only, "{earlier}");
        }
    }
}
