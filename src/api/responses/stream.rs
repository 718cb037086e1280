//! A response as server-sent events.
//!
//! Complete is what a terminal event says, and a stream without one was cut.

use std::mem;

use anyhow::Result;

use super::messages::Messages;
use super::response::answer;
use super::wire::{Envelope, Item, Output, Signs, StreamEvent};
use crate::api::answer::{Answer, FinishReason};
use crate::api::citations::Citations;
use crate::api::events::Event;
use crate::api::lenient::{Raw, count, is_error, string, text};
use crate::api::stream::{StreamState, Taken, read_payload};
use crate::api::{StreamSink, error_body};
use crate::error::Failure;

/// A piece of an answer's text.
const TEXT_DELTA: &str = "response.output_text.delta";

/// A piece of the words of a refusal.
const REFUSAL_DELTA: &str = "response.refusal.delta";

/// What has arrived so far.
#[derive(Debug, Default)]
pub struct Stream {
    messages: Messages,
    signs: Signs,
    citations: Citations,
    /// Where the last piece of text belonged, for one that does not say it.
    last_index: u64,
    /// What an event said before the last one.
    incomplete: Option<FinishReason>,
    /// What the terminal event amounts to.
    answer: Option<Answer>,
}

impl StreamState for Stream {
    fn foreign_event(&self) -> &'static str {
        "an event of the stream is not from the Responses API"
    }

    fn cut(&self) -> &'static str {
        "incomplete response: the stream ended without a terminal event"
    }

    fn on_json(
        &mut self,
        json: &str,
        event: Event,
        sink: &mut dyn StreamSink,
    ) -> Result<Result<Taken>, serde_json::Error> {
        read_payload(json, event, sink, |fields, sink| self.on_fields(fields, event, sink))
    }

    fn on_unreadable(&mut self, event: Event) {
        if [TEXT_DELTA.as_bytes(), REFUSAL_DELTA.as_bytes()].contains(&event.name) {
            self.messages.mark_damaged();
        }
    }

    fn has_text(&self) -> bool {
        !self.messages.is_empty()
    }

    fn is_complete(&self) -> bool {
        self.answer.is_some()
    }

    fn is_final(&self) -> bool {
        self.answer.is_some()
    }

    fn into_answer(self: Box<Self>) -> Option<Answer> {
        self.answer
    }
}

impl Stream {
    /// Takes what an event says.
    fn on_fields(
        &mut self,
        fields: StreamEvent,
        event: Event,
        sink: &mut dyn StreamSink,
    ) -> Result<Taken> {
        let StreamEvent { kind, error, message, delta, output_index, item, annotation, response } =
            fields;
        let kind = string(kind).unwrap_or_else(|| String::from_utf8_lossy(own_name(event)));
        // Without a type, a message is an error too, unless the event's name says otherwise.
        let is_message = kind.is_empty() && text(message).is_some() && !event.is_named();
        if kind == "error" || is_error(error) || is_message {
            return Err(error_body::api_error(event.data).into());
        }
        let response = response.fields();
        if kind == "response.failed" {
            let error = response.as_ref().and_then(|response| response.error);
            return Err(failed(error, event.data).into());
        }
        if let Some(implied) = finish_of_event(&kind) {
            return self.on_end(&response.unwrap_or_default(), implied, event, sink);
        }
        if let Some(response) = response {
            self.on_response(&response, event)?;
        }
        sink.event(event.data)?;
        let index = count(output_index).unwrap_or(self.last_index);
        let item = item.fields().unwrap_or_default();
        let shown = match &*kind {
            TEXT_DELTA | REFUSAL_DELTA => self.on_delta(delta, index, kind == REFUSAL_DELTA)?,
            "response.output_item.added" => {
                self.on_item_begun(&item, index, sink)?;
                String::new()
            }
            "response.output_item.done" => self.on_item_done(&item, index),
            "response.output_text.annotation.added" => {
                self.citations.add_annotation(annotation);
                String::new()
            }
            "response.reasoning_text.delta" | "response.reasoning_summary_text.delta" => {
                sink.thinking();
                String::new()
            }
            _ => String::new(),
        };
        show(&shown, sink)?;
        Ok(Taken::Yes)
    }

