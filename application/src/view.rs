//! The views: what people ask. Each is a pure fold over the log and disposable; the fold says what the view means, and the SQL
//! that keeps the same view in a database is proven equal to it.
//!
//! - [`threads`]: threads, who is in them, invitations, and what each user keeps about a thread.
//! - [`timeline`]: messages and what happened to them, pins, reactions, search.
//! - [`people`]: how users are called, who is whose friend, the directory.
//!
//! Every list is read by keyset: entries in a fixed order, each with a key that is unique. Nearly always that is a position of the log.
//!
//! What a user sees of a thread: a member sees every position of their windows (from joining to leaving, both included; of all their
//! memberships of this thread), or everything where the thread's history is for all. Who is not a member, or of a deleted thread, sees
//! nothing. Queries that need windows and messages hold the messages to the position that the windows are known up to, so that a view
//! that lags shows less, never more. "Known" in this sense is the position that the Threads view has reached.
//!
//! [`Folds`] answers every query on the folds and is the specification of every other way to answer it.

pub mod compare;
mod earshot;
pub mod folding;
mod folds;
mod keyed;
pub mod people;
pub mod search;
mod sight;
pub mod snippet;
#[cfg(test)]
mod tests;
pub mod threads;
pub mod timeline;

use std::fmt::{self, Display};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use posthaste_domain::user::Privacy;
use posthaste_domain::{Category, MessageId, ThreadId, UserId};
use serde::{Deserialize, Serialize};

use crate::port::PortError;
use crate::recorded::{Position, Recorded};
pub use earshot::Earshot;
pub use folds::Folds;
pub use people::{Account, AccountFilter, Deletion, Friend, FriendState, Glimpse, People, Person};
pub use search::Search;
pub use sight::Sight;
pub use snippet::snippet;
pub use threads::{Ban, Invitation, Invite, LastMessage, Member, MemberPage, PublicThread, ThreadFilter, ThreadSummary, Threads};
pub use timeline::{Direction, Entry, MessageEntry, Notice, Quote, Reaction, ReactionCount, Timeline, TimelineEntry, TimelinePage};

/// The views there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ViewName {
    /// Threads, members, invitations, and what each user keeps about a thread.
    Threads,
    /// Messages, pins, reactions, search.
    Timeline,
    /// Profiles, friendships, the directory.
    People,
}

impl ViewName {
    /// Every view.
    pub const ALL: [Self; 3] = [Self::Threads, Self::Timeline, Self::People];

    /// As it is stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Threads => "threads",
            Self::Timeline => "timeline",
            Self::People => "people",
        }
    }

    /// Whether anything that happens to aggregates of a category changes the view. What does not need not be read for it.
    #[must_use]
    pub const fn takes(self, category: Category) -> bool {
        match (self, category) {
            (Self::Threads, Category::Thread | Category::Message | Category::Subscription)
            | (Self::Timeline, Category::User | Category::Thread | Category::Message)
            | (Self::People, Category::User | Category::Friendship)
            // Whoever recorded it knows whether it matters here; nobody else does.
            | (_, Category::Other(_)) => true,
            (Self::Threads, Category::User | Category::Claim | Category::Friendship | Category::Operation)
            | (Self::Timeline, Category::Claim | Category::Friendship | Category::Subscription | Category::Operation)
            | (Self::People, Category::Claim | Category::Thread | Category::Message | Category::Subscription | Category::Operation) => false,
        }
    }
}

impl Display for ViewName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A page of a list: up to `limit` entries whose key is below `before`, highest key first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Only keys below this one; `None` starts at the top.
    pub before: Option<Position>,
    /// At most this many.
    pub limit: usize,
}

/// How many there are. Each view counts as far as it has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Who have registered.
    pub users: u64,
    /// Those of them who are suspended.
    pub suspended: u64,
    /// Those who are admins, suspended or not.
    pub admins: u64,
    /// Those who are auditors, suspended or not.
    pub auditors: u64,
    /// Threads that are not deleted.
    pub threads: u64,
    /// Messages, those that were deleted included.
    pub messages: u64,
}

/// A pure fold over the log.
pub trait View: Default + Send + Sync + 'static {
    /// Which view it is.
    const NAME: ViewName;

    /// Takes one event in.
    ///
    /// # Errors
    /// The event cannot be read.
    fn apply(&mut self, event: &Recorded) -> Result<(), crate::codec::Undecodable>;

    /// Compares it with another fold, part by part. Two that are equal have no entries that differ; of two that are not, some part has.
    fn compare(&self, other: &Self) -> Vec<compare::Part>;
}

/// What the views can be asked. None of it decides who may ask: the edge does, on the thread itself.
#[async_trait]
pub trait Views: Send + Sync {
    /// Returns when the view has taken in everything up to a position. Callers put a time limit on it.
    async fn reached(&self, view: ViewName, position: Position) -> Result<(), PortError>;

    /// The threads a user is in, newest activity first; keyed by the position of the activity. What a user kept about a thread (read, muted,
    /// archived) outlasts leaving: whoever joins again finds it as it was.
    async fn threads(&self, user: UserId, filter: &ThreadFilter, page: Page) -> Result<Vec<ThreadSummary>, PortError>;

