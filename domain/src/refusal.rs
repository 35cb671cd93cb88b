//! Every reason to say no, and what kind of no it is.

use crate::claim::ClaimRefusal;
use crate::friendship::FriendshipRefusal;
use crate::id::SameUser;
use crate::message::MessageRefusal;
use crate::thread::ThreadRefusal;
use crate::user::UserRefusal;

/// The kinds of refusal a caller can act on; each has one stable code at the edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefusalKind {
    /// There is nothing there, or nothing the actor may know of.
    NotFound,
    /// The actor is not a member of the thread.
    NotMember,
    /// The two are not friends.
    NotFriends,
    /// The actor may not do this.
    Forbidden,
    /// It contradicts what already holds.
    Conflict,
    /// The request makes no sense in itself.
    Validation,
}

/// Why a command was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// By a user.
    #[error(transparent)]
    User(#[from] UserRefusal),
    /// By a claim.
    #[error(transparent)]
    Claim(#[from] ClaimRefusal),
    /// By a friendship.
    #[error(transparent)]
    Friendship(#[from] FriendshipRefusal),
    /// By a thread.
    #[error(transparent)]
    Thread(#[from] ThreadRefusal),
    /// By a message.
    #[error(transparent)]
    Message(#[from] MessageRefusal),
    /// The actor named themselves as the other.
    #[error(transparent)]
    Yourself(#[from] SameUser),
}

impl Refusal {
    /// What kind of no it is.
    #[must_use]
    pub const fn kind(&self) -> RefusalKind {
        match self {
            Self::User(UserRefusal::AlreadyRegistered) | Self::Claim(ClaimRefusal::Taken) => RefusalKind::Conflict,
            Self::User(UserRefusal::UnknownUser) => RefusalKind::NotFound,
            Self::Friendship(FriendshipRefusal::AlreadyFriends) => RefusalKind::Conflict,
            Self::Friendship(FriendshipRefusal::NoRequest) => RefusalKind::NotFound,
            Self::Friendship(FriendshipRefusal::NotTheAddressee) => RefusalKind::Forbidden,
            Self::Friendship(FriendshipRefusal::NotFriends) => RefusalKind::NotFriends,
            // One answer for "not yours" and "not there": an outsider learns nothing about threads.
            Self::Thread(ThreadRefusal::NotAMember) => RefusalKind::NotMember,
            Self::Message(MessageRefusal::AlreadyPosted) => RefusalKind::Conflict,
            Self::Yourself(SameUser) => RefusalKind::Validation,
        }
    }
}
