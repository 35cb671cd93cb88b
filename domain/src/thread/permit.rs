//! Proofs of what a user may do in a thread. They are made by a thread alone, and whoever asks for one cannot forget to ask the thread.

use super::refusal::ThreadRefusal;
use crate::friendship::DirectPermit;
use crate::id::{FriendshipId, ThreadId, UserId, UserPair};

/// What still stands between a member and a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Nothing.
    Granted(PostPermit),
    /// The two must be allowed to write to each other; see [`BetweenTwo::settle`].
    BetweenTwo(BetweenTwo),
}

/// A member may post if the two may write to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BetweenTwo {
    pub(super) pair: UserPair,
    pub(super) author: UserId,
}

/// Proof that a user may write in a thread; only a [`Thread`](super::Thread) leads to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostPermit {
    pub(super) thread: ThreadId,
    pub(super) author: UserId,
}

/// Proof that a user is in a thread and may react there; only a [`Thread`](super::Thread) leads to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReactPermit {
    pub(super) thread: ThreadId,
    pub(super) user: UserId,
}

/// Proof that a user is in a thread, and of whether they may delete what others wrote; only a [`Thread`](super::Thread) leads to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModeratePermit {
    pub(super) thread: ThreadId,
    pub(super) by: UserId,
    pub(super) others: bool,
}

impl PostPermit {
    /// Into which thread.
    #[must_use]
    pub const fn thread(self) -> ThreadId {
        self.thread
    }

    /// Who may post.
    #[must_use]
    pub const fn author(self) -> UserId {
        self.author
    }
}

impl ReactPermit {
    /// In which thread.
    #[must_use]
    pub const fn thread(self) -> ThreadId {
        self.thread
    }

    /// Who may react.
    #[must_use]
    pub const fn user(self) -> UserId {
        self.user
    }
}

impl ModeratePermit {
    /// In which thread.
    #[must_use]
    pub const fn thread(self) -> ThreadId {
        self.thread
    }

    /// Who it is about.
    #[must_use]
    pub const fn by(self) -> UserId {
        self.by
    }

    /// Whether they may delete what others wrote.
    #[must_use]
    pub const fn others(self) -> bool {
        self.others
    }
}

impl BetweenTwo {
    /// The friendship that settles it.
    #[must_use]
    pub fn friendship(self) -> FriendshipId {
        FriendshipId::between(self.pair)
    }

    /// The two.
    #[must_use]
    pub const fn pair(self) -> UserPair {
        self.pair
    }

    /// The permit, given that they may write to each other.
    ///
    /// # Errors
    /// [`ThreadRefusal::NotFound`] when the proof is about other people.
    pub fn settle(self, permit: DirectPermit) -> Result<PostPermit, ThreadRefusal> {
        if permit.pair() == self.pair {
            Ok(PostPermit { thread: ThreadId::direct(self.pair), author: self.author })
        } else {
            Err(ThreadRefusal::NotFound)
        }
    }
}
