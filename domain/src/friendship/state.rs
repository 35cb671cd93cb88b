//! The states of a friendship. Each has only the transitions that lead out of it, so an illegal one cannot be written.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::id::{UserId, UserPair};

/// Until when somebody cannot ask again.
type CoolDowns = BTreeMap<UserId, DateTime<Utc>>;

/// Nothing stands between the two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Strangers {
    cool_downs: CoolDowns,
}

/// One asked, the other has not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requested {
    pair: UserPair,
    by: UserId,
    /// The other's, from an earlier request.
    cool_downs: CoolDowns,
}

/// They are friends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Friends {
    pair: UserPair,
}

/// One or both will not hear from the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    pair: UserPair,
    by: UserId,
    mutual: bool,
    cool_downs: CoolDowns,
}

/// What is left when one lifts their block.
pub(super) enum Unblocked {
    /// The other's block.
    Blocked(Blocked),
    /// Nothing.
    Strangers(Strangers),
}

impl Strangers {
    /// Whether the user was declined and has to wait.
    pub(super) fn is_cooling_down(&self, user: UserId, at: DateTime<Utc>) -> bool {
        self.cool_downs.get(&user).is_some_and(|until| at < *until)
    }

    pub(super) fn requested(&self, pair: UserPair, by: UserId) -> Requested {
        let mut cool_downs = self.cool_downs.clone();
        cool_downs.remove(&by);
        Requested { pair, by, cool_downs }
    }

    pub(super) fn blocked(&self, pair: UserPair, by: UserId) -> Blocked {
        Blocked { pair, by, mutual: false, cool_downs: self.cool_downs.clone() }
    }
}

impl Requested {
    pub(super) const fn pair(&self) -> UserPair {
        self.pair
    }

    /// Whether it is this user who asked.
    pub(super) fn is_by(&self, user: UserId) -> bool {
        self.by == user
    }

    /// Whether it is this user who was asked.
    pub(super) fn is_to(&self, user: UserId) -> bool {
        self.pair.other(self.by) == Some(user)
    }

    pub(super) const fn accepted(&self) -> Friends {
        Friends { pair: self.pair }
    }

    pub(super) fn declined(&self, until: DateTime<Utc>) -> Strangers {
        let mut cool_downs = self.cool_downs.clone();
        cool_downs.insert(self.by, until);
        Strangers { cool_downs }
    }

    pub(super) fn cancelled(&self) -> Strangers {
        Strangers { cool_downs: self.cool_downs.clone() }
    }
}

impl Friends {
    pub(super) const fn pair(self) -> UserPair {
        self.pair
    }

    pub(super) fn ended(self) -> Strangers {
        Strangers::default()
    }
}

impl Blocked {
    pub(super) const fn pair(&self) -> UserPair {
        self.pair
    }

    /// Whether this user has blocked the other.
    pub(super) fn is_by(&self, user: UserId) -> bool {
        self.by == user || (self.mutual && self.pair.contains(user))
    }

    /// The other blocks as well.
    pub(super) fn both(&self) -> Self {
        Self { mutual: true, ..self.clone() }
    }

    pub(super) fn unblocked(&self, by: UserId) -> Unblocked {
        match self.pair.other(by) {
            Some(other) if self.mutual => Unblocked::Blocked(Self { by: other, mutual: false, ..self.clone() }),
            Some(_) | None => Unblocked::Strangers(Strangers { cool_downs: self.cool_downs.clone() }),
        }
    }
}
