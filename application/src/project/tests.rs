use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use futures::executor::block_on;

use super::*;
use crate::fake::{FakeLog, direct, posted};
use crate::port::projection::LeftOut;

/// A view of positions.
#[derive(Default)]
struct Positions {
    standing: Mutex<Standing>,
    taken: Mutex<Vec<u64>>,
    batches: Mutex<Vec<usize>>,
    broken: AtomicBool,
    /// Cannot be reached: nothing is done.
    away: AtomicBool,
    /// What it cannot take.
    poison: Mutex<BTreeSet<u64>>,
    /// What it said of that.
    letters: Mutex<Vec<Poison>>,
}

impl Positions {
    fn last(&self) -> Position {
        self.standing.lock().unwrap().position
    }

    fn taken(&self) -> Vec<u64> {
        self.taken.lock().unwrap().clone()
    }

    fn letters(&self) -> Vec<u64> {
        self.letters.lock().unwrap().iter().map(|poison| poison.position.0).collect()
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

    async fn standing(&self) -> Result<Standing, PortError> {
        Ok(self.standing.lock().unwrap().clone())
    }

    async fn take(&self, revision: u64, Batch { after, upto, events, poison }: Batch<'_>) -> Result<bool, PortError> {
        if self.away.load(Ordering::Relaxed) {
            return Err(PortError::unavailable("positions", "away"));
        }
        let mut standing = self.standing.lock().unwrap();
        if (standing.position, standing.revision) != (after, revision) {
            return Ok(false);
        }
        if events.iter().any(|event| self.poison.lock().unwrap().contains(&event.position.0)) {
            return Err(PortError::poison("positions", "it is not a number"));
        }
        standing.position = upto;
        standing.left_out.parked.extend(poison.map(|poison| (poison.stream, poison.position)));
        self.letters.lock().unwrap().extend(poison.cloned());
        self.taken.lock().unwrap().extend(events.iter().map(|event| event.position.0));
        self.batches.lock().unwrap().push(events.len());
        // Worst of all: it was done, and nobody learns of it.
        if self.broken.swap(false, Ordering::Relaxed) { Err(PortError::unavailable("positions", "broken")) } else { Ok(true) }
    }

    async fn reset(&self) -> Result<(), PortError> {
        self.taken.lock().unwrap().clear();
        *self.standing.lock().unwrap() = Standing::default();
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

/// A log of so many events of ten streams, one after the other, and what of them a view has that cannot take these.
fn parked(events: u64, poison: &[u64]) -> (Vec<u64>, Vec<u64>) {
    let (log, view) = (Arc::new(FakeLog::default()), Arc::<Positions>::default());
    log.record((0..events).map(|n| posted((n % 10).into(), direct(1, 2), 1, Some("hi"))));
    view.poison.lock().unwrap().extend(poison);
    run(&mut projector(&log, &view));
    assert_eq!(view.last(), Position(events));
    (view.taken(), view.letters())
}

#[test]
fn an_event_that_cannot_be_taken_parks_its_stream_and_no_other() {
    let (taken, letters) = parked(5_000, &[1_234]);
    assert_eq!(letters, [1_234]);
    assert_eq!(taken, (1..=5_000).filter(|position| *position < 1_234 || position % 10 != 4).collect::<Vec<_>>());
}

#[test]
fn of_several_in_one_batch_each_is_found_and_what_waits_is_not_tried() {
    // The second of a stream waits behind the first, whatever it is.
    let (taken, letters) = parked(3_000, &[1, 2, 11, 700, 2_999, 3_000]);
    assert_eq!(letters, [1, 2, 700, 2_999]);
    let waits = |position: &u64| match position % 10 {
        1 | 2 => true,
        0 => *position >= 700,
        9 => *position >= 2_999,
        _ => false,
    };
    assert_eq!(taken, (1..=3_000).filter(|position| !waits(position)).collect::<Vec<_>>());
}

#[test]
fn what_fails_for_another_reason_parks_nothing() {
    let (log, view) = (log_of(100), Arc::<Positions>::default());
    let mut projector = projector(&log, &view);
    view.away.store(true, Ordering::Relaxed);
    // More than it takes to halve a batch until one event is alone.
    for _ in 0..20 {
        let failed = block_on(projector.step());
        assert!(failed.is_err(), "it goes on without what it could not take: {failed:?}");
    }
    view.away.store(false, Ordering::Relaxed);
    run(&mut projector);
    assert_eq!((view.letters(), view.taken()), (vec![], (1..=100).collect()));
}

#[test]
fn a_projector_that_is_told_that_something_else_is_left_out_asks_what() {
    let (log, view) = (log_of(10), Arc::<Positions>::default());
    let mut projector = projector(&log, &view);
    run(&mut projector);
    let dropped = [Position(12)].into();
    *view.standing.lock().unwrap() = Standing { position: Position(10), revision: 7, left_out: LeftOut { dropped, ..LeftOut::default() } };
    log.record((10..15).map(|n| posted(n, direct(1, 2), 1, None)));
    run(&mut projector);
    assert_eq!(view.taken(), (1..=15).filter(|position| *position != 12).collect::<Vec<_>>());
}

#[test]
fn a_view_that_can_take_next_to_nothing_stops_instead_of_parking_everything() {
    let (log, view) = (Arc::new(FakeLog::default()), Arc::<Positions>::default());
    let most = MOST_PARKED as u64;
    log.record((0..=most).map(|n| posted(n.into(), direct(1, 2), 1, Some("hi"))));
    view.poison.lock().unwrap().extend(1..=most + 1);
    let mut projector = projector(&log, &view);
    let error = loop {
        if let Err(error) = block_on(projector.step()) {
            break error;
        }
    };
    assert!(matches!(error, ProjectError::TooMany { parked: MOST_PARKED, .. }), "{error:?}");
    assert_eq!((view.last(), view.letters().len()), (Position(most), MOST_PARKED));
}
