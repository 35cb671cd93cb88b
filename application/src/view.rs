//! The views: what people ask. Each is a pure fold over the log and disposable; the fold says what the view means, and the SQL
//! that keeps the same view in a database is proven equal to it.
//!
//! Every list is read by keyset: entries in a fixed order, each with a key that is a position of the log and therefore unique.

pub mod friends;
pub mod members;
#[cfg(test)]
mod tests;
pub mod threads;
pub mod timeline;

use std::fmt::{self, Display};

use async_trait::async_trait;
use posthaste_domain::{ThreadId, UserId};

use crate::port::PortError;
use crate::recorded::{Position, Recorded};
pub use friends::{Friend, FriendState, Friends};
pub use members::{Member, Members};
pub use threads::{LastMessage, ThreadSummary, Threads};
pub use timeline::{Timeline, TimelineEntry};

/// The views there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ViewName {
    /// A user's threads, newest activity first.
    Threads,
    /// The messages of a thread, newest first.
    Timeline,
    /// Who is and was in a thread.
    Members,
    /// Who is whose friend, or asked to be, and how users are called.
    Friends,
}

impl ViewName {
    /// Every view.
    pub const ALL: [Self; 4] = [Self::Threads, Self::Timeline, Self::Members, Self::Friends];

    /// As it is stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Threads => "threads",
            Self::Timeline => "timeline",
            Self::Members => "members",
            Self::Friends => "friends",
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

/// A pure fold over the log.
pub trait View: Default + Send + Sync + 'static {
    /// Which view it is.
    const NAME: ViewName;

    /// Takes one event in.
    ///
    /// # Errors
    /// The event cannot be read.
    fn apply(&mut self, event: &Recorded) -> Result<(), crate::codec::Undecodable>;
}

/// What the views can be asked.
#[async_trait]
pub trait Views: Send + Sync {
    /// Returns when the view has taken in everything up to a position. Callers put a time limit on it.
    async fn reached(&self, view: ViewName, position: Position) -> Result<(), PortError>;

    /// The threads a user is in, newest activity first; keyed by the position of the activity.
    async fn threads(&self, user: UserId, page: Page) -> Result<Vec<ThreadSummary>, PortError>;

    /// The messages of a thread, newest first; keyed by their position.
    async fn timeline(&self, thread: ThreadId, page: Page) -> Result<Vec<TimelineEntry>, PortError>;

    /// The memberships of a thread that have not ended, in the order of joining; those who joined with one event in the order of
    /// their ids.
    async fn members(&self, thread: ThreadId) -> Result<Vec<Member>, PortError>;

    /// The membership of one user that has not ended.
    async fn member(&self, thread: ThreadId, user: UserId) -> Result<Option<Member>, PortError>;

    /// A user's friends, received or sent requests, newest first; keyed by the position of the last change.
    async fn friends(&self, user: UserId, state: FriendState, page: Page) -> Result<Vec<Friend>, PortError>;
}
