//! What is read of a response and of its events (xAI API reference, `response` and streaming events).

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::api::answer::{FinishReason, Refusal};
use crate::api::citations::Citations;
use crate::api::error_body;
use crate::api::failures::server_failure;
use crate::api::lenient::{Object, Raw, each, fields, is_error, short_string, string, text};
use crate::error::Failure;

fields! {
    /// A response.
    pub struct Envelope<'a> {
        /// An error in place of an answer, also with status 200.
        error: Raw<'a> = "error",
        /// The items: messages, reasoning, calls of tools.
        output: Raw<'a> = "output",
        /// Tokens and cost.
        usage: Raw<'a> = "usage",
        /// The model that answers.
        model: Raw<'a> = "model",
        /// How far the answer has come.
        status: Raw<'a> = "status",
        /// Why it is not complete.
        incomplete_details: Raw<'a> = "incomplete_details",
        /// Addresses, where a server lists them here too.
        citations: Raw<'a> = "citations",
    }
}

fields! {
    struct IncompleteDetails<'a> {
        reason: Raw<'a> = "reason",
    }
}

fields! {
    /// An event of a stream.
    pub struct StreamEvent<'a> {
        /// What it is; the event's name only repeats it.
        kind: Raw<'a> = "type",
        /// An error.
        error: Raw<'a> = "error",
        /// Its words.
        message: Raw<'a> = "message",
        /// A piece of a text.
        delta: Raw<'a> = "delta",
        /// Which item it belongs to.
        output_index: Raw<'a> = "output_index",
        /// An item that begins or is done.
        item: Object<Item<'a>> = "item",
        /// An address that the text cites.
        annotation: Raw<'a> = "annotation",
        /// The response as it is by now.
        response: Object<Envelope<'a>> = "response",
    }
}

fields! {
    /// An item of the output.
    pub struct Item<'a> {
        /// What it is.
        kind: Raw<'a> = "type",
        /// Whose message it is.
        role: Raw<'a> = "role",
        /// Whether it is done.
        status: Raw<'a> = "status",
        /// The parts of a message.
        content: Raw<'a> = "content",
        /// Which tool is called.
        name: Raw<'a> = "name",
    }
}

fields! {
    /// A part of a message.
    struct Part<'a> {
        kind: Raw<'a> = "type",
        text: Raw<'a> = "text",
        refusal: Raw<'a> = "refusal",
        annotations: Raw<'a> = "annotations",
    }
}

impl Envelope<'_> {
    /// Why the model stopped. Without a status it is `implied` by what carries the response.
    ///
    /// # Errors
    ///
    /// Status 8 for an error, and for a response that is not done.
    pub fn finish(&self, implied: FinishReason) -> Result<FinishReason, Failure> {
        if is_error(self.error) {
            return Err(error_body::api_error_in(self.error));
        }
        let status = match string(self.status) {
            Some(status) => status,
            None => self.status.map_or_else(Default::default, |status| status.get().into()),
        };
        match &*status {
            "failed" => return Err(server_failure("server error")),
            "in_progress" | "queued" if self.incomplete_details.is_none() => {
                let why = server_failure("the response is not complete");
                return Err(why.detail(Some(status.into_owned())));
            }
            _ => {}
        }
        if let Some(why) = self.incomplete() {
            return Ok(why);
        }
        Ok(match (&*status, implied) {
            // An event that says so is believed, whatever stands in it.
            (_, FinishReason::Incomplete(reason)) => FinishReason::Incomplete(reason),
            ("completed", _) => FinishReason::Complete,
            ("", implied) => implied,
            _ => FinishReason::Other(error_body::clip(status.into_owned())),
        })
    }

    /// Why the answer is not complete; `None` if nothing says so.
    pub fn incomplete(&self) -> Option<FinishReason> {
        let is_incomplete = string(self.status).as_deref() == Some("incomplete");
        if !is_incomplete && self.incomplete_details.is_none() {
            return None;
        }
        let details: Object<IncompleteDetails> = self
            .incomplete_details
            .and_then(|details| serde_json::from_str(details.get()).ok())
            .unwrap_or_default();
        let reason = text(details.fields().unwrap_or_default().reason);
        Some(match reason.as_deref() {
            Some("max_output_tokens") => FinishReason::Length,
            Some("content_filter") => FinishReason::ContentFilter,
            _ => {
                FinishReason::Incomplete(reason.map(|reason| error_body::clip(reason.into_owned())))
            }
        })
    }

    /// Why it is not complete, or else its status, in the API's words.
    pub fn finish_reason(&self) -> Option<String> {
        let details = self.incomplete_details.map_or("null", RawValue::get);
        let details: Object<IncompleteDetails> = serde_json::from_str(details).unwrap_or_default();
        let reason = details.fields().unwrap_or_default().reason;
        short_string(reason.or(self.status))
    }
}

