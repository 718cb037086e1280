//! The bodies of requests.

use super::super::{
    AnswerFormat, ModelOptions, RawField, Request, Schema, Search, Transfer, WebSearch, XSearch,
};
use super::*;
use crate::message::{
    ContentPart, Detail, Image, ImageFormat, ImageSource, Message, NewMessage, RawMessage, Role,
};

fn body(api: Api, request: &Request) -> String {
    let body = api.wire_format().encode(request, request.transfer);
    let mut json = String::new();
    body.reader().read_to_string(&mut json).expect("nothing can change");
    assert_eq!(body.len(), json.len() as u64);
    assert!(serde_json::from_str::<serde::de::IgnoredAny>(&json).is_ok(), "{json}");
    json
}

fn request(messages: Vec<Message>, options: ModelOptions) -> Request {
    Request { model: "grok-4".into(), messages, options, transfer: Transfer::default() }
}

fn hi() -> Vec<Message> {
    vec![Message::New(NewMessage::text(Role::User, "hi".into()))]
}

fn search() -> Search {
    Search { web: Some(WebSearch::default()), x: Some(XSearch::default()) }
}

#[test]
fn nothing_is_sent_that_was_not_given() {
    let request = request(hi(), ModelOptions::default());
    assert_eq!(
        body(Api::Chat, &request),
        r#"{"model":"grok-4","messages":[{"role":"user","content":"hi"}]}"#
    );
    assert_eq!(
        body(Api::Responses, &request),
        r#"{"model":"grok-4","input":[{"role":"user","content":"hi"}],"store":false}"#
    );
}

#[test]
fn messages_have_texts_and_images_in_order() {
    let image = |source, detail| ContentPart::Image(Image { source, detail });
    let raw = r#"{"role":"assistant","content":"Yes.","x":1}"#;
    let messages = vec![
        Message::New(NewMessage::text(Role::System, "Be \"brief\".".into())),
        Message::Raw(RawMessage { role: Role::Assistant, json: raw.into(), place: String::new() }),
        Message::New(NewMessage {
            role: Role::User,
            content: vec![
                ContentPart::Text("a".into()),
                image(ImageSource::Url("https://a.org/b.png".into()), None),
                image(
                    ImageSource::Bytes { format: ImageFormat::Png, bytes: b"abc".to_vec() },
                    Some(Detail::High),
                ),
            ],
        }),
    ];
    let request = request(messages, ModelOptions::default());
    assert_eq!(
        body(Api::Chat, &request),
        r#"{"model":"grok-4","messages":[{"role":"system","content":"Be \"brief\"."},{"role":"assistant","content":"Yes.","x":1},{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"https://a.org/b.png"}},{"type":"image_url","image_url":{"url":"data:image/png;base64,YWJj","detail":"high"}}]}]}"#
    );
    assert_eq!(
        body(Api::Responses, &request),
        r#"{"model":"grok-4","input":[{"role":"system","content":"Be \"brief\"."},{"role":"assistant","content":"Yes.","x":1},{"role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_image","image_url":"https://a.org/b.png"},{"type":"input_image","image_url":"data:image/png;base64,YWJj","detail":"high"}]}],"store":false}"#
    );
}

