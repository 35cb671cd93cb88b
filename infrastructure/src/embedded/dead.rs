//! Dead letters, in SQLite.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use posthaste_application::port::dead::{After, Consumer, DeadLetter};
use posthaste_application::port::projection::Poison;
use posthaste_application::port::{Clock, DeadLetters, PortError};
use posthaste_application::recorded::{Position, StreamId};
use posthaste_application::view::ViewName;
use rusqlite::{OptionalExtension as _, Row, Transaction, params};

use super::database::{Database, Durability};
use super::failure::Failure;
use super::row::{CategoryName, Id, Micros, Unsigned, integer, limit};
use super::statements;

/// The dead letters of the embedded profile. Those of its views are written down here, beside which they are in the server's memory: so
/// others can see them, and ask for something.
pub struct SqliteDeadLetters {
    database: Arc<Database>,
    clock: Arc<dyn Clock>,
}

impl SqliteDeadLetters {
    /// The dead letters in this file.
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

    /// Where the streams of a view are parked, as far as it is written down.
    pub(super) async fn of_view(&self, view: ViewName) -> Result<Vec<(StreamId, Position)>, PortError> {
        let letters = self.list(Some(&Consumer::View(view)), None, usize::MAX).await?;
        Ok(letters.into_iter().map(|letter| (letter.stream, letter.position)).collect())
    }

    /// What is left out of a view for ever.
    pub(super) async fn dropped(&self, view: ViewName) -> Result<BTreeSet<Position>, PortError> {
        let read = move |snapshot: &Transaction<'_>| {
            let mut dropped = snapshot.prepare_cached(statements::VIEW_DROPPED)?;
            let rows = dropped.query_map([view.as_str()], |row| row.get(0).map(|Unsigned(position)| Position(position)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        };
        self.database.readers().read(read).await
    }

    /// How often somebody has asked for something else to be left out of a view.
    pub(super) async fn revision(&self, view: ViewName) -> Result<u64, PortError> {
        let read = move |snapshot: &Transaction<'_>| {
            let mut revision = snapshot.prepare_cached(statements::VIEW_REVISION)?;
            let Unsigned(revision) = revision.query_row([view.as_str()], |row| row.get(0))?;
            Ok(revision)
        };
        self.database.readers().read(read).await
    }

    /// Writes down what is parked in a view now, and what is not any more.
    pub(super) async fn settle(&self, view: ViewName, parked: Vec<Poison>, raised: Vec<StreamId>) -> Result<(), PortError> {
        if parked.is_empty() && raised.is_empty() {
            return Ok(());
        }
        let (consumer, now) = (Consumer::View(view).to_string(), self.clock.now().timestamp_micros());
        self.write(move |transaction| {
            for StreamId { category, id } in raised {
                let mut raise = transaction.prepare_cached(statements::DEAD_RAISE)?;
                raise.execute(params![consumer, category.as_str(), id.as_bytes()])?;
            }
            for Poison { stream: StreamId { category, id }, version, position, reason } in parked {
                let (position, version) = (integer(position.0), integer(version));
                let mut park = transaction.prepare_cached(statements::DEAD_PARK)?;
                park.execute(params![consumer, category.as_str(), id.as_bytes(), position, version, reason, now])?;
            }
            Ok(())
        })
        .await
    }

    /// Has a stream go on, without the event at a position if there is one.
    async fn go_on(&self, consumer: &Consumer, stream: StreamId, without: Option<Position>) -> Result<bool, PortError> {
        let (consumer, now) = (consumer.clone(), self.clock.now());
        self.write(move |transaction| {
            let letter = one(transaction, &consumer.to_string(), stream)?;
            if letter.is_none_or(|letter| without.is_some_and(|position| position != letter.position)) {
                return Ok(false);
            }
            let (category, id) = (stream.category.as_str(), stream.id.as_bytes());
            match &consumer {
                Consumer::Webhook(endpoint) => {
                    transaction.prepare_cached(statements::DEAD_RAISE)?.execute(params![consumer.to_string(), category, id])?;
                    let mut take = transaction.prepare_cached(statements::WEBHOOK_ASIDE_TAKE)?;
                    let back = take.query_map(params![endpoint, category, id], |row| row.get(0).map(|Unsigned(at)| Position(at)))?;
                    for position in back.collect::<Result<Vec<_>, _>>()?.into_iter().filter(|position| Some(*position) != without) {
                        let mut add = transaction.prepare_cached(statements::WEBHOOK_INBOX_ADD)?;
                        add.execute(params![endpoint, integer(position.0)])?;
                    }
                }
                Consumer::View(view) => {
                    let mut ask = transaction.prepare_cached(statements::DEAD_ASK)?;
                    ask.execute(params![consumer.to_string(), category, id, now.timestamp_micros()])?;
                    transaction.prepare_cached(statements::VIEW_REVISE)?.execute([view.as_str()])?;
                    if let Some(position) = without {
                        transaction.prepare_cached(statements::DEAD_DROP)?.execute(params![view.as_str(), integer(position.0)])?;
                    }
                }
            }
            Ok(true)
        })
        .await
    }
}

