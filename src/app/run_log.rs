//! The line of the log that a run leaves, whatever its outcome.

use std::path::{Path, PathBuf};

use anyhow::{Error, Result};

use crate::api::{Answer, Usage};
use crate::error::{ExitStatus, Failure, exit_status};
use crate::output::{Log, LogEntry, Reporter};

/// The log of a run, and what is known of the run so far.
pub struct RunLog {
    path: Option<PathBuf>,
    log: Option<Log>,
    /// What is known so far.
    pub entry: LogEntry,
}

impl RunLog {
    /// The log of a run that begins now; none without a path.
    pub fn begin(path: Option<&Path>) -> Self {
        Self { path: path.map(Path::to_owned), log: None, entry: LogEntry::begin() }
    }

    /// Finds out whether the log can be written.
    ///
    /// # Errors
    ///
    /// Exit status 1.
    pub fn open(&mut self) -> Result<()> {
        let opened = self.path.as_deref().map(Log::open).transpose();
        // What cannot be written is not tried again at the end.
        self.path = self.path.take().filter(|_| opened.is_ok());
        self.log = opened?;
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
        if self.path.is_none() || error.is_some_and(|error| exit_status(error) == ExitStatus::Usage)
        {
            return result;
        }
        // The run may have failed before the outputs were checked.
        let opened = if self.log.is_none() { self.open() } else { Ok(()) };
        let appended = opened.and_then(|()| match &self.log {
            Some(log) => log.append(&self.entry, error, reporter),
            None => Ok(()),
        });
        match (result, appended) {
            (result, Ok(())) => result,
            (Ok(()), Err(trouble)) => Err(trouble),
            (Err(error), Err(trouble)) => {
                reporter.minor_error(&trouble);
                Err(as_local_if_unusable(error))
            }
        }
    }
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
