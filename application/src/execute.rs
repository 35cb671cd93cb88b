//! The one path of every command: load what it rests on, decide, append; if something moved meanwhile, again.
//!
//! To add a command: a variant of [`Command`] and an arm in `command::decide`. Whatever a decision loads becomes a check of its append, so a
//! rule that reads three aggregates holds at the position where the event is recorded, not merely at the time of reading.

mod command;
mod decision;
mod state;

use std::sync::Arc;

use decision::Touched;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use posthaste_domain::{CommandId, Refusal, UserId};
use uuid::Uuid;

pub use command::Command;
pub use decision::Decision;
pub use state::{Loaded, States};

use crate::append::{AppendError, AppendQueue, Enqueued};
use crate::codec::Undecodable;
use crate::port::log::AppendRefused;
use crate::port::{EventLog, PortError};
use crate::recorded::{Appended, Hash, Position};

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
    pub async fn execute(&self, envelope: Envelope, command: Command) -> Result<Executed, ExecuteError> {
        self.submit(envelope, command).await?.await
    }

    /// Decides a command and gives it its place in the append queue; the future this gives ends with the outcome. Commands that are
    /// submitted one after the other are recorded in that order, without waiting for each other's commit.
    ///
    /// # Errors
    /// See [`ExecuteError`]; whatever can be refused at once is.
    pub async fn submit(
        &self,
        envelope: Envelope,
        command: Command,
    ) -> Result<BoxFuture<'static, Result<Executed, ExecuteError>>, ExecuteError> {
        let fingerprint = command.fingerprint(envelope.actor);
        let first = self.attempt(envelope, &command, fingerprint, true).await?;
        let executor = self.clone();
        Ok(async move {
            let mut attempt = first;
            for _ in 1..DECISIONS {
                match executor.settle(attempt).await? {
                    Some(executed) => return Ok(executed),
                    None => attempt = executor.attempt(envelope, &command, fingerprint, false).await?,
                }
            }
            executor.settle(attempt).await?.ok_or(ExecuteError::Contended)
        }
        .boxed())
    }

    /// Decides, and enqueues what was decided.
    async fn attempt(&self, envelope: Envelope, command: &Command, fingerprint: Hash, first_try: bool) -> Result<Attempt, ExecuteError> {
        let mut decision = Decision::new(&self.states, first_try);
        let mut decided = command::decide(&mut decision, envelope, command).await;
        // Events are checked by the log, so they may rest on a memory. A no, or "it holds already", is checked by nobody.
        if decision.rests_on_memory() && matches!(decided, Ok(_) | Err(ExecuteError::Refused(_))) && !decision.has_events() {
            decision.forget();
            decision = Decision::new(&self.states, false);
            decided = command::decide(&mut decision, envelope, command).await;
        }
        match decided {
            Ok(id) if decision.has_events() => {
                let (append, touched) = decision.into_append(envelope, fingerprint);
                let enqueued = self.queue.enqueue(append).await.map_err(not_appended)?;
                Ok(Attempt::Enqueued { id, enqueued, touched })
            }
            // It holds already, or is refused as things are now. If this very command made them so, its first answer stands.
            Ok(id) => {
                let held = Executed { id, position: decision.position(), repeated: true };
                Ok(Attempt::Done(self.first_answer(envelope, fingerprint, command).await?.unwrap_or(held)))
            }
            Err(ExecuteError::Refused(refusal)) => {
                let first = self.first_answer(envelope, fingerprint, command).await?;
                first.map(Attempt::Done).ok_or(ExecuteError::Refused(refusal))
            }
            Err(error) => Err(error),
        }
    }

    /// Waits for the log's answer; `None` when something the decision rests on has moved.
    async fn settle(&self, attempt: Attempt) -> Result<Option<Executed>, ExecuteError> {
        let (id, enqueued, touched) = match attempt {
            Attempt::Done(executed) => return Ok(Some(executed)),
            Attempt::Enqueued { id, enqueued, touched } => (id, enqueued, touched),
        };
        match enqueued.answer().await {
            Ok(Appended { last, repeated, .. }) => {
                if !repeated {
                    touched.keep(&self.states, last);
                }
                Ok(Some(Executed { id, position: last, repeated }))
            }
            Err(AppendError::Refused(AppendRefused::Moved { .. })) => {
                touched.forget(&self.states);
                Ok(None)
            }
            Err(error) => Err(not_appended(error)),
        }
    }

    async fn first_answer(&self, envelope: Envelope, fingerprint: Hash, command: &Command) -> Result<Option<Executed>, ExecuteError> {
        match self.log.find_command(envelope.command).await? {
            None => Ok(None),
            Some((first, appended)) if first == fingerprint => {
                Ok(Some(Executed { id: command.subject(envelope)?, position: appended.last, repeated: true }))
            }
            Some(_) => Err(ExecuteError::CommandMismatch),
        }
    }
}

/// A decision that was made, and what it awaits.
enum Attempt {
    /// Nothing: there is nothing to record.
    Done(Executed),
    /// The log's answer.
    Enqueued { id: Uuid, enqueued: Enqueued, touched: Touched },
}

fn not_appended(error: AppendError) -> ExecuteError {
    match error {
        AppendError::Refused(AppendRefused::CommandMismatch { .. }) => ExecuteError::CommandMismatch,
        AppendError::Refused(AppendRefused::Moved { .. }) => ExecuteError::Contended,
        AppendError::Failed(error) => ExecuteError::Log(error),
        AppendError::Closed => PortError::unavailable("append queue", "the process is stopping").into(),
    }
}
