//! What a thread knows of its messages: which are pinned, and which were deleted together.

use std::collections::HashSet;

use super::event::ThreadEvent;
use super::refusal::ThreadRefusal;
use super::{BULK_LIMIT, PIN_LIMIT};
use crate::id::{MessageId, ThreadId, UserId};

/// The messages that a thread has to know of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Board {
    /// In the order of pinning, each once, none of them deleted here.
    pins: Vec<MessageId>,
    /// Deleted together with others: their own streams do not tell.
    deleted: HashSet<MessageId>,
}

impl Board {
    pub(super) fn pins(&self) -> &[MessageId] {
        &self.pins
    }

    pub(super) fn has_deleted(&self, message: MessageId) -> bool {
        self.deleted.contains(&message)
    }

    fn has_pinned(&self, message: MessageId) -> bool {
        self.pins.contains(&message)
    }

    pub(super) fn pin(&self, thread: ThreadId, by: UserId, message: MessageId) -> Result<Option<ThreadEvent>, ThreadRefusal> {
        if self.has_deleted(message) {
            Err(ThreadRefusal::NotFound)
        } else if self.has_pinned(message) {
            Ok(None)
        } else if self.pins.len() >= PIN_LIMIT {
            Err(ThreadRefusal::TooManyPins)
        } else {
            Ok(Some(ThreadEvent::MessagePinned { thread, by, message }))
        }
    }

    pub(super) fn unpin(&self, thread: ThreadId, by: UserId, message: MessageId) -> Option<ThreadEvent> {
        self.has_pinned(message).then_some(ThreadEvent::MessageUnpinned { thread, by, message })
    }

    /// Deletes all of these, each named with its author, or none. Those of others take the right to.
    pub(super) fn delete(
        &self,
        thread: ThreadId,
        by: UserId,
        others: bool,
        messages: &[(MessageId, UserId)],
    ) -> Result<Option<ThreadEvent>, ThreadRefusal> {
        if messages.is_empty() || messages.len() > BULK_LIMIT {
            return Err(ThreadRefusal::BadCount);
        }
        if !others && messages.iter().any(|(_, author)| *author != by) {
            return Err(ThreadRefusal::NotAllowed);
        }
        let mut seen = HashSet::new();
        let standing = messages.iter().map(|(message, _)| *message).filter(|message| !self.has_deleted(*message) && seen.insert(*message));
        let messages = standing.collect::<Vec<_>>();
        Ok((!messages.is_empty()).then_some(ThreadEvent::MessagesDeleted { thread, by, messages }))
    }

    /// Pins it, unless that cannot be.
    #[must_use]
    pub(super) fn pinned(&mut self, message: MessageId) -> bool {
        let fits = !self.has_pinned(message) && !self.has_deleted(message);
        if fits {
            self.pins.push(message);
        }
        fits
    }

    /// Takes it down, if it is pinned.
    #[must_use]
    pub(super) fn unpinned(&mut self, message: MessageId) -> bool {
        let pinned = self.pins.len();
        self.pins.retain(|pin| *pin != message);
        self.pins.len() < pinned
    }

    /// Deletes them and takes them down, unless one of them was deleted before.
    #[must_use]
    pub(super) fn deleted(&mut self, messages: &[MessageId]) -> bool {
        if messages.iter().any(|message| self.has_deleted(*message)) {
            return false;
        }
        self.deleted.extend(messages);
        self.pins.retain(|pin| !self.deleted.contains(pin));
        true
    }
}
