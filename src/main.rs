//! xask: one question to an xAI chat model, one answer on standard output.
//!
//! The listing of this folder is the way of a question: `cli` says what is asked for, `prompt` makes
//! messages of it, `request` a body, `service` gets a reply, `reply` finds the answer in it, `output`
//! prints it. `error` and `message` are the ground they all stand on.

mod cli;
mod deadline;
mod error;
mod message;
mod output;
mod prompt;
mod reply;
mod request;
mod service;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;

use self::cli::{AnswerArgs, Cli, Environment, Invocation, ServiceArgs, WithoutArgs};
use self::deadline::Deadline;
use self::error::Exit;
use self::message::Turn;
use self::output::{Notes, Printer, Stdout};
use self::prompt::Stdin;
use self::reply::Answer;
use self::request::{Body, CompletionRequest};
use self::service::{BaseUrl, Http, Key, Rehearsal, RehearsalCase, Service, Settings};

fn main() -> ExitCode {
    let mut notes = Notes::default();
    match run(&mut notes) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let exit = error::exit(&error);
            // Whoever closed the pipe knows; a message would only disturb the rest of the pipeline.
            if exit != Exit::ReaderLeft {
                notes.error(&error);
            }
            ExitCode::from(exit as u8)
        }
    }
}

fn run(notes: &mut Notes) -> Result<()> {
    match cli::parse()? {
        Invocation::Print(text) => Stdout::open()?.write(text.as_bytes()),
        Invocation::Ask(cli) => ask(*cli, notes),
    }
}

/// One question. What can be wrong is found in this order: arguments, inputs, outputs, key, network.
fn ask(cli: Cli, notes: &mut Notes) -> Result<()> {
    let Cli { parts, prompt, request, answer, service, without, environment } = cli;
    let AnswerArgs { json, usage, verbose, quiet } = answer;
    let WithoutArgs { dry_run, rehearse } = without;
    notes.set_level(quiet, verbose);
    let base_url = BaseUrl::parse(service.base_url.as_deref())?;
    let fields = request.fields()?;

    let mut stdin = Stdin::default();
    let prompt = prompt::read(&parts.0, &prompt, &mut stdin)?;
    let deadline = Deadline::after(service.timeout);
    let request = CompletionRequest {
        model: request.model().to_owned(),
        messages: prompt.system.into_iter().chain([prompt.user]).map(Turn::New).collect(),
        fields,
        stream: false,
        stream_usage: false,
    };
    let body = Body::new(&request);
    let mut stdout = Stdout::open()?;
    if dry_run {
        return stdout.copy_line(body.reader());
    }

    let service = match rehearse {
        Some(case) => rehearsal(case, notes),
        None => service_at(base_url, &service, environment, notes)?,
    };
    let mut printer = Printer::new(stdout, json, request.stream);
    let answer = get_answer(&service, &request, &body, deadline, &mut printer, notes)?;
    let printed = printer.finish(&answer);
    if usage {
        notes.usage(answer.usage.as_ref());
    }
    printed?;
    if let Some(why) = answer.unfit {
        return Err(why.into());
    }
    if stdin.holds_unread_data() {
        notes.note("standard input holds data that was not read; - among the words sends it");
    }
    Ok(())
}

fn rehearsal(case: RehearsalCase, notes: &Notes) -> Service {
    notes.note("this is a rehearsal; the service was not asked");
    Service::Rehearsal(Rehearsal::new(case))
}

fn service_at(
    base_url: BaseUrl,
    args: &ServiceArgs,
    environment: Environment,
    notes: &mut Notes,
) -> Result<Service> {
    let ServiceArgs { base_url: _, timeout: _, connect_timeout } = args;
    let key = Key::find(environment.api_key.0.as_deref(), environment.api_key_file.as_deref())?;
    match &key {
        Some(key) => notes.mask(key.reveal()),
        None if base_url.is_loopback() => {}
        None => return Err(Key::missing().into()),
    }
    Ok(Service::Http(Http::new(Settings {
        base_url,
        key,
        connect_timeout: *connect_timeout,
        ssl_cert_file: environment.ssl_cert_file,
    })))
}

/// Asks and reads the reply to its end.
fn get_answer(
    service: &Service,
    request: &CompletionRequest,
    body: &Body,
    deadline: Deadline,
    printer: &mut Printer,
    notes: &Notes,
) -> Result<Answer> {
    let begun = Instant::now();
    notes.detail(|| {
        format!("asking {} at {} with {} bytes", request.model, service.name(), body.len())
    });
    let reply = service.ask(request, body, deadline)?;
    notes.detail(|| {
        let id = reply.headers.request_id.as_deref().unwrap_or("none");
        format!(
            "HTTP {} after {:.3} s, x-request-id {id}",
            reply.status,
            begun.elapsed().as_secs_f64()
        )
    });
    let answer = reply::read(reply, printer).inspect_err(|_| printer.break_off())?;
    notes.detail(|| format!("the reply was complete after {:.3} s", begun.elapsed().as_secs_f64()));
    Ok(answer)
}
