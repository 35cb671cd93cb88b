//! How somebody is erased.
//!
//! First the event: from there on nothing of theirs is recorded, every view takes out what they said, and whoever reads the log knows that
//! their key is gone, whether it is or not. Then the key, and what they logged in with. A crash between the two leaves nothing to be seen:
//! every server that comes across the event destroys the key as well, and to erase somebody again does what is left.

use std::sync::Arc;

use posthaste_domain::UserId;

use super::Keyring;
use crate::execute::{AdminCommand, Envelope, ExecuteError, Executed, Executor};
use crate::port::{Accounts, Sessions};

/// Erases people.
pub struct Eraser {
    /// Records it.
    pub executor: Executor,
    /// The keys.
    pub keyring: Arc<Keyring>,
    /// Credentials.
    pub accounts: Arc<dyn Accounts>,
    /// Logins.
    pub sessions: Arc<dyn Sessions>,
}

impl Eraser {
    /// Erases somebody, for ever.
    ///
    /// # Errors
    /// It was refused; or not all of it could be done, and is to be asked again.
    pub async fn erase(&self, envelope: Envelope, user: UserId) -> Result<Executed, ExecuteError> {
        let executed = self.executor.execute(envelope, AdminCommand::Erase { user }).await?;
        self.keyring.destroy(user).await?;
        self.accounts.remove(user).await?;
        let sessions: Vec<_> = self.sessions.of_user(user).await?.into_iter().map(|session| session.id).collect();
        self.sessions.remove(user, &sessions).await?;
        Ok(executed)
    }
}
