use std::time::Duration;

use super::*;
use crate::port::lease::{Fenced, Lease, RelayStatus};
use crate::port::seals::{Overtaken, SealStore};
use crate::port::{Clock, RelayLease};
use crate::verify::seal::{NOTHING, Seals};
use crate::verify::{SealError, SealStep, Sealer, SealerTiming};

/// Seals in memory.
#[derive(Default)]
struct Kept(Mutex<Vec<Seal>>);

#[async_trait]
impl SealStore for Kept {
    async fn last(&self) -> Result<Option<Seal>, PortError> {
        Ok(self.0.lock().unwrap().last().cloned())
    }

    async fn append(&self, seal: &Seal) -> Result<Result<(), Overtaken>, PortError> {
        let mut seals = self.0.lock().unwrap();
        if seal.previous != seals.last().map_or(NOTHING, Seal::digest) {
            return Ok(Err(Overtaken));
        }
        seals.push(seal.clone());
        Ok(Ok(()))
    }
}

#[derive(Default)]
struct World {
    seconds: Mutex<u64>,
    holder: Mutex<Option<Uuid>>,
}

impl Clock for World {
    fn now(&self) -> DateTime<Utc> {
        at(*self.seconds.lock().unwrap())
    }
}

#[async_trait]
impl RelayLease for World {
    async fn acquire(&self, _: Uuid, _: Duration) -> Result<Option<(Lease, Position)>, PortError> {
        unreachable!("a sealer takes no lease")
    }

    async fn checkpoint(&self, _: Lease, _: Position, _: Duration) -> Result<Result<(), Fenced>, PortError> {
        unreachable!("a sealer moves no checkpoint")
    }

    async fn release(&self, _: Lease) -> Result<(), PortError> {
        unreachable!("a sealer releases no lease")
    }

    async fn confirmed_at(&self, _: Position) -> Result<Option<DateTime<Utc>>, PortError> {
        unreachable!("a sealer asks nothing of the broker")
    }

    async fn status(&self) -> Result<RelayStatus, PortError> {
        Ok(RelayStatus { epoch: 1, holder: *self.holder.lock().unwrap(), checkpoint: Position::START })
    }
}

struct Bench {
    log: Open,
    world: Arc<World>,
    store: Arc<Kept>,
}

const ME: Uuid = Uuid::from_u128(1);

impl Bench {
    fn new(events: u64) -> Self {
        let world = Arc::new(World::default());
        *world.holder.lock().unwrap() = Some(ME);
        Self { log: Open::of(events), world, store: Arc::default() }
    }

    fn sealer(&self, key: SealKey) -> Sealer {
        let timing = SealerTiming { events: 100, time: Duration::from_secs(60) };
        let (log, lease, store): (_, _, Arc<dyn SealStore>) = (Arc::new(self.log.clone()), Arc::clone(&self.world), self.store.clone());
        let clock: Arc<dyn Clock> = self.world.clone();
        Sealer::new(log, lease, store, clock, key, ME, timing)
    }

    fn sealed(&self) -> Vec<u64> {
        self.store.0.lock().unwrap().iter().map(|seal| seal.position.0).collect()
    }

    /// What is kept is good, and is what the log is.
    async fn check(&self, keys: &[SealKey]) {
        let seals = self.store.0.lock().unwrap().clone();
        let text: String = seals.iter().map(|seal| seal.to_line() + "\n").collect();
        let trusted: Vec<_> = keys.iter().map(SealKey::public).collect();
        let read = Seals::read(&text, &trusted).unwrap();
        assert_eq!(self.log.walk(1, None, &read.seals).await.unwrap().seals(), seals.len());
    }
}

/// Until there is nothing more to do.
async fn settle(sealer: &mut Sealer) {
    for _ in 0..100 {
        match sealer.step().await.unwrap() {
            SealStep::Idle | SealStep::Standby => return,
            SealStep::Moved | SealStep::Sealed(_) => {}
        }
    }
    panic!("it never comes to rest");
}

