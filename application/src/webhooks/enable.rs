//! A webhook that was disabled is sent to again: it is recorded, and then it is done, as with [dead letters](crate::dead).

use posthaste_domain::text::{ConsumerName, TextError};

use crate::execute::{AdminCommand, Envelope, ExecuteError, Executed, Executor};
use crate::port::dead::Consumer;
use crate::port::{PortError, Webhooks};

/// Why a webhook was not enabled.
#[derive(Debug, thiserror::Error)]
pub enum NotEnabled {
    /// There never was one of this name.
    #[error("there is no webhook {0}")]
    Unknown(String),
    /// It is sent to.
    #[error("it was not disabled")]
    NotDisabled,
    /// There cannot be one of this name.
    #[error(transparent)]
    Name(#[from] TextError),
    /// It could not be recorded.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
    /// The inboxes cannot be reached. It may be recorded already: the same command, sent again, does it.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// Has a webhook sent to again, for whoever the envelope says, who must be an admin, or the server itself.
///
/// The same command does it again while the webhook is disabled, and has its first answer when it is not any more.
///
/// # Errors
/// See [`NotEnabled`]. Of a webhook that is not disabled nothing is recorded.
pub async fn enable(executor: &Executor, store: &dyn Webhooks, envelope: Envelope, endpoint: &str) -> Result<Executed, NotEnabled> {
    let statuses = store.status().await?;
    let status = statuses.iter().find(|status| status.endpoint == endpoint).ok_or_else(|| NotEnabled::Unknown(endpoint.to_owned()))?;
    let consumer = ConsumerName::parse(&Consumer::Webhook(endpoint.to_owned()).to_string())?;
    let command = AdminCommand::EnableWebhook { consumer };
    if status.disabled_at.is_none() {
        return executor.first_answer(envelope, &command).await?.ok_or(NotEnabled::NotDisabled);
    }
    let executed = executor.execute(envelope, command).await?;
    // Somebody else may have been faster: then that is done which was asked.
    store.enable(endpoint).await?;
    Ok(executed)
}
