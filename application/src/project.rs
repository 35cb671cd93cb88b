//! The projector of one view: a cursor over the log that keeps the view's checkpoint.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::meter::meters;
use crate::port::{EventLog, PortError, Projection};
use crate::recorded::Position;

/// Most events that go into a view in one transaction. A smaller batch means that the view was nearly up to date.
pub const BATCH: usize = 2_048;

/// Why a projector stopped.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// The log or the view failed; the next step goes on from the checkpoint.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The checkpoint is beyond the head: the log was restored from a backup. The view must be rebuilt.
    #[error("the checkpoint {checkpoint} of {view} is beyond the head of the log {head}: rebuild the view")]
    BeyondHead {
        /// Which view.
        view: &'static str,
        /// How far it once came.
        checkpoint: Position,
        /// Where the log ends now.
        head: Position,
    },
}

#[derive(Debug, thiserror::Error)]
#[error("position {expected} is missing: found {found} in its place")]
struct Hole {
    expected: Position,
    found: Position,
}

/// Keeps one view.
pub struct Projector {
    log: Arc<dyn EventLog>,
    projection: Arc<dyn Projection>,
    /// Where the view is, as far as this projector knows; `None` when it must ask.
    position: Option<Position>,
}

impl Projector {
    /// A projector that goes on from the view's checkpoint.
    #[must_use]
    pub fn new(log: Arc<dyn EventLog>, projection: Arc<dyn Projection>) -> Self {
        Self { log, projection, position: None }
    }

    /// The view it keeps.
    #[must_use]
    pub fn view(&self) -> &'static str {
        self.projection.name()
    }

    /// Where the view is, as far as this projector knows.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position.unwrap_or_default()
    }

    /// Takes the next events of the log into the view, unless another projector does. Gives how many there were; 0 when there
    /// was nothing after where this projector took the view to be.
    ///
    /// # Errors
    /// See [`ProjectError`].
    pub async fn step(&mut self) -> Result<usize, ProjectError> {
        let after = match self.position {
            Some(position) => position,
            None => self.start().await?,
        };
        let events = self.log.read(after, BATCH).await?;
        let mut last = after;
        for event in &events {
            // Positions never skip; to go on over a hole would leave it in the view for ever.
            if event.position != last.next() {
                return Err(PortError::corrupt("the log", Hole { expected: last.next(), found: event.position }).into());
            }
            last = event.position;
        }
        if events.is_empty() {
            // The view may have been emptied or put back by somebody else, and nothing else would tell as long as nothing is recorded.
            if self.projection.checkpoint().await? != after {
                self.position = None;
            }
            return Ok(0);
        }
        self.position = None;
        if self.projection.apply(after, &events).await? {
            self.position = Some(last);
            meters().view_events.of(self.view()).increment(last.0 - after.0);
        }
        Ok(events.len())
    }

    async fn start(&mut self) -> Result<Position, ProjectError> {
        let checkpoint = self.projection.checkpoint().await?;
        let head = self.log.head().await?.position;
        if checkpoint > head {
            return Err(ProjectError::BeyondHead { view: self.projection.name(), checkpoint, head });
        }
        self.position = Some(checkpoint);
        Ok(checkpoint)
    }
}
