//! The event log in SQLite.
//!
//! One connection writes, so appends are serialised without a lock of their own, and a batch is one transaction. While the disk takes
//! it, the next one is recorded.
//! On the cost of an event: the versions of streams that exist are looked up once per batch, and that neither the command nor a new stream is
//! there yet is not asked but found out. A new event touches the table and two indexes, all of which grow at their right edge when ids are
//! UUIDv7, as messages and commands of our clients are. It is sorted in by thread once in a while, with those since the last time
//! (`sql/schema_18.sql`); until then whoever looks for a thread's events reads the end of the log.

mod append;
mod audience;

use std::sync::Arc;

use async_trait::async_trait;
use posthaste_application::port::log::{Durable, MembershipWindow, Memberships, Reading, Recording};
use posthaste_application::port::{Clock, EventLog, PortError};
use posthaste_application::recorded::{Append, Appended, Hash, Head, Position, Recorded, StreamId};
use posthaste_domain::{Addressee, CommandId, ThreadId, UserId};
use rusqlite::{Params, Transaction, params};

use super::database::{Database, Durability};
use super::failure::Failure;
use super::row::{self, Unsigned, integer};
use super::statements;
use crate::growth::{announced, grown};
use uuid::Uuid;

pub(super) use self::append::{insert_users, sort_in};
pub(super) use self::audience::windows;

/// The log of the embedded profile.
pub struct SqliteLog {
    database: Arc<Database>,
    clock: Arc<dyn Clock>,
}

impl SqliteLog {
    /// The log in this file; it takes its times from this clock.
    #[must_use]
    pub fn new(database: Arc<Database>, clock: Arc<dyn Clock>) -> Self {
        Self { database, clock }
    }
}

#[async_trait]
impl EventLog for SqliteLog {
    async fn record(&self, batch: Vec<Append>) -> Result<Recording, PortError> {
        append::check_consistent(&batch)?;
        if batch.is_empty() {
            return Ok(Recording::default());
        }
        // While nobody waits, the thread that writes flushes as well: a batch of one is answered sooner than by two threads.
        let (alone, clock) = (batch.len() == 1, Arc::clone(&self.clock));
        let work = move |transaction: &Transaction<'_>| append::append(transaction, batch, clock.now());
        let writer = self.database.writer()?;
        let (recording, durable) =
            if alone { (writer.write(Durability::Machine, work).await?, Durable::default()) } else { writer.commit(work).await? };
        Ok(announced(self.database.head(), Recording { durable, ..recording }))
    }

    async fn find_command(&self, command: CommandId) -> Result<Option<(Hash, Appended)>, PortError> {
        let find = move |snapshot: &Transaction<'_>| {
            let mut statement = snapshot.prepare_cached(statements::COMMAND_FIND)?;
            append::find_command(&mut statement, command)
        };
        self.database.readers().read(find).await
    }

    async fn read(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, PortError> {
        let parameters = (integer(after.0), row::limit(limit));
        self.database.readers().read(move |snapshot| events(snapshot, statements::EVENTS_AFTER, parameters)).await
    }

    async fn read_stream(&self, stream: StreamId, after_version: u64, limit: usize) -> Result<Vec<Recorded>, PortError> {
        let read = move |snapshot: &Transaction<'_>| {
            let parameters = params![stream.id.as_bytes(), stream.category.as_str(), integer(after_version), row::limit(limit)];
            events(snapshot, statements::EVENTS_OF_STREAM, parameters)
        };
        self.database.readers().read(read).await
    }

    async fn read_for_user(&self, user: UserId, after: Position, upto: Position, limit: usize) -> Result<Vec<Recorded>, PortError> {
        self.database.readers().read(move |snapshot| audience::owed(snapshot, user, after, upto, limit)).await
    }

    async fn memberships(&self, user: UserId) -> Result<Memberships, PortError> {
        let read = move |snapshot: &Transaction<'_>| {
            Ok(Memberships { as_of: read_head(snapshot)?.position, windows: audience::windows(snapshot, user)? })
        };
        self.database.readers().read(read).await
    }

    async fn windows(&self, user: UserId, thread: ThreadId) -> Result<Vec<MembershipWindow>, PortError> {
        self.database.readers().read(move |snapshot| audience::windows_of_thread(snapshot, user, thread)).await
    }

    async fn members_at(
        &self,
        thread: ThreadId,
        position: Position,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<UserId>, PortError> {
        self.database.readers().read(move |snapshot| audience::members_at(snapshot, thread, position, after, limit)).await
    }

    async fn addressees(&self, positions: &[Position]) -> Result<Vec<(Position, Addressee)>, PortError> {
        let mut positions = positions.to_vec();
        positions.sort_unstable();
        self.database.readers().read(move |snapshot| audience::addressees(snapshot, &positions)).await
    }

    async fn readings(&self, thread: ThreadId, position: Position, users: &[UserId]) -> Result<Vec<Reading>, PortError> {
        let users = users.to_vec();
        self.database.readers().read(move |snapshot| audience::readings(snapshot, thread, position, &users)).await
    }

    async fn deletions(&self, streams: &[Uuid]) -> Result<Vec<Recorded>, PortError> {
        let streams = streams.to_vec();
        let read = move |snapshot: &Transaction<'_>| {
            let mut deletions = Vec::new();
            for stream in streams {
                deletions.extend(events(snapshot, statements::DELETIONS, [stream.as_bytes()])?);
            }
            deletions.sort_by_key(|deletion| deletion.position);
            Ok(deletions)
        };
        self.database.readers().read(read).await
    }

    async fn head(&self) -> Result<Head, PortError> {
        self.database.readers().read(read_head).await
    }

    async fn grown(&self, beyond: Position) {
        grown(self.database.head(), beyond).await;
    }
}

pub(super) fn read_head(transaction: &Transaction<'_>) -> Result<Head, Failure> {
    let mut statement = transaction.prepare_cached(statements::HEAD_READ)?;
    Ok(statement.query_row((), |row| {
        let Unsigned(position) = row.get(0)?;
        Ok(Head { position: Position(position), hash: row.get(1)? })
    })?)
}

fn events(snapshot: &Transaction<'_>, statement: &str, parameters: impl Params) -> Result<Vec<Recorded>, Failure> {
    let mut statement = snapshot.prepare_cached(statement)?;
    let mut rows = statement.query(parameters)?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        events.push(row::recorded(row)?);
    }
    Ok(events)
}
