use super::event::Profile;
use crate::id::UserId;

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
}
