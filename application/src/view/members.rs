//! Who is and was in a thread.

use posthaste_domain::{ThreadId, UserId};

use super::{View, ViewName};
use crate::codec::Undecodable;
use crate::recorded::{Position, Recorded};

/// A membership.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Of which thread.
    pub thread: ThreadId,
    /// Whose.
    pub user: UserId,
    /// The event they joined with.
    pub joined: Position,
    /// The event they left with; `None` while they are a member.
    pub left: Option<Position>,
}

/// The fold.
#[derive(Clone, Debug, Default)]
pub struct Members {}

impl View for Members {
    const NAME: ViewName = ViewName::Members;

    fn apply(&mut self, _event: &Recorded) -> Result<(), Undecodable> {
        Ok(())
    }
}
