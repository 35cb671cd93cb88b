use serde::{Deserialize, Serialize};

use crate::audience::Audience;
use crate::event::Personal;
use crate::id::{MessageId, ThreadId, UserId};
use crate::text::MessageBody;

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum MessageContent {
    /// Plain text.
    Text {
        /// The text.
        text: MessageBody,
    },
}

impl From<MessageContent> for Personal<MessageContent> {
    fn from(content: MessageContent) -> Self {
        Self::Known(content)
    }
}

/// What can have happened to a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
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
        /// What it says.
        #[serde(default)]
        content: Personal<MessageContent>,
    },
}

impl MessageEvent {
    pub(crate) const fn event_type(&self) -> &'static str {
        match self {
            Self::Posted { .. } => "message.posted",
        }
    }

    pub(crate) const fn schema(&self) -> u16 {
        match self {
            Self::Posted { .. } => 1,
        }
    }

    pub(crate) fn audience(&self) -> Audience {
        match self {
            Self::Posted { thread, .. } => Audience::members(*thread),
        }
    }
}
