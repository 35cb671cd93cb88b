//! The event log: the only truth. Dense positions in commit order, checked appends, a hash chain.

#[cfg(feature = "contract")]
pub mod contract;

use std::mem;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use posthaste_domain::{Addressee, CommandId, DeviceId, ThreadId, UserId};

use uuid::Uuid;

use super::PortError;
use crate::recorded::{Append, Appended, Hash, Head, Position, Recorded, StreamId};

/// Why the log did not take an append. The others of its batch are not affected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendRefused {
    /// A stream is not at the version the decision rests on.
    #[error("{stream} is at version {actual}, not {expected}")]
    Moved {
        /// The first stream of the checks that is not as expected.
        stream: StreamId,
        /// The version the append rests on.
        expected: u64,
        /// The version it has.
        actual: u64,
    },
    /// The command id was used before, for something else.
    #[error("command {command} was already used for something else")]
    CommandMismatch {
        /// The command.
        command: CommandId,
    },
}

/// From when to when a user was in a thread; events at both ends belong to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MembershipWindow {
    /// Which thread.
    pub thread: ThreadId,
    /// The event they joined with.
    pub from: Position,
    /// The event they left with; `None` while they are a member.
    pub until: Option<Position>,
}

/// A user's threads as the log had them at one position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memberships {
    /// The head of the log in the snapshot that was read.
    pub as_of: Position,
    /// In the order of joining.
    pub windows: Vec<MembershipWindow>,
}

/// When somebody first said that they had read a thread up to a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Who.
    pub user: UserId,
    /// When that was recorded.
    pub at: DateTime<Utc>,
    /// On which of their devices, if it was one.
    pub device: Option<DeviceId>,
}

/// What a log made of a batch of appends. It has its place in the log, but nobody is told of it before it is durable.
#[derive(Default)]
pub struct Recording {
    /// The answer to each append, in its place.
    pub answers: Vec<Result<Appended, AppendRefused>>,
    /// What was recorded, in order and as it is read: for those who follow the log, who need not read it then.
    pub events: Vec<Recorded>,
    /// When it is on the disk, and all that was recorded before.
    pub durable: Durable,
    /// Lets those who follow the log know of it.
    pub announcement: Announcement,
}

impl Recording {
    /// Waits until nothing can undo it. What is left to do is to hand the events on, and to drop this.
    ///
    /// # Errors
    /// Whether it is durable is not known.
    pub async fn settled(mut self) -> Result<Self, PortError> {
        mem::take(&mut self.durable).wait().await?;
        Ok(self)
    }
}

/// Wakes those who wait for the log to [grow](EventLog::grown), when it is dropped: once they can be given what was recorded.
#[derive(Default)]
#[must_use = "dropping it is what it is for"]
pub struct Announcement(Option<Box<dyn FnOnce() + Send>>);

impl Announcement {
    /// What wakes them.
    pub fn by(wake: impl FnOnce() + Send + 'static) -> Self {
        Self(Some(Box::new(wake)))
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        if let Some(wake) = self.0.take() {
            wake();
        }
    }
}

