use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use chrono::DateTime;
use futures::executor::block_on;

use super::*;
use crate::fake::{FakeLog, direct, posted};
use crate::port::rebuilds::RebuildStatus;
use crate::recorded::StreamId;

/// A view of positions, and one beside it.
#[derive(Clone, Debug, Default)]
struct Kept {
    live: Vec<u64>,
    beside: Option<Vec<u64>>,
    batches: Vec<usize>,
    epoch: u64,
    held: Option<Held>,
    /// Writes to the live view when it should stand still.
    meddler: bool,
    /// What cannot be taken.
    poison: Vec<u64>,
    /// What is left out of the live view, and what is parked in the one beside it.
    left_out: LeftOut,
    parked: BTreeMap<StreamId, Position>,
    at: Position,
    outdated: bool,
}

impl Kept {
    fn take(&mut self, Batch { upto, events, poison, .. }: Batch<'_>) -> Result<(), PortError> {
        if events.iter().any(|event| self.poison.contains(&event.position.0)) {
            return Err(PortError::poison("positions", "not a number"));
        }
        self.parked.extend(poison.map(|poison| (poison.stream, poison.position)));
        self.beside.as_mut().unwrap().extend(events.iter().map(|event| event.position.0));
        self.at = upto;
        Ok(())
    }
}

#[derive(Default)]
struct FakeRebuilds(Arc<Mutex<Kept>>);

fn last(positions: &[u64]) -> Position {
    Position(positions.last().copied().unwrap_or_default())
}

impl FakeRebuilds {
    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap()
    }

    fn fence(&self, lease: Lease) -> Result<(), Fenced> {
        if self.kept().epoch == lease.epoch { Ok(()) } else { Err(Fenced { epoch: lease.epoch }) }
    }
}

#[async_trait]
impl Rebuilds for FakeRebuilds {
    async fn status(&self, _: ViewName) -> Result<RebuildStatus, PortError> {
        let Kept { live, beside, held, .. } = &*self.kept();
        Ok(RebuildStatus { live: last(live), beside: beside.as_deref().map(last), held: held.clone() })
    }

    async fn acquire(&self, _: ViewName, _: Purpose, holder: Uuid, _: Duration) -> Result<Result<Lease, Held>, PortError> {
        let mut kept = self.kept();
        if let Some(held) = &kept.held {
            return Ok(Err(held.clone()));
        }
        kept.epoch += 1;
        Ok(Ok(Lease { holder, epoch: kept.epoch }))
    }

    async fn resume(&self, _: ViewName) -> Result<Option<(Position, LeftOut)>, PortError> {
        let kept = self.kept();
        let parked = kept.parked.clone();
        Ok(kept.beside.as_ref().map(|_| (kept.at, LeftOut { parked, ..LeftOut::default() })))
    }

    async fn left_out(&self, _: ViewName) -> Result<LeftOut, PortError> {
        Ok(self.kept().left_out.clone())
    }

    async fn begin(&self, _: ViewName, lease: Lease) -> Result<Result<(), Fenced>, PortError> {
        let begin = |()| {
            let mut kept = self.kept();
            (kept.beside, kept.at) = (Some(Vec::new()), Position::START);
            kept.parked.clear();
        };
        Ok(self.fence(lease).map(begin))
    }

    async fn take(&self, _: ViewName, lease: Lease, batch: Batch<'_>, _: Duration) -> Result<Result<(), Fenced>, PortError> {
        let fence = self.fence(lease);
        let mut kept = self.kept();
        assert_eq!(kept.at, batch.after);
        kept.take(batch)?;
        kept.batches.push(batch.events.len());
        Ok(fence)
    }

    async fn meet(&self, _: ViewName, lease: Lease, _: Meet) -> Result<Result<Box<dyn Meeting>, Fenced>, PortError> {
        let meeting = FakeMeeting { kept: self.kept().clone(), store: Arc::clone(&self.0) };
        Ok(self.fence(lease).map(|()| Box::new(meeting) as Box<dyn Meeting>))
    }

    async fn forget(&self, _: ViewName, lease: Lease) -> Result<Result<(), Fenced>, PortError> {
        Ok(self.fence(lease).map(|()| self.kept().beside = None))
    }

