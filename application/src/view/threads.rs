//! A user's threads, newest activity first.

use chrono::{DateTime, Utc};
use posthaste_domain::{ThreadId, UserId};

use super::{View, ViewName};
use crate::codec::Undecodable;
use crate::recorded::{Position, Recorded};

/// A thread in a user's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadSummary {
    /// Which thread.
    pub thread: ThreadId,
    /// Its two members.
    pub members: [UserId; 2],
    /// The position of its last event: the key of the list.
    pub activity: Position,
    /// When that was.
    pub active_at: DateTime<Utc>,
    /// The text of the last message, its author, and its position, if there is one.
    pub last_message: Option<LastMessage>,
}

/// The newest message of a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastMessage {
    /// Where it stands.
    pub position: Position,
    /// Who wrote it.
    pub author: UserId,
    /// What it says; `None` when it was erased.
    pub text: Option<String>,
}

/// The fold.
#[derive(Clone, Debug, Default)]
pub struct Threads {}

impl View for Threads {
    const NAME: ViewName = ViewName::Threads;

    fn apply(&mut self, _event: &Recorded) -> Result<(), Undecodable> {
        Ok(())
    }
}
