//! A name that only one user can hold. Two users who want the same name meet in one stream, derived from the name.

mod command;
mod event;
mod refusal;
#[cfg(test)]
mod tests;

pub use command::ClaimCommand;
pub use event::ClaimEvent;
pub use refusal::ClaimRefusal;

use crate::aggregate::{Aggregate, Category, Inapplicable};
use crate::id::{ClaimId, UserId};

/// Who holds a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Claim {
    /// Nobody.
    #[default]
    Free,
    /// This user.
    Held {
        /// The holder.
        by: UserId,
    },
}

impl Claim {
    /// The holder, if anybody holds the name.
    #[must_use]
    pub const fn holder(&self) -> Option<UserId> {
        match self {
            Self::Free => None,
            Self::Held { by } => Some(*by),
        }
    }
}

impl Aggregate for Claim {
    const CATEGORY: Category = Category::Claim;
    type Id = ClaimId;
    type Command = ClaimCommand;
    type Event = ClaimEvent;
    type Refusal = ClaimRefusal;

    fn decide(&self, command: ClaimCommand) -> Result<Vec<ClaimEvent>, ClaimRefusal> {
        match (self, command) {
            (Self::Free, ClaimCommand::Take { claim, by }) => Ok(vec![ClaimEvent::Taken { claim, by }]),
            (Self::Held { by: holder }, ClaimCommand::Take { by, .. }) if *holder == by => Ok(vec![]),
            (Self::Held { .. }, ClaimCommand::Take { .. }) => Err(ClaimRefusal::Taken),
        }
    }

    fn apply(&mut self, event: &ClaimEvent) -> Result<(), Inapplicable> {
        match (&self, event) {
            (Self::Free, ClaimEvent::Taken { by, .. }) => {
                *self = Self::Held { by: *by };
                Ok(())
            }
            (Self::Held { .. }, ClaimEvent::Taken { .. }) => Err(Inapplicable::new(event.event_type(), self)),
        }
    }
}