/// What the items of an output amount to.
#[derive(Debug, Default)]
pub struct Output {
    /// There are items at all.
    pub has_items: bool,
    /// The texts of its messages, joined.
    pub text: String,
    /// What its items say beside text.
    pub signs: Signs,
    /// The addresses that its texts cite.
    pub citations: Citations,
}

/// What items say beside text.
#[derive(Debug, Default, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Signs {
    /// The model refused.
    pub refused: bool,
    /// The model returned a tool call that the client must answer.
    pub calls_tools: bool,
    /// The model searched on the server.
    pub searched: bool,
    /// A message was not finished.
    pub is_unfinished: bool,
}

impl Signs {
    /// Takes what one item says, once it is done.
    pub fn add(&mut self, item: &Item) {
        let failed = string(item.status).as_deref() == Some("failed");
        match string(item.kind).as_deref() {
            Some("function_call" | "shell_call") => self.calls_tools = true,
            Some("web_search_call" | "x_search_call") => self.searched |= !failed,
            // How searches of X arrive; other tools of this kind are done too.
            Some("custom_tool_call") => {
                let is_search = string(item.name)
                    .is_some_and(|name| name.starts_with("x_") || name.starts_with("view_x_"));
                self.searched |= is_search && !failed;
            }
            Some("message") => {
                self.is_unfinished |= string(item.status).as_deref() == Some("incomplete");
            }
            _ => {}
        }
    }

    /// Both together.
    pub fn or(self, other: Self) -> Self {
        Self {
            refused: self.refused || other.refused,
            calls_tools: self.calls_tools || other.calls_tools,
            searched: self.searched || other.searched,
            is_unfinished: self.is_unfinished || other.is_unfinished,
        }
    }
}

impl Item<'_> {
    /// Whether it is a message of the model.
    pub fn is_answer(&self) -> bool {
        string(self.kind).as_deref() == Some("message")
            && string(self.role).is_none_or(|role| role == "assistant")
    }
}

impl Output {
    /// What a list of items amounts to; `None` of anything else.
    pub fn read(list: Raw) -> Option<Self> {
        let mut output = Self::default();
        let is_list = each(list, |item: Object<Item>| {
            output.has_items = true;
            if let Some(item) = item.fields() {
                output.signs.add(&item);
                if item.is_answer() {
                    output.add_message(item.content);
                }
            }
            true
        });
        is_list.then_some(output)
    }

    /// Adds the texts of a message, with a line feed before them where there is text already.
    fn add_message(&mut self, content: Raw) {
        let before = self.text.len();
        let mut refusal = Refusal::default();
        self.add_text(before, text(content));
        each(content, |part: Object<Part>| {
            let Some(Part { kind, text: words, refusal: refused, annotations }) = part.fields()
            else {
                return true;
            };
            match string(kind).as_deref() {
                Some("output_text" | "text") => {
                    self.add_text(before, text(words));
                    self.citations.add_annotations(annotations);
                }
                Some("refusal") => {
                    let mut words = String::new();
                    refusal.push(&text(refused).unwrap_or_default(), &mut words);
                    self.add_text(before, Some(words.into()));
                }
                _ => {}
            }
            true
        });
        self.signs.refused |= refusal.refused;
    }

    /// Adds a piece of the message that begins at `before`.
    fn add_text(&mut self, before: usize, piece: Option<Cow<str>>) {
        let Some(piece) = piece.filter(|piece| !piece.is_empty()) else { return };
        if self.text.is_empty() {
            // Taken over, and not copied: it can be as large as the response.
            self.text = piece.into_owned();
            return;
        }
        if self.text.len() == before {
            self.text.push('\n');
        }
        self.text.push_str(&piece);
    }
}
