//! How invitations into a group or channel are made and ended.

use chrono::{DateTime, TimeDelta, Utc};

use super::INVITE_LIMIT;
use super::event::ThreadEvent;
use super::invites::Bearer;
use super::permissions::Action;
use super::refusal::ThreadRefusal;
use super::shared::Shared;
use crate::id::{InviteId, UserId};

/// The shortest and the longest that an invitation can stand.
const SHORTEST: TimeDelta = TimeDelta::minutes(1);
const LONGEST: TimeDelta = TimeDelta::days(365);
/// The most that can join by a link that counts them.
const MOST_USES: u32 = 10_000;

impl Shared {
    pub(super) fn invite(
        &self,
        by: UserId,
        invite: InviteId,
        user: UserId,
        at: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> Result<Vec<ThreadEvent>, ThreadRefusal> {
        self.may(by, Action::InvitePerson)?;
        if self.role(user).is_some() {
            return Err(ThreadRefusal::AlreadyAMember);
        }
        if self.banned.contains(&user) {
            return Err(ThreadRefusal::Banned);
        }
        // An id is used once: it was made by this very command.
        if self.invites.bearer(invite).is_some() {
            return Ok(vec![]);
        }
        let renewed = self.invites.of(user).filter(|invite| self.invites.admits(*invite, user, at)).is_some();
        self.has_room_for(usize::from(!renewed), at)?;
        in_time(at, expires_at)?;
        let invited = ThreadEvent::Invited { thread: self.thread, by, invite, user, expires_at };
        Ok(self.revoked(by, user).into_iter().chain([invited]).collect())
    }

    pub(super) fn link(
        &self,
        by: UserId,
        invite: InviteId,
        at: DateTime<Utc>,
        expires_at: DateTime<Utc>,
        max_uses: Option<u32>,
    ) -> Result<Option<ThreadEvent>, ThreadRefusal> {
        self.may(by, Action::ManageInvites)?;
        if self.invites.bearer(invite).is_some() {
            return Ok(None);
        }
        if max_uses.is_some_and(|uses| !(1..=MOST_USES).contains(&uses)) {
            return Err(ThreadRefusal::BadCount);
        }
        in_time(at, expires_at)?;
        self.has_room_for(1, at)?;
        Ok(Some(ThreadEvent::LinkCreated { thread: self.thread, by, invite, expires_at, max_uses }))
    }

    /// The invited says no, expired or not; anybody else takes it back.
    pub(super) fn end_invite(&self, by: UserId, invite: InviteId) -> Result<Option<ThreadEvent>, ThreadRefusal> {
        let thread = self.thread;
        if self.invites.of(by) == Some(invite) {
            return Ok(Some(ThreadEvent::InviteDeclined { thread, invite, user: by }));
        }
        self.may(by, Action::ManageInvites)?;
        let user = match self.invites.bearer(invite).ok_or(ThreadRefusal::NoInvite)? {
            Bearer::Person(user) => Some(user),
            Bearer::Link { .. } => None,
        };
        Ok(Some(ThreadEvent::InviteRevoked { thread, by, invite, user }))
    }

    /// Takes the person's invitation back, if one stands, expired or not.
    pub(super) fn revoked(&self, by: UserId, user: UserId) -> Option<ThreadEvent> {
        self.invites.of(user).map(|invite| ThreadEvent::InviteRevoked { thread: self.thread, by, invite, user: Some(user) })
    }

    fn has_room_for(&self, more: usize, at: DateTime<Utc>) -> Result<(), ThreadRefusal> {
        if self.invites.open(at) + more > INVITE_LIMIT { Err(ThreadRefusal::TooManyInvites) } else { Ok(()) }
    }
}

fn in_time(at: DateTime<Utc>, expires_at: DateTime<Utc>) -> Result<(), ThreadRefusal> {
    if (SHORTEST..=LONGEST).contains(&(expires_at - at)) { Ok(()) } else { Err(ThreadRefusal::BadExpiry) }
}
