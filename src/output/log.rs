//! The log (`--log`): one JSON line per run, without the key, the prompt and the answer.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Error, Result};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use serde::de::IgnoredAny;

use super::error_text::describe_for_log;
use super::masks::Masks;
use super::reporter::Reporter;
use super::time::rfc3339;
use crate::api::{Answer, Usage};
use crate::error::{ExitStatus, Failure, exit_status, failure};
use crate::json::to_json;

/// How much of a word of the API is logged, in bytes.
const MAX_WORD: usize = 400;

/// A pipe without a reader is an error, and a terminal does not become that of this process.
const PROBE_FLAGS: i32 = OFlags::NONBLOCK.union(OFlags::NOCTTY).bits().cast_signed();

/// What a run came to. What is not known stays out of the log.
#[derive(Debug, Default)]
pub struct LogEntry {
    /// How many times the request was retried.
    pub retries: u32,
    /// The API in use, as `--api` names it.
    pub api: Option<&'static str>,
    /// The requested model.
    pub model: Option<String>,
    /// The model that answered, by the response's own words.
    pub response_model: Option<String>,
    /// Where the response came from: `api`, `cache` or `rehearsal`.
    pub source: Option<&'static str>,
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

/// The line of the log that a run leaves, whatever its outcome.
#[derive(Debug)]
pub struct Log {
    /// `None` where no line is written.
    path: Option<PathBuf>,
    file: Option<File>,
    started: SystemTime,
    clock: Instant,
    /// What is known so far.
    pub entry: LogEntry,
}

impl Log {
    /// The log of a run that begins now; none without a path.
    pub fn begin(path: Option<&Path>) -> Self {
        Self {
            path: path.map(Path::to_owned),
            file: None,
            started: SystemTime::now(),
            clock: Instant::now(),
            entry: LogEntry::default(),
        }
    }

    /// Finds out whether the log can be written. Its file is made if it is missing.
    ///
    /// # Errors
    ///
    /// Exit status 1.
    pub fn open(&mut self) -> Result<()> {
        // What cannot be written is not tried again at the end.
        let Some(path) = self.path.take() else { return Ok(()) };
        self.file = Some(open(&path).with_context(|| unwritable(&path))?);
        self.path = Some(path);
        Ok(())
    }

    /// Notes what an answer says of itself.
    pub fn note_answer(&mut self, answer: &Answer) {
        let entry = &mut self.entry;
        entry.response_model.clone_from(&answer.model);
        entry.finish_reason.clone_from(&answer.finish_reason);
        entry.usage = answer.usage.as_ref().and_then(Usage::raw).map(ToOwned::to_owned);
        entry.cost_usd = answer.usage.as_ref().and_then(Usage::cost_usd);
    }

    /// Appends the line. A usage error leaves none: nothing was done.
    ///
    /// # Errors
    ///
    /// The error of the run; exit status 1 where the run would have ended with 0 or 9 and the line cannot be
    /// written.
    pub fn finish(mut self, result: Result<()>, reporter: &Reporter) -> Result<()> {
        let error = result.as_ref().err();
        if error.is_some_and(|error| exit_status(error) == ExitStatus::Usage) {
            return result;
        }
        match (self.append(error, reporter.masks()), result) {
            (Ok(()), result) => result,
            (Err(trouble), Ok(())) => Err(trouble),
            (Err(trouble), Err(error)) => {
                reporter.minor_error(&trouble);
                Err(as_local_if_unusable(error))
            }
        }
    }

    fn append(&mut self, error: Option<&Error>, masks: &Masks) -> Result<()> {
        // The run may have failed before the outputs were checked.
        if self.file.is_none() {
            self.open()?;
        }
        let (Some(path), Some(mut file)) = (&self.path, self.file.as_ref()) else { return Ok(()) };
        // In one write, so that the lines of runs that end at once do not mix.
        file.write_all(self.line(error, masks).as_bytes()).with_context(|| unwritable(path))
    }

