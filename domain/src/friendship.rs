//! What stands between two users. One stream for the pair, so crossing requests meet.

mod command;
mod event;
mod refusal;
mod state;
#[cfg(test)]
mod tests;

pub use command::FriendshipCommand;
pub use event::FriendshipEvent;
pub use refusal::FriendshipRefusal;
use state::Unblocked;
pub use state::{Blocked, Friends, Requested, Strangers};

use crate::aggregate::{Aggregate, Category, Inapplicable};
use crate::id::{FriendshipId, UserId, UserPair};

/// A friendship's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Friendship {
    /// Nothing stands between the two.
    Strangers(Strangers),
    /// One asked, the other has not answered.
    Requested(Requested),
    /// They are friends.
    Friends(Friends),
    /// One or both will not hear from the other.
    Blocked(Blocked),
}

impl Default for Friendship {
    fn default() -> Self {
        Self::Strangers(Strangers::default())
    }
}

/// Who may start and go on with a direct thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DirectPolicy {
    /// Friends.
    #[default]
    Friends,
    /// Anybody whom the other has not blocked.
    Anyone,
}

/// Proof that two users may write to each other; only a [`Friendship`] can give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirectPermit {
    pair: UserPair,
}

impl DirectPermit {
    /// Who may.
    #[must_use]
    pub const fn pair(self) -> UserPair {
        self.pair
    }
}

impl Friendship {
    /// Proof that the two may write to each other.
    ///
    /// # Errors
    /// [`FriendshipRefusal::Blocked`], or [`FriendshipRefusal::NotFriends`] where the policy asks for more.
    pub fn direct(&self, pair: UserPair, policy: DirectPolicy) -> Result<DirectPermit, FriendshipRefusal> {
        match (self, policy) {
            (Self::Blocked(_), DirectPolicy::Friends | DirectPolicy::Anyone) => Err(FriendshipRefusal::Blocked),
            (Self::Friends(friends), DirectPolicy::Friends) if friends.pair() == pair => Ok(DirectPermit { pair }),
            (Self::Strangers(_) | Self::Requested(_) | Self::Friends(_), DirectPolicy::Friends) => Err(FriendshipRefusal::NotFriends),
            (Self::Strangers(_) | Self::Requested(_) | Self::Friends(_), DirectPolicy::Anyone) => Ok(DirectPermit { pair }),
        }
    }

    /// Whether either has blocked the other.
    #[must_use]
    pub const fn is_blocked(&self) -> bool {
        match self {
            Self::Blocked(_) => true,
            Self::Strangers(_) | Self::Requested(_) | Self::Friends(_) => false,
        }
    }

    /// The state that the event leads to; `None` when it cannot follow this one.
    fn after(&self, event: &FriendshipEvent) -> Option<Self> {
        let next = match (self, event) {
            (Self::Strangers(strangers), FriendshipEvent::Requested { pair, by }) if pair.contains(*by) => {
                Self::Requested(strangers.requested(*pair, *by))
            }
            (Self::Strangers(strangers), FriendshipEvent::Blocked { pair, by }) if pair.contains(*by) => {
                Self::Blocked(strangers.blocked(*pair, *by))
            }
            (Self::Requested(request), FriendshipEvent::Accepted { pair, by }) if request.pair() == *pair && request.is_to(*by) => {
                Self::Friends(request.accepted())
            }
            (Self::Requested(request), FriendshipEvent::Declined { pair, by, until }) if request.pair() == *pair && request.is_to(*by) => {
                Self::Strangers(request.declined(*until))
            }
            (Self::Requested(request), FriendshipEvent::Cancelled { pair, by }) if request.pair() == *pair && request.is_by(*by) => {
                Self::Strangers(request.cancelled())
            }
            (Self::Friends(friends), FriendshipEvent::Ended { pair, by }) if friends.pair() == *pair && pair.contains(*by) => {
                Self::Strangers(friends.ended())
            }
            (Self::Blocked(blocked), FriendshipEvent::Blocked { pair, by })
                if blocked.pair() == *pair && pair.contains(*by) && !blocked.is_by(*by) =>
            {
                Self::Blocked(blocked.both())
            }
            (Self::Blocked(blocked), FriendshipEvent::Unblocked { pair, by }) if blocked.pair() == *pair && blocked.is_by(*by) => {
                match blocked.unblocked(*by) {
                    Unblocked::Blocked(blocked) => Self::Blocked(blocked),
                    Unblocked::Strangers(strangers) => Self::Strangers(strangers),
                }
            }
            (
                Self::Strangers(_) | Self::Requested(_) | Self::Friends(_) | Self::Blocked(_),
                FriendshipEvent::Requested { .. }
                | FriendshipEvent::Accepted { .. }
                | FriendshipEvent::Declined { .. }
                | FriendshipEvent::Cancelled { .. }
                | FriendshipEvent::Ended { .. }
                | FriendshipEvent::Blocked { .. }
                | FriendshipEvent::Unblocked { .. },
            ) => return None,
        };
        Some(next)
    }
}

