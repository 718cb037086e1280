//! What ends an answer, and what makes it unusable.

use super::*;

const FOUR: &str = r#"{"choices":[{"delta":{"content":"Four."}}]}"#;
const STOP: &str = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;
const CALL: &str = r#"{"choices":[{"delta":{"tool_calls":[{"id":"1"}]}}]}"#;

fn read_streamed(api: Api, stream: &str, end: End) -> Result<Answer> {
    // Event by event, as it arrives.
    let pieces = stream.split_inclusive("\n\n").map(|event| event.as_bytes().to_vec()).collect();
    read_pieces(api, pieces, end, &mut Sink::default())
}

#[test]
fn nothing_is_read_after_the_end_of_a_stream() {
    let completed = r#"{"type":"response.completed","response":{"status":"completed"}}"#;
    let delta = r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"Four."}"#;
    for (api, stream) in [
        (Api::Chat, events(&[FOUR, STOP, "[DONE]"])),
        (Api::Responses, events(&[delta, completed])),
        (Api::Responses, events(&[delta, completed, "[DONE]"])),
    ] {
        let read = read_streamed(api, &stream, End::Unread);
        assert_eq!(outcome(&read), usable("Four."), "{api:?}");
    }
    let cut = read_streamed(Api::Chat, &events(&[FOUR, "[DONE]"]), End::Unread);
    assert_fails(&cut, ExitStatus::Incomplete, "without a finish reason", "[DONE] alone");
}

#[test]
fn tool_calls_make_an_answer_unusable() {
    let whole = CALL.replace("delta", "message");
    for read in [
        read_json(Api::Chat, whole),
        read_sse(Api::Chat, events(&[CALL, STOP])),
        read_sse(Api::Chat, events(&[CALL, FOUR, STOP])),
    ] {
        let Outcome { code, why, .. } = outcome(&read);
        assert_eq!(code, ExitStatus::Unusable as u8);
        assert_eq!(why, "the model returned a tool call instead of text");
    }
}

#[test]
fn an_event_has_a_list_of_choices_or_none() {
    for choices in ["{}", "\"x\"", "7", "true", "[7]"] {
        let stream = events(&[FOUR, &format!(r#"{{"choices":{choices}}}"#), STOP]);
        let why = "an event of the stream is not a completion";
        assert_fails(&read_sse(Api::Chat, stream), ExitStatus::Server, why, choices);
    }
    let why = "an event of the stream is not from the Responses API";
    assert_fails(&read_sse(Api::Responses, events(&["[1]"])), ExitStatus::Server, why, "[1]");
    for choices in ["null", "[]"] {
        let stream = events(&[FOUR, &format!(r#"{{"choices":{choices}}}"#), STOP]);
        assert_eq!(outcome(&read_sse(Api::Chat, stream)), usable("Four."), "{choices}");
    }
}

#[test]
fn the_first_choice_of_one_json_is_read_whatever_its_index_is() {
    let whole = r#"{"choices":[{"index":1,"message":{"content":"Four."}},{"index":2,"message":{"content":"No."}}]}"#;
    assert_eq!(outcome(&read_json(Api::Chat, whole)), usable("Four."));
}

/// A sink on this machine that cannot be written to.
struct Full;

impl StreamSink for Full {
    fn text(&mut self, _: &str) -> Result<()> {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        Err(anyhow::Error::new(full).context(Failure::local("standard output")))
    }

    fn event(&mut self, _: &[u8]) -> Result<()> {
        Ok(())
    }

    fn thinking(&mut self) {}

    fn take_back_text(&mut self) -> bool {
        false
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

#[test]
fn answers_and_failures_say_which_response_they_came_from() {
    let read = |stream: &str, sink: &mut dyn StreamSink| {
        let mut response = response("text/event-stream", Box::new(Cursor::new(stream.to_owned())));
        response.headers.request_id = Some("rid-1".into());
        read_answer(Api::Chat, response, Expectations::default(), sink)
    };
    let origin = |failure: &Failure| (failure.http_status, failure.request_id.clone());
    let expected = (Some(200), Some("rid-1".to_owned()));
    let late = r#"{"error":"It rains."}"#;
    let answer = read(&events(&[CALL, STOP, late]), &mut Sink::default()).expect("it is complete");
    assert_eq!((answer.http_status, answer.request_id), expected);
    assert_eq!(answer.unusable.as_ref().map(origin), Some(expected.clone()));
    assert_eq!(answer.late_error.as_ref().map(origin), Some(expected.clone()));
    let error = read(&events(&[FOUR]), &mut Sink::default()).expect_err("it is cut");
    assert_eq!(failure(&error).map(origin), Some(expected));
    // What fails on this machine has nothing to do with the response, and keeps its cause.
    let error = read(&events(&[FOUR, STOP]), &mut Full).expect_err("it cannot be written");
    assert_eq!(failure(&error).map(origin), Some((None, None)));
    assert!(error.root_cause().is::<io::Error>(), "{error:?}");
}

#[test]
fn the_text_of_a_stream_has_a_limit() {
    let piece = events(&[&FOUR.replace("Four.", &"x".repeat(1 << 20))]).into_bytes();
    for (last, code) in [(STOP, 0), (FOUR, ExitStatus::Server as u8)] {
        let mut pieces = vec![piece.clone(); 64];
        pieces.push(events(&[last, STOP]).into_bytes());
        let read = read_pieces(Api::Chat, pieces, End::Clean, &mut Sink::default());
        let Outcome { code: found, why, .. } = outcome(&read);
        assert_eq!(found, code, "{why}");
    }
}
