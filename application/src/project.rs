//! The projector of one view: a cursor over the log that keeps the view's checkpoint.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use tracing::Instrument as _;

use crate::meter::meters;
use crate::port::projection::{Batch, Poison, Standing};
use crate::port::{PortError, Projection, Tail};
use crate::recorded::{Position, Recorded};
use crate::span;

/// Most events that go into a view in one transaction. A smaller batch means that the view was nearly up to date.
pub const BATCH: usize = 2_048;
/// Most streams that are parked in a view. When there are more, it is not the events that something is wrong with.
pub const MOST_PARKED: usize = 1_000;

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
    /// So many streams are parked that it cannot be the fault of their events: the view stands still until somebody has looked.
    #[error("{parked} streams of {view} are parked already, so it stops here and parks no more: see `posthaste dead list`")]
    TooMany {
        /// Which view.
        view: &'static str,
        /// How many.
        parked: usize,
        /// Why the next one would be.
        #[source]
        source: PortError,
    },
}

#[derive(Debug, thiserror::Error)]
#[error("position {expected} is missing: found {found} in its place")]
struct Hole {
    expected: Position,
    found: Position,
}

/// Keeps one view. An event that the view can never take parks its stream: it and what comes later of the stream is left out, and the rest
/// goes on.
pub struct Projector {
    log: Arc<dyn Tail>,
    projection: Arc<dyn Projection>,
    /// Where the view is, as far as this projector knows; `None` when it must ask.
    standing: Option<Standing>,
    /// How many events it takes at once: fewer while it looks for one that cannot be taken.
    batch: usize,
}

impl Projector {
    /// A projector that goes on from the view's checkpoint.
    #[must_use]
    pub fn new(log: Arc<dyn Tail>, projection: Arc<dyn Projection>) -> Self {
        Self { log, projection, standing: None, batch: BATCH }
    }

    /// The view it keeps.
    #[must_use]
    pub fn view(&self) -> &'static str {
        self.projection.name()
    }

    /// Where the view is, as far as this projector knows.
    #[must_use]
    pub fn position(&self) -> Position {
        self.standing.as_ref().map_or(Position::START, |standing| standing.position)
    }

    /// Takes the next events of the log into the view, unless another projector does. Gives how many there were; 0 when there
    /// was nothing after where this projector took the view to be.
    ///
    /// # Errors
    /// See [`ProjectError`].
    pub async fn step(&mut self) -> Result<usize, ProjectError> {
        let standing = match self.standing.take() {
            Some(standing) => standing,
            None => self.start().await?,
        };
        let after = standing.position;
        let events = self.log.read(after, self.batch).await?;
        let mut last = after;
        for event in &events {
            // Positions never skip; to go on over a hole would leave it in the view for ever.
            if event.position != last.next() {
                return Err(PortError::corrupt("the log", Hole { expected: last.next(), found: event.position }).into());
            }
            last = event.position;
        }
        let Some(first) = events.first() else {
            // The view may have been emptied or put back by somebody else, and nothing else would tell as long as nothing is recorded.
            if self.projection.checkpoint().await? == after {
                self.standing = Some(standing);
            }
            return Ok(0);
        };
        let read = events.len();
        let admitted: Vec<&Recorded> = events.iter().map(|event| &**event).filter(|event| standing.left_out.admits(event)).collect();
        let batch = Batch { after, upto: last, events: &admitted, poison: None };
        let span = span::project(self.view(), first.position, last);
        match self.projection.take(standing.revision, batch).instrument(span).await {
            Ok(taken) => {
                if taken {
                    self.standing = Some(Standing { position: last, ..standing });
                    meters().view_events.of(self.view()).increment(last.0 - after.0);
                }
                self.batch = (self.batch * 2).min(BATCH);
                Ok(read)
            }
            // One of them is poison: it is looked for in halves, so that it is found alone.
            Err(error) if error.is_poison() && read > 1 => {
                self.batch = read / 2;
                Ok(read)
            }
            Err(error) if error.is_poison() => self.park(standing, first, error).await.map(|()| read),
            Err(error) => Err(error.into()),
        }
    }

    /// Goes on over an event that cannot be taken, with its stream left out from there on.
    async fn park(&mut self, mut standing: Standing, event: &Recorded, error: PortError) -> Result<(), ProjectError> {
        let parked = standing.left_out.parked.len();
        if parked >= MOST_PARKED {
            return Err(ProjectError::TooMany { view: self.view(), parked, source: error });
        }
        let poison = Poison::of(event, &error);
        let batch = Batch { after: standing.position, upto: event.position, events: &[], poison: Some(&poison) };
        if self.projection.take(standing.revision, batch).await? {
            let (view, position) = (self.view(), poison.position.0);
            tracing::warn!(view, position, stream = %poison.stream, reason = poison.reason, "a dead letter: its stream is parked");
            meters().view_events.of(view).increment(1);
            standing.left_out.parked.insert(poison.stream, poison.position);
            self.standing = Some(Standing { position: poison.position, ..standing });
        }
        Ok(())
    }

    async fn start(&mut self) -> Result<Standing, ProjectError> {
        let standing = self.projection.standing().await?;
        let head = self.log.head().await?.position;
        if standing.position > head {
            return Err(ProjectError::BeyondHead { view: self.projection.name(), checkpoint: standing.position, head });
        }
        Ok(standing)
    }
}
