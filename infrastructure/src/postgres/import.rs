//! Putting a log back into an empty database, as its owner: one transaction, over a connection of its own.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use posthaste_application::port::PortError;
use posthaste_application::port::import::{ImportRefused, Imported, Importing, LogImport};
use posthaste_application::recorded::{Head, Position};
use posthaste_domain::MembershipChange;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, NoTls, Transaction};
use uuid::Uuid;

use super::door::{Statement, statement};
use super::error::{SERVICE, port_error};
use super::rows::{self, number};

const BEGIN: Statement = statement!("import_begin");
const EVENTS: Statement = statement!("import_events");
const EVENT_USERS: Statement = statement!("import_event_users");
const COMMIT: Statement = statement!("import_commit");

/// The way into an empty log for the role that owns it: the server's own may not.
pub struct PgImport {
    owner: Config,
}

impl PgImport {
    /// As the role of this URL.
    ///
    /// # Errors
    /// The URL makes no sense.
    pub fn new(owner_url: &str) -> Result<Self, PortError> {
        let mut owner: Config = owner_url.parse().map_err(|error| PortError::rejected(SERVICE, error))?;
        let own = owner.get_options().unwrap_or_default().to_owned();
        owner.options(format!("{own} -c synchronous_commit=on -c timezone=UTC"));
        owner.connect_timeout(Duration::from_secs(10)).application_name("posthaste import");
        Ok(Self { owner })
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
    outcome: Option<JoinHandle<Result<(), PortError>>>,
}

/// What is there before an import.
struct Found {
    head: Head,
    relaying: bool,
}

#[async_trait]
impl LogImport for PgImport {
    async fn begin(&self) -> Result<Box<dyn Importing>, ImportRefused> {
        let (client, connection) = self.owner.connect(NoTls).await.map_err(|error| PortError::unavailable(SERVICE, error))?;
        // Its error reaches whoever uses the client.
        let connection = tokio::spawn(connection);
        let (orders, waiting) = mpsc::channel(1);
        let (found, answer) = oneshot::channel();
        let outcome = tokio::spawn(async move {
            let outcome = import(client, found, waiting).await;
            // What was not committed is gone when the connection is closed.
            let _ = connection.await;
            outcome
        });
        match answer.await {
            Ok(Found { head, .. }) if head.position > Position::START => Err(ImportRefused::NotEmpty { head }),
            Ok(Found { relaying: true, .. }) => Err(ImportRefused::InUse),
            Ok(Found { .. }) => Ok(Box::new(Session { orders, outcome: Some(outcome) })),
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
            Some(outcome) if sent => outcome.await.map_err(|error| PortError::unavailable(SERVICE, error))?,
            Some(outcome) => Err(failed(Some(outcome)).await),
            None => Err(failed(None).await),
        }
    }
}

/// Why it has ended.
async fn failed(outcome: Option<JoinHandle<Result<(), PortError>>>) -> PortError {
    let Some(outcome) = outcome else { return PortError::rejected(SERVICE, GivenUp) };
    match outcome.await {
        Ok(Err(error)) => error,
        Ok(Ok(())) => PortError::rejected(SERVICE, GivenUp),
        Err(error) => PortError::unavailable(SERVICE, error),
    }
}

/// All of it, in one transaction, which ends without a commit when whoever gives the orders is gone before one.
async fn import(mut client: Client, found: oneshot::Sender<Found>, mut waiting: mpsc::Receiver<Order>) -> Result<(), PortError> {
    let transaction = client.transaction().await.map_err(|error| port_error(BEGIN.name, error))?;
    let rows = transaction.query(BEGIN.sql, &[]).await.map_err(|error| port_error(BEGIN.name, error))?;
    let row = rows::only(&rows, "log_head")?;
    let position = rows::position(row, "position")?;
    let (head, relaying) = (Head { position, hash: rows::hash(row, "hash", position)? }, rows::value::<bool>(row, "relaying")?);
    let free = position == Position::START && !relaying;
    if found.send(Found { head, relaying }).is_err() || !free {
        return Ok(());
    }
    let events = prepare(&transaction, EVENTS).await?;
    let event_users = prepare(&transaction, EVENT_USERS).await?;
    while let Some(order) = waiting.recv().await {
        match order {
            Order::Record(imported, done) => {
                let (columns, named) = (Columns::of(&imported)?, Named::of(&imported)?);
                transaction.execute(&events, &columns.parameters()).await.map_err(|error| port_error(EVENTS.name, error))?;
                transaction.execute(&event_users, &named.parameters()).await.map_err(|error| port_error(EVENT_USERS.name, error))?;
                // Whoever asked may have gone; then the next order never comes.
                let _ = done.send(());
            }
            Order::Commit(head) => {
                let moved = transaction.execute(COMMIT.sql, &[&number(head.position.0)?, &head.hash.as_slice()]).await;
                moved.map_err(|error| port_error(COMMIT.name, error))?;
                return transaction.commit().await.map_err(|error| port_error(COMMIT.name, error));
            }
        }
    }
    Err(PortError::rejected(SERVICE, GivenUp))
}

async fn prepare(transaction: &Transaction<'_>, statement: Statement) -> Result<tokio_postgres::Statement, PortError> {
    transaction.prepare(statement.sql).await.map_err(|error| port_error(statement.name, error))
}

type Parameter<'a> = &'a (dyn tokio_postgres::types::ToSql + Sync);

/// Events as columns.
#[derive(Default)]
struct Columns<'a> {
    positions: Vec<i64>,
    versions: Vec<i64>,
    times: Vec<DateTime<Utc>>,
    streams: Vec<Uuid>,
    commands: Vec<Uuid>,
    correlations: Vec<Uuid>,
    threads: Vec<Option<Uuid>>,
    actors: Vec<Option<Uuid>>,
    causations: Vec<Option<Uuid>>,
    schemas: Vec<i16>,
    ordinals: Vec<i16>,
    categories: Vec<&'a str>,
    types: Vec<&'a str>,
    fingerprints: Vec<&'a [u8]>,
    hashes: Vec<&'a [u8]>,
    facts: Vec<&'a str>,
    contents: Vec<Option<&'a [u8]>>,
}

