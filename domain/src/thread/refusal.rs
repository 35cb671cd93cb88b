/// Why a thread says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ThreadRefusal {
    /// There is no such thread, or none that the actor may know of: an outsider cannot tell which.
    #[error("there is no such thread")]
    NotFound,
    /// The actor may know of the thread and is not in it.
    #[error("you are not a member of this thread")]
    NotAMember,
    /// The actor's role does not allow it, or not towards this member.
    #[error("your role in this thread does not allow this")]
    NotAllowed,
    /// A direct thread has no title, no roles and always the same two members.
    #[error("this cannot be done with a direct thread")]
    Direct,
    /// The owner must give the thread to another member first.
    #[error("the owner cannot leave; transfer the thread first")]
    OwnerCannotLeave,
    /// The one it is about is not a member.
    #[error("this user is not a member of this thread")]
    TargetNotAMember,
    /// Nobody whom it names can be added.
    #[error("none of these users can be added")]
    NobodyToAdd,
    /// The one it is about is in the thread already.
    #[error("this user is a member already")]
    AlreadyAMember,
    /// The one it is about is banned, or the actor is.
    #[error("this user is banned from this thread")]
    Banned,
    /// The thread has all the members it can have.
    #[error("the thread is full")]
    Full,
    /// Too many invitations stand open.
    #[error("too many invitations are open")]
    TooManyInvites,
    /// There is no such invitation, or it has expired or is used up.
    #[error("there is no such invitation, or it has expired")]
    NoInvite,
    /// Joining takes the passcode, and it was not given or is wrong.
    #[error("the passcode is missing or wrong")]
    WrongPasscode,
    /// Too many wrong passcodes; later again.
    #[error("too many wrong passcodes; try again later")]
    TooManyPasscodes,
    /// A group cannot be public.
    #[error("only a channel can be public")]
    OnlyChannelsArePublic,
    /// It has changed since the actor looked.
    #[error("the thread has changed since you looked")]
    RevisionMismatch,
    /// As many messages are pinned as can be.
    #[error("too many messages are pinned")]
    TooManyPins,
    /// More than can be done at once, or nothing.
    #[error("too many at once, or none")]
    BadCount,
    /// It would stand for too short a time, or too long.
    #[error("it must stand for 1 minute to 365 days")]
    BadExpiry,
}
