//! The relay: the first cursor over the log. It publishes every event in order and remembers how far the broker has confirmed.
//!
//! Whatever goes wrong, it throws the connection away and goes on from the checkpoint; resuming is the normal path. Runs may be
//! published again after that, which readers remove by position. The checkpoint only ever covers the contiguous confirmed prefix.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::{Either, select};
use futures::stream::FuturesOrdered;
use futures::{FutureExt as _, StreamExt as _, pin_mut};
use uuid::Uuid;

use crate::port::broker::{Confirm, Publisher, Run};
use crate::port::lease::{Fenced, Lease};
use crate::port::{Broker, Clock, EventLog, PortError, RelayLease};
use crate::recorded::Position;

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
    /// How long the oldest run may stay unconfirmed before the connection is given up.
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
    /// The broker has stopped confirming.
    #[error("the oldest run has been unconfirmed for too long")]
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

struct Active {
    lease: Lease,
    publisher: Box<dyn Publisher>,
    published: Position,
    confirmed: Position,
    saved: Position,
    saved_at: DateTime<Utc>,
    progress_at: DateTime<Utc>,
    in_flight: FuturesOrdered<futures::future::BoxFuture<'static, Result<Position, PortError>>>,
}

/// The relay. Several may run; the one with the lease works.
pub struct Relay {
    log: Arc<dyn EventLog>,
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
        log: Arc<dyn EventLog>,
        lease: Arc<dyn RelayLease>,
        broker: Arc<dyn Broker>,
        clock: Arc<dyn Clock>,
        holder: Uuid,
        timing: RelayTiming,
    ) -> Self {
        Self { log, lease, broker, clock, holder, timing, active: None }
    }

    /// Everything up to here was published, if this relay is the active one.
    #[must_use]
    pub fn published(&self) -> Option<Position> {
        self.active.as_ref().map(|active| active.published)
    }

    /// Takes the lease if need be, publishes what the log has, waits for one confirmation if any is due, saves the checkpoint when it
    /// is time. Can be dropped at any point and called again, and must be, well within the lease's time.
    ///
    /// # Errors
    /// See [`RelayError`]; the relay has then let go of its connection.
    pub async fn step(&mut self) -> Result<RelayStep, RelayError> {
        let outcome = self.try_step().await;
        if outcome.is_err() {
            self.active = None;
        }
        outcome
    }

    /// Saves the checkpoint and gives the lease up, so that a standby takes over at once.
    ///
    /// # Errors
    /// It could not be saved; the lease then runs out by itself.
    pub async fn stop(mut self) -> Result<(), RelayError> {
        if let Some(active) = self.active.take() {
            self.lease.checkpoint(active.lease, active.confirmed, self.timing.lease).await??;
            self.lease.release(active.lease).await?;
        }
        Ok(())
    }

    async fn try_step(&mut self) -> Result<RelayStep, RelayError> {
        if self.active.is_none() {
            self.active = self.activate().await?;
        }
        let Some(active) = &mut self.active else { return Ok(RelayStep::Standby) };
        let now = self.clock.now();
        let since_saved = (now - active.saved_at).to_std().unwrap_or_default();
        if since_saved >= self.timing.lease / 3 || (active.confirmed > active.saved && since_saved >= self.timing.checkpoint) {
            let confirmed = active.confirmed;
            self.lease.checkpoint(active.lease, confirmed, self.timing.lease).await??;
            active.saved = confirmed;
            active.saved_at = now;
        }
        if !active.in_flight.is_empty() && (now - active.progress_at).to_std().unwrap_or_default() >= self.timing.confirm {
            return Err(RelayError::Unconfirmed);
        }

        let published = publish(&*self.log, active).await?;
        if published && active.in_flight.len() == 1 {
            active.progress_at = now;
        }
        if active.in_flight.is_empty() {
            return Ok(if published { RelayStep::Moved } else { RelayStep::Idle });
        }
        let confirmed = {
            let confirmed = active.in_flight.next();
            let grown = async {
                if active.published >= Position::START && !published {
                    self.log.grown(active.published).await;
                }
            };
            pin_mut!(confirmed, grown);
            match select(confirmed, grown).await {
                Either::Left((confirmed, _)) => confirmed,
                Either::Right(((), _)) => None,
            }
        };
        if let Some(confirmed) = confirmed {
            active.confirmed = confirmed?;
            active.progress_at = now;
        }
        while let Some(Some(confirmed)) = active.in_flight.next().now_or_never() {
            active.confirmed = confirmed?;
        }
        Ok(RelayStep::Moved)
    }

    async fn activate(&self) -> Result<Option<Active>, RelayError> {
        let Some((lease, checkpoint)) = self.lease.acquire(self.holder, self.timing.lease).await? else { return Ok(None) };
        let head = self.log.head().await?.position;
        if checkpoint > head {
            return Err(RelayError::BeyondHead { checkpoint, head });
        }
        let publisher = self.broker.publisher().await?;
        let now = self.clock.now();
        tracing::info!(epoch = lease.epoch, checkpoint = checkpoint.0, head = head.0, "relaying");
        Ok(Some(Active {
            lease,
            publisher,
            published: checkpoint,
            confirmed: checkpoint,
            saved: checkpoint,
            saved_at: now,
            progress_at: now,
            in_flight: FuturesOrdered::new(),
        }))
    }
}

/// Publishes one run, if there is one and the broker's confirmations are not too far behind.
async fn publish(log: &dyn EventLog, active: &mut Active) -> Result<bool, PortError> {
    if active.in_flight.len() >= IN_FLIGHT {
        return Ok(false);
    }
    let run: Run = log.read(active.published, RUN).await?.into();
    let Some(last) = run.last().map(|event| event.position) else { return Ok(false) };
    let confirm: Confirm = active.publisher.publish(run).await?;
    active.published = last;
    active.in_flight.push_back(confirm.map(move |confirmed| confirmed.map(|()| last)).boxed());
    Ok(true)
}
