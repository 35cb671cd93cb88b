//! Where somebody beside the server asks for what only the server can do: a table of the file that both have open.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use posthaste_application::port::desk::{Answer, Ask, Number, Slip};
use posthaste_application::port::{Desk, PortError};
use posthaste_application::recorded::Position;
use rusqlite::{OptionalExtension as _, Row, Transaction, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::database::{Database, Durability};
use super::failure::Failure;
use super::row::{Unsigned, integer};
use super::statements;

/// After how long nobody waits any more.
const FORGOTTEN: TimeDelta = TimeDelta::days(1);

/// The desk of the embedded profile.
pub struct SqliteDesk {
    database: Arc<Database>,
}

impl SqliteDesk {
    /// The one in this file.
    #[must_use]
    pub fn new(database: Arc<Database>) -> Self {
        Self { database }
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, PortError> {
        self.database.writer()?.write(Durability::Process, work).await
    }
}

fn to_json(value: &impl Serialize) -> Result<String, PortError> {
    serde_json::to_string(value).map_err(|error| PortError::corrupt("the desk", error))
}

fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, PortError> {
    serde_json::from_str(text).map_err(|error| PortError::corrupt("the desk", error))
}

#[async_trait]
impl Desk for SqliteDesk {
    async fn ask(&self, ask: Ask, at: DateTime<Utc>) -> Result<Number, PortError> {
        let ask = to_json(&ask)?;
        self.write(move |transaction| {
            transaction.prepare_cached(statements::DESK_TIDY)?.execute([(at - FORGOTTEN).timestamp_micros()])?;
            let mut insert = transaction.prepare_cached(statements::DESK_ASK)?;
            Ok(Number(insert.query_row(params![ask, at.timestamp_micros()], |row| row.get(0))?))
        })
        .await
    }

    async fn slip(&self, Number(number): Number) -> Result<Option<Slip>, PortError> {
        let read = move |snapshot: &Transaction<'_>| {
            let slip = |row: &Row<'_>| Ok((row.get::<_, Option<Unsigned>>(0)?, row.get::<_, Option<Unsigned>>(1)?, row.get(2)?));
            Ok(snapshot.prepare_cached(statements::DESK_SLIP)?.query_row([number], slip).optional()?)
        };
        let found: Option<(Option<Unsigned>, Option<Unsigned>, Option<String>)> = self.database.readers().read(read).await?;
        Ok(match found {
            None => None,
            Some((_, _, Some(answer))) => Some(Slip::Done(from_json(&answer)?)),
            Some((Some(Unsigned(position)), Some(Unsigned(goal)), None)) => {
                Some(Slip::UnderWay { position: Position(position), goal: Position(goal) })
            }
            Some((_, _, None)) => Some(Slip::Waits),
        })
    }

    async fn withdraw(&self, Number(number): Number) -> Result<(), PortError> {
        self.write(move |transaction| {
            transaction.prepare_cached(statements::DESK_WITHDRAW)?.execute([number])?;
            Ok(())
        })
        .await
    }

    async fn open(&self) -> Result<Vec<(Number, Ask)>, PortError> {
        let read = |snapshot: &Transaction<'_>| {
            let mut open = snapshot.prepare_cached(statements::DESK_OPEN)?;
            let open = open.query_map((), |row| Ok((Number(row.get(0)?), row.get(1)?)))?;
            Ok(open.collect::<Result<_, _>>()?)
        };
        let found: Vec<(Number, String)> = self.database.readers().read(read).await?;
        found.into_iter().map(|(number, ask)| Ok((number, from_json(&ask)?))).collect()
    }

    async fn tell(&self, Number(number): Number, position: Position, goal: Position) -> Result<bool, PortError> {
        self.write(move |transaction| {
            let mut tell = transaction.prepare_cached(statements::DESK_TELL)?;
            Ok(tell.execute(params![number, integer(position.0), integer(goal.0)])? == 1)
        })
        .await
    }

    async fn answer(&self, Number(number): Number, answer: &Answer) -> Result<(), PortError> {
        let answer = to_json(answer)?;
        self.write(move |transaction| {
            transaction.prepare_cached(statements::DESK_ANSWER)?.execute(params![number, answer])?;
            Ok(())
        })
        .await
    }
}
