//! Of a log, only what a projector reads.

use async_trait::async_trait;
use posthaste_application::port::log::{MembershipWindow, Memberships, Reading, Recording};
use posthaste_application::port::{EventLog, PortError};
use posthaste_application::recorded::{Append, Appended, Hash, Head, Position, Recorded, StreamId};
use posthaste_domain::{Addressee, CommandId, ThreadId, UserId};

use super::Finished;
use uuid::Uuid;

fn refused<T>() -> Result<T, PortError> {
    Err(PortError::rejected("finished log", "projectors ask for nothing of the kind"))
}

#[async_trait]
impl EventLog for Finished {
    async fn record(&self, _batch: Vec<Append>) -> Result<Recording, PortError> {
        refused()
    }

    async fn find_command(&self, _command: CommandId) -> Result<Option<(Hash, Appended)>, PortError> {
        refused()
    }

    async fn read(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, PortError> {
        Ok(self.0.iter().filter(|event| event.position > after).take(limit).cloned().collect())
    }

    async fn read_stream(&self, _stream: StreamId, _after_version: u64, _limit: usize) -> Result<Vec<Recorded>, PortError> {
        refused()
    }

    async fn read_for_user(&self, _user: UserId, _after: Position, _upto: Position, _limit: usize) -> Result<Vec<Recorded>, PortError> {
        refused()
    }

    async fn memberships(&self, _user: UserId) -> Result<Memberships, PortError> {
        refused()
    }

    async fn windows(&self, _user: UserId, _thread: ThreadId) -> Result<Vec<MembershipWindow>, PortError> {
        refused()
    }

    async fn members_at(&self, _: ThreadId, _: Position, _: Option<UserId>, _: usize) -> Result<Vec<UserId>, PortError> {
        refused()
    }

    async fn addressees(&self, _: &[Position]) -> Result<Vec<(Position, Addressee)>, PortError> {
        refused()
    }

    async fn readings(&self, _: ThreadId, _: Position, _: &[UserId]) -> Result<Vec<Reading>, PortError> {
        refused()
    }

    async fn deletions(&self, _streams: &[Uuid]) -> Result<Vec<Recorded>, PortError> {
        refused()
    }

    async fn head(&self) -> Result<Head, PortError> {
        Ok(Head { position: Position(self.0.len() as u64), hash: [0; 32] })
    }

    async fn grown(&self, _beyond: Position) {
        std::future::pending().await
    }
}
