//! A person's account, as far as others may know of it. Secrets never enter its events.

mod command;
mod event;
mod privacy;
mod refusal;
mod role;
#[cfg(test)]
mod tests;

pub use command::UserCommand;
pub use event::{Profile, UserEvent};
pub use privacy::{Circle, Privacy};
pub use refusal::UserRefusal;
pub use role::{AdminPermit, ServiceRole, SuspensionReason};

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::aggregate::{Aggregate, Category, Inapplicable};
use crate::id::{SessionId, UserId};

/// A user's state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum User {
    /// Nobody yet.
    #[default]
    Unregistered,
    /// Somebody.
    Registered(Account),
}

/// Somebody's account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// What they let others know.
    pub privacy: Privacy,
    /// The logins that were ended. A token says nothing of it, so whoever takes one asks here.
    pub revoked: BTreeSet<SessionId>,
    /// What is sent to their email address reaches them.
    pub email_verified: bool,
    /// What they are to the service.
    pub roles: BTreeSet<ServiceRole>,
    /// They may do nothing.
    pub suspended: bool,
    /// Logging in takes a second factor as well.
    pub two_factor: bool,
    /// When their account is to end, if they have asked for that: until then they may do nothing but think better of it.
    pub leaving: Option<DateTime<Utc>>,
    /// They were erased, and may never do anything again.
    pub erased: bool,
}

impl User {
    /// The account; `None` when nobody is registered here.
    #[must_use]
    pub const fn account(&self) -> Option<&Account> {
        match self {
            Self::Unregistered => None,
            Self::Registered(account) => Some(account),
        }
    }

    /// Refuses what can only be done with somebody who exists.
    ///
    /// # Errors
    /// [`UserRefusal::UnknownUser`] when nobody is registered here.
    pub const fn registered(&self) -> Result<(), UserRefusal> {
        match self {
            Self::Unregistered => Err(UserRefusal::UnknownUser),
            Self::Registered(_) => Ok(()),
        }
    }

    /// Refuses whatever is asked by somebody who is suspended, is leaving or was erased.
    ///
    /// # Errors
    /// [`UserRefusal::Suspended`], [`UserRefusal::Leaving`] or [`UserRefusal::Erased`].
    pub fn active(&self) -> Result<(), UserRefusal> {
        self.unsuspended()?;
        if self.leaving().is_some() { Err(UserRefusal::Leaving) } else { Ok(()) }
    }

    /// Refuses what even somebody who is leaving may ask, when it is asked by somebody who is suspended or was erased.
    ///
    /// # Errors
    /// [`UserRefusal::Suspended`] or [`UserRefusal::Erased`].
    pub fn unsuspended(&self) -> Result<(), UserRefusal> {
        self.unerased()?;
        if self.account().is_some_and(|account| account.suspended) { Err(UserRefusal::Suspended) } else { Ok(()) }
    }

    /// Refuses to begin something with somebody who is not there, or not for long.
    ///
    /// # Errors
    /// [`UserRefusal::UnknownUser`], also when they are leaving or were erased.
    pub fn staying(&self) -> Result<(), UserRefusal> {
        self.registered()?;
        if self.is_erased() || self.leaving().is_some() { Err(UserRefusal::UnknownUser) } else { Ok(()) }
    }

    /// When their account is to end, if they have asked for that and nobody has erased them yet.
    #[must_use]
    pub fn leaving(&self) -> Option<DateTime<Utc>> {
        self.account().filter(|account| !account.erased)?.leaving
    }

    /// Refuses what can only be done with somebody whose words are there.
    ///
    /// # Errors
    /// [`UserRefusal::Erased`].
    pub fn unerased(&self) -> Result<(), UserRefusal> {
        if self.is_erased() { Err(UserRefusal::Erased) } else { Ok(()) }
    }

    /// Whether they may do nothing: they are suspended, are leaving, or were erased.
    #[must_use]
    pub fn is_barred(&self) -> bool {
        self.account().is_some_and(|account| account.suspended || account.leaving.is_some() || account.erased)
    }

