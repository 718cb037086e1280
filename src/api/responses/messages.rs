//! The texts of a stream's messages, in order although they may arrive side by side.

use std::collections::BTreeMap;

use crate::api::answer::Refusal;
use crate::api::failures::{MAX_RESPONSE, server_failure, too_large};
use crate::error::Failure;

/// The most messages that may be under way at once: no answer has more than a few.
const MAX_PENDING: usize = 1024;

/// The most text that may wait for earlier messages, in bytes: far over that of any answer, and bounded.
const MAX_WAITING: usize = 16 * 1024 * 1024;

/// Messages that arrive in pieces. A later message's text waits until the earlier ones are done.
#[derive(Debug, Default)]
pub struct Messages {
    /// What has been shown.
    text: String,
    /// The messages that are not done, or wait for one that is not; the first is the one being shown.
    pending: BTreeMap<u64, Pending>,
    /// The bytes that wait.
    waiting: usize,
    /// The last message of which text has been shown.
    last_shown: Option<u64>,
    refused: bool,
    is_damaged: bool,
}

#[derive(Debug, Default)]
struct Pending {
    /// What waits to be shown.
    text: String,
    refusal: Refusal,
    /// A text of it has been shown.
    is_shown: bool,
    is_done: bool,
}

impl Messages {
    /// A message begins.
    ///
    /// # Errors
    ///
    /// Status 8 if there are too many at once.
    pub fn begin(&mut self, index: u64) -> Result<(), Failure> {
        if !self.pending.contains_key(&index) {
            // Its place is before text that cannot be taken back.
            self.is_damaged |= self.last_shown.is_some_and(|last| index <= last);
            self.pending.insert(index, Pending::default());
        }
        if self.pending.len() > MAX_PENDING {
            return Err(server_failure("the response has too many messages at once"));
        }
        Ok(())
    }

    /// A piece of a message's text, or of its refusal. Returns what of it can be shown now.
    ///
    /// # Errors
    ///
    /// Status 8 if it is too much.
    pub fn push(&mut self, index: u64, piece: &str, is_refusal: bool) -> Result<String, Failure> {
        self.begin(index)?;
        if self.is_damaged {
            return Ok(String::new());
        }
        if (self.text.len() + self.waiting + piece.len()) as u64 >= MAX_RESPONSE {
            return Err(too_large());
        }
        if let Some(message) = self.pending.get_mut(&index) {
            let before = message.text.len();
            if is_refusal {
                message.refusal.push(piece, &mut message.text);
                self.refused |= message.refusal.refused;
            } else {
                message.text.push_str(piece);
            }
            self.waiting += message.text.len() - before;
        }
        let shown = self.advance();
        if self.waiting > MAX_WAITING {
            let limit = MAX_WAITING >> 20;
            return Err(server_failure(format!(
                "more than {limit} MiB of the response arrived out of order"
            )));
        }
        Ok(shown)
    }

    /// A message is done. Returns what can be shown now.
    pub fn end(&mut self, index: u64) -> String {
        if let Some(message) = self.pending.get_mut(&index) {
            message.is_done = true;
        }
        self.advance()
    }

    /// Nothing more arrives. Returns the text that has waited.
    pub fn end_all(&mut self) -> String {
        for message in self.pending.values_mut() {
            message.is_done = true;
        }
        self.advance()
    }

    /// A piece of text could not be read.
    pub fn mark_damaged(&mut self) {
        self.is_damaged = true;
    }

    /// Whether the text is not what the model said: a piece is missing, or in another's place.
    pub fn is_damaged(&self) -> bool {
        self.is_damaged
    }

