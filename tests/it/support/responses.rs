//! Responses of the Responses API, as recorded (xAI API reference): the JSON of an answer, the payloads of the events
//! of a stream.

use serde_json::{Value, json};

use super::Response;

/// The output of `--usage` for [`response`].
pub const USAGE: &str =
    "xask: usage: prompt=216 cached=4 reasoning=237 completion=626 total=1079 cost_usd=0.00577\n";

/// A message with one text.
pub fn message(text: &str) -> Value {
    cited_message(text, &[])
}

/// A message with one text that cites these addresses, each with its title.
pub fn cited_message(text: &str, sources: &[(&str, &str)]) -> Value {
    let annotations = sources.iter().map(|(url, title)| {
        json!({"type": "url_citation", "url": url, "title": title, "start_index": 0, "end_index": 0})
    });
    json!({
        "id": "msg_u", "type": "message", "role": "assistant", "status": "completed",
        "content": [{
            "type": "output_text", "text": text, "logprobs": null,
            "annotations": annotations.collect::<Vec<_>>(),
        }],
    })
}

/// A finished search of the web.
pub fn web_search() -> Value {
    json!({
        "id": "ws_u", "type": "web_search_call", "status": "completed",
        "action": {"type": "search", "query": "linux"},
    })
}

/// A complete response with these items.
pub fn response(items: &[Value]) -> Value {
    json!({
        "id": "5b0e3c6a-0000-4000-8000-1c9b553f2a7d", "object": "response", "created_at": 1_795_600_000,
        "model": "grok-4.7", "status": "completed", "error": null, "incomplete_details": null,
        "output": items, "store": false, "metadata": {},
        "usage": {
            "input_tokens": 216, "input_tokens_details": {"cached_tokens": 4}, "output_tokens": 863,
            "output_tokens_details": {"reasoning_tokens": 237}, "total_tokens": 1079,
            "cost_in_usd_ticks": 57_700_000,
        },
    })
}

/// The same, truncated at the token limit.
pub fn truncated_response(items: &[Value]) -> Value {
    let mut response = response(items);
    response["status"] = "incomplete".into();
    response["incomplete_details"] = json!({"reason": "max_output_tokens"});
    response
}

/// A complete answer.
pub fn whole_answer(text: &str) -> Response {
    Response::json(200, response(&[message(text)]).to_string())
}

/// The payloads of the events of a message, one word per event.
pub fn message_events(index: usize, item: &Value) -> Vec<String> {
    let text = item["content"][0]["text"].as_str().expect("a message has a text");
    let begun = json!({"id": "msg_u", "type": "message", "role": "assistant", "content": []});
    let mut events =
        vec![payload("response.output_item.added", json!({"output_index": index, "item": begun}))];
    events.extend(text.split_inclusive(' ').map(|word| delta(index, word)));
    events.push(payload("response.output_text.done", json!({"output_index": index, "text": text})));
    events.push(payload("response.output_item.done", json!({"output_index": index, "item": item})));
    events
}

/// The payload of an event with a piece of a text.
pub fn delta(index: usize, piece: &str) -> String {
    payload(
        "response.output_text.delta",
        json!({"output_index": index, "content_index": 0, "delta": piece}),
    )
}

/// The payload of the event that ends a stream.
pub fn terminal(name: &str, response: &Value) -> String {
    payload(&format!("response.{name}"), json!({"response": response}))
}

/// The payload of an event.
pub fn payload(kind: &str, mut fields: Value) -> String {
    fields["type"] = kind.into();
    fields.to_string()
}

/// All events of a complete response of messages.
pub fn events(response: &Value) -> Vec<String> {
    let begun = json!({"id": "u", "status": "in_progress", "output": []});
    let mut events = vec![terminal("created", &begun), terminal("in_progress", &begun)];
    for (index, item) in response["output"].as_array().into_iter().flatten().enumerate() {
        if item["type"] == "message" {
            events.extend(message_events(index, item));
        } else {
            let fields = json!({"output_index": index, "item": item});
            events.push(payload("response.output_item.added", fields.clone()));
            events.push(payload("response.output_item.done", fields));
        }
    }
    events.push(terminal("completed", response));
    events
}

/// A stream of these events, each with a line with its name.
pub fn stream(payloads: &[String]) -> Response {
    Response::new(200, "text/event-stream", sse(payloads)).close_delimited()
}

/// Events as they are sent.
pub fn sse(payloads: &[String]) -> String {
    let event = |payload: &String| {
        let json: Value = serde_json::from_str(payload).expect("a payload is JSON");
        format!("event: {}\ndata: {payload}\n\n", json["type"].as_str().unwrap_or("message"))
    };
    payloads.iter().map(event).collect()
}

