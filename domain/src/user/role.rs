use serde::{Deserialize, Serialize};

use super::User;
use super::refusal::UserRefusal;
use crate::id::UserId;

/// What a user is to the service as a whole, beside being somebody who uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ServiceRole {
    /// Runs it: sees everything about it, suspends and reinstates, gives roles and takes them.
    Admin,
    /// Reads the log and how things stand, and changes nothing.
    Auditor,
}

impl ServiceRole {
    /// Every role.
    pub const ALL: [Self; 2] = [Self::Admin, Self::Auditor];

    /// As it is stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Auditor => "auditor",
        }
    }
}

/// Why somebody is suspended. A word from a list: what was said or done is in the log anyway, and nobody is described here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SuspensionReason {
    /// They send what nobody asked for.
    Spam,
    /// They harm others.
    Abuse,
    /// Somebody else has their password.
    Compromised,
    /// The law asks for it.
    Legal,
    /// They asked for it themselves.
    Requested,
}

impl SuspensionReason {
    /// Every reason.
    pub const ALL: [Self; 5] = [Self::Spam, Self::Abuse, Self::Compromised, Self::Legal, Self::Requested];

    /// As it is stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Spam => "spam",
            Self::Abuse => "abuse",
            Self::Compromised => "compromised",
            Self::Legal => "legal",
            Self::Requested => "requested",
        }
    }
}

/// Proof that somebody may run the service; only an admin's own state leads to it, and the server has it of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdminPermit {
    by: Option<UserId>,
}

impl AdminPermit {
    /// That of the server: whoever sits at its console.
    #[must_use]
    pub const fn of_the_server() -> Self {
        Self { by: None }
    }

    /// Whose it is; `None` for the server.
    #[must_use]
    pub const fn by(self) -> Option<UserId> {
        self.by
    }
}

impl User {
    /// Proof that this user, whose state it is, may run the service.
    ///
    /// # Errors
    /// They are no admin, or suspended.
    pub fn admin(&self, by: UserId) -> Result<AdminPermit, UserRefusal> {
        self.active()?;
        if self.has_role(ServiceRole::Admin) { Ok(AdminPermit { by: Some(by) }) } else { Err(UserRefusal::NotAnAdmin) }
    }
}