    /// Whether they were erased.
    #[must_use]
    pub fn is_erased(&self) -> bool {
        self.account().is_some_and(|account| account.erased)
    }

    /// Whether they have this role. Somebody who is suspended keeps it, and can do nothing with it.
    #[must_use]
    pub fn has_role(&self, role: ServiceRole) -> bool {
        self.account().is_some_and(|account| account.roles.contains(&role))
    }

    /// What they let others know; what is usual when they never said, or are nobody.
    #[must_use]
    pub fn privacy(&self) -> Privacy {
        self.account().map(|account| account.privacy).unwrap_or_default()
    }

    /// Whether what is sent to their email address reaches them, as far as they have shown.
    #[must_use]
    pub fn has_verified_email(&self) -> bool {
        self.account().is_some_and(|account| account.email_verified)
    }

    /// Whether this login was ended.
    #[must_use]
    pub fn has_revoked(&self, session: SessionId) -> bool {
        self.account().is_some_and(|account| account.revoked.contains(&session))
    }
}

impl Account {
    /// What follows from a command; nothing when it is so already.
    fn decide(&self, command: UserCommand) -> Result<Option<UserEvent>, UserRefusal> {
        if self.erased {
            let again = matches!(command, UserCommand::Erase { .. } | UserCommand::CompleteDeletion { .. });
            return if again { Ok(None) } else { Err(UserRefusal::Erased) };
        }
        let event = match command {
            UserCommand::Register { .. } => return Err(UserRefusal::AlreadyRegistered),
            UserCommand::SetPrivacy { user, privacy } => {
                let Privacy { presence, last_seen, read_receipts } = privacy;
                (self.privacy != privacy).then_some(UserEvent::PrivacySet { user, presence, last_seen, read_receipts })
            }
            UserCommand::RevokeSession { user, session } | UserCommand::EndSession { permit: _, user, session } => {
                (!self.revoked.contains(&session)).then_some(UserEvent::SessionRevoked { user, session })
            }
            UserCommand::VerifyEmail { user } => (!self.email_verified).then_some(UserEvent::EmailVerified { user }),
            UserCommand::GrantRole { permit: _, user, role } => {
                (!self.roles.contains(&role)).then_some(UserEvent::RoleGranted { user, role })
            }
            UserCommand::WithdrawRole { permit, user, role } => {
                if role == ServiceRole::Admin && permit.by() == Some(user) {
                    return Err(UserRefusal::Oneself);
                }
                self.roles.contains(&role).then_some(UserEvent::RoleWithdrawn { user, role })
            }
            UserCommand::Suspend { permit, user, reason } => {
                if permit.by() == Some(user) {
                    return Err(UserRefusal::Oneself);
                }
                (!self.suspended).then_some(UserEvent::Suspended { user, reason })
            }
            UserCommand::Reinstate { permit: _, user } => self.suspended.then_some(UserEvent::Reinstated { user }),
            UserCommand::SetTwoFactor { user, enabled: true } => (!self.two_factor).then_some(UserEvent::TwoFactorEnabled { user }),
            UserCommand::SetTwoFactor { user, enabled: false } => self.two_factor.then_some(UserEvent::TwoFactorDisabled { user }),
            UserCommand::Erase { permit, user } => {
                if permit.by() == Some(user) {
                    return Err(UserRefusal::Oneself);
                }
                Some(UserEvent::Erased { user })
            }
            UserCommand::RequestDeletion { user: _, final_at: _ } if self.roles.contains(&ServiceRole::Admin) => {
                return Err(UserRefusal::Oneself);
            }
            // The date that was told stands.
            UserCommand::RequestDeletion { user, final_at } => {
                self.leaving.is_none().then_some(UserEvent::DeletionRequested { user, final_at })
            }
            UserCommand::CancelDeletion { user } => self.leaving.is_some().then_some(UserEvent::DeletionCancelled { user }),
            UserCommand::CompleteDeletion { permit: _, user, at } => {
                if self.leaving.is_none_or(|final_at| at < final_at) {
                    return Err(UserRefusal::NotDue);
                }
                Some(UserEvent::Erased { user })
            }
        };
        Ok(event)
    }

