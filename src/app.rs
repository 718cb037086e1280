//! Runs one request end to end: from its inputs to its exit status.
//!
//! Checks are made in this order: arguments (already resolved), inputs, outputs, key, network. How a step is done is
//! the business of a layer below.

mod backend;
mod deferred;
mod inputs;
mod outputs;
mod save;

use anyhow::Result;

use self::backend::{Backend, Operation, Session};
use self::deferred::DeferredAnswer;
use self::inputs::Inputs;
use self::outputs::Outputs;
use self::save::{cache_entry, cached_response, save};
use crate::api::{self, Answer, Deferred, Expectations, Request};
use crate::body::Body;
use crate::cli::{Command, Plan, Task};
use crate::client::Polling;
use crate::output::{Log, Reporter, Stdout};
use crate::prompt::Stdin;

/// Runs the command line.
///
/// # Errors
///
/// The error that decides the exit status.
pub fn run(command: Command, reporter: &mut Reporter) -> Result<()> {
    let plan = match command {
        Command::Print(text) => return Stdout::open().and_then(|stdout| stdout.print(&text)),
        Command::Run(plan) => plan,
    };
    // A dry run leaves no line.
    let log = plan.output.log.as_deref().filter(|_| plan.backend.is_some());
    let mut log = Log::begin(log);
    let result = run_plan(&plan, &mut log, reporter);
    log.finish(result, reporter)
}

/// A run without a prompt takes the same steps: what it has nothing for does nothing.
fn run_plan(plan: &Plan, log: &mut Log, reporter: &mut Reporter) -> Result<()> {
    reporter.set_level(plan.output.quiet, plan.output.verbose);
    log.entry.api = Some(plan.api.as_str());
    log.entry.model = plan.is_ask().then(|| plan.model.clone());
    let (mut stdin, stdout) = (Stdin::default(), Stdout::open()?);
    let inputs = Inputs::load(plan, &mut stdin, stdout.is_terminal(), reporter)?;
    // The conversation stays locked until the end.
    let Inputs { request, headers, mut conversation, deadline } = inputs;
    let body = plan.api.wire_format().encode(&request, request.transfer);
    let Some(backend) = &plan.backend else { return stdout.print_line(body.reader()) };

    let mut outputs = Outputs::check(
        &plan.output,
        stdout,
        request.transfer.stream,
        plan.prompt.history.conversation(),
    )?;
    log.open()?;
    let entry = cache_entry(backend, &plan.base_url, plan.api, &request)?;
    let expectations = Expectations {
        format: request.options.format.as_ref(),
        require_sources: plan.require_sources,
        ..Expectations::default()
    };
    let is_usable = |response: &[u8]| {
        // A record is one JSON, and never a stream.
        plan.api.wire_format().parse(response).is_ok_and(|mut answer| {
            answer.check_against(expectations);
            outputs.can_use(&answer)
        })
    };
    let cached = cached_response(backend, entry.as_ref(), &request, is_usable, reporter)?;
    let backend = Backend::select(backend, &plan.base_url, headers, cached, reporter)?;
    log.entry.source = Some(backend.source());
    let expectations = Expectations { without_key: !backend.has_key(), ..expectations };
    let printer = &mut outputs.printer;
    let mut session = Session { deadline, printer, reporter, log: &mut log.entry };
    let mut answer = get_answer(plan, &request, &body, expectations, &backend, &mut session)?;
    log.note_answer(&answer);

    // Saved before it is printed: a paid answer is not lost to a reader who leaves early.
    let record = entry.filter(|_| backend.is_api());
    let block = outputs.extract(&mut answer);
    let saved = save(&mut answer, &request, conversation.as_mut(), record.as_ref());
    if record.is_some() && answer.is_usable() && answer.body.is_none() {
        reporter.note("the answer came as a stream, and is not recorded in the cache");
    }
    check_search(plan, &mut answer, reporter);
    outputs.finish(answer, block.as_deref(), saved, reporter)?;
    if plan.is_ask() && !plan.prompt.stdin_is_key && stdin.holds_unread_data() {
        reporter.note("standard input was not read; add - to include it in the prompt");
    }
    Ok(())
}

/// Notes that a requested search did not take place. Citations are sources only if a search was requested; whether
/// that is so is unknown for a fetched answer, which keeps them.
fn check_search(plan: &Plan, answer: &mut Answer, reporter: &Reporter) {
    let requests_search = plan.options.requests_search();
    // With --require-sources, the error says so.
    if requests_search && !answer.searched && !plan.require_sources {
        reporter.note("a search was requested, but the model did not search");
    }
    if plan.is_ask() && !requests_search {
        answer.citations.clear();
    }
}

/// Gets the answer: at once, or by polling. A list of models is one too.
fn get_answer(
    plan: &Plan,
    request: &Request,
    body: &Body,
    expectations: Expectations,
    backend: &Backend,
    session: &mut Session,
) -> Result<Answer> {
    let Plan { task, model, api, fetch_command, .. } = plan;
    let ask = Operation::Ask { api: *api, request, body };
    let submitted = match task {
        Task::ListModels => {
            let list = Operation::ListModels { model };
            return backend.run(&list, session, &mut |response, _| api::read_models(response));
        }
        Task::Ask if !request.transfer.deferred => {
            return backend.run(&ask, session, &mut |response, printer| {
                api::read_answer(*api, response, expectations, printer)
            });
        }
        Task::Ask => backend
            .run(&ask, session, &mut |response, _| api::read_deferred(response, expectations))?,
        Task::Fetch(id) => Deferred::Id(id.clone()),
    };
    let id = match submitted {
        Deferred::Id(id) => id,
        Deferred::Answer(answer) => return Ok(*answer),
    };
    let command = format!("{fetch_command} --fetch {id}");
    let polling = if plan.is_ask() {
        session.reporter.notice(&format!("deferred; to fetch the answer later: {command}"));
        Polling::after_submission()
    } else {
        Polling::for_earlier_request(backend.retry_policy().retries)
    };
    let deferred = DeferredAnswer { id: &id, command: &command, request, expectations };
    deferred.fetch(backend, polling, session)
}
