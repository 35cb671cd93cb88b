//! Passcodes of threads, as hashes, and who has tried them. Secrets: never in the log, never in a view.

#[cfg(feature = "contract")]
pub mod contract;
#[cfg(any(test, feature = "contract"))]
pub mod memory;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use posthaste_domain::{CommandId, PasscodeId, ThreadId, UserId};

use super::PortError;

/// A user's try at a thread's passcode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Who tries.
    pub user: UserId,
    /// At which thread.
    pub thread: ThreadId,
    /// By which command; a retry is the same try.
    pub command: CommandId,
    /// When.
    pub at: DateTime<Utc>,
}

/// Keeps passcodes and counts tries.
#[async_trait]
pub trait Passcodes: Send + Sync {
    /// Keeps the hash (a PHC string) of a passcode. What is kept under this id stays.
    async fn keep(&self, id: PasscodeId, hash: &str) -> Result<(), PortError>;

    /// The hash that is kept.
    async fn find(&self, id: PasscodeId) -> Result<Option<String>, PortError>;

    /// Counts a try, once for its command, and gives how many this user has had at this thread since a time, this one included.
    async fn attempt(&self, attempt: &Attempt, since: DateTime<Utc>) -> Result<u32, PortError>;

    /// Forgets the tries of this user at this thread.
    async fn forget_attempts(&self, user: UserId, thread: ThreadId) -> Result<(), PortError>;
}