/// A letter without what waits behind it.
fn letter(row: &Row<'_>) -> rusqlite::Result<DeadLetter> {
    let (CategoryName(category), Id(id)) = (row.get(1)?, row.get(2)?);
    let (Unsigned(position), Unsigned(version), Micros(since)) = (row.get(3)?, row.get(4)?, row.get(7)?);
    Ok(DeadLetter {
        consumer: consumer(row)?,
        stream: StreamId { category, id },
        position: Position(position),
        version,
        tries: row.get(5)?,
        reason: row.get(6)?,
        since,
        asked_at: row.get::<_, Option<Micros>>(8)?.map(|Micros(at)| at),
        waiting: 0,
    })
}

fn consumer(row: &Row<'_>) -> rusqlite::Result<Consumer> {
    let name: String = row.get(0)?;
    name.parse().map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error)))
}

fn one(transaction: &Transaction<'_>, consumer: &str, StreamId { category, id }: StreamId) -> Result<Option<DeadLetter>, Failure> {
    let mut one = transaction.prepare_cached(statements::DEAD_ONE)?;
    Ok(one.query_row(params![consumer, category.as_str(), id.as_bytes()], letter).optional()?)
}

/// With how much waits behind it.
fn counted(snapshot: &Transaction<'_>, letter: DeadLetter) -> Result<DeadLetter, Failure> {
    let (category, id) = (letter.stream.category.as_str(), letter.stream.id.as_bytes());
    let count = |row: &Row<'_>| row.get(0).map(|Unsigned(count)| count);
    let waiting = match &letter.consumer {
        Consumer::Webhook(endpoint) => {
            let mut waiting = snapshot.prepare_cached(statements::DEAD_WAITING_ASIDE)?;
            waiting.query_row(params![endpoint, category, id, integer(letter.position.0)], count)?
        }
        Consumer::View(_) => {
            let mut waiting = snapshot.prepare_cached(statements::DEAD_WAITING_IN_STREAM)?;
            waiting.query_row(params![id, category, integer(letter.version)], count)?
        }
    };
    Ok(DeadLetter { waiting, ..letter })
}

#[async_trait]
impl DeadLetters for SqliteDeadLetters {
    async fn list(&self, of: Option<&Consumer>, after: Option<After<'_>>, most: usize) -> Result<Vec<DeadLetter>, PortError> {
        let of = of.map(ToString::to_string);
        let (behind, category, id) = match after {
            Some((consumer, stream)) => (consumer.to_string(), stream.category.to_string(), stream.id.as_bytes().to_vec()),
            None => (String::new(), String::new(), Vec::new()),
        };
        let read = move |snapshot: &Transaction<'_>| {
            let letters = match of {
                Some(of) if of < behind => Vec::new(),
                Some(of) => {
                    let (category, id) = if of == behind { (category, id) } else { (String::new(), Vec::new()) };
                    let mut page = snapshot.prepare_cached(statements::DEAD_PAGE_OF_CONSUMER)?;
                    page.query_map(params![of, category, id, limit(most)], letter)?.collect::<Result<Vec<_>, _>>()?
                }
                None => {
                    let mut page = snapshot.prepare_cached(statements::DEAD_PAGE)?;
                    page.query_map(params![behind, category, id, limit(most)], letter)?.collect::<Result<Vec<_>, _>>()?
                }
            };
            letters.into_iter().map(|letter| counted(snapshot, letter)).collect()
        };
        self.database.readers().read(read).await
    }

    async fn one(&self, consumer: &Consumer, stream: StreamId) -> Result<Option<DeadLetter>, PortError> {
        let consumer = consumer.to_string();
        let read = move |snapshot: &Transaction<'_>| one(snapshot, &consumer, stream)?.map(|letter| counted(snapshot, letter)).transpose();
        self.database.readers().read(read).await
    }

    async fn counts(&self) -> Result<Vec<(Consumer, u64)>, PortError> {
        let read = |snapshot: &Transaction<'_>| {
            let mut counts = snapshot.prepare_cached(statements::DEAD_COUNTS)?;
            let counts = counts.query_map((), |row| Ok((consumer(row)?, row.get(1).map(|Unsigned(count)| count)?)))?;
            Ok(counts.collect::<Result<_, _>>()?)
        };
        self.database.readers().read(read).await
    }

    async fn retry(&self, consumer: &Consumer, stream: StreamId) -> Result<bool, PortError> {
        self.go_on(consumer, stream, None).await
    }

    async fn drop_event(&self, consumer: &Consumer, stream: StreamId, position: Position) -> Result<bool, PortError> {
        self.go_on(consumer, stream, Some(position)).await
    }

    async fn asked(&self) -> Result<Vec<ViewName>, PortError> {
        let read = |snapshot: &Transaction<'_>| {
            let mut asked = snapshot.prepare_cached(statements::DEAD_ASKED)?;
            let asked = asked.query_map((), consumer)?.collect::<Result<Vec<_>, _>>()?;
            let view = |consumer| if let Consumer::View(view) = consumer { Some(view) } else { None };
            Ok(asked.into_iter().filter_map(view).collect())
        };
        self.database.readers().read(read).await
    }
}
