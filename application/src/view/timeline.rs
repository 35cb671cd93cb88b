//! The messages of a thread.

use chrono::{DateTime, Utc};
use posthaste_domain::{MessageId, ThreadId, UserId};

use super::{View, ViewName};
use crate::codec::Undecodable;
use crate::recorded::{Position, Recorded};

/// A message in its thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineEntry {
    /// Where it stands: the key of the list.
    pub position: Position,
    /// Which message.
    pub message: MessageId,
    /// In which thread.
    pub thread: ThreadId,
    /// Who wrote it.
    pub author: UserId,
    /// What it says; `None` when it was erased.
    pub text: Option<String>,
    /// When it was recorded.
    pub at: DateTime<Utc>,
}

/// The fold.
#[derive(Clone, Debug, Default)]
pub struct Timeline {}

impl View for Timeline {
    const NAME: ViewName = ViewName::Timeline;

    fn apply(&mut self, _event: &Recorded) -> Result<(), Undecodable> {
        Ok(())
    }
}
