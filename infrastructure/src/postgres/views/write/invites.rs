//! Invitations and bans, as far as a batch changes them.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use posthaste_domain::{InviteId, ThreadId, UserId};
use uuid::Uuid;

use super::super::super::door::{Statement, statement};
use super::{IdRow, Ids, Moment, PairRow, Pairs, Write, columns};

const END: Statement = statement!("views_invites_end");
const CONSUME: Statement = statement!("views_invites_consume");
const USE: Statement = statement!("views_invites_use");
const MAKE: Statement = statement!("views_invites_make");
const LIFT: Statement = statement!("views_bans_lift");
const IMPOSE: Statement = statement!("views_bans_impose");

columns! {
    /// An invitation that was made in the batch.
    InviteRow as Made {
        invite: Uuid,
        thread: Uuid,
        by: Uuid,
        user: Option<Uuid>,
        expires_at: DateTime<Utc>,
        max_uses: Option<i32>,
        uses: i32,
        created: i64,
        created_at: DateTime<Utc>,
    }
}
columns! {
    /// How often an invitation from before the batch was used in it.
    UsedRow as Used { invite: Uuid, more: i32 }
}
columns! {
    /// A ban.
    BanRow as Bans { thread: Uuid, user: Uuid, by: Uuid, since: i64, since_at: DateTime<Utc> }
}

#[derive(Default)]
pub(super) struct Invites {
    made: HashMap<InviteId, InviteRow>,
    /// Of those that were made, the one of each person.
    persons: HashMap<(ThreadId, UserId), InviteId>,
    used: HashMap<InviteId, i32>,
    ended: HashSet<InviteId>,
    consumed: HashSet<(ThreadId, UserId)>,
    bans: HashMap<(ThreadId, UserId), Option<BanRow>>,
}

impl Invites {
    pub(super) fn make(&mut self, thread: ThreadId, invite: InviteId, person: Option<UserId>, row: InviteRow) {
        if let Some(user) = person {
            self.consume(thread, user);
            self.persons.insert((thread, user), invite);
        }
        self.made.insert(invite, row);
    }

    pub(super) fn used(&mut self, invite: InviteId) {
        match self.made.get_mut(&invite) {
            Some(made) => made.uses += 1,
            None => *self.used.entry(invite).or_default() += 1,
        }
    }

    pub(super) fn end(&mut self, invite: InviteId) {
        if self.made.remove(&invite).is_none() {
            self.ended.insert(invite);
        }
    }

    /// A person needs their invitation no more.
    pub(super) fn consume(&mut self, thread: ThreadId, user: UserId) {
        if let Some(invite) = self.persons.remove(&(thread, user)) {
            self.made.remove(&invite);
        }
        self.consumed.insert((thread, user));
    }

    pub(super) fn ban(&mut self, thread: ThreadId, user: UserId, by: UserId, now: Moment) {
        let ban = BanRow { thread: thread.uuid(), user: user.uuid(), by: by.uuid(), since: now.position, since_at: now.at };
        self.bans.insert((thread, user), Some(ban));
        self.consume(thread, user);
    }

    pub(super) fn unban(&mut self, thread: ThreadId, user: UserId) {
        self.bans.insert((thread, user), None);
    }

    /// What is taken away is written before what is made: a person may have been invited again.
    pub(super) fn writes(self) -> [Write; 6] {
        let key = |(thread, user): (ThreadId, UserId)| PairRow::from((thread.uuid(), user.uuid()));
        let (imposed, lifted): (Vec<_>, Vec<_>) = self.bans.into_iter().partition(|(_, ban)| ban.is_some());
        [
            Write::of::<Ids, _>(END, self.ended.into_iter().map(|invite| IdRow::from(invite.uuid()))),
            Write::of::<Pairs, _>(CONSUME, self.consumed.into_iter().map(key)),
            Write::of::<Used, _>(USE, self.used.into_iter().map(|(invite, more)| UsedRow { invite: invite.uuid(), more })),
            Write::of::<Made, _>(MAKE, self.made.into_values()),
            Write::of::<Pairs, _>(LIFT, lifted.into_iter().map(|(user, _)| key(user))),
            Write::of::<Bans, _>(IMPOSE, imposed.into_iter().filter_map(|(_, ban)| ban)),
        ]
    }
}
