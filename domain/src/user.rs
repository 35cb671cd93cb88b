//! A person's account, as far as others may know of it. Secrets never enter its events.

mod command;
mod event;
mod refusal;
#[cfg(test)]
mod tests;

pub use command::UserCommand;
pub use event::{Profile, UserEvent};
pub use refusal::UserRefusal;

use crate::aggregate::{Aggregate, Category, Inapplicable};
use crate::id::UserId;

/// A user's state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum User {
    /// Nobody yet.
    #[default]
    Unregistered,
    /// Somebody.
    Registered,
}

impl User {
    /// Refuses what can only be done with somebody who exists.
    ///
    /// # Errors
    /// [`UserRefusal::UnknownUser`] when nobody is registered here.
    pub const fn registered(&self) -> Result<(), UserRefusal> {
        match self {
            Self::Unregistered => Err(UserRefusal::UnknownUser),
            Self::Registered => Ok(()),
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
            (Self::Registered, UserCommand::Register { .. }) => Err(UserRefusal::AlreadyRegistered),
        }
    }

    fn apply(&mut self, event: &UserEvent) -> Result<(), Inapplicable> {
        match (&self, event) {
            (Self::Unregistered, UserEvent::Registered { .. }) => {
                *self = Self::Registered;
                Ok(())
            }
            (Self::Registered, UserEvent::Registered { .. }) => Err(Inapplicable::new(event.event_type(), self)),
        }
    }
}
