//! How users are called, and what they are to each other. What stands between two is folded once from the stream of the pair; blocks, which
//! only one of the two may know of, are apart from it.

mod fold;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use posthaste_domain::user::ServiceRole;
use posthaste_domain::{FriendshipId, UserId};

pub use self::fold::People;
use crate::recorded::Position;

/// Somebody, as others see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub user: UserId,
    /// Their handle; `None` when it was erased or is not known yet.
    pub username: Option<String>,
    /// Their name; `None` when it was erased or is not known yet.
    pub display_name: Option<String>,
    /// The position of their registration: the key of the directory. 0 when it is not known yet.
    pub registered: Position,
}

/// Somebody, as those see them who run the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// As others see them.
    pub person: Person,
    /// They may do nothing.
    pub suspended: bool,
    /// What they are to the service.
    pub roles: BTreeSet<ServiceRole>,
}

/// Somebody whose account ends, or has ended, because they asked for that. In this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deletion {
    /// When they are erased.
    pub final_at: DateTime<Utc>,
    /// Who.
    pub user: UserId,
}

/// Which accounts are wanted: those that fit everything that is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountFilter {
    /// Whose folded username or display name has this folded text in it.
    pub matching: Option<String>,
    /// Who are suspended, or who are not.
    pub suspended: Option<bool>,
    /// Who have this role.
    pub role: Option<ServiceRole>,
}

/// What a user may know of the comings and goings of another. Oneself knows all of oneself; two with a block between them, whoever made it,
/// know nothing of each other; and otherwise it is the other's privacy that says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Glimpse {
    /// Whether the other is online.
    pub presence: bool,
    /// When they were online last. Never without the presence.
    pub last_seen: bool,
    /// The two are friends, or one and the same.
    pub close: bool,
}

/// What somebody is to a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FriendState {
    /// A friend.
    Friend,
    /// Somebody who asked and waits for the user's answer.
    Received,
    /// Somebody the user asked, and who has not answered.
    Sent,
    /// Somebody the user has blocked. Who is blocked cannot see it.
    Blocked,
}

impl FriendState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Friend, Self::Received, Self::Sent, Self::Blocked];
}

/// An entry of a user's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Friend {
    /// The stream of the two.
    pub friendship: FriendshipId,
    /// The other.
    pub person: Person,
    /// What they are to the user.
    pub state: FriendState,
    /// The position of the last change: the key of the list.
    pub since: Position,
    /// When that was.
    pub since_at: DateTime<Utc>,
}
