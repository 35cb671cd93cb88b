//! A person's account, as far as others may know of it. Secrets never enter its events.

mod command;
mod event;
mod privacy;
mod refusal;
#[cfg(test)]
mod tests;

pub use command::UserCommand;
pub use event::{Profile, UserEvent};
pub use privacy::{Circle, Privacy};
pub use refusal::UserRefusal;

use std::collections::BTreeSet;

use crate::aggregate::{Aggregate, Category, Inapplicable};
use crate::id::{SessionId, UserId};

/// A user's state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum User {
    /// Nobody yet.
    #[default]
    Unregistered,
    /// Somebody.
    Registered {
        /// What they let others know.
        privacy: Privacy,
        /// The logins that were ended. A token says nothing of it, so whoever takes one asks here.
        revoked: BTreeSet<SessionId>,
    },
}

impl User {
    /// Refuses what can only be done with somebody who exists.
    ///
    /// # Errors
    /// [`UserRefusal::UnknownUser`] when nobody is registered here.
    pub const fn registered(&self) -> Result<(), UserRefusal> {
        match self {
            Self::Unregistered => Err(UserRefusal::UnknownUser),
            Self::Registered { .. } => Ok(()),
        }
    }

    /// What they let others know; what is usual when they never said, or are nobody.
    #[must_use]
    pub fn privacy(&self) -> Privacy {
        match self {
            Self::Unregistered => Privacy::default(),
            Self::Registered { privacy, .. } => *privacy,
        }
    }

    /// Whether this login was ended.
    #[must_use]
    pub fn has_revoked(&self, session: SessionId) -> bool {
        match self {
            Self::Unregistered => false,
            Self::Registered { revoked, .. } => revoked.contains(&session),
        }
    }
}

impl Aggregate for User {
    const CATEGORY: Category = Category::User;
    type Id = UserId;
    type Command = UserCommand;
    type Event = UserEvent;
    type Refusal = UserRefusal;

    fn decide(&self, command: UserCommand) -> Result<Vec<UserEvent>, UserRefusal> {
        match (self, command) {
            (Self::Unregistered, UserCommand::Register { user, profile }) => {
                Ok(vec![UserEvent::Registered { user, content: profile.into() }])
            }
            (Self::Registered { .. }, UserCommand::Register { .. }) => Err(UserRefusal::AlreadyRegistered),
            (Self::Unregistered, UserCommand::SetPrivacy { .. } | UserCommand::RevokeSession { .. }) => Err(UserRefusal::UnknownUser),
            // It is so already.
            (Self::Registered { privacy, .. }, UserCommand::SetPrivacy { privacy: wanted, .. }) if *privacy == wanted => Ok(vec![]),
            (Self::Registered { revoked, .. }, UserCommand::RevokeSession { session, .. }) if revoked.contains(&session) => Ok(vec![]),
            (Self::Registered { .. }, UserCommand::SetPrivacy { user, privacy }) => {
                let Privacy { presence, last_seen, read_receipts } = privacy;
                Ok(vec![UserEvent::PrivacySet { user, presence, last_seen, read_receipts }])
            }
            (Self::Registered { .. }, UserCommand::RevokeSession { user, session }) => {
                Ok(vec![UserEvent::SessionRevoked { user, session }])
            }
        }
    }

    fn apply(&mut self, event: &UserEvent) -> Result<(), Inapplicable> {
        match (&mut *self, event) {
            (Self::Unregistered, UserEvent::Registered { .. }) => {
                *self = Self::Registered { privacy: Privacy::default(), revoked: BTreeSet::new() };
                Ok(())
            }
            (Self::Registered { privacy, .. }, UserEvent::PrivacySet { presence, last_seen, read_receipts, .. }) => {
                *privacy = Privacy { presence: *presence, last_seen: *last_seen, read_receipts: *read_receipts };
                Ok(())
            }
            (Self::Registered { revoked, .. }, UserEvent::SessionRevoked { session, .. }) if !revoked.contains(session) => {
                revoked.insert(*session);
                Ok(())
            }
            (Self::Registered { .. }, UserEvent::Registered { .. } | UserEvent::SessionRevoked { .. })
            | (Self::Unregistered, UserEvent::PrivacySet { .. } | UserEvent::SessionRevoked { .. }) => {
                Err(Inapplicable::new(event.event_type(), self))
            }
        }
    }
}
