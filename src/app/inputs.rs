//! Everything that is read before the request is sent.

use anyhow::Result;

use crate::api::{AnswerFormat, Request, Transfer};
use crate::cli::{Plan, StreamMode};
use crate::client::ExtraHeaders;
use crate::deadline::Deadline;
use crate::output::Reporter;
use crate::prompt::{self, Conversation, Prompt, Stdin};

/// What was read before the request is sent.
pub struct Inputs {
    /// What is sent.
    pub request: Request,
    /// What is sent beside it, for gateways.
    pub headers: ExtraHeaders,
    /// The conversation that the answer is appended to, locked.
    pub conversation: Option<Conversation>,
    /// The end of the time that the run has.
    pub deadline: Deadline,
}

impl Inputs {
    /// Reads every input that the command line names, and locks the conversation.
    ///
    /// # Errors
    ///
    /// Exit status 2 for an input that cannot be used, 1 where standard input or a lock fails.
    pub fn load(
        plan: &Plan,
        stdin: &mut Stdin,
        is_terminal: bool,
        reporter: &Reporter,
    ) -> Result<Self> {
        let mut options = plan.options.clone();
        if let Some(path) = &plan.schema {
            options.format = Some(AnswerFormat::Schema(prompt::load_schema(path)?));
        }
        // First what names standard input without being a part of the prompt.
        let headers = ExtraHeaders::parse(&plan.headers, stdin)?;
        let prompt =
            if plan.is_ask() { prompt::load(&plan.prompt, stdin)? } else { Prompt::default() };
        // The clock starts when the prompt was read: typing it may take any time.
        let deadline = Deadline::after(plan.timeout);
        // A dry run takes no lock.
        let lock = plan.backend.is_some().then_some(deadline);
        let note = |text: &str| reporter.note(text);
        let (messages, conversation) = prompt.into_messages(&plan.prompt.history, lock, &note)?;
        plan.api.wire_format().check_messages(&messages)?;
        let stream = match plan.output.stream {
            StreamMode::Always => true,
            StreamMode::OnTerminal => is_terminal,
            StreamMode::Never => false,
        };
        let stream_usage = stream && plan.output.usage;
        let transfer = Transfer { stream, stream_usage, deferred: plan.deferred };
        let request = Request { model: plan.model.clone(), messages, options, transfer };
        Ok(Self { request, headers, conversation, deadline })
    }
}
