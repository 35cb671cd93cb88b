//! Messages and what happened to them, and what the server has to say about the thread.

mod fold;
mod notice;
pub(super) mod state;
mod words;

use chrono::{DateTime, Utc};
use posthaste_domain::message::{Forwarded, MessageContent};
use posthaste_domain::text::Emoji;
use posthaste_domain::thread::Role;
use posthaste_domain::{MessageId, ThreadId, UserId};

pub use self::fold::Timeline;
use crate::recorded::Position;

/// Most users that a notice names.
pub const NOTICE_USERS: usize = 10;
/// Most characters of a quote.
pub const QUOTE_CHARACTERS: usize = 200;

/// What stands at one position of a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineEntry {
    /// Where it stands: the key of the list.
    pub position: Position,
    /// In which thread.
    pub thread: ThreadId,
    /// When it was recorded.
    pub at: DateTime<Utc>,
    /// What it is.
    pub entry: Entry,
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A message.
    Message(Box<MessageEntry>),
    /// What the server has to say, from an event of the thread itself.
    Notice(Notice),
}

/// A message in its thread, as one user sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageEntry {
    /// Which message.
    pub message: MessageId,
    /// Who wrote it.
    pub author: UserId,
    /// What it says now; `None` when it was deleted or erased.
    pub content: Option<MessageContent>,
    /// It was deleted. What follows stays as it was then, save where it says otherwise.
    pub deleted: bool,
    /// How many times it was written.
    pub revision: u32,
    /// When it was last edited.
    pub edited_at: Option<DateTime<Utc>>,
    /// The message it answers.
    pub reply_to: Option<Quote>,
    /// Who is mentioned now; nobody when it was deleted.
    pub mentions: Vec<UserId>,
    /// Where it comes from.
    pub forwarded: Option<Forwarded>,
    /// It is pinned; never when it was deleted.
    pub pinned: bool,
    /// How many reacted with what, the emoji that was used first (of the reactions that stand) first. None when it was deleted.
    pub reactions: Vec<ReactionCount>,
}

/// How many reacted to a message with one emoji.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReactionCount {
    /// With what.
    pub emoji: Emoji,
    /// How many.
    pub count: u32,
    /// Whether the user who looks did.
    pub mine: bool,
}

/// The message that another one answers, as far as it is shown there. It is for the user who looks if it is a message of the same thread and
/// they see its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Which message.
    pub message: MessageId,
    /// Who wrote it; `None` when it is not for the user who looks.
    pub author: Option<UserId>,
    /// Its first [`QUOTE_CHARACTERS`] characters, as it is now; `None` when it has no words, was deleted or erased, or is not for the user who
    /// looks.
    pub text: Option<String>,
    /// It was deleted, and is for the user who looks.
    pub deleted: bool,
}

/// What a quote shows of a text: its first [`QUOTE_CHARACTERS`] characters.
#[must_use]
pub fn quoted(text: &str) -> String {
    text.chars().take(QUOTE_CHARACTERS).collect()
}

/// What the server has to say about a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The type of the event. Only these have something to say: `thread.created`, `thread.updated`, `thread.members_added`, `thread.joined`, `thread.left`,
    /// `thread.member_removed`, `thread.role_changed`, `thread.ownership_transferred`, `thread.banned` (of a member).
    pub event: String,
    /// Who did it.
    pub by: UserId,
    /// Whom it is about, the first [`NOTICE_USERS`] in the order of the event: who was created with, added, removed, banned or given a role, the
    /// new owner, who joined or left. Nobody for `thread.updated`.
    pub users: Vec<UserId>,
    /// How many it is about.
    pub count: u32,
    /// The role, for `thread.role_changed`.
    pub role: Option<Role>,
    /// The title, for `thread.created` and `thread.updated`, if it was not erased.
    pub title: Option<String>,
}

/// One reaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaction {
    /// The position of the reaction: the key of the list.
    pub position: Position,
    /// Who.
    pub user: UserId,
    /// With what.
    pub emoji: Emoji,
    /// When.
    pub at: DateTime<Utc>,
}

/// Which way a timeline is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The newest entries below this position; `None` starts at the top.
    Before(Option<Position>),
    /// The oldest entries above this position.
    Since(Position),
}

/// A page of a timeline. Whichever way it is read, its entries come newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimelinePage {
    /// Which way.
    pub direction: Direction,
    /// At most this many.
    pub limit: usize,
}
