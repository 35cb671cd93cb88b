//! Credentials: what proves who somebody is. Never in an event, never in a view.

#[cfg(feature = "contract")]
pub mod contract;

use async_trait::async_trait;
use posthaste_domain::UserId;
use posthaste_domain::text::Email;

use super::PortError;

/// What a user logs in with. Who holds which username and email is decided by the claims in the log, not here.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Whose.
    pub user: UserId,
    /// Where to write to them.
    pub email: Email,
    /// A PHC string with algorithm, parameters and salt; none if they log in elsewhere and have set no password.
    pub password_hash: Option<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// The credentials store.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// Stores the credentials of a user who has none; does nothing for one who has.
    async fn create(&self, credentials: &Credentials) -> Result<(), PortError>;

    /// Puts a hash in the place of another, or of none, and says whether that was so: of many changes at once one is made.
    async fn replace_hash(&self, user: UserId, before: Option<&str>, after: &str) -> Result<bool, PortError>;

    /// Forgets the credentials of a user, if they have any.
    async fn remove(&self, user: UserId) -> Result<(), PortError>;

    /// The credentials of a user.
    async fn find(&self, user: UserId) -> Result<Option<Credentials>, PortError>;
}
