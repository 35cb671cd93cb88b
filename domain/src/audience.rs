//! To whom an event is owed. Decided by the event alone, so it is fixed at commit, with the event.

use crate::id::{ThreadId, UserId};

/// How an event changes somebody's membership of its thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MembershipChange {
    /// A member from this event on, this event included.
    Joined,
    /// A member up to this event, this event included.
    Left,
}

/// A user whom an event names as a recipient, whatever their membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Addressee {
    /// The recipient.
    pub user: UserId,
    /// What becomes of their membership of [`Audience::thread`].
    pub change: Option<MembershipChange>,
}

/// The recipients of an event: the members of a thread at the event's position, and the users it names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audience {
    /// The thread whose members at this position receive the event.
    pub thread: Option<ThreadId>,
    /// Users who receive it by name.
    pub users: Vec<Addressee>,
}

impl Audience {
    /// Nobody: an event for the server and the auditors only.
    #[must_use]
    pub fn nobody() -> Self {
        Self::default()
    }

    /// The members of a thread.
    #[must_use]
    pub fn members(thread: ThreadId) -> Self {
        Self { thread: Some(thread), users: Vec::new() }
    }

    /// These users, by name.
    #[must_use]
    pub fn users(users: impl IntoIterator<Item = UserId>) -> Self {
        let users = users.into_iter().map(|user| Addressee { user, change: None }).collect();
        Self { thread: None, users }
    }

    /// The same audience, and these users become members with the event.
    #[must_use]
    pub fn joined_by(mut self, users: impl IntoIterator<Item = UserId>) -> Self {
        let change = Some(MembershipChange::Joined);
        self.users.extend(users.into_iter().map(|user| Addressee { user, change }));
        self
    }

    /// The same audience, and this user stops being a member with the event.
    #[must_use]
    pub fn left_by(mut self, user: UserId) -> Self {
        self.users.push(Addressee { user, change: Some(MembershipChange::Left) });
        self
    }

    /// The same audience, and this user, a member or not.
    #[must_use]
    pub fn and(mut self, user: UserId) -> Self {
        self.users.push(Addressee { user, change: None });
        self
    }
}
