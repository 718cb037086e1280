//! Chat completions as the API sends them (xAI API reference): the JSON of an answer, the payloads of the events of a
//! stream, an error. [`Response`](super::Response) puts them into HTTP.

use serde_json::{Value, json};

/// A complete answer, its keys in the order of the recording. `usage` makes a total of 143 tokens.
pub fn completion(text: &str) -> String {
    let text = Value::from(text);
    let head = r#"{"id":"0f4c5b1e-0000-4000-8000-3f2a7d1c9b55","object":"chat.completion","created":1795330000,"model":"grok-4","#;
    let choice = format!(
        r#"{{"index":0,"message":{{"role":"assistant","content":{text},"refusal":null}},"finish_reason":"stop"}}"#
    );
    let usage = usage();
    format!(r#"{head}"choices":[{choice}],"usage":{usage},"system_fingerprint":"fp_0123456789"}}"#)
}

/// The same as a value, for a test that removes a part of it.
pub fn completion_value(text: &str) -> Value {
    serde_json::from_str(&completion(text)).expect("a completion is JSON")
}

/// The answer `Four.`, overridden key by key: `content`, `refusal`, `reasoning_content`, `tool_calls` and
/// `role` in the first choice's message, `finish_reason` in the choice, anything else at the top.
#[track_caller]
pub fn completion_with(overrides: Value) -> String {
    let Value::Object(overrides) = overrides else { panic!("overrides are a JSON object") };
    let mut response = completion_value("Four.");
    for (key, value) in overrides {
        match key.as_str() {
            "content" | "refusal" | "reasoning_content" | "tool_calls" | "role" => {
                response["choices"][0]["message"][key] = value;
            }
            "finish_reason" => response["choices"][0][key] = value,
            _ => response[key] = value,
        }
    }
    response.to_string()
}

/// The usage in [`completion`] and [`usage_chunk`].
pub fn usage() -> String {
    concat!(
        r#"{"prompt_tokens":21,"completion_tokens":2,"total_tokens":143,"#,
        r#""prompt_tokens_details":{"text_tokens":21,"audio_tokens":0,"image_tokens":0,"cached_tokens":4},"#,
        r#""completion_tokens_details":{"reasoning_tokens":120,"audio_tokens":0,"#,
        r#""accepted_prediction_tokens":0,"rejected_prediction_tokens":0},"#,
        r#""num_sources_used":0,"cost_in_usd_ticks":7700000}"#,
    )
    .to_owned()
}

/// The payload of one event. Without `finish` the key is absent, as in the recording.
#[expect(clippy::needless_pass_by_value, reason = "callers hand it a json!")]
pub fn chunk(delta: Value, finish: Option<&str>) -> String {
    let finish = finish.map_or_else(String::new, |f| format!(r#","finish_reason":{}"#, json!(f)));
    chunk_of(&format!(r#"[{{"index":0,"delta":{delta}{finish}}}]"#), "")
}

/// A whole stream without its usage: reasoning, the pieces (the first with its role), the finish reason.
/// Without `finish` the stream is incomplete.
pub fn stream_of(pieces: &[&str], finish: Option<&str>) -> Vec<String> {
    let mut events =
        vec![chunk(json!({"role": "assistant", "reasoning_content": "Let me think."}), None)];
    for (i, piece) in pieces.iter().enumerate() {
        let delta = match i {
            0 => json!({"role": "assistant", "content": piece}),
            _ => json!({"content": piece}),
        };
        events.push(chunk(delta, None));
    }
    if finish.is_some() {
        events.push(chunk(json!({}), finish));
    }
    events
}

/// The last event of a stream with usage; push it onto [`stream_of`].
pub fn usage_chunk() -> String {
    chunk_of("[]", &format!(r#","usage":{}"#, usage()))
}

/// An error in the most frequent shape of the API.
pub fn error(code: &str, words: &str) -> String {
    format!(r#"{{"code":{},"error":{}}}"#, json!(code), json!(words))
}

fn chunk_of(choices: &str, rest: &str) -> String {
    let head = r#"{"id":"0f4c5b1e-0000-4000-8000-3f2a7d1c9b55","object":"chat.completion.chunk","created":1795330000,"model":"grok-4","#;
    format!(r#"{head}"choices":{choices}{rest},"system_fingerprint":"fp_0123456789"}}"#)
}
