//! A conversation: who is in it and what they may do. In this version, between two users.

mod command;
mod event;
mod refusal;
#[cfg(test)]
mod tests;

pub use command::ThreadCommand;
pub use event::ThreadEvent;
pub use refusal::ThreadRefusal;

use crate::aggregate::{Aggregate, Category, Inapplicable};
use crate::friendship::FriendsPermit;
use crate::id::{FriendshipId, ThreadId, UserId, UserPair};

/// A thread's state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Thread {
    /// Nobody has opened it.
    #[default]
    Unopened,
    /// Between two users, for ever.
    Direct {
        /// Which two.
        pair: UserPair,
    },
}

/// What still stands between a member and a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// The two must be friends; see [`AmongFriends::settle`].
    AmongFriends(AmongFriends),
}

/// A member may post if the two are friends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AmongFriends {
    pair: UserPair,
    author: UserId,
}

/// Proof that a user may post into a thread; only a [`Thread`] leads to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostPermit {
    thread: ThreadId,
    author: UserId,
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

impl AmongFriends {
    /// The friendship that settles it.
    #[must_use]
    pub fn friendship(self) -> FriendshipId {
        FriendshipId::between(self.pair)
    }

    /// The permit, given that they are friends.
    ///
    /// # Errors
    /// [`ThreadRefusal::NotAMember`] when the proof is about other people.
    pub fn settle(self, friends: FriendsPermit) -> Result<PostPermit, ThreadRefusal> {
        if friends.pair() == self.pair {
            Ok(PostPermit { thread: ThreadId::direct(self.pair), author: self.author })
        } else {
            Err(ThreadRefusal::NotAMember)
        }
    }
}

impl Thread {
    /// Whether the user is in it now.
    #[must_use]
    pub fn has_member(&self, user: UserId) -> bool {
        match self {
            Self::Unopened => false,
            Self::Direct { pair } => pair.contains(user),
        }
    }

    /// What it takes for this user to post here.
    ///
    /// # Errors
    /// [`ThreadRefusal::NotAMember`].
    pub fn admit(&self, author: UserId) -> Result<Admission, ThreadRefusal> {
        match self {
            Self::Direct { pair } if pair.contains(author) => Ok(Admission::AmongFriends(AmongFriends { pair: *pair, author })),
            Self::Unopened | Self::Direct { .. } => Err(ThreadRefusal::NotAMember),
        }
    }
}

impl Aggregate for Thread {
    const CATEGORY: Category = Category::Thread;
    type Id = ThreadId;
    type Command = ThreadCommand;
    type Event = ThreadEvent;
    type Refusal = ThreadRefusal;

    fn decide(&self, command: ThreadCommand) -> Result<Vec<ThreadEvent>, ThreadRefusal> {
        match (self, command) {
            (Self::Unopened, ThreadCommand::OpenDirect { friends, by }) => {
                let pair = friends.pair();
                if pair.contains(by) {
                    Ok(vec![ThreadEvent::Opened { thread: ThreadId::direct(pair), pair, by }])
                } else {
                    Err(ThreadRefusal::NotAMember)
                }
            }
            // Whoever comes second finds it open.
            (Self::Direct { .. }, ThreadCommand::OpenDirect { .. }) => Ok(vec![]),
        }
    }

    fn apply(&mut self, event: &ThreadEvent) -> Result<(), Inapplicable> {
        match (&*self, event) {
            (Self::Unopened, ThreadEvent::Opened { thread, pair, by }) if pair.contains(*by) && *thread == ThreadId::direct(*pair) => {
                *self = Self::Direct { pair: *pair };
                Ok(())
            }
            (Self::Unopened | Self::Direct { .. }, ThreadEvent::Opened { .. }) => Err(Inapplicable::new(event.event_type(), self)),
        }
    }
}
