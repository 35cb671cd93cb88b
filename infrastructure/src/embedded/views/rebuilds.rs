//! A view folded anew beside the one that is asked, and put in its place. Both are in memory, and so is everything that is known of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use posthaste_application::port::lease::{Fenced, Lease};
use posthaste_application::port::projection::{Batch, LeftOut};
use posthaste_application::port::rebuilds::{Difference, Exchanged, Held, Meet, Meeting, Purpose, RebuildStatus, TableCheck};
use posthaste_application::port::{PortError, Projection as _, Rebuilds};
use posthaste_application::recorded::Position;
use posthaste_application::view::compare::{Differing, Part};
use posthaste_application::view::{People, Threads, Timeline, View, ViewName};
use serde_json::json;
use tokio::sync::OwnedMutexGuard;
use uuid::Uuid;

use super::kept::{Kept, Parking};

/// The views beside those in memory.
#[derive(Clone)]
pub struct MemoryRebuilds {
    threads: Arc<dyn Rebuilds>,
    timeline: Arc<dyn Rebuilds>,
    people: Arc<dyn Rebuilds>,
}

impl MemoryRebuilds {
    pub(super) fn new(threads: &Arc<Kept<Threads>>, timeline: &Arc<Kept<Timeline>>, people: &Arc<Kept<People>>) -> Self {
        Self { threads: Beside::of(threads), timeline: Beside::of(timeline), people: Beside::of(people) }
    }

    fn of(&self, view: ViewName) -> &dyn Rebuilds {
        match view {
            ViewName::Threads => &*self.threads,
            ViewName::Timeline => &*self.timeline,
            ViewName::People => &*self.people,
        }
    }
}

/// One view and the one beside it.
struct Beside<V> {
    live: Arc<Kept<V>>,
    folding: Mutex<Folding<V>>,
}

struct Folding<V> {
    epoch: u64,
    /// The view beside the live one, and what had been asked when it was begun.
    beside: Option<(Arc<Kept<V>>, u64)>,
}

impl<V: View + PartialEq> Beside<V> {
    fn of(live: &Arc<Kept<V>>) -> Arc<dyn Rebuilds> {
        Arc::new(Self { live: Arc::clone(live), folding: Mutex::new(Folding { epoch: 0, beside: None }) })
    }

    fn folding(&self) -> MutexGuard<'_, Folding<V>> {
        self.folding.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is beside, for the one holder of the lease.
    fn beside(&self, lease: Lease) -> Result<(Arc<Kept<V>>, u64), Fenced> {
        let folding = self.folding();
        let beside = folding.beside.as_ref().filter(|_| folding.epoch == lease.epoch);
        beside.map(|(beside, asked)| (Arc::clone(beside), *asked)).ok_or(Fenced { epoch: lease.epoch })
    }

    fn put(&self, lease: Lease, beside: Option<(Arc<Kept<V>>, u64)>) -> Result<(), Fenced> {
        let mut folding = self.folding();
        if folding.epoch != lease.epoch {
            return Err(Fenced { epoch: lease.epoch });
        }
        folding.beside = beside;
        Ok(())
    }

    /// What was asked so far.
    async fn asked(&self) -> Result<u64, PortError> {
        match &self.live.letters {
            Some(letters) => letters.revision(V::NAME).await,
            None => Ok(0),
        }
    }
}

#[async_trait]
impl<V: View + PartialEq> Rebuilds for Beside<V> {
    async fn status(&self, _: ViewName) -> Result<RebuildStatus, PortError> {
        let beside = self.folding().beside.as_ref().map(|(beside, _)| beside.position());
        Ok(RebuildStatus { live: self.live.position(), beside, held: None })
    }

    /// There is one process, and in it one who folds anew: whoever comes later has followed.
    async fn acquire(&self, _: ViewName, _: Purpose, holder: Uuid, _: Duration) -> Result<Result<Lease, Held>, PortError> {
        let mut folding = self.folding();
        folding.epoch += 1;
        Ok(Ok(Lease { holder, epoch: folding.epoch }))
    }

