//! Who is in which thread since when, as far as a batch changes it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use posthaste_domain::thread::Role;
use posthaste_domain::{ThreadId, UserId};
use uuid::Uuid;

use super::super::super::door::{Statement, statement};
use super::super::words;
use super::{Moment, Write, columns};

const CHANGE: Statement = statement!("views_members_change");
const JOIN: Statement = statement!("views_members_join");

columns! {
    /// A membership from before the batch.
    ChangedRow as Changed { thread: Uuid, user: Uuid, left: Option<i64>, role: Option<&'static str> }
}
columns! {
    /// A membership that began in the batch.
    JoinedRow as Joined { thread: Uuid, user: Uuid, joined: i64, joined_at: DateTime<Utc>, left: Option<i64>, role: &'static str }
}

/// A user's memberships of a thread.
#[derive(Default)]
struct Seats {
    /// What became of the one from before the batch.
    left: Option<i64>,
    role: Option<Role>,
    /// Those that began in the batch, in order.
    new: Vec<Seat>,
}

struct Seat {
    joined: Moment,
    left: Option<i64>,
    role: Role,
}

#[derive(Default)]
pub(super) struct Members(HashMap<(ThreadId, UserId), Seats>);

impl Members {
    pub(super) fn join(&mut self, thread: ThreadId, user: UserId, role: Role, joined: Moment) {
        self.0.entry((thread, user)).or_default().new.push(Seat { joined, left: None, role });
    }

    pub(super) fn leave(&mut self, thread: ThreadId, user: UserId, position: i64) {
        let seats = self.0.entry((thread, user)).or_default();
        match seats.new.last_mut() {
            Some(seat) => seat.left = Some(position),
            None => seats.left = Some(position),
        }
    }

    pub(super) fn set_role(&mut self, thread: ThreadId, user: UserId, role: Role) {
        let seats = self.0.entry((thread, user)).or_default();
        match seats.new.last_mut() {
            Some(seat) => seat.role = role,
            None => seats.role = Some(role),
        }
    }

    /// What ended is written before what began: until then it is the one that has not ended.
    pub(super) fn writes(&self) -> [Write; 2] {
        let changed = self.0.iter().filter(|(_, seats)| seats.left.is_some() || seats.role.is_some());
        let changed = changed.map(|((thread, user), seats)| ChangedRow {
            thread: thread.uuid(),
            user: user.uuid(),
            left: seats.left,
            role: seats.role.map(words::role),
        });
        let joined = self.0.iter().flat_map(|((thread, user), seats)| {
            seats.new.iter().map(|seat| JoinedRow {
                thread: thread.uuid(),
                user: user.uuid(),
                joined: seat.joined.position,
                joined_at: seat.joined.at,
                left: seat.left,
                role: words::role(seat.role),
            })
        });
        [Write::of::<Changed, _>(CHANGE, changed), Write::of::<Joined, _>(JOIN, joined)]
    }
}
