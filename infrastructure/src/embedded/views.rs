//! The views in memory: the folds themselves, built from the log at every start.

mod kept;
mod rebuilds;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use posthaste_application::port::{PortError, Projection};
use posthaste_application::recorded::Position;
use posthaste_application::view::{
    Account, AccountFilter, Ban, Census, Deletion, Earshot, Folds, Friend, FriendState, Glimpse, Invitation, Invite, Member, MemberPage,
    Page, People, Person, PublicThread, Reaction, Search, ThreadFilter, ThreadSummary, Threads, Timeline, TimelineEntry, TimelinePage,
    ViewName, Views,
};
use posthaste_domain::user::Privacy;
use posthaste_domain::{MessageId, ThreadId, UserId};

use super::dead::SqliteDeadLetters;
use kept::Kept;
pub use rebuilds::MemoryRebuilds;

/// Every view, in memory. Cheap to clone; clones share the views.
#[derive(Clone, Default)]
pub struct MemoryViews {
    threads: Arc<Kept<Threads>>,
    timeline: Arc<Kept<Timeline>>,
    people: Arc<Kept<People>>,
}

impl MemoryViews {
    /// Views whose dead letters are written down.
    #[must_use]
    pub fn new(letters: &Arc<SqliteDeadLetters>) -> Self {
        let (threads, timeline, people) = (Kept::new(letters), Kept::new(letters), Kept::new(letters));
        Self { threads: Arc::new(threads), timeline: Arc::new(timeline), people: Arc::new(people) }
    }

    /// The views beside these.
    #[must_use]
    pub fn rebuilds(&self) -> MemoryRebuilds {
        MemoryRebuilds::new(&self.threads, &self.timeline, &self.people)
    }

    /// What keeps the views, one for each.
    #[must_use]
    pub fn projections(&self) -> Vec<Arc<dyn Projection>> {
        ViewName::ALL.into_iter().map(|view| self.projection(view)).collect()
    }

    /// Asks the three together. Everybody locks them in this order, and who writes locks one only.
    fn ask<A>(&self, question: impl FnOnce(Folds<'_>) -> A) -> A {
        let threads = self.threads.read();
        let timeline = self.timeline.read();
        let people = self.people.read();
        question(Folds { threads: &threads, timeline: &timeline, people: &people })
    }

    fn projection(&self, view: ViewName) -> Arc<dyn Projection> {
        match view {
            ViewName::Threads => Arc::<Kept<Threads>>::clone(&self.threads),
            ViewName::Timeline => Arc::<Kept<Timeline>>::clone(&self.timeline),
            ViewName::People => Arc::<Kept<People>>::clone(&self.people),
        }
    }
}

#[async_trait]
impl Views for MemoryViews {
    async fn reached(&self, view: ViewName, position: Position) -> Result<(), PortError> {
        match view {
            ViewName::Threads => self.threads.reached(position).await,
            ViewName::Timeline => self.timeline.reached(position).await,
            ViewName::People => self.people.reached(position).await,
        }
    }

    async fn threads(&self, user: UserId, filter: &ThreadFilter, page: Page) -> Result<Vec<ThreadSummary>, PortError> {
        Ok(self.ask(|folds| folds.threads(user, filter, page)))
    }

    async fn thread(&self, user: UserId, thread: ThreadId) -> Result<Option<ThreadSummary>, PortError> {
        Ok(self.ask(|folds| folds.thread(user, thread)))
    }

    async fn discover(&self, matching: Option<&str>, page: Page) -> Result<Vec<PublicThread>, PortError> {
        Ok(self.ask(|folds| folds.discover(matching, page)))
    }

    async fn members(&self, thread: ThreadId, page: MemberPage) -> Result<Vec<Member>, PortError> {
        Ok(self.ask(|folds| folds.members(thread, page)))
    }

    async fn bans(&self, thread: ThreadId, page: Page) -> Result<Vec<Ban>, PortError> {
        Ok(self.ask(|folds| folds.bans(thread, page)))
    }

    async fn invites(&self, thread: ThreadId, now: DateTime<Utc>, page: Page) -> Result<Vec<Invite>, PortError> {
        Ok(self.ask(|folds| folds.invites(thread, now, page)))
    }

    async fn invitations(&self, user: UserId, now: DateTime<Utc>, page: Page) -> Result<Vec<Invitation>, PortError> {
        Ok(self.ask(|folds| folds.invitations(user, now, page)))
    }

    async fn timeline(&self, user: UserId, thread: ThreadId, page: TimelinePage) -> Result<Vec<TimelineEntry>, PortError> {
        Ok(self.ask(|folds| folds.timeline(user, thread, page)))
    }

    async fn position_at(&self, user: UserId, thread: ThreadId, at: DateTime<Utc>) -> Result<Option<Position>, PortError> {
        Ok(self.ask(|folds| folds.position_at(user, thread, at)))
    }

    async fn message(&self, user: UserId, message: MessageId) -> Result<Option<TimelineEntry>, PortError> {
        Ok(self.ask(|folds| folds.message(user, message)))
    }

    async fn pins(&self, user: UserId, thread: ThreadId, page: Page) -> Result<Vec<(Position, TimelineEntry)>, PortError> {
        Ok(self.ask(|folds| folds.pins(user, thread, page)))
    }

    async fn reactions(&self, message: MessageId, page: Page) -> Result<Vec<Reaction>, PortError> {
        Ok(self.ask(|folds| folds.reactions(message, page)))
    }

    async fn search(&self, user: UserId, thread: Option<ThreadId>, search: &Search, page: Page) -> Result<Vec<TimelineEntry>, PortError> {
        Ok(self.ask(|folds| folds.search(user, thread, search, page)))
    }

    async fn friends(&self, user: UserId, state: FriendState, page: Page) -> Result<Vec<Friend>, PortError> {
        Ok(self.ask(|folds| folds.friends(user, state, page)))
    }

    async fn earshot(&self, asked: &[(ThreadId, UserId)], most: u32) -> Result<Vec<Earshot>, PortError> {
        Ok(self.ask(|folds| folds.earshot(asked, most)))
    }

    async fn directory(&self, user: UserId, matching: &str, page: Page) -> Result<Vec<Person>, PortError> {
        Ok(self.ask(|folds| folds.directory(user, matching, page)))
    }

    async fn accounts(&self, filter: &AccountFilter, page: Page) -> Result<Vec<Account>, PortError> {
        Ok(self.ask(|folds| folds.accounts(filter, page)))
    }

    async fn deletions(&self, after: Option<Deletion>, due: DateTime<Utc>, limit: usize) -> Result<Vec<Deletion>, PortError> {
        Ok(self.ask(|folds| folds.deletions(after, due, limit)))
    }

    async fn census(&self) -> Result<Census, PortError> {
        Ok(self.ask(|folds| folds.census()))
    }

    async fn privacy(&self, users: &[UserId]) -> Result<Vec<Privacy>, PortError> {
        Ok(self.ask(|folds| folds.privacy(users)))
    }

    async fn glimpses(&self, pairs: &[(UserId, UserId)]) -> Result<Vec<Glimpse>, PortError> {
        Ok(self.ask(|folds| folds.glimpses(pairs)))
    }
}
