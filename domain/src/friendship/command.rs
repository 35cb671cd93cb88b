use crate::id::{UserId, UserPair};

/// What can be asked of a friendship. The actor is one of the pair: the edge derives the pair from them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FriendshipCommand {
    /// Ask the other to be friends.
    Request {
        /// Between whom.
        pair: UserPair,
        /// Who asks.
        by: UserId,
    },
    /// Say yes to the other's request.
    Accept {
        /// Who says yes.
        by: UserId,
    },
}
