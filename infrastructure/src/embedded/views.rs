//! The views in memory: the folds themselves, built from the log at every start.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use async_trait::async_trait;
use posthaste_application::port::{PortError, Projection};
use posthaste_application::recorded::{Position, Recorded};
use posthaste_application::view::{
    Friend, FriendState, Friends, Member, Members, Page, ThreadSummary, Threads, Timeline, TimelineEntry, View, ViewName, Views,
};
use posthaste_domain::{ThreadId, UserId};
use tokio::sync::watch;

/// A fold and how far it has come.
struct Kept<V> {
    fold: RwLock<V>,
    /// Changed only while the fold is locked for writing.
    checkpoint: watch::Sender<Position>,
}

impl<V: View> Default for Kept<V> {
    fn default() -> Self {
        Self { fold: RwLock::default(), checkpoint: watch::Sender::new(Position::START) }
    }
}

impl<V: View> Kept<V> {
    fn read(&self) -> RwLockReadGuard<'_, V> {
        self.fold.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, V> {
        self.fold.write().unwrap_or_else(PoisonError::into_inner)
    }

    async fn reached(&self, position: Position) -> Result<(), PortError> {
        let reached = self.checkpoint.subscribe().wait_for(|checkpoint| *checkpoint >= position).await.map(|_| ());
        reached.map_err(|closed| PortError::unavailable("views", closed))
    }
}

#[async_trait]
impl<V: View> Projection for Kept<V> {
    fn name(&self) -> &'static str {
        V::NAME.as_str()
    }

    async fn checkpoint(&self) -> Result<Position, PortError> {
        Ok(*self.checkpoint.borrow())
    }

    async fn apply(&self, after: Position, events: &[Recorded]) -> Result<bool, PortError> {
        let mut fold = self.write();
        if *self.checkpoint.borrow() != after {
            return Ok(false);
        }
        let mut checkpoint = after;
        let applied = events.iter().try_for_each(|event| {
            fold.apply(event)?;
            checkpoint = event.position;
            Ok(())
        });
        // An event that cannot be read stops the view right before it, with the checkpoint telling where it stands.
        self.checkpoint.send_replace(checkpoint);
        applied.map(|()| true).map_err(|error: posthaste_application::codec::Undecodable| PortError::corrupt("the log", error))
    }

    async fn reset(&self) -> Result<(), PortError> {
        let mut fold = self.write();
        *fold = V::default();
        self.checkpoint.send_replace(Position::START);
        Ok(())
    }
}

/// Every view, in memory. Cheap to clone; clones share the views.
#[derive(Clone, Default)]
pub struct MemoryViews {
    threads: Arc<Kept<Threads>>,
    timeline: Arc<Kept<Timeline>>,
    members: Arc<Kept<Members>>,
    friends: Arc<Kept<Friends>>,
}

impl MemoryViews {
    /// What keeps the views, one for each.
    #[must_use]
    pub fn projections(&self) -> Vec<Arc<dyn Projection>> {
        ViewName::ALL.into_iter().map(|view| self.projection(view)).collect()
    }

    fn projection(&self, view: ViewName) -> Arc<dyn Projection> {
        match view {
            ViewName::Threads => Arc::<Kept<Threads>>::clone(&self.threads),
            ViewName::Timeline => Arc::<Kept<Timeline>>::clone(&self.timeline),
            ViewName::Members => Arc::<Kept<Members>>::clone(&self.members),
            ViewName::Friends => Arc::<Kept<Friends>>::clone(&self.friends),
        }
    }
}

#[async_trait]
impl Views for MemoryViews {
    async fn reached(&self, view: ViewName, position: Position) -> Result<(), PortError> {
        match view {
            ViewName::Threads => self.threads.reached(position).await,
            ViewName::Timeline => self.timeline.reached(position).await,
            ViewName::Members => self.members.reached(position).await,
            ViewName::Friends => self.friends.reached(position).await,
        }
    }

    async fn threads(&self, user: UserId, page: Page) -> Result<Vec<ThreadSummary>, PortError> {
        Ok(self.threads.read().list(user, page))
    }

    async fn timeline(&self, thread: ThreadId, page: Page) -> Result<Vec<TimelineEntry>, PortError> {
        Ok(self.timeline.read().page(thread, page))
    }

    async fn members(&self, thread: ThreadId) -> Result<Vec<Member>, PortError> {
        Ok(self.members.read().list(thread))
    }

    async fn member(&self, thread: ThreadId, user: UserId) -> Result<Option<Member>, PortError> {
        Ok(self.members.read().member(thread, user))
    }

    async fn friends(&self, user: UserId, state: FriendState, page: Page) -> Result<Vec<Friend>, PortError> {
        Ok(self.friends.read().list(user, state, page))
    }
}
