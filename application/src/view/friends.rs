//! Who is whose friend, or asked to be. One entry for each pair, whichever side asks.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use posthaste_domain::friendship::FriendshipEvent;
use posthaste_domain::user::{Profile, UserEvent};
use posthaste_domain::{Event, FriendshipId, UserId, UserPair};

use super::{Page, View, ViewName};
use crate::codec::Undecodable;
use crate::recorded::{Position, Recorded};

/// What somebody is to a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FriendState {
    /// A friend.
    Friend,
    /// Somebody who asked and waits for the user's answer.
    Received,
    /// Somebody the user asked, and who has not answered.
    Sent,
}

impl FriendState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Friend, Self::Received, Self::Sent];
}

/// An entry of a user's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Friend {
    /// The stream of the two.
    pub friendship: FriendshipId,
    /// The other.
    pub user: UserId,
    /// The other's handle; `None` when it was erased.
    pub username: Option<String>,
    /// The other's name; `None` when it was erased.
    pub display_name: Option<String>,
    /// What they are to the user.
    pub state: FriendState,
    /// The position of the last change: the key of the list.
    pub since: Position,
    /// When that was.
    pub since_at: DateTime<Utc>,
}

#[derive(Clone, Copy, Debug)]
enum Standing {
    Requested { by: UserId },
    Friends,
}

impl Standing {
    /// What the other of the pair is to this user.
    fn seen_by(self, user: UserId) -> FriendState {
        match self {
            Self::Requested { by } if by == user => FriendState::Sent,
            Self::Requested { .. } => FriendState::Received,
            Self::Friends => FriendState::Friend,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Pair {
    pair: UserPair,
    standing: Standing,
    since: Position,
    since_at: DateTime<Utc>,
}

/// The fold.
#[derive(Clone, Debug, Default)]
pub struct Friends {
    pairs: HashMap<FriendshipId, Pair>,
    /// The pairs of each user, by what the other is to them and since when.
    lists: HashMap<(UserId, FriendState), BTreeMap<Position, FriendshipId>>,
    profiles: HashMap<UserId, Profile>,
}

impl Friends {
    /// A user's friends, received or sent requests, newest first; keyed by the position of the last change.
    #[must_use]
    pub fn list(&self, user: UserId, state: FriendState, page: Page) -> Vec<Friend> {
        let Some(list) = self.lists.get(&(user, state)) else { return Vec::new() };
        let below = match page.before {
            Some(before) => list.range(..before),
            None => list.range(..),
        };
        below.rev().take(page.limit).filter_map(|(_, friendship)| self.entry(*friendship, user, state)).collect()
    }

    fn entry(&self, friendship: FriendshipId, user: UserId, state: FriendState) -> Option<Friend> {
        let pair = self.pairs.get(&friendship)?;
        let other = pair.pair.other(user)?;
        let profile = self.profiles.get(&other);
        Some(Friend {
            friendship,
            user: other,
            username: profile.map(|profile| profile.username.as_str().to_owned()),
            display_name: profile.map(|profile| profile.display_name.as_str().to_owned()),
            state,
            since: pair.since,
            since_at: pair.since_at,
        })
    }

    fn stand(&mut self, pair: UserPair, standing: Standing, recorded: &Recorded) {
        let friendship = FriendshipId::between(pair);
        let now = Pair { pair, standing, since: recorded.position, since_at: recorded.at };
        let before = self.pairs.insert(friendship, now);
        for user in pair.users() {
            if let Some(before) = before
                && let Some(list) = self.lists.get_mut(&(user, before.standing.seen_by(user)))
            {
                list.remove(&before.since);
            }
            self.lists.entry((user, standing.seen_by(user))).or_default().insert(now.since, friendship);
        }
    }
}

impl View for Friends {
    const NAME: ViewName = ViewName::Friends;

    fn apply(&mut self, recorded: &Recorded) -> Result<(), Undecodable> {
        match recorded.event()? {
            Event::User(UserEvent::Registered { user, content }) => {
                if let Some(profile) = content.known() {
                    self.profiles.insert(user, profile.clone());
                }
            }
            Event::Friendship(FriendshipEvent::Requested { pair, by }) => self.stand(pair, Standing::Requested { by }, recorded),
            Event::Friendship(FriendshipEvent::Accepted { pair, .. }) => self.stand(pair, Standing::Friends, recorded),
            Event::Claim(_) | Event::Thread(_) | Event::Message(_) => {}
        }
        Ok(())
    }
}
