//! A chat completion as server-sent events.
//!
//! A stream that was cut is never a success: complete is a finish reason, and nothing that follows it
//! undoes that.

use anyhow::Result;

use super::wire::{Choice, Completion, Message};
use crate::api::answer::{Answer, FinishReason, Refusal, Signals, check};
use crate::api::citations::Citations;
use crate::api::events::Event;
use crate::api::failures::{MAX_RESPONSE, too_large};
use crate::api::lenient::{is_error, short_string, text};
use crate::api::stream::{StreamState, Taken, read_payload};
use crate::api::{StreamSink, Usage, error_body};

/// What has arrived so far.
#[derive(Debug, Default)]
pub struct Stream {
    text: String,
    refusal: Refusal,
    calls_tools: bool,
    finish: Option<FinishReason>,
    finish_reason: Option<String>,
    usage: Option<Usage>,
    model: Option<String>,
    citations: Citations,
    /// What was said beside no choices at all.
    aside: Option<String>,
}

impl StreamState for Stream {
    fn foreign_event(&self) -> &'static str {
        "an event of the stream is not a completion"
    }

    fn cut(&self) -> &'static str {
        "incomplete response: the stream ended without a finish reason"
    }

    fn on_json(
        &mut self,
        json: &str,
        event: Event,
        sink: &mut dyn StreamSink,
    ) -> Result<Result<Taken>, serde_json::Error> {
        read_payload(json, event, sink, |fields, sink| self.on_fields(fields, event, sink))
    }

    fn has_text(&self) -> bool {
        !self.text.is_empty()
    }

    fn is_complete(&self) -> bool {
        self.finish.is_some()
    }

    fn take_aside(&mut self) -> Option<String> {
        self.aside.take()
    }

    fn into_answer(self: Box<Self>) -> Option<Answer> {
        let finish = self.finish?;
        let is_blank = self.text.trim().is_empty();
        let Refusal { refused, .. } = self.refusal;
        let signals = Signals { is_blank, refused, calls_tools: self.calls_tools };
        Some(Answer {
            text: self.text,
            unusable: check(&finish, &signals),
            searched: self.usage.as_ref().is_some_and(Usage::has_searches),
            usage: self.usage,
            model: self.model,
            finish_reason: self.finish_reason,
            citations: self.citations.into_list(),
            ..Answer::default()
        })
    }
}

impl Stream {
    /// Takes what an event says.
    fn on_fields(
        &mut self,
        chunk: Completion,
        event: Event,
        sink: &mut dyn StreamSink,
    ) -> Result<Taken> {
        let Completion { error, choices, usage, model, citations, message } = chunk;
        if is_error(error) {
            return Err(error_body::api_error(event.data).into());
        }
        if let Some(error) = choices.first.as_ref().and_then(|choice| choice.error)
            && is_error(Some(error))
        {
            return Err(error_body::api_error_in(Some(error)).into());
        }
        if let Some(usage) = usage {
            self.usage = Some(Usage::read(usage));
        }
        if self.model.is_none() {
            self.model = short_string(model);
        }
        self.citations.add_urls(citations);
        if choices.is_malformed {
            return Ok(Taken::No);
        }
        if !choices.is_list {
            // A ping or the like has no choices; whatever has a message is an error too.
            if !event.is_named() && error_body::detail(event.data).is_some() {
                return Err(error_body::api_error(event.data).into());
            }
            sink.event(event.data)?;
            return Ok(Taken::Yes);
        }
        if text(message).is_some() && choices.first.is_none() {
            self.aside = error_body::detail(event.data);
        }
        match choices.first {
            Some(choice) => self.on_choice(choice, event, sink),
            None => sink.event(event.data).map(|()| Taken::Yes),
        }
    }

    fn on_choice(
        &mut self,
        choice: Choice,
        event: Event,
        sink: &mut dyn StreamSink,
    ) -> Result<Taken> {
        let Some(delta) = Message::of(choice.delta) else { return Ok(Taken::No) };
        let Some(piece) = delta.text(&mut self.refusal) else { return Ok(Taken::No) };
        sink.event(event.data)?;
        self.calls_tools |= delta.calls_tools();
        if !piece.is_empty() {
            if (self.text.len() + piece.len()) as u64 > MAX_RESPONSE {
                return Err(too_large().into());
            }
            self.text.push_str(&piece);
            sink.text(&piece)?;
        } else if delta.has_reasoning() {
            sink.thinking();
        }
        // What was cut stays cut, whatever is said after it.
        if let Some(finish) = FinishReason::of_chat(choice.finish_reason)
            && matches!(self.finish, None | Some(FinishReason::Complete))
        {
            self.finish = Some(finish);
            self.finish_reason = short_string(choice.finish_reason);
        }
        Ok(Taken::Yes)
    }
}
