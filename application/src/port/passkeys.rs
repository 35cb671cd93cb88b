//! Passkeys: what somebody logs in with instead of a password. Only public keys, but never in an event, never in a view: how somebody
//! logs in is nobody's business.

#[cfg(feature = "contract")]
pub mod contract;
#[cfg(any(test, feature = "contract"))]
pub mod memory;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use posthaste_domain::UserId;
use posthaste_domain::text::SessionName;
use serde_json::Value;
use uuid::Uuid;

use super::PortError;

/// A passkey. Times are in whole microseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkey {
    /// Which.
    pub id: Uuid,
    /// Whose.
    pub user: UserId,
    /// What its authenticator calls it. No two are called the same.
    pub credential: Vec<u8>,
    /// The public key and what else a [`RelyingParty`] keeps of it.
    pub key: String,
    /// What its owner calls it.
    pub name: Option<SessionName>,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
    /// When it was used last.
    pub used_at: Option<DateTime<Utc>>,
    /// When the last ceremony began in which it was used: neither that one nor any before it is good again.
    pub used_ceremony: Option<DateTime<Utc>>,
    /// Counts its changes, from 1.
    pub revision: u64,
}

/// The passkeys.
#[async_trait]
pub trait Passkeys: Send + Sync {
    /// Keeps a new passkey, and says whether it is kept: not if there is one with this credential.
    async fn add(&self, passkey: &Passkey) -> Result<bool, PortError>;

    /// The passkey with this credential.
    async fn find(&self, credential: &[u8]) -> Result<Option<Passkey>, PortError>;

    /// The passkeys of a user, the oldest first.
    async fn of_user(&self, user: UserId) -> Result<Vec<Passkey>, PortError>;

    /// Puts a passkey in the place of what it was, and says whether that was still there: only if the kept one has the revision before. Whose
    /// it is, its credential and when it was registered stay.
    async fn replace(&self, passkey: &Passkey) -> Result<bool, PortError>;

    /// Forgets a passkey of a user, and says whether it was there.
    async fn remove(&self, user: UserId, passkey: Uuid) -> Result<bool, PortError>;

    /// Forgets all passkeys of a user.
    async fn remove_all(&self, user: UserId) -> Result<(), PortError>;
}

/// What a browser is to be asked, and what must be known to judge its answer.
#[derive(Clone, Debug)]
pub struct Challenge {
    /// For `navigator.credentials`: `{"publicKey": …}`.
    pub options: Value,
    /// What judges the answer.
    pub state: Vec<u8>,
}

/// What was registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// What its authenticator calls it.
    pub credential: Vec<u8>,
    /// What is to be kept of it.
    pub key: String,
}

/// What an assertion shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// That who made it has the passkey, and has shown their authenticator who they are. This is to be kept of the key from now on.
    Right(String),
    /// Nothing.
    Wrong,
    /// That there are two of the key: it has been used less often than was counted.
    Copied,
}

/// The side of the server in WebAuthn.
pub trait RelyingParty: Send + Sync {
    /// What registers a passkey of a user; `known` are those that they have.
    ///
    /// # Errors
    /// One of those that they have is not what was kept.
    fn offer(&self, user: UserId, username: &str, display_name: &str, known: &[Passkey]) -> Result<Challenge, PortError>;

    /// What an answer registers, if it is one.
    fn register(&self, state: &[u8], answer: &Value) -> Option<Registered>;

    /// What anybody logs in with who has a passkey.
    ///
    /// # Errors
    /// None can be made.
    fn challenge(&self) -> Result<Challenge, PortError>;

    /// Whose passkey an answer says that it was made with, and which: nothing is shown by that.
    fn claimed(&self, answer: &Value) -> Option<(UserId, Vec<u8>)>;

    /// What an answer shows about the passkey of which this is kept.
    ///
    /// # Errors
    /// That is not what was kept.
    fn verify(&self, state: &[u8], answer: &Value, passkey: &Passkey) -> Result<Verdict, PortError>;
}
