//! The way of one question through the rooms, and of its answer back.
//!
//! What can be wrong is found in this order: arguments, inputs, outputs, key, network. No other file
//! knows more than one room.

use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Read;
use std::path::Path;
use std::thread;
use std::time::Instant;

use anyhow::Result;

use crate::cli::{AnswerArgs, Cli, PromptArgs, ServiceArgs, WithoutArgs};
use crate::conversation::{self, Conversation, Kept};
use crate::deadline::Deadline;
use crate::error::{self, Exit, Failure};
use crate::message::{FileStamp, Message, Role, Turn};
use crate::output::{Notes, Printer, Stdout, Target};
use crate::prompt::{self, Prompt, Stdin};
use crate::reply::{self, Answer};
use crate::request::{Body, CompletionRequest, Schema};
use crate::service::{
    self, Ask, BaseUrl, Entry, Found, Http, Key, Policy, Rehearsal, Service, Settings, Upload,
};

/// Asks one question and prints the answer.
///
/// # Errors
///
/// Whatever the exit status is to tell.
pub fn ask(cli: &Cli, notes: &mut Notes) -> Result<()> {
    let AnswerArgs { json, stream: _, no_stream: _, output: _, usage, verbose, quiet } =
        &cli.answer;
    notes.set_level(*quiet, *verbose);
    let base_url = BaseUrl::parse(cli.service.base_url.as_deref())?;
    let fields = cli.request.fields()?;

    let (mut stdin, mut stdout) = (Stdin::default(), Stdout::open()?);
    let Inputs { messages, conversation, schema, deadline } = Inputs::read(cli, &mut stdin, notes)?;
    let stream = is_live(cli, &stdout);
    let (model, stream_usage) = (cli.request.model().to_owned(), stream && *usage);
    let request = CompletionRequest { model, messages, fields, schema, stream, stream_usage };
    let body = Body::new(&request);
    if cli.without.dry_run {
        return stdout.copy_line(body.reader());
    }

    let target = check_target(cli)?;
    let entry = cache_entry(cli, &base_url, &request, &body)?;
    let (service, policy) = open_service(cli, base_url, entry.as_ref(), notes)?;
    let mut memory = Memory::new(conversation, entry, &service);
    let question = Question { ask: Ask::Completion(&request, &body), service, deadline, policy };
    let mut printer = Printer::new(stdout, *json, stream, target);
    let answer = get_answer(&question, &mut printer, notes)?;

    // Kept before it is printed: what was paid for is not lost to a reader who leaves early.
    let kept = memory.keep(&request, &answer);
    // The file only for exit status 0; whatever went wrong, the answer itself is not lost.
    let finished = printer.finish(&answer, answer.is_fit() && kept.is_ok());
    if *usage {
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

/// Prints the models that the key may use.
///
/// # Errors
///
/// Whatever the exit status is to tell.
pub fn list_models(cli: &Cli, notes: &mut Notes) -> Result<()> {
    let AnswerArgs { json, stream: _, no_stream: _, output: _, usage: _, verbose, quiet } =
        &cli.answer;
    notes.set_level(*quiet, *verbose);
    let base_url = BaseUrl::parse(cli.service.base_url.as_deref())?;
    let stdout = Stdout::open()?;
    let deadline = Deadline::after(cli.service.timeout);
    let target = check_target(cli)?;
    let (service, policy) = open_service(cli, base_url, None, notes)?;
    let question = Question { ask: Ask::Models(cli.request.model()), service, deadline, policy };
    let mut printer = Printer::new(stdout, *json, false, target);
    let models = get_answer(&question, &mut printer, notes)?;
    printer.finish(&models, true)
}

/// Everything that is read before the service is asked.
struct Inputs {
    messages: Vec<Turn>,
    conversation: Option<Conversation>,
    schema: Option<Schema>,
    deadline: Deadline,
}

impl Inputs {
    fn read(cli: &Cli, stdin: &mut Stdin, notes: &Notes) -> Result<Self> {
        let PromptArgs {
            conversation,
            messages,
            system: _,
            system_file: _,
            developer: _,
            detail: _,
        } = &cli.prompt;
        let schema = cli.request.schema.as_deref().map(Schema::read).transpose()?;
        let given = match messages {
            Some(path) => prompt::earlier_messages(path, stdin)?,
            None => Vec::new(),
        };
        let asked_before = given.last().is_some_and(|message| message.role == Role::User);
        let Prompt { system, user } = prompt::read(&cli.parts.0, &cli.prompt, asked_before, stdin)?;
        // The clock starts when the prompt is there: who types it may take their time.
        let deadline = Deadline::after(cli.service.timeout);
        let conversation_file = conversation.as_deref();
        let (conversation, earlier, kept) = match conversation {
            None => (None, given, Kept::Elsewhere),
            Some(path) if cli.without.dry_run => {
                (None, Conversation::peek(path)?, Kept::InConversation)
            }
            Some(path) => {
                let on_long_wait =
                    || notes.note(&format!("{}: waiting for another run", path.display()));
                let (conversation, earlier) = Conversation::open(path, deadline, on_long_wait)?;
                (Some(conversation), earlier, Kept::InConversation)
            }
        };
        let name = conversation_file.or(messages.as_deref()).unwrap_or(Path::new(""));
        let mut messages = conversation::with_system(earlier, system, kept, name)?;
        messages.extend(user.map(Turn::New));
        Ok(Self { messages, conversation, schema, deadline })
    }
}

/// The file of `--output`, where there is one that can be written.
fn check_target(cli: &Cli) -> Result<Option<Target>> {
    let Some(output) = cli.answer.output.as_deref().filter(|path| path.as_os_str() != "-") else {
        return Ok(None);
    };
    let target = Target::check(output)?;
    if cli.prompt.conversation.as_deref().is_some_and(|file| is_same_file(file, output)) {
        let what = "--output and --conversation are the same file";
        return Err(Failure::usage(what).hint("the answer is appended to the conversation").into());
    }
    Ok(Some(target))
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    let identity =
        |path: &Path| fs::metadata(path).ok().map(|found| FileStamp::of(&found).identity);
    identity(one).is_some_and(|one| Some(one) == identity(other))
}

/// Whether the answer is printed as it comes.
fn is_live(cli: &Cli, stdout: &Stdout) -> bool {
    let AnswerArgs { json, stream, no_stream, output, usage: _, verbose: _, quiet: _ } =
        &cli.answer;
    let WithoutArgs { dry_run, cache, rehearse, offline: _, list_models: _ } = &cli.without;
    // A recorded answer is whole; a rehearsal has no records.
    if cache.is_some() && rehearse.is_none() && !dry_run {
        return false;
    }
    *stream
        || (stdout.is_terminal()
            && !no_stream
            && !json
            && output.is_none()
            && cache.is_none()
            && !dry_run)
}

/// Where the answer to a request is recorded, if it is to be.
fn cache_entry(
    cli: &Cli,
    base_url: &BaseUrl,
    request: &CompletionRequest,
    body: &Body,
) -> Result<Option<Entry>> {
    let WithoutArgs { cache, rehearse, offline: _, dry_run: _, list_models: _ } = &cli.without;
    let Some(folder) = cache.as_deref().filter(|_| rehearse.is_none()) else { return Ok(None) };
    Entry::of(folder, &base_url.path_of(service::COMPLETIONS), request, body).map(Some)
}

/// Where the answer is to come from: a rehearsal, a record, or the service itself.
fn open_service(
    cli: &Cli,
    base_url: BaseUrl,
    entry: Option<&Entry>,
    notes: &mut Notes,
) -> Result<(Service, Policy)> {
    let ServiceArgs { base_url: _, timeout: _, connect_timeout, retries, retry_lost } =
        &cli.service;
    // Nothing but the network is asked again: what a rehearsal plays is what a script is to see.
    let once = Policy { retries: 0, lost_too: false };
    if let Some(case) = cli.without.rehearse {
        notes.note("this is a rehearsal; the service was not asked");
        return Ok((Service::Rehearsal(Rehearsal::new(case)), once));
    }
    if let Some(entry) = entry {
        match entry.find()? {
            Found::Reply(reply) => return Ok((Service::Record(reply), once)),
            Found::Damaged => {
                notes.note(&format!("{}: damaged, and not used", entry.path().display()));
            }
            Found::Nothing => {}
        }
    }
    if cli.without.offline {
        let what = match (entry, &cli.without.cache) {
            (Some(_), _) => "no answer to this is recorded",
            (None, Some(_)) => "what is asked is not recorded",
            (None, None) => "there is no --cache",
        };
        return Err(Failure::new(Exit::NotDelivered, format!("--offline: {what}")).into());
    }
    if let Some(entry) = entry {
        entry.prepare()?;
    }
    let environment = &cli.environment;
    let proxy = service::choose_proxy(&base_url, &environment.proxies)?;
    let key = Key::find(environment.api_key.0.as_deref(), environment.api_key_file.as_deref())?;
    match &key {
        Some(key) => notes.mask(key.reveal()),
        None if base_url.is_loopback() => {}
        None => return Err(Key::missing().into()),
    }
    let ssl_cert_file = environment.ssl_cert_file.clone();
    let connect_timeout = *connect_timeout;
    let http = Http::new(Settings { base_url, key, connect_timeout, proxy, ssl_cert_file })?;
    Ok((Service::Http(http), Policy { retries: *retries, lost_too: *retry_lost }))
}

/// What is asked, where, and how insistently.
struct Question<'a> {
    ask: Ask<'a>,
    service: Service,
    deadline: Deadline,
    policy: Policy,
}

/// The answer, after as many tries as the policy allows: never more than one of them is printed.
fn get_answer(question: &Question, printer: &mut Printer, notes: &Notes) -> Result<Answer> {
    let Question { ask: _, service: _, deadline, policy } = question;
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
        let _waiting = notes.progress(&Upload::default(), 0);
        thread::sleep(pause);
    }
}