#[test]
fn each_option_has_its_field() {
    let options = |search| ModelOptions {
        max_tokens: Some(400),
        temperature: Some(1.0),
        top_p: Some(0.5),
        reasoning_effort: Some("low".into()),
        format: Some(AnswerFormat::Schema(Schema {
            name: "diff".into(),
            json: r#"{"type":"object"}"#.into(),
        })),
        search,
        extra: vec![RawField::new("user".into(), "ann"), RawField::new("max_turns".into(), "2")],
        ..ModelOptions::default()
    };
    let chat = ModelOptions { seed: Some(-7), stop: vec!["a".into(), "b".into()], ..options(None) };
    let transfer = Transfer { stream: true, stream_usage: true, deferred: true };
    let chat = Request { transfer, ..request(hi(), chat) };
    assert_eq!(
        body(Api::Chat, &chat),
        r#"{"model":"grok-4","messages":[{"role":"user","content":"hi"}],"max_completion_tokens":400,"temperature":1,"top_p":0.5,"seed":-7,"stop":["a","b"],"reasoning_effort":"low","user":"ann","max_turns":2,"response_format":{"type":"json_schema","json_schema":{"name":"diff","schema":{"type":"object"},"strict":true}},"stream":true,"stream_options":{"include_usage":true},"deferred":true}"#
    );
    let responses = request(hi(), options(Some(search())));
    let responses = Request { transfer, ..responses };
    assert_eq!(
        body(Api::Responses, &responses),
        r#"{"model":"grok-4","input":[{"role":"user","content":"hi"}],"store":false,"max_output_tokens":400,"temperature":1,"top_p":0.5,"reasoning":{"effort":"low"},"user":"ann","max_turns":2,"text":{"format":{"type":"json_schema","name":"diff","schema":{"type":"object"},"strict":true}},"tools":[{"type":"web_search"},{"type":"x_search"}],"stream":true}"#
    );
}

#[test]
fn a_search_has_its_filters() {
    let web = WebSearch { domains: vec!["kernel.org".into(), "lwn.net".into()] };
    let x = XSearch {
        handles: vec!["xai".into()],
        from_date: Some("2026-11-01".into()),
        to_date: Some("2026-11-25".into()),
    };
    let search = Some(Search { web: Some(web), x: Some(x) });
    let request = request(hi(), ModelOptions { search, ..ModelOptions::default() });
    let tools = r#""tools":[{"type":"web_search","allowed_domains":["kernel.org","lwn.net"]},{"type":"x_search","allowed_x_handles":["xai"],"from_date":"2026-11-01","to_date":"2026-11-25"}]"#;
    assert!(body(Api::Responses, &request).contains(tools));
}

#[test]
fn a_request_has_the_same_identity_however_its_answer_travels() {
    let transfer = Transfer { stream: true, stream_usage: true, deferred: true };
    let plain = request(hi(), ModelOptions::default());
    let other = Request { transfer, ..request(hi(), ModelOptions::default()) };
    for api in Api::ALL {
        let identity = api.wire_format().encode(&other, Transfer::default());
        let identity = io::read_to_string(identity.reader()).expect("it is text");
        assert_eq!(identity, body(api, &plain));
        assert_ne!(identity, body(api, &other));
    }
}

#[test]
fn a_choice_is_a_strict_schema() {
    let format = Some(AnswerFormat::Choice(vec!["yes".into(), "n\"o".into()]));
    let request = request(hi(), ModelOptions { format, ..ModelOptions::default() });
    let schema = r#"{"type":"object","properties":{"choice":{"type":"string","enum":["yes","n\"o"]}},"required":["choice"],"additionalProperties":false}"#;
    let chat = format!(
        r#""response_format":{{"type":"json_schema","json_schema":{{"name":"choice","schema":{schema},"strict":true}}}}"#
    );
    assert!(body(Api::Chat, &request).contains(&chat));
    let responses = format!(
        r#""text":{{"format":{{"type":"json_schema","name":"choice","schema":{schema},"strict":true}}}}"#
    );
    assert!(body(Api::Responses, &request).contains(&responses));
}

