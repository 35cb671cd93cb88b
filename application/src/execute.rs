//! The one path of every command: load what it rests on, decide, append; if something moved meanwhile, again.
//!
//! To add a command: a variant of [`Command`] and an arm in `decide`. Whatever a decision loads becomes a check of its append, so a
//! rule that reads three aggregates holds at the position where the event is recorded, not merely at the time of reading.
//!
//! A command that was refused because a stream it writes has moved takes its turn: those of one node go one by one from then on, each
//! deciding on what the one before it left, so however many want the same stream, each needs about one commit. A command that only reads
//! the stream never waits for a turn.

mod admin;
mod command;
mod decide;
mod decision;
mod deletion;
mod doubt;
mod passcode;
mod rules;
mod sight;
mod state;
#[cfg(test)]
mod tests;
mod turns;
mod two_factor;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use decision::{Ground, Touched};
use doubt::Doubts;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use posthaste_domain::friendship::FriendshipRefusal;
use posthaste_domain::id::SameUser;
use posthaste_domain::message::MessageRefusal;
use posthaste_domain::operation::OperationRefusal;
use posthaste_domain::thread::ThreadRefusal;
use posthaste_domain::user::UserRefusal;
use posthaste_domain::{CommandId, MessageId, Refusal, UserId};
use tracing::{Instrument as _, Span};
use turns::{Turn, Turns};
use uuid::Uuid;

pub use admin::AdminCommand;
pub use command::Command;
pub use decision::Decision;
pub use deletion::DeletionCommand;
pub use passcode::{Doorkeeper, NotAPasscode, Passcode};
pub use rules::Rules;
pub use sight::Found;
pub use state::{Loaded, States};
pub use two_factor::TwoFactorCommand;

use crate::append::{AppendError, AppendQueue, Enqueued};
use crate::codec::Undecodable;
use crate::meter::meters;
use crate::port::log::AppendRefused;
use crate::port::{EventLog, PortError};
use crate::recorded::{Appended, Hash, Position, StreamId};
use crate::span;

/// How often a decision is made again because something it rests on moved. Each time somebody else got through, and of those who write one
/// stream only one on each node is at it, so even a bad share of the wins is enough.
const DECISIONS: usize = 128;

/// Who asks, under which id.
#[derive(Clone, Copy, Debug)]
pub struct Envelope {
    /// The command's id, the same on every retry.
    pub command: CommandId,
    /// Who asks; `None` for somebody not yet registered.
    pub actor: Option<UserId>,
    /// Ties together what one request sets off.
    pub correlation: Uuid,
    /// When it was asked, by the clock of the node. A retry is asked later, so this is no part of what is asked.
    pub at: DateTime<Utc>,
}

/// What the path asks of a command. [`Command`] has those of the service.
pub trait Decidable: Send + Sync + 'static {
    /// A digest of what is asked and by whom: tells a retry from another command under the same id.
    fn fingerprint(&self, actor: Option<UserId>) -> Hash;

    /// What the command is about.
    ///
    /// # Errors
    /// It makes no sense for this actor.
    fn subject(&self, envelope: Envelope) -> Result<Uuid, Refusal>;

    /// Loads what the command rests on, lets it decide, and gives what the command is about. May be called again on newer states.
    fn decide(&self, decision: &mut Decision<'_>, envelope: Envelope) -> impl Future<Output = Result<Uuid, ExecuteError>> + Send;
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

macro_rules! refusals {
    ($($refusal:ty),+ $(,)?) => {$(
        impl From<$refusal> for ExecuteError {
            fn from(refusal: $refusal) -> Self {
                Self::Refused(refusal.into())
            }
        }
    )+};
}

refusals! { UserRefusal, FriendshipRefusal, ThreadRefusal, MessageRefusal, OperationRefusal, SameUser }

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
    ground: Arc<Ground>,
    turns: Arc<Turns>,
}

impl Executor {
    /// An executor over this log, appending through this queue, by these rules.
    #[must_use]
    pub fn new(log: Arc<dyn EventLog>, queue: AppendQueue, rules: Rules, doorkeeper: Doorkeeper) -> Self {
        let ground = Arc::new(Ground { states: States::new(Arc::clone(&log)), rules, doorkeeper });
        Self { log, queue, ground, turns: Arc::new(Turns::new()) }
    }