impl<'a> Columns<'a> {
    fn of(imported: &'a [Imported]) -> Result<Self, PortError> {
        let small = |number| i16::try_from(number).map_err(|error| PortError::rejected(SERVICE, error));
        let mut columns = Self::default();
        for Imported { event, .. } in imported {
            columns.positions.push(number(event.position.0)?);
            columns.versions.push(number(event.version)?);
            columns.times.push(event.at);
            columns.streams.push(event.stream.id);
            columns.commands.push(event.command.uuid());
            columns.correlations.push(event.correlation);
            columns.threads.push(event.thread.map(Into::into));
            columns.actors.push(event.actor.map(Into::into));
            columns.causations.push(event.causation);
            columns.schemas.push(small(event.schema)?);
            columns.ordinals.push(small(event.ordinal)?);
            columns.categories.push(event.stream.category.as_str());
            columns.types.push(&event.event_type);
            columns.fingerprints.push(&event.fingerprint);
            columns.hashes.push(&event.hash);
            columns.facts.push(&event.facts);
            columns.contents.push(event.content.as_deref());
        }
        Ok(columns)
    }

    fn parameters(&self) -> [Parameter<'_>; 17] {
        [
            &self.positions,
            &self.versions,
            &self.times,
            &self.streams,
            &self.commands,
            &self.correlations,
            &self.threads,
            &self.actors,
            &self.causations,
            &self.schemas,
            &self.ordinals,
            &self.categories,
            &self.types,
            &self.fingerprints,
            &self.hashes,
            &self.facts,
            &self.contents,
        ]
    }
}

/// Whom the events name, as columns.
#[derive(Default)]
struct Named {
    users: Vec<Uuid>,
    positions: Vec<i64>,
    threads: Vec<Option<Uuid>>,
    changes: Vec<Option<i16>>,
}

impl Named {
    fn of(imported: &[Imported]) -> Result<Self, PortError> {
        let mut named = Self::default();
        for Imported { event, addressees } in imported {
            for addressee in addressees {
                // Without a thread there is nothing to be a member of.
                let change = addressee.change.filter(|_| event.thread.is_some());
                named.users.push(addressee.user.uuid());
                named.positions.push(number(event.position.0)?);
                named.threads.push(change.and(event.thread).map(Into::into));
                named.changes.push(change.map(|change| match change {
                    MembershipChange::Joined => 1,
                    MembershipChange::Left => -1,
                }));
            }
        }
        Ok(named)
    }

    fn parameters(&self) -> [Parameter<'_>; 4] {
        [&self.users, &self.positions, &self.threads, &self.changes]
    }
}
