//! Server-sent events: bytes in any pieces become payloads (WHATWG HTML, 9.2.6).
//!
//! Pure: it decides, it reads nothing. It differs from a browser in one thing: the last event counts
//! without its blank line, because a clean end has then been seen.

use std::mem;
use std::ops::ControlFlow;

use memchr::arch::all::memchr::{One, Two};

use super::failures::server_failure;
use super::lenient::BOM;
use crate::error::Failure;

/// The largest event, in bytes: a bound on memory.
const MAX_EVENT: usize = 16 * 1024 * 1024;

/// How much of the lines that are no fields is kept, in bytes: over what is shown of an error.
const MAX_STRAY: usize = 64 * 1024;

/// The names of the fields that lines begin with.
const FIELDS: [&[u8]; 4] = [b"data", b"event", b"id", b"retry"];

/// An event as received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<'a> {
    /// Its name (`event:`), empty if it has none.
    pub name: &'a [u8],
    /// Its payload (`data:`).
    pub data: &'a [u8],
}

impl Event<'_> {
    /// Whether it reports an error, whatever its payload is.
    pub fn is_error(&self) -> bool {
        self.name == b"error"
    }

    /// Whether it has a name that says nothing about an answer.
    pub fn is_named(&self) -> bool {
        !matches!(self.name, b"" | b"message" | b"error")
    }
}

/// Where a line ends. Not by the fastest search of that crate: it asks the processor first what it can do,
/// which takes longer than the first event. But every `x86_64` has SSE2.
fn line_end(bytes: &[u8]) -> Option<usize> {
    #[cfg(target_arch = "x86_64")]
    if let Some(ends) = memchr::arch::x86_64::sse2::memchr::Two::new(b'\n', b'\r') {
        return ends.find(bytes);
    }
    Two::new(b'\n', b'\r').find(bytes)
}

/// A stream of events, fed as it arrives.
#[derive(Debug, Default)]
pub struct Decoder {
    /// The line that has begun; complete lines are not copied here.
    line: Vec<u8>,
    /// The `data` of the event that has begun, each line with a line feed behind it.
    data: Vec<u8>,
    /// The name of the event that has begun.
    name: Vec<u8>,
    /// Lines that are no fields: what a gateway writes into a stream that it cannot go on with.
    stray: Vec<u8>,
    /// The last byte was a CR: a LF that follows belongs to it.
    after_cr: bool,
    /// The beginning, where a byte order mark may stand, is over.
    begun: bool,
}

impl Decoder {
    /// Takes the next bytes and hands over every event that ends in them, until `on_event` breaks off:
    /// nothing that follows is looked at then.
    ///
    /// # Errors
    ///
    /// An event over the limit, or an error of `on_event`.
    pub fn feed<E: From<Failure>>(
        &mut self,
        mut bytes: &[u8],
        mut on_event: impl FnMut(Event) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        while let Some(&first) = bytes.first() {
            if mem::take(&mut self.after_cr) && first == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let Some(end) = line_end(bytes) else {
                self.check_size(bytes.len())?;
                self.line.extend_from_slice(bytes);
                return Ok(());
            };
            self.after_cr = bytes[end] == b'\r';
            self.check_size(end)?;
            if self.line.is_empty() {
                let line = &bytes[..end];
                if let Some(data) = self.whole_event(line, &bytes[end..]) {
                    let handled = on_event(Event { name: &self.name, data });
                    self.name.clear();
                    if handled?.is_break() {
                        return Ok(());
                    }
                    bytes = &bytes[end + 2..];
                    continue;
                }
                if self.take_line(line, &mut on_event)?.is_break() {
                    return Ok(());
                }
            } else {
                let mut line = mem::take(&mut self.line);
                line.extend_from_slice(&bytes[..end]);
                let flow = self.take_line(&line, &mut on_event)?;
                if flow.is_break() {
                    return Ok(());
                }
                line.clear();
                self.line = line;
            }
            bytes = &bytes[end + 1..];
        }
        Ok(())
    }

    /// The stream ended cleanly: hands over the event that was not closed by a blank line.
    ///
    /// # Errors
    ///
    /// An error of `on_event`.
    pub fn finish<E>(
        &mut self,
        mut on_event: impl FnMut(Event) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        let line = mem::take(&mut self.line);
        // A line that was cut in the name of its field is nothing that somebody wrote.
        if !FIELDS.iter().any(|field| field.starts_with(&line)) {
            let _ = self.take_line(&line, &mut on_event)?;
        }
        self.take_line(b"", &mut on_event).map(drop)
    }

    /// The beginning of the lines that were no fields.
    pub fn stray(&self) -> &[u8] {
        &self.stray
    }

