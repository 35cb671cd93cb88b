use chrono::{DateTime, Utc};

use super::event::Profile;
use super::privacy::Privacy;
use super::role::{AdminPermit, ServiceRole, SuspensionReason};
use crate::id::{SessionId, UserId};

/// What can be asked of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserCommand {
    /// Become somebody.
    Register {
        /// Who.
        user: UserId,
        /// How others see them.
        profile: Profile,
    },
    /// Let others know this much of one's comings and goings.
    SetPrivacy {
        /// Who.
        user: UserId,
        /// How much.
        privacy: Privacy,
    },
    /// End one of one's logins.
    RevokeSession {
        /// Whose.
        user: UserId,
        /// Which.
        session: SessionId,
    },
    /// End somebody's login.
    EndSession {
        /// Proof that it may be done.
        permit: AdminPermit,
        /// Whose.
        user: UserId,
        /// Which.
        session: SessionId,
    },
    /// Take note that what is sent to one's email address reaches one.
    VerifyEmail {
        /// Whose address it is.
        user: UserId,
    },
    /// Give somebody a role.
    GrantRole {
        /// Proof that it may be done.
        permit: AdminPermit,
        /// Whom.
        user: UserId,
        /// Which.
        role: ServiceRole,
    },
    /// Take a role from somebody.
    WithdrawRole {
        /// Proof that it may be done.
        permit: AdminPermit,
        /// From whom.
        user: UserId,
        /// Which.
        role: ServiceRole,
    },
    /// Erase what somebody said and how they were called, for ever.
    Erase {
        /// Proof that it may be done.
        permit: AdminPermit,
        /// Whom.
        user: UserId,
    },
    /// Leave for ever, at a time until which one may think better of it. Not an admin: another one withdraws that first.
    RequestDeletion {
        /// Who.
        user: UserId,
        /// When everything ends.
        final_at: DateTime<Utc>,
    },
    /// Stay after all.
    CancelDeletion {
        /// Who.
        user: UserId,
    },
    /// Erase somebody who has asked for it, as the time has come.
    CompleteDeletion {
        /// Proof that it may be done.
        permit: AdminPermit,
        /// Whom.
        user: UserId,
        /// The time.
        at: DateTime<Utc>,
    },
    /// Let somebody do nothing any more until they are reinstated.
    Suspend {
        /// Proof that it may be done.
        permit: AdminPermit,
        /// Whom.
        user: UserId,
        /// Why, if it is said.
        reason: Option<SuspensionReason>,
    },
    /// End a suspension.
    Reinstate {
        /// Proof that it may be done.
        permit: AdminPermit,
        /// Whose.
        user: UserId,
    },
    /// Say whether logging in takes a second factor. What proves it is no business of the log.
    SetTwoFactor {
        /// Whose.
        user: UserId,
        /// Whether it does.
        enabled: bool,
    },
}
