//! Second factors in SQLite.

use std::sync::Arc;

use async_trait::async_trait;
use posthaste_application::port::factors::Factor;
use posthaste_application::port::{Factors, PortError};
use posthaste_domain::{FactorId, UserId};
use rusqlite::{OptionalExtension as _, Row, Transaction, params};

use super::database::{Database, Durability};
use super::failure::Failure;
use super::row::{Id, Micros, Unsigned, integer};
use super::statements;

/// The second factors of the embedded profile. What was answered is on the disk: a code that was used stays used.
pub struct SqliteFactors {
    database: Arc<Database>,
}

impl SqliteFactors {
    /// The second factors in this file.
    #[must_use]
    pub fn new(database: Arc<Database>) -> Self {
        Self { database }
    }
}

#[async_trait]
impl Factors for SqliteFactors {
    async fn offer(&self, factor: &Factor) -> Result<bool, PortError> {
        let factor = factor.clone();
        let offer = move |transaction: &Transaction<'_>| {
            let Factor { id, user, sealed, enabled_at, used_step, recovery, revision } = factor;
            let kept = transaction.prepare_cached(statements::FACTOR_OFFER)?.execute(params![
                user.uuid().as_bytes(),
                id.uuid().as_bytes(),
                sealed,
                enabled_at.map(|at| at.timestamp_micros()),
                used_step.map(integer),
                recovery.concat(),
                integer(revision),
            ])?;
            Ok(kept == 1)
        };
        self.database.writer()?.write(Durability::Machine, offer).await
    }

    async fn find(&self, user: UserId) -> Result<Option<Factor>, PortError> {
        let find = move |snapshot: &Transaction<'_>| {
            let mut statement = snapshot.prepare_cached(statements::FACTOR_FIND)?;
            statement.query_row([user.uuid().as_bytes()], |row| Ok(of_row(user, row))).optional()?.transpose()
        };
        self.database.readers().read(find).await
    }

    async fn replace(&self, factor: &Factor) -> Result<bool, PortError> {
        let factor = factor.clone();
        let replace = move |transaction: &Transaction<'_>| {
            let Factor { id, user, sealed: _, enabled_at, used_step, recovery, revision } = factor;
            let replaced = transaction.prepare_cached(statements::FACTOR_REPLACE)?.execute(params![
                user.uuid().as_bytes(),
                id.uuid().as_bytes(),
                enabled_at.map(|at| at.timestamp_micros()),
                used_step.map(integer),
                recovery.concat(),
                integer(revision),
            ])?;
            Ok(replaced == 1)
        };
        self.database.writer()?.write(Durability::Machine, replace).await
    }

    async fn remove(&self, user: UserId, factor: FactorId) -> Result<bool, PortError> {
        let remove = move |transaction: &Transaction<'_>| {
            let mut statement = transaction.prepare_cached(statements::FACTOR_REMOVE)?;
            Ok(statement.execute([user.uuid().as_bytes(), factor.uuid().as_bytes()])? == 1)
        };
        self.database.writer()?.write(Durability::Machine, remove).await
    }
}

fn of_row(user: UserId, row: &Row<'_>) -> Result<Factor, Failure> {
    let Id(id) = row.get(0)?;
    let (enabled_at, used_step): (Option<Micros>, Option<Unsigned>) = (row.get(2)?, row.get(3)?);
    let recovery: Vec<u8> = row.get(4)?;
    let (recovery, rest) = recovery.as_chunks();
    if !rest.is_empty() {
        return Err(PortError::corrupt(format!("the second factor of {user}"), "half a hash").into());
    }
    let Unsigned(revision) = row.get(5)?;
    Ok(Factor {
        id: FactorId::new(id),
        user,
        sealed: row.get(1)?,
        enabled_at: enabled_at.map(|Micros(at)| at),
        used_step: used_step.map(|Unsigned(step)| step),
        recovery: recovery.to_vec(),
        revision,
    })
}
