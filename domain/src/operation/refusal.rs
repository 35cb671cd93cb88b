/// Why an operation says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OperationRefusal {
    /// Something was done under this id.
    #[error("this operation was already performed")]
    AlreadyPerformed,
}
