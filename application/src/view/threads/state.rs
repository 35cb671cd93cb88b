//! What the fold keeps of one thread.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use posthaste_domain::thread::{Appearance, History, Role, ThreadKind, Visibility};
use posthaste_domain::{InviteId, UserId, UserPair};

use crate::recorded::Position;
use crate::view::keyed::{Keyed, Moment};
use crate::view::sight::Sight;

/// A thread that is not deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::view) struct ThreadState {
    pub(in crate::view) kind: ThreadKind,
    /// The two of a direct thread.
    pub(in crate::view) pair: Option<UserPair>,
    pub(in crate::view) appearance: Option<Appearance>,
    pub(in crate::view) visibility: Visibility,
    pub(in crate::view) history: History,
    pub(in crate::view) revision: u32,
    pub(in crate::view) has_passcode: bool,
    pub(in crate::view) created: Position,
    /// Its last message, or its beginning.
    pub(in crate::view) activity: Moment,
    /// Who is in it.
    pub(in crate::view) seats: HashMap<UserId, Seat>,
    /// The same, in the order of joining.
    pub(in crate::view) order: BTreeSet<(Position, UserId)>,
    /// When everybody who was ever in it was, in the order of joining.
    windows: HashMap<UserId, Vec<Window>>,
    pub(in crate::view) bans: Keyed<UserId, Banned>,
    pub(in crate::view) invites: Keyed<InviteId, InviteState>,
    /// The invitation of each invited person.
    invited: HashMap<UserId, InviteId>,
}

/// A membership that lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::view) struct Seat {
    pub(in crate::view) role: Role,
    pub(in crate::view) joined: Moment,
}

/// A membership, from the event it began with to the one it ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Window {
    from: Position,
    until: Option<Position>,
}

/// A ban.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::view) struct Banned {
    pub(in crate::view) by: UserId,
    pub(in crate::view) at: DateTime<Utc>,
}

/// An invitation that was neither declined, taken back nor accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::view) struct InviteState {
    pub(in crate::view) by: UserId,
    /// Who is invited; `None` for a link.
    pub(in crate::view) user: Option<UserId>,
    pub(in crate::view) expires_at: DateTime<Utc>,
    pub(in crate::view) max_uses: Option<u32>,
    pub(in crate::view) uses: u32,
    pub(in crate::view) at: DateTime<Utc>,
}

impl InviteState {
    /// Whether it can be used at a time.
    pub(in crate::view) fn is_open(&self, now: DateTime<Utc>) -> bool {
        now < self.expires_at && self.max_uses.is_none_or(|most| self.uses < most)
    }
}

impl ThreadState {
    /// A thread that begins here, without members.
    pub(super) fn new(kind: ThreadKind, began: Moment) -> Self {
        Self {
            kind,
            pair: None,
            appearance: None,
            visibility: Visibility::Private,
            history: History::All,
            revision: 1,
            has_passcode: false,
            created: began.position,
            activity: began,
            seats: HashMap::new(),
            order: BTreeSet::new(),
            windows: HashMap::new(),
            bans: Keyed::default(),
            invites: Keyed::default(),
            invited: HashMap::new(),
        }
    }

    /// Somebody becomes a member; who is one stays what they are. Gives whether they became one.
    pub(super) fn join(&mut self, user: UserId, role: Role, joined: Moment) -> bool {
        if self.seats.contains_key(&user) {
            return false;
        }
        self.seats.insert(user, Seat { role, joined });
        self.order.insert((joined.position, user));
        self.windows.entry(user).or_default().push(Window { from: joined.position, until: None });
        true
    }

    /// Somebody is a member no more. Gives whether they were one.
    pub(super) fn leave(&mut self, user: UserId, position: Position) -> bool {
        let Some(seat) = self.seats.remove(&user) else { return false };
        self.order.remove(&(seat.joined.position, user));
        if let Some(window) = self.windows.get_mut(&user).and_then(|windows| windows.last_mut()) {
            window.until = Some(position);
        }
        true
    }

    pub(super) fn set_role(&mut self, user: UserId, role: Role) {
        if let Some(seat) = self.seats.get_mut(&user) {
            seat.role = role;
        }
    }

    pub(super) fn invite(&mut self, position: Position, invite: InviteId, state: InviteState) {
        if let Some(user) = state.user {
            self.invited.insert(user, invite);
        }
        self.invites.insert(position, invite, state);
    }

    /// Takes an invitation out, and gives where it was made and for whom.
    pub(super) fn end_invite(&mut self, invite: InviteId) -> Option<(Position, Option<UserId>)> {
        let (position, InviteState { user, .. }) = self.invites.take(&invite)?;
        if let Some(user) = user {
            self.invited.remove(&user);
        }
        Some((position, user))
    }

    /// The invitation of a person.
    pub(super) fn invite_of(&self, user: UserId) -> Option<InviteId> {
        self.invited.get(&user).copied()
    }

    /// What a user sees of it, of everything up to a position.
    pub(super) fn sight(&self, user: UserId, bound: Position) -> Sight {
        match (self.seats.contains_key(&user), self.history) {
            (false, _) => Sight::default(),
            (true, History::All) => Sight::upto(bound, [(Position(1), bound)]),
            (true, History::Joined) => {
                let windows = self.windows.get(&user).into_iter().flatten();
                Sight::upto(bound, windows.map(|window| (window.from, window.until.unwrap_or(bound))))
            }
        }
    }
}
