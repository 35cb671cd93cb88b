/// Why a friendship says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FriendshipRefusal {
    /// They are friends already.
    #[error("you are friends already")]
    AlreadyFriends,
    /// There is no request to answer or to take back.
    #[error("there is no friend request")]
    NoRequest,
    /// Only the one who was asked can answer.
    #[error("only the one who was asked can answer")]
    NotTheAddressee,
    /// Only the one who asked can take it back.
    #[error("only the one who asked can take it back")]
    NotTheRequester,
    /// They are not friends.
    #[error("you are not friends")]
    NotFriends,
    /// The other said no a short while ago.
    #[error("your last request was declined; ask again later")]
    CoolingDown,
    /// One of them has blocked the other.
    #[error("this user cannot be reached")]
    Blocked,
}
