/// Why a user says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserRefusal {
    /// Somebody is already registered under this id.
    #[error("this user is already registered")]
    AlreadyRegistered,
    /// Nobody is registered under this id.
    #[error("there is no such user")]
    UnknownUser,
}
