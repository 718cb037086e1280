//! The log (`--log`): one JSON line per run, without the key, the prompt and the answer.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Error, Result};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use serde::Serialize;
use serde_json::value::RawValue;

use super::error_text::describe_for_log;
use super::masks::Masks;
use super::reporter::Reporter;
use super::time::rfc3339;
use crate::error::{ExitStatus, Failure, exit_status, failure};

/// How much of a word of the API is logged, in bytes.
const MAX_WORD: usize = 400;

/// A pipe without a reader is an error, and a terminal does not become that of this process.
const PROBE_FLAGS: i32 = OFlags::NONBLOCK.union(OFlags::NOCTTY).bits().cast_signed();

/// What a run came to. What is not known stays out of the log.
#[derive(Debug)]
pub struct LogEntry {
    started: SystemTime,
    clock: Instant,
    /// How many times the request was retried.
    pub retries: u32,
    /// The API in use, as `--api` names it.
    pub api: Option<&'static str>,
    /// The requested model.
    pub model: Option<String>,
    /// The model that answered, by the response's own words.
    pub response_model: Option<String>,
    /// Where the response came from.
    pub source: Option<ResponseSource>,
    /// The HTTP status of the last response.
    pub http_status: Option<u16>,
    /// The `x-request-id` of the last response.
    pub request_id: Option<String>,
    /// Why the model stopped, in the API's words.
    pub finish_reason: Option<String>,
    /// The JSON of the response's `usage`, in one line.
    pub usage: Option<String>,
    /// What the answer cost, as an exact decimal of dollars.
    pub cost_usd: Option<String>,
}

/// Where a response came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ResponseSource {
    /// From the API itself.
    Api,
    /// From a record of an earlier run.
    Cache,
    /// From the program, which simulated the API.
    Rehearsal,
}

impl LogEntry {
    /// The entry of a run that begins now.
    pub fn begin() -> Self {
        Self {
            started: SystemTime::now(),
            clock: Instant::now(),
            retries: 0,
            api: None,
            model: None,
            response_model: None,
            source: None,
            http_status: None,
            request_id: None,
            finish_reason: None,
            usage: None,
            cost_usd: None,
        }
    }

    /// The line of a run that ends now.
    fn line(&self, error: Option<&Error>, masks: &Masks) -> Vec<u8> {
        let word = |text: &Option<String>| text.as_ref().map(|text| masks.shorten(text, MAX_WORD));
        let is_free = self.source.is_some_and(|source| source != ResponseSource::Api);
        let failure = error.and_then(failure);
        let line = Line {
            time: rfc3339(self.started),
            exit: error.map_or(0, |error| exit_status(error) as u8),
            seconds: seconds(self.clock.elapsed()),
            retries: self.retries,
            api: self.api,
            model: word(&self.model),
            response_model: word(&self.response_model),
            source: self.source,
            http_status: failure.and_then(|failure| failure.http_status).or(self.http_status),
            request_id: word(&failure.and_then(|failure| failure.request_id.clone()))
                .or_else(|| word(&self.request_id)),
            finish_reason: word(&self.finish_reason),
            usage: self
                .usage
                .as_ref()
                .and_then(|usage| RawValue::from_string(masks.apply(usage)).ok()),
            cost_usd: if is_free { Some("0".to_owned()) } else { word(&self.cost_usd) },
            error: error.map(|error| ErrorFields {
                kind: kind(exit_status(error)),
                message: describe_for_log(error, masks),
                retry_after: failure.and_then(|failure| failure.retry_after).map(seconds),
            }),
        };
        // Strings and numbers cannot fail.
        let mut line = serde_json::to_vec(&line).unwrap_or_default();
        line.push(b'\n');
        line
    }
}

/// The fields of a line, in their order.
#[derive(Serialize)]
struct Line {
    time: String,
    exit: u8,
    seconds: f64,
    retries: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    api: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<ResponseSource>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finish_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_usd: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorFields>,
}

/// Why the run did not end with 0.
#[derive(Serialize)]
struct ErrorFields {
    kind: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<f64>,
}

fn kind(status: ExitStatus) -> &'static str {
    match status {
        ExitStatus::Local => "local",
        ExitStatus::Usage => "usage",
        ExitStatus::Key => "key",
        ExitStatus::Rejected => "rejected",
        ExitStatus::RateLimit => "rate_limit",
        ExitStatus::NotDelivered => "not_delivered",
        ExitStatus::Incomplete => "incomplete",
        ExitStatus::Server => "server",
        ExitStatus::Unusable => "unusable",
        ExitStatus::BrokenPipe => "broken_pipe",
    }
}

/// A log that can be written.
#[derive(Debug)]
pub struct Log {
    file: File,
    /// The option and the path, for messages.
    name: String,
}

impl Log {
    /// Opens a log, which is made if it is missing.
    ///
    /// # Errors
    ///
    /// Exit status 1 where it cannot be written.
    pub fn open(path: &Path) -> Result<Self> {
        let name = format!("--log {}", path.display());
        let file = open(path).with_context(|| Failure::local(&*name))?;
        Ok(Self { file, name })
    }

