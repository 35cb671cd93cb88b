/// Why a thread says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ThreadRefusal {
    /// The actor is not in the thread, or there is no such thread: an outsider cannot tell which.
    #[error("you are not a member of this thread")]
    NotAMember,
}
