//! The invitations of a thread that were neither used up nor ended. Those that have expired are still here: a fold knows no time.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::id::{InviteId, UserId};

/// For whom an invitation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bearer {
    /// One person.
    Person(UserId),
    /// Whoever has the link, as often as it has uses left; for ever when absent.
    Link {
        /// At least one.
        uses_left: Option<u32>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Invite {
    bearer: Bearer,
    expires_at: DateTime<Utc>,
}

/// The invitations of a thread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Invites {
    standing: HashMap<InviteId, Invite>,
    /// The invitation of each invited person: at most one.
    of: HashMap<UserId, InviteId>,
}

impl Invites {
    /// For whom it is, if it stands.
    pub(super) fn bearer(&self, invite: InviteId) -> Option<Bearer> {
        self.standing.get(&invite).map(|invite| invite.bearer)
    }

    /// The person's invitation, if one stands.
    pub(super) fn of(&self, user: UserId) -> Option<InviteId> {
        self.of.get(&user).copied()
    }

    /// Whether it stands for this user, expired or not.
    pub(super) fn can_be_used_by(&self, invite: InviteId, user: UserId) -> bool {
        match self.bearer(invite) {
            Some(Bearer::Person(invited)) => invited == user,
            Some(Bearer::Link { .. }) => true,
            None => false,
        }
    }

    /// Whether this user can join by it now.
    pub(super) fn admits(&self, invite: InviteId, user: UserId, at: DateTime<Utc>) -> bool {
        self.can_be_used_by(invite, user) && self.standing.get(&invite).is_some_and(|invite| at < invite.expires_at)
    }

    /// How many have not expired.
    pub(super) fn open(&self, at: DateTime<Utc>) -> usize {
        self.standing.values().filter(|invite| at < invite.expires_at).count()
    }

    /// Takes an invitation in, unless it is known or the person has one.
    #[must_use]
    pub(super) fn made(&mut self, invite: InviteId, bearer: Bearer, expires_at: DateTime<Utc>) -> bool {
        let fits = !self.standing.contains_key(&invite)
            && match bearer {
                Bearer::Person(user) => !self.of.contains_key(&user),
                Bearer::Link { uses_left } => uses_left != Some(0),
            };
        if fits {
            self.standing.insert(invite, Invite { bearer, expires_at });
            if let Bearer::Person(user) = bearer {
                self.of.insert(user, invite);
            }
        }
        fits
    }

    /// Ends it, if it stands for this person, or is a link when nobody is named.
    #[must_use]
    pub(super) fn ended(&mut self, invite: InviteId, person: Option<UserId>) -> bool {
        let fits = match self.bearer(invite) {
            Some(Bearer::Person(invited)) => person == Some(invited),
            Some(Bearer::Link { .. }) => person.is_none(),
            None => false,
        };
        if fits {
            self.drop(invite);
        }
        fits
    }

    fn drop(&mut self, invite: InviteId) {
        if let Some(Invite { bearer: Bearer::Person(user), .. }) = self.standing.remove(&invite) {
            self.of.remove(&user);
        }
    }

    /// Drops the person's invitation, if there is one: they are in, or kept out.
    pub(super) fn settled(&mut self, user: UserId) {
        if let Some(invite) = self.of(user) {
            self.drop(invite);
        }
    }

    /// One more has joined by it.
    pub(super) fn used(&mut self, invite: InviteId) {
        match self.standing.get_mut(&invite).map(|invite| &mut invite.bearer) {
            Some(Bearer::Link { uses_left: Some(1) }) | Some(Bearer::Person(_)) => self.drop(invite),
            Some(Bearer::Link { uses_left: Some(left) }) => *left -= 1,
            Some(Bearer::Link { uses_left: None }) | None => {}
        }
    }
}
