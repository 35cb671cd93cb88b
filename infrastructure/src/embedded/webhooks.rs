//! What is owed to webhooks, in SQLite.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use posthaste_application::port::webhooks::{EndpointStatus, Fenced, Lease, Owed, Settlement, Waiting, Work};
use posthaste_application::port::{Clock, PortError, Webhooks};
use posthaste_application::recorded::Position;
use rusqlite::{OptionalExtension as _, Transaction, params};
use uuid::Uuid;

use super::database::{Database, Durability};
use super::failure::Failure;
use super::row::{Id, Micros, Unsigned, integer, limit};
use super::statements;

/// The inboxes of the embedded profile.
///
/// What is written outlives the process but perhaps not the machine: what was taken in is taken in again from the log, and what was
/// delivered is delivered again, under the same id.
pub struct SqliteWebhooks {
    database: Arc<Database>,
    clock: Arc<dyn Clock>,
}

impl SqliteWebhooks {
    /// The inboxes in this file; leases run out by this clock.
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

    /// Changes something of an endpoint, if the lease is held.
    async fn held<T: Send + 'static>(
        &self,
        endpoint: &str,
        lease: Lease,
        work: impl FnOnce(&Transaction<'_>, &str, Stored) -> Result<T, Failure> + Send + 'static,
    ) -> Result<Result<T, Fenced>, PortError> {
        let endpoint = endpoint.to_owned();
        self.write(move |transaction| match Stored::read(transaction, &endpoint)? {
            Some(stored) if stored.holder == Some(lease.holder) && stored.epoch == lease.epoch => {
                work(transaction, &endpoint, stored).map(Ok)
            }
            Some(_) | None => Ok(Err(Fenced { epoch: lease.epoch })),
        })
        .await
    }
}

#[async_trait]
impl Webhooks for SqliteWebhooks {
    async fn register(&self, endpoints: &[String], head: Position) -> Result<Vec<(String, Position)>, PortError> {
        let endpoints = endpoints.to_vec();
        self.write(move |transaction| {
            transaction.prepare_cached(statements::WEBHOOK_INTAKE_BEGIN)?.execute([integer(head.0)])?;
            let since = head.max(taken(transaction)?);
            let register = |name: String| {
                transaction.prepare_cached(statements::WEBHOOK_REGISTER)?.execute(params![name, integer(since.0)])?;
                let since = Stored::read(transaction, &name)?.map_or(since, |stored| stored.since);
                Ok((name, since))
            };
            endpoints.into_iter().map(register).collect()
        })
        .await
    }

    async fn taken(&self) -> Result<Position, PortError> {
        self.database.readers().read(taken).await
    }

    async fn take_in(&self, after: Position, upto: Position, owed: &[Owed]) -> Result<bool, PortError> {
        let owed = owed.to_vec();
        self.write(move |transaction| {
            let mut moved = transaction.prepare_cached(statements::WEBHOOK_INTAKE_MOVE)?;
            if moved.execute([integer(after.0), integer(upto.0)])? == 0 {
                return Ok(false);
            }
            let mut add = transaction.prepare_cached(statements::WEBHOOK_INBOX_ADD)?;
            for Owed { endpoint, position } in owed {
                add.execute(params![endpoint, integer(position.0)])?;
            }
            Ok(true)
        })
        .await
    }

    async fn acquire(&self, endpoint: &str, holder: Uuid, ttl: Duration) -> Result<Option<Lease>, PortError> {
        let (endpoint, now) = (endpoint.to_owned(), self.clock.now());
        self.write(move |transaction| {
            let Some(stored) = Stored::read(transaction, &endpoint)? else { return Ok(None) };
            let epoch = match stored.holder {
                Some(current) if current == holder => stored.epoch,
                Some(_) if stored.held_until > now => return Ok(None),
                Some(_) | None => stored.epoch + 1,
            };
            let until = TimeDelta::from_std(ttl).ok().and_then(|ttl| now.checked_add_signed(ttl)).unwrap_or(DateTime::<Utc>::MAX_UTC);
            let mut lease = transaction.prepare_cached(statements::WEBHOOK_LEASE)?;
            lease.execute(params![endpoint, integer(epoch), holder.as_bytes(), until.timestamp_micros()])?;
            Ok(Some(Lease { holder, epoch }))
        })
        .await
    }