/// Asks once and reads the reply to its end.
fn try_once(question: &Question, printer: &mut Printer, notes: &Notes) -> Result<Answer> {
    let Question { ask, service, deadline, policy: _ } = question;
    let begun = Instant::now();
    let upload = Upload::default();
    notes.detail(|| format!("asking {}: {ask}", service.address(ask)));
    printer.wait(notes.progress(&upload, ask.len()));
    let answer = service.ask(ask, *deadline, &upload).and_then(|reply| {
        if notes.is_verbose() {
            // The line of the wait goes while another is printed.
            printer.wait(None);
            let id = reply.headers.request_id.as_ref().map(|id| format!(", x-request-id {id}"));
            let after = begun.elapsed().as_secs_f64();
            let id = id.unwrap_or_default();
            notes.detail(|| format!("HTTP {} after {after:.3} s{id}", reply.status));
            printer.wait(notes.progress(&upload, ask.len()));
        }
        match ask {
            Ask::Completion(request, _) => reply::read(reply, request.schema.is_some(), printer),
            Ask::Models(_) => reply::read_models(reply),
        }
    });
    printer.wait(None);
    let answer = answer.inspect_err(|_| printer.break_off())?;
    notes.detail(|| format!("the reply was complete after {:.3} s", begun.elapsed().as_secs_f64()));
    Ok(answer)
}

