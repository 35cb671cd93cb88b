//! A group or channel: members with roles who come and go.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::board::Board;
use super::command::ThreadCommand;
use super::event::ThreadEvent;
use super::glance::Glance;
use super::invites::{Bearer, Invites};
use super::permissions::{Action, allows};
use super::refusal::ThreadRefusal;
use super::settings::{Role, Settings, SharedKind, Visibility};
use crate::id::{InviteId, ThreadId, UserId};

/// A group or channel. Consulting it costs the same for ten members and for ten thousand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared {
    pub(super) thread: ThreadId,
    pub(super) kind: SharedKind,
    /// Exactly one of them is the owner; none of them is banned.
    pub(super) members: HashMap<UserId, Role>,
    pub(super) banned: HashSet<UserId>,
    pub(super) invites: Invites,
    pub(super) settings: Settings,
    /// How many times the settings were set.
    pub(super) revision: u32,
    pub(super) board: Board,
}

impl Shared {
    /// A new one; `None` when the first members are not different people.
    pub(super) fn new(thread: ThreadId, kind: SharedKind, owner: UserId, members: &[UserId], settings: Settings) -> Option<Self> {
        let mut roles = HashMap::with_capacity(members.len() + 1);
        roles.insert(owner, Role::Owner);
        roles.extend(members.iter().filter(|user| **user != owner).map(|user| (*user, Role::Member)));
        (roles.len() == members.len() + 1).then(|| Self {
            thread,
            kind,
            members: roles,
            banned: HashSet::new(),
            invites: Invites::default(),
            settings,
            revision: 1,
            board: Board::default(),
        })
    }

    /// Which thread it is.
    #[must_use]
    pub const fn thread(&self) -> ThreadId {
        self.thread
    }

    /// Group or channel.
    #[must_use]
    pub const fn kind(&self) -> SharedKind {
        self.kind
    }

    /// Whether the user is kept out of it.
    #[must_use]
    pub fn has_banned(&self, user: UserId) -> bool {
        self.banned.contains(&user)
    }

