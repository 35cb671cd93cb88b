use crate::friendship::FriendsPermit;
use crate::id::UserId;

/// What can be asked of a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ThreadCommand {
    /// Open the direct thread of two friends.
    OpenDirect {
        /// Proof that they are friends.
        friends: FriendsPermit,
        /// Which of them opens it.
        by: UserId,
    },
}
