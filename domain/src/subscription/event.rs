use serde::{Deserialize, Serialize};

use crate::audience::Audience;
use crate::id::{DeviceId, OwnerId, ThreadId, UserId};

/// What a user can have done about a thread for themselves. Told to their own devices alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(tag = "type"))]
pub enum SubscriptionEvent {
    /// They have read everything in it up to a position.
    #[serde(rename = "subscription.read")]
    Read {
        /// Which thread.
        thread: ThreadId,
        /// Who.
        user: UserId,
        /// The position, inclusive.
        upto: u64,
        /// On which of their devices, when it was said by one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        device: Option<DeviceId>,
    },
    /// They want no noise from it.
    #[serde(rename = "subscription.muted")]
    Muted {
        /// Which thread.
        thread: ThreadId,
        /// Who.
        user: UserId,
    },
    /// They want to hear of it again.
    #[serde(rename = "subscription.unmuted")]
    Unmuted {
        /// Which thread.
        thread: ThreadId,
        /// Who.
        user: UserId,
    },
    /// They put it out of sight.
    #[serde(rename = "subscription.archived")]
    Archived {
        /// Which thread.
        thread: ThreadId,
        /// Who.
        user: UserId,
    },
    /// They took it back into sight.
    #[serde(rename = "subscription.unarchived")]
    Unarchived {
        /// Which thread.
        thread: ThreadId,
        /// Who.
        user: UserId,
    },
}

impl SubscriptionEvent {
    pub(crate) const fn event_type(&self) -> &'static str {
        match self {
            Self::Read { .. } => "subscription.read",
            Self::Muted { .. } => "subscription.muted",
            Self::Unmuted { .. } => "subscription.unmuted",
            Self::Archived { .. } => "subscription.archived",
            Self::Unarchived { .. } => "subscription.unarchived",
        }
    }

    /// Every version is the first so far.
    pub(crate) const fn schema(&self) -> u16 {
        1
    }

    pub(crate) fn audience(&self) -> Audience {
        match self {
            Self::Read { user, .. }
            | Self::Muted { user, .. }
            | Self::Unmuted { user, .. }
            | Self::Archived { user, .. }
            | Self::Unarchived { user, .. } => Audience::users([*user]),
        }
    }

    /// Nothing in it is personal.
    pub(crate) const fn owner(&self) -> Option<OwnerId> {
        None
    }
}
