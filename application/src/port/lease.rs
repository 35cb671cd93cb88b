//! Who relays, and how far they have come. One holder at a time, by the store's clock; every write is fenced by an epoch.

#[cfg(feature = "contract")]
pub mod contract;

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::PortError;
use crate::recorded::Position;

/// The right to relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Who holds it.
    pub holder: Uuid,
    /// Grows with every change of holder; a write under an older epoch is refused.
    pub epoch: u64,
}

/// The lease is held by somebody else now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the lease of epoch {epoch} was lost")]
pub struct Fenced {
    /// The epoch that has ended.
    pub epoch: u64,
}

/// The relay's state, for auditors and `readyz`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayStatus {
    /// The current epoch; 0 when there never was a relay.
    pub epoch: u64,
    /// Who holds the lease, if it has not run out.
    pub holder: Option<Uuid>,
    /// Everything up to here was confirmed by the broker.
    pub checkpoint: Position,
}

/// The lease row of the relay.
#[async_trait]
pub trait RelayLease: Send + Sync {
    /// Takes the lease if it is free, has run out, or is already held by `holder` (which then keeps its epoch), and gives the
    /// checkpoint to go on from. `None` when another holds it.
    async fn acquire(&self, holder: Uuid, ttl: Duration) -> Result<Option<(Lease, Position)>, PortError>;

    /// Moves the checkpoint forward (never back) and renews the lease for `ttl`, in one step. When it moved is kept.
    async fn checkpoint(&self, lease: Lease, position: Position, ttl: Duration) -> Result<Result<(), Fenced>, PortError>;

    /// Gives the lease up so that a standby takes over at once. Nothing happens if it is not ours.
    async fn release(&self, lease: Lease) -> Result<(), PortError>;

    /// By when the broker had confirmed everything up to a position, by the store's clock: when the checkpoint passed it. `None` when it has
    /// not, or did before that was kept.
    async fn confirmed_at(&self, position: Position) -> Result<Option<DateTime<Utc>>, PortError>;

    /// What is stored.
    async fn status(&self) -> Result<RelayStatus, PortError>;
}
