/// Why a friendship says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FriendshipRefusal {
    /// They are friends already.
    #[error("you are friends already")]
    AlreadyFriends,
    /// There is nothing to accept.
    #[error("there is no friend request to accept")]
    NoRequest,
    /// Only the one who was asked can accept.
    #[error("only the one who was asked can accept")]
    NotTheAddressee,
    /// They are not friends.
    #[error("you are not friends")]
    NotFriends,
}
