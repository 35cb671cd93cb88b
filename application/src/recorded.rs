//! Events as the log holds them.

use std::fmt::{self, Display};
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};
use posthaste_domain::{Addressee, Category, CommandId, Event, OwnerId, ThreadId, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::content::sealed;

/// A place in the log: dense, from 1, in the order of commits. 0 is before everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Position(pub u64);

impl Position {
    /// Before the first event.
    pub const START: Self = Self(0);

    /// The one that must come next; positions never skip.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One stream of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StreamId {
    /// Its kind.
    pub category: Category,
    /// Which of that kind.
    pub id: Uuid,
}

impl Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.category, self.id)
    }
}

/// Not the name of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stream is called <category>-<id>, such as message-0197f0c2-7e4a-7b1e-8d5c-3f1f6c1d2a3b")]
pub struct NotAStream;

impl FromStr for StreamId {
    type Err = NotAStream;

    fn from_str(text: &str) -> Result<Self, NotAStream> {
        let (category, id) = text.split_once('-').ok_or(NotAStream)?;
        let category = Category::parse(category).ok_or(NotAStream)?;
        Ok(Self { category, id: id.parse().map_err(|_| NotAStream)? })
    }
}

/// The version a stream must have for an append to be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// No event yet.
    NoStream,
    /// Exactly this many events.
    Exact(u64),
}

impl Expected {
    /// As a number of events.
    #[must_use]
    pub const fn version(self) -> u64 {
        match self {
            Self::NoStream => 0,
            Self::Exact(version) => version,
        }
    }

    /// Of a stream with this many events.
    #[must_use]
    pub const fn of(version: u64) -> Self {
        if version == 0 { Self::NoStream } else { Self::Exact(version) }
    }
}

/// SHA-256 of anything.
pub type Hash = [u8; 32];

/// A stream's version that a decision rests on. Every stream that is read or written is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check {
    /// Which stream.
    pub stream: StreamId,
    /// At which version the decision saw it.
    pub expected: Expected,
}

/// An event that asks to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// Its stream, which must be among the checks of its append.
    pub stream: StreamId,
    /// The version it makes of its stream; follows from the check.
    pub version: u64,
    /// `<category>.<event_name>`.
    pub event_type: String,
    /// The version of the stored shape.
    pub schema: u16,
    /// The facts, a JSON object, stored as these exact bytes.
    pub facts: String,
    /// Personal content (JSON), stored apart: sealed, unless nobody seals it ([`crate::content`]).
    pub content: Option<Vec<u8>>,
    /// Whose words that is.
    pub owner: Option<OwnerId>,
    /// The thread whose members receive it.
    pub thread: Option<ThreadId>,
    /// The users who receive it by name, and what becomes of their membership of the thread.
    pub addressees: Vec<Addressee>,
}

/// All or nothing: what one command wants to record, and what that rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append {
    /// Recorded once for ever: a repeated id gets the first answer.
    pub command: CommandId,
    /// Digest of what was asked and by whom; tells a retry from another command under the same id.
    pub fingerprint: Hash,
    /// Who asked; `None` is the server itself.
    pub actor: Option<UserId>,
    /// Ties together everything that one request set off.
    pub correlation: Uuid,
    /// The event that led to this command, if one did.
    pub causation: Option<Uuid>,
    /// The versions the decision rests on, written and merely read streams alike, each stream once.
    pub checks: Vec<Check>,
    /// At least one; in the order of recording.
    pub events: Vec<NewEvent>,
    /// What it was before it was sealed, once it is ([`crate::content`]). Not recorded.
    pub unsealed: Option<Box<Unsealed>>,
}

/// What sealing has changed in an append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsealed {
    /// The digest of what was asked.
    pub fingerprint: Hash,
    /// For each event what it says, where that was sealed.
    pub contents: Vec<Option<Arc<[u8]>>>,
}

/// An append that contradicts itself: a mistake of whoever made it, so the log does not take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Inconsistent {
    /// It has no events.
    #[error("an append without events")]
    Empty,
    /// A stream is checked more than once.
    #[error("{0} is checked twice")]
    CheckedTwice(StreamId),
    /// An event's stream is not among the checks.
    #[error("{0} is written and not checked")]
    Unchecked(StreamId),
    /// An event's version does not follow from the check of its stream and the events before it.
    #[error("an event of {stream} says version {claimed}, and is version {version}")]
    Version {
        /// Which stream.
        stream: StreamId,
        /// What the event says.
        claimed: u64,
        /// What follows.
        version: u64,
    },
}

impl Append {
    /// Whether it can be recorded at all. Every log asks this first.
    ///
    /// # Errors
    /// What contradicts what.
    pub fn consistent(&self) -> Result<(), Inconsistent> {
        if self.events.is_empty() {
            return Err(Inconsistent::Empty);
        }
        for (n, check) in self.checks.iter().enumerate() {
            if self.checks[..n].iter().any(|other| other.stream == check.stream) {
                return Err(Inconsistent::CheckedTwice(check.stream));
            }
        }
        for (n, event) in self.events.iter().enumerate() {
            let stream = event.stream;
            let check = self.checks.iter().find(|check| check.stream == stream).ok_or(Inconsistent::Unchecked(stream))?;
            let before = self.events[..n].iter().filter(|other| other.stream == stream).count() as u64;
            let version = check.expected.version() + before + 1;
            if event.version != version {
                return Err(Inconsistent::Version { stream, claimed: event.version, version });
            }
        }
        Ok(())
    }
}

