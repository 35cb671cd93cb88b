/// Why a message says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageRefusal {
    /// Another command already posted a message under this id.
    #[error("a message with this id was already posted")]
    AlreadyPosted,
    /// There is no such message where the actor may look, or it was deleted.
    #[error("there is no such message")]
    NotFound,
    /// Only the author can change what it says.
    #[error("only its author can edit a message")]
    NotTheAuthor,
    /// Only the author or a moderator can delete it.
    #[error("only its author or a moderator can delete a message")]
    NotAllowed,
    /// It has changed since the actor looked.
    #[error("the message has changed since you looked")]
    RevisionMismatch,
    /// It has as many different reactions as it can have.
    #[error("too many different reactions")]
    TooManyReactions,
    /// More people are mentioned than can be.
    #[error("too many mentions")]
    TooManyMentions,
}
