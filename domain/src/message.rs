//! One message and what happened to it.

mod command;
mod content;
mod event;
mod refusal;
mod state;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

pub use command::MessageCommand;
pub use content::{Attachment, Attachments, MessageContent, NotAttachments};
pub use event::{Forwarded, MessageEvent};
pub use refusal::MessageRefusal;
pub use state::Posted;
use state::mentioned;

use crate::aggregate::{Aggregate, Category, Inapplicable};
use crate::id::{MessageId, ThreadId, UserId};
use crate::thread::ModeratePermit;

/// The most people one message can mention.
pub const MENTION_LIMIT: usize = 50;
/// The most different emoji one message can have.
pub const EMOJI_LIMIT: usize = 50;

/// A message's state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Message {
    /// Not posted.
    #[default]
    Unposted,
    /// It stands in its thread.
    Posted(Posted),
    /// It was deleted.
    Deleted {
        /// From which thread.
        thread: ThreadId,
        /// Whose it was.
        author: UserId,
    },
}

impl Message {
    /// The thread it is or was in; `None` when it was not posted.
    #[must_use]
    pub const fn thread(&self) -> Option<ThreadId> {
        match self {
            Self::Unposted => None,
            Self::Posted(posted) => Some(posted.thread),
            Self::Deleted { thread, .. } => Some(*thread),
        }
    }

    /// Whose it is or was; `None` when it was not posted.
    #[must_use]
    pub const fn author(&self) -> Option<UserId> {
        match self {
            Self::Unposted => None,
            Self::Posted(posted) => Some(posted.author),
            Self::Deleted { author, .. } => Some(*author),
        }
    }

    /// The message as it stands.
    ///
    /// # Errors
    /// [`MessageRefusal::NotFound`] when it does not.
    pub const fn posted(&self) -> Result<&Posted, MessageRefusal> {
        match self {
            Self::Posted(posted) => Ok(posted),
            Self::Unposted | Self::Deleted { .. } => Err(MessageRefusal::NotFound),
        }
    }
}

impl Aggregate for Message {
    const CATEGORY: Category = Category::Message;
    type Id = MessageId;
    type Command = MessageCommand;
    type Event = MessageEvent;
    type Refusal = MessageRefusal;

    fn decide(&self, command: MessageCommand) -> Result<Vec<MessageEvent>, MessageRefusal> {
        let event = match command {
            MessageCommand::Post { message, permit, reply_to, mentions, forwarded, content } => match self {
                Self::Unposted => {
                    let (thread, author, mentions) = (permit.thread(), permit.author(), mentioned(mentions)?);
                    Some(MessageEvent::Posted { message, thread, author, reply_to, mentions, forwarded, content: content.into() })
                }
                Self::Posted(_) | Self::Deleted { .. } => return Err(MessageRefusal::AlreadyPosted),
            },
            MessageCommand::Edit { permit, revision, mentions, content } => self.posted()?.edit(permit, revision, mentions, content)?,
            MessageCommand::Delete { permit } => match self {
                Self::Unposted => return Err(MessageRefusal::NotFound),
                Self::Posted(posted) => {
                    may_delete(permit, posted.thread, posted.author)?;
                    Some(MessageEvent::Deleted { message: posted.message, thread: posted.thread, by: permit.by() })
                }
                Self::Deleted { thread, author } => {
                    may_delete(permit, *thread, *author)?;
                    None
                }
            },
            MessageCommand::React { permit, emoji } => self.posted()?.react(permit, emoji)?,
            MessageCommand::Unreact { permit, emoji } => self.posted()?.unreact(permit, emoji)?,
        };
        Ok(event.into_iter().collect())
    }

    fn apply(&mut self, event: &MessageEvent) -> Result<(), Inapplicable> {
        // Limits are for decisions: a log written under other limits can still be read.
        match (&mut *self, event) {
            (Self::Unposted, MessageEvent::Posted { message, thread, author, mentions, forwarded, content, .. }) => {
                *self = Self::Posted(Posted {
                    message: *message,
                    thread: *thread,
                    author: *author,
                    revision: 1,
                    mentions: mentions.clone(),
                    content: content.clone(),
                    forwarded: *forwarded,
                    reactions: HashMap::new(),
                });
            }
            (Self::Posted(posted), MessageEvent::Edited { message, thread, author, revision, mentions, content })
                if posted.is(*message, *thread) && posted.author == *author && posted.revision.checked_add(1) == Some(*revision) =>
            {
                posted.revision = *revision;
                posted.mentions.clone_from(mentions);
                posted.content = content.clone();
                posted.forwarded = None;
            }
            (Self::Posted(posted), MessageEvent::Deleted { message, thread, .. }) if posted.is(*message, *thread) => {
                *self = Self::Deleted { thread: posted.thread, author: posted.author };
            }
            (Self::Posted(posted), MessageEvent::Reacted { message, thread, user, emoji })
                if posted.is(*message, *thread) && !posted.has_reaction(*user, emoji) =>
            {
                posted.reacted(*user, emoji);
            }
            (Self::Posted(posted), MessageEvent::Unreacted { message, thread, user, emoji })
                if posted.is(*message, *thread) && posted.has_reaction(*user, emoji) =>
            {
                posted.unreacted(*user, emoji);
            }
            (
                Self::Unposted | Self::Posted(_) | Self::Deleted { .. },
                MessageEvent::Posted { .. }
                | MessageEvent::Edited { .. }
                | MessageEvent::Deleted { .. }
                | MessageEvent::Reacted { .. }
                | MessageEvent::Unreacted { .. },
            ) => return Err(Inapplicable::new(event.event_type(), self)),
        }
        Ok(())
    }
}

fn may_delete(permit: ModeratePermit, thread: ThreadId, author: UserId) -> Result<(), MessageRefusal> {
    if permit.thread() != thread {
        Err(MessageRefusal::NotFound)
    } else if permit.by() == author || permit.others() {
        Ok(())
    } else {
        Err(MessageRefusal::NotAllowed)
    }
}
