//! What a rehearsal simulates.

use super::super::super::{
    ModelOptions, RawField, Request, Scenario, Search, Transfer, WebSearch, XSearch,
};
use super::*;
use crate::message::{Message, NewMessage, Role};

/// The request of a rehearsal.
fn request(stream: bool, search: Option<Search>) -> Request {
    let options = ModelOptions { search, ..ModelOptions::default() };
    let messages = vec![Message::New(NewMessage::text(Role::User, "hi".into()))];
    let model = "grok-4".into();
    let transfer = Transfer { stream, stream_usage: true, deferred: false };
    Request { model, messages, options, transfer }
}

#[test]
fn every_scenario_has_the_outcome_of_its_name_on_both_apis() {
    for (name, code, text, why) in [
        ("ok", 0, "The whole text.", ""),
        ("searched", 0, "The whole text.", ""),
        ("unsearched", 0, "The whole text.", ""),
        ("length", 9, "This answer is truncated at the", "token limit"),
        ("filtered", 9, "This answer is", "filter"),
        ("refused", 9, "I cannot help with that.", "refused"),
        ("empty", 9, "", "empty"),
        ("tools", 9, "", "tool"),
        ("cut", 7, "", ""),
        ("401", 3, "", "not valid"),
        ("403", 3, "", "not permitted"),
        ("429", 5, "", "Too many requests"),
        ("500", 8, "", "Internal"),
        ("offline", 6, "", "offline"),
    ] {
        assert!(Scenario::names().contains(&name));
        let scenario = Scenario::from_name(name).expect(name);
        for api in Api::ALL {
            for stream in [false, true] {
                let request = request(stream, None);
                let scripted = api.scripted(&request, scenario, "The whole text.");
                let read = scripted.map_err(Into::into).and_then(|response| {
                    read_answer(api, response, Expectations::default(), &mut Sink::default())
                });
                let outcome = outcome(&read);
                let case = format!("{name} {api:?} {stream}");
                assert_eq!((outcome.code, &*outcome.text), (code, text), "{case}: {outcome:?}");
                assert!(outcome.why.contains(why), "{case}: {outcome:?}");
            }
        }
    }
}

#[test]
fn a_search_is_simulated_where_it_was_requested() {
    let web = || Some(Search { web: Some(WebSearch::default()), x: None });
    let x = || Some(Search { web: None, x: Some(XSearch::default()) });
    for (search, scenario, searched, usage) in [
        (web(), Scenario::Ok, true, " web_searches=1"),
        (x(), Scenario::Ok, true, " x_searches=1"),
        (web(), Scenario::Searched, true, " web_searches=1"),
        (web(), Scenario::Unsearched, false, ""),
        (None, Scenario::Ok, false, ""),
    ] {
        for stream in [false, true] {
            let options = ModelOptions { search: search.clone(), ..ModelOptions::default() };
            let request = Request { options, ..request(stream, None) };
            let response =
                Api::Responses.scripted(&request, scenario, "Four.").expect("it answers");
            let expectations =
                Expectations { require_sources: searched, ..Expectations::default() };
            let answer = read_answer(Api::Responses, response, expectations, &mut Sink::default());
            let answer = answer.expect("it is an answer");
            assert!(answer.is_usable());
            assert_eq!(
                (answer.searched, answer.citations.len()),
                (searched, if searched { 2 } else { 0 })
            );
            let shown = answer.usage.expect("it has usage").to_string();
            assert_eq!(shown, format!("prompt=0 completion=0 total=0{usage} cost_usd=0"));
        }
    }
}

#[test]
fn a_search_requested_by_tools_of_the_user_is_simulated_too() {
    for (tools, usage) in [
        (r#"[{"type":"x_search","excluded_x_handles":["spam"]}]"#, " x_searches=1"),
        (r#"[{"type":"x_search"},{"type":"web_search"}]"#, " web_searches=1 x_searches=1"),
        (r#"[{"type":"function","name":"f"}]"#, ""),
    ] {
        let extra = vec![RawField::new("tools".into(), tools)];
        let options = ModelOptions { extra, ..ModelOptions::default() };
        let request = Request { options, ..request(false, None) };
        let response =
            Api::Responses.scripted(&request, Scenario::Ok, "Four.").expect("it answers");
        let answer =
            read_answer(Api::Responses, response, Expectations::default(), &mut Sink::default());
        let shown = answer.expect("it is an answer").usage.expect("it has usage").to_string();
        assert_eq!(shown, format!("prompt=0 completion=0 total=0{usage} cost_usd=0"));
    }
}
