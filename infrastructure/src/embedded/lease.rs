//! The lease of the relay in SQLite.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use posthaste_application::port::lease::{Fenced, Lease, RelayStatus};
use posthaste_application::port::{Clock, PortError, RelayLease};
use posthaste_application::recorded::Position;
use rusqlite::{OptionalExtension as _, Transaction, params};
use uuid::Uuid;

use super::database::{Database, Durability};
use super::failure::Failure;
use super::row::{Id, Micros, Unsigned, integer};
use super::statements;

/// The lease of the embedded profile.
///
/// What it writes outlives the process but perhaps not the machine: the broker of this profile forgets everything with the process
/// anyway, a checkpoint that fell back only has runs published again, and no other process can hold an epoch, because one alone may
/// write to the file. For the same reason nobody holds the lease when the file is opened.
pub struct SqliteLease {
    database: Arc<Database>,
    clock: Arc<dyn Clock>,
}

impl SqliteLease {
    /// The lease in this file; it runs out by this clock.
    #[must_use]
    pub fn new(database: Arc<Database>, clock: Arc<dyn Clock>) -> Self {
        Self { database, clock }
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, PortError> {
        self.database.writer()?.write(Durability::Process, work).await
    }
}

#[async_trait]
impl RelayLease for SqliteLease {
    async fn acquire(&self, holder: Uuid, ttl: Duration) -> Result<Option<(Lease, Position)>, PortError> {
        let clock = Arc::clone(&self.clock);
        self.write(move |transaction| {
            let (row, now) = (Stored::read(transaction)?, clock.now());
            let epoch = match row.holder {
                Some(current) if current == holder => row.epoch,
                Some(_) if row.held_until > now => return Ok(None),
                Some(_) | None => row.epoch + 1,
            };
            let mut take = transaction.prepare_cached(statements::LEASE_TAKE)?;
            take.execute(params![integer(epoch), holder.as_bytes(), end(now, ttl)])?;
            Ok(Some((Lease { holder, epoch }, row.checkpoint)))
        })
        .await
    }

    async fn checkpoint(&self, lease: Lease, position: Position, ttl: Duration) -> Result<Result<(), Fenced>, PortError> {
        let clock = Arc::clone(&self.clock);
        self.write(move |transaction| {
            let (before, now) = (Stored::read(transaction)?.checkpoint, clock.now());
            let mut checkpoint = transaction.prepare_cached(statements::LEASE_CHECKPOINT)?;
            let (holder, epoch) = (lease.holder, integer(lease.epoch));
            let held = checkpoint.execute(params![holder.as_bytes(), epoch, integer(position.0), end(now, ttl)])? == 1;
            if held && position > before {
                let mut confirm = transaction.prepare_cached(statements::LEASE_CONFIRM)?;
                confirm.execute(params![integer(position.0), now.timestamp_micros()])?;
            }
            Ok(if held { Ok(()) } else { Err(Fenced { epoch: lease.epoch }) })
        })
        .await
    }

    async fn release(&self, lease: Lease) -> Result<(), PortError> {
        self.write(move |transaction| {
            let mut release = transaction.prepare_cached(statements::LEASE_RELEASE)?;
            release.execute(params![lease.holder.as_bytes(), integer(lease.epoch)])?;
            Ok(())
        })
        .await
    }

    async fn confirmed_at(&self, position: Position) -> Result<Option<DateTime<Utc>>, PortError> {
        let read = move |snapshot: &Transaction<'_>| {
            let mut confirmed = snapshot.prepare_cached(statements::LEASE_CONFIRMED_AT)?;
            let at = confirmed.query_row([integer(position.0)], |row| row.get::<_, Micros>(0)).optional()?;
            Ok(at.map(|Micros(at)| at))
        };
        self.database.readers().read(read).await
    }

    async fn status(&self) -> Result<RelayStatus, PortError> {
        let row = self.database.readers().read(Stored::read).await?;
        let holder = row.holder.filter(|_| row.held_until > self.clock.now());
        Ok(RelayStatus { epoch: row.epoch, holder, checkpoint: row.checkpoint })
    }
}

struct Stored {
    epoch: u64,
    holder: Option<Uuid>,
    held_until: DateTime<Utc>,
    checkpoint: Position,
}

impl Stored {
    fn read(transaction: &Transaction<'_>) -> Result<Self, Failure> {
        let mut statement = transaction.prepare_cached(statements::LEASE_READ)?;
        Ok(statement.query_row((), |row| {
            let (Unsigned(epoch), Micros(held_until), Unsigned(checkpoint)) = (row.get(0)?, row.get(2)?, row.get(3)?);
            let holder = row.get::<_, Option<Id>>(1)?.map(|Id(holder)| holder);
            Ok(Self { epoch, holder, held_until, checkpoint: Position(checkpoint) })
        })?)
    }
}

/// When a lease taken now runs out, in microseconds.
fn end(now: DateTime<Utc>, ttl: Duration) -> i64 {
    TimeDelta::from_std(ttl).ok().and_then(|ttl| now.checked_add_signed(ttl)).unwrap_or(DateTime::<Utc>::MAX_UTC).timestamp_micros()
}
