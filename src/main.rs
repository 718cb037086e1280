//! xask: one question to an xAI chat model, one answer on standard output.
//!
//! The listing of this folder is the way of a question: `cli` says what is asked for, `prompt` makes
//! messages of it, `request` a body, `service` gets a reply, `reply` finds the answer in it, `output`
//! prints it. `error` and `message` are the ground they all stand on.

mod cli;
mod conversation;
mod deadline;
mod error;
mod message;
mod output;
mod prompt;
mod reply;
mod request;
mod service;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Read;
use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use anyhow::Result;

use self::cli::{
    AnswerArgs, Cli, Environment, Invocation, Parts, PromptArgs, ServiceArgs, WithoutArgs,
};
use self::conversation::{Conversation, Kept};
use self::deadline::Deadline;
use self::error::{Exit, Failure};
use self::message::{Message, Role, Turn};
use self::output::{Notes, Printer, Stdout};
use self::prompt::{Prompt, Stdin};
use self::reply::Answer;
use self::request::{Body, CompletionRequest};
use self::service::{BaseUrl, Http, Key, Policy, Rehearsal, RehearsalCase, Service, Settings};

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
    let AnswerArgs { json, stream, no_stream, usage, verbose, quiet } = answer;
    let WithoutArgs { dry_run, rehearse } = without;
    notes.set_level(quiet, verbose);
    let base_url = BaseUrl::parse(service.base_url.as_deref())?;
    let fields = request.fields()?;

    let mut stdin = Stdin::default();
    let mut stdout = Stdout::open()?;
    let inputs = Inputs::read(&parts, &prompt, &service, dry_run, &mut stdin, notes)?;
    let Inputs { messages, mut conversation, deadline } = inputs;
    let live = stream || (stdout.is_terminal() && !json && !no_stream && !dry_run);
    let request = CompletionRequest {
        model: request.model().to_owned(),
        messages,
        fields,
        stream: live,
        stream_usage: live && usage,
    };
    let body = Body::new(&request);
    if dry_run {
        return stdout.copy_line(body.reader());
    }

    let (service, policy) = match rehearse {
        Some(case) => rehearsal(case, notes),
        None => service_at(base_url, &service, environment, notes)?,
    };
    let mut printer = Printer::new(stdout, json, live);
    let question = Question { service, request: &request, body, deadline, policy };
    let answer = get_answer(&question, &mut printer, notes)?;
    // Kept before it is printed: what was paid for is not lost to a reader who leaves early.
    let kept = match &mut conversation {
        Some(conversation) if answer.unfit.is_none() => keep(conversation, &request, &answer),
        _ => Ok(()),
    };
    let finished = printer.finish(&answer);
    if usage {
        notes.usage(answer.usage.as_ref());
    }
    kept.and(finished)?;
    if let Some(why) = answer.unfit {
        return Err(why.into());
    }
    if stdin.holds_unread_data() {
        notes.note("standard input holds data that was not read; - among the words sends it");
    }
    Ok(())
}

/// Everything that is read before the service is asked.
struct Inputs {
    messages: Vec<Turn>,
    conversation: Option<Conversation>,
    deadline: Deadline,
}

impl Inputs {
    fn read(
        parts: &Parts,
        args: &PromptArgs,
        service: &ServiceArgs,
        dry_run: bool,
        stdin: &mut Stdin,
        notes: &Notes,
    ) -> Result<Self> {
        let given = match &args.messages {
            Some(path) => prompt::earlier_messages(path, stdin)?,
            None => Vec::new(),
        };
        let asked_before = given.last().is_some_and(|message| message.role == Role::User);
        let Prompt { system, user } = prompt::read(&parts.0, args, asked_before, stdin)?;
        // The clock starts when the prompt is there: who types it may take their time.
        let deadline = Deadline::after(service.timeout);
        let (conversation, earlier, kept) = match &args.conversation {
            None => (None, given, Kept::Elsewhere),
            Some(path) if dry_run => (None, Conversation::peek(path)?, Kept::InConversation),
            Some(path) => {
                let on_long_wait =
                    || notes.note(&format!("{}: waiting for another run", path.display()));
                let (conversation, earlier) = Conversation::open(path, deadline, on_long_wait)?;
                (Some(conversation), earlier, Kept::InConversation)
            }
        };
        let mut messages = conversation::with_system(earlier, system, kept)?;
        messages.extend(user.map(Turn::New));
        Ok(Self { messages, conversation, deadline })
    }
}

