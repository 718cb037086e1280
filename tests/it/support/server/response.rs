//! One HTTP/1.1 response as bytes: a body, its framing, and where it is truncated.

use std::fmt::Write as _;

/// A response under construction. A JSON response is sent with its `Content-Length`, a stream in chunks, as by the
/// API; [`Response::chunked`] and [`Response::close_delimited`] change that.
#[derive(Clone)]
#[must_use = "a Reply that is not sent changes nothing"]
pub struct Response {
    status: u16,
    headers: Vec<(String, String)>,
    /// The body, one piece per chunk.
    body: Vec<Vec<u8>>,
    framing: Framing,
    truncate_at: Option<usize>,
}

#[derive(Clone, Copy)]
enum Framing {
    Length,
    Chunked,
    Close,
}

impl Response {
    /// Any body of any type.
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("Content-Type".to_owned(), content_type.to_owned())];
        let (framing, truncate_at) = (Framing::Length, None);
        Self { status, headers, body: vec![body.into()], framing, truncate_at }
    }

    pub fn json(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::new(status, "application/json", body)
    }

    /// A stream of these payloads and `[DONE]`, each one event and one chunk.
    pub fn sse<P: AsRef<str>>(payloads: &[P]) -> Self {
        let payloads = payloads.iter().map(AsRef::as_ref).chain(["[DONE]"]);
        let body = payloads.map(|payload| format!("data: {payload}\n\n").into_bytes()).collect();
        let framing = Framing::Chunked;
        Self { body, framing, ..Self::new(200, "text/event-stream", "") }
    }

    /// Adds a header.
    pub fn header(mut self, key: &str, value: &str) -> Self {
        self.headers.push((key.to_owned(), value.to_owned()));
        self
    }

    /// In chunks: one per event, or two halves of any other body.
    pub fn chunked(mut self) -> Self {
        self.framing = Framing::Chunked;
        if let [body] = &mut self.body[..] {
            let second = body.split_off(body.len() / 2);
            self.body.push(second);
        }
        self
    }

    /// Neither length nor chunks: the body ends where the connection does.
    pub fn close_delimited(mut self) -> Self {
        self.framing = Framing::Close;
        self
    }

    /// The connection ends after this many bytes of the body, counted as sent (with the framing of chunks);
    /// the head does not change.
    pub fn truncated_at(mut self, bytes: usize) -> Self {
        self.truncate_at = Some(bytes);
        self
    }

    /// The bytes in two parts, before and after a gate: the first ends after this many events.
    pub fn split(self, events: usize) -> (Vec<u8>, Vec<u8>) {
        let head = self.head();
        let mut pieces = self.pieces();
        let rest = pieces.split_off(events);
        ([head, pieces.concat()].concat(), rest.concat())
    }

    pub fn head(&self) -> Vec<u8> {
        let reason = if self.status == 200 { "OK" } else { "Scripted" };
        let mut head = format!("HTTP/1.1 {} {reason}\r\n", self.status);
        for (key, value) in &self.headers {
            let _ = write!(head, "{key}: {value}\r\n");
        }
        let _ = match self.framing {
            Framing::Length => {
                let length: usize = self.body.iter().map(Vec::len).sum();
                write!(head, "Content-Length: {length}\r\n")
            }
            Framing::Chunked => write!(head, "Transfer-Encoding: chunked\r\n"),
            Framing::Close => Ok(()),
        };
        head.push_str("Connection: close\r\n\r\n");
        head.into_bytes()
    }

    /// The body as it is sent, whole.
    fn pieces(&self) -> Vec<Vec<u8>> {
        let Framing::Chunked = self.framing else { return self.body.clone() };
        let chunks = self.body.iter().filter(|piece| !piece.is_empty());
        let frame = |piece: &Vec<u8>| {
            [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat()
        };
        chunks.map(frame).chain([b"0\r\n\r\n".to_vec()]).collect()
    }
}

impl From<Response> for Vec<u8> {
    fn from(response: Response) -> Self {
        let mut body = response.pieces().concat();
        if let Some(truncate_at) = response.truncate_at {
            assert!(
                truncate_at < body.len(),
                "a cut at {truncate_at} leaves a body of {} whole",
                body.len()
            );
            body.truncate(truncate_at);
        }
        [response.head(), body].concat()
    }
}