    async fn resume(&self, _: ViewName) -> Result<Option<(Position, LeftOut)>, PortError> {
        Ok(None)
    }

    async fn left_out(&self, _: ViewName) -> Result<LeftOut, PortError> {
        let parking = self.live.still().await;
        self.live.left_out(&parking).await
    }

    async fn begin(&self, _: ViewName, lease: Lease) -> Result<Result<(), Fenced>, PortError> {
        let asked = self.asked().await?;
        Ok(self.put(lease, Some((Arc::default(), asked))))
    }

    async fn take(&self, _: ViewName, lease: Lease, batch: Batch<'_>, _: Duration) -> Result<Result<(), Fenced>, PortError> {
        let beside = match self.beside(lease) {
            Ok((beside, _)) => beside,
            Err(fenced) => return Ok(Err(fenced)),
        };
        Ok(if take(&beside, batch).await? { Ok(()) } else { Err(Fenced { epoch: lease.epoch }) })
    }

    async fn meet(&self, _: ViewName, lease: Lease, _: Meet) -> Result<Result<Box<dyn Meeting>, Fenced>, PortError> {
        let (beside, asked) = match self.beside(lease) {
            Ok(beside) => beside,
            Err(fenced) => return Ok(Err(fenced)),
        };
        let parking = self.live.still().await;
        let left_out = self.live.left_out(&parking).await?;
        let outdated = self.asked().await? != asked;
        let live = Arc::clone(&self.live);
        Ok(Ok(Box::new(MemoryMeeting { live, beside, parking, left_out, asked, outdated, parts: Vec::new(), exchanged: false })))
    }

    async fn forget(&self, _: ViewName, lease: Lease) -> Result<Result<(), Fenced>, PortError> {
        Ok(self.put(lease, None))
    }

    async fn release(&self, _: ViewName, _: Lease) -> Result<(), PortError> {
        Ok(())
    }
}

/// Takes a batch in, beside the live view. Of a batch with an event that cannot be taken, what is before that event may have been taken in.
async fn take<V: View>(beside: &Kept<V>, batch: Batch<'_>) -> Result<bool, PortError> {
    let events = &batch.events[batch.events.partition_point(|event| event.position <= beside.position())..];
    let (after, upto) = (beside.position().max(batch.after), beside.position().max(batch.upto));
    beside.take(0, Batch { after, upto, events, ..batch }).await
}

/// The two, with nobody writing to the live one.
struct MemoryMeeting<V> {
    live: Arc<Kept<V>>,
    beside: Arc<Kept<V>>,
    parking: OwnedMutexGuard<Parking>,
    left_out: LeftOut,
    /// What had been asked when the one beside it was begun, and whether something was since.
    asked: u64,
    outdated: bool,
    /// What the comparison came to, and whether what differs is to be exchanged.
    parts: Vec<Part>,
    exchanged: bool,
}

impl<V> MemoryMeeting<V> {
    fn differing(&self, table: &TableCheck) -> &[Differing] {
        self.parts.iter().find(|part| part.name == table.table).map_or(&[], |part| &part.differing)
    }
}

#[async_trait]
impl<V: View + PartialEq> Meeting for MemoryMeeting<V> {
    fn live(&self) -> Position {
        self.live.position()
    }

    fn beside(&self) -> Position {
        self.beside.position()
    }

    fn left_out(&self) -> &LeftOut {
        &self.left_out
    }

    fn is_outdated(&self) -> bool {
        self.outdated
    }

    async fn take(&mut self, batch: Batch<'_>) -> Result<(), PortError> {
        take(&self.beside, batch).await.map(drop)
    }