    /// Takes an event in; whether it fits.
    fn apply(&mut self, event: &UserEvent) -> bool {
        match event {
            UserEvent::Registered { .. } => return false,
            UserEvent::PrivacySet { presence, last_seen, read_receipts, .. } => {
                self.privacy = Privacy { presence: *presence, last_seen: *last_seen, read_receipts: *read_receipts };
            }
            UserEvent::SessionRevoked { session, .. } => return self.revoked.insert(*session),
            UserEvent::EmailVerified { .. } => return !std::mem::replace(&mut self.email_verified, true),
            UserEvent::RoleGranted { role, .. } => return self.roles.insert(*role),
            UserEvent::RoleWithdrawn { role, .. } => return self.roles.remove(role),
            UserEvent::Suspended { .. } => return !std::mem::replace(&mut self.suspended, true),
            UserEvent::Reinstated { .. } => return std::mem::take(&mut self.suspended),
            UserEvent::TwoFactorEnabled { .. } => return !std::mem::replace(&mut self.two_factor, true),
            UserEvent::TwoFactorDisabled { .. } => return std::mem::take(&mut self.two_factor),
            UserEvent::DeletionRequested { final_at, .. } => return self.leaving.replace(*final_at).is_none(),
            UserEvent::DeletionCancelled { .. } => return self.leaving.take().is_some(),
            UserEvent::Erased { .. } => return !std::mem::replace(&mut self.erased, true),
        }
        true
    }
}

impl Aggregate for User {
    const CATEGORY: Category = Category::User;
    type Id = UserId;
    type Command = UserCommand;
    type Event = UserEvent;
    type Refusal = UserRefusal;

    fn decide(&self, command: UserCommand) -> Result<Vec<UserEvent>, UserRefusal> {
        match (self, command) {
            (Self::Unregistered, UserCommand::Register { user, profile }) => {
                Ok(vec![UserEvent::Registered { user, content: profile.into() }])
            }
            (Self::Registered(account), command) => Ok(account.decide(command)?.into_iter().collect()),
            (
                Self::Unregistered,
                UserCommand::SetPrivacy { .. }
                | UserCommand::RevokeSession { .. }
                | UserCommand::EndSession { .. }
                | UserCommand::VerifyEmail { .. }
                | UserCommand::GrantRole { .. }
                | UserCommand::WithdrawRole { .. }
                | UserCommand::Suspend { .. }
                | UserCommand::Reinstate { .. }
                | UserCommand::SetTwoFactor { .. }
                | UserCommand::RequestDeletion { .. }
                | UserCommand::CancelDeletion { .. }
                | UserCommand::CompleteDeletion { .. }
                | UserCommand::Erase { .. },
            ) => Err(UserRefusal::UnknownUser),
        }
    }

    fn apply(&mut self, event: &UserEvent) -> Result<(), Inapplicable> {
        let fits = match (&mut *self, event) {
            (Self::Unregistered, UserEvent::Registered { .. }) => {
                *self = Self::Registered(Account::default());
                true
            }
            (Self::Registered(account), event) => account.apply(event),
            (
                Self::Unregistered,
                UserEvent::PrivacySet { .. }
                | UserEvent::SessionRevoked { .. }
                | UserEvent::EmailVerified { .. }
                | UserEvent::RoleGranted { .. }
                | UserEvent::RoleWithdrawn { .. }
                | UserEvent::Suspended { .. }
                | UserEvent::Reinstated { .. }
                | UserEvent::TwoFactorEnabled { .. }
                | UserEvent::TwoFactorDisabled { .. }
                | UserEvent::DeletionRequested { .. }
                | UserEvent::DeletionCancelled { .. }
                | UserEvent::Erased { .. },
            ) => false,
        };
        if fits { Ok(()) } else { Err(Inapplicable::new(event.event_type(), self)) }
    }
}
