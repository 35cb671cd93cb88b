use serde::{Deserialize, Serialize};

use super::privacy::Circle;
use crate::audience::Audience;
use crate::event::Personal;
use crate::id::{SessionId, UserId};
use crate::text::{DisplayName, Username};

/// How a user is seen by others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Profile {
    /// The unique handle.
    pub username: Username,
    /// The name beside it.
    pub display_name: DisplayName,
}

impl From<Profile> for Personal<Profile> {
    fn from(profile: Profile) -> Self {
        Self::Known(profile)
    }
}

/// What can have happened to a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type")]
pub enum UserEvent {
    /// Somebody joined the service.
    #[serde(rename = "user.registered")]
    Registered {
        /// Who.
        user: UserId,
        /// How others see them.
        #[serde(default)]
        content: Personal<Profile>,
    },
    /// Somebody said what others may know of their comings and goings.
    #[serde(rename = "user.privacy_set")]
    PrivacySet {
        /// Who.
        user: UserId,
        /// Who may see whether they are online.
        presence: Circle,
        /// Who of those may see when they were online last.
        last_seen: Circle,
        /// Whether others are told what they have read.
        read_receipts: bool,
    },
    /// A login was ended: its tokens are worth nothing any more, and its sockets are closed.
    #[serde(rename = "user.session_revoked")]
    SessionRevoked {
        /// Whose.
        user: UserId,
        /// Which.
        session: SessionId,
    },
}

impl UserEvent {
    pub(crate) const fn event_type(&self) -> &'static str {
        match self {
            Self::Registered { .. } => "user.registered",
            Self::PrivacySet { .. } => "user.privacy_set",
            Self::SessionRevoked { .. } => "user.session_revoked",
        }
    }

    pub(crate) const fn schema(&self) -> u16 {
        match self {
            Self::Registered { .. } | Self::PrivacySet { .. } | Self::SessionRevoked { .. } => 1,
        }
    }

    pub(crate) fn audience(&self) -> Audience {
        match self {
            Self::Registered { user, .. } | Self::PrivacySet { user, .. } | Self::SessionRevoked { user, .. } => Audience::users([*user]),
        }
    }
}
