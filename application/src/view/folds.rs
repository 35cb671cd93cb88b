//! What the views answer: every query of [`Views`](super::Views), on the folds. It specifies all that keep the views elsewhere.

mod entries;
mod rooms;

use chrono::{DateTime, Utc};
use posthaste_domain::user::Privacy;
use posthaste_domain::{MessageId, UserId};

use super::{Account, AccountFilter, Census, Deletion, Friend, FriendState, Glimpse, Page, People, Person, Reaction, Threads, Timeline};

/// The three folds, asked together. Each may have taken the log in to a position of its own.
#[derive(Clone, Copy, Debug)]
pub struct Folds<'a> {
    /// Threads, who is in them, invitations, and what each user keeps about a thread.
    pub threads: &'a Threads,
    /// Messages and what happened to them.
    pub timeline: &'a Timeline,
    /// How users are called, and what they are to each other.
    pub people: &'a People,
}

// What one fold tells by itself.
impl Folds<'_> {
    /// See [`Views::reactions`](super::Views::reactions).
    #[must_use]
    pub fn reactions(&self, message: MessageId, page: Page) -> Vec<Reaction> {
        self.timeline.reactions(message, page)
    }

    /// See [`Views::friends`](super::Views::friends).
    #[must_use]
    pub fn friends(&self, user: UserId, state: FriendState, page: Page) -> Vec<Friend> {
        self.people.friends(user, state, page)
    }

    /// See [`Views::directory`](super::Views::directory).
    #[must_use]
    pub fn directory(&self, user: UserId, matching: &str, page: Page) -> Vec<Person> {
        self.people.directory(user, matching, page)
    }

    /// See [`Views::accounts`](super::Views::accounts).
    #[must_use]
    pub fn accounts(&self, filter: &AccountFilter, page: Page) -> Vec<Account> {
        self.people.accounts(filter, page)
    }

    /// See [`Views::deletions`](super::Views::deletions).
    #[must_use]
    pub fn deletions(&self, after: Option<Deletion>, due: DateTime<Utc>, limit: usize) -> Vec<Deletion> {
        self.people.deletions(after, due, limit)
    }

    /// See [`Views::census`](super::Views::census).
    #[must_use]
    pub fn census(&self) -> Census {
        let mut census = Census { threads: self.threads.count(), messages: self.timeline.count(), ..Census::default() };
        self.people.count(&mut census);
        census
    }

    /// See [`Views::privacy`](super::Views::privacy).
    #[must_use]
    pub fn privacy(&self, users: &[UserId]) -> Vec<Privacy> {
        users.iter().map(|user| self.people.privacy(*user)).collect()
    }

    /// See [`Views::glimpses`](super::Views::glimpses).
    #[must_use]
    pub fn glimpses(&self, pairs: &[(UserId, UserId)]) -> Vec<Glimpse> {
        pairs.iter().map(|(looker, other)| self.people.glimpse(*looker, *other)).collect()
    }
}