    async fn work(&self, endpoint: &str, lease: Lease, most: usize) -> Result<Result<Work, Fenced>, PortError> {
        let endpoint = endpoint.to_owned();
        let read = move |snapshot: &Transaction<'_>| {
            let stored = Stored::read(snapshot, &endpoint)?;
            let stored = stored.filter(|stored| stored.holder == Some(lease.holder) && stored.epoch == lease.epoch);
            let Some(Stored { disabled_at, failing_since, .. }) = stored else { return Ok(Err(Fenced { epoch: lease.epoch })) };
            Ok(Ok(Work { disabled_at, failing_since, waiting: oldest(snapshot, &endpoint, most)? }))
        };
        self.database.readers().read(read).await
    }

    async fn settle(&self, endpoint: &str, lease: Lease, position: Position, came: &Settlement) -> Result<Result<(), Fenced>, PortError> {
        let came = came.clone();
        self.held(endpoint, lease, move |transaction, endpoint, stored| {
            let at = integer(position.0);
            let failing_since = match came {
                Settlement::Delivered => {
                    take(transaction, endpoint, position)?;
                    None
                }
                Settlement::Retry { due_at, at: tried_at } => {
                    let mut retry = transaction.prepare_cached(statements::WEBHOOK_INBOX_RETRY)?;
                    retry.execute(params![endpoint, at, due_at.timestamp_micros()])?;
                    Some(stored.failing_since.unwrap_or(tried_at))
                }
                Settlement::Dead { reason, at: tried_at } => {
                    if let Some(tries) = take(transaction, endpoint, position)? {
                        transaction.prepare_cached(statements::WEBHOOK_ASIDE_ADD)?.execute(params![endpoint, at])?;
                        let mut bury = transaction.prepare_cached(statements::WEBHOOK_BURY)?;
                        bury.execute(params![endpoint, at, tries + 1, reason, tried_at.timestamp_micros()])?;
                    }
                    Some(stored.failing_since.unwrap_or(tried_at))
                }
            };
            health(transaction, endpoint, failing_since, stored.disabled_at)
        })
        .await
    }

    async fn set_aside(&self, endpoint: &str, lease: Lease, positions: &[Position]) -> Result<Result<(), Fenced>, PortError> {
        let positions = positions.to_vec();
        self.held(endpoint, lease, move |transaction, endpoint, _| {
            for position in positions {
                if is_parked(transaction, endpoint, position)? && take(transaction, endpoint, position)?.is_some() {
                    let mut add = transaction.prepare_cached(statements::WEBHOOK_ASIDE_ADD)?;
                    add.execute(params![endpoint, integer(position.0)])?;
                }
            }
            Ok(())
        })
        .await
    }

    async fn disable(&self, endpoint: &str, lease: Lease, at: DateTime<Utc>) -> Result<Result<(), Fenced>, PortError> {
        self.held(endpoint, lease, move |transaction, endpoint, stored| {
            health(transaction, endpoint, stored.failing_since, Some(stored.disabled_at.unwrap_or(at)))
        })
        .await
    }

    async fn release(&self, endpoint: &str, lease: Lease) -> Result<(), PortError> {
        let endpoint = endpoint.to_owned();
        self.write(move |transaction| {
            let mut release = transaction.prepare_cached(statements::WEBHOOK_RELEASE)?;
            release.execute(params![endpoint, lease.holder.as_bytes(), integer(lease.epoch)])?;
            Ok(())
        })
        .await
    }

    async fn status(&self) -> Result<Vec<EndpointStatus>, PortError> {
        let read = |snapshot: &Transaction<'_>| {
            let mut names = snapshot.prepare_cached(statements::WEBHOOK_ENDPOINTS_ALL)?;
            let names = names.query_map((), |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
            names.into_iter().filter_map(|name| status(snapshot, name).transpose()).collect()
        };
        self.database.readers().read(read).await
    }

    async fn enable(&self, endpoint: &str) -> Result<bool, PortError> {
        let endpoint = endpoint.to_owned();
        self.write(move |transaction| {
            if Stored::read(transaction, &endpoint)?.is_none_or(|stored| stored.disabled_at.is_none()) {
                return Ok(false);
            }
            health(transaction, &endpoint, None, None)?;
            transaction.prepare_cached(statements::WEBHOOK_INBOX_DUE)?.execute([endpoint])?;
            Ok(true)
        })
        .await
    }
}

