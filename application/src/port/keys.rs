//! The keys of what is personal in events: one for each owner, wrapped by a master key, and kept apart from the log. Who is erased loses theirs.

#[cfg(feature = "contract")]
pub mod contract;
#[cfg(any(test, feature = "contract"))]
pub mod memory;

use async_trait::async_trait;
use posthaste_domain::OwnerId;

use super::PortError;

/// A key as it is stored: sealed under a master key, so it is worth nothing by itself.
pub type Wrapped = Vec<u8>;

/// What is known of the key of an owner who has, or had, one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is there.
    Wrapped(Wrapped),
    /// It was destroyed, and there will be no other.
    Destroyed,
}

/// Keeps wrapped keys. What it has answered is durable.
#[async_trait]
pub trait ContentKeys: Send + Sync {
    /// What is kept of these owners; of the others there never was a key. In any order.
    async fn find(&self, owners: &[OwnerId]) -> Result<Vec<(OwnerId, Kept)>, PortError>;

    /// Keeps a key for each owner of whom nothing is kept, each of them named once. What was kept before, whoever was first, stays.
    async fn keep(&self, keys: &[(OwnerId, Wrapped)]) -> Result<(), PortError>;

    /// Destroys the key of an owner, whether there was one or not: there will never be another. Says whether this has changed anything.
    async fn destroy(&self, owner: OwnerId) -> Result<bool, PortError>;

    /// Puts a key, wrapped anew, in the place of what was kept, if that is still there; says whether it was.
    async fn rewrap(&self, owner: OwnerId, before: &[u8], after: &[u8]) -> Result<bool, PortError>;

    /// Up to `limit` of what is kept, in the order of the owners' ids, above one of them.
    async fn list(&self, after: Option<OwnerId>, limit: usize) -> Result<Vec<(OwnerId, Kept)>, PortError>;
}
