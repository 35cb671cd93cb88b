//! What those ask who run the service. It is no `op` of the socket: REST and the command line ask it.

use posthaste_domain::operation::{Act, DeadLetter, DeadLetterOperation, OperationCommand};
use posthaste_domain::text::ConsumerName;
use posthaste_domain::user::{AdminPermit, ServiceRole, SuspensionReason, UserCommand};
use posthaste_domain::{Operation, OperationId, Refusal, SessionId, User, UserId};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{Decidable, Decision, Envelope, ExecuteError};
use crate::recorded::Hash;

/// What can be asked by an admin, and by the server itself: whoever sits at its console. An admin's own stream is a check of whatever they
/// ask, so that they were one, and not suspended, at the position where it is recorded.
#[derive(Clone, Debug, Serialize)]
pub enum AdminCommand {
    /// Give somebody a role.
    #[serde(rename = "user.grant_role")]
    GrantRole {
        /// Whom.
        user: UserId,
        /// Which.
        role: ServiceRole,
    },
    /// Take a role from somebody; an admin cannot take that role from themselves.
    #[serde(rename = "user.withdraw_role")]
    WithdrawRole {
        /// From whom.
        user: UserId,
        /// Which.
        role: ServiceRole,
    },
    /// Let somebody do nothing any more; not oneself.
    #[serde(rename = "user.suspend")]
    Suspend {
        /// Whom.
        user: UserId,
        /// Why, if it is said.
        reason: Option<SuspensionReason>,
    },
    /// End a suspension.
    #[serde(rename = "user.reinstate")]
    Reinstate {
        /// Whose.
        user: UserId,
    },
    /// Erase what somebody said and how they were called, for ever; not oneself. To be completed once this is recorded
    /// ([`crate::content::erase`]).
    #[serde(rename = "user.erase")]
    Erase {
        /// Whom.
        user: UserId,
    },
    /// Erase somebody who has asked for it, as the time has come. To be completed as [`AdminCommand::Erase`].
    #[serde(rename = "user.complete_deletion")]
    CompleteDeletion {
        /// Whom.
        user: UserId,
    },
    /// End a login of anybody.
    #[serde(rename = "user.end_session")]
    EndSession {
        /// Whose.
        user: UserId,
        /// Which.
        session: SessionId,
    },
    /// Say that a dead letter is tried again. The operation's id is the command's id. To be done once this is recorded.
    #[serde(rename = "operation.retry_dead_letter")]
    RetryDeadLetter {
        /// Which.
        letter: DeadLetter,
    },
    /// Say that a consumer does without an event, as [`AdminCommand::RetryDeadLetter`].
    #[serde(rename = "operation.drop_dead_letter")]
    DropDeadLetter {
        /// Which.
        letter: DeadLetter,
    },
    /// Say that a webhook which was disabled is sent to again, as [`AdminCommand::RetryDeadLetter`].
    #[serde(rename = "operation.enable_webhook")]
    EnableWebhook {
        /// Which.
        consumer: ConsumerName,
    },
}

impl Decidable for AdminCommand {
    fn fingerprint(&self, actor: Option<UserId>) -> Hash {
        let asked = serde_json::to_vec(&(actor, self)).expect("commands are plain structs with string keys");
        Sha256::digest(asked).into()
    }

    fn subject(&self, envelope: Envelope) -> Result<Uuid, Refusal> {
        Ok(match self {
            Self::GrantRole { user, .. }
            | Self::WithdrawRole { user, .. }
            | Self::Suspend { user, .. }
            | Self::Reinstate { user }
            | Self::Erase { user }
            | Self::CompleteDeletion { user } => user.uuid(),
            Self::EndSession { session, .. } => session.uuid(),
            Self::RetryDeadLetter { .. } | Self::DropDeadLetter { .. } | Self::EnableWebhook { .. } => envelope.command.uuid(),
        })
    }

    async fn decide(&self, on: &mut Decision<'_>, envelope: Envelope) -> Result<Uuid, ExecuteError> {
        let permit = match envelope.actor {
            None => AdminPermit::of_the_server(),
            Some(by) => on.load::<User>(by).await?.admin(by)?,
        };
        match self.clone() {
            Self::GrantRole { user, role } => ask(on, user, UserCommand::GrantRole { permit, user, role }).await?,
            Self::WithdrawRole { user, role } => ask(on, user, UserCommand::WithdrawRole { permit, user, role }).await?,
            Self::Suspend { user, reason } => ask(on, user, UserCommand::Suspend { permit, user, reason }).await?,
            Self::Reinstate { user } => ask(on, user, UserCommand::Reinstate { permit, user }).await?,
            Self::Erase { user } => ask(on, user, UserCommand::Erase { permit, user }).await?,
            Self::CompleteDeletion { user } => ask(on, user, UserCommand::CompleteDeletion { permit, user, at: envelope.at }).await?,
            Self::EndSession { user, session } => ask(on, user, UserCommand::EndSession { permit, user, session }).await?,
            Self::RetryDeadLetter { letter } => {
                perform(on, envelope, permit, Act::DeadLetter { letter, what: DeadLetterOperation::Retry }).await?;
            }
            Self::DropDeadLetter { letter } => {
                perform(on, envelope, permit, Act::DeadLetter { letter, what: DeadLetterOperation::Drop }).await?;
            }
            Self::EnableWebhook { consumer } => perform(on, envelope, permit, Act::EnableWebhook { consumer }).await?,
        }
        Ok(self.subject(envelope)?)
    }
}

async fn ask(on: &mut Decision<'_>, user: UserId, command: UserCommand) -> Result<(), ExecuteError> {
    on.load::<User>(user).await?;
    on.decide::<User>(user, command)
}

async fn perform(on: &mut Decision<'_>, envelope: Envelope, permit: AdminPermit, act: Act) -> Result<(), ExecuteError> {
    let operation = OperationId::new(envelope.command.uuid());
    on.assume_new::<Operation>(operation).await?;
    on.decide::<Operation>(operation, OperationCommand { permit, operation, act })
}
