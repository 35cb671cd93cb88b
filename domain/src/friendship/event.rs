use serde::{Deserialize, Serialize};

use crate::audience::Audience;
use crate::id::{UserId, UserPair};

/// What can have happened between two users.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum FriendshipEvent {
    /// One asked the other.
    #[serde(rename = "friendship.requested")]
    Requested {
        /// Between whom.
        pair: UserPair,
        /// Who asked.
        by: UserId,
    },
    /// The other said yes, or had asked as well.
    #[serde(rename = "friendship.accepted")]
    Accepted {
        /// Between whom.
        pair: UserPair,
        /// Who said yes.
        by: UserId,
    },
}

impl FriendshipEvent {
    pub(crate) const fn event_type(&self) -> &'static str {
        match self {
            Self::Requested { .. } => "friendship.requested",
            Self::Accepted { .. } => "friendship.accepted",
        }
    }

    pub(crate) const fn schema(&self) -> u16 {
        match self {
            Self::Requested { .. } | Self::Accepted { .. } => 1,
        }
    }

    pub(crate) fn audience(&self) -> Audience {
        match self {
            Self::Requested { pair, .. } | Self::Accepted { pair, .. } => Audience::users(pair.users()),
        }
    }
}
