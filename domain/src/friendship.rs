//! What stands between two users. One stream for the pair, so crossing requests meet.

mod command;
mod event;
mod refusal;
#[cfg(test)]
mod tests;

pub use command::FriendshipCommand;
pub use event::FriendshipEvent;
pub use refusal::FriendshipRefusal;

use crate::aggregate::{Aggregate, Category, Inapplicable};
use crate::id::{FriendshipId, UserId, UserPair};

/// A friendship's state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Friendship {
    /// Nothing yet.
    #[default]
    Strangers,
    /// One asked, the other has not answered.
    Requested {
        /// Between whom.
        pair: UserPair,
        /// Who asked.
        by: UserId,
    },
    /// They are friends.
    Friends {
        /// Who is.
        pair: UserPair,
    },
}

/// Proof that two users are friends; only a [`Friendship`] can give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FriendsPermit {
    pair: UserPair,
}

impl FriendsPermit {
    /// Who are friends.
    #[must_use]
    pub const fn pair(self) -> UserPair {
        self.pair
    }
}

impl Friendship {
    /// Proof that the two are friends.
    ///
    /// # Errors
    /// [`FriendshipRefusal::NotFriends`] when they are not.
    pub const fn permit(&self) -> Result<FriendsPermit, FriendshipRefusal> {
        match self {
            Self::Strangers | Self::Requested { .. } => Err(FriendshipRefusal::NotFriends),
            Self::Friends { pair } => Ok(FriendsPermit { pair: *pair }),
        }
    }
}

impl Aggregate for Friendship {
    const CATEGORY: Category = Category::Friendship;
    type Id = FriendshipId;
    type Command = FriendshipCommand;
    type Event = FriendshipEvent;
    type Refusal = FriendshipRefusal;

    fn decide(&self, command: FriendshipCommand) -> Result<Vec<FriendshipEvent>, FriendshipRefusal> {
        match (self, command) {
            (Self::Strangers, FriendshipCommand::Request { pair, by }) => Ok(vec![FriendshipEvent::Requested { pair, by }]),
            (Self::Requested { by: asked, .. }, FriendshipCommand::Request { by, .. }) if *asked == by => Ok(vec![]),
            // Both asked: that is an answer.
            (Self::Requested { pair, .. }, FriendshipCommand::Request { by, .. }) => {
                Ok(vec![FriendshipEvent::Accepted { pair: *pair, by }])
            }
            (Self::Friends { .. }, FriendshipCommand::Request { .. }) => Err(FriendshipRefusal::AlreadyFriends),
            (Self::Strangers, FriendshipCommand::Accept { .. }) => Err(FriendshipRefusal::NoRequest),
            (Self::Requested { by: asked, .. }, FriendshipCommand::Accept { by }) if *asked == by => {
                Err(FriendshipRefusal::NotTheAddressee)
            }
            (Self::Requested { pair, .. }, FriendshipCommand::Accept { by }) => Ok(vec![FriendshipEvent::Accepted { pair: *pair, by }]),
            (Self::Friends { .. }, FriendshipCommand::Accept { .. }) => Ok(vec![]),
        }
    }

    fn apply(&mut self, event: &FriendshipEvent) -> Result<(), Inapplicable> {
        *self = match (&*self, event) {
            (Self::Strangers, FriendshipEvent::Requested { pair, by }) if pair.contains(*by) => Self::Requested { pair: *pair, by: *by },
            (Self::Requested { pair, by: asked }, FriendshipEvent::Accepted { pair: same, by })
                if pair == same && pair.other(*asked) == Some(*by) =>
            {
                Self::Friends { pair: *pair }
            }
            (
                Self::Strangers | Self::Requested { .. } | Self::Friends { .. },
                FriendshipEvent::Requested { .. } | FriendshipEvent::Accepted { .. },
            ) => {
                return Err(Inapplicable::new(event.event_type(), self));
            }
        };
        Ok(())
    }
}
