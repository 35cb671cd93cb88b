//! How somebody is erased.
//!
//! First the event: from there on nothing of theirs is recorded, every view takes out what they said, and whoever reads the log knows that
//! their key is gone, whether it is or not. Then the key, and what they logged in with. A crash between the two leaves nothing to be seen:
//! every server that comes across the event destroys the key as well, and to erase somebody again does what is left.

use std::sync::Arc;

use posthaste_domain::UserId;

use super::Keyring;
use crate::execute::{AdminCommand, Envelope, ExecuteError, Executed, Executor};
use crate::port::one_time::Purpose;
use crate::port::{Accounts, Factors, Identities, MailQueue, OneTimeTokens, Passkeys, PortError, Ports, Sessions};

/// Erases people.
pub struct Eraser {
    /// Records it.
    pub executor: Executor,
    /// The keys.
    pub keyring: Arc<Keyring>,
    /// What they log in with.
    pub kept: Kept,
}

/// Why somebody is erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erasure {
    /// An admin says so.
    Asked,
    /// They have asked for it, and the time has come.
    Due,
}

/// What is kept of people beside the log and the views of it.
pub struct Kept {
    /// Credentials.
    pub accounts: Arc<dyn Accounts>,
    /// Logins.
    pub sessions: Arc<dyn Sessions>,
    /// Second factors.
    pub factors: Arc<dyn Factors>,
    /// What they log in with instead of a password.
    pub passkeys: Arc<dyn Passkeys>,
    /// Accounts somewhere else that they log in with.
    pub identities: Arc<dyn Identities>,
    /// Tokens that were sent to them.
    pub one_time: Arc<dyn OneTimeTokens>,
    /// The mails that are owed to them, if any are.
    pub mail: Option<Arc<dyn MailQueue>>,
}

impl Eraser {
    /// One with what a server has at hand.
    #[must_use]
    pub fn of(ports: &Ports, executor: Executor) -> Self {
        let Ports { keyring, accounts, sessions, factors, passkeys, identities, one_time, mail, .. } = ports.clone();
        let kept = Kept { accounts, sessions, factors, passkeys, identities, one_time, mail: mail.map(|mail| mail.queue) };
        Self { executor, keyring, kept }
    }

    /// Erases somebody, for ever.
    ///
    /// # Errors
    /// It was refused; or not all of it could be done, and is to be asked again.
    pub async fn erase(&self, envelope: Envelope, why: Erasure, user: UserId) -> Result<Executed, ExecuteError> {
        let command = match why {
            Erasure::Asked => AdminCommand::Erase { user },
            Erasure::Due => AdminCommand::CompleteDeletion { user },
        };
        let executed = self.executor.execute(envelope, command).await?;
        self.keyring.destroy(user).await?;
        self.kept.forget(user).await?;
        Ok(executed)
    }
}

impl Kept {
    /// Forgets somebody who was erased. Can be done again.
    ///
    /// # Errors
    /// Not all of it could be done, and is to be asked again.
    pub async fn forget(&self, user: UserId) -> Result<(), PortError> {
        // As long as it is known which address was theirs.
        if let (Some(credentials), Some(mail)) = (self.accounts.find(user).await?, &self.mail) {
            mail.remove(&credentials.email).await?;
        }
        self.accounts.remove(user).await?;
        self.identities.remove(user).await?;
        for purpose in Purpose::ALL {
            self.one_time.remove(user, purpose).await?;
        }
        // Another may be offered until the event is known everywhere.
        while let Some(factor) = self.factors.find(user).await? {
            self.factors.remove(user, factor.id).await?;
        }
        self.passkeys.remove_all(user).await?;
        let sessions: Vec<_> = self.sessions.of_user(user).await?.into_iter().map(|session| session.id).collect();
        self.sessions.remove(user, &sessions).await
    }
}
