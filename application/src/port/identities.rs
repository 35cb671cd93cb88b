//! Accounts somewhere else that users log in with here: which provider vouches for whom. Never in an event, never in a view.

#[cfg(feature = "contract")]
pub mod contract;
#[cfg(any(test, feature = "contract"))]
pub mod memory;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use posthaste_domain::{IdentityId, UserId};

use super::PortError;

/// An account somewhere else. A provider never gives the same subject to somebody else; everything else about it may change.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// Which.
    pub id: IdentityId,
    /// Who vouches for it: the URL of the provider.
    pub issuer: String,
    /// Who it is there.
    pub subject: String,
    /// Who it is here.
    pub user: UserId,
    /// Since when, in whole microseconds.
    pub linked_at: DateTime<Utc>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("id", &self.id).field("user", &self.user).finish_non_exhaustive()
    }
}

/// What may be left when an identity is taken from a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// None, because they have another way to log in.
    Any,
    /// At least one other identity.
    AnotherIdentity,
}

/// The identities.
#[async_trait]
pub trait Identities: Send + Sync {
    /// Keeps a new identity, and says whether it is kept: not if this subject of this issuer is linked, to whomever.
    async fn link(&self, identity: &Identity) -> Result<bool, PortError>;

    /// The identity of a subject of an issuer.
    async fn find(&self, issuer: &str, subject: &str) -> Result<Option<Identity>, PortError>;

    /// The identities of a user, the one that was linked first first.
    async fn of_user(&self, user: UserId) -> Result<Vec<Identity>, PortError>;

    /// Forgets an identity of a user, and says whether it did: not if it is somebody else's, nor if nothing would be left that must be. Of many
    /// that are asked for at once, the last one stays.
    async fn unlink(&self, user: UserId, identity: IdentityId, leaving: Leaving) -> Result<bool, PortError>;

    /// Forgets all identities of a user.
    async fn remove(&self, user: UserId) -> Result<(), PortError>;
}