/// Where an answer that is complete and fit is kept, beside where it is printed.
struct Memory {
    conversation: Option<Conversation>,
    entry: Option<Entry>,
}

impl Memory {
    fn new(conversation: Option<Conversation>, entry: Option<Entry>, service: &Service) -> Self {
        // Only what the service itself said is recorded.
        let entry = entry.filter(|_| matches!(service, Service::Http(_)));
        Self { conversation, entry }
    }

    /// Appends to the conversation, and records the reply. The one does not depend on the other.
    fn keep(&mut self, request: &CompletionRequest, answer: &Answer) -> Result<()> {
        if !answer.is_fit() {
            return Ok(());
        }
        let appended = match &mut self.conversation {
            Some(conversation) => {
                new_lines(request, answer).and_then(|lines| conversation.append(&lines))
            }
            None => Ok(()),
        };
        let recorded = match (&self.entry, &answer.body) {
            (Some(entry), Some(reply)) => entry.record(reply),
            _ => Ok(()),
        };
        appended.and(recorded)
    }
}

/// What is new in the request, and the answer, each as a line of a conversation.
fn new_lines(request: &CompletionRequest, answer: &Answer) -> Result<Vec<Vec<u8>>> {
    let said = Message::text(Role::Assistant, answer.text.clone());
    let new = request.messages.iter().filter_map(|turn| match turn {
        Turn::Earlier(_) => None,
        Turn::New(message) => Some(message),
    });
    let line = |message| {
        let mut line = Vec::new();
        Body::of_message(message).reader().read_to_end(&mut line).map_err(error::from_io)?;
        Ok(line)
    };
    new.chain([&said]).map(line).collect()
}

/// A number from 0 to 1, good enough to spread pauses: the seed of the standard library's hash maps.
fn random() -> f64 {
    let [byte, ..] = RandomState::new().build_hasher().finish().to_ne_bytes();
    f64::from(byte) / 255.0
}
