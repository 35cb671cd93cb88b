//! Threads and who is in them.

use std::ops::Bound;

use chrono::{DateTime, Utc};
use posthaste_domain::{ThreadId, UserId};

use super::Folds;
use crate::recorded::Position;
use crate::view::keyed::{Moment, below};
use crate::view::threads::state::{Seat, ThreadState};
use crate::view::threads::{
    Ban, Invitation, Invite, LastMessage, Member, MemberPage, PublicThread, ThreadFilter, ThreadSummary, UNREAD_MOST,
};
use crate::view::{Earshot, Page};

impl Folds<'_> {
    /// See [`Views::threads`](crate::view::Views::threads).
    #[must_use]
    pub fn threads(&self, user: UserId, filter: &ThreadFilter, page: Page) -> Vec<ThreadSummary> {
        let mine = self.threads.of(user).filter_map(|thread| {
            let (state, seat) = self.threads.seat(user, thread)?;
            Some((activity(state, seat).position, thread))
        });
        let mut listed: Vec<_> = mine
            .filter(|(activity, _)| page.before.is_none_or(|before| *activity < before))
            .filter(|(_, thread)| filter.archived.is_none_or(|archived| self.threads.kept(user, *thread).archived == archived))
            .filter(|(_, thread)| filter.matching.as_deref().is_none_or(|matching| self.is_titled(user, *thread, matching)))
            .collect();
        listed.sort_unstable_by(|one, other| other.cmp(one));
        listed.into_iter().take(page.limit).filter_map(|(_, thread)| self.thread(user, thread)).collect()
    }

    /// See [`Views::thread`](crate::view::Views::thread).
    #[must_use]
    pub fn thread(&self, user: UserId, thread: ThreadId) -> Option<ThreadSummary> {
        let (state, seat) = self.threads.seat(user, thread)?;
        let kept = self.threads.kept(user, thread);
        let Moment { position, at } = activity(state, seat);
        let read = Position(kept.read);
        Some(ThreadSummary {
            thread,
            kind: state.kind,
            role: seat.role,
            members: count(state),
            peer: peer(state, user).map(|peer| self.people.person(peer)),
            appearance: state.appearance.clone(),
            visibility: state.visibility,
            history: state.history,
            revision: state.revision,
            has_passcode: state.has_passcode,
            muted: kept.muted,
            archived: kept.archived,
            read,
            unread: self.unread(user, thread, read.max(seat.joined.position)),
            activity: position,
            active_at: at,
            last_message: self.last_message(user, thread),
        })
    }

    /// See [`Views::discover`](crate::view::Views::discover).
    #[must_use]
    pub fn discover(&self, matching: Option<&str>, page: Page) -> Vec<PublicThread> {
        let public = below(self.threads.public(), page).filter_map(|(created, thread)| {
            let state = self.threads.state(*thread)?;
            let matches = matching.is_none_or(|matching| has_title(state, matching));
            matches.then(|| PublicThread {
                thread: *thread,
                appearance: state.appearance.clone(),
                members: count(state),
                has_passcode: state.has_passcode,
                created,
            })
        });
        public.take(page.limit).collect()
    }

    /// See [`Views::members`](crate::view::Views::members).
    #[must_use]
    pub fn members(&self, thread: ThreadId, page: MemberPage) -> Vec<Member> {
        let Some(state) = self.threads.state(thread) else { return Vec::new() };
        let after = page.after.map_or(Bound::Unbounded, Bound::Excluded);
        let members = state.order.range((after, Bound::Unbounded)).filter_map(|(joined, user)| {
            let seat = state.seats.get(user)?;
            Some(Member { person: self.people.person(*user), role: seat.role, joined: *joined, joined_at: seat.joined.at })
        });
        members.take(page.limit).collect()
    }

    /// See [`Views::bans`](crate::view::Views::bans).
    #[must_use]
    pub fn bans(&self, thread: ThreadId, page: Page) -> Vec<Ban> {
        let bans = self.threads.state(thread).into_iter().flat_map(|state| state.bans.before(page));
        let ban = bans.map(|(since, user, ban)| Ban { person: self.people.person(*user), by: ban.by, since, since_at: ban.at });
        ban.take(page.limit).collect()
    }

    /// See [`Views::invites`](crate::view::Views::invites).
    #[must_use]
    pub fn invites(&self, thread: ThreadId, now: DateTime<Utc>, page: Page) -> Vec<Invite> {
        let invites = self.threads.state(thread).into_iter().flat_map(|state| state.invites.before(page));
        let open = invites.filter(|(.., invite)| invite.is_open(now)).map(|(created, id, invite)| Invite {
            invite: *id,
            by: invite.by,
            person: invite.user.map(|user| self.people.person(user)),
            expires_at: invite.expires_at,
            max_uses: invite.max_uses,
            uses: invite.uses,
            created,
            created_at: invite.at,
        });
        open.take(page.limit).collect()
    }

    /// See [`Views::invitations`](crate::view::Views::invitations).
    #[must_use]
    pub fn invitations(&self, user: UserId, now: DateTime<Utc>, page: Page) -> Vec<Invitation> {
        let mine = self.threads.invitations_of(user).into_iter().flat_map(|mine| below(mine, page));
        let open = mine.filter_map(|(created, (thread, id))| {
            let state = self.threads.state(*thread)?;
            let invite = state.invites.get(id).filter(|invite| invite.is_open(now))?;
            Some(Invitation {
                invite: *id,
                thread: *thread,
                kind: state.kind,
                appearance: state.appearance.clone(),
                members: count(state),
                by: self.people.person(invite.by),
                expires_at: invite.expires_at,
                created,
                created_at: invite.at,
            })
        });
        open.take(page.limit).collect()
    }

    /// See [`Views::earshot`](crate::view::Views::earshot).
    #[must_use]
    pub fn earshot(&self, asked: &[(ThreadId, UserId)], most: u32) -> Vec<Earshot> {
        let of = |(thread, user): &(ThreadId, UserId)| {
            let Some((state, _)) = self.threads.seat(*user, *thread) else { return Earshot::Nobody };
            if count(state) > most {
                return Earshot::TooMany;
            }
            let mut blocked: Vec<_> = state.seats.keys().copied().filter(|other| self.people.is_blocked(*user, *other)).collect();
            blocked.sort_unstable();
            Earshot::Members { but: blocked, reading: self.people.privacy(*user).read_receipts }
        };
        asked.iter().map(of).collect()
    }

    /// Whether the title of a user's thread, or the name of its other, has this folded text in it.
    fn is_titled(&self, user: UserId, thread: ThreadId, matching: &str) -> bool {
        let Some(state) = self.threads.state(thread) else { return false };
        has_title(state, matching) || peer(state, user).is_some_and(|peer| self.people.is_called(peer, matching))
    }

    fn unread(&self, user: UserId, thread: ThreadId, read: Position) -> u32 {
        let Some(stream) = self.timeline.stream(thread) else { return 0 };
        let above = self.threads.sight(user, thread).above(read);
        let unread = stream.messages_seen(&above).filter(|(_, message)| message.author != user && !message.deleted);
        (0..UNREAD_MOST).zip(unread).fold(0, |count, _| count + 1)
    }

    fn last_message(&self, user: UserId, thread: ThreadId) -> Option<LastMessage> {
        let stream = self.timeline.stream(thread)?;
        let (Moment { position, .. }, last) = stream.last_message(self.threads.position())?;
        self.threads.sight(user, thread).sees(position).then(|| LastMessage {
            position,
            message: last.message,
            author: last.author,
            text: last.text().map(str::to_owned),
            deleted: last.deleted,
        })
    }
}

/// The key of a user's list of threads.
fn activity(state: &ThreadState, seat: Seat) -> Moment {
    if seat.joined.position > state.activity.position { seat.joined } else { state.activity }
}

/// The other of a direct thread.
fn peer(state: &ThreadState, user: UserId) -> Option<UserId> {
    state.pair.and_then(|pair| pair.other(user))
}

fn has_title(state: &ThreadState, matching: &str) -> bool {
    state.appearance.as_ref().is_some_and(|appearance| appearance.title.folded().contains(matching))
}

fn count(state: &ThreadState) -> u32 {
    u32::try_from(state.seats.len()).unwrap_or(u32::MAX)
}
