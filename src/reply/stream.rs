//! The reply as server-sent events (xAI API reference, `chat.completion.chunk`).
//!
//! A stream that was cut is never a success: complete is a finish reason, and then `[DONE]` or a clean
//! end.

use std::borrow::Cow;
use std::io::Read;

use anyhow::Result;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::answer::{Answer, FinishReason, unfit};
use super::completion::ChoiceMessage;
use super::mend::mend;
use super::sse::Decoder;
use super::{Live, MAX_REPLY, Usage, refusal, too_large};
use crate::error::{Failure, from_io};

/// How much is read at a time, in bytes.
const READ_BUFFER: usize = 16 * 1024;

/// The payload that ends a stream.
const DONE: &[u8] = b"[DONE]";

/// One event's payload.
#[derive(Debug, Deserialize)]
struct Chunk<'a> {
    /// An error in the middle of the answer.
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    /// Empty in the chunk with the usage.
    choices: Option<Vec<ChunkChoice<'a>>>,
    /// Tokens and cost, in the last chunk.
    usage: Option<&'a RawValue>,
}

/// A piece of one answer.
#[derive(Debug, Deserialize)]
struct ChunkChoice<'a> {
    /// What is new. Reasoning and the role are of no interest here.
    #[serde(borrow)]
    delta: Option<ChoiceMessage<'a>>,
    /// See [`FinishReason`].
    finish_reason: Option<&'a RawValue>,
    /// Which answer, counted from 0; we request one.
    index: Option<u64>,
}

/// Reads a stream to its end and tells `live` of it as it comes.
///
/// # Errors
///
/// Status 7 where the stream was cut, 8 where it is no stream of completions or carries an error; an
/// error of `live`.
pub fn read(mut body: Box<dyn Read>, live: &mut dyn Live) -> Result<Answer> {
    let mut decoder = Decoder::default();
    let mut stream = Stream { live, answer: Told::default() };
    let mut buffer = vec![0; READ_BUFFER];
    while !stream.answer.done {
        let n = match body.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => n,
            Err(error) => {
                stream.live.caught_up()?;
                return Err(from_io(error));
            }
        };
        let told = decoder.feed(&buffer[..n], |payload| stream.take(payload));
        // Also before an error: what has arrived is shown.
        stream.live.caught_up()?;
        told?;
    }
    if !stream.answer.done {
        let told = decoder.finish(|payload| stream.take_last(payload));
        stream.live.caught_up()?;
        told?;
    }
    Ok(stream.answer.into_answer()?)
}

/// A stream being read.
struct Stream<'a> {
    live: &'a mut dyn Live,
    answer: Told,
}

/// What has been told so far.
#[derive(Default)]
struct Told {
    text: String,
    refused: bool,
    calls_tools: bool,
    finish: Option<FinishReason>,
    usage: Option<Usage>,
    /// `[DONE]` was seen: nothing that follows counts.
    done: bool,
}

impl Stream<'_> {
    fn take(&mut self, payload: &[u8]) -> Result<()> {
        // An event without data is a ping.
        if self.answer.done || payload.is_empty() {
            return Ok(());
        }
        if payload == DONE {
            self.answer.done = true;
            return Ok(());
        }
        // Checked once as a whole, which is faster than each of its strings.
        if let Ok(text) = str::from_utf8(payload)
            && let Ok(chunk) = serde_json::from_str(text)
        {
            return self.take_chunk(chunk, payload);
        }
        let mended = mend(payload).unwrap_or_default();
        match serde_json::from_str(&mended) {
            Ok(chunk) => self.take_chunk(chunk, payload),
            Err(_) => Err(not_a_chunk(payload).into()),
        }
    }

    fn take_chunk(&mut self, chunk: Chunk, payload: &[u8]) -> Result<()> {
        if let Some(usage) = chunk.usage {
            self.answer.usage = Some(Usage::of(usage));
        }
        let Some(choices) = chunk.choices.filter(|_| chunk.error.is_none()) else {
            // A ping or the like has neither; whatever has words is an error too.
            if chunk.error.is_some() || refusal::words(payload).is_some() {
                return Err(refusal::in_reply(payload).into());
            }
            return self.live.event(payload);
        };
        self.live.event(payload)?;
        for choice in choices.into_iter().filter(|choice| choice.index.unwrap_or(0) == 0) {
            self.take_choice(choice)?;
        }
        Ok(())
    }

    /// The event at which a stream ended without a blank line.
    fn take_last(&mut self, payload: &[u8]) -> Result<()> {
        // Not JSON is what a line cut in its middle looks like: the cut is what went wrong.
        if payload != DONE && serde_json::from_slice::<IgnoredAny>(payload).is_err() {
            return Err(cut().into());
        }
        self.take(payload)
    }

    fn take_choice(&mut self, choice: ChunkChoice) -> Result<()> {
        let delta = choice.delta.unwrap_or_default();
        self.answer.calls_tools |= delta.calls_tools();
        let refusal = delta.refusal.filter(|words| !words.is_empty());
        self.answer.refused |= refusal.is_some();
        for piece in
            [delta.content, refusal].into_iter().flatten().filter(|piece| !piece.is_empty())
        {
            self.answer.text.push_str(&piece);
            if self.answer.text.len() as u64 > MAX_REPLY {
                return Err(too_large().into());
            }
            self.live.text(&piece)?;
        }
        // What was cut stays cut, whatever is said after it.
        if let Some(finish) = FinishReason::of_json(choice.finish_reason)
            && matches!(self.answer.finish, None | Some(FinishReason::Complete))
        {
            self.answer.finish = Some(finish);
        }
        Ok(())
    }
}

/// An event that is not JSON, or JSON that is no chunk: its words where it is an error.
fn not_a_chunk(payload: &[u8]) -> Failure {
    if serde_json::from_slice::<Cow<str>>(payload).is_ok() {
        return refusal::in_reply(payload);
    }
    refusal::in_place_of_reply("an event of the stream is no completion", payload)
}

impl Told {
    fn into_answer(self) -> Result<Answer, Failure> {
        let Some(finish) = self.finish else { return Err(cut()) };
        let unfit = unfit(&finish, self.text.trim().is_empty(), self.refused, self.calls_tools);
        Ok(Answer { text: self.text, unfit, usage: self.usage, body: None })
    }
}

/// The stream ended without a finish reason.
fn cut() -> Failure {
    Failure::lost("the answer is cut: its stream ended without a finish reason")
}
