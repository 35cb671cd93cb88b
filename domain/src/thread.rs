//! A conversation: who is in it and what they may do.

mod board;
mod command;
mod direct;
mod event;
mod glance;
mod invites;
mod inviting;
mod membership;
mod permissions;
mod permit;
mod refusal;
mod settings;
mod shared;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

pub use command::{SettingsChanges, ThreadCommand};
pub use direct::Direct;
pub use event::ThreadEvent;
pub use glance::Glance;
pub use permissions::{Action, allows};
pub use permit::{Admission, BetweenTwo, ModeratePermit, PostPermit, ReactPermit};
pub use refusal::ThreadRefusal;
use settings::Settings;
pub use settings::{Appearance, History, Role, SharedKind, ThreadKind, Visibility};
pub use shared::Shared;

use crate::aggregate::{Aggregate, Category, Inapplicable};
use crate::id::{InviteId, MessageId, ThreadId, UserId};
use chrono::{DateTime, Utc};

/// The most messages that can be deleted at once.
pub const BULK_LIMIT: usize = 100;
/// The most messages that can be pinned in a thread.
pub const PIN_LIMIT: usize = 50;
/// The most invitations of a thread that can be open at once.
pub const INVITE_LIMIT: usize = 200;
/// The most users that can be added at once.
pub const ADD_LIMIT: usize = 1_000;

/// A thread's state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Thread {
    /// Nobody has opened it.
    #[default]
    Unopened,
    /// Between two users, for ever.
    Direct(Direct),
    /// A group or channel.
    Shared(Box<Shared>),
    /// A group or channel that was.
    Deleted,
}

impl Thread {
    /// What the user is in it now; `None` when they are not.
    #[must_use]
    pub fn role(&self, user: UserId) -> Option<Role> {
        match self {
            Self::Unopened | Self::Deleted => None,
            Self::Direct(direct) => direct.role(user),
            Self::Shared(shared) => shared.role(user),
        }
    }

    /// Whether the user is in it now.
    #[must_use]
    pub fn has_member(&self, user: UserId) -> bool {
        self.role(user).is_some()
    }

    /// Refuses whoever is not in it, and whose role does not allow the action.
    ///
    /// # Errors
    /// [`ThreadRefusal::NotFound`], [`ThreadRefusal::NotAMember`], [`ThreadRefusal::NotAllowed`] or [`ThreadRefusal::Direct`].
    pub fn may(&self, user: UserId, action: Action) -> Result<(), ThreadRefusal> {
        match self {
            Self::Unopened | Self::Deleted => Err(ThreadRefusal::NotFound),
            Self::Direct(direct) => direct.may(user, action),
            Self::Shared(shared) => shared.may(user, action).map(|_| ()),
        }
    }

    /// What it takes for this user to post here.
    ///
    /// # Errors
    /// [`ThreadRefusal::NotFound`], [`ThreadRefusal::NotAMember`] or [`ThreadRefusal::NotAllowed`].
    pub fn admit(&self, author: UserId) -> Result<Admission, ThreadRefusal> {
        self.may(author, Action::Post)?;
        match self {
            Self::Unopened | Self::Deleted => Err(ThreadRefusal::NotFound),
            Self::Direct(direct) => Ok(Admission::BetweenTwo(BetweenTwo { pair: direct.pair(), author })),
            Self::Shared(shared) => Ok(Admission::Granted(PostPermit { thread: shared.thread(), author })),
        }
    }

    /// Proof that the user may react here.
    ///
    /// # Errors
    /// [`ThreadRefusal::NotFound`] or [`ThreadRefusal::NotAMember`].
    pub fn react(&self, thread: ThreadId, user: UserId) -> Result<ReactPermit, ThreadRefusal> {
        self.is(thread)?;
        self.may(user, Action::React)?;
        Ok(ReactPermit { thread, user })
    }

    /// Proof of whose messages the user may delete here.
    ///
    /// # Errors
    /// [`ThreadRefusal::NotFound`] or [`ThreadRefusal::NotAMember`].
    pub fn moderate(&self, thread: ThreadId, by: UserId) -> Result<ModeratePermit, ThreadRefusal> {
        self.is(thread)?;
        self.standing(by)?;
        Ok(ModeratePermit { thread, by, others: self.may(by, Action::DeleteOthers).is_ok() })
    }

    /// The thread as a member sees it.
    ///
    /// # Errors
    /// [`ThreadRefusal::NotFound`] or [`ThreadRefusal::NotAMember`].
    pub fn member(&self, user: UserId) -> Result<Glance, ThreadRefusal> {
        self.standing(user)?;
        self.shown(user).ok_or(ThreadRefusal::NotFound)
    }

    /// The thread as this user may see it at this time: a member, an invited person, whoever names a link that is open, or anybody if it is
    /// public. `None` when they may not even know of it.
    #[must_use]
    pub fn glance(&self, user: UserId, invite: Option<InviteId>, at: DateTime<Utc>) -> Option<Glance> {
        let may_look = match self {
            Self::Unopened | Self::Deleted => false,
            Self::Direct(_) => self.has_member(user),
            Self::Shared(shared) => self.has_member(user) || shared.shows_itself_to(user, invite, at),
        };
        if may_look { self.shown(user) } else { None }
    }

    /// The pinned messages, in the order of pinning.
    #[must_use]
    pub fn pins(&self) -> &[MessageId] {
        match self {
            Self::Unopened | Self::Deleted => &[],
            Self::Direct(direct) => direct.board.pins(),
            Self::Shared(shared) => shared.board.pins(),
        }
    }

