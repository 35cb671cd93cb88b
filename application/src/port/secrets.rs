//! Passwords, access tokens, and secrets that have to be known again.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use posthaste_domain::{SessionId, UserId};
use serde::{Deserialize, Serialize};

use super::PortError;

/// How many characters a password may have: fewer are guessed, and more cost time to hash.
pub const PASSWORD_CHARACTERS: std::ops::RangeInclusive<usize> = 8..=128;

/// Hashes passwords, off the async threads and with bounded concurrency.
#[async_trait]
pub trait Passwords: Send + Sync {
    /// A PHC string for this password.
    async fn hash(&self, password: String) -> Result<String, PortError>;

    /// Whether the password is the one of this PHC string. With `None` (no such account) it takes as long and says no.
    async fn verify(&self, password: String, phc: Option<String>) -> Result<bool, PortError>;

    /// Whether a hash made now would cost more to guess than this one.
    fn is_weak(&self, phc: &str) -> bool;
}

/// Keeps secrets unreadable wherever they are stored: those that must be known again, so that no hash will do.
pub trait Cipher: Send + Sync {
    /// The secret, sealed, in a few dozen bytes more. It can be opened under the same label only: one that was put in another's place is no
    /// good there.
    fn seal(&self, label: &[u8], secret: &[u8]) -> Result<Vec<u8>, PortError>;

    /// The secret that was sealed under this label; [`PortError::Corrupt`] if it was sealed under another, with another key, or altered.
    fn open(&self, label: &[u8], sealed: &[u8]) -> Result<Vec<u8>, PortError>;
}

/// Who an access token speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Access {
    /// The user.
    pub user: UserId,
    /// The login it came from.
    pub session: SessionId,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// Why a token is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefused {
    /// It was good once.
    #[error("the access token has expired")]
    Expired,
    /// It is not one of ours, or was altered.
    #[error("the access token is not valid")]
    Invalid,
}

/// Access tokens.
pub trait Tokens: Send + Sync {
    /// A token for this access.
    fn issue(&self, access: &Access) -> Result<String, PortError>;

    /// Whom a token speaks for at this time.
    ///
    /// # Errors
    /// Why it does not.
    fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Access, TokenRefused>;
}