    async fn release(&self, _: ViewName, _: Lease) -> Result<(), PortError> {
        Ok(())
    }
}

struct FakeMeeting {
    kept: Kept,
    store: Arc<Mutex<Kept>>,
}

#[async_trait]
impl Meeting for FakeMeeting {
    fn live(&self) -> Position {
        last(&self.kept.live)
    }

    fn beside(&self) -> Position {
        self.kept.at
    }

    fn left_out(&self) -> &LeftOut {
        &self.kept.left_out
    }

    fn is_outdated(&self) -> bool {
        self.kept.outdated
    }

    async fn take(&mut self, batch: Batch<'_>) -> Result<(), PortError> {
        self.kept.take(batch)
    }

    async fn compare(&mut self) -> Result<Vec<TableCheck>, PortError> {
        let (live, beside) = (&self.kept.live, self.kept.beside.as_ref().unwrap());
        let buckets = if live == beside { vec![] } else { vec![7] };
        let (live, rebuilt) = (live.len() as u64, beside.len() as u64);
        Ok(vec![TableCheck { table: "positions".to_owned(), live, rebuilt, buckets, digest: String::new() }])
    }

    async fn differences(&mut self, table: &TableCheck, _: usize) -> Result<(Vec<Difference>, u64), PortError> {
        Ok((Vec::new(), table.live.abs_diff(table.rebuilt)))
    }

    async fn exchange(&mut self, table: &TableCheck) -> Result<Exchanged, PortError> {
        let removed = self.kept.live.len() as u64;
        self.kept.live = self.kept.beside.clone().unwrap();
        if self.kept.meddler {
            self.kept.live.insert(0, 0);
        }
        Ok(Exchanged { table: table.table.clone(), removed, added: table.rebuilt })
    }

    async fn commit(self: Box<Self>) -> Result<(), PortError> {
        let mut kept = self.kept;
        kept.left_out.parked = kept.parked.clone();
        *self.store.lock().unwrap() = kept;
        Ok(())
    }
}

/// A log of so many events, all of which the live view has.
fn world(events: u64) -> (Arc<FakeLog>, Arc<FakeRebuilds>) {
    let (log, rebuilds) = (Arc::new(FakeLog::default()), Arc::new(FakeRebuilds::default()));
    log.record((0..events).map(|n| posted(n.into(), direct(1, 2), 1, Some("hi"))));
    rebuilds.kept().live = (1..=events).collect();
    (log, rebuilds)
}

fn rebuilder((log, rebuilds): &(Arc<FakeLog>, Arc<FakeRebuilds>), purpose: Purpose) -> Rebuilder {
    Rebuilder::new(Arc::<FakeLog>::clone(log), Arc::<FakeRebuilds>::clone(rebuilds), ViewName::People, purpose, Uuid::nil())
}

fn build(rebuilder: &mut Rebuilder) -> Result<(), RebuildError> {
    let mut at = None;
    while at != Some(rebuilder.progress()) {
        at = Some(rebuilder.progress());
        block_on(rebuilder.step())?;
    }
    Ok(())
}

#[test]
fn the_log_is_taken_in_once_in_order_and_in_batches_and_what_is_wrong_is_put_right() {
    let world = world(5_000);
    world.1.kept().live.remove(77);
    let mut rebuilder = rebuilder(&world, Purpose::Rebuild).in_batches_of(2_000);
    assert!(block_on(rebuilder.begin()).unwrap());
    build(&mut rebuilder).unwrap();
    assert_eq!(world.1.kept().batches, [2_000, 2_000, 1_000]);
    let outcome = block_on(rebuilder.exchange()).unwrap().unwrap();
    assert_eq!((outcome.live, outcome.position, outcome.exchanged.len()), (Position(5_000), Position(5_000), 1));
    assert_eq!(world.1.kept().live, (1..=5_000).collect::<Vec<_>>());
    block_on(rebuilder.end(true)).unwrap();
    assert_eq!(world.1.kept().beside, None);
}

