//! The fold of the people.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use chrono::{DateTime, Utc};
use posthaste_domain::friendship::FriendshipEvent;
use posthaste_domain::user::{Privacy, ServiceRole, UserEvent};
use posthaste_domain::{Event, FriendshipId, UserId, UserPair};

use super::{Account, AccountFilter, Deletion, Friend, FriendState, Glimpse, Person};
use crate::codec::Undecodable;
use crate::recorded::{Position, Recorded};
use crate::view::compare::Part;
use crate::view::keyed::{Keyed, Moment, below};
use crate::view::{Census, Page, View, ViewName};

/// The fold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct People {
    users: HashMap<UserId, Known>,
    /// Of those who said.
    privacy: HashMap<UserId, Privacy>,
    /// Of those who have, or had, one.
    roles: HashMap<UserId, BTreeSet<ServiceRole>>,
    suspended: BTreeSet<UserId>,
    /// Of those who have asked for it and did not think better of it.
    deletions: BTreeSet<Deletion>,
    leaving: HashMap<UserId, DateTime<Utc>>,
    /// In the order of their registration.
    registered: BTreeMap<Position, UserId>,
    /// The others in every list of a user. The stream of two is folded into the lists of both, each list by its own changes.
    lists: HashMap<(UserId, FriendState), Keyed<UserId, Tie>>,
}

/// What makes somebody an entry of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tie {
    friendship: FriendshipId,
    at: DateTime<Utc>,
}

/// A user who has registered.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    person: Person,
    /// Folded names, as the directory compares them.
    names: Vec<String>,
}

impl People {
    /// Somebody; without names when they are not known.
    pub(in crate::view) fn person(&self, user: UserId) -> Person {
        let known = self.users.get(&user).map(|known| known.person.clone());
        known.unwrap_or(Person { user, username: None, display_name: None, registered: Position::START })
    }

    /// Whether a user's username or display name has this folded text in it.
    pub(in crate::view) fn is_called(&self, user: UserId, matching: &str) -> bool {
        self.users.get(&user).is_some_and(|known| known.names.iter().any(|name| name.contains(matching)))
    }

    pub(in crate::view) fn friends(&self, user: UserId, state: FriendState, page: Page) -> Vec<Friend> {
        let list = self.lists.get(&(user, state)).into_iter().flat_map(|list| list.before(page));
        let friend = |(since, other, tie): (Position, &UserId, &Tie)| Friend {
            friendship: tie.friendship,
            person: self.person(*other),
            state,
            since,
            since_at: tie.at,
        };
        list.take(page.limit).map(friend).collect()
    }

    pub(in crate::view) fn directory(&self, user: UserId, matching: &str, page: Page) -> Vec<Person> {
        let others = below(&self.registered, page).map(|(_, other)| *other);
        let others = others.filter(|other| *other != user && !self.suspended.contains(other) && !self.leaving.contains_key(other));
        let found = others.filter(|other| self.is_called(*other, matching) && !self.is_blocked(user, *other));
        found.take(page.limit).map(|other| self.person(other)).collect()
    }

    pub(in crate::view) fn accounts(&self, filter: &AccountFilter, page: Page) -> Vec<Account> {
        let AccountFilter { matching, suspended, role } = filter;
        let all = below(&self.registered, page).map(|(_, user)| *user);
        let called = all.filter(|user| matching.as_ref().is_none_or(|matching| self.is_called(*user, matching)));
        let found = called.map(|user| self.account(user)).filter(|account| {
            suspended.is_none_or(|suspended| account.suspended == suspended) && role.is_none_or(|role| account.roles.contains(&role))
        });
        found.take(page.limit).collect()
    }

    pub(in crate::view) fn deletions(&self, after: Option<Deletion>, due: DateTime<Utc>, limit: usize) -> Vec<Deletion> {
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let due = self.deletions.range((after, Bound::Unbounded)).take_while(|deletion| deletion.final_at <= due);
        due.take(limit).copied().collect()
    }

    fn account(&self, user: UserId) -> Account {
        let roles = self.roles.get(&user).cloned().unwrap_or_default();
        Account { person: self.person(user), suspended: self.suspended.contains(&user), roles }
    }

    /// Counts the people.
    pub(in crate::view) fn count(&self, census: &mut Census) {
        let with = |role| self.roles.values().filter(|roles| roles.contains(&role)).count() as u64;
        census.users = self.users.len() as u64;
        census.suspended = self.suspended.len() as u64;
        census.admins = with(ServiceRole::Admin);
        census.auditors = with(ServiceRole::Auditor);
    }

    pub(in crate::view) fn privacy(&self, user: UserId) -> Privacy {
        self.privacy.get(&user).copied().unwrap_or_default()
    }

    pub(in crate::view) fn glimpse(&self, looker: UserId, other: UserId) -> Glimpse {
        if looker == other {
            return Glimpse { presence: true, last_seen: true, close: true };
        }
        if self.is_blocked(looker, other) {
            return Glimpse::default();
        }
        let privacy = self.privacy(other);
        let close = self.lists.get(&(looker, FriendState::Friend)).is_some_and(|friends| friends.contains(&other));
        let presence = privacy.presence.includes(close);
        Glimpse { presence, last_seen: presence && privacy.last_seen.includes(close), close }
    }

    /// Whether either has blocked the other.
    pub(in crate::view) fn is_blocked(&self, one: UserId, other: UserId) -> bool {
        let blocks = |one, other| self.lists.get(&(one, FriendState::Blocked)).is_some_and(|list| list.contains(&other));
        blocks(one, other) || blocks(other, one)
    }

