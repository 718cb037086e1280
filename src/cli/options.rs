//! The flags that become options of the request.

use super::flags::{RequestArgs, SearchArgs};
use crate::api::{AnswerFormat, ModelOptions, RawField, Search, WebSearch, XSearch};

/// The options that were given, and no others; a schema is read later.
pub fn resolve(args: RequestArgs, search: SearchArgs) -> ModelOptions {
    let RequestArgs {
        model: _,
        api: _,
        max_tokens,
        temperature,
        top_p,
        seed,
        stop,
        reasoning_effort,
        schema: _,
        choice,
        param,
    } = args;
    let extra = param.into_iter().map(|(name, value)| RawField::new(name, &value)).collect();
    ModelOptions {
        max_tokens,
        temperature,
        top_p,
        seed,
        stop,
        reasoning_effort,
        format: (!choice.is_empty()).then_some(AnswerFormat::Choice(choice)),
        search: search_options(search),
        extra,
    }
}

fn search_options(args: SearchArgs) -> Option<Search> {
    let SearchArgs {
        web_search,
        x_search,
        domain,
        handle,
        from_date,
        to_date,
        sources: _,
        require_sources: _,
    } = args;
    let web = web_search.then_some(WebSearch { domains: domain });
    let x = x_search.then_some(XSearch { handles: handle, from_date, to_date });
    (web.is_some() || x.is_some()).then_some(Search { web, x })
}
