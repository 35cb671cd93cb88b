//! How things stood at a moment: folded from the log up to there, and from nothing that was kept since.

mod message;
mod thread;
mod user;

use chrono::{DateTime, Utc};
use posthaste_domain::{Inapplicable, UserId};
use serde::Serialize;

pub use self::message::{DeliveryAsOf, MessageAsOf, ReactionAsOf, message};
pub use self::thread::{BanAsOf, InviteAsOf, MemberAsOf, SettingsAsOf, ThreadAsOf, thread};
pub use self::user::{FriendAsOf, MembershipAsOf, UserAsOf, user};
use crate::codec::Undecodable;
use crate::deliver::StatusError;
use crate::port::{EventLog, PortError};
use crate::recorded::{Position, Recorded, StreamId};

/// Events of a stream that are read at once.
const READ: usize = 1_024;

/// When something happened, and by whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Act {
    /// By whom.
    pub by: UserId,
    /// Where in the log.
    pub position: Position,
    /// When.
    pub at: DateTime<Utc>,
}

/// Why it cannot be said.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The log or the cursors cannot be read.
    #[error(transparent)]
    Port(#[from] PortError),
    /// An event that this program does not know.
    #[error(transparent)]
    Undecodable(#[from] Undecodable),
    /// An event that cannot have happened then.
    #[error(transparent)]
    Inapplicable(#[from] Inapplicable),
}

impl From<StatusError> for ReplayError {
    fn from(error: StatusError) -> Self {
        match error {
            StatusError::Port(error) => Self::Port(error),
            StatusError::Undecodable(error) => Self::Undecodable(error),
        }
    }
}

/// A stream up to a position.
async fn stream(log: &dyn EventLog, stream: StreamId, upto: Position) -> Result<Vec<Recorded>, PortError> {
    let mut events: Vec<Recorded> = Vec::new();
    loop {
        let version = events.last().map_or(0, |event| event.version);
        let read = log.read_stream(stream, version, READ).await?;
        let more = read.len() == READ;
        let before = events.len();
        events.extend(read.into_iter().filter(|event| event.position <= upto));
        if !more || events.len() == before {
            return Ok(events);
        }
    }
}
