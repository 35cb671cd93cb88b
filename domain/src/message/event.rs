use serde::{Deserialize, Serialize};

use super::content::MessageContent;
use crate::audience::Audience;
use crate::event::Personal;
use crate::id::{MessageId, OwnerId, ThreadId, UserId};
use crate::text::Emoji;

/// Where a forwarded message comes from: from whoever wrote the words first, however often they were forwarded since. Not from which thread: that is nobody's business in the other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Forwarded {
    /// The message it repeats.
    pub message: MessageId,
    /// Who wrote that.
    pub author: UserId,
}

/// What can have happened to a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(tag = "type"))]
pub enum MessageEvent {
    /// It was posted.
    #[serde(rename = "message.posted")]
    Posted {
        /// Which message.
        message: MessageId,
        /// Into which thread.
        thread: ThreadId,
        /// By whom.
        author: UserId,
        /// The message of the same thread that it answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply_to: Option<MessageId>,
        /// Who is mentioned, each once.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        mentions: Vec<UserId>,
        /// Where it comes from, if it was forwarded.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        forwarded: Option<Forwarded>,
        /// What it says.
        #[serde(default)]
        content: Personal<MessageContent>,
    },
    /// Its author changed what it says.
    #[serde(rename = "message.edited")]
    Edited {
        /// Which message.
        message: MessageId,
        /// In which thread.
        thread: ThreadId,
        /// By whom.
        author: UserId,
        /// How many times it was written, posting included.
        revision: u32,
        /// Who is mentioned now, each once.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        mentions: Vec<UserId>,
        /// What it says now.
        #[serde(default)]
        content: Personal<MessageContent>,
    },
    /// It was deleted: what it said is gone from everything but the log.
    #[serde(rename = "message.deleted")]
    Deleted {
        /// Which message.
        message: MessageId,
        /// In which thread.
        thread: ThreadId,
        /// By whom: its author, or a moderator of the thread.
        by: UserId,
    },
    /// Somebody reacted to it.
    #[serde(rename = "message.reacted")]
    Reacted {
        /// Which message.
        message: MessageId,
        /// In which thread.
        thread: ThreadId,
        /// Who reacted.
        user: UserId,
        /// With what.
        emoji: Emoji,
    },
    /// Somebody took a reaction back.
    #[serde(rename = "message.unreacted")]
    Unreacted {
        /// Which message.
        message: MessageId,
        /// In which thread.
        thread: ThreadId,
        /// Whose reaction it was.
        user: UserId,
        /// Which one.
        emoji: Emoji,
    },
}

impl MessageEvent {
    pub(crate) const fn event_type(&self) -> &'static str {
        match self {
            Self::Posted { .. } => "message.posted",
            Self::Edited { .. } => "message.edited",
            Self::Deleted { .. } => "message.deleted",
            Self::Reacted { .. } => "message.reacted",
            Self::Unreacted { .. } => "message.unreacted",
        }
    }

    /// Every version is the first so far.
    pub(crate) const fn schema(&self) -> u16 {
        1
    }

    pub(crate) fn audience(&self) -> Audience {
        match self {
            Self::Posted { thread, .. }
            | Self::Edited { thread, .. }
            | Self::Deleted { thread, .. }
            | Self::Reacted { thread, .. }
            | Self::Unreacted { thread, .. } => Audience::members(*thread),
        }
    }

    /// What is forwarded stays its author's; what is edited is the words of who edits.
    pub(crate) fn owner(&self) -> Option<OwnerId> {
        match self {
            Self::Posted { author, forwarded, .. } => Some(forwarded.map_or(*author, |forwarded| forwarded.author).into()),
            Self::Edited { author, .. } => Some((*author).into()),
            Self::Deleted { .. } | Self::Reacted { .. } | Self::Unreacted { .. } => None,
        }
    }
}