/// The stream that was recorded: reasoning, a search of the web and one of X, and an answer that cites a source.
pub fn recorded() -> Vec<String> {
    let u = "5b0e3c6a";
    let begun = json!({"id": u, "object": "response", "status": "in_progress", "output": [], "usage": null});
    let summary = json!([{"type": "summary_text", "text": "First."}]);
    let thought =
        json!({"id": "rs_u", "type": "reasoning", "status": "completed", "summary": summary});
    let custom = json!({"id": "ctc_u", "type": "custom_tool_call", "status": "completed",
        "name": "x_keyword_search", "input": "{\"query\":\"linux\"}"});
    let answer = cited_message("Seven.", &[("https://kernel.org/", "1")]);
    let part = json!({"type": "output_text", "text": "", "annotations": [], "logprobs": []});
    let text = json!({"item_id": "msg_u", "output_index": 3, "content_index": 0});
    let with = |fields: &Value, more: Value| {
        let mut fields = fields.clone();
        for (name, value) in more.as_object().into_iter().flatten() {
            fields[name] = value.clone();
        }
        fields
    };
    let events = [
        ("created", json!({"response": begun})),
        ("in_progress", json!({"response": begun})),
        (
            "output_item.added",
            json!({"output_index": 0, "item": {"id": "rs_u", "type": "reasoning", "summary": []}}),
        ),
        (
            "reasoning_summary_part.added",
            json!({"item_id": "rs_u", "output_index": 0, "summary_index": 0, "part": {"type": "summary_text", "text": ""}}),
        ),
        (
            "reasoning_summary_text.delta",
            json!({"item_id": "rs_u", "output_index": 0, "summary_index": 0, "delta": "First."}),
        ),
        (
            "reasoning_summary_text.done",
            json!({"item_id": "rs_u", "output_index": 0, "summary_index": 0, "text": "First."}),
        ),
        (
            "reasoning_summary_part.done",
            json!({"item_id": "rs_u", "output_index": 0, "summary_index": 0, "part": {"type": "summary_text", "text": "First."}}),
        ),
        ("output_item.done", json!({"output_index": 0, "item": thought})),
        (
            "output_item.added",
            json!({"output_index": 1, "item": {"id": "ws_u", "type": "web_search_call", "status": "in_progress"}}),
        ),
        ("web_search_call.in_progress", json!({"item_id": "ws_u", "output_index": 1})),
        ("web_search_call.searching", json!({"item_id": "ws_u", "output_index": 1})),
        ("web_search_call.completed", json!({"item_id": "ws_u", "output_index": 1})),
        ("output_item.done", json!({"output_index": 1, "item": web_search()})),
        (
            "custom_tool_call_input.delta",
            json!({"item_id": "ctc_u", "output_index": 2, "delta": "{\"query\":"}),
        ),
        (
            "custom_tool_call_input.done",
            json!({"item_id": "ctc_u", "output_index": 2, "input": "{\"query\":\"linux\"}"}),
        ),
        (
            "output_item.added",
            json!({"output_index": 3, "item": {"id": "msg_u", "type": "message", "role": "assistant", "status": "in_progress", "content": []}}),
        ),
        ("content_part.added", with(&text, json!({"part": part}))),
        ("output_text.delta", with(&text, json!({"delta": "Sev", "logprobs": []}))),
        ("output_text.delta", with(&text, json!({"delta": "en.", "logprobs": []}))),
        (
            "output_text.annotation.added",
            with(
                &text,
                json!({"annotation_index": 0, "annotation": answer["content"][0]["annotations"][0]}),
            ),
        ),
        ("output_text.done", with(&text, json!({"text": "Seven."}))),
        ("content_part.done", with(&text, json!({"part": answer["content"][0]}))),
        ("output_item.done", json!({"output_index": 3, "item": answer})),
        ("completed", json!({"response": response(&[thought, web_search(), custom, answer])})),
    ];
    let numbered = events.into_iter().enumerate();
    let event = |(number, (name, fields)): (usize, (&str, Value))| {
        payload(&format!("response.{name}"), with(&fields, json!({"sequence_number": number})))
    };
    numbered.map(event).collect()
}

/// The whole response that was recorded, byte for byte: after a search, an answer that cites a source.
pub const WHOLE: &str = r#"{"id":"5b0e3c6a-0000-4000-8000-1c9b553f2a7d","object":"response","created_at":1795600000,"completed_at":1795600009,"model":"grok-4.7",
 "status":"completed","error":null,"incomplete_details":null,
 "output":[
  {"id":"rs_5b0e3c6a","type":"reasoning","summary":[{"type":"summary_text","text":"…"}],"status":"completed","encrypted_content":"…"},
  {"id":"ws_5b0e3c6a_1","type":"web_search_call","status":"completed",
   "action":{"type":"search","query":"linux 7.2 release","sources":[{"type":"url","url":"https://kernel.org/"}]}},
  {"id":"ctc_5b0e3c6a","type":"custom_tool_call","call_id":"xs_call_1","name":"x_keyword_search","input":"{\"query\":\"linux\"}","status":"completed"},
  {"id":"msg_5b0e3c6a","type":"message","role":"assistant","status":"completed",
   "content":[{"type":"output_text","text":"Seven.[[1]](https://kernel.org/)","logprobs":null,
    "annotations":[{"type":"url_citation","url":"https://kernel.org/","title":"1","start_index":6,"end_index":32}]}]}],
 "usage":{"input_tokens":216,"input_tokens_details":{"cached_tokens":4},"output_tokens":863,
  "output_tokens_details":{"reasoning_tokens":237},"total_tokens":1079,"num_sources_used":0,"num_server_side_tools_used":1,
  "cost_in_usd_ticks":57700000,
  "server_side_tool_usage_details":{"web_search_calls":1,"x_search_calls":0,"x_posts_fetched":0,"x_users_fetched":0,
   "code_interpreter_calls":0,"file_search_calls":0,"mcp_calls":0,"document_search_calls":0,"image_generation_calls":0}},
 "store":false,"previous_response_id":null,"instructions":null,"max_output_tokens":null,"temperature":null,"top_p":null,
 "reasoning":{"effort":"high","summary":"detailed"},"text":{"format":{"type":"text"}},"tool_choice":"auto","tools":[],
 "parallel_tool_calls":true,"metadata":{},"user":null,"service_tier":"default"}"#;