    /// The payload of an event of one line, if its end has arrived too: then it need not be copied.
    fn whole_event<'a>(&mut self, line: &'a [u8], rest: &[u8]) -> Option<&'a [u8]> {
        let data = line.strip_prefix(b"data:")?;
        let is_whole = self.data.is_empty() && rest.starts_with(b"\n\n");
        is_whole.then(|| {
            self.begun = true;
            data.strip_prefix(b" ").unwrap_or(data)
        })
    }

    fn take_line<E>(
        &mut self,
        mut line: &[u8],
        on_event: &mut impl FnMut(Event) -> Result<ControlFlow<()>, E>,
    ) -> Result<ControlFlow<()>, E> {
        if !mem::replace(&mut self.begun, true) {
            line = line.strip_prefix(BOM).unwrap_or(line);
        }
        if line.is_empty() {
            return self.end_event(on_event);
        }
        let (field, value) = match One::new(b':').find(line) {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &b""[..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => {
                self.data.extend_from_slice(value);
                self.data.push(b'\n');
            }
            b"event" => {
                self.name.clear();
                self.name.extend_from_slice(value.trim_ascii());
            }
            // Comments have an empty name.
            b"id" | b"retry" | b"" => {}
            _ => {
                let room = MAX_STRAY.saturating_sub(self.stray.len());
                if room > 0 {
                    self.stray.extend_from_slice(&line[..line.len().min(room)]);
                    self.stray.push(b'\n');
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn end_event<E>(
        &mut self,
        on_event: &mut impl FnMut(Event) -> Result<ControlFlow<()>, E>,
    ) -> Result<ControlFlow<()>, E> {
        let event =
            Event { name: &self.name, data: self.data.split_last().map_or(b"", |(_, data)| data) };
        // Without a payload it is none, unless its name alone says enough.
        let handled = if self.data.is_empty() && !event.is_error() {
            Ok(ControlFlow::Continue(()))
        } else {
            on_event(event)
        };
        self.data.clear();
        self.name.clear();
        handled
    }

    fn check_size(&self, more: usize) -> Result<(), Failure> {
        if self.data.len() + self.name.len() + self.line.len() + more > MAX_EVENT {
            return Err(server_failure(format!(
                "an event of the stream is larger than {} MiB",
                MAX_EVENT >> 20
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(pieces: &[&[u8]]) -> Vec<String> {
        let mut decoder = Decoder::default();
        let mut events = Vec::new();
        let mut keep = |event: Event| -> Result<ControlFlow<()>, Failure> {
            let name = String::from_utf8_lossy(event.name);
            let sign = if name.is_empty() { "" } else { "=" };
            events.push(format!("{name}{sign}{}", String::from_utf8_lossy(event.data)));
            Ok(ControlFlow::Continue(()))
        };
        for piece in pieces {
            decoder.feed(piece, &mut keep).expect("no event is too large");
        }
        decoder.finish(&mut keep).expect("keeping cannot fail");
        events
    }

    #[expect(clippy::unnecessary_wraps, reason = "what a decoder takes")]
    fn pass_over(_: Event) -> Result<ControlFlow<()>, Failure> {
        Ok(ControlFlow::Continue(()))
    }

    #[test]
    fn events_are_framed_as_a_browser_frames_them() {
        for (stream, expected) in [
            ("data: a\n\ndata: b\n\n", &["a", "b"][..]),
            ("data:a\r\n\r\ndata:b\r\n\r\n", &["a", "b"]),
            ("data: a\r\rdata: b\r\r", &["a", "b"]),
            ("\u{feff}data: a\n\n", &["a"]),
            (": comment\n\ndata: a\n\n", &["a"]),
            ("event: ping\ndata: a\nid: 7\nretry: 10\nunknown: x\n\n", &["ping=a"]),
            ("event: a\nevent:b \ndata: 1\n\ndata: 2\n\n", &["b=1", "2"]),
            ("event: a\n\ndata: 1\n\n", &["1"]),
            ("event: error\n\n", &["error="]),
            ("data: a\ndata: b\n\n", &["a\nb"]),
            ("data\ndata\n\n", &["\n"]),
            ("data:  a\n\n", &[" a"]),
            ("data: a\n\n\n\n", &["a"]),
            ("data: a", &["a"]),
            ("data: a\n", &["a"]),
            ("event: ping\n\n", &[]),
            ("", &[]),
            ("data: \u{e9}\u{1f600}\n\n", &["\u{e9}\u{1f600}"]),
            // The first byte order mark is not part of the stream, a second is part of the field's name.
            ("\u{feff}\u{feff}data: a\n\ndata: b\n\n", &["b"]),
            ("\u{feff}\u{feff}data: a\ndata: b\n\n", &["b"]),
            ("data:\u{feff}a\n\n", &["\u{feff}a"]),
            // Field names have no white space, no capitals and nothing after them.
            (
                "data:\0\n data: 2\rData:1\ndata\0:2\ndata:1\r\0data:4\nda-ta:3\rdata_5\ndata:3\n\n",
                &["\0\n1\n3"],
            ),
            ("data:\ttest\rdata: \ndata:test\n\n", &["\ttest\n\ntest"]),
            ("data:test\r\ndata\r\ndata:test\r\n\r\n", &["test\n\ntest"]),
            ("data: a\n\r\ndata: b\n\n", &["a", "b"]),
            ("data: a\r\ndata: b\n\r\n", &["a\nb"]),
            (":\n\n::\n:data: no\ndata: a\n\n", &["a"]),
            ("data: a: b\n\n", &["a: b"]),
            ("event:\ndata: a\n\nevent: x\nevent\ndata: b\n\n", &["a", "b"]),
            ("id: 1\0\nid\nretry: x\nretry\ndata: a\n\n", &["a"]),
            ("event: x\n: comment\ndata: a\n\n", &["x=a"]),
            ("data: {\ndata: \"a\":\ndata: \ndata:\ndata: 1}\n\n", &["{\n\"a\":\n\n\n1}"]),
            ("data: {\"a\":\"b\\n\\nc\"}\n\n", &["{\"a\":\"b\\n\\nc\"}"]),
            // Line ends elsewhere, but not here.
            (
                "data: a\u{2028}b\u{2029}c\u{85}d\u{b}e\u{c}f\n\n",
                &["a\u{2028}b\u{2029}c\u{85}d\u{b}e\u{c}f"],
            ),
        ] {
            assert_eq!(decode(&[stream.as_bytes()]), expected, "{stream:?}");
            let bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
            assert_eq!(decode(&bytes), expected, "{stream:?}, byte by byte");
        }
    }

    #[test]
    fn lines_that_are_not_fields_are_kept() {
        for (stream, stray) in [
            (
                "data: a\n\nupstream error\n{\"error\":\"no\"}\n",
                "upstream error\n{\"error\":\"no\"}\n",
            ),
            ("upstream error", "upstream error\n"),
            (": comment\nid: 1\nretry: 5\ndata\n", ""),
            ("data: a\n\ndat", ""),
            ("ret", ""),
        ] {
            let mut decoder = Decoder::default();
            decoder.feed(stream.as_bytes(), pass_over).expect("no event is too large");
            decoder.finish(pass_over).expect("nothing can fail");
            assert_eq!(decoder.stray(), stray.as_bytes(), "{stream:?}");
        }
    }

    #[test]
    fn nothing_is_read_after_the_last_event_that_counts() {
        for stream in
            ["data: a\n\nstray\n", "data: a\r\n\r\nstray\n", "event: b\ndata: a\n\nstray\n"]
        {
            let mut decoder = Decoder::default();
            let fed = decoder.feed(stream.as_bytes(), |_| Ok::<_, Failure>(ControlFlow::Break(())));
            fed.expect("no event is too large");
            assert_eq!(decoder.stray(), b"", "{stream:?}");
        }
    }

    #[test]
    fn lines_that_are_not_fields_are_kept_up_to_a_limit() {
        let mut decoder = Decoder::default();
        let line = [&b"x".repeat(1000)[..], b"\n"].concat();
        for _ in 0..1000 {
            decoder.feed(&line, pass_over).expect("no event is too large");
        }
        assert_eq!(decoder.stray().len(), 64 * 1024 + 1);
    }

    proptest! {
        #[test]
        fn any_pieces_of_any_bytes_give_the_same_events(
            stream in "(data|event|id|x)?:? ?[a:\u{e9}]{0,3}(\r|\n|\r\n|\u{feff}){0,3}data: [ab]{0,2}(\n|\r\n)event: [ab]{0,2}\n\n?data",
            cuts in proptest::collection::vec(0.0..1.0, 0..6),
        ) {
            let bytes = stream.as_bytes();
            let mut places: Vec<usize> = cuts.iter().map(|cut: &f64| place(bytes.len(), *cut)).collect();
            places.sort_unstable();
            let mut pieces = Vec::new();
            let mut from = 0;
            for place in places {
                pieces.push(&bytes[from..place]);
                from = place;
            }
            pieces.push(&bytes[from..]);
            prop_assert_eq!(decode(&pieces), decode(&[bytes]));
        }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
    fn place(len: usize, part: f64) -> usize {
        (len as f64 * part) as usize
    }

    #[test]
    fn any_way_of_splitting_a_stream_gives_the_same_events() {
        let stream = "\u{feff}: hi\r\ndata: {\"a\":\"\u{e9}\"}\r\n\r\ndata: b\rdata: c\r\rid: 1\n\
                      data: \u{1f600}\n\n\r\n\r\ndata:last";
        let bytes = stream.as_bytes();
        let whole = decode(&[bytes]);
        assert_eq!(whole.len(), 4);
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                assert_eq!(decode(&pieces), whole, "cut at {first} and {second}");
            }
        }
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut decoder = Decoder::default();
        let piece = vec![b'x'; 1024 * 1024];
        let mut feed = || decoder.feed(&piece, pass_over);
        (0..16).try_for_each(|_| feed()).expect("16 MiB are allowed");
        assert!(feed().is_err());
        let mut decoder = Decoder::default();
        let line = [b"data:", &*piece, b"\n"].concat();
        let mut feed = || decoder.feed(&line, pass_over);
        (0..15).try_for_each(|_| feed()).expect("15 MiB are allowed");
        assert!(feed().is_err());
    }
}
