//! Every reason to say no, and what kind of no it is.

use crate::claim::ClaimRefusal;
use crate::friendship::FriendshipRefusal;
use crate::id::{MessageId, SameUser, ThreadId};
use crate::message::MessageRefusal;
use crate::operation::OperationRefusal;
use crate::subscription::SubscriptionRefusal;
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
    /// The actor is suspended, or was erased.
    Suspended,
    /// The actor has asked for their account to be deleted.
    Leaving,
    /// It contradicts what already holds.
    Conflict,
    /// One of two users has blocked the other.
    Blocked,
    /// It is not at the version the actor named.
    VersionConflict,
    /// Too often; later again.
    RateLimited,
    /// The request makes no sense in itself.
    Validation,
}

/// Messages that cannot be deleted together: the actor does not see them, or they were deleted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there are no such messages: {}", messages.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
pub struct Undeletable {
    /// Which, in the order they were asked for.
    pub messages: Vec<MessageId>,
}

/// Groups and channels that somebody owns who wants to leave for ever.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("pass on or delete what you own before: {}", threads.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
pub struct StillOwns {
    /// Which.
    pub threads: Vec<ThreadId>,
}

/// Why a command was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
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
    /// By a subscription.
    #[error(transparent)]
    Subscription(#[from] SubscriptionRefusal),
    /// By an operation.
    #[error(transparent)]
    Operation(#[from] OperationRefusal),
    /// Because of some of the messages it names.
    #[error(transparent)]
    Undeletable(#[from] Undeletable),
    /// Because of what the actor owns.
    #[error(transparent)]
    StillOwns(#[from] StillOwns),
    /// The actor named themselves as the other.
    #[error(transparent)]
    Yourself(#[from] SameUser),
}

impl Refusal {
    /// What kind of no it is.
    #[must_use]
    pub const fn kind(&self) -> RefusalKind {
        match self {
            Self::User(refusal) => match refusal {
                UserRefusal::AlreadyRegistered | UserRefusal::Oneself | UserRefusal::NotDue => RefusalKind::Conflict,
                UserRefusal::UnknownUser | UserRefusal::UnknownSession => RefusalKind::NotFound,
                UserRefusal::Suspended | UserRefusal::Erased => RefusalKind::Suspended,
                UserRefusal::Leaving => RefusalKind::Leaving,
                UserRefusal::NotAnAdmin => RefusalKind::Forbidden,
            },
            Self::Claim(ClaimRefusal::Taken) => RefusalKind::Conflict,
            Self::Friendship(refusal) => match refusal {
                FriendshipRefusal::AlreadyFriends => RefusalKind::Conflict,
                FriendshipRefusal::NoRequest => RefusalKind::NotFound,
                FriendshipRefusal::NotTheAddressee | FriendshipRefusal::NotTheRequester => RefusalKind::Forbidden,
                FriendshipRefusal::NotFriends => RefusalKind::NotFriends,
                FriendshipRefusal::CoolingDown => RefusalKind::RateLimited,
                FriendshipRefusal::Blocked => RefusalKind::Blocked,
            },
            Self::Thread(refusal) => match refusal {
                ThreadRefusal::NotFound | ThreadRefusal::TargetNotAMember | ThreadRefusal::NoInvite => RefusalKind::NotFound,
                ThreadRefusal::NotAMember => RefusalKind::NotMember,
                ThreadRefusal::NotAllowed | ThreadRefusal::Direct | ThreadRefusal::Banned | ThreadRefusal::WrongPasscode => {
                    RefusalKind::Forbidden
                }
                ThreadRefusal::OwnerCannotLeave
                | ThreadRefusal::NobodyToAdd
                | ThreadRefusal::AlreadyAMember
                | ThreadRefusal::Full
                | ThreadRefusal::TooManyInvites
                | ThreadRefusal::TooManyPins => RefusalKind::Conflict,
                ThreadRefusal::TooManyPasscodes => RefusalKind::RateLimited,
                ThreadRefusal::RevisionMismatch => RefusalKind::VersionConflict,
                ThreadRefusal::OnlyChannelsArePublic | ThreadRefusal::BadCount | ThreadRefusal::BadExpiry => RefusalKind::Validation,
            },
            Self::Message(refusal) => match refusal {
                MessageRefusal::AlreadyPosted | MessageRefusal::TooManyReactions => RefusalKind::Conflict,
                MessageRefusal::NotFound => RefusalKind::NotFound,
                MessageRefusal::NotTheAuthor | MessageRefusal::NotAllowed => RefusalKind::Forbidden,
                MessageRefusal::RevisionMismatch => RefusalKind::VersionConflict,
                MessageRefusal::TooManyMentions => RefusalKind::Validation,
            },
            Self::Subscription(refusal) => match *refusal {},
            Self::Operation(OperationRefusal::AlreadyPerformed) => RefusalKind::Conflict,
            Self::Undeletable(_) => RefusalKind::NotFound,
            Self::StillOwns(_) => RefusalKind::Conflict,
            Self::Yourself(SameUser) => RefusalKind::Validation,
        }
    }
}
