use super::event::MessageContent;
use crate::id::MessageId;
use crate::thread::PostPermit;

/// What can be asked of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageCommand {
    /// Post it.
    Post {
        /// The id its author chose.
        message: MessageId,
        /// Proof that the author may post into the thread.
        permit: PostPermit,
        /// What it says.
        content: MessageContent,
    },
}
