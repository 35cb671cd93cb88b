//! The states that decisions rest on, kept in memory and shared. A stale one costs a retry and nothing else: the log checks every version.

use std::any::Any;
use std::ops::Deref;
use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _};
use posthaste_domain::thread::Role;
use posthaste_domain::{Aggregate, Category, Thread, ThreadId, UserId};
use quick_cache::sync::Cache;

use super::{ExecuteError, Unreadable};
use crate::port::EventLog;
use crate::recorded::{Position, Recorded, StreamId};

/// States kept in memory, of all aggregates together.
const KEPT: usize = 100_000;
/// Events read at once when a stream is folded.
const READ: usize = 512;
/// Threads of somebody that are looked at together.
const AT_ONCE: usize = 32;

/// An aggregate's state and where in its stream it stands. Read like the state itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded<A> {
    /// The state.
    pub state: A,
    /// How many events it is the fold of.
    pub version: u64,
    /// The position of the first of them, where the aggregate began; the start when there is none.
    pub first: Position,
    /// The position of the last of them; the start when there is none.
    pub position: Position,
}

impl<A: Aggregate> Default for Loaded<A> {
    fn default() -> Self {
        Self { state: A::default(), version: 0, first: Position::START, position: Position::START }
    }
}

impl<A> Deref for Loaded<A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.state
    }
}

impl<A: Aggregate> Loaded<A> {
    fn take(&mut self, recorded: &Recorded) -> Result<(), Unreadable> {
        let position = recorded.position;
        let mismatch = || posthaste_domain::Inapplicable::new("an event of another aggregate", &recorded.event_type);
        let event = A::Event::try_from(recorded.event()?.clone()).map_err(|_| Unreadable::Inapplicable { position, source: mismatch() })?;
        self.state.apply(&event).map_err(|source| Unreadable::Inapplicable { position, source })?;
        self.version = recorded.version;
        self.reach(position, position);
        Ok(())
    }

    /// Events were taken, the first at one position and the last at the other.
    pub(super) fn reach(&mut self, first: Position, last: Position) {
        if self.first == Position::START {
            self.first = first;
        }
        self.position = last;
    }
}

/// Loads aggregates from the log and keeps those that are asked for again and again.
pub struct States {
    log: Arc<dyn EventLog>,
    kept: Cache<StreamId, Arc<dyn Any + Send + Sync>>,
}

impl States {
    pub(super) fn new(log: Arc<dyn EventLog>) -> Self {
        Self { log, kept: Cache::new(KEPT) }
    }

    /// The log they are loaded from.
    pub(super) fn log(&self) -> &dyn EventLog {
        &*self.log
    }

    /// An aggregate as it was when it was last seen, if it is remembered.
    pub(super) fn remembered<A: Aggregate>(&self, stream: StreamId) -> Option<Arc<Loaded<A>>> {
        self.kept.get(&stream).and_then(|kept| kept.downcast::<Loaded<A>>().ok())
    }

    /// An aggregate as it is now, for whatever must be answered exactly. Reads only what was recorded since it was last seen, and copies
    /// the state only when something was.
    ///
    /// # Errors
    /// The log cannot be reached, or the stream cannot be read.
    pub async fn fresh<A: Aggregate>(&self, id: A::Id) -> Result<Arc<Loaded<A>>, ExecuteError> {
        let stream = stream::<A>(id);
        let mut loaded = self.remembered::<A>(stream).unwrap_or_default();
        let seen = loaded.version;
        loop {
            let events = self.log.read_stream(stream, loaded.version, READ).await?;
            for event in &events {
                // What does not fit may not fit because of what is remembered.
                Arc::make_mut(&mut loaded).take(event).inspect_err(|_| self.forget(stream))?;
            }
            if events.len() < READ {
                break;
            }
        }
        if loaded.version > seen {
            self.keep(stream, Arc::clone(&loaded));
        }
        Ok(loaded)
    }

    /// The groups and channels that somebody owns, as the log has them now.
    ///
    /// # Errors
    /// The log cannot be reached, or a stream cannot be read.
    pub async fn owned(&self, user: UserId) -> Result<Vec<ThreadId>, ExecuteError> {
        let windows = self.log.memberships(user).await?.windows.into_iter().filter(|window| window.until.is_none());
        let roles = futures::stream::iter(windows).map(|window| async move {
            let role = self.fresh::<Thread>(window.thread).await?.role(user);
            Ok::<_, ExecuteError>((window.thread, role))
        });
        let roles: Vec<_> = roles.buffered(AT_ONCE).try_collect().await?;
        Ok(roles.into_iter().filter_map(|(thread, role)| (role == Some(Role::Owner)).then_some(thread)).collect())
    }

    /// Remembers a state that is recorded, unless a later one is known.
    pub(super) fn keep<A: Aggregate>(&self, stream: StreamId, loaded: Arc<Loaded<A>>) {
        // Most messages are never decided on again: they would only push out threads.
        let only_posted = stream.category == Category::Message && loaded.version == 1;
        if !only_posted && self.remembered::<A>(stream).is_none_or(|kept| kept.version < loaded.version) {
            self.kept.insert(stream, loaded);
        }
    }

    /// Forgets a state that cannot be made to fit the log.
    pub(super) fn forget(&self, stream: StreamId) {
        self.kept.remove(&stream);
    }
}

pub(super) fn stream<A: Aggregate>(id: A::Id) -> StreamId {
    StreamId { category: A::CATEGORY, id: id.into() }
}
