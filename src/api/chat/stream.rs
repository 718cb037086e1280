//! A chat completion as server-sent events.
//!
//! A stream that was cut is never a success: complete is a finish reason, and nothing that follows it
//! undoes that.

use anyhow::Result;

use super::wire::{Choice, Completion, Message};
use crate::api::answer::{Answer, FinishReason, Refusal, Signals, check};
use crate::api::citations::Citations;
use crate::api::events::Event;
use crate::api::lenient::{self, Object, is_error, short_string, text};
use crate::api::read::{MAX_RESPONSE, too_large};
use crate::api::stream::{DONE, StreamState, cut};
use crate::api::{StreamSink, Usage, error_body};
use crate::error::{Failure, Retry};

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
    /// An event arrived: it is a stream.
    began: bool,
    /// What was said beside no choices at all.
    aside: Option<String>,
    /// `[DONE]` was seen: nothing that follows counts.
    done: bool,
}

impl StreamState for Stream {
    fn on_event(&mut self, event: Event, sink: &mut dyn StreamSink) -> Result<()> {
        let payload = event.data;
        if payload.trim_ascii() == DONE {
            self.done = true;
            return Ok(());
        }
        self.began = true;
        if event.is_error() {
            return Err(self.error(error_body::api_error(payload)).into());
        }
        if payload.trim_ascii().is_empty() {
            return Ok(());
        }
        let read = lenient::parse(payload, |json| {
            let object: Object<Completion> = serde_json::from_str(json)?;
            Ok(match object {
                Object::Fields(chunk) => self.on_chunk(chunk, event, sink),
                Object::Null => sink.event(payload),
                Object::EmptyList | Object::Other => self.on_other(event, sink),
            })
        });
        read.unwrap_or_else(|_| self.on_other(event, sink))
    }

    fn is_done(&self) -> bool {
        self.done
    }

    fn is_complete(&self) -> bool {
        self.finish.is_some()
    }

    fn into_answer(self, stray: &[u8], _: &mut dyn StreamSink) -> Result<Answer> {
        let Some(finish) = &self.finish else {
            let what = "incomplete response: the stream ended without a finish reason";
            return Err(cut(what, stray, self.began, self.aside).into());
        };
        let is_blank = self.text.trim().is_empty();
        let Refusal { refused, .. } = self.refusal;
        let unusable = check(finish, &Signals { is_blank, refused, calls_tools: self.calls_tools });
        Ok(Answer {
            text: self.text,
            unusable,
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
    fn on_chunk(
        &mut self,
        chunk: Completion,
        event: Event,
        sink: &mut dyn StreamSink,
    ) -> Result<()> {
        let Completion { error, choices, usage, model, citations, message } = chunk;
        if is_error(error) {
            return Err(self.error(error_body::api_error(event.data)).into());
        }
        if let Some(error) = choices.first.as_ref().and_then(|choice| choice.error)
            && is_error(Some(error))
        {
            return Err(self.error(error_body::api_error_in(Some(error))).into());
        }
        if let Some(usage) = usage {
            self.usage = Some(Usage::of_chat(usage));
        }
        if self.model.is_none() {
            self.model = short_string(model);
        }
        self.citations.add_urls(citations);
        if choices.is_malformed {
            return self.on_other(event, sink);
        }
        if !choices.is_list {
            // A ping or the like has no choices; whatever has a message is an error too.
            if !event.is_named() && error_body::detail(event.data).is_some() {
                return Err(self.error(error_body::api_error(event.data)).into());
            }
            return sink.event(event.data);
        }
        if text(message).is_some() && choices.first.is_none() {
            self.aside = error_body::detail(event.data);
        }
        match choices.first {
            Some(choice) => self.on_choice(choice, event, sink),
            None => sink.event(event.data),
        }
    }

    fn on_choice(&mut self, choice: Choice, event: Event, sink: &mut dyn StreamSink) -> Result<()> {
        let Some(delta) = Message::of(choice.delta) else { return self.on_other(event, sink) };
        let Some(piece) = delta.text(&mut self.refusal) else { return self.on_other(event, sink) };
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
        Ok(())
    }

    /// An event that is no chunk: of no interest if its name says so, else an error.
    fn on_other(&self, event: Event, sink: &mut dyn StreamSink) -> Result<()> {
        let payload = event.data;
        if event.is_named() {
            return sink.event(payload);
        }
        let failure = match payload.trim_ascii().first() {
            Some(b'"') => error_body::api_error(payload),
            _ => error_body::not_an_answer("an event of the stream is not a completion", payload),
        };
        Err(self.error(failure).into())
    }

    /// An error after a piece of the answer may have been billed, and is never retried.
    fn error(&self, failure: Failure) -> Failure {
        if self.text.is_empty() { failure } else { failure.retry(Retry::Never) }
    }
}