#[tokio::test]
async fn a_seal_is_written_after_so_many_events_or_so_long() {
    let bench = Bench::new(20);
    let mut sealer = bench.sealer(key());
    settle(&mut sealer).await;
    assert_eq!(bench.sealed(), [] as [u64; 0]);
    *bench.world.seconds.lock().unwrap() = 60;
    settle(&mut sealer).await;
    assert_eq!(bench.sealed(), [20]);
    bench.log.grow(99);
    settle(&mut sealer).await;
    assert_eq!(bench.sealed(), [20]);
    bench.log.grow(1);
    settle(&mut sealer).await;
    assert_eq!(bench.sealed(), [20, 120]);
    // At rest nothing is sealed again.
    *bench.world.seconds.lock().unwrap() = 600;
    settle(&mut sealer).await;
    assert_eq!(bench.sealed(), [20, 120]);
    bench.check(&[key()]).await;
}

#[tokio::test]
async fn only_the_holder_of_the_lease_seals() {
    let bench = Bench::new(300);
    *bench.world.holder.lock().unwrap() = Some(Uuid::from_u128(2));
    let mut sealer = bench.sealer(key());
    assert_eq!(sealer.step().await.unwrap(), SealStep::Standby);
    assert_eq!(bench.sealed(), [] as [u64; 0]);
    *bench.world.holder.lock().unwrap() = Some(ME);
    settle(&mut sealer).await;
    assert_eq!(bench.sealed(), [300]);
}

#[tokio::test]
async fn sealing_goes_on_from_the_last_seal_and_after_one_by_hand() {
    let bench = Bench::new(150);
    settle(&mut bench.sealer(key())).await;
    bench.log.grow(150);
    // A sealer that is new reads nothing before that seal: here it would find what was altered there.
    bench.log.alter(3, |event| event.facts.push(' '));
    let mut sealer = bench.sealer(key());
    settle(&mut sealer).await;
    assert_eq!(bench.sealed(), [150, 300]);
    bench.log.alter(3, |event| assert!(event.facts.pop().is_some()));

    bench.log.grow(50);
    let last = bench.store.last().await.unwrap();
    let by_hand = bench.log.seal(last.as_ref()).await;
    bench.store.append(&by_hand).await.unwrap().unwrap();
    bench.log.grow(100);
    settle(&mut sealer).await;
    assert_eq!(bench.sealed(), [150, 300, 350, 450]);
    bench.check(&[key()]).await;
}

#[tokio::test]
async fn a_new_key_goes_on_after_the_seals_of_the_old_one() {
    let bench = Bench::new(150);
    settle(&mut bench.sealer(key())).await;
    bench.log.grow(150);
    let other = SealKey::from_random(&[9; 32]);
    settle(&mut bench.sealer(other.clone())).await;
    assert_eq!(bench.sealed(), [150, 300]);
    bench.check(&[key(), other]).await;
}

#[tokio::test]
async fn what_was_tampered_with_is_not_sealed() {
    let bench = Bench::new(150);
    let mut sealer = bench.sealer(key());
    settle(&mut sealer).await;
    bench.log.grow(150);
    bench.log.alter(200, |event| event.actor = None);
    for _ in 0..3 {
        assert!(matches!(sealer.step().await, Err(SealError::Found(found)) if found.position() == Position(200)));
    }
    // Made to fit from before the last seal on.
    bench.log.alter(149, |event| event.actor = None);
    bench.log.rehash(149);
    assert!(matches!(bench.sealer(key()).step().await, Err(SealError::Found(Finding::Rewritten { .. }))));
    bench.log.events.lock().unwrap().truncate(100);
    bench.log.rehash(101);
    assert!(matches!(bench.sealer(key()).step().await, Err(SealError::Found(Finding::Shortened { .. }))));
    assert_eq!(bench.sealed(), [150]);
}

#[tokio::test]
async fn nothing_follows_on_a_seal_that_is_not_what_was_signed() {
    let bench = Bench::new(150);
    settle(&mut bench.sealer(key())).await;
    bench.store.0.lock().unwrap()[0].peaks[0][0] ^= 1;
    bench.log.grow(150);
    assert!(matches!(bench.sealer(key()).step().await, Err(SealError::BadSeal(_))));
    assert_eq!(bench.sealed(), [150]);
}
