/// Why a message says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageRefusal {
    /// Another command already posted a message under this id.
    #[error("a message with this id was already posted")]
    AlreadyPosted,
}
