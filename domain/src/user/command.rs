use super::event::Profile;
use super::privacy::Privacy;
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
}
