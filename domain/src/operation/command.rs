use super::event::DeadLetter;
use crate::id::OperationId;
use crate::text::ConsumerName;
use crate::user::AdminPermit;

/// What an admin can have done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationCommand {
    /// Proof that it may be done.
    pub permit: AdminPermit,
    /// Which operation this is.
    pub operation: OperationId,
    /// What is done.
    pub act: Act,
}

/// What is done, and to what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Something is done about a dead letter.
    DeadLetter {
        /// Which.
        letter: DeadLetter,
        /// What.
        what: DeadLetterOperation,
    },
    /// A webhook that was disabled is sent to again.
    EnableWebhook {
        /// Which.
        consumer: ConsumerName,
    },
}

/// What is done to a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadLetterOperation {
    /// It is tried again, and what waits behind it after it.
    Retry,
    /// The consumer does without this one event; what waits behind it goes on.
    Drop,
}
