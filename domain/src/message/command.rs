use super::content::MessageContent;
use super::event::Forwarded;
use crate::id::{MessageId, UserId};
use crate::text::Emoji;
use crate::thread::{ModeratePermit, PostPermit, ReactPermit};

/// What can be asked of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageCommand {
    /// Post it.
    Post {
        /// The id its author chose.
        message: MessageId,
        /// Proof that the author may post into the thread.
        permit: PostPermit,
        /// The visible message of the same thread that it answers.
        reply_to: Option<MessageId>,
        /// Who is mentioned; who is named twice is one.
        mentions: Vec<UserId>,
        /// Where it comes from, if it is forwarded.
        forwarded: Option<Forwarded>,
        /// What it says.
        content: MessageContent,
    },
    /// Change what it says.
    Edit {
        /// Proof that the actor is still a member who may write.
        permit: PostPermit,
        /// The revision it must have; any when absent.
        revision: Option<u32>,
        /// Who is mentioned now.
        mentions: Vec<UserId>,
        /// What it says now.
        content: MessageContent,
    },
    /// Delete it.
    Delete {
        /// Proof of who the actor is in the thread.
        permit: ModeratePermit,
    },
    /// React to it.
    React {
        /// Proof that the actor is a member.
        permit: ReactPermit,
        /// With what.
        emoji: Emoji,
    },
    /// Take a reaction back.
    Unreact {
        /// Proof that the actor is a member.
        permit: ReactPermit,
        /// Which.
        emoji: Emoji,
    },
}
