//! What a message says.

use serde::{Deserialize, Serialize};

use crate::event::Personal;
use crate::id::FileId;
use crate::text::{FileName, MediaType, MessageBody};

/// What a message says. There is no kind for the server's own words: a client cannot send what it cannot write. The timeline tells what
/// happened to a thread from the thread's own events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum MessageContent {
    /// Plain text.
    Text {
        /// The text.
        text: MessageBody,
    },
    /// Uploaded files.
    Attachments {
        /// 1 to 10 files.
        attachments: Attachments,
        /// A few words about them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<MessageBody>,
    },
}

impl MessageContent {
    /// Its words, which can be searched.
    #[must_use]
    pub const fn text(&self) -> Option<&MessageBody> {
        match self {
            Self::Text { text } => Some(text),
            Self::Attachments { text, .. } => text.as_ref(),
        }
    }

    /// Its files.
    #[must_use]
    pub fn attachments(&self) -> &[Attachment] {
        match self {
            Self::Text { .. } => &[],
            Self::Attachments { attachments, .. } => &attachments.0,
        }
    }
}

impl From<MessageContent> for Personal<MessageContent> {
    fn from(content: MessageContent) -> Self {
        Self::Known(content)
    }
}

/// A reference to an uploaded file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Attachment {
    /// Which file.
    pub file: FileId,
    /// What it is called.
    pub name: FileName,
    /// What kind of file it is.
    pub media_type: MediaType,
    /// Its size in bytes.
    pub bytes: u64,
}

/// 1 to 10 files, each once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "Vec<Attachment>", into = "Vec<Attachment>")]
pub struct Attachments(Vec<Attachment>);

/// What is wrong with a list of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("attachments must be 1 to {} different files", Attachments::MAX)]
pub struct NotAttachments;

impl Attachments {
    /// The most files of one message.
    pub const MAX: usize = 10;
}

impl TryFrom<Vec<Attachment>> for Attachments {
    type Error = NotAttachments;

    fn try_from(files: Vec<Attachment>) -> Result<Self, NotAttachments> {
        let repeated = files.iter().enumerate().any(|(n, one)| files[..n].iter().any(|other| other.file == one.file));
        if files.is_empty() || files.len() > Self::MAX || repeated { Err(NotAttachments) } else { Ok(Self(files)) }
    }
}

impl From<Attachments> for Vec<Attachment> {
    fn from(attachments: Attachments) -> Self {
        attachments.0
    }
}
