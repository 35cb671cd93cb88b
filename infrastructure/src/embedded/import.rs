//! Putting a log back into an empty file: one transaction, on the thread that writes.

use std::sync::Arc;

use async_trait::async_trait;
use posthaste_application::port::PortError;
use posthaste_application::port::import::{ImportRefused, Imported, Importing, LogImport};
use posthaste_application::recorded::{Head, Position, Recorded};
use rusqlite::{CachedStatement, Transaction, params};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::database::{Database, Durability};
use super::failure::{Failure, SERVICE};
use super::log::{insert_users, read_head, sort_in};
use super::row::integer;
use super::statements;

/// The way into an empty log of the embedded profile. The file's lock keeps servers out.
pub struct SqliteImport {
    database: Arc<Database>,
}

impl SqliteImport {
    /// Into this file.
    #[must_use]
    pub fn new(database: Arc<Database>) -> Self {
        Self { database }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the import was given up")]
struct GivenUp;

enum Order {
    Record(Vec<Imported>, oneshot::Sender<()>),
    Commit(Head),
}

struct Session {
    orders: mpsc::Sender<Order>,
    /// Until it was told.
    outcome: Option<JoinHandle<Result<Option<Position>, PortError>>>,
}

#[async_trait]
impl LogImport for SqliteImport {
    async fn begin(&self) -> Result<Box<dyn Importing>, ImportRefused> {
        let (orders, waiting) = mpsc::channel(1);
        let (found, head) = oneshot::channel();
        let database = Arc::clone(&self.database);
        let outcome = tokio::spawn(async move {
            let ends = database.head().clone();
            let work = move |transaction: &Transaction<'_>| import(transaction, found, waiting);
            let end = database.writer()?.write(Durability::Machine, work).await?;
            if let Some(end) = end {
                ends.send_replace(end);
            }
            Ok(end)
        });
        match head.await {
            Ok(head) if head.position > Position::START => Err(ImportRefused::NotEmpty { head }),
            Ok(_) => Ok(Box::new(Session { orders, outcome: Some(outcome) })),
            Err(_) => Err(failed(Some(outcome)).await.into()),
        }
    }
}

#[async_trait]
impl Importing for Session {
    async fn record(&mut self, events: Vec<Imported>) -> Result<(), PortError> {
        let (done, recorded) = oneshot::channel();
        let sent = self.orders.send(Order::Record(events, done)).await.is_ok();
        if sent && recorded.await.is_ok() { Ok(()) } else { Err(failed(self.outcome.take()).await) }
    }

    async fn commit(self: Box<Self>, head: Head) -> Result<(), PortError> {
        let Self { orders, outcome } = *self;
        let sent = orders.send(Order::Commit(head)).await.is_ok();
        match outcome {
            Some(outcome) if sent => outcome.await.map_err(|error| PortError::unavailable(SERVICE, error))?.map(drop),
            Some(outcome) => Err(failed(Some(outcome)).await),
            None => Err(failed(None).await),
        }
    }
}

/// Why it has ended.
async fn failed(outcome: Option<JoinHandle<Result<Option<Position>, PortError>>>) -> PortError {
    let Some(outcome) = outcome else { return PortError::rejected(SERVICE, GivenUp) };
    match outcome.await {
        Ok(Err(error)) => error,
        Ok(Ok(_)) => PortError::rejected(SERVICE, GivenUp),
        Err(error) => PortError::unavailable(SERVICE, error),
    }
}

/// All of it, in one transaction. It ends without a commit when whoever gives the orders is gone before one.
fn import(
    transaction: &Transaction<'_>,
    found: oneshot::Sender<Head>,
    mut waiting: mpsc::Receiver<Order>,
) -> Result<Option<Position>, Failure> {
    let head = read_head(transaction)?;
    let empty = head.position == Position::START;
    if found.send(head).is_err() || !empty {
        return Ok(None);
    }
    let mut event_insert = transaction.prepare_cached(statements::EVENT_INSERT)?;
    let mut user_insert = transaction.prepare_cached(statements::EVENT_USER_INSERT)?;
    let mut imported = Position::START;
    while let Some(order) = waiting.blocking_recv() {
        match order {
            Order::Record(events, done) => {
                for Imported { event, addressees } in &events {
                    insert_event(&mut event_insert, event)?;
                    insert_users(&mut user_insert, event.position, event.thread, addressees)?;
                }
                if let Some(Imported { event, .. }) = events.last() {
                    sort_in(transaction, imported, event.position)?;
                    imported = event.position;
                }
                // Whoever asked may have gone; then the next order never comes.
                let _ = done.send(());
            }
            Order::Commit(head) => {
                transaction.prepare_cached(statements::HEAD_MOVE)?.execute(params![integer(head.position.0), head.hash])?;
                for consumer in [statements::IMPORT_RELAYED, statements::IMPORT_CONSUMED, statements::IMPORT_TAKEN] {
                    transaction.prepare_cached(consumer)?.execute([integer(head.position.0)])?;
                }
                return Ok(Some(head.position));
            }
        }
    }
    Err(PortError::rejected(SERVICE, GivenUp).into())
}

fn insert_event(statement: &mut CachedStatement<'_>, event: &Recorded) -> Result<(), Failure> {
    statement.execute(params![
        integer(event.position.0),
        event.stream.category.as_str(),
        event.stream.id.as_bytes(),
        integer(event.version),
        event.event_type,
        event.schema,
        event.facts,
        event.content,
        event.thread.as_ref().map(|thread| thread.uuid().into_bytes()),
        event.actor.as_ref().map(|actor| actor.uuid().into_bytes()),
        event.command.uuid().as_bytes(),
        event.ordinal,
        event.fingerprint,
        event.correlation.as_bytes(),
        event.causation.as_ref().map(Uuid::as_bytes),
        event.at.timestamp_micros(),
        event.hash,
    ])?;
    Ok(())
}