    /// One thread as in the list of a user who is in it.
    async fn thread(&self, user: UserId, thread: ThreadId) -> Result<Option<ThreadSummary>, PortError>;

    /// Public channels that are not deleted, newest first; keyed by the position of their creation. Only channels can be public, so the
    /// visibility alone tells. With a folded text, those whose folded title has it in it; a title that was erased has nothing in it.
    async fn discover(&self, matching: Option<&str>, page: Page) -> Result<Vec<PublicThread>, PortError>;

    /// The members of a thread, in the order of joining, those who joined with one event in the order of their ids. A deleted thread has none,
    /// and neither bans nor invitations.
    async fn members(&self, thread: ThreadId, page: MemberPage) -> Result<Vec<Member>, PortError>;

    /// Who is banned from a thread, the latest ban first; keyed by its position. Somebody who is banned again is banned since then.
    async fn bans(&self, thread: ThreadId, page: Page) -> Result<Vec<Ban>, PortError>;

    /// The invitations into a thread that are open at a time, to persons and by link, the latest first; keyed by the position of their making.
    /// Open means: not yet `expires_at`, not declined, not revoked, and with uses left. A person has one at most in a thread, the latest, and
    /// none after joining in whatever way or being banned.
    async fn invites(&self, thread: ThreadId, now: DateTime<Utc>, page: Page) -> Result<Vec<Invite>, PortError>;

    /// The open invitations of a user into threads that are not deleted, the latest first; keyed by the position of their making. Open is what
    /// [`invites`](Self::invites) calls so.
    async fn invitations(&self, user: UserId, now: DateTime<Utc>, page: Page) -> Result<Vec<Invitation>, PortError>;

    /// What a user sees of a thread, newest first; keyed by position.
    async fn timeline(&self, user: UserId, thread: ThreadId, page: TimelinePage) -> Result<Vec<TimelineEntry>, PortError>;

    /// The position of the first entry that the user sees of a thread that was recorded at or after a time: the lowest such position, also
    /// where the clock went back.
    async fn position_at(&self, user: UserId, thread: ThreadId, at: DateTime<Utc>) -> Result<Option<Position>, PortError>;

    /// One message, if the user sees it; one that was deleted as what remains of it.
    async fn message(&self, user: UserId, message: MessageId) -> Result<Option<TimelineEntry>, PortError>;

    /// The pinned messages of a thread that the user sees, the latest pin first; keyed by the position of the pin. Where the message stands
    /// decides whether it is seen, not where it was pinned. A message that is deleted is not pinned any more.
    async fn pins(&self, user: UserId, thread: ThreadId, page: Page) -> Result<Vec<(Position, TimelineEntry)>, PortError>;

    /// Who reacted to a message, the latest first; keyed by the position of the reaction. Nobody when it was deleted.
    async fn reactions(&self, message: MessageId, page: Page) -> Result<Vec<Reaction>, PortError>;

    /// The messages that the user sees, in one thread or in all of theirs (archived ones too), and that have the words; newest first, keyed by
    /// position. What is searched is what a message says now: its text, or the words beside its files; not the names of the files. What was
    /// deleted or erased says nothing.
    async fn search(&self, user: UserId, thread: Option<ThreadId>, search: &Search, page: Page) -> Result<Vec<TimelineEntry>, PortError>;

    /// What people are to a user, the latest change first; keyed by the position of the last change. Blocks are apart from the rest: a block
    /// stands in the list of the one who blocked, since that block, whatever else happens between the two, a block by the other included.
    async fn friends(&self, user: UserId, state: FriendState, page: Page) -> Result<Vec<Friend>, PortError>;

    /// Who is told in passing of what these users do in these threads, in the order asked, where a thread has at most so many members.
    async fn earshot(&self, asked: &[(ThreadId, UserId)], most: u32) -> Result<Vec<Earshot>, PortError>;

    /// The users whose folded username or display name has this folded text in it, without the one who asks, without those who have blocked
    /// them or are blocked by them, and without those who are suspended or leaving; the newest user first, keyed by the position of the registration. Names that were erased have nothing in
    /// them.
    async fn directory(&self, user: UserId, matching: &str, page: Page) -> Result<Vec<Person>, PortError>;

    /// The accounts that a filter wants, the newest first; keyed by the position of the registration. For those who run the service.
    async fn accounts(&self, filter: &AccountFilter, page: Page) -> Result<Vec<Account>, PortError>;

    /// The deletions that are due at a time, beyond another one, first things first; up to `limit`. Those that were carried out are among
    /// them, those that were cancelled are not.
    async fn deletions(&self, after: Option<Deletion>, due: DateTime<Utc>, limit: usize) -> Result<Vec<Deletion>, PortError>;

    /// How many there are of everything. Takes longer the more there is.
    async fn census(&self) -> Result<Census, PortError>;

    /// What each of these users lets others know, in this order; what is usual for those who never said.
    async fn privacy(&self, users: &[UserId]) -> Result<Vec<Privacy>, PortError>;

    /// What the first of each pair may know of the comings and goings of the second, in this order.
    async fn glimpses(&self, pairs: &[(UserId, UserId)]) -> Result<Vec<Glimpse>, PortError>;
}
