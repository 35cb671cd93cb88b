use serde::{Deserialize, Serialize};

use crate::audience::Audience;
use crate::event::Personal;
use crate::id::UserId;
use crate::text::{DisplayName, Username};

/// How a user is seen by others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
}

impl UserEvent {
    pub(crate) const fn event_type(&self) -> &'static str {
        match self {
            Self::Registered { .. } => "user.registered",
        }
    }

    pub(crate) const fn schema(&self) -> u16 {
        match self {
            Self::Registered { .. } => 1,
        }
    }

    pub(crate) fn audience(&self) -> Audience {
        match self {
            Self::Registered { user, .. } => Audience::users([*user]),
        }
    }
}
