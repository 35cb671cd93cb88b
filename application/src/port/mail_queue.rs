//! Mails that are owed: to which address, and what for. Neither the mail nor the token in it is kept: both are made when it is sent.
//!
//! Whoever takes a mail has it for a limited time. If nothing is heard of them until then, it is there to be taken again: what a kill
//! leaves behind is sent by whoever is next.

#[cfg(feature = "contract")]
pub mod contract;
#[cfg(any(test, feature = "contract"))]
pub mod memory;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use posthaste_domain::text::Email;
use uuid::Uuid;

use super::PortError;
use super::one_time::Purpose;

/// How long is kept what was given up.
pub const KEPT: TimeDelta = TimeDelta::days(30);

/// A mail that is owed. Times are in whole microseconds.
#[derive(Clone, PartialEq, Eq)]
pub struct OwedMail {
    /// Which; the same however often it is sent.
    pub id: Uuid,
    /// What for.
    pub purpose: Purpose,
    /// The address as it was typed, by anybody: whether it is a user's is looked up when it is sent.
    pub to: Email,
    /// When it was asked for.
    pub queued_at: DateTime<Utc>,
}

impl std::fmt::Debug for OwedMail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OwedMail").field("id", &self.id).field("purpose", &self.purpose).finish_non_exhaustive()
    }
}

/// A mail that was taken to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenMail {
    /// Which.
    pub mail: OwedMail,
    /// How often it was taken, this time included.
    pub tries: u32,
}

/// What came of a mail that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailSettlement {
    /// It was sent, or is not to be.
    Done,
    /// It was not, and is to be taken again then.
    Retry {
        /// When.
        due_at: DateTime<Utc>,
    },
    /// It cannot be, or it was tried often enough.
    Dead {
        /// Why, without anything that anybody wrote.
        reason: String,
        /// When that was.
        at: DateTime<Utc>,
    },
}

/// A mail that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadMail {
    /// Which.
    pub id: Uuid,
    /// What for.
    pub purpose: Purpose,
    /// When it was asked for.
    pub queued_at: DateTime<Utc>,
    /// When it was given up.
    pub died_at: DateTime<Utc>,
    /// How often it was tried.
    pub tries: u32,
    /// Why it was given up.
    pub reason: String,
}

/// How the queue is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MailQueueStatus {
    /// How many mails are to be sent.
    pub waiting: u64,
    /// When the oldest of them was asked for.
    pub oldest: Option<DateTime<Utc>>,
    /// How many were given up, within the last [`KEPT`].
    pub dead: u64,
}

/// The queue.
#[async_trait]
pub trait MailQueue: Send + Sync {
    /// Puts a mail in, to be sent at once. If one to this address for this purpose waits already, that is the one; it takes as long.
    async fn put(&self, mail: &OwedMail) -> Result<(), PortError>;

    /// Takes up to `most` mails that are due, those due longest first; nobody else is given them until then.
    async fn take(&self, now: DateTime<Utc>, until: DateTime<Utc>, most: usize) -> Result<Vec<TakenMail>, PortError>;

    /// Keeps what came of a mail, and says whether that counts: only if it was not taken again since. With one that is given up, those are
    /// forgotten that were [`KEPT`] long enough.
    async fn settle(&self, taken: &TakenMail, came: &MailSettlement) -> Result<bool, PortError>;

    /// Forgets every mail to this address, however it is written: what waits, what was taken and what was given up.
    async fn remove(&self, to: &Email) -> Result<(), PortError>;

    /// Up to `most` of those that were given up, the latest first.
    async fn dead(&self, most: usize) -> Result<Vec<DeadMail>, PortError>;

    /// How the queue is doing.
    async fn status(&self) -> Result<MailQueueStatus, PortError>;
}
