//! The whole log at rest.

use posthaste_application::port::EventLog;
use posthaste_application::recorded::{Head, Recorded};

/// Events read at once.
const READ: usize = 4_096;

/// Every event, and what the log says of its own end.
#[derive(Clone, Debug)]
pub struct Log {
    /// From the first position on, as read.
    pub events: Vec<Recorded>,
    /// The end it remembers.
    pub head: Head,
}

impl Log {
    /// Reads all of it. Nobody may be writing.
    ///
    /// # Errors
    /// The log's own.
    pub async fn read(log: &dyn EventLog) -> anyhow::Result<Self> {
        let mut events: Vec<Recorded> = Vec::new();
        loop {
            let after = events.last().map(|event| event.position).unwrap_or_default();
            let more = log.read(after, READ).await?;
            if more.is_empty() {
                break;
            }
            events.extend(more);
        }
        Ok(Self { events, head: log.head().await? })
    }
}
