use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::privacy::Circle;
use super::role::{ServiceRole, SuspensionReason};
use crate::audience::Audience;
use crate::event::Personal;
use crate::id::{OwnerId, SessionId, UserId};
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(tag = "type"))]
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
    /// Somebody has shown that what is sent to their email address reaches them.
    #[serde(rename = "user.email_verified")]
    EmailVerified {
        /// Whose address it is.
        user: UserId,
    },
    /// Somebody was given a role in the service.
    #[serde(rename = "user.role_granted")]
    RoleGranted {
        /// Whom.
        user: UserId,
        /// Which.
        role: ServiceRole,
    },
    /// A role in the service was taken from somebody.
    #[serde(rename = "user.role_withdrawn")]
    RoleWithdrawn {
        /// From whom.
        user: UserId,
        /// Which.
        role: ServiceRole,
    },
    /// Somebody may do nothing any more: nothing of theirs is taken, and their sockets are closed.
    #[serde(rename = "user.suspended")]
    Suspended {
        /// Who.
        user: UserId,
        /// Why, if it was said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<SuspensionReason>,
    },
    /// A suspension was ended: everything is as it was before, their logins included.
    #[serde(rename = "user.reinstated")]
    Reinstated {
        /// Whose.
        user: UserId,
    },
    /// From now on logging in takes a second factor as well.
    #[serde(rename = "user.two_factor_enabled")]
    TwoFactorEnabled {
        /// Who.
        user: UserId,
    },
    /// From now on logging in takes a password alone.
    #[serde(rename = "user.two_factor_disabled")]
    TwoFactorDisabled {
        /// Who.
        user: UserId,
    },
    /// Somebody is leaving: until the time that is told they may think better of it, and nothing else of theirs is taken.
    #[serde(rename = "user.deletion_requested")]
    DeletionRequested {
        /// Who.
        user: UserId,
        /// When they are erased.
        final_at: DateTime<Utc>,
    },
    /// Somebody who was leaving stays.
    #[serde(rename = "user.deletion_cancelled")]
    DeletionCancelled {
        /// Who.
        user: UserId,
    },
    /// Somebody was erased: what they said and how they were called can be read no more, nothing of theirs is taken, and their sockets are
    /// closed. For ever.
    #[serde(rename = "user.erased")]
    Erased {
        /// Who.
        user: UserId,
    },
}

impl UserEvent {
    pub(crate) const fn event_type(&self) -> &'static str {
        match self {
            Self::Registered { .. } => "user.registered",
            Self::PrivacySet { .. } => "user.privacy_set",
            Self::SessionRevoked { .. } => "user.session_revoked",
            Self::EmailVerified { .. } => "user.email_verified",
            Self::RoleGranted { .. } => "user.role_granted",
            Self::RoleWithdrawn { .. } => "user.role_withdrawn",
            Self::Suspended { .. } => "user.suspended",
            Self::Reinstated { .. } => "user.reinstated",
            Self::TwoFactorEnabled { .. } => "user.two_factor_enabled",
            Self::TwoFactorDisabled { .. } => "user.two_factor_disabled",
            Self::DeletionRequested { .. } => "user.deletion_requested",
            Self::DeletionCancelled { .. } => "user.deletion_cancelled",
            Self::Erased { .. } => "user.erased",
        }
    }

    /// Every version is the first so far.
    pub(crate) const fn schema(&self) -> u16 {
        1
    }

    pub(crate) fn audience(&self) -> Audience {
        match self {
            Self::Registered { user, .. }
            | Self::PrivacySet { user, .. }
            | Self::SessionRevoked { user, .. }
            | Self::EmailVerified { user }
            | Self::RoleGranted { user, .. }
            | Self::RoleWithdrawn { user, .. }
            | Self::Suspended { user, .. }
            | Self::Reinstated { user }
            | Self::TwoFactorEnabled { user }
            | Self::TwoFactorDisabled { user }
            | Self::DeletionRequested { user, .. }
            | Self::DeletionCancelled { user }
            | Self::Erased { user } => Audience::users([*user]),
        }
    }

    /// How somebody is called is theirs.
    pub(crate) fn owner(&self) -> Option<OwnerId> {
        match self {
            Self::Registered { user, .. } => Some((*user).into()),
            Self::PrivacySet { .. }
            | Self::SessionRevoked { .. }
            | Self::EmailVerified { .. }
            | Self::RoleGranted { .. }
            | Self::RoleWithdrawn { .. }
            | Self::Suspended { .. }
            | Self::Reinstated { .. }
            | Self::TwoFactorEnabled { .. }
            | Self::TwoFactorDisabled { .. }
            | Self::DeletionRequested { .. }
            | Self::DeletionCancelled { .. }
            | Self::Erased { .. } => None,
        }
    }
}
