//! Server-sent events: bytes in any pieces become payloads (WHATWG HTML, 9.2.6).
//!
//! Pure: it decides, it reads nothing. It differs from a browser in one thing: the last event counts
//! without its blank line, because a clean end has then been seen.

use std::mem;

// Not the fastest of that crate: those ask the processor first what it can do, which takes longer than the
// first event.
use memchr::arch::all::memchr::{One, Two};

use super::no_completion;
use crate::error::Failure;

/// The largest event, in bytes: a bound on memory.
const MAX_EVENT: usize = 16 * 1024 * 1024;

const BOM: &[u8] = "\u{feff}".as_bytes();

/// A stream of events, fed as it arrives.
#[derive(Debug, Default)]
pub struct Decoder {
    /// The line that has begun; complete lines are not copied here.
    line: Vec<u8>,
    /// The `data` of the event that has begun, each line with a line feed behind it.
    data: Vec<u8>,
    /// The last byte was a CR: a LF that follows belongs to it.
    after_cr: bool,
    /// The beginning, where a byte order mark may stand, is over.
    begun: bool,
}

impl Decoder {
    /// Takes the next bytes and tells of every event that ends in them.
    ///
    /// # Errors
    ///
    /// An event over the limit, or an error of `on_event`.
    pub fn feed<E: From<Failure>>(
        &mut self,
        mut bytes: &[u8],
        mut on_event: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        while let Some(&first) = bytes.first() {
            if mem::take(&mut self.after_cr) && first == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let Some(end) = Two::new(b'\n', b'\r').find(bytes) else {
                self.check_size(bytes.len())?;
                self.line.extend_from_slice(bytes);
                return Ok(());
            };
            self.after_cr = bytes[end] == b'\r';
            self.check_size(end)?;
            if self.line.is_empty() {
                self.take_line(&bytes[..end], &mut on_event)?;
            } else {
                let mut line = mem::take(&mut self.line);
                line.extend_from_slice(&bytes[..end]);
                self.take_line(&line, &mut on_event)?;
                line.clear();
                self.line = line;
            }
            bytes = &bytes[end + 1..];
        }
        Ok(())
    }

    /// The stream ended cleanly: tells of the event that was not closed by a blank line.
    ///
    /// # Errors
    ///
    /// An error of `on_event`.
    pub fn finish<E>(mut self, mut on_event: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let line = mem::take(&mut self.line);
        self.take_line(&line, &mut on_event)?;
        self.take_line(b"", &mut on_event)
    }

    fn take_line<E>(
        &mut self,
        mut line: &[u8],
        on_event: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        if !mem::replace(&mut self.begun, true) {
            line = line.strip_prefix(BOM).unwrap_or(line);
        }
        if line.is_empty() {
            return match self.data.split_last() {
                Some((_, payload)) => {
                    let told = on_event(payload);
                    self.data.clear();
                    told
                }
                None => Ok(()),
            };
        }
        let (field, value) = match One::new(b':').find(line) {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &b""[..]),
        };
        // Comments have an empty name; `event`, `id`, `retry` and the unknown mean nothing to us.
        if field == b"data" {
            self.data.extend_from_slice(value.strip_prefix(b" ").unwrap_or(value));
            self.data.push(b'\n');
        }
        Ok(())
    }

    fn check_size(&self, more: usize) -> Result<(), Failure> {
        if self.data.len() + self.line.len() + more > MAX_EVENT {
            return Err(no_completion(format!(
                "an event of the stream is larger than {} MiB",
                MAX_EVENT >> 20
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(pieces: &[&[u8]]) -> Vec<String> {
        let mut decoder = Decoder::default();
        let mut events = Vec::new();
        let mut tell = |payload: &[u8]| -> Result<(), Failure> {
            events.push(String::from_utf8_lossy(payload).into_owned());
            Ok(())
        };
        for piece in pieces {
            decoder.feed(piece, &mut tell).expect("no event is too large");
        }
        decoder.finish(&mut tell).expect("telling cannot fail");
        events
    }

    #[test]
    fn events_are_framed_as_a_browser_frames_them() {
        for (stream, expected) in [
            ("data: a\n\ndata: b\n\n", &["a", "b"][..]),
            ("data:a\r\n\r\ndata:b\r\n\r\n", &["a", "b"]),
            ("data: a\r\rdata: b\r\r", &["a", "b"]),
            ("\u{feff}data: a\n\n", &["a"]),
            (": comment\n\ndata: a\n\n", &["a"]),
            ("event: ping\ndata: a\nid: 7\nretry: 10\nunknown: x\n\n", &["a"]),
            ("data: a\ndata: b\n\n", &["a\nb"]),
            ("data\ndata\n\n", &["\n"]),
            ("data:  a\n\n", &[" a"]),
            ("data: a\n\n\n\n", &["a"]),
            ("data: a", &["a"]),
            ("data: a\n", &["a"]),
            ("event: ping\n\n", &[]),
            ("", &[]),
            ("data: \u{e9}\u{1f600}\n\n", &["\u{e9}\u{1f600}"]),
        ] {
            assert_eq!(decode(&[stream.as_bytes()]), expected, "{stream:?}");
            let bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
            assert_eq!(decode(&bytes), expected, "{stream:?}, byte by byte");
        }
    }

    #[test]
    fn any_way_of_cutting_a_stream_gives_the_same_events() {
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
        let fed: Result<(), Failure> = (0..17).try_for_each(|_| decoder.feed(&piece, |_| Ok(())));
        assert!(fed.is_err());
    }
}
