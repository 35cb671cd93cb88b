//! Leaving, and staying after all. It is no `op` of the socket: the edge asks for proof of who it is first.

use posthaste_domain::user::UserCommand;
use posthaste_domain::{Refusal, SessionId, User, UserId};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{Decidable, Decision, Envelope, ExecuteError};
use crate::recorded::Hash;

/// Leave at the end of the time that the rules leave for thinking better of it, or stay; and end these logins with the same append, so that
/// none is left, whatever happens next.
#[derive(Clone, Debug, Serialize)]
pub struct DeletionCommand {
    /// Who.
    pub user: UserId,
    /// Whether to leave; otherwise to stay.
    pub leave: bool,
    /// The logins that there are.
    pub sessions: Vec<SessionId>,
}

impl Decidable for DeletionCommand {
    fn fingerprint(&self, actor: Option<UserId>) -> Hash {
        let asked = serde_json::to_vec(&("user.deletion", actor, self)).expect("commands are plain structs with string keys");
        Sha256::digest(asked).into()
    }

    fn subject(&self, _envelope: Envelope) -> Result<Uuid, Refusal> {
        Ok(self.user.uuid())
    }

    async fn decide(&self, on: &mut Decision<'_>, envelope: Envelope) -> Result<Uuid, ExecuteError> {
        let user = self.user;
        on.load::<User>(user).await?.unsuspended()?;
        for session in &self.sessions {
            on.decide::<User>(user, UserCommand::RevokeSession { user, session: *session })?;
        }
        let what = match self.leave {
            true => UserCommand::RequestDeletion { user, final_at: envelope.at + on.rules().deletion_grace },
            false => UserCommand::CancelDeletion { user },
        };
        on.decide::<User>(user, what)?;
        Ok(user.uuid())
    }
}
