//! What stands in a thread, as every list shows it.

use chrono::{DateTime, Utc};
use poem_openapi::types::Example;
use poem_openapi::{Object, Union};
use posthaste_application::recorded::Position;
use posthaste_application::view::{self, TimelineEntry};
use posthaste_domain::ThreadId;
use posthaste_domain::message;
use uuid::Uuid;

use super::content::Content;
use super::example;
use super::kinds::Role;

/// What stands at one position of a thread.
#[derive(Union)]
#[oai(rename = "Entry", discriminator_name = "kind")]
pub(super) enum Entry {
    /// A message.
    #[oai(mapping = "message")]
    Message(Message),
    /// What the server has to say.
    #[oai(mapping = "notice")]
    Notice(Notice),
}

impl Example for Entry {
    fn example() -> Self {
        Self::Message(Message::example())
    }
}

impl From<TimelineEntry> for Entry {
    fn from(TimelineEntry { position, thread, at, entry }: TimelineEntry) -> Self {
        let place = Place { position, thread, at };
        match entry {
            view::Entry::Message(message) => Self::Message(Message::new(place, *message)),
            view::Entry::Notice(notice) => Self::Notice(Notice::new(place, notice)),
        }
    }
}

struct Place {
    position: Position,
    thread: ThreadId,
    at: DateTime<Utc>,
}

/// A message in its thread. One that was deleted says nothing any more.
#[derive(Object)]
#[oai(example)]
pub(super) struct Message {
    /// The message.
    id: Uuid,
    /// The thread it is in.
    thread: Uuid,
    /// Where it stands.
    position: u64,
    /// When it was recorded.
    at: DateTime<Utc>,
    /// Who wrote it.
    author: Uuid,
    /// What it says; null when it was deleted or erased.
    content: Option<Content>,
    /// It was deleted.
    deleted: bool,
    /// How many times it was written: its `ETag`.
    revision: u32,
    /// When it was last edited; null when it never was.
    edited_at: Option<DateTime<Utc>>,
    /// The message it answers; null when it answers none.
    reply_to: Option<Quote>,
    /// Who is mentioned.
    mentions: Vec<Uuid>,
    /// Where it comes from; null when it was not forwarded.
    forwarded: Option<Forwarded>,
    /// It is pinned.
    pinned: bool,
    /// How many reacted with what, what was used first first.
    reactions: Vec<ReactionCount>,
}

impl Message {
    /// The message that stands there; `None` for a notice.
    pub(super) fn of(TimelineEntry { position, thread, at, entry }: TimelineEntry) -> Option<Self> {
        match entry {
            view::Entry::Message(message) => Some(Self::new(Place { position, thread, at }, *message)),
            view::Entry::Notice(_) => None,
        }
    }

    /// How many times it was written.
    pub(super) const fn revision(&self) -> u32 {
        self.revision
    }

    fn new(Place { position, thread, at }: Place, message: view::MessageEntry) -> Self {
        Self {
            id: message.message.uuid(),
            thread: thread.uuid(),
            position: position.0,
            at,
            author: message.author.uuid(),
            content: message.content.map(Content::from),
            deleted: message.deleted,
            revision: message.revision,
            edited_at: message.edited_at,
            reply_to: message.reply_to.map(Quote::from),
            mentions: message.mentions.into_iter().map(Uuid::from).collect(),
            forwarded: message.forwarded.map(Forwarded::from),
            pinned: message.pinned,
            reactions: message.reactions.into_iter().map(ReactionCount::from).collect(),
        }
    }
}

impl Example for Message {
    fn example() -> Self {
        Self {
            id: example::MESSAGE,
            thread: example::THREAD,
            position: 42,
            at: example::noon(),
            author: example::BOB,
            content: Some(Content::example()),
            deleted: false,
            revision: 1,
            edited_at: None,
            reply_to: Some(Quote::example()),
            mentions: vec![example::ALICE],
            forwarded: None,
            pinned: false,
            reactions: vec![ReactionCount::example()],
        }
    }
}

/// The message that another one answers.
#[derive(Object)]
#[oai(example)]
struct Quote {
    /// The message.
    id: Uuid,
    /// Who wrote it; null when it is not for you to see.
    author: Option<Uuid>,
    /// Its first 200 characters as it is now; null when it has no words, was deleted or erased, or is not for you to see.
    text: Option<String>,
    /// It was deleted.
    deleted: bool,
}

impl From<view::Quote> for Quote {
    fn from(quote: view::Quote) -> Self {
        Self { id: quote.message.uuid(), author: quote.author.map(Uuid::from), text: quote.text, deleted: quote.deleted }
    }
}

impl Example for Quote {
    fn example() -> Self {
        Self { id: example::QUOTED, author: Some(example::ALICE), text: Some("When do we meet?".to_owned()), deleted: false }
    }
}

/// Where a forwarded message comes from. From which thread is not told.
#[derive(Object)]
#[oai(example)]
struct Forwarded {
    /// The message it repeats.
    message: Uuid,
    /// Who wrote that.
    author: Uuid,
}

impl From<message::Forwarded> for Forwarded {
    fn from(forwarded: message::Forwarded) -> Self {
        Self { message: forwarded.message.uuid(), author: forwarded.author.uuid() }
    }
}

impl Example for Forwarded {
    fn example() -> Self {
        Self { message: example::QUOTED, author: example::ALICE }
    }
}

/// How many reacted with one emoji.
#[derive(Object)]
#[oai(example)]
struct ReactionCount {
    /// With what.
    emoji: String,
    /// How many.
    count: u32,
    /// Whether you did.
    mine: bool,
}

impl From<view::ReactionCount> for ReactionCount {
    fn from(reaction: view::ReactionCount) -> Self {
        Self { emoji: reaction.emoji.into(), count: reaction.count, mine: reaction.mine }
    }
}

impl Example for ReactionCount {
    fn example() -> Self {
        Self { emoji: "👍".to_owned(), count: 2, mine: true }
    }
}

/// What the server has to say about a thread.
#[derive(Object)]
#[oai(example)]
pub(super) struct Notice {
    /// The thread.
    thread: Uuid,
    /// Where it stands.
    position: u64,
    /// When it was recorded.
    at: DateTime<Utc>,
    /// What happened: the type of the event, such as `thread.members_added`.
    event: String,
    /// Who did it.
    by: Uuid,
    /// Whom it is about, the first 10.
    users: Vec<Uuid>,
    /// How many it is about.
    count: u32,
    /// The role, if it is about one.
    role: Option<Role>,
    /// The title, if it is about the thread's settings and was not erased.
    title: Option<String>,
}

impl Notice {
    fn new(Place { position, thread, at }: Place, notice: view::Notice) -> Self {
        Self {
            thread: thread.uuid(),
            position: position.0,
            at,
            event: notice.event,
            by: notice.by.uuid(),
            users: notice.users.into_iter().map(Uuid::from).collect(),
            count: notice.count,
            role: notice.role.map(Role::from),
            title: notice.title,
        }
    }
}

impl Example for Notice {
    fn example() -> Self {
        Self {
            thread: example::THREAD,
            position: 19,
            at: example::noon(),
            event: "thread.members_added".to_owned(),
            by: example::ALICE,
            users: vec![example::BOB],
            count: 1,
            role: None,
            title: None,
        }
    }
}