impl Aggregate for Friendship {
    const CATEGORY: Category = Category::Friendship;
    type Id = FriendshipId;
    type Command = FriendshipCommand;
    type Event = FriendshipEvent;
    type Refusal = FriendshipRefusal;

    fn decide(&self, command: FriendshipCommand) -> Result<Vec<FriendshipEvent>, FriendshipRefusal> {
        match command {
            FriendshipCommand::Request { pair, by, at } => match self {
                Self::Strangers(_) if !pair.contains(by) => Err(FriendshipRefusal::NotTheRequester),
                Self::Strangers(strangers) if strangers.is_cooling_down(by, at) => Err(FriendshipRefusal::CoolingDown),
                Self::Strangers(_) => Ok(vec![FriendshipEvent::Requested { pair, by }]),
                Self::Requested(request) if request.is_by(by) => Ok(vec![]),
                // They crossed.
                Self::Requested(request) => accept(request, by),
                Self::Friends(_) => Err(FriendshipRefusal::AlreadyFriends),
                Self::Blocked(_) => Err(FriendshipRefusal::Blocked),
            },
            FriendshipCommand::Accept { by } => match self {
                Self::Requested(request) => accept(request, by),
                Self::Friends(_) => Ok(vec![]),
                Self::Strangers(_) | Self::Blocked(_) => Err(FriendshipRefusal::NoRequest),
            },
            FriendshipCommand::Decline { by, until } => match self {
                Self::Requested(request) if request.is_to(by) => Ok(vec![FriendshipEvent::Declined { pair: request.pair(), by, until }]),
                Self::Requested(_) => Err(FriendshipRefusal::NotTheAddressee),
                Self::Strangers(_) | Self::Friends(_) | Self::Blocked(_) => Err(FriendshipRefusal::NoRequest),
            },
            FriendshipCommand::Cancel { by } => match self {
                Self::Requested(request) if request.is_by(by) => Ok(vec![FriendshipEvent::Cancelled { pair: request.pair(), by }]),
                Self::Requested(_) => Err(FriendshipRefusal::NotTheRequester),
                Self::Strangers(_) | Self::Friends(_) | Self::Blocked(_) => Err(FriendshipRefusal::NoRequest),
            },
            FriendshipCommand::End { by } => match self {
                Self::Friends(friends) if friends.pair().contains(by) => Ok(vec![FriendshipEvent::Ended { pair: friends.pair(), by }]),
                Self::Strangers(_) | Self::Requested(_) | Self::Friends(_) | Self::Blocked(_) => Err(FriendshipRefusal::NotFriends),
            },
            FriendshipCommand::Block { pair, by, .. } if !pair.contains(by) => Err(FriendshipRefusal::NotFriends),
            FriendshipCommand::Block { pair, by, until } => {
                let ended = match self {
                    Self::Strangers(_) => None,
                    Self::Requested(request) if request.is_by(by) => Some(FriendshipEvent::Cancelled { pair, by }),
                    Self::Requested(_) => Some(FriendshipEvent::Declined { pair, by, until }),
                    Self::Friends(_) => Some(FriendshipEvent::Ended { pair, by }),
                    Self::Blocked(blocked) if blocked.is_by(by) => return Ok(vec![]),
                    Self::Blocked(_) => None,
                };
                Ok(ended.into_iter().chain([FriendshipEvent::Blocked { pair, by }]).collect())
            }
            FriendshipCommand::Unblock { by } => match self {
                Self::Blocked(blocked) if blocked.is_by(by) => Ok(vec![FriendshipEvent::Unblocked { pair: blocked.pair(), by }]),
                Self::Strangers(_) | Self::Requested(_) | Self::Friends(_) | Self::Blocked(_) => Ok(vec![]),
            },
        }
    }

    fn apply(&mut self, event: &FriendshipEvent) -> Result<(), Inapplicable> {
        *self = self.after(event).ok_or_else(|| Inapplicable::new(event.event_type(), self))?;
        Ok(())
    }
}

fn accept(request: &Requested, by: UserId) -> Result<Vec<FriendshipEvent>, FriendshipRefusal> {
    if request.is_to(by) {
        Ok(vec![FriendshipEvent::Accepted { pair: request.pair(), by }])
    } else {
        Err(FriendshipRefusal::NotTheAddressee)
    }
}