    /// Whether the message was deleted together with others.
    #[must_use]
    pub fn has_deleted(&self, message: MessageId) -> bool {
        match self {
            Self::Unopened | Self::Deleted => false,
            Self::Direct(direct) => direct.board.has_deleted(message),
            Self::Shared(shared) => shared.board.has_deleted(message),
        }
    }

    fn shown(&self, user: UserId) -> Option<Glance> {
        match self {
            Self::Unopened | Self::Deleted => None,
            Self::Direct(direct) => direct.glance(user),
            Self::Shared(shared) => Some(shared.glance(user)),
        }
    }

    fn standing(&self, user: UserId) -> Result<Role, ThreadRefusal> {
        match self {
            Self::Unopened | Self::Deleted => Err(ThreadRefusal::NotFound),
            Self::Direct(direct) => direct.role(user).ok_or(ThreadRefusal::NotFound),
            Self::Shared(shared) => shared.standing(user),
        }
    }

    /// A permit names the thread it is for.
    fn is(&self, thread: ThreadId) -> Result<(), ThreadRefusal> {
        let own = match self {
            Self::Unopened | Self::Deleted => None,
            Self::Direct(direct) => Some(direct.thread()),
            Self::Shared(shared) => Some(shared.thread()),
        };
        if own == Some(thread) { Ok(()) } else { Err(ThreadRefusal::NotFound) }
    }

    /// Takes the event in; `false` and no change when it does not fit.
    fn take(&mut self, event: &ThreadEvent) -> bool {
        match (&mut *self, event) {
            (Self::Unopened, ThreadEvent::Opened { thread, pair, by }) => {
                let fits = pair.contains(*by) && *thread == ThreadId::direct(*pair);
                if fits {
                    *self = Self::Direct(Direct::new(*pair));
                }
                fits
            }
            (Self::Unopened, ThreadEvent::Created { thread, kind, by, members, visibility, history, content }) => {
                let settings = Settings { visibility: *visibility, history: *history, passcode: None, appearance: content.clone() };
                let shared = Shared::new(*thread, *kind, *by, members, settings);
                shared.map(|shared| *self = Self::Shared(Box::new(shared))).is_some()
            }
            (Self::Unopened | Self::Deleted, _) => false,
            (Self::Direct(direct), event) => event.thread() == direct.thread() && direct.apply(event),
            (Self::Shared(shared), ThreadEvent::Deleted { thread, .. }) if *thread == shared.thread() => {
                *self = Self::Deleted;
                true
            }
            (Self::Shared(shared), event) => event.thread() == shared.thread() && shared.apply(event),
        }
    }
}

impl Aggregate for Thread {
    const CATEGORY: Category = Category::Thread;
    type Id = ThreadId;
    type Command = ThreadCommand;
    type Event = ThreadEvent;
    type Refusal = ThreadRefusal;

    fn decide(&self, command: ThreadCommand) -> Result<Vec<ThreadEvent>, ThreadRefusal> {
        match self {
            Self::Unopened => open(command),
            Self::Direct(direct) => direct.decide(command),
            Self::Shared(shared) => shared.decide(command),
            Self::Deleted => Err(ThreadRefusal::NotFound),
        }
    }

    fn apply(&mut self, event: &ThreadEvent) -> Result<(), Inapplicable> {
        if self.take(event) {
            return Ok(());
        }
        // Not the state itself: it may have ten thousand members.
        let state = match self {
            Self::Unopened => "an unopened thread",
            Self::Direct(_) => "a direct thread",
            Self::Shared(_) => "a group or channel",
            Self::Deleted => "a deleted thread",
        };
        Err(Inapplicable::new(event.event_type(), &format_args!("{state}")))
    }
}

fn open(command: ThreadCommand) -> Result<Vec<ThreadEvent>, ThreadRefusal> {
    match command {
        ThreadCommand::OpenDirect { permit, by } if permit.pair().contains(by) => {
            let pair = permit.pair();
            Ok(vec![ThreadEvent::Opened { thread: ThreadId::direct(pair), pair, by }])
        }
        ThreadCommand::Create { thread, by, kind, mut members, visibility, history, appearance } => {
            if members.len() > ADD_LIMIT {
                return Err(ThreadRefusal::BadCount);
            }
            let mut seen = HashSet::from([by]);
            members.retain(|user| seen.insert(*user));
            if seen.len() > kind.member_limit() {
                return Err(ThreadRefusal::Full);
            }
            let settings = Settings { visibility, history, passcode: None, appearance: appearance.into() };
            settings.suit(kind)?;
            Ok(vec![ThreadEvent::Created { thread, kind, by, members, visibility, history, content: settings.appearance }])
        }
        ThreadCommand::OpenDirect { .. }
        | ThreadCommand::Update { .. }
        | ThreadCommand::Delete { .. }
        | ThreadCommand::AddMembers { .. }
        | ThreadCommand::Join { .. }
        | ThreadCommand::Leave { .. }
        | ThreadCommand::Remove { .. }
        | ThreadCommand::ChangeRole { .. }
        | ThreadCommand::TransferOwnership { .. }
        | ThreadCommand::Ban { .. }
        | ThreadCommand::Unban { .. }
        | ThreadCommand::Invite { .. }
        | ThreadCommand::CreateLink { .. }
        | ThreadCommand::EndInvite { .. }
        | ThreadCommand::Pin { .. }
        | ThreadCommand::Unpin { .. }
        | ThreadCommand::UnpinDeleted { .. }
        | ThreadCommand::DeleteMessages { .. } => Err(ThreadRefusal::NotFound),
    }
}
