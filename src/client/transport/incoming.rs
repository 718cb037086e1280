//! A response as far as it has arrived, and as ureq's parser takes it. It does no I/O.

use std::mem;

use super::chunks::{Chunks, NO_SIZE};
use super::head::{self, Scan};

/// A response on its way to ureq: without the interim responses before it, and framed as strictly as ureq's parser
/// wants it. It keeps what was not read yet, however much that is.
#[derive(Debug, Default)]
pub struct Incoming {
    stage: Stage,
    /// A head that is not whole yet, or nothing.
    partial_head: Vec<u8>,
    status: Option<u16>,
    /// What ureq reads.
    input: Vec<u8>,
    /// How much of `input` was read.
    read: usize,
    /// ureq has not seen all of it.
    is_news: bool,
    /// The broken framing was reported to ureq.
    is_break_told: bool,
}

/// What is waited for.
#[derive(Debug, Default)]
enum Stage {
    #[default]
    Head,
    /// The number of bytes left in a body.
    Length(u64),
    Chunks(Chunks),
    /// Whatever comes until the connection is closed.
    Close,
    /// This is not HTTP. ureq is to say so.
    NotHttp,
}

/// A head that is longer than a head may be, or that has no end.
#[derive(Debug, PartialEq, Eq)]
pub struct HeadTooLarge;

impl Incoming {
    /// Adds what has arrived.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), HeadTooLarge> {
        if let Stage::Head = self.stage {
            let scanned = self.partial_head.len();
            self.partial_head.extend_from_slice(bytes);
            self.take_head(scanned)
        } else {
            self.take_body(bytes);
            Ok(())
        }
    }

    /// Whether the sender wants the rest of the request: a success may be answered while the request arrives, any
    /// other response says that the rest is of no use. `None` where that is not known yet.
    pub fn wants_rest(&self) -> Option<bool> {
        match self.stage {
            Stage::NotHttp => Some(false),
            _ => self.status.map(|status| (200..300).contains(&status)),
        }
    }

    /// Whether the response has arrived to its end, as far as its framing says where that is.
    pub fn is_whole(&self) -> bool {
        match &self.stage {
            Stage::Length(left) => *left == 0,
            Stage::Chunks(chunks) => chunks.has_ended(),
            Stage::Head | Stage::Close | Stage::NotHttp => false,
        }
    }

    /// What ureq may read, and has not read.
    pub fn unread(&self) -> &[u8] {
        &self.input[self.read..]
    }

    /// Whether there is something that ureq has not seen.
    pub fn is_news(&self) -> bool {
        self.is_news && self.read < self.input.len()
    }

    /// Notes how much ureq has read: nothing where it needs more to go on.
    pub fn consume(&mut self, amount: usize) {
        self.read = self.input.len().min(self.read + amount);
        self.is_news = amount > 0;
        if self.read == self.input.len() {
            self.read = 0;
            // What came early may be a lot. What comes with one read is kept room for.
            if self.input.capacity() > 4 * head::MAX_LEN {
                self.input = Vec::new();
            }
            self.input.clear();
            self.tell_break();
        }
    }

    /// Broken framing is reported after everything before it was read: ureq would drop that, and an answer may be whole.
    fn tell_break(&mut self) {
        let is_broken = matches!(&self.stage, Stage::Chunks(chunks) if chunks.is_broken());
        if is_broken && self.input.is_empty() && !self.is_break_told {
            self.is_break_told = true;
            self.input.extend_from_slice(NO_SIZE);
            self.is_news = true;
        }
    }

    fn take_head(&mut self, mut scanned: usize) -> Result<(), HeadTooLarge> {
        let mut start = 0;
        loop {
            match head::scan(&self.partial_head[start..], scanned) {
                Scan::Interim(end) => (start, scanned) = (start + end, 0),
                Scan::Incomplete => {
                    self.partial_head.drain(..start);
                    let status = head::status(&self.partial_head);
                    self.status = status.filter(|status| matches!(status, 101 | 200..));
                    let is_too_large = self.partial_head.len() >= head::MAX_LEN;
                    return if is_too_large { Err(HeadTooLarge) } else { Ok(()) };
                }
                Scan::NotHttp => {
                    self.stage = Stage::NotHttp;
                    let bytes = mem::take(&mut self.partial_head);
                    self.take_body(&bytes[start..]);
                    return Ok(());
                }
                Scan::Final(end) => {
                    let bytes = mem::take(&mut self.partial_head);
                    let (head, body) = bytes[start..].split_at(end);
                    self.status = head::status(head);
                    self.compact();
                    let normalized = head::normalize(head);
                    self.stage = Stage::after(&normalized);
                    self.input.extend_from_slice(&normalized);
                    self.is_news = true;
                    self.take_body(body);
                    return Ok(());
                }
            }
        }
    }

    fn take_body(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.compact();
        let before = self.input.len();
        match &mut self.stage {
            Stage::Chunks(chunks) => chunks.push(bytes, &mut self.input),
            Stage::Length(left) => {
                *left = left.saturating_sub(bytes.len() as u64);
                self.input.extend_from_slice(bytes);
            }
            Stage::Head | Stage::Close | Stage::NotHttp => self.input.extend_from_slice(bytes),
        }
        self.is_news |= self.input.len() > before;
        self.tell_break();
    }

    /// Makes room where ureq has read.
    fn compact(&mut self) {
        self.input.drain(..self.read);
        self.read = 0;
    }
}

