use serde::{Deserialize, Serialize};

use crate::audience::Audience;
use crate::id::{ThreadId, UserId, UserPair};

/// What can have happened to a thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum ThreadEvent {
    /// A direct thread was opened; both are members from here on.
    #[serde(rename = "thread.opened")]
    Opened {
        /// Which thread.
        thread: ThreadId,
        /// Between whom.
        pair: UserPair,
        /// Who opened it.
        by: UserId,
    },
}

impl ThreadEvent {
    pub(crate) const fn event_type(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "thread.opened",
        }
    }

    pub(crate) const fn schema(&self) -> u16 {
        match self {
            Self::Opened { .. } => 1,
        }
    }

    pub(crate) fn audience(&self) -> Audience {
        match self {
            Self::Opened { thread, pair, .. } => Audience::members(*thread).joined_by(pair.users()),
        }
    }
}