    /// What has been shown.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether any text has arrived.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty() && self.waiting == 0
    }

    /// Whether one of the messages is a refusal.
    pub fn refused(&self) -> bool {
        self.refused
    }

    /// Takes what need not wait any longer. With a piece missing, nothing more is shown: the end of the stream may
    /// have all of it.
    fn advance(&mut self) -> String {
        let mut shown = String::new();
        if self.is_damaged {
            return shown;
        }
        while let Some(mut first) = self.pending.first_entry() {
            let index = *first.key();
            let message = first.get_mut();
            if !message.text.is_empty() {
                if !message.is_shown && (!self.text.is_empty() || !shown.is_empty()) {
                    shown.push('\n');
                }
                message.is_shown = true;
                self.last_shown = Some(index);
                self.waiting -= message.text.len();
                shown.push_str(&message.text);
                message.text.clear();
            }
            if !message.is_done {
                break;
            }
            first.remove();
        }
        self.text.push_str(&shown);
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_message_waits_for_the_earlier_ones() {
        let mut messages = Messages::default();
        let mut push =
            |index, piece: &str| messages.push(index, piece, false).expect("it is small");
        assert_eq!(push(1, "a"), "a");
        assert_eq!(push(4, "x"), "");
        assert_eq!(push(3, "m"), "");
        assert_eq!(push(1, "b"), "b");
        assert_eq!(messages.end(4), "");
        assert_eq!(messages.end(1), "\nm");
        assert_eq!(messages.end(3), "\nx");
        assert_eq!(messages.end_all(), "");
        assert_eq!(messages.text(), "ab\nm\nx");
    }

    #[test]
    fn a_message_without_text_adds_nothing_and_is_waited_for() {
        let mut messages = Messages::default();
        messages.begin(0).expect("it is the first");
        assert_eq!(messages.push(2, "b", false).expect("it is small"), "");
        assert!(!messages.is_empty());
        assert_eq!(messages.end(0), "b");
        messages.begin(3).expect("it is the second");
        assert_eq!(messages.push(5, "c", false).expect("it is small"), "");
        assert_eq!(messages.end_all(), "\nc");
        assert_eq!(messages.text(), "b\nc");
    }

    #[test]
    fn text_for_a_message_that_has_ended_is_damage() {
        for (shown, late, is_damaged) in [(1, 2, false), (1, 0, true), (1, 1, true)] {
            let mut messages = Messages::default();
            messages.push(shown, "a", false).expect("it is small");
            messages.end(shown);
            assert!(!messages.is_damaged());
            messages.push(late, "b", false).expect("it is small");
            assert_eq!(messages.is_damaged(), is_damaged, "{shown} {late}");
        }
        let mut messages = Messages::default();
        messages.push(4, "a", false).expect("it is small");
        messages.push(4, "b", false).expect("it is small");
        messages.begin(7).expect("it is the second");
        assert!(!messages.is_damaged());
        messages.begin(2).expect("it is the third");
        assert!(messages.is_damaged());
    }

    #[test]
    fn the_message_of_a_refusal_is_text() {
        let mut messages = Messages::default();
        assert_eq!(messages.push(0, " ", true).expect("it is small"), "");
        assert!(!messages.refused());
        assert_eq!(messages.push(0, "No", true).expect("it is small"), " No");
        assert!(messages.refused());
    }

    #[test]
    fn endless_text_and_endless_messages_are_not_kept() {
        let mut messages = Messages::default();
        let piece = "x".repeat(1 << 20);
        let pushed = (0..65).take_while(|_| messages.push(1, &piece, false).is_ok());
        assert_eq!(pushed.count(), 63);
        let mut messages = Messages::default();
        assert_eq!(messages.push(0, "shown", false).expect("it is small"), "shown");
        let waiting = (0..65).take_while(|n| messages.push(1 + n % 2, &piece, false).is_ok());
        assert_eq!(waiting.count(), 16);
        let error = messages.push(1, "", false).expect_err("it is too much");
        assert_eq!(error.to_string(), "more than 16 MiB of the response arrived out of order");
        let mut messages = Messages::default();
        assert_eq!((0..2000).take_while(|n| messages.begin(*n).is_ok()).count(), MAX_PENDING);
    }
}