    /// The line of a run that ends now.
    fn line(&self, error: Option<&Error>, masks: &Masks) -> String {
        let LogEntry { retries, api, model, response_model, source, .. } = &self.entry;
        let LogEntry { http_status, request_id, finish_reason, usage, cost_usd, .. } = &self.entry;
        let word = |text: &Option<String>| {
            text.as_ref().map(|text| to_json(&masks.shorten(text, MAX_WORD)))
        };
        let failure = error.and_then(failure);
        let failed_status = failure.and_then(|failure| failure.http_status);
        let failed_id = failure.and_then(|failure| word(&failure.request_id));
        let usage = usage.as_ref().map(|usage| masks.apply(usage));
        let is_json = |text: &String| serde_json::from_str::<IgnoredAny>(text).is_ok();
        let is_free = source.is_some_and(|source| source != "api");
        let why = error.map(|error| {
            object(&[
                ("kind", Some(to_json(kind(exit_status(error))))),
                ("message", Some(to_json(&describe_for_log(error, masks)))),
                ("retry_after", failure.and_then(|failure| failure.retry_after).map(seconds)),
            ])
        });
        let line = object(&[
            ("time", Some(to_json(&rfc3339(self.started)))),
            ("exit", Some(error.map_or(0, |error| exit_status(error) as u8).to_string())),
            ("seconds", Some(seconds(self.clock.elapsed()))),
            ("retries", Some(retries.to_string())),
            ("api", api.map(to_json)),
            ("model", word(model)),
            ("response_model", word(response_model)),
            ("source", source.map(to_json)),
            ("http_status", failed_status.or(*http_status).map(|status| status.to_string())),
            ("request_id", failed_id.or_else(|| word(request_id))),
            ("finish_reason", word(finish_reason)),
            ("usage", usage.filter(is_json)),
            ("cost_usd", if is_free { Some(to_json("0")) } else { word(cost_usd) }),
            ("error", why),
        ]);
        line + "\n"
    }
}

/// The known ones of these fields as a JSON object.
fn object(fields: &[(&str, Option<String>)]) -> String {
    let field =
        |(name, json): &(&str, Option<String>)| Some(format!("\"{name}\":{}", json.as_ref()?));
    let fields: Vec<String> = fields.iter().filter_map(field).collect();
    format!("{{{}}}", fields.join(","))
}

/// An unusable answer whose run also failed here: its reason stays, its status does not.
fn as_local_if_unusable(error: Error) -> Error {
    if exit_status(&error) != ExitStatus::Unusable {
        return error;
    }
    match error.downcast::<Failure>() {
        Ok(failure) => failure.status(ExitStatus::Local).into(),
        Err(error) => error,
    }
}

fn unwritable(path: &Path) -> Failure {
    Failure::local(format!("--log {}", path.display()))
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

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let file = options.append(true).create(true).custom_flags(PROBE_FLAGS).open(path)?;
    // A full pipe is waited for.
    fcntl_setfl(&file, fcntl_getfl(&file)? & !OFlags::NONBLOCK)?;
    Ok(file)
}

/// Seconds with three decimals.
fn seconds(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const KEY: &str = "xai-Secret0123456789abcdefghi";

    fn line(entry: LogEntry, error: Option<&Error>) -> Value {
        let mut masks = Masks::default();
        masks.add(KEY);
        let line = Log { entry, ..Log::begin(None) }.line(error, &masks);
        assert_eq!(line.find('\n'), Some(line.len() - 1), "{line}");
        serde_json::from_str(&line).expect("JSON")
    }

    #[test]
    fn unknown_values_are_absent() {
        let entry = line(LogEntry::default(), None);
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
            source: Some("api"),
            http_status: Some(200),
            request_id: Some("id".into()),
            finish_reason: Some("stop".into()),
            usage: Some(r#"{"total_tokens":1.50}"#.into()),
            cost_usd: Some("0.00077".into()),
        };
        let mut known = line(entry, None);
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
        let entry = LogEntry { http_status: Some(200), ..LogEntry::default() };
        let json = line(entry, Some(&failure.into()));
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
            ..LogEntry::default()
        };
        let miss = Failure::local("no cached answer").detail(Some("\"the prompt\"".into()));
        let json = line(entry, Some(&miss.into()));
        assert_eq!(json["error"], json!({"kind": "local", "message": "no cached answer"}));
        assert_eq!(json["response_model"], "[key]");
        assert_eq!(json["usage"], json!({"[key]": 1}));
        assert_eq!(json["finish_reason"].as_str().map(str::len), Some(MAX_WORD));
    }

    #[test]
    fn answers_without_a_request_cost_nothing() {
        for source in ["cache", "rehearsal"] {
            let cost_usd = Some("0.5".into());
            let entry = LogEntry { source: Some(source), cost_usd, ..LogEntry::default() };
            assert_eq!(line(entry, None)["cost_usd"], "0");
        }
    }

    #[test]
    fn lines_are_appended_and_an_unwritable_file_is_an_error_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        std::fs::write(&path, "{}\n").expect("written");
        for _ in 0..2 {
            let mut log = Log::begin(Some(&path));
            log.open().expect("it can be written");
            log.finish(Ok(()), &Reporter::default()).expect("written");
        }
        let text = std::fs::read_to_string(&path).expect("read");
        assert!(text.lines().count() == 3 && text.ends_with("}\n"), "{text}");
        for (path, why) in [
            (folder.path().to_owned(), "is a directory"),
            (folder.path().join("no/log"), "no such file"),
        ] {
            let error = Log::begin(Some(&path)).open().expect_err("it cannot be written");
            let text = super::super::error_text::describe(&error, &Masks::default());
            assert!(text.starts_with("--log /") && text.contains(why), "{text}");
        }
        Log::begin(Some(Path::new("/dev/null"))).open().expect("a device");
    }
}
