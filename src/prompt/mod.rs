//! The inputs become messages: words, `-`, `--file` and `--image` in order, after the earlier messages.
//!
//! The only layer that reads standard input. It knows no wire format: how a text or an image looks in
//! JSON is the business of `api`.

mod content;
mod conversation;
mod history;
mod image;
mod input;
mod joiner;
mod names;
mod pattern;
mod schema;
mod sniff;
mod source;
mod stdin;
mod system;
mod text;

use anyhow::Result;

pub use self::conversation::Conversation;
#[doc(hidden)]
pub use self::history::{parse as parse_messages, parse_conversation};
pub use self::input::read as read_input;
pub use self::schema::load as load_schema;
pub use self::source::{
    HistorySource, PromptPart, PromptSource, SystemSource, input_name, is_stdin_path,
};
pub use self::stdin::Stdin;
use self::text::TextReader;
use crate::deadline::Deadline;
use crate::message::{Message, NewMessage, RawMessage, Role};

/// What was read before the clock starts; a conversation's file is opened afterwards. By default nothing.
#[derive(Debug, Default)]
pub struct Prompt {
    system: Option<NewMessage>,
    /// The messages of `--messages`.
    earlier: Vec<RawMessage>,
    /// `None` where the earlier messages end in a user's message and no part was given.
    user: Option<NewMessage>,
}

/// Reads everything that the command line names, but for a conversation's file.
///
/// # Errors
///
/// Exit status 2 for an input that is missing, unreadable or not what it must be, and for a prompt
/// without any text or image; 1 where standard input cannot be read.
pub fn load(source: &PromptSource, stdin: &mut Stdin) -> Result<Prompt> {
    pattern::check(&source.parts)?;
    let earlier = match &source.history {
        HistorySource::Messages(path) => history::read(path, stdin)?,
        HistorySource::None | HistorySource::Conversation(_) => Vec::new(),
    };
    let mut reader = TextReader::new(source.lossy);
    let system = system::read(&source.system, &mut reader, stdin)?;
    let ends_in_user = earlier.last().is_some_and(|message| message.role == Role::User);
    let user = if ends_in_user && source.parts.is_empty() {
        None
    } else {
        let content = content::read(source, &mut reader, stdin)?;
        Some(NewMessage { role: Role::User, content })
    };
    Ok(Prompt { system, earlier, user })
}

impl Prompt {
    /// The messages of the request: the system prompt, the earlier messages, the user's.
    ///
    /// With `lock`, a conversation is opened and locked before that deadline, and returned for the
    /// answer to be appended; without it (for a dry run), it is only read. `note` prints a
    /// note: of a wait for the lock, or of an incomplete last line.
    ///
    /// # Errors
    ///
    /// Exit status 2 where a conversation is broken or has another system prompt; 1 where its file cannot
    /// be opened or locked.
    pub fn into_messages(
        self,
        source: &HistorySource,
        lock: Option<Deadline>,
        note: &dyn Fn(&str),
    ) -> Result<(Vec<Message>, Option<Conversation>)> {
        let Self { system, earlier, user } = self;
        let (earlier, conversation, name) = match (source, lock) {
            (HistorySource::None, _) => (earlier, None, String::new()),
            (HistorySource::Messages(path), _) => (earlier, None, input_name(path)),
            (HistorySource::Conversation(path), None) => {
                (Conversation::peek(path, note)?, None, path.display().to_string())
            }
            (HistorySource::Conversation(path), Some(deadline)) => {
                let (conversation, earlier) = Conversation::open(path, deadline, note)?;
                (earlier, Some(conversation), path.display().to_string())
            }
        };
        let is_persistent = source.conversation().is_some();
        let mut messages = system::merge(earlier, is_persistent, system, &name)?;
        messages.extend(user.map(Message::New));
        Ok((messages, conversation))
    }
}
