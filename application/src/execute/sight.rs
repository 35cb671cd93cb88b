//! What an actor sees: a message of a thread they are in, and within the time that they are or were. Everything else is not there for them.

use std::sync::Arc;

use posthaste_domain::message::{MessageRefusal, Posted};
use posthaste_domain::refusal::Undeletable;
use posthaste_domain::thread::{BULK_LIMIT, History, ThreadRefusal};
use posthaste_domain::{Message, MessageId, Refusal, Thread, ThreadId, UserId};

use super::{Decision, ExecuteError, Loaded};
use crate::recorded::Position;

/// A message that the actor sees, deleted or not, and its thread. A decision that saw it rests on both.
pub(super) struct Seen {
    pub(super) thread_id: ThreadId,
    pub(super) thread: Arc<Loaded<Thread>>,
    message_id: MessageId,
    message: Arc<Loaded<Message>>,
}

impl Seen {
    /// The same, if it is in this thread.
    pub(super) fn within(self, thread: ThreadId) -> Result<Self, MessageRefusal> {
        if self.thread_id == thread { Ok(self) } else { Err(MessageRefusal::NotFound) }
    }

    /// The message, unless it was deleted.
    pub(super) fn standing(&self) -> Result<&Posted, MessageRefusal> {
        if self.thread.has_deleted(self.message_id) { Err(MessageRefusal::NotFound) } else { self.message.posted() }
    }
}

/// A message that a user sees, deleted or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// In which thread.
    pub thread: ThreadId,
    /// Where it stands.
    pub position: Position,
    /// The last event that made it what it is: a view that has come this far shows no older one.
    pub changed: Position,
}

impl From<Seen> for Found {
    fn from(Seen { thread_id, thread, message_id, message }: Seen) -> Self {
        // A bulk delete is an event of the thread.
        let changed = if thread.has_deleted(message_id) { message.position.max(thread.position) } else { message.position };
        Self { thread: thread_id, position: message.first, changed }
    }
}

/// The message as the actor sees it.
pub(super) async fn see(on: &mut Decision<'_>, actor: UserId, message_id: MessageId) -> Result<Seen, ExecuteError> {
    let message = on.load::<Message>(message_id).await?;
    let thread_id = message.thread().ok_or(MessageRefusal::NotFound)?;
    let thread = on.load::<Thread>(thread_id).await?;
    // Not a member: there is nothing here, whatever they may know of the thread.
    let glance = thread.member(actor).map_err(|_| MessageRefusal::NotFound)?;
    if glance.history == History::Joined {
        // Where a message stands never changes, and a window that has begun is never taken away: nothing needs to be checked again.
        let windows = on.windows(actor, thread_id).await?;
        let at = message.first;
        if !windows.iter().any(|window| window.from <= at && window.until.is_none_or(|until| at <= until)) {
            return Err(MessageRefusal::NotFound.into());
        }
    }
    Ok(Seen { thread_id, thread, message_id, message })
}

/// These messages of one thread with their authors, each once; or, if the actor does not see one of them or it was deleted, which.
pub(super) async fn see_all(
    on: &mut Decision<'_>,
    actor: UserId,
    thread: ThreadId,
    messages: &[MessageId],
) -> Result<Vec<(MessageId, UserId)>, ExecuteError> {
    // The thread says so as well, and only once every message was looked up.
    if messages.len() > BULK_LIMIT {
        return Err(ThreadRefusal::BadCount.into());
    }
    let (mut seen, mut not_there) = (Vec::with_capacity(messages.len()), Vec::new());
    for message in messages {
        let found = see(on, actor, *message).await.and_then(|seen| Ok(seen.within(thread)?.standing()?.author));
        match found {
            Ok(author) if !seen.contains(&(*message, author)) => seen.push((*message, author)),
            Ok(_) => {}
            Err(ExecuteError::Refused(_)) => not_there.push(*message),
            Err(error) => return Err(error),
        }
    }
    if not_there.is_empty() { Ok(seen) } else { Err(Refusal::from(Undeletable { messages: not_there }).into()) }
}
