//! The request's body, with the fields' names.

use crate::api::encode::{cannot_set, check_extra, option_fields, push_fields, push_message};
use crate::api::{AnswerFormat, Api, ModelOptions, Request, Transfer};
use crate::body::{Body, BodyBuilder};
use crate::error::Failure;
use crate::message::{ContentPart, Image, Message, NewMessage};

/// Fields that `--param` cannot set, and what to do instead.
const RESERVED: [(&str, &str); 6] = [
    ("model", "use --model"),
    ("messages", "it holds the prompt; see --messages"),
    ("stream", "use --stream"),
    ("stream_options", "use --stream with --usage"),
    ("n", "there is one answer per request"),
    ("deferred", "use --deferred"),
];

/// The most stop texts (API reference, `stop`).
const MAX_STOPS: usize = 4;

/// The body of a request whose answer travels like this.
pub fn encode(request: &Request, transfer: Transfer) -> Body<'_> {
    let Request { model, messages, options, transfer: _ } = request;
    let Transfer { stream, stream_usage, deferred } = transfer;
    let mut body = BodyBuilder::default();
    body.json(r#"{"model":"#).string(model).json(r#","messages":["#);
    for (index, message) in messages.iter().enumerate() {
        body.json(if index > 0 { "," } else { "" });
        match message {
            Message::Raw(message) => {
                body.raw(&message.json);
            }
            Message::New(message) => push_message(&mut body, message, push_part),
        }
    }
    body.json("]");
    push_fields(&mut body, option_fields(options, Api::Chat), &options.extra);
    if let Some(format) = &options.format {
        body.json(r#","response_format":"#).json(&response_format(format));
    }
    if stream {
        body.json(r#","stream":true"#);
    }
    if stream_usage {
        body.json(r#","stream_options":{"include_usage":true}"#);
    }
    if deferred {
        body.json(r#","deferred":true"#);
    }
    body.json("}");
    body.finish()
}

/// The JSON of one message.
pub fn encode_message(message: &NewMessage) -> Body<'_> {
    let mut body = BodyBuilder::default();
    push_message(&mut body, message, push_part);
    body.finish()
}

/// Checks what the user set besides the options.
///
/// # Errors
///
/// Status 2 for a field that is not the user's to set or that is given twice, or too many stop texts.
pub fn check_options(options: &ModelOptions, has_format: bool) -> Result<(), Failure> {
    let stops = options.stop.len();
    if stops > MAX_STOPS {
        return Err(Failure::usage(format!(
            "--stop: given {stops} times; the API takes at most {MAX_STOPS}"
        )));
    }
    let options_set = option_fields(options, Api::Chat).into_iter().map(|(name, _)| name);
    let by_options: Vec<&str> =
        options_set.chain(has_format.then_some("response_format")).collect();
    check_extra(&options.extra, &by_options, |name| {
        let (_, hint) = RESERVED.iter().find(|(reserved, _)| *reserved == name)?;
        Some(Failure::usage(cannot_set(name)).hint(*hint))
    })
}

fn response_format(format: &AnswerFormat) -> String {
    let schema = format.schema();
    let (name, json) = (&schema.name, &schema.json);
    format!(
        r#"{{"type":"json_schema","json_schema":{{"name":"{name}","schema":{json},"strict":true}}}}"#
    )
}

fn push_part<'a>(body: &mut BodyBuilder<'a>, part: &'a ContentPart) {
    match part {
        ContentPart::Text(text) => body.json(r#"{"type":"text","text":"#).string(text).json("}"),
        ContentPart::Image(Image { source, detail }) => {
            body.json(r#"{"type":"image_url","image_url":{"url":"#).image_url(source);
            if let Some(detail) = detail {
                body.json(r#","detail":""#).json(detail.as_str()).json("\"");
            }
            body.json("}}")
        }
    };
}
