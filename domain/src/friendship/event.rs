use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::audience::Audience;
use crate::id::{OwnerId, UserId, UserPair};

/// What can have happened between two users.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(tag = "type"))]
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
    /// The other said no.
    #[serde(rename = "friendship.declined")]
    Declined {
        /// Between whom.
        pair: UserPair,
        /// Who said no.
        by: UserId,
        /// The one who asked cannot ask again before.
        until: DateTime<Utc>,
    },
    /// The one who asked took it back.
    #[serde(rename = "friendship.cancelled")]
    Cancelled {
        /// Between whom.
        pair: UserPair,
        /// Who had asked.
        by: UserId,
    },
    /// They are friends no more.
    #[serde(rename = "friendship.ended")]
    Ended {
        /// Between whom.
        pair: UserPair,
        /// Who ended it.
        by: UserId,
    },
    /// One will not hear from the other. Told to the one alone.
    #[serde(rename = "friendship.blocked")]
    Blocked {
        /// Between whom.
        pair: UserPair,
        /// Who blocked.
        by: UserId,
    },
    /// One is ready to hear from the other again. Told to the one alone.
    #[serde(rename = "friendship.unblocked")]
    Unblocked {
        /// Between whom.
        pair: UserPair,
        /// Who unblocked.
        by: UserId,
    },
}

impl FriendshipEvent {
    pub(crate) const fn event_type(&self) -> &'static str {
        match self {
            Self::Requested { .. } => "friendship.requested",
            Self::Accepted { .. } => "friendship.accepted",
            Self::Declined { .. } => "friendship.declined",
            Self::Cancelled { .. } => "friendship.cancelled",
            Self::Ended { .. } => "friendship.ended",
            Self::Blocked { .. } => "friendship.blocked",
            Self::Unblocked { .. } => "friendship.unblocked",
        }
    }

    /// Every version is the first so far.
    pub(crate) const fn schema(&self) -> u16 {
        1
    }

    pub(crate) fn audience(&self) -> Audience {
        match self {
            Self::Requested { pair, .. }
            | Self::Accepted { pair, .. }
            | Self::Declined { pair, .. }
            | Self::Cancelled { pair, .. }
            | Self::Ended { pair, .. } => Audience::users(pair.users()),
            // Who is blocked is not told.
            Self::Blocked { by, .. } | Self::Unblocked { by, .. } => Audience::users([*by]),
        }
    }

    /// Nothing in it is personal.
    pub(crate) const fn owner(&self) -> Option<OwnerId> {
        None
    }
}
