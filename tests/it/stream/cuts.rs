//! One recorded stream, ended at some thousand places: it is a success after the finish reason, and
//! nowhere else.

use std::thread;

use super::streaming;
use crate::support::{Response, Server, chat};

const PIECES: [&str; 3] = ["Two and ", "\u{1f600} ", "make four."];

/// Reasoning, three pieces, the finish reason, the usage.
fn recorded() -> Vec<String> {
    let mut events = chat::stream_of(&PIECES, Some("stop"));
    events.push(chat::usage_chunk());
    events
}

/// The body as it travels.
fn wire(response: &Response) -> Vec<u8> {
    Vec::from(response.clone()).split_off(response.head().len())
}

/// Where each payload of a stream ends, `[DONE]` last.
fn ends(body: &[u8]) -> Vec<usize> {
    (0..body.len()).filter(|at| body[*at..].starts_with(b"\n\n")).collect()
}

/// The places in the framing of a chunk: in its size, and in the line ends around it.
fn cut_frames(chunks: &[u8]) -> Vec<usize> {
    let mut places = Vec::new();
    let mut at = 0;
    loop {
        let line = chunks[at..].split(|byte| *byte == b'\r').next().expect("a line");
        let size = str::from_utf8(line).expect("a size");
        let data = at + size.len() + 2;
        let size = usize::from_str_radix(size, 16).expect("a size");
        if size == 0 {
            return places;
        }
        places.extend(at + 1..data);
        places.push(data + size + 1);
        at = data + size + 2;
    }
}

/// Where the stream is ended: everywhere near line ends, and at every fourth byte of the rest.
fn places(wire: &[u8]) -> impl Iterator<Item = usize> {
    let near_end = |at: usize| wire[at.saturating_sub(8)..wire.len().min(at + 12)].contains(&b'\n');
    (0..wire.len()).filter(move |at| near_end(*at) || at % 4 == 0)
}

/// The expected outcome for a stream that ends at a place.
struct Cut {
    at: usize,
    code: i32,
    /// The text that must be printed, if the framing lets every whole event through.
    text: Option<String>,
}

/// A cut with a known exit status; the printed text is a part of the answer.
fn cut(at: usize, code: i32) -> Cut {
    Cut { at, code, text: None }
}

fn assert_cuts(response: &Response, cuts: &[Cut]) {
    thread::scope(|scope| {
        for cuts in cuts.chunks(cuts.len().div_ceil(2)) {
            scope.spawn(|| assert_in_turn(response, cuts));
        }
    });
}

fn assert_in_turn(response: &Response, cuts: &[Cut]) {
    let server = Server::play(cuts.iter().map(|cut| response.clone().truncated_at(cut.at)));
    for Cut { at, code, text } in cuts {
        let output = streaming(&server).spawn().finish();
        let stdout = str::from_utf8(&output.stdout).expect("text");
        let stderr = format!("cut at byte {at}, said {stdout:?}\n{}", output.notes());
        assert_eq!(output.status.code(), Some(*code), "{stderr}");
        match (code, text) {
            (0, _) => assert_eq!(stdout, format!("{}\n", PIECES.concat()), "{stderr}"),
            (_, Some(text)) => assert_eq!(stdout, text, "{stderr}"),
            (_, None) => assert!(PIECES.concat().starts_with(stdout), "{stderr}"),
        }
    }
}

/// Where the event with the finish reason ends, and where the blank line after it ends.
fn finish(wire: &[u8]) -> (usize, usize) {
    // The usage and `[DONE]` come after it.
    let end = ends(wire)[recorded().len() - 2];
    (end, end + 2)
}

#[test]
fn if_the_connection_ends_the_response_only_the_finish_reason_counts() {
    let response = Response::sse(&recorded()).close_delimited();
    let body = wire(&response);
    let (ends, (finish, _)) = (ends(&body), finish(&body));
    let cuts = places(&body).map(|at| {
        // The last event counts without its blank line.
        let whole = ends.iter().filter(|end| **end <= at).count();
        let text = PIECES.iter().take(whole.saturating_sub(1)).copied().collect();
        Cut { at, code: if at < finish { 7 } else { 0 }, text: Some(text) }
    });
    let cuts: Vec<_> = cuts.collect();
    assert!(cuts.len() > 400, "{} places", cuts.len());
    assert_cuts(&response, &cuts);
}

#[test]
fn the_finish_reason_completes_a_chunked_answer_too() {
    let response = Response::sse(&recorded());
    let chunks = wire(&response);
    let (end, blank) = finish(&chunks);
    let cuts = places(&chunks).filter(|at| *at < end || *at >= blank);
    let cuts = cuts.filter(|at| *at + 5 < chunks.len());
    let cuts: Vec<_> = cuts.map(|at| cut(at, if at < end { 7 } else { 0 })).collect();
    assert!(cuts.len() > 400, "{} places", cuts.len());
    assert_cuts(&response, &cuts);
}

#[test]
fn a_chunk_truncated_in_its_framing_is_incomplete() {
    let response = Response::sse(&recorded());
    let chunks = wire(&response);
    let (finish, _) = finish(&chunks);
    let cuts = cut_frames(&chunks).into_iter().filter(|at| *at < finish).map(|at| cut(at, 7));
    assert_cuts(&response, &cuts.collect::<Vec<_>>());
}

#[test]
fn a_stream_shorter_than_its_length_is_complete_with_its_finish_reason() {
    let body = wire(&Response::sse(&recorded()).close_delimited());
    let response = Response::new(200, "text/event-stream", &*body);
    let (end, blank) = finish(&body);
    let cuts = places(&body).filter(|at| *at < end || *at >= blank);
    let cuts = cuts.filter(|at| at % 2 == 0 || (end - 20..end + 20).contains(at));
    assert_cuts(
        &response,
        &cuts.map(|at| cut(at, if at < end { 7 } else { 0 })).collect::<Vec<_>>(),
    );
}