    /// The states that decisions are made on, for questions that need no command.
    #[must_use]
    pub fn states(&self) -> &States {
        &self.ground.states
    }

    /// The message, if the user sees it now: who may look at one is decided as it is for commands, and on the log, whatever the views have seen.
    ///
    /// # Errors
    /// [`MessageRefusal::NotFound`] when there is nothing for them; or it could not be loaded.
    pub async fn find(&self, user: UserId, message: MessageId) -> Result<Found, ExecuteError> {
        let of_everything = Doubts::of_everything();
        let mut looking = Decision::new(&self.ground, &of_everything);
        Ok(sight::see(&mut looking, user, message).await?.into())
    }

    /// What this very command was answered when it was executed, if it was.
    ///
    /// # Errors
    /// Its id was used for something else; or the log cannot be read.
    pub async fn first_answer(&self, envelope: Envelope, command: &impl Decidable) -> Result<Option<Executed>, ExecuteError> {
        match self.log.answer(envelope.command, envelope.actor, &command.fingerprint(envelope.actor)).await? {
            None => Ok(None),
            Some(Ok(Appended { last, .. })) => Ok(Some(Executed { id: command.subject(envelope)?, position: last, repeated: true })),
            Some(Err(_)) => Err(ExecuteError::CommandMismatch),
        }
    }

    /// Executes a command. Executing it again, at any time and on any node, gives the same answer and records nothing more.
    ///
    /// # Errors
    /// See [`ExecuteError`].
    pub async fn execute(&self, envelope: Envelope, command: impl Decidable) -> Result<Executed, ExecuteError> {
        self.submit(envelope, command).await?.await
    }

    /// Decides a command and gives it its place in the append queue; the future this gives ends with the outcome. Commands that are
    /// submitted one after the other are recorded in that order, without waiting for each other's commit, unless others are in their way.
    /// Poll it until it ends or drop it: others may be waiting for their turn.
    ///
    /// # Errors
    /// See [`ExecuteError`]; whatever can be refused at once is.
    pub async fn submit(
        &self,
        envelope: Envelope,
        command: impl Decidable,
    ) -> Result<BoxFuture<'static, Result<Executed, ExecuteError>>, ExecuteError> {
        tracing::debug!(correlation = %envelope.correlation, command = %envelope.command, "command accepted");
        let asked = Asked { fingerprint: command.fingerprint(envelope.actor), envelope, command };
        let span = span::command(&envelope);
        let first = self.attempt(&asked, &Doubts::default()).instrument(span.clone()).await;
        let first = first.inspect_err(|error| observe(envelope, &span, Err(error)))?;
        let (executor, around) = (self.clone(), span.clone());
        let finished = async move {
            let executed = executor.finish(&asked, first).await;
            observe(envelope, &span, executed.as_ref());
            executed
        };
        Ok(finished.instrument(around).boxed())
    }

    /// Attempts until nothing moves in between.
    async fn finish<C: Decidable>(&self, asked: &Asked<C>, first: Attempt) -> Result<Executed, ExecuteError> {
        let mut attempt = first;
        let mut doubts = Doubts::default();
        let mut turn: Option<Turn<'_>> = None;
        for _ in 1..DECISIONS {
            let Moved { stream, version, written } = match self.settle(attempt).await? {
                Settled::Executed(executed) => return Ok(executed),
                Settled::Moved(moved) => moved,
            };
            doubts.moved(stream, version);
            if written && turn.as_ref().is_none_or(|turn| turn.stream != stream) {
                // First one is given back, then the other is taken.
                drop(turn.take());
                turn = Some(self.turns.take(stream).await);
                doubts.in_turn(stream);
            }
            attempt = self.attempt(asked, &doubts).await?;
        }
        match self.settle(attempt).await? {
            Settled::Executed(executed) => Ok(executed),
            Settled::Moved(_) => Err(ExecuteError::Contended),
        }
    }

    /// Decides, and enqueues what was decided.
    async fn attempt<C: Decidable>(&self, asked: &Asked<C>, doubts: &Doubts) -> Result<Attempt, ExecuteError> {
        let of_everything = Doubts::of_everything();
        let mut decision = Decision::new(&self.ground, doubts);
        let mut decided = asked.command.decide(&mut decision, asked.envelope).await;
        // Events are checked by the log, so they may rest on a memory. A no, or "it holds already", is checked by nobody.
        let unchecked = matches!(decided, Err(ExecuteError::Refused(_))) || (decided.is_ok() && !decision.has_events());
        if decision.rests_on_memory() && unchecked {
            decision = Decision::new(&self.ground, &of_everything);
            decided = asked.command.decide(&mut decision, asked.envelope).await;
        }
        match decided {
            Ok(id) if decision.has_events() => {
                let (append, touched) = decision.into_append(asked.envelope, asked.fingerprint);
                let enqueued = self.queue.enqueue(append).await.map_err(not_appended)?;
                Ok(Attempt::Enqueued { id, enqueued, touched })
            }
            // It holds already, or is refused as things are now. If this very command made them so, its first answer stands.
            Ok(id) => {
                let held = Executed { id, position: decision.position(), repeated: true };
                Ok(Attempt::Done(self.first_answer(asked.envelope, &asked.command).await?.unwrap_or(held)))
            }
            Err(ExecuteError::Refused(refusal)) => {
                let first = self.first_answer(asked.envelope, &asked.command).await?;
                first.map(Attempt::Done).ok_or(ExecuteError::Refused(refusal))
            }
            Err(error) => Err(error),
        }
    }

    /// Waits for the log's answer.
    async fn settle(&self, attempt: Attempt) -> Result<Settled, ExecuteError> {
        let (id, enqueued, touched) = match attempt {
            Attempt::Done(executed) => return Ok(Settled::Executed(executed)),
            Attempt::Enqueued { id, enqueued, touched } => (id, enqueued, touched),
        };
        match enqueued.answer().await {
            Ok(appended) => {
                if !appended.repeated {
                    touched.keep(&self.ground.states, appended);
                }
                Ok(Settled::Executed(Executed { id, position: appended.last, repeated: appended.repeated }))
            }
            Err(AppendError::Refused(AppendRefused::Moved { stream, expected, actual })) => {
                if actual < expected {
                    // The log has lost events that were seen: it was restored from a backup.
                    self.ground.states.forget(stream);
                }
                Ok(Settled::Moved(Moved { stream, version: actual, written: touched.writes(stream) }))
            }
            Err(error) => Err(not_appended(error)),
        }
    }
}

