//! Logins, and what renews them. Secrets are kept as hashes only: never in the log, never in a view.
//!
//! That a login was ended is a fact of the log (`user.session_revoked`), which every request asks; what is kept here goes with it, and is
//! needed to renew and to list. So a row that is left behind renews nothing.

#[cfg(feature = "contract")]
pub mod contract;
mod family;
#[cfg(any(test, feature = "contract"))]
pub mod memory;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use posthaste_domain::text::SessionName;
use posthaste_domain::{FactorId, SessionId, UserId};

pub use self::family::{Digest, Reused, TokenFamily};
use super::PortError;

/// How many of the sessions that have run out are forgotten when one begins, so that they do not gather.
pub const FORGOTTEN: usize = 10;

/// That whoever uses a login has shown once more who they are. It is as good as what had to be shown then: a password alone is nothing once
/// there is a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// When.
    pub at: DateTime<Utc>,
    /// The second factor that was shown beside the password; none if there was none.
    pub factor: Option<FactorId>,
}

/// A login. Times are in whole microseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Which.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// What they call it.
    pub name: Option<SessionName>,
    /// What its first request said that it came from; up to 200 characters.
    pub agent: Option<String>,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it was begun or renewed last.
    pub used_at: DateTime<Utc>,
    /// When it runs out unless it is renewed before.
    pub expires_at: DateTime<Utc>,
    /// The last proof; none if a release began it that knew of none.
    pub proof: Option<Proof>,
    /// Counts its changes, from 1.
    pub revision: u64,
    /// What renews it.
    pub tokens: TokenFamily,
}

/// The sessions.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Keeps a new session, and forgets up to [`FORGOTTEN`] others that had run out when it began.
    async fn create(&self, session: &Session) -> Result<(), PortError>;

    /// A session of a user; nothing if it is somebody else's.
    async fn find(&self, user: UserId, session: SessionId) -> Result<Option<Session>, PortError>;

    /// The session of a family of tokens.
    async fn of_family(&self, family: &Digest) -> Result<Option<Session>, PortError>;

    /// All sessions of a user, those that have run out included, the one used last first.
    async fn of_user(&self, user: UserId) -> Result<Vec<Session>, PortError>;

    /// Puts a session in the place of what it was, and says whether that was still there: only if the kept one has the revision before.
    /// Name, times, proof and tokens change; the rest does not.
    async fn replace(&self, session: &Session) -> Result<bool, PortError>;

    /// Forgets these sessions of a user; those of somebody else stay.
    async fn remove(&self, user: UserId, sessions: &[SessionId]) -> Result<(), PortError>;
}