    /// Appends the line of a run that ends now, with this error if it does not end with 0.
    ///
    /// # Errors
    ///
    /// Exit status 1 where it cannot be written.
    pub fn append(
        &self,
        entry: &LogEntry,
        error: Option<&Error>,
        reporter: &Reporter,
    ) -> Result<()> {
        // In one write, so that the lines of runs that end at once do not mix.
        let line = entry.line(error, reporter.masks());
        (&self.file).write_all(&line).with_context(|| Failure::local(&*self.name))
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let file = options.append(true).create(true).custom_flags(PROBE_FLAGS).open(path)?;
    // A full pipe is waited for.
    fcntl_setfl(&file, fcntl_getfl(&file)? & !OFlags::NONBLOCK)?;
    Ok(file)
}

/// Seconds with three decimals.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const KEY: &str = "xai-Secret0123456789abcdefghi";

    fn line(entry: &LogEntry, error: Option<&Error>) -> Value {
        let mut masks = Masks::default();
        masks.add(KEY);
        let line = String::from_utf8(entry.line(error, &masks)).expect("text");
        assert_eq!(line.find('\n'), Some(line.len() - 1), "{line}");
        serde_json::from_str(&line).expect("JSON")
    }

    #[test]
    fn unknown_values_are_absent() {
        let entry = line(&LogEntry::begin(), None);
        let fields: Vec<&String> = entry.as_object().expect("an object").keys().collect();
        assert_eq!(fields, ["exit", "retries", "seconds", "time"]);
        assert_eq!(entry["exit"], 0);
    }

    #[test]
    fn known_values_are_present() {
        let entry = LogEntry {
            retries: 1,
            api: Some("chat"),
            model: Some("grok-4".into()),
            response_model: Some("grok-4-0709".into()),
            source: Some(ResponseSource::Api),
            http_status: Some(200),
            request_id: Some("id".into()),
            finish_reason: Some("stop".into()),
            usage: Some(r#"{"total_tokens":1.50}"#.into()),
            cost_usd: Some("0.00077".into()),
            ..LogEntry::begin()
        };
        let mut known = line(&entry, None);
        let fields = known.as_object_mut().expect("an object");
        assert!(fields.remove("time").is_some() && fields.remove("seconds").is_some());
        let expected = json!({
            "exit": 0, "retries": 1, "api": "chat", "model": "grok-4", "response_model": "grok-4-0709",
            "source": "api", "http_status": 200, "request_id": "id", "finish_reason": "stop",
            "usage": {"total_tokens": 1.50}, "cost_usd": "0.00077",
        });
        assert_eq!(known, expected);
    }

    #[test]
    fn an_error_is_recorded_with_its_kind_and_its_message() {
        let failure = Failure::new(ExitStatus::RateLimit, "rate limit exceeded")
            .detail(Some(format!("slow\ndown, {KEY}")))
            .response(429, Some(KEY))
            .retry_after(Some(Duration::from_millis(1500)));
        let entry = LogEntry { http_status: Some(200), ..LogEntry::begin() };
        let json = line(&entry, Some(&failure.into()));
        assert_eq!(json["exit"], 5);
        assert_eq!((&json["http_status"], &json["request_id"]), (&json!(429), &json!("[key]")));
        let message = "rate limit exceeded: slow down, [key]";
        let expected = json!({"kind": "rate_limit", "message": message, "retry_after": 1.5});
        assert_eq!(json["error"], expected);
    }

    #[test]
    fn neither_the_key_nor_the_prompt_is_logged() {
        let entry = LogEntry {
            response_model: Some(KEY.to_uppercase()),
            finish_reason: Some("x".repeat(1000)),
            usage: Some(format!("{{\"{KEY}\":1}}")),
            ..LogEntry::begin()
        };
        let miss = Failure::local("no cached answer").detail(Some("\"the prompt\"".into()));
        let json = line(&entry, Some(&miss.into()));
        assert_eq!(json["error"], json!({"kind": "local", "message": "no cached answer"}));
        assert_eq!(json["response_model"], "[key]");
        assert_eq!(json["usage"], json!({"[key]": 1}));
        assert_eq!(json["finish_reason"].as_str().map(str::len), Some(MAX_WORD));
    }

    #[test]
    fn answers_without_a_request_cost_nothing() {
        for source in [ResponseSource::Cache, ResponseSource::Rehearsal] {
            let cost_usd = Some("0.5".into());
            let entry = LogEntry { source: Some(source), cost_usd, ..LogEntry::begin() };
            assert_eq!(line(&entry, None)["cost_usd"], "0");
        }
    }

    #[test]
    fn lines_are_appended_and_an_unwritable_file_is_an_error_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        std::fs::write(&path, "{}\n").expect("written");
        for _ in 0..2 {
            let log = Log::open(&path).expect("it can be written");
            log.append(&LogEntry::begin(), None, &Reporter::default()).expect("written");
        }
        let text = std::fs::read_to_string(&path).expect("read");
        assert!(text.lines().count() == 3 && text.ends_with("}\n"), "{text}");
        for (path, why) in [
            (folder.path().to_owned(), "is a directory"),
            (folder.path().join("no/log"), "no such file"),
        ] {
            let error = Log::open(&path).expect_err("it cannot be written");
            let text = super::super::error_text::describe(&error, &Masks::default());
            assert!(text.starts_with("--log /") && text.contains(why), "{text}");
        }
        Log::open(Path::new("/dev/null")).expect("a device");
    }
}
