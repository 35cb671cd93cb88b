//! Sending a request to somebody else's server.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// One event for one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The event's own id: the same however often it is sent.
    pub id: Uuid,
    /// The JSON to send, byte by byte.
    pub body: String,
    /// When it is sent.
    pub at: DateTime<Utc>,
}

/// Why a letter did not arrive, as far as anybody can tell.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undelivered {
    /// The endpoint answered, but not that it took it.
    #[error("it answered {0}")]
    Refused(u16),
    /// It did not answer in time.
    #[error("it did not answer in time")]
    Silent,
    /// It cannot be reached.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
}

impl Undelivered {
    /// Whether the endpoint says that it is this letter that it cannot take: it is malformed, too large, of the wrong type, not to be
    /// processed. Another one may be taken.
    #[must_use]
    pub const fn blames_the_letter(&self) -> bool {
        matches!(self, Self::Refused(400 | 413 | 415 | 422))
    }
}

/// The way to one endpoint.
#[async_trait]
pub trait Poster: Send + Sync {
    /// Sends a letter, signed, and waits a limited time for the endpoint to say that it took it (any status of 200 to 299).
    async fn post(&self, letter: &Letter) -> Result<(), Undelivered>;
}