/// Ends once what was recorded outlives every crash.
#[derive(Default)]
#[must_use = "what was recorded may not be told before"]
pub struct Durable(Option<BoxFuture<'static, Result<(), PortError>>>);

impl Durable {
    /// What this future waits for. What was recorded before it is durable at its end as well.
    pub fn once(durable: impl Future<Output = Result<(), PortError>> + Send + 'static) -> Self {
        Self(Some(Box::pin(durable)))
    }

    /// # Errors
    /// Whether it is durable is not known.
    pub async fn wait(self) -> Result<(), PortError> {
        match self.0 {
            Some(durable) => durable.await,
            // The log records nothing that is not.
            None => Ok(()),
        }
    }
}

/// The end of the log, to those who follow it: what they read, they share.
#[async_trait]
pub trait Tail: Send + Sync {
    /// As [`EventLog::read`].
    async fn read(&self, after: Position, limit: usize) -> Result<Vec<Arc<Recorded>>, PortError>;

    /// As [`EventLog::head`].
    async fn head(&self) -> Result<Head, PortError>;

    /// As [`EventLog::grown`].
    async fn grown(&self, beyond: Position);
}

#[async_trait]
impl<L: EventLog> Tail for L {
    async fn read(&self, after: Position, limit: usize) -> Result<Vec<Arc<Recorded>>, PortError> {
        Ok(EventLog::read(self, after, limit).await?.into_iter().map(Arc::new).collect())
    }

    async fn head(&self) -> Result<Head, PortError> {
        EventLog::head(self).await
    }

    async fn grown(&self, beyond: Position) {
        EventLog::grown(self, beyond).await;
    }
}

/// The log. Appends are serialised; reads see a prefix of it, always.
#[async_trait]
pub trait EventLog: Send + Sync {
    /// Does what can be done before an append has its turn, of what [`record`](Self::record) would do: whoever records is waited for by all
    /// others, and whoever prepares is not.
    ///
    /// # Errors
    /// It could not be done; the same append can be tried again.
    async fn prepare(&self, append: Append) -> Result<Append, PortError> {
        Ok(append)
    }

    /// Records what it can of the batch, in order, in one transaction, and answers for each append in its place.
    /// For every append, in this order: a known command id is answered with its first answer (or
    /// [`AppendRefused::CommandMismatch`] if the fingerprint differs); then every check is made; then all events are recorded.
    /// A later append of the batch sees what an earlier one recorded.
    /// The next batch may be recorded before this one is durable; whoever reads is given nothing that is not.
    ///
    /// # Errors
    /// The whole batch failed, or its outcome is not known. Appending it again is safe. A batch with an append that is not
    /// [`Append::consistent`] is rejected.
    async fn record(&self, batch: Vec<Append>) -> Result<Recording, PortError>;

    /// The answers of [`record`](Self::record), once what was recorded is durable.
    ///
    /// # Errors
    /// The same.
    async fn append(&self, batch: &[Append]) -> Result<Vec<Result<Appended, AppendRefused>>, PortError> {
        Ok(self.record(batch.to_vec()).await?.settled().await?.answers)
    }

    /// The fingerprint and answer of a command that was recorded.
    async fn find_command(&self, command: CommandId) -> Result<Option<(Hash, Appended)>, PortError>;

    /// What a command was answered when it was recorded, if it was; or that something else was asked then. `asked` is the digest of what is
    /// asked now, by `actor`.
    ///
    /// # Errors
    /// The log cannot be read.
    async fn answer(
        &self,
        command: CommandId,
        _actor: Option<UserId>,
        asked: &Hash,
    ) -> Result<Option<Result<Appended, AppendRefused>>, PortError> {
        let answer = |(recorded, appended)| if recorded == *asked { Ok(appended) } else { Err(AppendRefused::CommandMismatch { command }) };
        Ok(self.find_command(command).await?.map(answer))
    }

    /// Up to `limit` events after a position, in order.
    async fn read(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, PortError>;

    /// Up to `limit` events of a stream after a version, in order.
    async fn read_stream(&self, stream: StreamId, after_version: u64, limit: usize) -> Result<Vec<Recorded>, PortError>;

    /// Up to `limit` of the events owed to a user after one position and up to another (inclusive), in order: those of threads at
    /// positions where the user was a member, and those that name the user. Each event once.
    async fn read_for_user(&self, user: UserId, after: Position, upto: Position, limit: usize) -> Result<Vec<Recorded>, PortError>;

    /// The threads of a user, from one snapshot.
    async fn memberships(&self, user: UserId) -> Result<Memberships, PortError>;

    /// When a user was in a thread: every window, in the order of joining.
    async fn windows(&self, user: UserId, thread: ThreadId) -> Result<Vec<MembershipWindow>, PortError>;

    /// Up to `limit` of those who were in a thread at a position, whoever came or went with the event there included: to whom a thread's
    /// event at this position is owed. In the order of their ids, those above `after`.
    async fn members_at(&self, thread: ThreadId, position: Position, after: Option<UserId>, limit: usize)
    -> Result<Vec<UserId>, PortError>;

    /// The users whom the events at these positions name, in the order of positions, then of users. Whoever can read an event knows them
    /// from it; this is for events that only a newer program can read, and need not be quick.
    async fn addressees(&self, positions: &[Position]) -> Result<Vec<(Position, Addressee)>, PortError>;

    /// When each of these users first said that they had read a thread up to a position or beyond; whoever did not is not among them.
    async fn readings(&self, thread: ThreadId, position: Position, users: &[UserId]) -> Result<Vec<Reading>, PortError>;

    /// The events of these streams, in order, by which messages were deleted: a message's own `message.deleted`, and a thread's
    /// `thread.messages_deleted`.
    async fn deletions(&self, streams: &[Uuid]) -> Result<Vec<Recorded>, PortError>;

    /// The end of the log.
    async fn head(&self) -> Result<Head, PortError>;

    /// Returns when the log may have grown beyond a position: at once if it has, else when woken. May be woken for nothing, and may
    /// miss a wake-up, so callers put a time limit on it and look.
    async fn grown(&self, beyond: Position);
}