    /// Whether it has all the members it can have.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.room() == 0
    }

    pub(super) fn role(&self, user: UserId) -> Option<Role> {
        self.members.get(&user).copied()
    }

    fn is_public(&self) -> bool {
        self.settings.visibility == Visibility::Public
    }

    /// Whether somebody who is not in it may look at it. Whoever is banned sees only what everybody sees.
    pub(super) fn shows_itself_to(&self, user: UserId, invite: Option<InviteId>, at: DateTime<Utc>) -> bool {
        let invited = || invite.into_iter().chain(self.invites.of(user)).any(|invite| self.invites.admits(invite, user, at));
        self.is_public() || (!self.banned.contains(&user) && invited())
    }

    /// What somebody is told who is not in it: as it is, if they know of the thread anyway. Whoever was invited does, and still does when the
    /// invitation has expired.
    pub(super) fn turn_away(&self, user: UserId, refusal: ThreadRefusal) -> ThreadRefusal {
        let knows = self.is_public() || self.invites.of(user).is_some();
        if knows { refusal } else { ThreadRefusal::NotFound }
    }

    /// What the user is in it.
    pub(super) fn standing(&self, user: UserId) -> Result<Role, ThreadRefusal> {
        self.role(user).ok_or_else(|| self.turn_away(user, ThreadRefusal::NotAMember))
    }

    /// What the user is in it, given that this allows the action.
    pub(super) fn may(&self, user: UserId, action: Action) -> Result<Role, ThreadRefusal> {
        let role = self.standing(user)?;
        if allows(self.kind.into(), role, action) { Ok(role) } else { Err(ThreadRefusal::NotAllowed) }
    }

    /// The thread as it shows itself, whoever looks.
    pub(super) fn glance(&self, user: UserId) -> Glance {
        Glance {
            kind: self.kind.into(),
            role: self.role(user),
            history: self.settings.history,
            visibility: self.settings.visibility,
            revision: self.revision,
            members: self.members.len(),
            passcode: self.settings.passcode,
            appearance: self.settings.appearance.known().cloned(),
        }
    }

    pub(super) fn decide(&self, command: ThreadCommand) -> Result<Vec<ThreadEvent>, ThreadRefusal> {
        let thread = self.thread;
        let event = match command {
            ThreadCommand::OpenDirect { .. } | ThreadCommand::Create { .. } => return Err(ThreadRefusal::NotFound),
            ThreadCommand::Update { by, revision, changes } => {
                self.may(by, Action::Update)?;
                if revision.is_some_and(|revision| revision != self.revision) {
                    return Err(ThreadRefusal::RevisionMismatch);
                }
                let settings = self.settings.with(changes);
                settings.suit(self.kind)?;
                (settings != self.settings).then(|| {
                    let Settings { visibility, history, passcode, appearance: content } = settings;
                    let revision = self.revision.saturating_add(1);
                    ThreadEvent::Updated { thread, by, revision, visibility, history, passcode, content }
                })
            }
            ThreadCommand::Delete { by } => {
                self.may(by, Action::Delete)?;
                Some(ThreadEvent::Deleted { thread, by })
            }
            ThreadCommand::AddMembers { by, users } => self.add(by, &users)?,
            ThreadCommand::Join { user, invite, passcode, at } => self.join(user, invite, passcode, at)?,
            ThreadCommand::Leave { user } => self.leave(user)?,
            ThreadCommand::Remove { by, user } => self.remove(by, user)?,
            ThreadCommand::ChangeRole { by, user, role } => self.change_role(by, user, role)?,
            ThreadCommand::TransferOwnership { by, to } => self.transfer(by, to)?,
            ThreadCommand::Ban { by, user } => return self.ban(by, user),
            ThreadCommand::Unban { by, user } => {
                self.may(by, Action::Unban)?;
                self.banned.contains(&user).then_some(ThreadEvent::Unbanned { thread, by, user })
            }
            ThreadCommand::Invite { by, invite, user, at, expires_at } => return self.invite(by, invite, user, at, expires_at),
            ThreadCommand::CreateLink { by, invite, at, expires_at, max_uses } => self.link(by, invite, at, expires_at, max_uses)?,
            ThreadCommand::EndInvite { by, invite } => self.end_invite(by, invite)?,
            ThreadCommand::Pin { by, message } => {
                self.may(by, Action::Pin)?;
                self.board.pin(thread, by, message)?
            }
            ThreadCommand::Unpin { by, message } => {
                self.may(by, Action::Pin)?;
                self.board.unpin(thread, by, message)
            }
            ThreadCommand::UnpinDeleted { by, message } => {
                self.standing(by)?;
                self.board.unpin(thread, by, message)
            }
            ThreadCommand::DeleteMessages { by, messages } => {
                let role = self.standing(by)?;
                self.board.delete(thread, by, allows(self.kind.into(), role, Action::DeleteOthers), &messages)?
            }
        };
        Ok(event.into_iter().collect())
    }

    /// Whether the event fits and was taken in. Permissions and limits are for decisions: a log written under others can still be read.
    pub(super) fn apply(&mut self, event: &ThreadEvent) -> bool {
        match event {
            ThreadEvent::Updated { revision, visibility, history, passcode, content, .. } => {
                let fits = self.revision.checked_add(1) == Some(*revision);
                if fits {
                    self.revision = *revision;
                    self.settings =
                        Settings { visibility: *visibility, history: *history, passcode: *passcode, appearance: content.clone() };
                }
                fits
            }
            ThreadEvent::MembersAdded { by, members, .. } => self.role(*by).is_some() && self.added(members),
            ThreadEvent::Joined { user, invite, .. } => self.joined(*user, *invite),
            ThreadEvent::Left { user, .. } => self.gone(*user),
            ThreadEvent::MemberRemoved { by, user, .. } => by != user && self.role(*by).is_some() && self.gone(*user),
            ThreadEvent::RoleChanged { user, role, .. } => self.role_changed(*user, *role),
            ThreadEvent::OwnershipTransferred { by, to, .. } => self.transferred(*by, *to),
            ThreadEvent::Banned { user, removed, .. } => self.was_banned(*user, *removed),
            ThreadEvent::Unbanned { user, .. } => self.banned.remove(user),
            ThreadEvent::Invited { invite, user, expires_at, .. } => {
                self.role(*user).is_none() && !self.banned.contains(user) && self.invites.made(*invite, Bearer::Person(*user), *expires_at)
            }
            ThreadEvent::LinkCreated { invite, expires_at, max_uses, .. } => {
                self.invites.made(*invite, Bearer::Link { uses_left: *max_uses }, *expires_at)
            }
            ThreadEvent::InviteDeclined { invite, user, .. } => self.invites.ended(*invite, Some(*user)),
            ThreadEvent::InviteRevoked { invite, user, .. } => self.invites.ended(*invite, *user),
            ThreadEvent::MessagePinned { message, .. } => self.board.pinned(*message),
            ThreadEvent::MessageUnpinned { message, .. } => self.board.unpinned(*message),
            ThreadEvent::MessagesDeleted { messages, .. } => self.board.deleted(messages),
            // The thread itself changes what it is.
            ThreadEvent::Opened { .. } | ThreadEvent::Created { .. } | ThreadEvent::Deleted { .. } => false,
        }
    }
}
