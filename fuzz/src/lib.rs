//! What the fuzz targets share: responses made of the fuzzer's bytes, and what was printed of them.

use std::collections::VecDeque;
use std::io::{self, Read};

use anyhow::Result;
use xask::api::{Answer, Api, Expectations, StreamSink, read_answer};
use xask::error::exit_status;
use xask::response::{Response, ResponseBody, ResponseHeaders};

/// What a stream printed.
#[derive(Debug, Default)]
pub struct Printed {
    /// The text, piece by piece.
    pub text: String,
}

impl StreamSink for Printed {
    fn text(&mut self, piece: &str) -> Result<()> {
        self.text.push_str(piece);
        Ok(())
    }

    fn event(&mut self, _payload: &[u8]) -> Result<()> {
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

/// A body that arrives in pieces.
#[derive(Debug)]
pub struct Pieces(VecDeque<Vec<u8>>);

impl Pieces {
    /// Pieces of this size; zero for all at once.
    pub fn new(body: &[u8], size: usize) -> Self {
        let size = if size == 0 { body.len().max(1) } else { size };
        Self(body.chunks(size).map(<[u8]>::to_vec).collect())
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(piece) = self.0.front_mut() else { return Ok(0) };
        let n = piece.len().min(buffer.len());
        buffer[..n].copy_from_slice(&piece[..n]);
        piece.drain(..n);
        if piece.is_empty() {
            self.0.pop_front();
        }
        Ok(n)
    }
}

impl ResponseBody for Pieces {}

/// A response of this status, type and body.
pub fn response(status: u16, content_type: &str, body: Pieces) -> Response {
    let headers = ResponseHeaders {
        content_type: Some(content_type.to_owned()),
        ..ResponseHeaders::default()
    };
    Response { status, headers, body: Box::new(body) }
}

/// What became of a response: the answer, or the exit status; and what was printed meanwhile.
pub fn read(api: Api, response: Response) -> (Result<Answer, u8>, Printed) {
    let mut printed = Printed::default();
    let answer = read_answer(api, response, Expectations::default(), &mut printed);
    (answer.map_err(|error| exit_status(&error) as u8), printed)
}
