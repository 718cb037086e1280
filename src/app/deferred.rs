//! Deferred answers: polling until the answer is there.

use anyhow::Result;

use super::backend::{Backend, Operation, Session, pause};
use crate::api::{self, Answer, Expectations, Request};
use crate::client::Polling;
use crate::deadline::Deadline;
use crate::error::{self, ExitStatus, Failure};
use crate::output::Reporter;

/// One deferred answer to poll for.
pub struct DeferredAnswer<'a> {
    /// The id of the request.
    pub id: &'a str,
    /// How to fetch the answer in another run.
    pub command: &'a str,
    /// The request, whose answer a rehearsal gives.
    pub request: &'a Request,
    /// What the answer must be.
    pub expectations: Expectations<'a>,
}

impl DeferredAnswer<'_> {
    /// Polls until the answer is there, or the deadline is over.
    ///
    /// # Errors
    ///
    /// Exit status 7 when the deadline is over: the answer can still be fetched. A failure that does not pass
    /// ends the run with its own status.
    pub fn fetch(
        &self,
        backend: &Backend,
        mut polling: Polling,
        session: &mut Session,
    ) -> Result<Answer> {
        let (deadline, reporter) = (session.deadline, session.reporter);
        let mut is_first = true;
        loop {
            self.wait(&polling, backend, deadline, reporter)?;
            // A rehearsal is not ready once.
            let request = (!is_first).then_some(self.request);
            is_first = false;
            let operation = Operation::Poll { id: self.id, request };
            let mut retry_after = None;
            let polled = backend.try_once(&operation, session, &mut |response, printer| {
                retry_after = response.headers.retry_after;
                api::read_poll(response, self.expectations, printer)
            });
            match polled {
                Ok(Some(answer)) => return Ok(answer),
                Ok(None) => polling.on_not_ready(retry_after),
                Err(error) => {
                    // A rehearsal shows a script each failure once.
                    let is_repeated = backend.has_pauses()
                        && !session.printer.has_printed()
                        && error::failure(&error)
                            .is_some_and(|failure| polling.on_failure(failure));
                    if is_over(deadline) {
                        return Err(self.timed_out(deadline, &polling).into());
                    }
                    if !is_repeated {
                        return Err(self.explain(error, &polling));
                    }
                    reporter.minor_error(&error);
                }
            }
        }
    }

    /// Waits before the next poll.
    fn wait(
        &self,
        polling: &Polling,
        backend: &Backend,
        deadline: Deadline,
        reporter: &Reporter,
    ) -> Result<()> {
        if !backend.has_pauses() {
            return Ok(());
        }
        let delay = polling.pause();
        match deadline.remaining() {
            Some(left) if left <= delay => {
                pause(left, reporter);
                Err(self.timed_out(deadline, polling).into())
            }
            _ => {
                pause(delay, reporter);
                Ok(())
            }
        }
    }

    fn timed_out(&self, deadline: Deadline, polling: &Polling) -> Failure {
        let seconds = deadline.limit().as_secs_f64();
        let message =
            format!("the deferred answer was not ready: timed out after {seconds} s (--timeout)");
        let again = format!("to fetch the answer later, at no cost: {}", self.command);
        let hint = if polling.may_be_used_up() { format!("{again}; {USED_UP}") } else { again };
        Failure::new(ExitStatus::Incomplete, message).hint(hint)
    }

    /// Says of an unknown id what may have become of the answer.
    fn explain(&self, error: anyhow::Error, polling: &Polling) -> anyhow::Error {
        let failure = match error.downcast::<Failure>() {
            Ok(failure) => failure,
            Err(error) => return error,
        };
        let failure = match (failure.http_status, polling.may_be_used_up()) {
            (Some(404), true) => failure.hint(USED_UP),
            (Some(404), false) => failure
                .hint("the ID is unknown, older than 24 hours, or its answer was already fetched"),
            _ if matches!(failure.status, ExitStatus::Incomplete | ExitStatus::NotDelivered) => {
                let again = format!("to fetch the answer later: {}", self.command);
                // What would help now comes first.
                let cause =
                    failure.hint.clone().filter(|_| failure.status == ExitStatus::NotDelivered);
                failure.hint(cause.map_or(again.clone(), |cause| format!("{cause}; {again}")))
            }
            _ => failure,
        };
        failure.into()
    }
}

/// What a poll whose response broke off may have done.
const USED_UP: &str =
    "an earlier response with the answer was interrupted, and xAI returns each answer only once";

fn is_over(deadline: Deadline) -> bool {
    deadline.remaining().is_some_and(|left| left.is_zero())
}