    async fn compare(&mut self) -> Result<Vec<TableCheck>, PortError> {
        if !self.exchanged {
            self.parts = self.live.read().compare(&self.beside.read());
        }
        let check = |part: &Part| TableCheck {
            table: part.name.to_owned(),
            live: part.here,
            rebuilt: part.there,
            // They are compared entry by entry.
            buckets: if self.exchanged || part.differing.is_empty() { Vec::new() } else { vec![0] },
            digest: String::new(),
        };
        Ok(self.parts.iter().map(check).collect())
    }

    async fn differences(&mut self, table: &TableCheck, most: usize) -> Result<(Vec<Difference>, u64), PortError> {
        // What is in them is not shown: it was never made to be.
        let side = |there: bool| there.then(|| json!("in memory"));
        let name = |entry: &Differing| Difference {
            table: table.table.clone(),
            key: json!(entry.key),
            live: side(entry.here),
            rebuilt: side(entry.there),
        };
        let differing = self.differing(table);
        Ok((differing.iter().take(most).map(name).collect(), differing.len() as u64))
    }

    async fn exchange(&mut self, table: &TableCheck) -> Result<Exchanged, PortError> {
        self.exchanged = true;
        let count = |on: fn(&Differing) -> bool| self.differing(table).iter().filter(|entry| on(entry)).count() as u64;
        Ok(Exchanged { table: table.table.clone(), removed: count(|entry| entry.here), added: count(|entry| entry.there) })
    }

    async fn commit(mut self: Box<Self>) -> Result<(), PortError> {
        let beside = std::mem::take(&mut self.beside.still().await.parked);
        if let Some(letters) = &self.live.letters {
            if letters.revision(V::NAME).await? != self.asked {
                return Err(PortError::unavailable("views", "somebody asked for something else to be left out"));
            }
            let before = letters.of_view(V::NAME).await?;
            let raised = before.into_iter().filter(|(stream, first)| beside.get(stream).is_none_or(|poison| poison.position != *first));
            letters.settle(V::NAME, beside.values().cloned().collect(), raised.map(|(stream, _)| stream).collect()).await?;
        }
        self.parking.parked = beside;
        self.parking.revision += 1;
        let (mut live, mut folded) = (self.live.write(), self.beside.write());
        std::mem::swap(&mut *live, &mut *folded);
        self.live.checkpoint.send_replace(self.beside.position());
        Ok(())
    }
}

#[async_trait]
impl Rebuilds for MemoryRebuilds {
    async fn status(&self, view: ViewName) -> Result<RebuildStatus, PortError> {
        self.of(view).status(view).await
    }

    async fn acquire(&self, view: ViewName, purpose: Purpose, holder: Uuid, ttl: Duration) -> Result<Result<Lease, Held>, PortError> {
        self.of(view).acquire(view, purpose, holder, ttl).await
    }

    async fn resume(&self, view: ViewName) -> Result<Option<(Position, LeftOut)>, PortError> {
        self.of(view).resume(view).await
    }

    async fn left_out(&self, view: ViewName) -> Result<LeftOut, PortError> {
        self.of(view).left_out(view).await
    }

    async fn begin(&self, view: ViewName, lease: Lease) -> Result<Result<(), Fenced>, PortError> {
        self.of(view).begin(view, lease).await
    }

    async fn take(&self, view: ViewName, lease: Lease, batch: Batch<'_>, ttl: Duration) -> Result<Result<(), Fenced>, PortError> {
        self.of(view).take(view, lease, batch, ttl).await
    }

    async fn meet(&self, view: ViewName, lease: Lease, how: Meet) -> Result<Result<Box<dyn Meeting>, Fenced>, PortError> {
        self.of(view).meet(view, lease, how).await
    }

    async fn forget(&self, view: ViewName, lease: Lease) -> Result<Result<(), Fenced>, PortError> {
        self.of(view).forget(view, lease).await
    }

    async fn release(&self, view: ViewName, lease: Lease) -> Result<(), PortError> {
        self.of(view).release(view, lease).await
    }
}
