//! The one path of every command: load what it rests on, decide, append; if something moved meanwhile, again.
//!
//! To add a command: a variant of [`Command`] and an arm in [`decide`]. Whatever a decision loads becomes a check of its append, so a
//! rule that reads three aggregates holds at the position where the event is recorded, not merely at the time of reading.

mod command;
mod decision;
mod state;

use std::sync::Arc;

use posthaste_domain::{CommandId, Refusal, UserId};
use uuid::Uuid;

pub use command::Command;
pub use decision::Decision;
pub use state::{Loaded, States};

use crate::append::{AppendError, AppendQueue};
use crate::codec::Undecodable;
use crate::port::log::AppendRefused;
use crate::port::{EventLog, PortError};
use crate::recorded::{Appended, Position};

/// How often a decision is made again because something it rests on moved. Each time somebody else got through, so only a storm uses them up.
const DECISIONS: usize = 32;

/// Who asks, under which id.
#[derive(Clone, Copy, Debug)]
pub struct Envelope {
    /// The command's id, the same on every retry.
    pub command: CommandId,
    /// Who asks; `None` for somebody not yet registered.
    pub actor: Option<UserId>,
    /// Ties together what one request sets off.
    pub correlation: Uuid,
}

/// What became of a command that was not refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Executed {
    /// What the command was about: the message, thread, friendship or user.
    pub id: Uuid,
    /// The last event it led to, or the one by which it already held.
    pub position: Position,
    /// Nothing was recorded now: it was a retry, or held already.
    pub repeated: bool,
}

/// Why a command came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    /// A rule says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The id was used before, for something else.
    #[error("this command id was already used for something else")]
    CommandMismatch,
    /// Others were faster too many times; the same command can be tried again.
    #[error("too much happened at once")]
    Contended,
    /// The log failed; the same command can be tried again.
    #[error("the log is unavailable")]
    Log(#[source] Arc<PortError>),
    /// A stream cannot be read by this program.
    #[error("a stream cannot be read")]
    Unreadable(#[from] Unreadable),
}

/// Why a stream could not be folded.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// An event's bytes make no sense.
    #[error(transparent)]
    Undecodable(#[from] Undecodable),
    /// An event does not fit what came before it.
    #[error("at position {position}")]
    Inapplicable {
        /// Where.
        position: Position,
        /// What did not fit.
        #[source]
        source: posthaste_domain::Inapplicable,
    },
}

impl From<PortError> for ExecuteError {
    fn from(error: PortError) -> Self {
        Self::Log(Arc::new(error))
    }
}

/// Executes commands. Cheap to clone.
#[derive(Clone)]
pub struct Executor {
    log: Arc<dyn EventLog>,
    queue: AppendQueue,
    states: Arc<States>,
}

impl Executor {
    /// An executor over this log, appending through this queue.
    #[must_use]
    pub fn new(log: Arc<dyn EventLog>, queue: AppendQueue) -> Self {
        let states = Arc::new(States::new(Arc::clone(&log)));
        Self { log, queue, states }
    }

    /// The states that decisions are made on, for questions that need no command.
    #[must_use]
    pub fn states(&self) -> &States {
        &self.states
    }

    /// Executes a command. Executing it again, at any time and on any node, gives the same answer and records nothing more.
    ///
    /// # Errors
    /// See [`ExecuteError`].
    pub async fn execute(&self, envelope: Envelope, command: &Command) -> Result<Executed, ExecuteError> {
        let fingerprint = command.fingerprint(envelope.actor);
        for attempt in 0..DECISIONS {
            let mut decision = Decision::new(&self.states, attempt == 0);
            let decided = command::decide(&mut decision, envelope, command).await;
            let id = match decided {
                Ok(id) if decision.has_events() => id,
                // It holds already, or is refused as things are now. If this very command made them so, its first answer stands.
                Ok(id) => {
                    let held = Executed { id, position: decision.position(), repeated: true };
                    return Ok(self.first_answer(envelope, fingerprint, command).await?.unwrap_or(held));
                }
                Err(ExecuteError::Refused(refusal)) => {
                    return self.first_answer(envelope, fingerprint, command).await?.ok_or(ExecuteError::Refused(refusal));
                }
                Err(error) => return Err(error),
            };
            let (append, touched) = decision.into_append(envelope, fingerprint);
            match self.queue.append(append).await {
                Ok(Appended { last, repeated, .. }) => {
                    if !repeated {
                        touched.keep(&self.states, last);
                    }
                    return Ok(Executed { id, position: last, repeated });
                }
                Err(AppendError::Refused(AppendRefused::Moved { .. })) => touched.forget(&self.states),
                Err(AppendError::Refused(AppendRefused::CommandMismatch { .. })) => return Err(ExecuteError::CommandMismatch),
                Err(AppendError::Failed(error)) => return Err(ExecuteError::Log(error)),
                Err(AppendError::Closed) => return Err(PortError::unavailable("append queue", "the process is stopping").into()),
            }
        }
        Err(ExecuteError::Contended)
    }

    async fn first_answer(&self, envelope: Envelope, fingerprint: [u8; 32], command: &Command) -> Result<Option<Executed>, ExecuteError> {
        match self.log.find_command(envelope.command).await? {
            None => Ok(None),
            Some((first, appended)) if first == fingerprint => {
                Ok(Some(Executed { id: command.subject(envelope)?, position: appended.last, repeated: true }))
            }
            Some(_) => Err(ExecuteError::CommandMismatch),
        }
    }
}
