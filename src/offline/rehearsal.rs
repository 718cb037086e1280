//! Answers from inside the program, in the wire format of the API: no key, no network, no cost.
//!
//! Every branch of a script can be tried with it. What comes out is read by the same code that reads the
//! API's responses.

use std::io;

use anyhow::Result;
use serde_json::json;

use super::sample;
use crate::api::{self, AnswerFormat, Api, Request, Scenario};
use crate::body::Body;
use crate::response::Response;

/// A simulated API.
#[derive(Debug, Clone, Copy)]
pub struct Rehearsal {
    /// The outcome that is simulated.
    pub scenario: Scenario,
    /// A usable answer has a code block, for `--extract`.
    pub in_code_block: bool,
}

impl Rehearsal {
    /// The response to a request: for a deferred one an id, whose answer [`Rehearsal::answer`] is.
    ///
    /// # Errors
    ///
    /// Status 6 if the scenario is `offline`; a local error if the body cannot be read to its end; status
    /// 2 if a sample for the schema cannot be made.
    pub fn respond(&self, api: Api, request: &Request, body: &Body) -> Result<Response> {
        if self.scenario.is_answered() || request.transfer.deferred {
            // As the network would: an image that changed meanwhile is found here too.
            io::copy(&mut body.reader(), &mut io::sink())?;
        }
        // Found before an id is given, for which there would be no answer.
        let response = self.answer(api, request)?;
        Ok(if request.transfer.deferred { api::scripted_id() } else { response })
    }

    /// The answer to a request.
    ///
    /// # Errors
    ///
    /// As [`Rehearsal::respond`].
    pub fn answer(&self, api: Api, request: &Request) -> Result<Response> {
        let text = match &request.options.format {
            _ if !self.scenario.has_own_text() => String::new(),
            Some(AnswerFormat::Schema(schema)) => sample::generate(schema)?,
            // As the API answers under that schema.
            Some(AnswerFormat::Choice(choices)) => json!({ "choice": choices.first() }).to_string(),
            None => {
                let text = format!("[rehearsal]\n{}", request.summary());
                if self.in_code_block { code_block(&text) } else { text }
            }
        };
        Ok(api.scripted(request, self.scenario, &text)?)
    }
}

/// A text in a code block, whose fence is longer than any in the text.
fn code_block(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat((longest + 1).max(3));
    format!("{fence}\n{text}\n{fence}")
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::api::{ModelOptions, Transfer};
    use crate::message::{Message, NewMessage, Role};

    fn request(text: &str, options: ModelOptions) -> Request {
        let message = Message::New(NewMessage::text(Role::User, text.into()));
        Request {
            model: "grok-4".into(),
            messages: vec![message],
            options,
            transfer: Transfer::default(),
        }
    }

    fn content(response: Response) -> String {
        let mut body = String::new();
        let Response { body: mut reader, .. } = response;
        reader.read_to_string(&mut body).expect("it is text");
        let json: serde_json::Value = serde_json::from_str(&body).expect("it is JSON");
        json["choices"][0]["message"]["content"].as_str().expect("it has a text").to_owned()
    }

    #[test]
    fn the_answer_describes_the_request() {
        let rehearsal = Rehearsal { scenario: Scenario::Ok, in_code_block: false };
        let request = request("hi", ModelOptions::default());
        let response = rehearsal.answer(Api::Chat, &request).expect("it can be answered");
        assert_eq!(content(response), "[rehearsal]\nmodel: grok-4\nuser: hi");
    }

    #[test]
    fn the_answer_is_a_code_block_where_one_is_extracted() {
        let rehearsal = Rehearsal { scenario: Scenario::Ok, in_code_block: true };
        for (text, fence) in [("hi", "```"), ("a ``` b", "````"), ("`````", "``````")] {
            let request = request(text, ModelOptions::default());
            let response = rehearsal.answer(Api::Chat, &request).expect("it can be answered");
            let expected = format!("{fence}\n[rehearsal]\nmodel: grok-4\nuser: {text}\n{fence}");
            assert_eq!(content(response), expected);
        }
    }

    #[test]
    fn the_first_choice_is_chosen() {
        let format = Some(AnswerFormat::Choice(vec!["no".into(), "yes".into()]));
        let request = request("hi", ModelOptions { format, ..ModelOptions::default() });
        let rehearsal = Rehearsal { scenario: Scenario::Ok, in_code_block: false };
        let response = rehearsal.answer(Api::Chat, &request).expect("it can be answered");
        assert_eq!(content(response), r#"{"choice":"no"}"#);
    }

    #[test]
    fn a_deferred_request_gets_an_id() {
        let mut request = request("hi", ModelOptions::default());
        request.transfer.deferred = true;
        let rehearsal = Rehearsal { scenario: Scenario::RateLimit, in_code_block: false };
        let body = Api::Chat.wire_format().encode(&request, request.transfer);
        let response = rehearsal.respond(Api::Chat, &request, &body).expect("it can be answered");
        assert_eq!(response.status, 200);
        let answer = rehearsal.answer(Api::Chat, &request).expect("it can be answered");
        assert_eq!(answer.status, 429);
    }
}
