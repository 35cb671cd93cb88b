use super::event::DeadLetter;
use crate::id::OperationId;
use crate::user::AdminPermit;

/// What an admin can do about a dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationCommand {
    /// Proof that it may be done.
    pub permit: AdminPermit,
    /// Which operation this is.
    pub operation: OperationId,
    /// To which dead letter.
    pub letter: DeadLetter,
    /// What.
    pub what: DeadLetterOperation,
}

/// What is done to a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadLetterOperation {
    /// It is tried again, and what waits behind it after it.
    Retry,
    /// The consumer does without this one event; what waits behind it goes on.
    Drop,
}