    fn on_friendship(&mut self, event: FriendshipEvent, now: Moment) {
        match event {
            FriendshipEvent::Requested { pair, by } => self.settle(pair, by, Some((FriendState::Sent, FriendState::Received)), now),
            FriendshipEvent::Accepted { pair, by } => self.settle(pair, by, Some((FriendState::Friend, FriendState::Friend)), now),
            FriendshipEvent::Declined { pair, by, until: _ }
            | FriendshipEvent::Cancelled { pair, by }
            | FriendshipEvent::Ended { pair, by } => self.settle(pair, by, None, now),
            FriendshipEvent::Blocked { pair, by } => {
                if let Some(other) = pair.other(by) {
                    self.list(by, FriendState::Blocked, pair, other, now);
                }
            }
            FriendshipEvent::Unblocked { pair, by } => {
                if let Some(other) = pair.other(by) {
                    self.unlist(by, FriendState::Blocked, other);
                }
            }
        }
    }

    /// The two are these to each other from here on, the one who acted first, and nothing else of this kind. Blocks are apart from it.
    fn settle(&mut self, pair: UserPair, by: UserId, states: Option<(FriendState, FriendState)>, now: Moment) {
        let Some(other) = pair.other(by) else { return };
        for state in [FriendState::Friend, FriendState::Received, FriendState::Sent] {
            self.unlist(by, state, other);
            self.unlist(other, state, by);
        }
        if let Some((mine, theirs)) = states {
            self.list(by, mine, pair, other, now);
            self.list(other, theirs, pair, by, now);
        }
    }

    fn list(&mut self, user: UserId, state: FriendState, pair: UserPair, other: UserId, now: Moment) {
        let list = self.lists.entry((user, state)).or_default();
        list.insert(now.position, other, Tie { friendship: FriendshipId::between(pair), at: now.at });
    }

    fn unlist(&mut self, user: UserId, state: FriendState, other: UserId) {
        if let Some(list) = self.lists.get_mut(&(user, state)) {
            list.remove(&other);
        }
    }
}

impl View for People {
    const NAME: ViewName = ViewName::People;

    fn apply(&mut self, recorded: &Recorded) -> Result<(), Undecodable> {
        if !Self::NAME.takes(recorded.stream.category) {
            return Ok(());
        }
        match recorded.event()? {
            Event::User(UserEvent::Registered { user, content }) => {
                let profile = content.known();
                let person = Person {
                    user: *user,
                    username: profile.map(|profile| profile.username.as_str().to_owned()),
                    display_name: profile.map(|profile| profile.display_name.as_str().to_owned()),
                    registered: recorded.position,
                };
                let names = profile.into_iter().flat_map(|profile| [profile.username.folded(), profile.display_name.folded()]);
                self.users.insert(*user, Known { person, names: names.collect() });
                self.registered.insert(recorded.position, *user);
            }
            Event::User(UserEvent::PrivacySet { user, presence, last_seen, read_receipts }) => {
                self.privacy.insert(*user, Privacy { presence: *presence, last_seen: *last_seen, read_receipts: *read_receipts });
            }
            Event::Friendship(event) => self.on_friendship(event.clone(), recorded.into()),
            Event::User(UserEvent::RoleGranted { user, role }) => {
                self.roles.entry(*user).or_default().insert(*role);
            }
            Event::User(UserEvent::RoleWithdrawn { user, role }) => {
                self.roles.entry(*user).or_default().remove(role);
            }
            Event::User(UserEvent::Suspended { user, reason: _ }) => {
                self.suspended.insert(*user);
            }
            Event::User(UserEvent::Reinstated { user }) => {
                self.suspended.remove(user);
            }
            Event::User(UserEvent::DeletionRequested { user, final_at }) => {
                self.leaving.insert(*user, *final_at);
                self.deletions.insert(Deletion { final_at: *final_at, user: *user });
            }
            Event::User(UserEvent::DeletionCancelled { user }) => {
                if let Some(final_at) = self.leaving.remove(user) {
                    self.deletions.remove(&Deletion { final_at, user: *user });
                }
            }
            Event::User(UserEvent::Erased { user }) => {
                if let Some(known) = self.users.get_mut(user) {
                    (known.person.username, known.person.display_name) = (None, None);
                    known.names.clear();
                }
            }
            Event::User(
                UserEvent::SessionRevoked { .. }
                | UserEvent::EmailVerified { .. }
                | UserEvent::TwoFactorEnabled { .. }
                | UserEvent::TwoFactorDisabled { .. },
            )
            | Event::Claim(_)
            | Event::Thread(_)
            | Event::Message(_)
            | Event::Subscription(_)
            | Event::Operation(_) => {}
        }
        Ok(())
    }

    fn compare(&self, other: &Self) -> Vec<Part> {
        let known = |suspended: &BTreeSet<UserId>| suspended.iter().map(|user| (*user, ())).collect::<HashMap<_, _>>();
        let order = |registered: &BTreeMap<Position, UserId>| registered.iter().map(|(at, user)| (*at, *user)).collect::<HashMap<_, _>>();
        vec![
            Part::of("profiles", &self.users, &other.users, UserId::to_string),
            Part::of("privacy", &self.privacy, &other.privacy, UserId::to_string),
            Part::of("roles", &self.roles, &other.roles, UserId::to_string),
            Part::of("suspended", &known(&self.suspended), &known(&other.suspended), UserId::to_string),
            Part::of("leaving", &self.leaving, &other.leaving, UserId::to_string),
            Part::of("registered", &order(&self.registered), &order(&other.registered), Position::to_string),
            Part::of("friends", &self.lists, &other.lists, |(user, state)| format!("{user} {state:?}")),
        ]
    }
}