/// Appends what is new in the request, and the answer.
fn keep(
    conversation: &mut Conversation,
    request: &CompletionRequest,
    answer: &Answer,
) -> Result<()> {
    let said = Message::text(Role::Assistant, answer.text.clone());
    let new = request.messages.iter().filter_map(|turn| match turn {
        Turn::Earlier(_) => None,
        Turn::New(message) => Some(message),
    });
    let mut lines = Vec::new();
    for message in new.chain([&said]) {
        let mut line = Vec::new();
        Body::of_message(message).reader().read_to_end(&mut line).map_err(error::from_io)?;
        lines.push(line);
    }
    conversation.append(&lines)
}

/// What is asked, where, and how insistently.
struct Question<'a> {
    service: Service,
    request: &'a CompletionRequest,
    body: Body<'a>,
    deadline: Deadline,
    policy: Policy,
}

/// Nothing is repeated: what a rehearsal plays is what a script is to see.
fn rehearsal(case: RehearsalCase, notes: &Notes) -> (Service, Policy) {
    notes.note("this is a rehearsal; the service was not asked");
    (Service::Rehearsal(Rehearsal::new(case)), Policy { retries: 0, lost_too: false })
}

fn service_at(
    base_url: BaseUrl,
    args: &ServiceArgs,
    environment: Environment,
    notes: &mut Notes,
) -> Result<(Service, Policy)> {
    let ServiceArgs { base_url: _, timeout: _, connect_timeout, retries, retry_lost } = args;
    let proxy = service::choose_proxy(&base_url, &environment.proxies)?;
    let key = Key::find(environment.api_key.0.as_deref(), environment.api_key_file.as_deref())?;
    match &key {
        Some(key) => notes.mask(key.reveal()),
        None if base_url.is_loopback() => {}
        None => return Err(Key::missing().into()),
    }
    let ssl_cert_file = environment.ssl_cert_file;
    let http = Http::new(Settings {
        base_url,
        key,
        connect_timeout: *connect_timeout,
        proxy,
        ssl_cert_file,
    });
    Ok((Service::Http(http), Policy { retries: *retries, lost_too: *retry_lost }))
}

/// The answer, after as many tries as the policy allows: never more than one of them is printed.
fn get_answer(question: &Question, printer: &mut Printer, notes: &Notes) -> Result<Answer> {
    let Question { policy, deadline, .. } = question;
    let mut repeated = 0;
    loop {
        let error = match try_once(question, printer, notes) {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let failure = error.downcast_ref::<Failure>().filter(|_| !printer.has_printed());
        let pause = failure.and_then(|failure| policy.pause(failure, repeated, random()));
        // A pause that the deadline would cut short is not begun.
        let Some(pause) =
            pause.filter(|pause| deadline.remaining().is_none_or(|left| *pause < left))
        else {
            return Err(error);
        };
        repeated += 1;
        notes.retry(&error, pause, repeated, policy.retries);
        thread::sleep(pause);
    }
}

/// Asks once and reads the reply to its end.
fn try_once(question: &Question, printer: &mut Printer, notes: &Notes) -> Result<Answer> {
    let Question { service, request, body, deadline, policy: _ } = question;
    let begun = Instant::now();
    notes.detail(|| {
        format!("asking {} at {} with {} bytes", request.model, service.name(), body.len())
    });
    let reply = service.ask(request, body, *deadline)?;
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

/// A number from 0 to 1, good enough to spread pauses: the seed of the standard library's hash maps.
fn random() -> f64 {
    let [byte, ..] = RandomState::new().build_hasher().finish().to_ne_bytes();
    f64::from(byte) / 255.0
}
