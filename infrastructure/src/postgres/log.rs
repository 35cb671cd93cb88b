//! The event log.

mod batch;

use async_trait::async_trait;
use posthaste_application::port::log::{MembershipWindow, Memberships, Reading, Recording};
use posthaste_application::port::{EventLog, PortError};
use posthaste_application::recorded::{Append, Appended, Hash, Head, Position, Recorded, StreamId};
use posthaste_domain::{Addressee, CommandId, DeviceId, ThreadId, UserId};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::batch::Batch;
use super::connect::Postgres;
use super::door::{Statement, statement};
use super::listen::listen;
use super::rows::{self, number};
use crate::growth::{announced, grown};
use uuid::Uuid;

const APPEND: Statement = statement!("log_append");
const FIND_COMMAND: Statement = statement!("log_find_command");
const READ: Statement = statement!("log_read");
const READ_STREAM: Statement = statement!("log_read_stream");
const READ_FOR_USER: Statement = statement!("log_read_for_user");
const MEMBERSHIPS: Statement = statement!("log_memberships");
const WINDOWS: Statement = statement!("log_windows");
const MEMBERS_AT: Statement = statement!("log_members_at");
const ADDRESSEES: Statement = statement!("log_addressees");
const READINGS: Statement = statement!("log_readings");
const DELETIONS: Statement = statement!("log_deletions");
pub(super) const HEAD: Statement = statement!("log_head");

/// The log in PostgreSQL. Listens, over a connection of its own, for what any process appends.
#[derive(Debug)]
pub struct PgLog {
    postgres: Postgres,
    /// The last position heard of.
    heard: watch::Sender<Position>,
    listener: JoinHandle<()>,
}

impl PgLog {
    /// The log, and the task that listens for it until this is dropped. Must be called within a tokio runtime.
    #[must_use]
    pub fn new(postgres: Postgres) -> Self {
        let heard = watch::Sender::new(Position::START);
        let listener = tokio::spawn(listen(postgres.clone(), heard.clone()));
        Self { postgres, heard, listener }
    }
}

impl Drop for PgLog {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

#[async_trait]
impl EventLog for PgLog {
    async fn record(&self, batch: Vec<Append>) -> Result<Recording, PortError> {
        if batch.is_empty() {
            return Ok(Recording::default());
        }
        let columns = Batch::new(&batch)?;
        let rows = self.postgres.query(APPEND, &columns.parameters()).await?;
        let recording = columns.asked().recording(batch, &rows)?;
        // Whoever follows the log in this process need not wait for the notification to come around.
        Ok(announced(&self.heard, recording))
    }

    async fn find_command(&self, command: CommandId) -> Result<Option<(Hash, Appended)>, PortError> {
        let rows = self.postgres.query(FIND_COMMAND, &[&command.uuid()]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let first = rows::position(row, "first_position")?;
        let last = rows::position(row, "last_position")?;
        let fingerprint = rows::hash(row, "fingerprint", first)?;
        Ok(Some((fingerprint, Appended { first, last, repeated: true })))
    }

    async fn read(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, PortError> {
        let rows = self.postgres.query(READ, &[&number(after.0)?, &limited(limit)]).await?;
        rows.iter().map(rows::recorded).collect()
    }

    async fn read_stream(&self, stream: StreamId, after_version: u64, limit: usize) -> Result<Vec<Recorded>, PortError> {
        let category = stream.category.as_str();
        let rows = self.postgres.query(READ_STREAM, &[&stream.id, &category, &number(after_version)?, &limited(limit)]).await?;
        rows.iter().map(rows::recorded).collect()
    }

    async fn read_for_user(&self, user: UserId, after: Position, upto: Position, limit: usize) -> Result<Vec<Recorded>, PortError> {
        let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
            [&user.uuid(), &number(after.0)?, &number(upto.0)?, &limited(limit)];
        let rows = self.postgres.query(READ_FOR_USER, &parameters).await?;
        rows.iter().map(rows::recorded).collect()
    }

    async fn memberships(&self, user: UserId) -> Result<Memberships, PortError> {
        let rows = self.postgres.query(MEMBERSHIPS, &[&user.uuid()]).await?;
        let as_of = rows::position(rows::only(&rows, "log_head")?, "as_of")?;
        Ok(Memberships { as_of, windows: rows::windows(&rows)? })
    }

    async fn windows(&self, user: UserId, thread: ThreadId) -> Result<Vec<MembershipWindow>, PortError> {
        let rows = self.postgres.query(WINDOWS, &[&user.uuid(), &thread.uuid()]).await?;
        rows.iter().map(|row| rows::window(thread, row)).collect()
    }

    async fn members_at(
        &self,
        thread: ThreadId,
        position: Position,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<UserId>, PortError> {
        // Nobody has the lowest of all ids.
        let after = after.map_or(Uuid::nil(), UserId::uuid);
        let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 4] = [&thread.uuid(), &number(position.0)?, &after, &limited(limit)];
        let rows = self.postgres.query(MEMBERS_AT, &parameters).await?;
        rows.iter().map(|row| rows::value(row, "user_id").map(UserId::new)).collect()
    }

    async fn addressees(&self, positions: &[Position]) -> Result<Vec<(Position, Addressee)>, PortError> {
        let positions = positions.iter().map(|position| number(position.0)).collect::<Result<Vec<_>, _>>()?;
        let rows = self.postgres.query(ADDRESSEES, &[&positions]).await?;
        rows.iter().map(rows::addressee).collect()
    }

    async fn readings(&self, thread: ThreadId, position: Position, users: &[UserId]) -> Result<Vec<Reading>, PortError> {
        let users: Vec<Uuid> = users.iter().map(|user| user.uuid()).collect();
        let rows = self.postgres.query(READINGS, &[&thread.uuid(), &users, &number(position.0)?]).await?;
        rows.iter()
            .map(|row| {
                let user = UserId::new(rows::value(row, "user_id")?);
                let device = rows::optional(row, "device_id")?.map(DeviceId::new);
                Ok(Reading { user, at: rows::value(row, "recorded_at")?, device })
            })
            .collect()
    }

    async fn deletions(&self, streams: &[Uuid]) -> Result<Vec<Recorded>, PortError> {
        self.postgres.query(DELETIONS, &[&streams]).await?.iter().map(rows::recorded).collect()
    }

    async fn head(&self) -> Result<Head, PortError> {
        let rows = self.postgres.query(HEAD, &[]).await?;
        let row = rows::only(&rows, "log_head")?;
        let position = rows::position(row, "position")?;
        Ok(Head { position, hash: rows::hash(row, "hash", position)? })
    }

    async fn grown(&self, beyond: Position) {
        grown(&self.heard, beyond).await;
    }
}

/// A limit as the database has it; more than it can count is no limit.
fn limited(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
