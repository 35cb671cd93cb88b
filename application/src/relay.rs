//! The relay: the first cursor over the log. It publishes every event in order and remembers how far the broker has confirmed.
//!
//! Whatever goes wrong, it throws the connection away and goes on from the checkpoint; resuming is the normal path. Runs may be
//! published again after that, which readers remove by position. The checkpoint only ever covers the contiguous confirmed prefix.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::{BoxFuture, Either, select};
use futures::stream::FuturesOrdered;
use futures::{FutureExt as _, StreamExt as _, pin_mut};
use tracing::Instrument as _;
use uuid::Uuid;

use crate::meter::{gauged, meters};
use crate::port::broker::{Publisher, Run};
use crate::port::lease::{Fenced, Lease};
use crate::port::{Broker, Clock, PortError, RelayLease, Tail};
use crate::recorded::{Position, Recorded};
use crate::span;

/// Most events of one run.
const RUN: usize = 512;
/// Most runs that are published and not yet confirmed.
const IN_FLIGHT: usize = 32;

/// How the relay holds its lease and saves its checkpoint.
#[derive(Clone, Copy, Debug)]
pub struct RelayTiming {
    /// How long a standby waits for a silent holder.
    pub lease: Duration,
    /// How far apart checkpoints are; what is confirmed in between is published again after a crash.
    pub checkpoint: Duration,
    /// How long the broker may take for one thing (to connect, to take a run, to confirm the oldest) before it is given up.
    pub confirm: Duration,
}

impl Default for RelayTiming {
    fn default() -> Self {
        Self { lease: Duration::from_secs(5), checkpoint: Duration::from_millis(250), confirm: Duration::from_secs(30) }
    }
}

/// What a step of the relay came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayStep {
    /// Somebody else relays.
    Standby,
    /// Everything in the log is published and confirmed.
    Idle,
    /// Something was published or confirmed.
    Moved,
}

