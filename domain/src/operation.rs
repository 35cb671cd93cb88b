//! Something an admin did that is not about a user, so that the log has it with who did it. Each is a stream of its own, of one event.

mod command;
mod event;
mod refusal;
#[cfg(test)]
mod tests;

pub use command::{Act, DeadLetterOperation, OperationCommand};
pub use event::{DeadLetter, OperationEvent};
pub use refusal::OperationRefusal;

use crate::aggregate::{Aggregate, Category, Inapplicable};
use crate::id::OperationId;

/// An operation's state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Operation {
    /// Nothing yet.
    #[default]
    Unperformed,
    /// It was asked for, by somebody who may.
    Performed,
}

impl Aggregate for Operation {
    const CATEGORY: Category = Category::Operation;
    type Id = OperationId;
    type Command = OperationCommand;
    type Event = OperationEvent;
    type Refusal = OperationRefusal;

    fn decide(&self, command: OperationCommand) -> Result<Vec<OperationEvent>, OperationRefusal> {
        let OperationCommand { permit: _, operation, act } = command;
        match self {
            Self::Unperformed => Ok(vec![match act {
                Act::DeadLetter { letter, what: DeadLetterOperation::Retry } => OperationEvent::DeadLetterRetried { operation, letter },
                Act::DeadLetter { letter, what: DeadLetterOperation::Drop } => OperationEvent::DeadLetterDropped { operation, letter },
                Act::EnableWebhook { consumer } => OperationEvent::WebhookEnabled { operation, consumer },
            }]),
            Self::Performed => Err(OperationRefusal::AlreadyPerformed),
        }
    }

    fn apply(&mut self, event: &OperationEvent) -> Result<(), Inapplicable> {
        match self {
            Self::Unperformed => {
                *self = Self::Performed;
                Ok(())
            }
            Self::Performed => Err(Inapplicable::new(event.event_type(), self)),
        }
    }
}
