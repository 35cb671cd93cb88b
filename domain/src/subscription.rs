//! What a user keeps about a thread for themselves: how far they have read it, and whether they want to hear of it and see it.
//!
//! It is a stream of its own, so that reading never competes with posting.

mod command;
mod event;
mod refusal;
#[cfg(test)]
mod tests;

pub use command::{SubscriptionChange, SubscriptionCommand};
pub use event::SubscriptionEvent;
pub use refusal::SubscriptionRefusal;

use crate::aggregate::{Aggregate, Category, Inapplicable};
use crate::id::SubscriptionId;

/// A subscription's state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Subscription {
    /// Everything up to this position is read.
    pub read: u64,
    /// No noise from it.
    pub muted: bool,
    /// Out of sight.
    pub archived: bool,
}

impl Aggregate for Subscription {
    const CATEGORY: Category = Category::Subscription;
    type Id = SubscriptionId;
    type Command = SubscriptionCommand;
    type Event = SubscriptionEvent;
    type Refusal = SubscriptionRefusal;

    fn decide(&self, command: SubscriptionCommand) -> Result<Vec<SubscriptionEvent>, SubscriptionRefusal> {
        let SubscriptionCommand { thread, user, change } = command;
        let event = match change {
            SubscriptionChange::Read { upto, device } if upto > self.read => SubscriptionEvent::Read { thread, user, upto, device },
            SubscriptionChange::Mute(true) if !self.muted => SubscriptionEvent::Muted { thread, user },
            SubscriptionChange::Mute(false) if self.muted => SubscriptionEvent::Unmuted { thread, user },
            SubscriptionChange::Archive(true) if !self.archived => SubscriptionEvent::Archived { thread, user },
            SubscriptionChange::Archive(false) if self.archived => SubscriptionEvent::Unarchived { thread, user },
            // It is so already.
            SubscriptionChange::Read { .. } | SubscriptionChange::Mute(_) | SubscriptionChange::Archive(_) => return Ok(vec![]),
        };
        Ok(vec![event])
    }

    fn apply(&mut self, event: &SubscriptionEvent) -> Result<(), Inapplicable> {
        match event {
            SubscriptionEvent::Read { upto, .. } if *upto > self.read => self.read = *upto,
            SubscriptionEvent::Muted { .. } if !self.muted => self.muted = true,
            SubscriptionEvent::Unmuted { .. } if self.muted => self.muted = false,
            SubscriptionEvent::Archived { .. } if !self.archived => self.archived = true,
            SubscriptionEvent::Unarchived { .. } if self.archived => self.archived = false,
            SubscriptionEvent::Read { .. }
            | SubscriptionEvent::Muted { .. }
            | SubscriptionEvent::Unmuted { .. }
            | SubscriptionEvent::Archived { .. }
            | SubscriptionEvent::Unarchived { .. } => return Err(Inapplicable::new(event.event_type(), self)),
        }
        Ok(())
    }
}
