//! Tokens that are sent to somebody to be given back once: whoever has one reads the mail of the address it was sent to.
//!
//! Kept as hashes only, never in the log, never in a view. What a token is good for it is bound to: when that has changed, it is good for
//! nothing, whether or not its row was removed.

#[cfg(feature = "contract")]
pub mod contract;
#[cfg(any(test, feature = "contract"))]
pub mod memory;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use posthaste_domain::UserId;
use uuid::Uuid;

use super::PortError;
pub use super::sessions::Digest;

/// How many of the tokens that have run out are forgotten when one is kept, so that they do not gather.
pub const FORGOTTEN: usize = 10;

/// What a mail is for, and the token in it if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// To set a password anew.
    PasswordReset,
    /// To show that what is sent to an address reaches its user.
    EmailVerification,
    /// To tell somebody that their account is to be deleted. Without a token: whoever thinks better of it logs in.
    AccountDeletion,
}

impl Purpose {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::PasswordReset, Self::EmailVerification, Self::AccountDeletion];

    /// As it is stored and told.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PasswordReset => "password_reset",
            Self::EmailVerification => "email_verification",
            Self::AccountDeletion => "account_deletion",
        }
    }

    /// As it was stored.
    ///
    /// # Errors
    /// It was not: `place` says where it is.
    pub fn stored(name: &str, place: &'static str) -> Result<Self, PortError> {
        let purpose = Self::ALL.into_iter().find(|purpose| purpose.as_str() == name);
        purpose.ok_or_else(|| PortError::corrupt(place, "there is no such purpose"))
    }
}

/// What is kept of a token. Times are in whole microseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneTime {
    /// Its hash.
    pub digest: Digest,
    /// What it is for.
    pub purpose: Purpose,
    /// Whom it was sent to.
    pub user: UserId,
    /// In which mail. One that is sent again brings another token.
    pub mail: Uuid,
    /// The hash of what it is good for.
    pub bound: Digest,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// When it runs out.
    pub expires_at: DateTime<Utc>,
}

/// The tokens.
#[async_trait]
pub trait OneTimeTokens: Send + Sync {
    /// Keeps a new token, and forgets up to [`FORGOTTEN`] others that had run out when it was made.
    async fn keep(&self, token: &OneTime) -> Result<(), PortError>;

    /// The token of this hash, whether or not it has run out.
    async fn find(&self, digest: &Digest) -> Result<Option<OneTime>, PortError>;

    /// The tokens of a user for a purpose, those that have run out included, the newest first.
    async fn of_user(&self, user: UserId, purpose: Purpose) -> Result<Vec<OneTime>, PortError>;

    /// Forgets all tokens of a user for a purpose.
    async fn remove(&self, user: UserId, purpose: Purpose) -> Result<(), PortError>;
}
