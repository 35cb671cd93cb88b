//! The states that decisions rest on, kept in memory. A stale one costs a retry and nothing else: the log checks every version.

use std::any::Any;
use std::sync::Arc;

use posthaste_domain::{Aggregate, Category};
use quick_cache::sync::Cache;

use super::{ExecuteError, Unreadable};
use crate::port::EventLog;
use crate::recorded::{Position, Recorded, StreamId};

/// States kept in memory, of all aggregates together.
const KEPT: usize = 100_000;
/// Events read at once when a stream is folded.
const READ: usize = 512;

/// An aggregate's state and where in its stream it stands.
#[derive(Clone, Debug)]
pub struct Loaded<A> {
    /// The state.
    pub state: A,
    /// How many events it is the fold of.
    pub version: u64,
    /// The position of the last of them.
    pub position: Position,
}

impl<A: Aggregate> Default for Loaded<A> {
    fn default() -> Self {
        Self { state: A::default(), version: 0, position: Position::START }
    }
}

impl<A: Aggregate> Loaded<A> {
    fn take(&mut self, recorded: &Recorded) -> Result<(), Unreadable> {
        let position = recorded.position;
        let mismatch = || posthaste_domain::Inapplicable::new(A::CATEGORY.as_str(), &recorded.event_type);
        let event = A::Event::try_from(recorded.event()?).map_err(|_| Unreadable::Inapplicable { position, source: mismatch() })?;
        self.state.apply(&event).map_err(|source| Unreadable::Inapplicable { position, source })?;
        self.version = recorded.version;
        self.position = position;
        Ok(())
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

    /// An aggregate as it was when it was last seen, if it is remembered.
    pub(super) fn remembered<A: Aggregate>(&self, id: A::Id) -> Option<Arc<Loaded<A>>> {
        self.kept.get(&stream::<A>(id)).and_then(|kept| kept.downcast::<Loaded<A>>().ok())
    }

    /// An aggregate as it is now.
    ///
    /// # Errors
    /// The log cannot be reached, or the stream cannot be read.
    pub async fn load<A: Aggregate>(&self, id: A::Id) -> Result<Arc<Loaded<A>>, ExecuteError> {
        let stream = stream::<A>(id);
        let mut loaded = Loaded::<A>::default();
        loop {
            let events = self.log.read_stream(stream, loaded.version, READ).await?;
            for event in &events {
                loaded.take(event)?;
            }
            if events.len() < READ {
                break;
            }
        }
        let loaded = Arc::new(loaded);
        if loaded.version > 0 {
            self.keep(stream, Arc::clone(&loaded));
        }
        Ok(loaded)
    }

    pub(super) fn keep<A: Aggregate>(&self, stream: StreamId, loaded: Arc<Loaded<A>>) {
        // A message is written once and seldom decided on again: it would only push out threads.
        if stream.category != Category::Message {
            self.kept.insert(stream, loaded);
        }
    }

    pub(super) fn forget(&self, stream: StreamId) {
        self.kept.remove(&stream);
    }
}

pub(super) fn stream<A: Aggregate>(id: A::Id) -> StreamId {
    StreamId { category: A::CATEGORY, id: id.into() }
}
