//! The fold of the threads.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use posthaste_domain::message::MessageEvent;
use posthaste_domain::subscription::{Subscription, SubscriptionEvent};
use posthaste_domain::thread::{Role, ThreadEvent, ThreadKind, Visibility};
use posthaste_domain::{Event, InviteId, ThreadId, UserId};

use super::state::{Banned, InviteState, Seat, ThreadState};
use crate::codec::Undecodable;
use crate::recorded::{Position, Recorded};
use crate::view::compare::{Differing, Part};
use crate::view::keyed::Moment;
use crate::view::sight::Sight;
use crate::view::{View, ViewName};

/// The fold. A thread that is deleted is forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Threads {
    position: Position,
    threads: HashMap<ThreadId, ThreadState>,
    public: BTreeMap<Position, ThreadId>,
    /// The threads each user is in.
    memberships: HashMap<UserId, BTreeSet<ThreadId>>,
    /// The threads each user is invited into, by the invitation.
    invitations: HashMap<UserId, BTreeMap<Position, (ThreadId, InviteId)>>,
    /// What each user keeps about a thread, in it or not.
    kept: HashMap<(UserId, ThreadId), Subscription>,
}

impl Threads {
    /// Up to where it has taken the log in.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.position
    }

    /// What a user sees of a thread.
    #[must_use]
    pub fn sight(&self, user: UserId, thread: ThreadId) -> Sight {
        self.threads.get(&thread).map_or_else(Sight::default, |state| state.sight(user, self.position))
    }

    /// How many threads there are.
    pub(in crate::view) fn count(&self) -> u64 {
        self.threads.len() as u64
    }

    pub(in crate::view) fn state(&self, thread: ThreadId) -> Option<&ThreadState> {
        self.threads.get(&thread)
    }

    /// A thread that a user is in, and as what.
    pub(in crate::view) fn seat(&self, user: UserId, thread: ThreadId) -> Option<(&ThreadState, Seat)> {
        let state = self.threads.get(&thread)?;
        Some((state, *state.seats.get(&user)?))
    }

    /// The threads a user is in.
    pub(in crate::view) fn of(&self, user: UserId) -> impl Iterator<Item = ThreadId> {
        self.memberships.get(&user).into_iter().flatten().copied()
    }

    pub(in crate::view) const fn public(&self) -> &BTreeMap<Position, ThreadId> {
        &self.public
    }

    pub(in crate::view) fn invitations_of(&self, user: UserId) -> Option<&BTreeMap<Position, (ThreadId, InviteId)>> {
        self.invitations.get(&user)
    }

    pub(in crate::view) fn kept(&self, user: UserId, thread: ThreadId) -> Subscription {
        self.kept.get(&(user, thread)).copied().unwrap_or_default()
    }

    fn on_thread(&mut self, event: ThreadEvent, now: Moment) {
        match event {
            ThreadEvent::Opened { thread, pair, by: _ } => {
                let mut opened = ThreadState::new(ThreadKind::Direct, now);
                opened.pair = Some(pair);
                self.threads.insert(thread, opened);
                self.join(thread, pair.users().map(|user| (user, Role::Member)), now);
            }
            ThreadEvent::Created { thread, kind, by, members, visibility, history, content } => {
                let mut created = ThreadState::new(kind.into(), now);
                created.visibility = visibility;
                created.history = history;
                created.appearance = content.into();
                self.threads.insert(thread, created);
                self.find(thread);
                self.join(thread, [(by, Role::Owner)], now);
                self.join(thread, members.into_iter().map(|user| (user, Role::Member)), now);
            }
            ThreadEvent::Updated { thread, by: _, revision, visibility, history, passcode, content } => {
                if let Some(state) = self.threads.get_mut(&thread) {
                    state.revision = revision;
                    state.visibility = visibility;
                    state.history = history;
                    state.has_passcode = passcode.is_some();
                    state.appearance = content.into();
                }
                self.find(thread);
            }
            ThreadEvent::Deleted { thread, by: _ } => self.forget(thread),
            ThreadEvent::MembersAdded { thread, by: _, members } => {
                self.join(thread, members.into_iter().map(|user| (user, Role::Member)), now);
            }
            ThreadEvent::Joined { thread, user, invite } => {
                if let Some(used) = invite.and_then(|invite| self.threads.get_mut(&thread)?.invites.get_mut(&invite)) {
                    used.uses += 1;
                }
                self.join(thread, [(user, Role::Member)], now);
            }
            ThreadEvent::Left { thread, user } | ThreadEvent::MemberRemoved { thread, by: _, user } => {
                self.leave(thread, user, now.position);
            }
            ThreadEvent::RoleChanged { thread, by: _, user, role } => self.with(thread, |state| state.set_role(user, role)),
            ThreadEvent::OwnershipTransferred { thread, by, to } => self.with(thread, |state| {
                state.set_role(by, Role::Admin);
                state.set_role(to, Role::Owner);
            }),
            ThreadEvent::Banned { thread, by, user, removed } => {
                if removed {
                    self.leave(thread, user, now.position);
                }
                self.end_invite_of(thread, user);
                self.with(thread, |state| state.bans.insert(now.position, user, Banned { by, at: now.at }));
            }
            ThreadEvent::Unbanned { thread, by: _, user } => self.with(thread, |state| state.bans.remove(&user)),
            ThreadEvent::Invited { thread, by, invite, user, expires_at } => {
                self.end_invite_of(thread, user);
                let state = InviteState { by, user: Some(user), expires_at, max_uses: None, uses: 0, at: now.at };
                self.with(thread, |thread| thread.invite(now.position, invite, state));
                if self.threads.contains_key(&thread) {
                    self.invitations.entry(user).or_default().insert(now.position, (thread, invite));
                }
            }
            ThreadEvent::LinkCreated { thread, by, invite, expires_at, max_uses } => {
                let state = InviteState { by, user: None, expires_at, max_uses, uses: 0, at: now.at };
                self.with(thread, |thread| thread.invite(now.position, invite, state));
            }
            ThreadEvent::InviteDeclined { thread, invite, user: _ } | ThreadEvent::InviteRevoked { thread, by: _, invite, user: _ } => {
                self.end_invite(thread, invite);
            }
            ThreadEvent::MessagePinned { .. } | ThreadEvent::MessageUnpinned { .. } | ThreadEvent::MessagesDeleted { .. } => {}
        }
    }

    fn on_subscription(&mut self, event: SubscriptionEvent) {
        match event {
            SubscriptionEvent::Read { thread, user, upto, device: _ } => {
                let kept = self.kept.entry((user, thread)).or_default();
                kept.read = kept.read.max(upto);
            }
            SubscriptionEvent::Muted { thread, user } => self.kept.entry((user, thread)).or_default().muted = true,
            SubscriptionEvent::Unmuted { thread, user } => self.kept.entry((user, thread)).or_default().muted = false,
            SubscriptionEvent::Archived { thread, user } => self.kept.entry((user, thread)).or_default().archived = true,
            SubscriptionEvent::Unarchived { thread, user } => self.kept.entry((user, thread)).or_default().archived = false,
        }
    }

    fn with(&mut self, thread: ThreadId, change: impl FnOnce(&mut ThreadState)) {
        if let Some(state) = self.threads.get_mut(&thread) {
            change(state);
        }
    }

    /// Whoever joins, by whatever way, needs their invitation no more.
    fn join(&mut self, thread: ThreadId, users: impl IntoIterator<Item = (UserId, Role)>, now: Moment) {
        for (user, role) in users {
            if self.threads.get_mut(&thread).is_some_and(|state| state.join(user, role, now)) {
                self.memberships.entry(user).or_default().insert(thread);
                self.end_invite_of(thread, user);
            }
        }
    }

    fn leave(&mut self, thread: ThreadId, user: UserId, position: Position) {
        if self.threads.get_mut(&thread).is_some_and(|state| state.leave(user, position)) {
            self.memberships.entry(user).or_default().remove(&thread);
        }
    }

    fn end_invite_of(&mut self, thread: ThreadId, user: UserId) {
        if let Some(invite) = self.threads.get(&thread).and_then(|state| state.invite_of(user)) {
            self.end_invite(thread, invite);
        }
    }

    fn end_invite(&mut self, thread: ThreadId, invite: InviteId) {
        let ended = self.threads.get_mut(&thread).and_then(|state| state.end_invite(invite));
        if let Some((position, Some(user))) = ended {
            self.invitations.entry(user).or_default().remove(&position);
        }
    }

    /// A thread can be found or not, as its settings say.
    fn find(&mut self, thread: ThreadId) {
        let Some(state) = self.threads.get(&thread) else { return };
        match state.visibility {
            Visibility::Public => drop(self.public.insert(state.created, thread)),
            Visibility::Private => drop(self.public.remove(&state.created)),
        }
    }

    fn forget(&mut self, thread: ThreadId) {
        let Some(state) = self.threads.remove(&thread) else { return };
        self.public.remove(&state.created);
        for user in state.seats.keys() {
            self.memberships.entry(*user).or_default().remove(&thread);
        }
        for (position, _, invite) in state.invites.iter() {
            if let Some(user) = invite.user {
                self.invitations.entry(user).or_default().remove(&position);
            }
        }
    }
}

