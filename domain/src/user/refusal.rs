/// Why a user says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserRefusal {
    /// Somebody is already registered under this id.
    #[error("this user is already registered")]
    AlreadyRegistered,
    /// Nobody is registered under this id.
    #[error("there is no such user")]
    UnknownUser,
    /// The user never had such a login.
    #[error("there is no such login of yours")]
    UnknownSession,
    /// Who acts is suspended.
    #[error("this account is suspended")]
    Suspended,
    /// They were erased, so nothing can be done by them or with them any more.
    #[error("this account was erased")]
    Erased,
    /// Who acts has asked for their account to be deleted.
    #[error("this account is to be deleted")]
    Leaving,
    /// Their deletion was not asked for, was cancelled, or is not due yet.
    #[error("the deletion of this account is not due")]
    NotDue,
    /// Who acts is no admin.
    #[error("only an admin may do this")]
    NotAnAdmin,
    /// An admin would suspend or erase themselves, or stop being one. So whoever does either to another remains, and there is never no admin left.
    #[error("an admin cannot do this to themselves: another one can")]
    Oneself,
}