impl Stage {
    /// How the body after a head is framed (RFC 9112, 6.3).
    fn after(normalized: &[u8]) -> Self {
        let text = |name| std::str::from_utf8(head::header(normalized, name)?).ok();
        if text("transfer-encoding")
            .is_some_and(|value| value.to_ascii_lowercase().contains("chunked"))
        {
            Self::Chunks(Chunks::default())
        } else if let Some(length) = text("content-length").and_then(|value| value.parse().ok()) {
            Self::Length(length)
        } else {
            Self::Close
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn push(pieces: &[&str]) -> Incoming {
        let mut incoming = Incoming::default();
        for piece in pieces {
            incoming.push(piece.as_bytes()).expect("a short head");
        }
        incoming
    }

    const INTERIM: &str = "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n";

    #[test]
    fn the_status_says_whether_the_rest_of_the_request_is_wanted() {
        for (arrived, expected) in [
            ("", None),
            ("HTTP/1.1 4", None),
            ("HTTP/1.1 413", Some(false)),
            ("HTTP/1.1 500 No\r\n\r\n", Some(false)),
            ("HTTP/1.1 301 No\r\n\r\n", Some(false)),
            ("HTTP/1.1 101 No\r\n\r\n", Some(false)),
            ("HTTP/1.1 100 Continue\r\n", None),
            (INTERIM, None),
            ("HTTP/1.1 200 OK\r\n", Some(true)),
            ("HTTP/1.0 204 Nothing\r\n\r\n", Some(true)),
            ("220 mail\r\n", Some(false)),
        ] {
            assert_eq!(push(&[arrived]).wants_rest(), expected, "{arrived:?}");
            assert_eq!(push(&[INTERIM, arrived]).wants_rest(), expected, "{arrived:?}");
        }
    }

    #[test]
    fn a_response_is_whole_when_its_framing_says_so() {
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nContent-Length: 1\r\n\r\n";
        for (pieces, expected) in [
            (&["HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nFou"][..], false),
            (&["HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nFou", "r"], true),
            (&["HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"], true),
            (&["HTTP/1.1 200 OK\r\n\r\nFour"], false),
            (&[chunked, "4\r\nFour\r\n0\r\n"], false),
            (&[chunked, "4\r\nFour\r\n0\r\n\r\n"], true),
        ] {
            assert_eq!(push(pieces).is_whole(), expected, "{pieces:?}");
        }
    }

    #[test]
    fn an_endless_head_is_too_large() {
        for (begin, again) in [("HTTP/1.1 200 ", "a"), ("HTTP/1.1 200 OK\r\n", "X-A: b\r\n")] {
            let mut incoming = push(&[begin]);
            let result = (0..100_000).try_for_each(|_| incoming.push(again.as_bytes()));
            assert_eq!(result, Err(HeadTooLarge), "{begin:?}");
        }
        let mut incoming = Incoming::default();
        assert!(
            (0..10_000).all(|_| incoming.push(INTERIM.as_bytes()).is_ok()),
            "none of them is kept"
        );
    }

    #[test]
    fn bytes_that_ureq_could_not_use_are_not_news() {
        let mut incoming = push(&["HTTP/1.1 200 OK\r\n\r\nab"]);
        assert!(incoming.is_news());
        incoming.consume(0);
        assert!(!incoming.is_news());
        incoming.push(b"c").expect("a body");
        assert!(incoming.is_news());
        incoming.consume(16);
        assert_eq!((incoming.unread(), incoming.is_news()), (&b"abc"[..], true));
        incoming.consume(3);
        assert_eq!((incoming.unread(), incoming.is_news()), (&b""[..], false));
    }

    proptest! {
        #[test]
        fn a_response_may_arrive_and_be_read_in_any_pieces(
            interim in 0..3_usize,
            body in vec(any::<u8>(), 0..40),
            cuts in vec(1..20_usize, 1..6),
            reads in vec(0..20_usize, 1..6),
        ) {
            let head = format!("HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: {}\r\n\r\n", body.len());
            let arrived = [INTERIM.repeat(interim).as_bytes(), head.as_bytes(), &body].concat();
            let (mut incoming, mut read, mut rest) = (Incoming::default(), Vec::new(), &arrived[..]);
            for (cut, wanted) in cuts.iter().cycle().zip(reads.iter().cycle()) {
                let (piece, next) = rest.split_at(rest.len().min(*cut));
                incoming.push(piece).expect("a short head");
                rest = next;
                let taken = incoming.unread().len().min(*wanted);
                read.extend_from_slice(&incoming.unread()[..taken]);
                incoming.consume(taken);
                if rest.is_empty() {
                    break;
                }
            }
            read.extend_from_slice(incoming.unread());
            let expected = format!("HTTP/1.1 200\r\nContent-Length: {}\r\n\r\n", body.len());
            prop_assert_eq!(read, [expected.as_bytes(), &body].concat());
            prop_assert!(incoming.is_whole());
        }
    }
}
