//! From an inbox to its endpoint.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use metrics::Counter;
use uuid::Uuid;

use super::envelope;
use crate::deliver::withhold_deleted;
use crate::meter::meters;
use crate::port::poster::Letter;
use crate::port::webhooks::{Fenced, Lease, Settlement, Waiting, Work};
use crate::port::{Clock, EventLog, PortError, Poster, Randomness, Webhooks};
use crate::recorded::{Position, Recorded};
use crate::retry::Pauses;

/// Events that are looked up together.
const BATCH: usize = 16;

/// How long an endpoint is tried, and how often.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// The pause after the first failure is up to this long; it doubles with every further one.
    pub first: Duration,
    /// No pause is longer.
    pub longest: Duration,
    /// So often an event is sent before it is given up.
    pub tries: u32,
    /// So often when the endpoint says each time that it is the request that is bad: others need not wait for a day until it is given up.
    pub refusals: u32,
    /// An endpoint that took nothing for so long is disabled.
    pub disable_after: Duration,
    /// Another node sends when this one has been silent for so long.
    pub lease: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            longest: Duration::from_hours(1),
            // Twelve in the first half hour on average, then one every half hour: about a day.
            tries: 60,
            // About a minute.
            refusals: 8,
            disable_after: Duration::from_hours(72),
            lease: Duration::from_secs(20),
        }
    }
}

impl Patience {
    /// How long to wait after so many failures.
    pub(super) fn pause(&self, failures: u32, fraction: f64) -> Duration {
        Pauses { first: self.first, longest: self.longest }.after(failures, fraction)
    }
}

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dispatch {
    /// Another node sends to this endpoint.
    Standby,
    /// Nothing waits.
    Idle,
    /// Nothing is sent until somebody enables the endpoint.
    Disabled,
    /// The oldest event is sent again then.
    Until(DateTime<Utc>),
    /// So many were sent.
    Sent(usize),
}