/// Why a step failed. The next step starts afresh from the checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The log, the lease or the broker failed.
    #[error(transparent)]
    Port(#[from] PortError),
    /// A standby has taken over.
    #[error(transparent)]
    Fenced(#[from] Fenced),
    /// The broker has stopped connecting, taking or confirming.
    #[error("the broker has confirmed nothing for too long: it may be out of memory or disk, or the connection is dead")]
    Unconfirmed,
    /// The checkpoint is beyond the head: the log was restored from a backup, or a replica missed its tail.
    #[error("the checkpoint {checkpoint} is beyond the head of the log {head}: restore the log or reset the checkpoint")]
    BeyondHead {
        /// How far the relay once came.
        checkpoint: Position,
        /// Where the log ends now.
        head: Position,
    },
}

/// What this relay has in hand while it holds the lease.
struct Active {
    lease: Lease,
    link: Link,
    /// Everything up to here went to the publisher.
    published: Position,
    /// Everything up to here was confirmed, without a hole.
    confirmed: Position,
    /// The checkpoint as it was stored last, and when.
    saved: Position,
    saved_at: DateTime<Utc>,
    /// Whether the log is read though it is not known to go on. Not after a run that ended where the log was known to end: most reads would
    /// find nothing. After it was idle: whoever should have been woken may not have been.
    looks: bool,
    /// Since when the broker owes something: a connection, room for a run, or the oldest confirmation.
    owed_since: Option<DateTime<Utc>>,
    /// Ends in the order of publishing whatever the order of confirmations, which is what keeps the prefix contiguous.
    in_flight: FuturesOrdered<BoxFuture<'static, Result<Published, PortError>>>,
}

/// A run that was published.
struct Published {
    /// Its last event.
    last: Position,
    /// When.
    at: DateTime<Utc>,
}

/// Connecting can take longer than a step may, so it goes on from step to step.
enum Link {
    Connecting(BoxFuture<'static, Result<Box<dyn Publisher>, PortError>>),
    Open(Box<dyn Publisher>),
}

/// The relay. Several may run; the one with the lease works.
pub struct Relay {
    log: Arc<dyn Tail>,
    lease: Arc<dyn RelayLease>,
    broker: Arc<dyn Broker>,
    clock: Arc<dyn Clock>,
    holder: Uuid,
    timing: RelayTiming,
    active: Option<Active>,
}

impl Relay {
    /// A relay that holds its lease under this name.
    #[must_use]
    pub fn new(
        log: Arc<dyn Tail>,
        lease: Arc<dyn RelayLease>,
        broker: Arc<dyn Broker>,
        clock: Arc<dyn Clock>,
        holder: Uuid,
        timing: RelayTiming,
    ) -> Self {
        Self { log, lease, broker, clock, holder, timing, active: None }
    }

    /// Under which name it holds its lease.
    #[must_use]
    pub const fn holder(&self) -> Uuid {
        self.holder
    }

    /// Everything up to here was published, if this relay is the active one.
    #[must_use]
    pub fn published(&self) -> Option<Position> {
        self.active.as_ref().map(|active| active.published)
    }

    /// Takes or renews the lease if need be, saves the checkpoint when it is time, publishes a run if the log has one and the broker
    /// takes it; if not, waits for a confirmation or for the log to grow. Can be dropped at any point and called again, and must be
    /// called again within a third of the lease's time, or the lease may run out.
    ///
    /// # Errors
    /// See [`RelayError`]; the relay has then let go of its connection.
    pub async fn step(&mut self) -> Result<RelayStep, RelayError> {
        let outcome = self.try_step().await;
        if outcome.is_err() {
            self.active = None;
            meters().relay_failures.increment(1);
        }
        self.measure();
        outcome
    }

    fn measure(&self) {
        let active = self.active.as_ref();
        meters().relay_active.set(if active.is_some() { 1.0 } else { 0.0 });
        meters().relay_unconfirmed.set(active.map_or(0.0, |active| gauged(active.published.0 - active.confirmed.0)));
    }

    /// Saves the checkpoint and gives the lease up, so that a standby takes over at once.
    ///
    /// # Errors
    /// It could not be saved; the lease then runs out by itself.
    pub async fn stop(mut self) -> Result<(), RelayError> {
        if let Some(mut active) = self.active.take() {
            // A failed confirmation ends the prefix, and what is before it still counts.
            let _ = active.collect_confirmed(self.clock.now());
            self.lease.checkpoint(active.lease, active.confirmed, self.timing.lease).await??;
            self.lease.release(active.lease).await?;
        }
        Ok(())
    }

    // Between an await and what it means for `active` there is never another await, so a step that is dropped has either happened
    // or not. The exception is a call that was under way: the lease and the checkpoint bear repetition, and a run that the publisher
    // took without our knowing is published twice.
    async fn try_step(&mut self) -> Result<RelayStep, RelayError> {
        if self.active.is_none() {
            self.active = self.acquire().await?;
            // What follows may take longer than a step is given.
            self.measure();
        }
        let Some(active) = &mut self.active else { return Ok(RelayStep::Standby) };

        active.collect_confirmed(self.clock.now())?;
        if active.owed_since.is_some_and(|since| elapsed(&*self.clock, since) >= self.timing.confirm) {
            return Err(RelayError::Unconfirmed);
        }
        // First of all, so that the lease is kept while the broker takes nothing.
        keep(active, &*self.lease, &*self.log, &*self.clock, self.timing).await?;

        if let Link::Connecting(connecting) = &mut active.link {
            match connecting.await {
                Ok(publisher) => active.link = Link::Open(publisher),
                Err(error) => {
                    let lease = active.lease;
                    self.active = None;
                    // Another relay may reach the broker where this one cannot. If it fails, the lease runs out by itself.
                    let _ = self.lease.release(lease).await;
                    return Err(error.into());
                }
            }
            active.owed_since = None;
        }

        let has_room = active.in_flight.len() < IN_FLIGHT;
        if has_room && (active.looks || self.log.grown(active.published).now_or_never().is_some()) {
            if publish(active, &*self.log, &*self.clock).await? {
                return Ok(RelayStep::Moved);
            }
            active.looks = false;
        }
        if active.in_flight.is_empty() {
            active.looks = true;
            return Ok(RelayStep::Idle);
        }
        let confirmed = active.in_flight.next();
        // Without room, more to publish is no reason to wake up.
        let grown = if has_room { self.log.grown(active.published) } else { futures::future::pending().boxed() };
        pin_mut!(confirmed, grown);
        if let Either::Left((Some(confirmed), _)) = select(confirmed, grown).await {
            active.confirm(confirmed?, self.clock.now());
        }
        Ok(RelayStep::Moved)
    }

    async fn acquire(&mut self) -> Result<Option<Active>, RelayError> {
        let now = self.clock.now();
        let Some((lease, checkpoint)) = self.lease.acquire(self.holder, self.timing.lease).await? else { return Ok(None) };
        let head = self.log.head().await?.position;
        if checkpoint > head {
            return Err(RelayError::BeyondHead { checkpoint, head });
        }
        tracing::info!(epoch = lease.epoch, checkpoint = checkpoint.0, head = head.0, "relaying");
        let broker = Arc::clone(&self.broker);
        Ok(Some(Active {
            lease,
            link: Link::Connecting(async move { broker.publisher().await }.boxed()),
            published: checkpoint,
            confirmed: checkpoint,
            saved: checkpoint,
            saved_at: now,
            looks: true,
            owed_since: Some(now),
            in_flight: FuturesOrdered::new(),
        }))
    }
}

impl Active {
    /// Takes in whatever was confirmed since the last look.
    fn collect_confirmed(&mut self, now: DateTime<Utc>) -> Result<(), PortError> {
        while let Some(Some(confirmed)) = self.in_flight.next().now_or_never() {
            self.confirm(confirmed?, now);
        }
        Ok(())
    }

    /// The oldest run that was published is confirmed.
    fn confirm(&mut self, Published { last, at }: Published, now: DateTime<Utc>) {
        meters().relay_confirmed.increment(last.0 - self.confirmed.0);
        meters().confirm_time.record((now - at).to_std().unwrap_or_default());
        self.confirmed = last;
        self.owed_since = (!self.in_flight.is_empty()).then_some(now);
    }
}

/// How long ago that was. For ever ago if the clock was set back: what is timed by it then comes too early, never too late.
fn elapsed(clock: &dyn Clock, since: DateTime<Utc>) -> Duration {
    (clock.now() - since).to_std().unwrap_or(Duration::MAX)
}

/// Saves the checkpoint and renews the lease, when it is time for either.
async fn keep(
    active: &mut Active,
    lease: &dyn RelayLease,
    log: &dyn Tail,
    clock: &dyn Clock,
    timing: RelayTiming,
) -> Result<(), RelayError> {
    let elapsed = elapsed(clock, active.saved_at);
    let moved = active.confirmed > active.saved;
    if elapsed < timing.lease / 3 && !(moved && elapsed >= timing.checkpoint) {
        return Ok(());
    }
    if !moved {
        // With nothing to do for so long, the log may have been replaced by an older one.
        let head = log.head().await?.position;
        if active.published > head {
            return Err(RelayError::BeyondHead { checkpoint: active.published, head });
        }
    }
    // The time before the call: by the store's clock the lease runs from some moment after it.
    let (now, confirmed) = (clock.now(), active.confirmed);
    lease.checkpoint(active.lease, confirmed, timing.lease).await??;
    (active.saved, active.saved_at) = (confirmed, now);
    Ok(())
}

/// Publishes the next run, if there is one.
async fn publish(active: &mut Active, log: &dyn Tail, clock: &dyn Clock) -> Result<bool, PortError> {
    let Link::Open(publisher) = &mut active.link else { return Ok(false) };
    let run: Run = log.read(active.published, RUN).await?.into();
    let Some(last) = last_of_dense(&run, active.published)? else { return Ok(false) };
    let full = run.len() == RUN;
    let at = clock.now();
    active.owed_since.get_or_insert(at);
    let span = span::publish(active.published.next(), last);
    let confirm = publisher.publish(run).instrument(span.clone()).await?.instrument(span);
    meters().relay_published.increment(last.0 - active.published.0);
    (active.published, active.looks) = (last, full);
    active.in_flight.push_back(confirm.map(move |confirmed| confirmed.map(|()| Published { last, at })).boxed());
    Ok(true)
}

/// The last position of a run that must go on right after another. A gap would put the checkpoint over what nobody was told.
fn last_of_dense(run: &[Arc<Recorded>], after: Position) -> Result<Option<Position>, PortError> {
    let mut last = after;
    for event in run {
        if event.position != last.next() {
            return Err(PortError::corrupt(format!("the log after position {last}"), format!("position {} follows", event.position)));
        }
        last = event.position;
    }
    Ok((last > after).then_some(last))
}

#[cfg(test)]
mod tests;
