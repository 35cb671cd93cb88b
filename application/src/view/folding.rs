//! One view folded from the log, page by page, as a server does that keeps it in memory.

use super::View;
use crate::port::projection::LeftOut;
use crate::port::{EventLog, PortError};
use crate::recorded::Position;

/// A view and how far it has come. Two are equal when they would answer every question alike.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folding<V> {
    view: V,
    position: Position,
    left_out: LeftOut,
}

#[derive(Debug, thiserror::Error)]
#[error("position {0} is missing")]
struct Missing(Position);

impl<V: View> Folding<V> {
    /// Everything up to here is in it.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.position
    }

    /// How many streams are left out of it, each from an event on that it cannot take.
    #[must_use]
    pub fn parked(&self) -> usize {
        self.left_out.parked.len()
    }

    /// Takes the next events in, `limit` at most and none beyond `upto`. Gives how many there were; 0 when it is there.
    ///
    /// # Errors
    /// The log failed, or has a hole.
    pub async fn step(&mut self, log: &dyn EventLog, upto: Position, limit: usize) -> Result<usize, PortError> {
        let left = usize::try_from(upto.0.saturating_sub(self.position.0)).unwrap_or(usize::MAX);
        if left == 0 {
            return Ok(0);
        }
        let events = log.read(self.position, limit.min(left)).await?;
        for event in &events {
            if event.position != self.position.next() {
                break;
            }
            // As a server does that keeps it.
            if self.left_out.admits(event) && self.view.apply(event).is_err() {
                self.left_out.parked.insert(event.stream, event.position);
            }
            self.position = event.position;
        }
        if events.last().map(|event| event.position) != Some(self.position) {
            return Err(PortError::corrupt("the log", Missing(self.position.next())));
        }
        Ok(events.len())
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;
    use crate::fake::{FakeLog, direct, posted};
    use crate::view::Timeline;

    fn log_of(events: u64) -> FakeLog {
        let log = FakeLog::default();
        log.record((0..events).map(|n| posted(n.into(), direct(1, 2), 1, Some("hi"))));
        log
    }

    fn fold(log: &FakeLog, upto: u64, limit: usize) -> Result<Folding<Timeline>, PortError> {
        let mut folding = Folding::default();
        while block_on(folding.step(log, Position(upto), limit))? > 0 {}
        Ok(folding)
    }

    #[test]
    fn a_view_is_the_same_whatever_the_pages_it_was_read_in() {
        let log = log_of(100);
        let whole = fold(&log, 100, 1_000).unwrap();
        assert_eq!(whole.position(), Position(100));
        assert_eq!(fold(&log, 100, 7).unwrap(), whole);
        assert_ne!(fold(&log, 99, 7).unwrap(), whole);
    }

    #[test]
    fn a_stream_is_left_out_from_an_event_on_that_cannot_be_read() {
        let log = log_of(20);
        log.spoil(7);
        let folded = fold(&log, 20, 3).unwrap();
        assert_eq!((folded.position(), folded.parked()), (Position(20), 1));
        assert_eq!(fold(&log, 20, 20).unwrap(), folded);
    }

    #[test]
    fn a_hole_is_not_folded_over() {
        let log = log_of(100);
        log.lose(42);
        let error = std::error::Error::source(&fold(&log, 100, 7).unwrap_err()).unwrap().to_string();
        assert_eq!(error, "position 42 is missing");
        // Nor is an end that comes too soon.
        log.cut(41);
        let error = std::error::Error::source(&fold(&log, 100, 7).unwrap_err()).unwrap().to_string();
        assert_eq!(error, "position 42 is missing");
    }
}
