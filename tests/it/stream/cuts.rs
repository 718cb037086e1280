//! One recorded stream, cut at some thousand places: it is a success where the finish reason has come, and
//! nowhere else.

use std::thread;

use super::streaming;
use crate::support::{Reply, Server, replies};

const PIECES: [&str; 3] = ["Two and ", "\u{1f600} ", "make four."];

/// Reasoning, three pieces, the finish reason, the usage.
fn recorded() -> Vec<String> {
    let mut events = replies::stream_of(&PIECES, Some("stop"));
    events.push(replies::usage_chunk());
    events
}

/// The body as it travels.
fn wire(reply: &Reply) -> Vec<u8> {
    Vec::from(reply.clone()).split_off(reply.head().len())
}

/// Where each payload of a stream ends, `[DONE]` last.
fn ends(body: &[u8]) -> Vec<usize> {
    (0..body.len()).filter(|at| body[*at..].starts_with(b"\n\n")).collect()
}

/// The places in the middle of what frames a chunk: its size, and the line ends about it.
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

/// Where the cuts go: all about the ends of lines, and of the rest as many as there is time for.
fn places(wire: &[u8]) -> impl Iterator<Item = usize> {
    let near_end = |at: usize| wire[at.saturating_sub(8)..wire.len().min(at + 12)].contains(&b'\n');
    (0..wire.len()).filter(move |at| near_end(*at) || at % 4 == 0)
}

/// What a run must make of a stream that is cut at a place.
struct Cut {
    at: usize,
    code: i32,
    /// What must be out, where the framing lets every whole event through.
    text: Option<String>,
}

/// A cut of which only the exit status is known; what is out is a part of the answer.
fn cut(at: usize, code: i32) -> Cut {
    Cut { at, code, text: None }
}

fn assert_cuts(reply: &Reply, cuts: &[Cut]) {
    thread::scope(|scope| {
        for cuts in cuts.chunks(cuts.len().div_ceil(2)) {
            scope.spawn(|| assert_in_turn(reply, cuts));
        }
    });
}

fn assert_in_turn(reply: &Reply, cuts: &[Cut]) {
    let server = Server::play(cuts.iter().map(|cut| reply.clone().cut_at(cut.at)));
    for Cut { at, code, text } in cuts {
        let output = streaming(&server).spawn().finish();
        let stdout = str::from_utf8(&output.stdout).expect("text");
        let said = format!("cut at byte {at}, said {stdout:?}\n{}", output.notes());
        assert_eq!(output.status.code(), Some(*code), "{said}");
        match (code, text) {
            (0, _) => assert_eq!(stdout, format!("{}\n", PIECES.concat()), "{said}"),
            (_, Some(text)) => assert_eq!(stdout, text, "{said}"),
            (_, None) => assert!(PIECES.concat().starts_with(stdout), "{said}"),
        }
    }
}

/// Where the event ends that tells the finish reason, and where the blank line after it.
fn finish(wire: &[u8]) -> (usize, usize) {
    // The usage and `[DONE]` come after it.
    let end = ends(wire)[recorded().len() - 2];
    (end, end + 2)
}

#[test]
fn where_the_connection_ends_the_reply_only_the_finish_reason_tells() {
    let reply = Reply::sse(&recorded()).close_delimited();
    let body = wire(&reply);
    let (ends, (finish, _)) = (ends(&body), finish(&body));
    let cuts = places(&body).map(|at| {
        // The last event counts without its blank line.
        let whole = ends.iter().filter(|end| **end <= at).count();
        let text = PIECES.iter().take(whole.saturating_sub(1)).copied().collect();
        Cut { at, code: if at < finish { 7 } else { 0 }, text: Some(text) }
    });
    let cuts: Vec<_> = cuts.collect();
    assert!(cuts.len() > 400, "{} places", cuts.len());
    assert_cuts(&reply, &cuts);
}

#[test]
fn in_chunks_the_finish_reason_completes_the_answer_too() {
    let reply = Reply::sse(&recorded());
    let chunks = wire(&reply);
    let (end, blank) = finish(&chunks);
    let cuts = places(&chunks).filter(|at| *at < end || *at >= blank);
    let cuts = cuts.filter(|at| *at + 5 < chunks.len());
    let cuts: Vec<_> = cuts.map(|at| cut(at, if at < end { 7 } else { 0 })).collect();
    assert!(cuts.len() > 400, "{} places", cuts.len());
    assert_cuts(&reply, &cuts);
}

#[test]
fn a_chunk_that_is_cut_in_its_frame_is_a_lost_one() {
    let reply = Reply::sse(&recorded());
    let chunks = wire(&reply);
    let (finish, _) = finish(&chunks);
    let cuts = cut_frames(&chunks).into_iter().filter(|at| *at < finish).map(|at| cut(at, 7));
    assert_cuts(&reply, &cuts.collect::<Vec<_>>());
}

#[test]
fn short_of_its_length_a_stream_is_complete_with_its_finish_reason() {
    let body = wire(&Reply::sse(&recorded()).close_delimited());
    let reply = Reply::new(200, "text/event-stream", &*body);
    let (end, blank) = finish(&body);
    let cuts = places(&body).filter(|at| *at < end || *at >= blank);
    let cuts = cuts.filter(|at| at % 2 == 0 || (end - 20..end + 20).contains(at));
    assert_cuts(&reply, &cuts.map(|at| cut(at, if at < end { 7 } else { 0 })).collect::<Vec<_>>());
}