#[test]
fn what_is_compared_goes_no_further_than_the_live_view() {
    let world = world(5_000);
    world.1.kept().live.truncate(3_210);
    let mut rebuilder = rebuilder(&world, Purpose::Verify).in_batches_of(2_000);
    assert!(block_on(rebuilder.begin()).unwrap());
    build(&mut rebuilder).unwrap();
    let verdict = block_on(rebuilder.verify(10)).unwrap().unwrap();
    assert_eq!((verdict.position, verdict.total), (Position(3_210), 0));
    // It moves on by more than is taken in while they meet, and then by less.
    world.1.kept().live = (1..=4_000).collect();
    assert_eq!(block_on(rebuilder.verify(10)).unwrap().unwrap().position, Position(4_000));
    // It is emptied.
    world.1.kept().live.clear();
    let error = block_on(rebuilder.verify(10)).unwrap_err();
    assert!(matches!(error, RebuildError::WentBack { .. }), "{error:?}");
}

#[test]
fn a_hole_in_the_log_stops_it_and_so_does_an_end_that_came_too_soon() {
    let holed = world(5_000);
    holed.0.lose(1_700);
    let mut stopped = rebuilder(&holed, Purpose::Rebuild).in_batches_of(1_000);
    assert!(block_on(stopped.begin()).unwrap());
    let error = build(&mut stopped).unwrap_err();
    let RebuildError::Port(PortError::Corrupt { source, .. }) = error else { panic!("{error:?}") };
    assert_eq!((source.to_string(), stopped.progress().position), ("position 1700 is missing".to_owned(), Position(1_000)));

    let cut = world(5_000);
    cut.0.cut(4_000);
    let error = block_on(rebuilder(&cut, Purpose::Verify).begin()).unwrap_err();
    assert!(matches!(error, RebuildError::BeyondHead { live: Position(5_000), head: Position(4_000), .. }), "{error:?}");
    // That is what a rebuild is for.
    let mut mended = rebuilder(&cut, Purpose::Rebuild);
    assert!(block_on(mended.begin()).unwrap());
    build(&mut mended).unwrap();
    assert_eq!(block_on(mended.exchange()).unwrap().unwrap().position, Position(4_000));
    assert_eq!(cut.1.kept().live.len(), 4_000);
}

#[test]
fn whoever_renews_their_lease_is_alive_and_whoever_does_not_is_waited_for() {
    let world = world(10);
    let held = |seconds| Held { purpose: Some(Purpose::Verify), begun_at: None, expires_at: DateTime::from_timestamp(seconds, 0).unwrap() };
    world.1.kept().held = Some(held(1));
    let mut late = rebuilder(&world, Purpose::Rebuild);
    assert!(!block_on(late.begin()).unwrap());
    assert!(!block_on(late.begin()).unwrap(), "that it is still held says nothing");
    world.1.kept().held = None;
    assert!(block_on(late.begin()).unwrap());

    world.1.kept().held = Some(held(2));
    let mut later = rebuilder(&world, Purpose::Rebuild);
    assert!(!block_on(later.begin()).unwrap());
    world.1.kept().held = Some(held(3));
    let error = block_on(later.begin()).unwrap_err();
    assert_eq!(error.to_string(), "people is being built beside the live view already, to verify it");
}

#[test]
fn a_live_view_that_is_not_what_it_was_made_is_left_as_it_was() {
    let world = world(100);
    world.1.kept().live.remove(7);
    world.1.kept().meddler = true;
    let before = world.1.kept().live.clone();
    let mut rebuilder = rebuilder(&world, Purpose::Rebuild);
    assert!(block_on(rebuilder.begin()).unwrap());
    build(&mut rebuilder).unwrap();
    let error = block_on(rebuilder.exchange()).unwrap_err();
    assert!(matches!(error, RebuildError::NotExchanged { .. }), "{error:?}");
    assert_eq!(world.1.kept().live, before);
}

/// What the view has without these, and with their streams, of which there are ten, left out from there on.
fn without(events: u64, parked: &[u64], dropped: &[u64]) -> Vec<u64> {
    let waits = |position: &u64| parked.iter().any(|first| position >= first && position % 10 == first % 10) || dropped.contains(position);
    (1..=events).filter(|position| !waits(position)).collect()
}

