//! A conversation of two, for ever.

use super::board::Board;
use super::command::ThreadCommand;
use super::event::ThreadEvent;
use super::glance::Glance;
use super::permissions::{Action, allows};
use super::refusal::ThreadRefusal;
use super::settings::{History, Role, ThreadKind, Visibility};
use crate::id::{ThreadId, UserId, UserPair};

/// A conversation of two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Direct {
    pair: UserPair,
    pub(super) board: Board,
}

impl Direct {
    pub(super) fn new(pair: UserPair) -> Self {
        Self { pair, board: Board::default() }
    }

    /// Between whom.
    #[must_use]
    pub const fn pair(&self) -> UserPair {
        self.pair
    }

    /// Which thread it is.
    #[must_use]
    pub fn thread(&self) -> ThreadId {
        ThreadId::direct(self.pair)
    }

    pub(super) fn role(&self, user: UserId) -> Option<Role> {
        self.pair.contains(user).then_some(Role::Member)
    }

    /// Refuses who is not one of the two, and what cannot be done here.
    pub(super) fn may(&self, user: UserId, action: Action) -> Result<(), ThreadRefusal> {
        let role = self.role(user).ok_or(ThreadRefusal::NotFound)?;
        if allows(ThreadKind::Direct, role, action) { Ok(()) } else { Err(ThreadRefusal::Direct) }
    }

    pub(super) fn glance(&self, user: UserId) -> Option<Glance> {
        self.role(user).map(|role| Glance {
            kind: ThreadKind::Direct,
            role: Some(role),
            history: History::All,
            visibility: Visibility::Private,
            revision: 1,
            members: self.pair.users().len(),
            passcode: None,
            appearance: None,
        })
    }

    pub(super) fn decide(&self, command: ThreadCommand) -> Result<Vec<ThreadEvent>, ThreadRefusal> {
        let (thread, actor) = (self.thread(), command.actor());
        self.role(actor).ok_or(ThreadRefusal::NotFound)?;
        let event = match command {
            // Whoever comes second finds it open.
            ThreadCommand::OpenDirect { permit, .. } if permit.pair() == self.pair => None,
            ThreadCommand::OpenDirect { .. } | ThreadCommand::Create { .. } => return Err(ThreadRefusal::NotFound),
            // Who is one of the two is in it already.
            ThreadCommand::Join { .. } => None,
            ThreadCommand::Pin { by, message } => {
                self.may(by, Action::Pin)?;
                self.board.pin(thread, by, message)?
            }
            ThreadCommand::Unpin { by, message } => {
                self.may(by, Action::Pin)?;
                self.board.unpin(thread, by, message)
            }
            ThreadCommand::UnpinDeleted { by, message } => self.board.unpin(thread, by, message),
            ThreadCommand::DeleteMessages { by, messages } => {
                let others = self.may(by, Action::DeleteOthers).is_ok();
                self.board.delete(thread, by, others, &messages)?
            }
            ThreadCommand::Update { .. }
            | ThreadCommand::Delete { .. }
            | ThreadCommand::AddMembers { .. }
            | ThreadCommand::Leave { .. }
            | ThreadCommand::Remove { .. }
            | ThreadCommand::ChangeRole { .. }
            | ThreadCommand::TransferOwnership { .. }
            | ThreadCommand::Ban { .. }
            | ThreadCommand::Unban { .. }
            | ThreadCommand::Invite { .. }
            | ThreadCommand::CreateLink { .. }
            | ThreadCommand::EndInvite { .. } => return Err(ThreadRefusal::Direct),
        };
        Ok(event.into_iter().collect())
    }

    /// Whether the event fits and was taken in.
    pub(super) fn apply(&mut self, event: &ThreadEvent) -> bool {
        match event {
            ThreadEvent::MessagePinned { message, .. } => self.board.pinned(*message),
            ThreadEvent::MessageUnpinned { message, .. } => self.board.unpinned(*message),
            ThreadEvent::MessagesDeleted { messages, .. } => self.board.deleted(messages),
            ThreadEvent::Opened { .. }
            | ThreadEvent::Created { .. }
            | ThreadEvent::Updated { .. }
            | ThreadEvent::Deleted { .. }
            | ThreadEvent::MembersAdded { .. }
            | ThreadEvent::Joined { .. }
            | ThreadEvent::Left { .. }
            | ThreadEvent::MemberRemoved { .. }
            | ThreadEvent::RoleChanged { .. }
            | ThreadEvent::OwnershipTransferred { .. }
            | ThreadEvent::Banned { .. }
            | ThreadEvent::Unbanned { .. }
            | ThreadEvent::Invited { .. }
            | ThreadEvent::LinkCreated { .. }
            | ThreadEvent::InviteDeclined { .. }
            | ThreadEvent::InviteRevoked { .. } => false,
        }
    }
}
