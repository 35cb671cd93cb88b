//! The sealer: follows the log, checks every link, and writes a seal now and then. Of many it is the one beside the active relay.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::key::SealKey;
use super::page::Page;
use super::seal::{BadSeal, Seal};
use super::walk::{Finding, Walk};
use crate::port::{Clock, EventLog, PortError, RelayLease, SealStore};
use crate::recorded::Position;

/// Events checked in one step; few, because hashing them waits for nothing and so lets nothing else run.
const PAGE: u64 = 512;

/// When a seal is due. Nothing is sealed twice, so a log at rest gets none.
#[derive(Clone, Copy, Debug)]
pub struct SealerTiming {
    /// After so many events.
    pub events: u64,
    /// After so long, if there were any.
    pub time: Duration,
}

/// What a step of the sealer came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealStep {
    /// Somebody else seals.
    Standby,
    /// It is up to date.
    Idle,
    /// There may be more to do at once.
    Moved,
    /// Everything up to here is sealed.
    Sealed(Position),
}

/// Why a step failed. The next step starts afresh from the last seal.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The log, the lease or the store of seals failed.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The log is not what was recorded or sealed, and is not sealed as it is.
    #[error("the log was tampered with, first bad position {}: nothing more of it is sealed", .0.position())]
    Found(#[source] Finding),
    /// The last seal is not what was signed.
    #[error("the last seal was tampered with: nothing is sealed after it")]
    BadSeal(#[from] BadSeal),
}

/// Seals the log.
pub struct Sealer {
    log: Arc<dyn EventLog>,
    lease: Arc<dyn RelayLease>,
    store: Arc<dyn SealStore>,
    clock: Arc<dyn Clock>,
    key: SealKey,
    /// Under which name the relay beside it holds its lease.
    holder: Uuid,
    timing: SealerTiming,
    active: Option<Active>,
}

struct Active {
    walk: Walk,
    last: Option<Seal>,
    /// When the last seal was written, or the first was not.
    since: DateTime<Utc>,
}

impl Sealer {
    /// A sealer that works while the relay of this name holds the lease.
    #[must_use]
    pub fn new(
        log: Arc<dyn EventLog>,
        lease: Arc<dyn RelayLease>,
        store: Arc<dyn SealStore>,
        clock: Arc<dyn Clock>,
        key: SealKey,
        holder: Uuid,
        timing: SealerTiming,
    ) -> Self {
        Self { log, lease, store, clock, key, holder, timing, active: None }
    }

    /// The last position that was checked, if this sealer is the active one.
    #[must_use]
    pub fn checked(&self) -> Option<Position> {
        self.active.as_ref().map(|active| active.walk.position())
    }

    /// Checks some more of the log, and seals it if that is due. Can be dropped at any point and called again.
    ///
    /// # Errors
    /// See [`SealError`].
    pub async fn step(&mut self) -> Result<SealStep, SealError> {
        // Until it is whole again; so a step that fails or is dropped begins again from the last seal.
        let active = self.active.take();
        if self.lease.status().await?.holder != Some(self.holder) {
            return Ok(SealStep::Standby);
        }
        let mut active = match active {
            Some(active) => active,
            None => self.resume().await?,
        };
        let after = active.walk.position();
        let page = Page::read(&*self.log, after, Position(after.0 + PAGE), true).await?;
        active.walk.take(&page).map_err(SealError::Found)?;
        let step = match self.due(&active) {
            true => self.seal(&mut active).await?,
            false if active.walk.position() == after => SealStep::Idle,
            false => SealStep::Moved,
        };
        self.active = Some(active);
        Ok(step)
    }

    async fn resume(&self) -> Result<Active, SealError> {
        let last = self.store.last().await?;
        let walk = resume(&*self.log, last.as_ref(), &self.key).await?.map_err(SealError::Found)?;
        tracing::info!(position = walk.position().0, "sealing");
        let since = last.as_ref().map_or_else(|| self.clock.now(), |last| last.at);
        Ok(Active { walk, last, since })
    }

    fn due(&self, active: &Active) -> bool {
        let sealed = active.last.as_ref().map_or(Position::START, |last| last.position);
        // Whoever walks from the beginning again, under a new key, comes by what is sealed.
        let unsealed = active.walk.position().0.saturating_sub(sealed.0);
        // If the clock was set back, the time has come.
        let elapsed = (self.clock.now() - active.since).to_std().unwrap_or(Duration::MAX);
        unsealed >= self.timing.events || (unsealed > 0 && elapsed >= self.timing.time)
    }

    async fn seal(&self, active: &mut Active) -> Result<SealStep, SealError> {
        let Some(sealable) = active.walk.sealable() else { return Ok(SealStep::Idle) };
        let seal = Seal::new(&sealable, active.last.as_ref(), self.clock.now(), &self.key);
        if self.store.append(&seal).await?.is_err() {
            // By hand: go on from that one.
            *active = self.resume().await?;
            return Ok(SealStep::Moved);
        }
        tracing::debug!(position = seal.position.0, number = seal.number, "sealed");
        active.since = seal.at;
        active.last = Some(seal);
        Ok(SealStep::Sealed(sealable.position))
    }
}

/// A walk from which the log can be sealed, on from its last seal: only what is new has to be read. If that seal is of another key, it
/// proves nothing to this one, and the walk begins at the beginning.
///
/// # Errors
/// The outer one is of the log, or that the last seal is not what was signed; the inner one is what is found.
pub async fn resume(log: &dyn EventLog, last: Option<&Seal>, key: &SealKey) -> Result<Result<Walk, Finding>, SealError> {
    let from = match last.map(|last| last.check(&[key.public()]).map(|()| last.position.next())) {
        None | Some(Err(BadSeal::Stranger { .. })) => Position::START.next(),
        Some(next) => next?,
    };
    Ok(Walk::begin(log, from, None, last.cloned().into_iter().collect()).await?)
}
