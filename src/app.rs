//! Runs one request end to end: from its inputs to its exit status.
//!
//! Checks are made in this order: arguments (already resolved), inputs, outputs, key, network. Nothing is
//! computed here: each step belongs to a layer below.

mod backend;
mod deferred;
mod inputs;
mod outputs;
mod run_log;
mod save;

use anyhow::Result;

use self::backend::{Backend, Operation, Session};
use self::deferred::DeferredAnswer;
use self::inputs::{Inputs, load_format, load_headers};
use self::outputs::Outputs;
use self::run_log::RunLog;
use self::save::{SaveTo, cache_entry, cached_response};
use crate::api::{self, Answer, Api, Deferred, Expectations, ModelOptions, Request, StreamSink};
use crate::cli::{AskPlan, Command, FetchPlan, ListModelsPlan};
use crate::client::Polling;
use crate::deadline::Deadline;
use crate::output::{Reporter, Stdout};
use crate::prompt::Stdin;
use crate::response::Response;

/// Runs the command line.
///
/// # Errors
///
/// Whatever the exit status must tell.
pub fn run(command: Command, reporter: &mut Reporter) -> Result<()> {
    let log = match &command {
        Command::Ask(plan) if plan.backend.is_some() => plan.output.log.as_deref(),
        Command::Fetch(plan) => plan.output.log.as_deref(),
        // A dry run, help and lists leave no line.
        _ => None,
    };
    let mut log = RunLog::begin(log);
    let result = match command {
        Command::Print(text) => Stdout::open().and_then(|stdout| stdout.print(&text)),
        Command::Ask(plan) => ask(&plan, &mut log, reporter),
        Command::Fetch(plan) => fetch(*plan, &mut log, reporter),
        Command::ListModels(plan) => list_models(&plan, &mut log, reporter),
    };
    log.finish(result, reporter)
}

fn ask(plan: &AskPlan, log: &mut RunLog, reporter: &mut Reporter) -> Result<()> {
    reporter.set_level(plan.output.quiet, plan.output.verbose);
    (log.entry.api, log.entry.model) = (Some(plan.api.as_str()), Some(plan.model.clone()));
    let (mut stdin, stdout) = (Stdin::default(), Stdout::open()?);
    let inputs = Inputs::load(plan, &mut stdin, stdout.is_terminal(), reporter)?;
    let Inputs { request, headers, conversation, deadline } = inputs;
    let body = plan.api.wire_format().encode(&request);
    let Some(backend) = &plan.backend else { return stdout.print_line(body.reader()) };

    let mut outputs =
        Outputs::check(&plan.output, stdout, request.stream, plan.prompt.history.conversation())?;
    log.open()?;
    let entry = cache_entry(backend, &plan.base_url, plan.api, &request)?;
    let expectations = Expectations {
        format: request.options.format.as_ref(),
        require_sources: plan.require_sources,
        ..Expectations::default()
    };
    let is_usable = |response: &[u8]| {
        let answer = read_cached(plan.api, response, expectations);
        answer.is_ok_and(|answer| outputs.can_use(&answer))
    };
    let cached = cached_response(backend, entry.as_ref(), &request, is_usable, reporter)?;
    let backend = Backend::select(backend, &plan.base_url, headers, cached, reporter)?;
    log.entry.source = Some(backend.source());
    let expectations = Expectations { without_key: !backend.has_key(), ..expectations };
    let printer = &mut outputs.printer;
    let mut session = Session { deadline, printer, reporter, log: &mut log.entry };
    let operation = Operation::Ask { api: plan.api, request: &request, body: &body };
    let mut answer = if request.deferred {
        let command = &plan.fetch_command;
        let submission = Submission { operation, request: &request, expectations, command };
        submission.answer(&backend, &mut session)?
    } else {
        backend.run(&operation, &mut session, |response, printer| {
            api::read_answer(plan.api, response, expectations, printer)
        })?
    };
    log.note_answer(&answer);

    // Saved before it is printed: a paid answer is not lost to a reader who leaves early.
    let mut save_to = SaveTo { conversation, cache: entry.filter(|_| backend.is_api()) };
    let block = outputs.extract(&mut answer);
    let saved = save_to.save(&mut answer, &request);
    if save_to.cache.is_some() && answer.is_usable() && answer.body.is_none() {
        reporter.note("the answer came as a stream, and is not recorded in the cache");
    }
    let requests_search = plan.options.requests_search();
    // With --require-sources, the error says so.
    if requests_search && !answer.searched && !plan.require_sources {
        reporter.note("a search was requested, but the model did not search");
    }
    if !requests_search {
        answer.citations.clear();
    }
    outputs.finish(answer, block.as_deref(), saved, reporter)?;
    if !plan.prompt.stdin_is_key && stdin.holds_unread_data() {
        reporter.note("standard input was not read; add - to include it in the prompt");
    }
    Ok(())
}

