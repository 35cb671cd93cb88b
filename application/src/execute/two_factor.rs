//! What the log is told of second factors. It is no `op` of the socket: only the server knows whether it is so.

use posthaste_domain::user::UserCommand;
use posthaste_domain::{Refusal, User, UserId};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{Decidable, Decision, Envelope, ExecuteError};
use crate::recorded::Hash;

/// Say that logging in takes a second factor, or does not any more: by its owner, or by the server itself.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct TwoFactorCommand {
    /// Whose.
    pub user: UserId,
    /// Whether it does.
    pub enabled: bool,
}

impl Decidable for TwoFactorCommand {
    fn fingerprint(&self, actor: Option<UserId>) -> Hash {
        let asked = serde_json::to_vec(&("user.set_two_factor", actor, self)).expect("commands are plain structs with string keys");
        Sha256::digest(asked).into()
    }

    fn subject(&self, _envelope: Envelope) -> Result<Uuid, Refusal> {
        Ok(self.user.uuid())
    }

    async fn decide(&self, on: &mut Decision<'_>, envelope: Envelope) -> Result<Uuid, ExecuteError> {
        let Self { user, enabled } = *self;
        let state = on.load::<User>(user).await?;
        // Whatever is recorded of somebody was asked for while they were not suspended; the server may at any time.
        if envelope.actor.is_some() {
            state.active()?;
        }
        on.decide::<User>(user, UserCommand::SetTwoFactor { user, enabled })?;
        Ok(user.uuid())
    }
}