/// Why a step failed. What was sent and not settled is sent again.
#[derive(Debug, thiserror::Error)]
pub enum DispatchError {
    /// A store failed.
    #[error(transparent)]
    Port(#[from] PortError),
    /// Another node has taken over.
    #[error(transparent)]
    Fenced(#[from] Fenced),
}

/// Sends to one endpoint, one event after the other. Several may run; the one with the lease works.
pub struct Dispatcher {
    endpoint: String,
    store: Arc<dyn Webhooks>,
    log: Arc<dyn EventLog>,
    poster: Arc<dyn Poster>,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    holder: Uuid,
    patience: Patience,
    held: Option<(Lease, DateTime<Utc>)>,
    meters: EndpointMeters,
}

/// What is counted for one endpoint.
struct EndpointMeters {
    sent: Counter,
    delivered: Counter,
    failed: Counter,
    retried: Counter,
    dead: Counter,
}

impl EndpointMeters {
    fn new(endpoint: &str) -> Self {
        let meters = meters();
        Self {
            sent: meters.webhook_sent.of(endpoint),
            delivered: meters.webhook_delivered.of(endpoint),
            failed: meters.webhook_failed.of(endpoint),
            retried: meters.webhook_retried.of(endpoint),
            dead: meters.webhook_dead.of(endpoint),
        }
    }

    /// Counts what is known to be kept.
    fn settled(&self, came: &Settlement) {
        match came {
            Settlement::Delivered => self.delivered.increment(1),
            Settlement::Retry { .. } => self.retried.increment(1),
            Settlement::Dead { .. } => self.dead.increment(1),
        }
    }
}

impl Dispatcher {
    /// A dispatcher that holds its lease under this name.
    #[must_use]
    #[expect(clippy::too_many_arguments, reason = "they are its world, and it has no other")]
    pub fn new(
        endpoint: String,
        store: Arc<dyn Webhooks>,
        log: Arc<dyn EventLog>,
        poster: Arc<dyn Poster>,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
        holder: Uuid,
        patience: Patience,
    ) -> Self {
        let meters = EndpointMeters::new(&endpoint);
        Self { endpoint, store, log, poster, clock, randomness, holder, patience, held: None, meters }
    }

    /// The endpoint.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Sends what is due, oldest first, and stops at the first that does not arrive: nothing overtakes it. What was tried often enough is a
    /// dead letter; what comes later of its stream is set aside, and the rest goes on. Can be dropped at any point; what was being sent is
    /// then sent again.
    ///
    /// # Errors
    /// See [`DispatchError`].
    pub async fn step(&mut self) -> Result<Dispatch, DispatchError> {
        let outcome = self.try_step().await;
        if outcome.is_err() {
            self.held = None;
        }
        outcome
    }

    /// Lets another node send at once.
    ///
    /// # Errors
    /// The lease then runs out by itself.
    pub async fn stop(mut self) -> Result<(), PortError> {
        match self.held.take() {
            Some((lease, _)) => self.store.release(&self.endpoint, lease).await,
            None => Ok(()),
        }
    }

    async fn try_step(&mut self) -> Result<Dispatch, DispatchError> {
        let Some(lease) = self.hold().await? else { return Ok(Dispatch::Standby) };
        let Work { disabled_at, mut failing_since, waiting } = self.store.work(&self.endpoint, lease, BATCH).await??;
        if disabled_at.is_some() {
            return Ok(Dispatch::Disabled);
        }
        let (parked, waiting): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|next| next.parked);
        let mut sent = 0;
        if !parked.is_empty() {
            let positions: Vec<_> = parked.iter().map(|next| next.position).collect();
            self.store.set_aside(&self.endpoint, lease, &positions).await??;
            if waiting.is_empty() {
                return Ok(Dispatch::Sent(0));
            }
        }
        for next in waiting {
            if next.due_at > self.clock.now() {
                return Ok(if sent == 0 { Dispatch::Until(next.due_at) } else { Dispatch::Sent(sent) });
            }
            // An endpoint that is slow to answer must not cost the lease.
            let Some(lease) = self.hold().await? else { return Ok(Dispatch::Standby) };
            let came = self.send(next).await?;
            self.store.settle(&self.endpoint, lease, next.position, &came).await??;
            self.meters.settled(&came);
            sent += 1;
            let (Settlement::Retry { at, .. } | Settlement::Dead { at, .. }) = came else {
                failing_since = None;
                continue;
            };
            let failing_for = (at - *failing_since.get_or_insert(at)).to_std().unwrap_or_default();
            if failing_for >= self.patience.disable_after {
                tracing::warn!(webhook = self.endpoint, "disabled: it took nothing for too long; `posthaste webhooks enable` goes on");
                self.store.disable(&self.endpoint, lease, at).await??;
            }
            return Ok(Dispatch::Sent(sent));
        }
        Ok(if sent == 0 { Dispatch::Idle } else { Dispatch::Sent(sent) })
    }

    /// The lease, renewed when a third of its time has passed.
    async fn hold(&mut self) -> Result<Option<Lease>, PortError> {
        let now = self.clock.now();
        if let Some((lease, taken_at)) = self.held
            && (now - taken_at).to_std().is_ok_and(|age| age < self.patience.lease / 3)
        {
            return Ok(Some(lease));
        }
        let lease = self.store.acquire(&self.endpoint, self.holder, self.patience.lease).await?;
        self.held = lease.map(|lease| (lease, now));
        Ok(lease)
    }

    async fn send(&self, next: Waiting) -> Result<Settlement, PortError> {
        let (tries, asked) = (next.tries + 1, self.clock.now());
        // It never will be anything else.
        let unreadable = |error: String| {
            tracing::warn!(webhook = self.endpoint, position = next.position.0, error, "it cannot be read: a dead letter");
            Settlement::Dead { reason: format!("the event cannot be read: {error}"), at: asked }
        };
        let event = match self.read(next.position).await {
            Ok(event) => event,
            Err(error) if error.is_poison() => return Ok(unreadable(error.in_full())),
            Err(error) => return Err(error),
        };
        let undelivered = match envelope(&event) {
            Ok(body) => {
                self.meters.sent.increment(1);
                match self.poster.post(&Letter { id: event.id(), body, at: asked }).await {
                    Ok(()) => return Ok(Settlement::Delivered),
                    Err(undelivered) => undelivered,
                }
            }
            Err(error) => return Ok(unreadable(error.to_string())),
        };
        self.meters.failed.increment(1);
        let at = self.clock.now();
        let most = if undelivered.blames_the_letter() { self.patience.refusals.min(self.patience.tries) } else { self.patience.tries };
        let undelivered = undelivered.to_string();
        if tries >= most {
            tracing::warn!(webhook = self.endpoint, position = next.position.0, tries, undelivered, "given up: a dead letter");
            return Ok(Settlement::Dead { reason: undelivered, at });
        }
        let pause = self.patience.pause(tries, self.randomness.fraction());
        tracing::info!(webhook = self.endpoint, position = next.position.0, tries, undelivered, "not delivered, to be sent again");
        Ok(Settlement::Retry { due_at: at + TimeDelta::from_std(pause).unwrap_or(TimeDelta::days(1)), at })
    }

    async fn read(&self, position: Position) -> Result<Recorded, PortError> {
        let mut events = self.log.read(Position(position.0.saturating_sub(1)), 1).await?;
        // What was said may have been deleted while it waited here.
        withhold_deleted(&*self.log, &mut events).await?;
        let event = events.into_iter().next().filter(|event| event.position == position);
        event.ok_or_else(|| PortError::corrupt("the inbox of a webhook", format!("there is no event at position {position}")))
    }
}