/// A command and what goes around it.
struct Asked<C> {
    envelope: Envelope,
    fingerprint: Hash,
    command: C,
}

/// What the log answered to an attempt.
enum Settled {
    /// It took it.
    Executed(Executed),
    /// Something the decision rests on has moved.
    Moved(Moved),
}

/// A stream that is not where the decision took it to be.
struct Moved {
    stream: StreamId,
    /// The version it has.
    version: u64,
    /// The decision would have written it.
    written: bool,
}

/// A decision that was made, and what it awaits.
enum Attempt {
    /// Nothing: there is nothing to record.
    Done(Executed),
    /// The log's answer.
    Enqueued { id: Uuid, enqueued: Enqueued, touched: Touched },
}

/// Counts what became of a command, and says it under its correlation.
fn observe(Envelope { command, correlation, .. }: Envelope, span: &Span, outcome: Result<&Executed, &ExecuteError>) {
    let name = match outcome {
        Ok(Executed { repeated: false, .. }) => "executed",
        Ok(Executed { repeated: true, .. }) => "repeated",
        Err(ExecuteError::Refused(_) | ExecuteError::CommandMismatch) => "refused",
        Err(ExecuteError::Contended | ExecuteError::Log(_) | ExecuteError::Unreadable(_)) => "failed",
    };
    meters().commands.of(name).increment(1);
    span.record("outcome", name);
    if let Ok(Executed { position, .. }) = outcome {
        span.record("position", position.0);
    }
    match outcome {
        Ok(Executed { position, .. }) => tracing::debug!(%correlation, %command, position = position.0, outcome = name, "command recorded"),
        Err(error) => tracing::debug!(%correlation, %command, outcome = name, reason = %error, "command not recorded"),
    }
}

fn not_appended(error: AppendError) -> ExecuteError {
    match error {
        AppendError::Refused(AppendRefused::CommandMismatch { .. }) => ExecuteError::CommandMismatch,
        AppendError::Refused(AppendRefused::Moved { .. }) => ExecuteError::Contended,
        AppendError::Failed(error) => ExecuteError::Log(error),
        AppendError::Closed => PortError::unavailable("append queue", "the process is stopping").into(),
    }
}
