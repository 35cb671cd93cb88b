//! Second factors: what somebody logs in with beside a password. Never in an event, never in a view, never in a log of the server.
//!
//! That one is on is decided here, because here it can be changed in one step together with what it is made of; the log is told
//! (`user.two_factor_enabled`). See [`crate::factor`].

#[cfg(feature = "contract")]
pub mod contract;
#[cfg(any(test, feature = "contract"))]
pub mod memory;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use posthaste_domain::{FactorId, UserId};

use super::PortError;
use super::sessions::Digest;

/// A second factor: a secret that an authenticator has as well, and codes for when that is lost. Times are in whole microseconds.
#[derive(Clone, PartialEq, Eq)]
pub struct Factor {
    /// Which.
    pub id: FactorId,
    /// Whose.
    pub user: UserId,
    /// The secret, as [`super::Cipher`] seals it.
    pub sealed: Vec<u8>,
    /// Since when it is on; until then it is only offered.
    pub enabled_at: Option<DateTime<Utc>>,
    /// The time step of the last code that was used: none is good again, and none before it.
    pub used_step: Option<u64>,
    /// The hashes of the recovery codes that were not used.
    pub recovery: Vec<Digest>,
    /// Counts its changes, from 1.
    pub revision: u64,
}

impl std::fmt::Debug for Factor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { id, user, enabled_at, revision, .. } = self;
        let mut shown = f.debug_struct("Factor");
        shown.field("id", id).field("user", user).field("enabled_at", enabled_at).field("revision", revision).finish_non_exhaustive()
    }
}

/// The second factors, at most one of each user.
#[async_trait]
pub trait Factors: Send + Sync {
    /// Keeps a factor that is offered, in the place of another that was only offered, and says whether it is kept: not if one is on.
    async fn offer(&self, factor: &Factor) -> Result<bool, PortError>;

    /// The factor of a user, on or offered.
    async fn find(&self, user: UserId) -> Result<Option<Factor>, PortError>;

    /// Puts a factor in the place of what it was, and says whether that was still there: only if the kept one has the same id and the
    /// revision before. The secret stays what it was.
    async fn replace(&self, factor: &Factor) -> Result<bool, PortError>;

    /// Forgets a factor of a user, and says whether it was there.
    async fn remove(&self, user: UserId, factor: FactorId) -> Result<bool, PortError>;
}
