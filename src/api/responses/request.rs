//! The request's body, with the fields' names.

use std::borrow::Cow;

use super::history;
use crate::api::encode::{option_fields, push_fields, push_message};
use crate::api::{AnswerFormat, Api, Request, Search, Transfer, WebSearch, XSearch};
use crate::body::{Body, BodyBuilder};
use crate::error::Failure;
use crate::json::to_json;
use crate::message::{ContentPart, Image, Message, RawMessage};

/// The body of a request, whose messages [`check_messages`] accepts, and whose answer travels like this.
pub fn encode(request: &Request, transfer: Transfer) -> Body<'_> {
    let Request { model, messages, options, transfer: _ } = request;
    // A stream always ends with its usage, and there are no deferred answers.
    let Transfer { stream, stream_usage: _, deferred: _ } = transfer;
    let mut body = BodyBuilder::default();
    body.json(r#"{"model":"#).string(model).json(r#","input":["#);
    for (index, message) in messages.iter().enumerate() {
        body.json(if index > 0 { "," } else { "" });
        match message {
            Message::Raw(message) => push_raw_message(&mut body, message),
            Message::New(message) => push_message(&mut body, message, push_part),
        }
    }
    // Asks the API not to store the response, as it does by default, for 30 days (xAI API reference, `store`).
    body.json(r#"],"store":false"#);
    push_fields(&mut body, option_fields(options, Api::Responses), &options.extra);
    if let Some(format) = &options.format {
        body.json(r#","text":"#).json(&text_format(format));
    }
    if let Some(search) = &options.search {
        body.json(r#","tools":"#).json(&search_tools(search));
    }
    if stream {
        body.json(r#","stream":true"#);
    }
    body.json("}");
    body.finish()
}

/// Checks that all messages can be sent to the Responses API.
///
/// # Errors
///
/// Status 2 for a message from a file that says what cannot be said here.
pub fn check_messages(messages: &[Message]) -> Result<(), Failure> {
    for message in messages {
        if let Message::Raw(message) = message {
            history::convert(message).map_err(|why| {
                let what = format!("{}: {why} cannot be sent to the Responses API", message.place);
                Failure::usage(what).hint("use --api chat")
            })?;
        }
    }
    Ok(())
}

/// The form of the answer: flat, without the `json_schema` object that chat completions have around it.
fn text_format(format: &AnswerFormat) -> String {
    let schema = format.schema();
    let (name, json) = (to_json(&schema.name), &schema.json);
    format!(r#"{{"format":{{"type":"json_schema","name":{name},"schema":{json},"strict":true}}}}"#)
}

/// The tools that search on the server, the web first.
fn search_tools(search: &Search) -> String {
    let Search { web, x } = search;
    let web = web.as_ref().map(|WebSearch { domains }| {
        let domains = list_field("allowed_domains", domains);
        format!(r#"{{"type":"web_search"{domains}}}"#)
    });
    let x = x.as_ref().map(|XSearch { handles, from_date, to_date }| {
        let date = |name: &str, date: &Option<String>| {
            date.as_ref().map(|date| format!(r#","{name}":{}"#, to_json(date))).unwrap_or_default()
        };
        let handles = list_field("allowed_x_handles", handles);
        let (from, to) = (date("from_date", from_date), date("to_date", to_date));
        format!(r#"{{"type":"x_search"{handles}{from}{to}}}"#)
    });
    let tools: Vec<String> = web.into_iter().chain(x).collect();
    format!("[{}]", tools.join(","))
}

/// A further field with a list of texts, or nothing.
fn list_field(name: &str, texts: &[String]) -> String {
    match texts {
        [] => String::new(),
        texts => format!(r#","{name}":{}"#, to_json(texts)),
    }
}

fn push_raw_message<'a>(body: &mut BodyBuilder<'a>, message: &'a RawMessage) {
    // What cannot be converted was found by `check_messages`.
    let pieces = history::convert(message).unwrap_or_else(|_| vec![(&*message.json).into()]);
    for piece in pieces {
        match piece {
            Cow::Borrowed(json) => body.raw(json),
            Cow::Owned(json) => body.json(&json),
        };
    }
}

fn push_part<'a>(body: &mut BodyBuilder<'a>, part: &'a ContentPart) {
    match part {
        ContentPart::Text(text) => {
            body.json(r#"{"type":"input_text","text":"#).string(text);
        }
        // The URL is a bare string here, and an object in chat completions.
        ContentPart::Image(Image { source, detail }) => {
            body.json(r#"{"type":"input_image","image_url":"#).image_url(source);
            if let Some(detail) = detail {
                body.json(r#","detail":""#).json(detail.as_str()).json("\"");
            }
        }
    }
    body.json("}");
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::api::ModelOptions;
    use crate::message::{NewMessage, Role};

    fn request(messages: Vec<Message>, options: ModelOptions) -> Request {
        let model = "grok-4".to_owned();
        Request { model, messages, options, transfer: Transfer::default() }
    }

    fn text(body: &Body) -> String {
        let mut text = String::new();
        body.reader().read_to_string(&mut text).expect("it is text");
        text
    }

    fn user(text: &str) -> Message {
        Message::New(NewMessage::text(Role::User, text.into()))
    }

    fn raw(role: Role, json: &str) -> Message {
        let place = "chat.jsonl: line 3".to_owned();
        Message::Raw(RawMessage { role, json: json.to_owned(), place })
    }

    #[test]
    fn earlier_messages_are_converted() {
        let messages = vec![
            raw(Role::User, r#"{ "role":"user", "content":"hi", "x":1.50 }"#),
            raw(
                Role::Assistant,
                r#"{"role":"assistant","content":[{"type":"text","text":"ho"}],"refusal":null}"#,
            ),
            user("again"),
        ];
        check_messages(&messages).expect("they can be sent");
        let body = text(&encode(&request(messages, ModelOptions::default()), Transfer::default()));
        let expected = concat!(
            r#""input":[{ "role":"user", "content":"hi", "x":1.50 },"#,
            r#"{"role":"assistant","content":[{"type":"output_text","text":"ho"}]},"#,
            r#"{"role":"user","content":"again"}]"#,
        );
        assert!(body.contains(expected), "{body}");
    }

    #[test]
    fn a_message_that_cannot_be_sent_is_a_usage_error_that_names_it() {
        let messages =
            [user("hi"), raw(Role::Tool, r#"{"role":"tool","content":"7","tool_call_id":"1"}"#)];
        let failure = check_messages(&messages).expect_err("there are no tools");
        assert_eq!(
            failure.to_string(),
            "chat.jsonl: line 3: a message with role tool cannot be sent to the Responses API"
        );
        assert_eq!(failure.status, crate::error::ExitStatus::Usage);
        assert!(failure.hint.is_some_and(|hint| hint.contains("--api chat")));
    }
}
