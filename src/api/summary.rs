//! The request as text for people, for the answer of a rehearsal and for cache records.

use std::fmt::Write;

use serde_json::Value;

use super::Request;
use crate::message::{ContentPart, Detail, ImageSource, Message, Role};

impl Request {
    /// The texts of the user's last message, for people.
    pub fn last_prompt(&self) -> String {
        let last = self.messages.iter().rev().find(|message| message.role() == Role::User);
        let texts: Vec<String> = match last {
            Some(Message::New(message)) => message
                .content
                .iter()
                .filter_map(|part| match part {
                    ContentPart::Text(text) => Some(text.clone()),
                    ContentPart::Image(_) => None,
                })
                .collect(),
            Some(Message::Raw(message)) => describe_raw(&message.json),
            None => Vec::new(),
        };
        texts.join(" ")
    }

    /// Its model, then a line a message: the role, and the texts and images in order.
    pub fn summary(&self) -> String {
        let mut text = format!("model: {}", self.model);
        for message in &self.messages {
            let parts = match message {
                Message::New(message) => message.content.iter().map(describe_part).collect(),
                Message::Raw(message) => describe_raw(&message.json),
            };
            // Writing to a string cannot fail.
            let _ = write!(text, "\n{}: {}", message.role().as_str(), parts.join(" "));
        }
        text
    }
}

fn describe_part(part: &ContentPart) -> String {
    match part {
        ContentPart::Text(text) => text.clone(),
        ContentPart::Image(image) => {
            let detail = image.detail.map(Detail::as_str);
            match &image.source {
                ImageSource::Url(url) => describe_url(url, detail),
                ImageSource::File(file) => {
                    describe_image(file.format.media_type(), file.identity.len, detail)
                }
                ImageSource::Bytes { format, bytes } => {
                    describe_image(format.media_type(), bytes.len() as u64, detail)
                }
            }
        }
    }
}

/// The parts of a message that is sent unchanged.
fn describe_raw(json: &str) -> Vec<String> {
    let message: Value = serde_json::from_str(json).unwrap_or_default();
    match &message["content"] {
        Value::String(text) => vec![text.clone()],
        Value::Array(parts) => parts
            .iter()
            .map(|part| match (&part["text"], &part["image_url"]["url"]) {
                (Value::String(text), _) => text.clone(),
                (_, Value::String(url)) => describe_url(url, part["image_url"]["detail"].as_str()),
                _ => format!("[{}]", part["type"].as_str().unwrap_or("unknown")),
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn describe_url(url: &str, detail: Option<&str>) -> String {
    let Some((head, data)) = url.split_once(',') else { return url.to_owned() };
    let head = head.to_ascii_lowercase();
    match head.strip_prefix("data:").and_then(|head| head.strip_suffix(";base64")) {
        Some(media_type) => {
            let len = data.trim_end_matches('=').len() as u64 * 3 / 4;
            describe_image(media_type, len, detail)
        }
        None => url.to_owned(),
    }
}

fn describe_image(media_type: &str, len: u64, detail: Option<&str>) -> String {
    match detail {
        Some(detail) => format!("[{media_type}, {len} bytes, detail {detail}]"),
        None => format!("[{media_type}, {len} bytes]"),
    }
}