    /// A piece of a text. Returns what can be shown now.
    fn on_delta(&mut self, delta: Raw, index: u64, is_refusal: bool) -> Result<String, Failure> {
        self.last_index = index;
        let piece = string(delta);
        if delta.is_some() && piece.is_none() {
            self.messages.mark_damaged();
        }
        self.messages.push(index, &piece.unwrap_or_default(), is_refusal)
    }

    /// An item begins. Nothing can be shown yet.
    fn on_item_begun(
        &mut self,
        item: &Item,
        index: u64,
        sink: &mut dyn StreamSink,
    ) -> Result<(), Failure> {
        if string(item.kind).as_deref() == Some("reasoning") {
            sink.thinking();
        }
        if item.is_answer() {
            self.messages.begin(index)?;
        }
        // An item that has begun is not finished, but a call without a result counts as a call.
        let mut begun = Signs::default();
        begun.add(item);
        self.signs.calls_tools |= begun.calls_tools;
        Ok(())
    }

    /// An item is done. Returns what can be shown now.
    fn on_item_done(&mut self, item: &Item, index: u64) -> String {
        self.signs.add(item);
        if item.is_answer() { self.messages.end(index) } else { String::new() }
    }

    /// The response as an event before the last one shows it.
    fn on_response(&mut self, response: &Envelope, event: Event) -> Result<(), Failure> {
        let has_failed = string(response.status).as_deref() == Some("failed");
        if has_failed || is_error(response.error) {
            return Err(failed(response.error, event.data));
        }
        self.incomplete = self.incomplete.take().or_else(|| response.incomplete());
        Ok(())
    }

    /// The terminal event: its output is what counts, if it has any.
    fn on_end(
        &mut self,
        response: &Envelope,
        implied: FinishReason,
        event: Event,
        sink: &mut dyn StreamSink,
    ) -> Result<Taken> {
        let finish = response.finish(implied)?;
        let finish = match (finish, self.incomplete.take()) {
            (FinishReason::Complete, Some(incomplete)) => incomplete,
            (finish, _) => finish,
        };
        let mut output = Output::read(response.output).unwrap_or_default();
        output.signs = output.signs.or(self.signs);
        output.signs.refused |= self.messages.refused();
        output.citations.add_all_if_empty(mem::take(&mut self.citations));
        sink.event(event.data)?;
        // What arrived in pieces is not lost to an end that has none of it.
        if output.has_items && (!output.text.is_empty() || self.messages.is_empty()) {
            self.show_rest(&output.text, sink)?;
        } else {
            if self.messages.is_damaged() {
                return Err(Failure::incomplete("a part of the answer cannot be read").into());
            }
            let rest = self.messages.end_all();
            show(&rest, sink)?;
            self.messages.text().clone_into(&mut output.text);
        }
        self.answer = Some(answer(response, finish, output)?);
        Ok(Taken::Yes)
    }

    /// Shows what is missing of the whole text.
    fn show_rest(&self, whole: &str, sink: &mut dyn StreamSink) -> Result<()> {
        match whole.strip_prefix(self.messages.text()) {
            Some(rest) => show(rest, sink),
            // The pieces were not the model's text, but they were not shown.
            None if sink.take_back_text() => show(whole, sink),
            None => {
                let what = "the final event does not match the text that was printed";
                Err(Failure::incomplete(what).into())
            }
        }
    }
}

/// The name of an event, if it is one of this API: it only repeats the type, which may be missing.
fn own_name(event: Event<'_>) -> &[u8] {
    if event.name.starts_with(b"response.") { event.name } else { b"" }
}

/// Why the model stopped, by the name of a terminal event that does not say it itself.
fn finish_of_event(kind: &str) -> Option<FinishReason> {
    match kind {
        "response.completed" | "response.done" => Some(FinishReason::Complete),
        "response.incomplete" => Some(FinishReason::Incomplete(None)),
        "response.cancelled" => Some(FinishReason::Other("cancelled".to_owned())),
        _ => None,
    }
}

/// The failure of a response: its own error, or whatever else the event says.
fn failed(error: Raw, payload: &[u8]) -> Failure {
    if is_error(error) { error_body::api_error_in(error) } else { error_body::api_error(payload) }
}

fn show(text: &str, sink: &mut dyn StreamSink) -> Result<()> {
    if text.is_empty() { Ok(()) } else { sink.text(text) }
}
