//! Who is online: a lease for each device that is connected, which runs out by itself when nobody renews it.

#[cfg(feature = "contract")]
pub mod contract;

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use posthaste_domain::UserId;

use super::PortError;
use super::cursors::Device;

/// For how long it is known when somebody was there last.
pub const REMEMBERED: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Whether a user is there. One of their devices is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Who.
    pub user: UserId,
    /// The lease of one of their devices runs.
    pub online: bool,
    /// When the last lease ran out, by the clock of whoever keeps them. `None` while one runs, and when none is [`REMEMBERED`].
    pub last: Option<DateTime<Utc>>,
}

/// The leases.
#[async_trait]
pub trait Presence: Send + Sync {
    /// These devices are there, for at least this long from now on. A lease is never cut short; leaving is not renewing it.
    async fn renew(&self, devices: &[Device], lease: Duration) -> Result<(), PortError>;

    /// Whether the leases of these devices run, in this order.
    async fn connected(&self, devices: &[Device]) -> Result<Vec<bool>, PortError>;

    /// Whether these users are there, in this order.
    async fn look(&self, users: &[UserId]) -> Result<Vec<Seen>, PortError>;
}
