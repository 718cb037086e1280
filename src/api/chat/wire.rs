//! What is read of a chat completion, whole or in chunks (xAI API reference, `chat.completion` and
//! `chat.completion.chunk`).

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::api::answer::Refusal;
use crate::api::lenient::{Object, Raw, each, fields, has_elements, string, text, visit_scalars};

fields! {
    /// A completion or a chunk of one.
    pub struct Completion<'a> {
        /// An error in place of an answer, also with status 200. Looked at before `choices`.
        error: Raw<'a> = "error",
        /// One for each requested answer; one is requested.
        choices: Choices<'a> = "choices",
        /// Tokens and cost; in the last chunk.
        usage: Raw<'a> = "usage",
        /// The model that answers.
        model: Raw<'a> = "model",
        /// Addresses, where a tool searched.
        citations: Raw<'a> = "citations",
        /// What a gateway says beside no choices at all.
        message: Raw<'a> = "message",
    }
}

fields! {
    /// One answer.
    pub struct Choice<'a> {
        /// The answer of a whole response.
        message: Object<Message<'a>> = "message",
        /// What is new in a chunk.
        delta: Object<Message<'a>> = "delta",
        /// Why the model stopped.
        finish_reason: Raw<'a> = "finish_reason",
        /// Which answer, counted from 0.
        index: Raw<'a> = "index",
        /// An error that ended the answer.
        error: Raw<'a> = "error",
    }
}

fields! {
    /// An answer's message, or a piece of it.
    pub struct Message<'a> {
        /// The text, or a list of parts; may be null.
        content: Raw<'a> = "content",
        /// Why there is none.
        refusal: Raw<'a> = "refusal",
        /// Tools to be called, in place of a text.
        tool_calls: Raw<'a> = "tool_calls",
        /// What the model thinks; only that it does is of interest.
        reasoning: Raw<'a> = "reasoning_content",
    }
}

fields! {
    /// A part of a content.
    struct Part<'a> {
        kind: Raw<'a> = "type",
        text: Raw<'a> = "text",
        refusal: Raw<'a> = "refusal",
    }
}

/// The choices of a response.
#[derive(Debug, Default)]
pub struct Choices<'a> {
    /// They are a list, as they should be.
    pub is_list: bool,
    /// They are something else, or the first of the list is something else than an object.
    pub is_malformed: bool,
    /// The first choice of the one answer that was requested.
    pub first: Option<Choice<'a>>,
    /// The first choice, if it is of another answer; boxed, for it is there in no stream.
    pub other: Option<Box<Choice<'a>>>,
}

/// Choices that are no list.
const MALFORMED: Choices = Choices { is_list: false, is_malformed: true, first: None, other: None };

impl Choice<'_> {
    /// Whether it belongs to the one answer that was requested: odd values of `index` do not say
    /// otherwise.
    fn is_first(&self) -> bool {
        let index = self.index.and_then(|index| index.get().parse::<f64>().ok());
        index.is_none_or(|index| index < 1.0)
    }
}

impl<'de> Deserialize<'de> for Choices<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ChoicesVisitor)
    }
}

struct ChoicesVisitor;

impl<'de> Visitor<'de> for ChoicesVisitor {
    type Value = Choices<'de>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Choices<'de>, A::Error> {
        let mut choices = Choices { is_list: true, ..Choices::default() };
        let mut is_front = true;
        while choices.first.is_none() {
            let Some(element) = list.next_element::<Object<Choice>>()? else { return Ok(choices) };
            match element.fields() {
                Some(choice) if choice.is_first() => choices.first = Some(choice),
                Some(choice) if is_front => choices.other = Some(Box::new(choice)),
                Some(_) => {}
                None => choices.is_malformed |= is_front,
            }
            is_front = false;
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(choices)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Choices<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(MALFORMED)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Choices<'de>, E> {
        Ok(MALFORMED)
    }

    fn visit_unit<E: Error>(self) -> Result<Choices<'de>, E> {
        Ok(Choices::default())
    }

    visit_scalars!(MALFORMED);
}

impl<'a> Message<'a> {
    /// The message of a choice, or the piece of one; `None` if it is something else than an object.
    /// An empty list stands for an empty object.
    pub fn of(object: Object<Self>) -> Option<Self> {
        match object {
            Object::Fields(message) => Some(message),
            Object::Null | Object::EmptyList => Some(Self::default()),
            Object::Other => None,
        }
    }

    /// Whether the model returned tool calls.
    pub fn calls_tools(&self) -> bool {
        has_elements(self.tool_calls)
    }

    /// Whether the model thinks.
    pub fn has_reasoning(&self) -> bool {
        text(self.reasoning).is_some()
    }

    /// The text of the content, then that of a refusal; `None` if the content is neither a text nor a
    /// list of parts.
    pub fn text(&self, refusal: &mut Refusal) -> Option<Cow<'a, str>> {
        let mut all = match self.content {
            None => Cow::Borrowed(""),
            Some(content) if content.get().starts_with('[') => {
                Cow::Owned(text_of_parts(content, refusal))
            }
            content => string(content)?,
        };
        if let Some(piece) = text(self.refusal) {
            refusal.push(&piece, all.to_mut());
        }
        Some(all)
    }
}

/// The texts among the parts of a content.
fn text_of_parts(content: &RawValue, refusal: &mut Refusal) -> String {
    let mut all = String::new();
    each(Some(content), |part: &RawValue| {
        let object = serde_json::from_str(part.get()).unwrap_or_default();
        match Object::<Part>::fields(object) {
            Some(part) => match string(part.kind).as_deref() {
                None | Some("text" | "output_text") => {
                    all.push_str(&text(part.text).unwrap_or_default());
                }
                Some("refusal") => {
                    refusal.push(&text(part.refusal).unwrap_or_default(), &mut all);
                }
                Some(_) => {}
            },
            None => all.push_str(&text(Some(part)).unwrap_or_default()),
        }
        true
    });
    all
}
