use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use futures::executor::block_on;

use super::*;
use crate::fake::{FakeLog, direct, posted};
use crate::recorded::Recorded;

/// A view of positions.
#[derive(Default)]
struct Positions {
    taken: Mutex<Vec<u64>>,
    batches: Mutex<Vec<usize>>,
    broken: AtomicBool,
}

impl Positions {
    fn last(&self) -> Position {
        Position(self.taken.lock().unwrap().last().copied().unwrap_or_default())
    }
}

#[async_trait]
impl Projection for Positions {
    fn name(&self) -> &'static str {
        "positions"
    }

    async fn checkpoint(&self) -> Result<Position, PortError> {
        Ok(self.last())
    }

    async fn apply(&self, after: Position, events: &[Recorded]) -> Result<bool, PortError> {
        if self.last() != after {
            return Ok(false);
        }
        self.taken.lock().unwrap().extend(events.iter().map(|event| event.position.0));
        self.batches.lock().unwrap().push(events.len());
        // Worst of all: it was done, and nobody learns of it.
        if self.broken.swap(false, Ordering::Relaxed) { Err(PortError::unavailable("positions", "broken")) } else { Ok(true) }
    }

    async fn reset(&self) -> Result<(), PortError> {
        self.taken.lock().unwrap().clear();
        Ok(())
    }
}

fn log_of(events: u64) -> Arc<FakeLog> {
    let log = Arc::new(FakeLog::default());
    log.record((0..events).map(|n| posted(n.into(), direct(1, 2), 1, Some("hi"))));
    log
}

fn projector(log: &Arc<FakeLog>, view: &Arc<Positions>) -> Projector {
    Projector::new(Arc::<FakeLog>::clone(log), Arc::<Positions>::clone(view))
}

fn run(projector: &mut Projector) {
    while block_on(projector.step()).unwrap() > 0 {}
}

#[test]
fn a_view_takes_the_log_in_once_in_order_and_in_batches() {
    let (log, view) = (log_of(5_000), Arc::default());
    let mut projector = projector(&log, &view);
    run(&mut projector);
    assert_eq!(*view.taken.lock().unwrap(), (1..=5_000).collect::<Vec<_>>());
    assert_eq!(*view.batches.lock().unwrap(), [BATCH, BATCH, 5_000 - 2 * BATCH]);
    assert_eq!(projector.position(), Position(5_000));
    log.record([posted(0, direct(1, 2), 1, None)]);
    assert_eq!(block_on(projector.step()).unwrap(), 1);
    assert_eq!(block_on(projector.step()).unwrap(), 0);
}

#[test]
fn a_projector_whose_rival_was_faster_goes_on_from_where_the_view_is() {
    let (log, view) = (log_of(5_000), Arc::default());
    let (mut one, mut other) = (projector(&log, &view), projector(&log, &view));
    for _ in 0..10 {
        block_on(one.step()).unwrap();
        block_on(other.step()).unwrap();
    }
    assert_eq!(*view.taken.lock().unwrap(), (1..=5_000).collect::<Vec<_>>());
    assert_eq!((one.position(), other.position()), (Position(5_000), Position(5_000)));
}

#[test]
fn a_batch_of_unknown_outcome_is_neither_lost_nor_taken_twice() {
    let (log, view) = (log_of(600), Arc::<Positions>::default());
    let mut projector = projector(&log, &view);
    view.broken.store(true, Ordering::Relaxed);
    assert!(block_on(projector.step()).is_err());
    run(&mut projector);
    assert_eq!(*view.taken.lock().unwrap(), (1..=600).collect::<Vec<_>>());
}

#[test]
fn a_view_that_somebody_empties_is_built_anew_although_nothing_more_is_recorded() {
    let (log, view) = (log_of(600), Arc::<Positions>::default());
    let mut projector = projector(&log, &view);
    run(&mut projector);
    block_on(view.reset()).unwrap();
    assert_eq!(block_on(projector.step()).unwrap(), 0);
    run(&mut projector);
    assert_eq!((view.last(), projector.position()), (Position(600), Position(600)));
}

#[test]
fn a_log_that_fails_costs_a_step() {
    let (log, view) = (log_of(10), Arc::default());
    let mut projector = projector(&log, &view);
    log.broken.store(true, Ordering::Relaxed);
    assert!(block_on(projector.step()).is_err());
    run(&mut projector);
    assert_eq!(view.last(), Position(10));
}

#[test]
fn a_hole_in_the_log_stops_the_view_in_front_of_it() {
    let (log, view) = (log_of(10), Arc::default());
    log.lose(7);
    let error = block_on(projector(&log, &view).step()).unwrap_err();
    let ProjectError::Port(PortError::Corrupt { source, .. }) = error else { panic!("{error:?}") };
    assert_eq!(source.to_string(), "position 7 is missing: found 8 in its place");
    assert_eq!(view.last(), Position::START);
}

#[test]
fn a_view_beyond_the_head_of_the_log_must_be_rebuilt() {
    let (log, view) = (log_of(10), Arc::default());
    run(&mut projector(&log, &view));
    log.cut(4);
    let mut late = projector(&log, &view);
    let error = block_on(late.step()).unwrap_err();
    assert_eq!(error.to_string(), "the checkpoint 10 of positions is beyond the head of the log 4: rebuild the view");
    block_on(view.reset()).unwrap();
    run(&mut late);
    assert_eq!(view.last(), Position(4));
}