/// A deferred request that is still to be sent.
struct Submission<'a> {
    operation: Operation<'a>,
    request: &'a Request,
    expectations: Expectations<'a>,
    /// How to fetch the answer in another run, but for the id.
    command: &'a str,
}

impl Submission<'_> {
    /// Sends the request, says how the answer can be fetched, and polls for it.
    fn answer(&self, backend: &Backend, session: &mut Session) -> Result<Answer> {
        let Self { operation, request, expectations, command } = self;
        let submitted = backend
            .run(operation, session, |response, _| api::read_deferred(response, *expectations))?;
        let id = match submitted {
            Deferred::Id(id) => id,
            Deferred::Answer(answer) => return Ok(*answer),
        };
        let command = format!("{command} --fetch {id}");
        session.reporter.notice(&format!("deferred; to fetch the answer later: {command}"));
        let deferred =
            DeferredAnswer { id: &id, command: &command, request, expectations: *expectations };
        deferred.fetch(backend, Polling::after_submission(), session)
    }
}

fn fetch(plan: FetchPlan, log: &mut RunLog, reporter: &mut Reporter) -> Result<()> {
    reporter.set_level(plan.output.quiet, plan.output.verbose);
    log.entry.api = Some(Api::DEFERRED.as_str());
    let stdout = Stdout::open()?;
    let format = load_format(&plan.format)?;
    let headers = load_headers(&plan.headers, &mut Stdin::default())?;
    let deadline = Deadline::after(plan.timeout);
    let mut outputs = Outputs::check(&plan.output, stdout, false, None)?;
    log.open()?;
    let backend = Backend::select(&plan.backend, &plan.base_url, headers, None, reporter)?;
    log.entry.source = Some(backend.source());
    let options = ModelOptions { format, ..ModelOptions::default() };
    // Only a rehearsal reads it.
    let request = Request {
        model: plan.model,
        messages: Vec::new(),
        options,
        stream: false,
        stream_usage: false,
        deferred: true,
    };
    let deferred = DeferredAnswer {
        id: &plan.id,
        command: &format!("{} --fetch {}", plan.fetch_command, plan.id),
        request: &request,
        expectations: Expectations {
            format: request.options.format.as_ref(),
            without_key: !backend.has_key(),
            ..Expectations::default()
        },
    };
    let polling = Polling::for_earlier_request(backend.retry_policy().retries);
    let printer = &mut outputs.printer;
    let mut session = Session { deadline, printer, reporter, log: &mut log.entry };
    let mut answer = deferred.fetch(&backend, polling, &mut session)?;
    log.note_answer(&answer);
    let block = outputs.extract(&mut answer);
    outputs.finish(answer, block.as_deref(), Ok(()), reporter)
}

fn list_models(plan: &ListModelsPlan, log: &mut RunLog, reporter: &mut Reporter) -> Result<()> {
    reporter.set_level(plan.output.quiet, plan.output.verbose);
    let stdout = Stdout::open()?;
    let headers = load_headers(&plan.headers, &mut Stdin::default())?;
    let deadline = Deadline::after(plan.timeout);
    let mut outputs = Outputs::check(&plan.output, stdout, false, None)?;
    let backend = Backend::select(&plan.backend, &plan.base_url, headers, None, reporter)?;
    let operation = Operation::ListModels { model: &plan.model };
    let printer = &mut outputs.printer;
    let mut session = Session { deadline, printer, reporter, log: &mut log.entry };
    let models = backend.run(&operation, &mut session, |response, _| api::read_models(response))?;
    outputs.finish(models, None, Ok(()), reporter)
}

/// What a cached response comes to, without printing it.
fn read_cached(api: Api, response: &[u8], expectations: Expectations) -> Result<Answer> {
    struct Discard;
    impl StreamSink for Discard {
        fn text(&mut self, _: &str) -> Result<()> {
            Ok(())
        }
        fn event(&mut self, _: &[u8]) -> Result<()> {
            Ok(())
        }
        fn flush(&mut self) -> Result<()> {
            Ok(())
        }
    }
    api::read_answer(api, Response::json(200, response), expectations, &mut Discard)
}
