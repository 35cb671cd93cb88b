//! What clients saw of a run, and the proof that it is what the log says they had to see.
//!
//! - [`History`] is the recorder: clients append what they sent, were answered, pushed and acked, as it happens.
//! - [`Log`] is the whole log, read when everything has come to rest.
//! - [`check`] compares the two and gives every [`Violation`] of the promise it finds, with [`Counts`] of what it looked at.
//!
//! The checker shares no rule with the server: it folds the log by itself to know who was owed what.

mod check;
mod entry;
mod log;
mod obligations;
mod violation;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

pub use self::check::check;
pub use self::entry::{Answer, Connection, Entry, Pushed};
pub use self::log::Log;
pub use self::violation::Violation;

/// Everything that happened on the clients' side, in the order it was noted. Cheap to clone; only ever grows.
///
/// A client notes what it sends before sending it, and what it receives after receiving it, so whatever stands before something
/// else here can have caused it.
#[derive(Clone, Default)]
pub struct History(Arc<Shared>);

#[derive(Default)]
struct Shared {
    entries: Mutex<Vec<Entry>>,
    connections: AtomicU64,
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "History of {} entries", self.0.entries.lock().unwrap_or_else(PoisonError::into_inner).len())
    }
}

impl History {
    /// Notes something.
    pub fn record(&self, entry: Entry) {
        self.0.entries.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
    }

    /// A number for a new connection, no other has it.
    #[must_use]
    pub fn connection(&self) -> Connection {
        Connection(self.0.connections.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// What was noted so far.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        self.0.entries.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What the checker found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Every breach of the promise, in no particular order.
    pub violations: Vec<Violation>,
    /// How much was looked at.
    pub counts: Counts,
}

/// How much the checker looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Commands, each once.
    pub sent: usize,
    /// Commands that were sent again.
    pub retries: usize,
    /// Commands that were answered `ok`, each once.
    pub ok: usize,
    /// Commands that were refused for good, each once.
    pub refused: usize,
    /// Commands without an answer.
    pub unanswered: usize,
    /// Events that arrived, each time they did.
    pub pushed: usize,
    /// Of these, how many a device had received before.
    pub duplicates: usize,
    /// Events that had to arrive at a device up to where it came to rest.
    pub owed: usize,
    /// Devices.
    pub devices: usize,
    /// Their connections.
    pub connections: usize,
    /// Events in the log.
    pub events: usize,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} sent ({} again), {} ok, {} refused, {} unanswered; {} pushed, {} duplicates removed, {} owed to {} devices over {} \
             connections; {} events in the log",
            self.sent,
            self.retries,
            self.ok,
            self.refused,
            self.unanswered,
            self.pushed,
            self.duplicates,
            self.owed,
            self.devices,
            self.connections,
            self.events
        )
    }
}

impl Verdict {
    /// The counts, if nothing is wrong.
    ///
    /// # Errors
    /// The first violations, in words, and how many there are.
    pub fn clean(self) -> anyhow::Result<Counts> {
        if self.violations.is_empty() {
            return Ok(self.counts);
        }
        let shown: Vec<_> = self.violations.iter().take(20).map(|violation| format!("\n  {violation}")).collect();
        anyhow::bail!("{} violations in: {}{}", self.violations.len(), self.counts, shown.concat())
    }
}