impl View for Threads {
    const NAME: ViewName = ViewName::Threads;

    fn apply(&mut self, recorded: &Recorded) -> Result<(), Undecodable> {
        if !Self::NAME.takes(recorded.stream.category) {
            self.position = recorded.position;
            return Ok(());
        }
        match recorded.event()? {
            Event::Thread(event) => self.on_thread(event.clone(), recorded.into()),
            Event::Message(MessageEvent::Posted { thread, .. }) => self.with(*thread, |state| state.activity = recorded.into()),
            Event::Subscription(event) => self.on_subscription(*event),
            Event::Message(
                MessageEvent::Edited { .. } | MessageEvent::Deleted { .. } | MessageEvent::Reacted { .. } | MessageEvent::Unreacted { .. },
            )
            | Event::User(_)
            | Event::Claim(_)
            | Event::Friendship(_)
            | Event::Operation(_) => {}
        }
        self.position = recorded.position;
        Ok(())
    }

    fn compare(&self, other: &Self) -> Vec<Part> {
        let mut public = Part::of("public", &by_thread(&self.public), &by_thread(&other.public), ThreadId::to_string);
        // Where it has come is a part of what it answers: to a user whose stay has no end yet.
        if self.position != other.position {
            public.differing.push(Differing { key: format!("position {}", self.position), here: true, there: true });
        }
        vec![
            Part::of("threads", &self.threads, &other.threads, ThreadId::to_string),
            Part::of("memberships", &self.memberships, &other.memberships, UserId::to_string),
            Part::of("invitations", &self.invitations, &other.invitations, UserId::to_string),
            Part::of("subscriptions", &self.kept, &other.kept, |(user, thread)| format!("{user} {thread}")),
            public,
        ]
    }
}

/// Public channels by their ids.
fn by_thread(public: &BTreeMap<Position, ThreadId>) -> HashMap<ThreadId, Position> {
    public.iter().map(|(position, thread)| (*thread, *position)).collect()
}
