//! Where a usable answer is kept, besides being printed: the conversation and the cache.

use std::io::Read;
use std::mem;

use anyhow::Result;

use crate::api::{self, Answer, Api, Request, Transfer};
use crate::body::Body;
use crate::cli::BackendPlan;
use crate::client::BaseUrl;
use crate::message::{ContentPart, Message, NewMessage, Role};
use crate::offline::{CacheEntry, Lookup};
use crate::output::Reporter;
use crate::prompt::Conversation;

/// Where the answer to a request is recorded, if it is.
///
/// # Errors
///
/// Exit status 1 where an image can no longer be read.
pub fn cache_entry(
    plan: &BackendPlan,
    base_url: &BaseUrl,
    api: Api,
    request: &Request,
) -> Result<Option<CacheEntry>> {
    let Some(folder) = plan.cache() else { return Ok(None) };
    let path = base_url.path_of(api.wire_format().path());
    let body = api.wire_format().encode(request, Transfer::default());
    CacheEntry::for_request(folder, &path, request.summary(), &body).map(Some)
}

/// The response that the cache has for a request. If there is none, it is found out whether one can be recorded.
///
/// # Errors
///
/// Exit status 1 where the cache cannot be used, or where there is no answer and the network may not be used.
pub fn cached_response(
    plan: &BackendPlan,
    entry: Option<&CacheEntry>,
    request: &Request,
    is_usable: impl Fn(&[u8]) -> bool,
    reporter: &Reporter,
) -> Result<Option<Vec<u8>>> {
    let Some(entry) = entry else { return Ok(None) };
    let is_offline = matches!(plan, BackendPlan::Offline { .. });
    match entry.load()? {
        Lookup::Hit(response) if is_offline || is_usable(&response) => {
            note_age(entry, request, reporter);
            return Ok(Some(response));
        }
        Lookup::Hit(_) | Lookup::Miss => {}
        Lookup::Corrupt => {
            reporter.note(&format!("{}: corrupt; ignored", entry.path().display()));
        }
    }
    if is_offline {
        return Err(entry.miss(&request.model, &request.last_prompt()).into());
    }
    entry.ensure_writable()?;
    Ok(None)
}

/// What was found by a search may have changed since.
fn note_age(entry: &CacheEntry, request: &Request, reporter: &Reporter) {
    if !request.options.requests_search() {
        return;
    }
    let Some(age) = entry.age() else { return };
    let (count, unit) = match age.as_secs() {
        seconds if seconds < 3600 => (seconds / 60, "minute"),
        seconds if seconds < 48 * 3600 => (seconds / 3600, "hour"),
        seconds => (seconds / 86_400, "day"),
    };
    let plural = if count == 1 { "" } else { "s" };
    reporter.note(&format!("the answer is from the cache, {count} {unit}{plural} old"));
}

/// Keeps a usable answer in the conversation and the record, in the second also if the first fails.
///
/// # Errors
///
/// Exit status 1 where it cannot be written.
pub fn save(
    answer: &mut Answer,
    request: &Request,
    conversation: Option<&mut Conversation>,
    record: Option<&CacheEntry>,
) -> Result<()> {
    if !answer.is_usable() {
        return Ok(());
    }
    let appended = match conversation {
        Some(conversation) => {
            lines_to_append(request, answer).and_then(|lines| conversation.append(&lines))
        }
        None => Ok(()),
    };
    let stored = match (record, &answer.body) {
        (Some(record), Some(response)) => record.store(response),
        _ => Ok(()),
    };
    appended.and(stored)
}

/// The new messages of the request, and the answer, each as a line of a conversation. The answer may be large: its
/// text is borrowed meanwhile, and not copied.
fn lines_to_append(request: &Request, answer: &mut Answer) -> Result<Vec<u8>> {
    let text = mem::take(&mut answer.text);
    let mut message = NewMessage::text(Role::Assistant, text);
    let lines = encode_lines(request, &message);
    if let Some(ContentPart::Text(text)) = message.content.pop() {
        answer.text = text;
    }
    lines
}

fn encode_lines(request: &Request, answer: &NewMessage) -> Result<Vec<u8>> {
    let new = request.messages.iter().filter_map(|message| match message {
        Message::Raw(_) => None,
        Message::New(message) => Some(message),
    });
    let bodies: Vec<Body> = new.chain([answer]).map(api::encode_message).collect();
    let len: u64 = bodies.iter().map(|body| body.len() + 1).sum();
    let mut lines = Vec::with_capacity(usize::try_from(len)?);
    for body in bodies {
        body.reader().read_to_end(&mut lines)?;
        lines.push(b'\n');
    }
    Ok(lines)
}
