//! Putting a log back: events as they were recorded, with their positions, times and hashes, into a log that has none.

#[cfg(feature = "contract")]
pub mod contract;

use async_trait::async_trait;
use posthaste_domain::Addressee;

use super::PortError;
use crate::recorded::{Head, Recorded};

/// An event as it was recorded, and whom it names: that is not in the event's row, and follows from the event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The event.
    pub event: Recorded,
    /// See [`crate::codec::addressees`].
    pub addressees: Vec<Addressee>,
}

/// Why nothing is imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportRefused {
    /// There is a log already.
    #[error("the log has {} events: an import needs an empty one", head.position)]
    NotEmpty {
        /// Where it ends.
        head: Head,
    },
    /// A server is running on it.
    #[error("a server is running on this log: stop all of them before an import")]
    InUse,
    /// The store failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// The way into an empty log that does not go through decisions. Needs more rights than a server has.
#[async_trait]
pub trait LogImport: Send + Sync {
    /// Begins. Whoever appends waits until it is committed or dropped.
    ///
    /// # Errors
    /// See [`ImportRefused`].
    async fn begin(&self) -> Result<Box<dyn Importing>, ImportRefused>;
}

/// An import that was begun: dropped before it is committed, it leaves nothing.
#[async_trait]
pub trait Importing: Send {
    /// Takes the next events, in the order of their positions, byte for byte. Their links are the caller's business. After a failure nothing
    /// of the import can be committed any more.
    async fn record(&mut self, events: Vec<Imported>) -> Result<(), PortError>;

    /// Makes all of it the log, at once, with this head. What was recorded is history: the relay and the durable consumers go on after it, so
    /// nothing of it is published or sent to anybody's server again.
    async fn commit(self: Box<Self>, head: Head) -> Result<(), PortError>;
}
