//! Who is whose friend, or asked to be. One entry for each pair, whichever side asks.

use chrono::{DateTime, Utc};
use posthaste_domain::{FriendshipId, UserId};

use super::{View, ViewName};
use crate::codec::Undecodable;
use crate::recorded::{Position, Recorded};

/// What somebody is to a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FriendState {
    /// A friend.
    Friend,
    /// Somebody who asked and waits for the user's answer.
    Received,
    /// Somebody the user asked, and who has not answered.
    Sent,
}

/// An entry of a user's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Friend {
    /// The stream of the two.
    pub friendship: FriendshipId,
    /// The other.
    pub user: UserId,
    /// The other's handle; `None` when it was erased.
    pub username: Option<String>,
    /// The other's name; `None` when it was erased.
    pub display_name: Option<String>,
    /// What they are to the user.
    pub state: FriendState,
    /// The position of the last change: the key of the list.
    pub since: Position,
    /// When that was.
    pub since_at: DateTime<Utc>,
}

/// The fold.
#[derive(Clone, Debug, Default)]
pub struct Friends {}

impl View for Friends {
    const NAME: ViewName = ViewName::Friends;

    fn apply(&mut self, _event: &Recorded) -> Result<(), Undecodable> {
        Ok(())
    }
}
