//! A log that counts what is asked of it, and can be slow or forgetful.

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use posthaste_application::port::log::{MembershipWindow, Memberships, Reading, Recording};
use posthaste_application::port::{EventLog, PortError};
use posthaste_application::recorded::{Append, Appended, Hash, Head, Position, Recorded, StreamId};
use posthaste_domain::{Addressee, CommandId, ThreadId, UserId};
use tokio::sync::oneshot;

use super::Ordering;
use uuid::Uuid;

pub(crate) struct Watched {
    pub(crate) log: Arc<dyn EventLog>,
    /// It loses every second answer after it has recorded.
    pub(crate) loses_answers: bool,
    pub(crate) batches: AtomicUsize,
    pub(crate) appends: AtomicUsize,
    /// Events given out by reading streams.
    pub(crate) rows: AtomicUsize,
    /// The next who reads a stream says so, and waits until it may.
    pub(crate) gate: Mutex<Option<(oneshot::Sender<()>, oneshot::Receiver<()>)>>,
}

impl Watched {
    pub(crate) fn over(log: Arc<dyn EventLog>) -> Self {
        let (batches, appends, rows, gate) = Default::default();
        Self { log, loses_answers: false, batches, appends, rows, gate }
    }
}

#[async_trait]
impl EventLog for Watched {
    async fn record(&self, batch: Vec<Append>) -> Result<Recording, PortError> {
        let appends = batch.len();
        let recording = self.log.record(batch).await?;
        self.appends.fetch_add(appends, Ordering::Relaxed);
        if self.batches.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) && self.loses_answers {
            return Err(PortError::unavailable("sqlite", "the answer was lost"));
        }
        Ok(recording)
    }

    async fn find_command(&self, command: CommandId) -> Result<Option<(Hash, Appended)>, PortError> {
        self.log.find_command(command).await
    }

    async fn read(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, PortError> {
        self.log.read(after, limit).await
    }

    async fn read_stream(&self, stream: StreamId, after_version: u64, limit: usize) -> Result<Vec<Recorded>, PortError> {
        let gate = self.gate.lock().unwrap().take();
        if let Some((reached, open)) = gate {
            reached.send(()).unwrap();
            open.await.unwrap();
        }
        let events = self.log.read_stream(stream, after_version, limit).await?;
        self.rows.fetch_add(events.len(), Ordering::Relaxed);
        Ok(events)
    }

    async fn read_for_user(&self, user: UserId, after: Position, upto: Position, limit: usize) -> Result<Vec<Recorded>, PortError> {
        self.log.read_for_user(user, after, upto, limit).await
    }

    async fn memberships(&self, user: UserId) -> Result<Memberships, PortError> {
        self.log.memberships(user).await
    }

    async fn windows(&self, user: UserId, thread: ThreadId) -> Result<Vec<MembershipWindow>, PortError> {
        self.log.windows(user, thread).await
    }

    async fn members_at(
        &self,
        thread: ThreadId,
        position: Position,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<UserId>, PortError> {
        self.log.members_at(thread, position, after, limit).await
    }

    async fn addressees(&self, positions: &[Position]) -> Result<Vec<(Position, Addressee)>, PortError> {
        self.log.addressees(positions).await
    }

    async fn readings(&self, thread: ThreadId, position: Position, users: &[UserId]) -> Result<Vec<Reading>, PortError> {
        self.log.readings(thread, position, users).await
    }

    async fn deletions(&self, streams: &[Uuid]) -> Result<Vec<Recorded>, PortError> {
        self.log.deletions(streams).await
    }

    async fn head(&self) -> Result<Head, PortError> {
        self.log.head().await
    }

    async fn grown(&self, beyond: Position) {
        self.log.grown(beyond).await;
    }
}