struct Stored {
    since: Position,
    epoch: u64,
    holder: Option<Uuid>,
    held_until: DateTime<Utc>,
    failing_since: Option<DateTime<Utc>>,
    disabled_at: Option<DateTime<Utc>>,
}

impl Stored {
    fn read(transaction: &Transaction<'_>, endpoint: &str) -> Result<Option<Self>, Failure> {
        let mut statement = transaction.prepare_cached(statements::WEBHOOK_ENDPOINT)?;
        let stored = statement.query_row([endpoint], |row| {
            let (Unsigned(since), Unsigned(epoch), Micros(held_until)) = (row.get(0)?, row.get(1)?, row.get(3)?);
            let holder = row.get::<_, Option<Id>>(2)?.map(|Id(holder)| holder);
            let time = |column| row.get::<_, Option<Micros>>(column).map(|time| time.map(|Micros(time)| time));
            Ok(Self { since: Position(since), epoch, holder, held_until, failing_since: time(4)?, disabled_at: time(5)? })
        });
        Ok(stored.optional()?)
    }
}

fn taken(transaction: &Transaction<'_>) -> Result<Position, Failure> {
    let taken = transaction.prepare_cached(statements::WEBHOOK_INTAKE_READ)?.query_row((), |row| row.get(0)).optional()?;
    Ok(taken.map_or(Position::START, |Unsigned(taken)| Position(taken)))
}

fn oldest(transaction: &Transaction<'_>, endpoint: &str, most: usize) -> Result<Vec<Waiting>, Failure> {
    let mut statement = transaction.prepare_cached(statements::WEBHOOK_INBOX_OLDEST)?;
    let rows = statement.query_map(params![endpoint, limit(most)], |row| {
        let (Unsigned(position), Micros(due_at)) = (row.get(0)?, row.get(2)?);
        Ok(Waiting { position: Position(position), tries: row.get(1)?, due_at, parked: false })
    })?;
    let parked = |waiting: rusqlite::Result<Waiting>| {
        let waiting = waiting?;
        Ok(Waiting { parked: is_parked(transaction, endpoint, waiting.position)?, ..waiting })
    };
    rows.map(parked).collect()
}

fn is_parked(transaction: &Transaction<'_>, endpoint: &str, position: Position) -> Result<bool, Failure> {
    Ok(transaction.prepare_cached(statements::WEBHOOK_PARKED)?.exists(params![endpoint, integer(position.0)])?)
}

fn status(snapshot: &Transaction<'_>, endpoint: String) -> Result<Option<EndpointStatus>, Failure> {
    let Some(stored) = Stored::read(snapshot, &endpoint)? else { return Ok(None) };
    let count = |statement| -> Result<u64, Failure> {
        let Unsigned(count) = snapshot.prepare_cached(statement)?.query_row([&endpoint], |row| row.get(0))?;
        Ok(count)
    };
    let oldest = oldest(snapshot, &endpoint, 1)?;
    let (waiting, dead) = (count(statements::WEBHOOK_INBOX_COUNT)?, count(statements::WEBHOOK_DEAD_COUNT)?);
    let aside = count(statements::WEBHOOK_ASIDE_COUNT)?.saturating_sub(dead);
    Ok(Some(EndpointStatus {
        since: stored.since,
        waiting,
        oldest: oldest.first().map(|waiting| waiting.position),
        tries: oldest.first().map_or(0, |waiting| waiting.tries),
        dead,
        aside,
        failing_since: stored.failing_since,
        disabled_at: stored.disabled_at,
        endpoint,
    }))
}

/// Takes an event out of the inbox; gives how often it was tried, if it was there.
fn take(transaction: &Transaction<'_>, endpoint: &str, position: Position) -> Result<Option<u32>, Failure> {
    let mut take = transaction.prepare_cached(statements::WEBHOOK_INBOX_TAKE)?;
    Ok(take.query_row(params![endpoint, integer(position.0)], |row| row.get(0)).optional()?)
}

fn health(
    transaction: &Transaction<'_>,
    endpoint: &str,
    failing_since: Option<DateTime<Utc>>,
    disabled_at: Option<DateTime<Utc>>,
) -> Result<(), Failure> {
    let micros = |time: Option<DateTime<Utc>>| time.map(|time| time.timestamp_micros());
    let mut health = transaction.prepare_cached(statements::WEBHOOK_HEALTH)?;
    health.execute(params![endpoint, micros(failing_since), micros(disabled_at)])?;
    Ok(())
}