/// Where an append was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The position of its first event.
    pub first: Position,
    /// The position of its last event.
    pub last: Position,
    /// It had been recorded before; this is the first answer again.
    pub repeated: bool,
}

/// An event of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// Its place in the log.
    pub position: Position,
    /// Its stream.
    pub stream: StreamId,
    /// Its place in the stream, from 1.
    pub version: u64,
    /// `<category>.<event_name>`.
    pub event_type: String,
    /// The version of the stored shape.
    pub schema: u16,
    /// The facts, exactly as stored.
    pub facts: String,
    /// Personal content, exactly as stored; see [`Recorded::content`] for what it says.
    pub content: Option<Vec<u8>>,
    /// The thread whose members receive it.
    pub thread: Option<ThreadId>,
    /// Who caused it; `None` is the server itself.
    pub actor: Option<UserId>,
    /// The command that led to it.
    pub command: CommandId,
    /// Its place among the events of that command, from 0.
    pub ordinal: u16,
    /// The digest of the command.
    pub fingerprint: Hash,
    /// See [`Append::correlation`].
    pub correlation: Uuid,
    /// See [`Append::causation`].
    pub causation: Option<Uuid>,
    /// When the log took it, by the log's clock, in whole microseconds. Orders nothing.
    pub at: DateTime<Utc>,
    /// See [`crate::chain`].
    pub hash: Hash,
    /// What it says, once somebody has asked.
    #[serde(skip)]
    pub decoded: Decoded,
}

/// What became of the personal content of an event when it was read.
#[derive(Clone, Debug, Default)]
pub enum Opened {
    /// Nobody has opened it. It says what is stored, and nothing if that is sealed.
    #[default]
    AsStored,
    /// It was sealed, and says this.
    Clear(Arc<[u8]>),
    /// It says nothing any more.
    Erased,
    /// It is not what was sealed.
    Corrupt,
}

/// What an event says, read from its stored bytes when it is asked for first: the hub and the views share an event, and each of them asks. It is
/// no part of the event: copies begin without it (only what is sealed was opened for them as well), and it makes none of them another.
#[derive(Default)]
pub struct Decoded {
    opened: Opened,
    event: OnceLock<Box<Event>>,
}

impl Decoded {
    /// The content was opened.
    pub(crate) fn open(&mut self, opened: Opened) {
        *self = Self { opened, event: OnceLock::new() };
    }
}

impl Clone for Decoded {
    fn clone(&self) -> Self {
        Self { opened: self.opened.clone(), event: OnceLock::new() }
    }
}

impl PartialEq for Decoded {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Decoded {}

impl fmt::Debug for Decoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.event.get().is_some() { "yes" } else { "no" })
    }
}

impl Recorded {
    /// The `ordinal`-th event of an append, as it stands in the log.
    #[must_use]
    pub fn new(append: &Append, ordinal: u16, event: NewEvent, position: Position, at: DateTime<Utc>, hash: Hash) -> Self {
        Self {
            position,
            stream: event.stream,
            version: event.version,
            event_type: event.event_type,
            schema: event.schema,
            facts: event.facts,
            content: event.content,
            thread: event.thread,
            actor: append.actor,
            command: append.command,
            ordinal,
            fingerprint: append.fingerprint,
            correlation: append.correlation,
            causation: append.causation,
            at,
            hash,
            decoded: Decoded::default(),
        }
    }

    /// The event's own id, for consumers that dedupe: derived from the command, so it survives an export and import.
    #[must_use]
    pub fn id(&self) -> Uuid {
        Uuid::new_v5(&self.command.uuid(), &self.ordinal.to_be_bytes())
    }

    /// Its personal content in the clear; `None` when there is none that can be read.
    #[must_use]
    pub fn content(&self) -> Option<&[u8]> {
        let stored = self.content.as_deref()?;
        match &self.decoded.opened {
            Opened::AsStored => Some(stored).filter(|stored| matches!(sealed::owner(stored), Ok(None))),
            Opened::Clear(content) => Some(content),
            Opened::Erased | Opened::Corrupt => None,
        }
    }

    /// Whether its content was tampered with.
    pub(crate) const fn is_tampered(&self) -> bool {
        matches!(self.decoded.opened, Opened::Corrupt)
    }

    /// What it says.
    ///
    /// # Errors
    /// [`crate::codec::Undecodable`] when the stored bytes are not an event this program knows.
    pub fn event(&self) -> Result<&Event, crate::codec::Undecodable> {
        match self.decoded.event.get() {
            Some(event) => Ok(event),
            None => crate::codec::decode(self).map(|event| &**self.decoded.event.get_or_init(|| Box::new(event))),
        }
    }
}

/// The end of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The position of the last event; 0 when there is none.
    pub position: Position,
    /// The hash of the last event; see [`crate::chain::GENESIS`].
    pub hash: Hash,
}

#[cfg(test)]
mod tests {
    use posthaste_domain::subscription::SubscriptionEvent;

    use super::*;
    use crate::fake;

    #[test]
    fn an_event_is_decoded_once_and_no_other_for_it() {
        let muted = SubscriptionEvent::Muted { thread: ThreadId::new(Uuid::nil()), user: UserId::new(Uuid::nil()) };
        let (asked, other) = (fake::recorded(1, &muted.into()), fake::recorded(1, &muted.into()));
        assert!(std::ptr::eq(asked.event().unwrap(), asked.event().unwrap()));
        assert_eq!((asked.event().unwrap(), &asked), (&Event::from(muted), &other));
        let mut copy = asked.clone();
        copy.facts = "{}".to_owned();
        assert!(copy.event().is_err(), "a copy says what its own bytes say");
    }
}
