//! One message and what happened to it.

mod command;
mod event;
mod refusal;
#[cfg(test)]
mod tests;

pub use command::MessageCommand;
pub use event::{MessageContent, MessageEvent};
pub use refusal::MessageRefusal;

use crate::aggregate::{Aggregate, Category, Inapplicable};
use crate::id::{MessageId, ThreadId, UserId};

/// A message's state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Message {
    /// Not posted.
    #[default]
    Unposted,
    /// It stands in its thread.
    Posted {
        /// In which thread.
        thread: ThreadId,
        /// By whom.
        author: UserId,
    },
}

impl Aggregate for Message {
    const CATEGORY: Category = Category::Message;
    type Id = MessageId;
    type Command = MessageCommand;
    type Event = MessageEvent;
    type Refusal = MessageRefusal;

    fn decide(&self, command: MessageCommand) -> Result<Vec<MessageEvent>, MessageRefusal> {
        match (self, command) {
            (Self::Unposted, MessageCommand::Post { message, permit, content }) => {
                Ok(vec![MessageEvent::Posted { message, thread: permit.thread(), author: permit.author(), content: content.into() }])
            }
            (Self::Posted { .. }, MessageCommand::Post { .. }) => Err(MessageRefusal::AlreadyPosted),
        }
    }

    fn apply(&mut self, event: &MessageEvent) -> Result<(), Inapplicable> {
        match (&*self, event) {
            (Self::Unposted, MessageEvent::Posted { thread, author, .. }) => {
                *self = Self::Posted { thread: *thread, author: *author };
                Ok(())
            }
            (Self::Posted { .. }, MessageEvent::Posted { .. }) => Err(Inapplicable::new(event.event_type(), self)),
        }
    }
}