#[test]
fn fields_the_user_cannot_set_are_refused() {
    let with = |name: &str| ModelOptions {
        max_tokens: Some(1),
        temperature: Some(1.0),
        reasoning_effort: Some("low".into()),
        extra: vec![RawField::new(name.into(), "1")],
        ..ModelOptions::default()
    };
    for (api, refused, taken) in [
        (
            Api::Chat,
            &[
                "model",
                "messages",
                "stream",
                "stream_options",
                "n",
                "deferred",
                "temperature",
                "max_completion_tokens",
                "reasoning_effort",
            ][..],
            &["top_p", "input", "store", "tools", "response_format"][..],
        ),
        (
            Api::Responses,
            &[
                "model",
                "input",
                "instructions",
                "stream",
                "store",
                "previous_response_id",
                "background",
                "conversation",
                "messages",
                "n",
                "deferred",
                "stream_options",
                "max_tokens",
                "max_completion_tokens",
                "response_format",
                "reasoning_effort",
                "seed",
                "stop",
                "temperature",
                "max_output_tokens",
                "reasoning",
            ],
            &["top_p", "include", "max_turns", "tools", "text", "top_k"],
        ),
    ] {
        for name in refused {
            let failure = api.wire_format().check_options(&with(name), false).expect_err(name);
            assert_eq!(failure.status, ExitStatus::Usage);
            assert!(failure.to_string().contains(name), "{failure}");
        }
        for name in taken {
            assert!(api.wire_format().check_options(&with(name), false).is_ok(), "{name}");
        }
        let twice = ModelOptions {
            extra: vec![RawField::new("user".into(), "a"), RawField::new("user".into(), "b")],
            ..ModelOptions::default()
        };
        assert!(api.wire_format().check_options(&twice, false).is_err());
    }
    let formats = [(Api::Chat, "response_format"), (Api::Responses, "text")];
    for (api, name) in formats {
        assert!(api.wire_format().check_options(&with(name), true).is_err(), "{name}");
    }
    let tools = ModelOptions { search: Some(search()), ..with("tools") };
    assert!(Api::Responses.wire_format().check_options(&tools, false).is_err());
}

#[test]
fn options_that_the_responses_api_does_not_have_name_the_api_that_has_them() {
    for options in [
        ModelOptions { seed: Some(1), ..ModelOptions::default() },
        ModelOptions { stop: vec!["a".into()], ..ModelOptions::default() },
        ModelOptions { extra: vec![RawField::new("seed".into(), "1")], ..ModelOptions::default() },
    ] {
        let failure = Api::Responses
            .wire_format()
            .check_options(&options, false)
            .expect_err("it has no such field");
        let hint = failure.hint.unwrap_or_default();
        assert!(hint.contains("--api chat"), "{hint}");
        assert!(Api::Chat.wire_format().check_options(&options, false).is_ok());
    }
    let stops = ["a", "b", "c", "d", "e"].map(str::to_owned).to_vec();
    let stops = ModelOptions { stop: stops, ..ModelOptions::default() };
    assert!(Api::Chat.wire_format().check_options(&stops, false).is_err());
}

/// An option that is neither sent nor refused would be ignored silently.
#[test]
fn every_option_is_sent_or_refused() {
    let all = ModelOptions {
        max_tokens: Some(1),
        temperature: Some(1.0),
        top_p: Some(1.0),
        seed: Some(1),
        stop: vec!["a".into()],
        reasoning_effort: Some("low".into()),
        format: Some(AnswerFormat::Choice(vec!["a".into(), "b".into()])),
        search: Some(search()),
        extra: vec![RawField::new("user".into(), "ann")],
    };
    // The compiler requires a value here for every new option.
    let ModelOptions {
        max_tokens,
        temperature,
        top_p,
        seed,
        stop,
        reasoning_effort,
        format,
        search,
        extra,
    } = all;
    let none = ModelOptions::default;
    for (name, options) in [
        ("max_tokens", ModelOptions { max_tokens, ..none() }),
        ("temperature", ModelOptions { temperature, ..none() }),
        ("top_p", ModelOptions { top_p, ..none() }),
        ("seed", ModelOptions { seed, ..none() }),
        ("stop", ModelOptions { stop, ..none() }),
        ("reasoning_effort", ModelOptions { reasoning_effort, ..none() }),
        ("format", ModelOptions { format, ..none() }),
        ("search", ModelOptions { search, ..none() }),
        ("extra", ModelOptions { extra, ..none() }),
    ] {
        for api in Api::ALL {
            // A search selects the API that has it.
            if (api, name) == (Api::Chat, "search") {
                continue;
            }
            let is_refused = api.wire_format().check_options(&options, false).is_err();
            let with = body(api, &request(hi(), options.clone()));
            let is_sent = with != body(api, &request(hi(), none()));
            assert!(is_refused != is_sent, "{api:?} {name}: {with}");
        }
    }
}
