//! Threads, who is in them, invitations, and what each user keeps about a thread.

mod fold;
pub(super) mod state;

use chrono::{DateTime, Utc};
use posthaste_domain::thread::{Appearance, History, Role, ThreadKind, Visibility};
use posthaste_domain::{InviteId, MessageId, ThreadId, UserId};

pub use self::fold::Threads;
use super::Person;
use crate::recorded::Position;

/// Most unread messages that are counted.
pub const UNREAD_MOST: u32 = 1_000;

/// Which of a user's threads are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ThreadFilter {
    /// Only those that are archived, or that are not; all when `None`.
    pub archived: Option<bool>,
    /// Only those whose folded title, or whose peer's folded username or display name, has this folded text in it. What is not known or was
    /// erased has nothing in it, not even the empty text.
    pub matching: Option<String>,
}

/// A thread in a user's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadSummary {
    /// Which thread.
    pub thread: ThreadId,
    /// What kind of thread it is.
    pub kind: ThreadKind,
    /// What the user is in it; in a direct thread both are members.
    pub role: Role,
    /// How many members it has.
    pub members: u32,
    /// The other of a direct thread.
    pub peer: Option<Person>,
    /// How it looks; `None` for a direct thread, and when it was erased.
    pub appearance: Option<Appearance>,
    /// Who can find it; a direct thread is private.
    pub visibility: Visibility,
    /// What those see who join later. In a direct thread nobody does: all of it is there for both.
    pub history: History,
    /// How many times its settings were set; 1 for a direct thread.
    pub revision: u32,
    /// Whether joining takes a passcode.
    pub has_passcode: bool,
    /// The user wants no noise from it.
    pub muted: bool,
    /// The user put it out of sight.
    pub archived: bool,
    /// Everything up to here the user has read.
    pub read: Position,
    /// How many messages of others stand above `read` and above the user's (latest) joining, up to [`UNREAD_MOST`]. Deleted ones do not count,
    /// nor do the server's notices, nor what stands above the position that the Threads view has reached.
    pub unread: u32,
    /// The key of the list: the position of its last message (deleted or not), of its beginning, or of the user's joining, whichever is last.
    pub activity: Position,
    /// When that was.
    pub active_at: DateTime<Utc>,
    /// The thread's last message not above the position that the Threads view has reached, deleted or not; `None` when there is none or the user
    /// does not see it, because it was before they joined (or while they were away) and that is not for them. No earlier one takes its place.
    pub last_message: Option<LastMessage>,
}

/// The newest message of a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastMessage {
    /// Where it stands.
    pub position: Position,
    /// Which message.
    pub message: MessageId,
    /// Who wrote it.
    pub author: UserId,
    /// Its words; `None` when it has none, or was deleted or erased.
    pub text: Option<String>,
    /// It was deleted.
    pub deleted: bool,
}

/// A channel that everybody can find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicThread {
    /// Which thread.
    pub thread: ThreadId,
    /// How it looks; `None` when it was erased.
    pub appearance: Option<Appearance>,
    /// How many members it has.
    pub members: u32,
    /// Whether joining takes a passcode.
    pub has_passcode: bool,
    /// The position of its creation: the key of the list.
    pub created: Position,
}

/// A member of a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub person: Person,
    /// What they are in it.
    pub role: Role,
    /// The event they joined with; with the user's id, the key of the list.
    pub joined: Position,
    /// When that was.
    pub joined_at: DateTime<Utc>,
}

/// A page of members: up to `limit` entries whose key is above `after`, lowest key first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberPage {
    /// Only keys above this one; `None` starts at the first.
    pub after: Option<(Position, UserId)>,
    /// At most this many.
    pub limit: usize,
}

/// Somebody who is kept out of a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// Who.
    pub person: Person,
    /// Who banned them.
    pub by: UserId,
    /// The position of the ban: the key of the list.
    pub since: Position,
    /// When that was.
    pub since_at: DateTime<Utc>,
}

/// An open invitation into a thread, as those see it who may invite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invite {
    /// Which; what a link carries.
    pub invite: InviteId,
    /// Who made it.
    pub by: UserId,
    /// Who is invited; `None` for a link.
    pub person: Option<Person>,
    /// Until when it can be used.
    pub expires_at: DateTime<Utc>,
    /// How many can use it; `None` without a limit, and for a person.
    pub max_uses: Option<u32>,
    /// How many have used it.
    pub uses: u32,
    /// The position of its making: the key of the list.
    pub created: Position,
    /// When that was.
    pub created_at: DateTime<Utc>,
}

/// An open invitation, as the invited sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Which.
    pub invite: InviteId,
    /// Into which thread.
    pub thread: ThreadId,
    /// What kind of thread it is.
    pub kind: ThreadKind,
    /// How it looks; `None` when it was erased.
    pub appearance: Option<Appearance>,
    /// How many members it has.
    pub members: u32,
    /// Who made it.
    pub by: Person,
    /// Until when it can be accepted.
    pub expires_at: DateTime<Utc>,
    /// The position of its making: the key of the list.
    pub created: Position,
    /// When that was.
    pub created_at: DateTime<Utc>,
}
