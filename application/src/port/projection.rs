//! What keeps a view up to date.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use super::PortError;
use crate::recorded::{Position, Recorded, StreamId};

/// The event that a view cannot take, and with which its stream waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Poison {
    /// Its stream.
    pub stream: StreamId,
    /// Its place in the stream.
    pub version: u64,
    /// Its place in the log.
    pub position: Position,
    /// Why it cannot be taken.
    pub reason: String,
}

impl Poison {
    /// This event, because of this.
    #[must_use]
    pub fn of(event: &Recorded, error: &PortError) -> Self {
        let Recorded { stream, version, position, .. } = event;
        Self { stream: *stream, version: *version, position: *position, reason: error.in_full() }
    }
}

/// What of the log is not in a view.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Streams that wait, each from this position on.
    pub parked: BTreeMap<StreamId, Position>,
    /// Events that were dropped: left out for ever.
    pub dropped: BTreeSet<Position>,
}

impl LeftOut {
    /// Whether the view takes an event.
    #[must_use]
    pub fn admits(&self, event: &Recorded) -> bool {
        self.parked.get(&event.stream).is_none_or(|first| event.position < *first) && !self.dropped.contains(&event.position)
    }
}

/// Where a view stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Everything up to here is in the view, but for what is left out.
    pub position: Position,
    /// Grows with every change of what is left out that was not made by taking events in.
    pub revision: u64,
    /// What is left out.
    pub left_out: LeftOut,
}

/// What goes into a view in one transaction.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// Where the view is.
    pub after: Position,
    /// Where it is then.
    pub upto: Position,
    /// What it takes of what is between: everything but what is left out.
    pub events: &'a [&'a Recorded],
    /// What it cannot take of it: the stream is parked from then on.
    pub poison: Option<&'a Poison>,
}

/// One view and its checkpoint, kept by one projector at a time.
#[async_trait]
pub trait Projection: Send + Sync {
    /// The name of the view: `threads`, `timeline`, `people`.
    fn name(&self) -> &'static str;

    /// Everything up to here is in the view, but for what is left out.
    async fn checkpoint(&self) -> Result<Position, PortError>;

    /// Where the view stands, as of one moment.
    async fn standing(&self) -> Result<Standing, PortError>;

    /// Takes a batch in and moves the checkpoint to its end, in one transaction. Gives `false` and does nothing when the checkpoint is not
    /// at its beginning, or not of this revision: another projector was faster, or somebody changed what is left out.
    ///
    /// # Errors
    /// [`PortError::Poison`] when one of the events can never be taken; some of those before it may have been taken in then.
    async fn take(&self, revision: u64, batch: Batch<'_>) -> Result<bool, PortError>;

    /// Takes consecutive events in, all of them.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    async fn apply(&self, after: Position, events: &[Recorded]) -> Result<bool, PortError> {
        let upto = events.last().map_or(after, |last| last.position);
        let revision = self.standing().await?.revision;
        let events: Vec<_> = events.iter().collect();
        self.take(revision, Batch { after, upto, events: &events, poison: None }).await
    }

    /// Forgets the view, its checkpoint and what is parked, so that it is built anew.
    async fn reset(&self) -> Result<(), PortError>;
}
