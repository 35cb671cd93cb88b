//! How members of a group or channel come, go, and change what they are.

use std::collections::HashSet;

use chrono::{DateTime, Utc};

use super::ADD_LIMIT;
use super::event::ThreadEvent;
use super::permissions::Action;
use super::refusal::ThreadRefusal;
use super::settings::{Role, Visibility};
use super::shared::Shared;
use crate::id::{InviteId, PasscodeId, UserId};

type Decision = Result<Option<ThreadEvent>, ThreadRefusal>;

impl Shared {
    /// How many more members it can have.
    pub(super) fn room(&self) -> usize {
        self.kind.member_limit().saturating_sub(self.members.len())
    }

    pub(super) fn add(&self, by: UserId, users: &[UserId]) -> Decision {
        self.may(by, Action::AddMembers)?;
        if users.len() > ADD_LIMIT {
            return Err(ThreadRefusal::BadCount);
        }
        if !users.is_empty() && users.iter().all(|user| self.members.contains_key(user)) {
            return Ok(None);
        }
        let mut seen = HashSet::new();
        let new = |user: &UserId| !self.members.contains_key(user) && !self.banned.contains(user) && seen.insert(*user);
        let members = users.iter().copied().filter(new).take(self.room()).collect::<Vec<_>>();
        if members.is_empty() {
            Err(ThreadRefusal::NobodyToAdd)
        } else {
            Ok(Some(ThreadEvent::MembersAdded { thread: self.thread, by, members }))
        }
    }

    pub(super) fn join(&self, user: UserId, invite: Option<InviteId>, passcode: Option<PasscodeId>, at: DateTime<Utc>) -> Decision {
        if self.role(user).is_some() {
            return Ok(None);
        }
        if self.banned.contains(&user) {
            return Err(self.turn_away(user, ThreadRefusal::Banned));
        }
        let by_invite = invite.into_iter().chain(self.invites.of(user)).find(|invite| self.invites.admits(*invite, user, at));
        if by_invite.is_none() {
            self.admits_uninvited(user, invite, passcode)?;
        }
        if self.room() == 0 {
            return Err(ThreadRefusal::Full);
        }
        Ok(Some(ThreadEvent::Joined { thread: self.thread, user, invite: by_invite }))
    }

    /// Whether somebody can join whom no invitation lets in; `named` is one that does not.
    fn admits_uninvited(&self, user: UserId, named: Option<InviteId>, passcode: Option<PasscodeId>) -> Result<(), ThreadRefusal> {
        match self.settings.visibility {
            Visibility::Public if named.is_none() => {
                let knows = self.settings.passcode.is_none() || self.settings.passcode == passcode;
                if knows { Ok(()) } else { Err(ThreadRefusal::WrongPasscode) }
            }
            Visibility::Public | Visibility::Private => Err(self.turn_away(user, ThreadRefusal::NoInvite)),
        }
    }

    pub(super) fn leave(&self, user: UserId) -> Decision {
        match self.may(user, Action::Leave)? {
            Role::Owner => Err(ThreadRefusal::OwnerCannotLeave),
            Role::Admin | Role::Member => Ok(Some(ThreadEvent::Left { thread: self.thread, user })),
        }
    }

    pub(super) fn remove(&self, by: UserId, user: UserId) -> Decision {
        let rank = self.may(by, Action::Remove)?;
        if self.role(user).ok_or(ThreadRefusal::TargetNotAMember)? >= rank {
            return Err(ThreadRefusal::NotAllowed);
        }
        Ok(Some(ThreadEvent::MemberRemoved { thread: self.thread, by, user }))
    }

    pub(super) fn change_role(&self, by: UserId, user: UserId, role: Role) -> Decision {
        let rank = self.may(by, Action::ChangeRole)?;
        let current = self.role(user).ok_or(ThreadRefusal::TargetNotAMember)?;
        // There is one owner, and only by transfer.
        if current >= rank || role >= rank {
            return Err(ThreadRefusal::NotAllowed);
        }
        Ok((current != role).then_some(ThreadEvent::RoleChanged { thread: self.thread, by, user, role }))
    }

    pub(super) fn transfer(&self, by: UserId, to: UserId) -> Decision {
        self.may(by, Action::TransferOwnership)?;
        self.role(to).ok_or(ThreadRefusal::TargetNotAMember)?;
        Ok((by != to).then_some(ThreadEvent::OwnershipTransferred { thread: self.thread, by, to }))
    }

    /// Takes the person's invitation back as well, so that nobody has to guess that it is void.
    pub(super) fn ban(&self, by: UserId, user: UserId) -> Result<Vec<ThreadEvent>, ThreadRefusal> {
        let rank = self.may(by, Action::Ban)?;
        let role = self.role(user);
        if role.is_some_and(|role| role >= rank) {
            return Err(ThreadRefusal::NotAllowed);
        }
        if self.banned.contains(&user) {
            return Ok(vec![]);
        }
        let banned = ThreadEvent::Banned { thread: self.thread, by, user, removed: role.is_some() };
        Ok(self.revoked(by, user).into_iter().chain([banned]).collect())
    }

    #[must_use]
    pub(super) fn added(&mut self, users: &[UserId]) -> bool {
        let mut seen = HashSet::new();
        let fits = users.iter().all(|user| self.role(*user).is_none() && !self.banned.contains(user) && seen.insert(*user));
        if fits {
            users.iter().for_each(|user| self.came(*user));
        }
        fits
    }

    #[must_use]
    pub(super) fn joined(&mut self, user: UserId, invite: Option<InviteId>) -> bool {
        let fits = self.role(user).is_none()
            && !self.banned.contains(&user)
            && invite.is_none_or(|invite| self.invites.can_be_used_by(invite, user));
        if fits {
            if let Some(invite) = invite {
                self.invites.used(invite);
            }
            self.came(user);
        }
        fits
    }

    /// By whatever way somebody came, they are invited no more.
    fn came(&mut self, user: UserId) {
        self.members.insert(user, Role::Member);
        self.invites.settled(user);
    }

    #[must_use]
    pub(super) fn gone(&mut self, user: UserId) -> bool {
        match self.role(user) {
            Some(Role::Admin | Role::Member) => self.members.remove(&user).is_some(),
            Some(Role::Owner) | None => false,
        }
    }

    #[must_use]
    pub(super) fn role_changed(&mut self, user: UserId, role: Role) -> bool {
        let fits = role != Role::Owner && self.role(user).is_some_and(|current| current != Role::Owner && current != role);
        if fits {
            self.members.insert(user, role);
        }
        fits
    }

    #[must_use]
    pub(super) fn transferred(&mut self, by: UserId, to: UserId) -> bool {
        let fits = by != to && self.role(by) == Some(Role::Owner) && self.role(to).is_some();
        if fits {
            self.members.insert(by, Role::Admin);
            self.members.insert(to, Role::Owner);
        }
        fits
    }

    #[must_use]
    pub(super) fn was_banned(&mut self, user: UserId, removed: bool) -> bool {
        let fits = !self.banned.contains(&user) && self.role(user).is_some() == removed && self.role(user) != Some(Role::Owner);
        if fits {
            self.members.remove(&user);
            self.banned.insert(user);
            self.invites.settled(user);
        }
        fits
    }
}