/// As [`world`], with events of ten streams, and a live view without these.
fn poisoned(events: u64, parked: &[u64]) -> (Arc<FakeLog>, Arc<FakeRebuilds>) {
    let (log, rebuilds) = (Arc::new(FakeLog::default()), Arc::new(FakeRebuilds::default()));
    log.record((0..events).map(|n| posted((n % 10).into(), direct(1, 2), 1, Some("hi"))));
    let recorded = block_on(log.read(Position::START, usize::MAX)).unwrap();
    {
        let mut kept = rebuilds.kept();
        kept.live = without(events, parked, &[]);
        kept.poison = parked.to_vec();
        kept.left_out.parked.extend(parked.iter().map(|first| (recorded[*first as usize - 1].stream, Position(*first))));
    }
    (log, rebuilds)
}

#[test]
fn what_cannot_be_taken_is_parked_beside_the_live_view_as_well_and_the_two_are_equal() {
    for purpose in [Purpose::Verify, Purpose::Rebuild] {
        let world = poisoned(5_000, &[777, 4_321]);
        let mut rebuilder = rebuilder(&world, purpose).in_batches_of(1_000);
        assert!(block_on(rebuilder.begin()).unwrap());
        build(&mut rebuilder).unwrap();
        if purpose == Purpose::Verify {
            let verdict = block_on(rebuilder.verify(10)).unwrap().unwrap();
            assert_eq!((verdict.position, verdict.total, verdict.parked), (Position(5_000), 0, 2));
        } else {
            let outcome = block_on(rebuilder.exchange()).unwrap().unwrap();
            assert_eq!((outcome.exchanged.len(), outcome.parked), (0, 2));
            assert_eq!(world.1.kept().batches[0], 500, "it was looked for in halves");
        }
    }
}

#[test]
fn when_the_cause_is_gone_a_rebuild_takes_everything_and_a_comparison_leaves_out_what_the_live_view_does() {
    let world = poisoned(5_000, &[777]);
    world.1.kept().poison.clear();
    let mut compared = rebuilder(&world, Purpose::Verify);
    assert!(block_on(compared.begin()).unwrap());
    build(&mut compared).unwrap();
    assert_eq!(block_on(compared.verify(10)).unwrap().unwrap().total, 0);
    block_on(compared.end(true)).unwrap();

    let mut rebuilt = rebuilder(&world, Purpose::Rebuild);
    assert!(block_on(rebuilt.begin()).unwrap());
    build(&mut rebuilt).unwrap();
    assert_eq!(block_on(rebuilt.exchange()).unwrap().unwrap().parked, 0);
    assert_eq!(world.1.kept().live, (1..=5_000).collect::<Vec<_>>());
    assert!(world.1.kept().left_out.parked.is_empty());
}

#[test]
fn what_was_dropped_is_left_out_for_ever_and_what_waited_behind_it_goes_in() {
    let world = poisoned(5_000, &[777]);
    world.1.kept().left_out.dropped.insert(Position(777));
    let mut rebuilt = rebuilder(&world, Purpose::Rebuild);
    assert!(block_on(rebuilt.begin()).unwrap());
    build(&mut rebuilt).unwrap();
    assert_eq!(block_on(rebuilt.exchange()).unwrap().unwrap().parked, 0);
    assert_eq!(world.1.kept().live, without(5_000, &[], &[777]));
}

#[test]
fn poison_that_is_met_only_while_the_two_meet_is_parked_before_they_meet_again() {
    let world = poisoned(2_000, &[1_991]);
    let mut rebuilder = rebuilder(&world, Purpose::Rebuild);
    assert!(block_on(rebuilder.begin()).unwrap());
    // Near enough to meet at once, with nothing taken in yet.
    assert!(rebuilder.progress().near());
    assert_eq!(block_on(rebuilder.exchange()).unwrap(), None);
    assert_eq!(rebuilder.progress().position, Position(2_000));
    assert_eq!(block_on(rebuilder.exchange()).unwrap().unwrap().parked, 1);
}

#[test]
fn what_was_begun_before_somebody_asked_for_something_else_to_be_left_out_is_of_no_use() {
    let world = world(100);
    let mut rebuilder = rebuilder(&world, Purpose::Rebuild);
    assert!(block_on(rebuilder.begin()).unwrap());
    build(&mut rebuilder).unwrap();
    world.1.kept().outdated = true;
    let error = block_on(rebuilder.exchange()).unwrap_err();
    assert!(matches!(error, RebuildError::Outdated { .. }), "{error:?}");
}
