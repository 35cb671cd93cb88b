//! Dead letters.

use async_trait::async_trait;
use posthaste_application::port::dead::{After, Consumer, DeadLetter};
use posthaste_application::port::{DeadLetters, PortError};
use posthaste_application::recorded::{Position, StreamId};
use posthaste_application::view::ViewName;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::connect::Postgres;
use super::door::{Statement, statement};
use super::rows;

const LIST: Statement = statement!("dead_list");
const ONE: Statement = statement!("dead_one");
const COUNTS: Statement = statement!("dead_counts");
const ASKED: Statement = statement!("dead_asked");
const RAISE: Statement = statement!("dead_raise");
const RETURN: Statement = statement!("dead_return");
const ASK: Statement = statement!("dead_ask");
const MARK: Statement = statement!("dead_mark");
const DROP: Statement = statement!("dead_drop");

/// The dead letters in PostgreSQL.
#[derive(Clone, Debug)]
pub struct PgDeadLetters(Postgres);

impl PgDeadLetters {
    /// Those of this database.
    #[must_use]
    pub const fn new(postgres: Postgres) -> Self {
        Self(postgres)
    }

    /// Has a stream go on, without the event at a position if there is one.
    async fn go_on(&self, consumer: &Consumer, stream: StreamId, without: Option<Position>) -> Result<bool, PortError> {
        let without = without.map(|position| rows::number(position.0)).transpose()?;
        let (category, id) = (stream.category.as_str(), stream.id);
        match consumer {
            Consumer::Webhook(endpoint) => {
                let raise: &[&(dyn ToSql + Sync)] = &[&consumer.to_string(), &category, &id, &without];
                let back: Vec<&(dyn ToSql + Sync)> = vec![endpoint, &category, &id, &without];
                self.0.transaction((RAISE, raise), &[(RETURN, back)]).await
            }
            Consumer::View(view) => {
                let view = view.as_str();
                let mut changes: Vec<(Statement, Vec<&(dyn ToSql + Sync)>)> = vec![(MARK, vec![&view, &category, &id])];
                if let Some(position) = &without {
                    changes.push((DROP, vec![&view, position]));
                }
                self.0.transaction((ASK, &[&view, &category, &id, &without]), &changes).await
            }
        }
    }
}

fn consumer(row: &Row) -> Result<Consumer, PortError> {
    rows::value::<&str>(row, "consumer")?.parse().map_err(|error| PortError::corrupt("dead_letters", error))
}

fn letter(row: &Row) -> Result<DeadLetter, PortError> {
    Ok(DeadLetter {
        consumer: consumer(row)?,
        stream: rows::stream(row)?,
        position: rows::position(row, "position")?,
        version: rows::count(row, "version")?,
        tries: rows::small(row, "tries")?,
        reason: rows::value(row, "reason")?,
        since: rows::value(row, "died_at")?,
        asked_at: rows::value(row, "asked_at")?,
        waiting: rows::count(row, "waiting")?,
    })
}

#[async_trait]
impl DeadLetters for PgDeadLetters {
    async fn list(&self, of: Option<&Consumer>, after: Option<After<'_>>, limit: usize) -> Result<Vec<DeadLetter>, PortError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let (behind, category, id) = match after {
            Some((consumer, stream)) => (consumer.to_string(), stream.category.to_string(), stream.id),
            None => (String::new(), String::new(), Uuid::nil()),
        };
        self.0.query(LIST, &[&of.map(ToString::to_string), &behind, &category, &id, &limit]).await?.iter().map(letter).collect()
    }

    async fn one(&self, consumer: &Consumer, stream: StreamId) -> Result<Option<DeadLetter>, PortError> {
        let rows = self.0.query(ONE, &[&consumer.to_string(), &stream.category.as_str(), &stream.id]).await?;
        rows.first().map(letter).transpose()
    }

    async fn counts(&self) -> Result<Vec<(Consumer, u64)>, PortError> {
        self.0.query(COUNTS, &[]).await?.iter().map(|row| Ok((consumer(row)?, rows::count(row, "letters")?))).collect()
    }

    async fn retry(&self, consumer: &Consumer, stream: StreamId) -> Result<bool, PortError> {
        self.go_on(consumer, stream, None).await
    }

    async fn drop_event(&self, consumer: &Consumer, stream: StreamId, position: Position) -> Result<bool, PortError> {
        self.go_on(consumer, stream, Some(position)).await
    }

    async fn asked(&self) -> Result<Vec<ViewName>, PortError> {
        let rows = self.0.query(ASKED, &[]).await?;
        let view = |row: &Row| Ok(if let Consumer::View(view) = consumer(row)? { Some(view) } else { None });
        rows.iter().filter_map(|row| view(row).transpose()).collect()
    }
}
