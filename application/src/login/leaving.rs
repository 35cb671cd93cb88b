//! How somebody leaves, and comes back.

use posthaste_domain::{CommandId, UserId};

use super::Logins;
use crate::execute::{DeletionCommand, Envelope, ExecuteError};

impl Logins<'_> {
    /// Asks for the deletion of a user's account, and ends every login of theirs with it.
    ///
    /// # Errors
    /// It was refused, or could not be recorded.
    pub async fn leave(&self, user: UserId) -> Result<(), ExecuteError> {
        self.decide(user, true).await
    }

    /// Cancels it: whoever does has proved who they are, and begins a new login. What was logged in before stays ended.
    ///
    /// # Errors
    /// It was refused, or could not be recorded.
    pub async fn stay(&self, user: UserId) -> Result<(), ExecuteError> {
        self.decide(user, false).await
    }

    async fn decide(&self, user: UserId, leave: bool) -> Result<(), ExecuteError> {
        let sessions: Vec<_> = self.ports.sessions.of_user(user).await?.into_iter().map(|session| session.id).collect();
        let command = CommandId::new(self.ports.ids.next());
        let envelope = Envelope { command, actor: Some(user), correlation: self.correlation, at: self.ports.now() };
        self.executor.execute(envelope, DeletionCommand { user, leave, sessions: sessions.clone() }).await?;
        self.ports.sessions.remove(user, &sessions).await?;
        Ok(())
    }
}
