//! How somebody leaves, and comes back.

use posthaste_domain::refusal::StillOwns;
use posthaste_domain::{CommandId, Refusal, UserId};

use super::Logins;
use crate::execute::{DeletionCommand, Envelope, ExecuteError};
use crate::mail;
use crate::port::one_time::Purpose;

impl Logins<'_> {
    /// Asks for the deletion of a user's account, ends every login of theirs with it, and sends them a mail about it. Not while they own a
    /// group or channel.
    ///
    /// # Errors
    /// It was refused, or could not be recorded.
    pub async fn leave(&self, user: UserId) -> Result<(), ExecuteError> {
        self.owns_nothing(user).await?;
        // Before the event, so that nobody leaves who is not told. Until that is recorded the mail waits.
        if let Some(credentials) = self.ports.accounts.find(user).await? {
            mail::owe(self.ports, self.ports.ids.next(), Purpose::AccountDeletion, credentials.email).await?;
        }
        self.decide(user, true).await?;
        // From here on they come to own nothing more. What became theirs at the same moment is found now, and keeps them here.
        let owns_nothing = self.owns_nothing(user).await;
        if let Err(ExecuteError::Refused(_)) = owns_nothing {
            self.stay(user).await?;
        }
        owns_nothing
    }

    /// Cancels it: whoever does has proved who they are, and begins a new login. What was logged in before stays ended.
    ///
    /// # Errors
    /// It was refused, or could not be recorded.
    pub async fn stay(&self, user: UserId) -> Result<(), ExecuteError> {
        self.decide(user, false).await
    }

    async fn owns_nothing(&self, user: UserId) -> Result<(), ExecuteError> {
        let threads = self.executor.states().owned(user).await?;
        if threads.is_empty() { Ok(()) } else { Err(Refusal::from(StillOwns { threads }).into()) }
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
