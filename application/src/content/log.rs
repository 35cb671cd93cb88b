//! A log that seals what it is given and opens what it gives.

use std::slice;
use std::sync::Arc;

use async_trait::async_trait;
use posthaste_domain::{Addressee, CommandId, OwnerId, ThreadId, UserId};
use uuid::Uuid;

use super::Keyring;
use super::keyring::ERASED;
use crate::port::log::{AppendRefused, MembershipWindow, Memberships, Reading, Recording};
use crate::port::{EventLog, PortError};
use crate::recorded::{Append, Appended, Hash, Head, Opened, Position, Recorded, StreamId};

/// What lies between everybody who decides on and reads events, and a log.
pub struct SealedLog {
    log: Arc<dyn EventLog>,
    keyring: Arc<Keyring>,
}

impl SealedLog {
    /// This log, by these keys.
    #[must_use]
    pub fn new(log: Arc<dyn EventLog>, keyring: Arc<Keyring>) -> Self {
        Self { log, keyring }
    }

    async fn opened(&self, read: Result<Vec<Recorded>, PortError>) -> Result<Vec<Recorded>, PortError> {
        let mut events = read?;
        self.keyring.open(&mut events).await?;
        Ok(events)
    }
}

#[async_trait]
impl EventLog for SealedLog {
    async fn prepare(&self, mut append: Append) -> Result<Append, PortError> {
        self.keyring.seal(slice::from_mut(&mut append)).await?;
        self.log.prepare(append).await
    }

    async fn record(&self, mut batch: Vec<Append>) -> Result<Recording, PortError> {
        self.keyring.seal(&mut batch).await?;
        let asked: Vec<_> = batch.iter_mut().map(|append| (append.actor, append.unsealed.take())).collect();
        let Recording { mut answers, mut events, durable, announcement } = self.log.record(batch).await?;
        let mut recorded = events.iter_mut();
        for ((actor, unsealed), answer) in asked.into_iter().zip(&mut answers) {
            let Some(unsealed) = unsealed else { continue };
            match answer {
                Ok(Appended { repeated: false, .. }) => {
                    // What was sealed here need not be opened.
                    for (content, event) in unsealed.contents.into_iter().zip(recorded.by_ref()) {
                        if let Some(content) = content {
                            event.decoded.open(Opened::Clear(content));
                        }
                    }
                }
                // The same may have been recorded under another form of its fingerprint.
                Err(AppendRefused::CommandMismatch { command }) => {
                    if let Some(first) = self.answer(*command, actor, &unsealed.fingerprint).await? {
                        *answer = first;
                    }
                }
                Ok(Appended { repeated: true, .. }) | Err(AppendRefused::Moved { .. }) => {}
            }
        }
        if events.iter().any(|event| event.event_type == ERASED) {
            self.keyring.open(&mut events).await?;
        }
        Ok(Recording { answers, events, durable, announcement })
    }

    async fn find_command(&self, command: CommandId) -> Result<Option<(Hash, Appended)>, PortError> {
        self.log.find_command(command).await
    }

    async fn answer(
        &self,
        command: CommandId,
        actor: Option<UserId>,
        asked: &Hash,
    ) -> Result<Option<Result<Appended, AppendRefused>>, PortError> {
        let Some((recorded, appended)) = self.log.find_command(command).await? else { return Ok(None) };
        let asker = actor.map_or(OwnerId::new(command.uuid()), OwnerId::from);
        let same = self.keyring.recognises(asker, asked, &recorded).await?;
        Ok(Some(if same { Ok(appended) } else { Err(AppendRefused::CommandMismatch { command }) }))
    }

    async fn read(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, PortError> {
        self.opened(self.log.read(after, limit).await).await
    }

    async fn read_stream(&self, stream: StreamId, after_version: u64, limit: usize) -> Result<Vec<Recorded>, PortError> {
        self.opened(self.log.read_stream(stream, after_version, limit).await).await
    }

    async fn read_for_user(&self, user: UserId, after: Position, upto: Position, limit: usize) -> Result<Vec<Recorded>, PortError> {
        self.opened(self.log.read_for_user(user, after, upto, limit).await).await
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
        self.opened(self.log.deletions(streams).await).await
    }

    async fn head(&self) -> Result<Head, PortError> {
        self.log.head().await
    }

    async fn grown(&self, beyond: Position) {
        self.log.grown(beyond).await;
    }
}
