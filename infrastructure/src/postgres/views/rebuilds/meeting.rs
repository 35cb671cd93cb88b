//! One transaction in which a view and the one beside it are at rest: a snapshot, or behind the lock of the live checkpoint.

use async_trait::async_trait;
use deadpool_postgres::Object;
use posthaste_application::port::PortError;
use posthaste_application::port::lease::{Fenced, Lease};
use posthaste_application::port::projection::{Batch, LeftOut};
use posthaste_application::port::rebuilds::{Difference, Exchanged, Meet, Meeting, TableCheck};
use posthaste_application::recorded::Position;
use posthaste_application::view::ViewName;
use tokio_postgres::Row;

use super::super::super::connect::Postgres;
use super::super::super::door::{Parameters, Statement, statement};
use super::super::super::error::port_error;
use super::super::super::rows;
use super::super::projection::{Changes, STANDING, poison};
use super::STEP;

const MEET: Statement = statement!("rebuilds_meet");
const SNAPSHOT: Statement = statement!("rebuilds_snapshot");
const STILL: Statement = statement!("rebuilds_still");
const COMPARE: Statement = statement!("rebuilds_compare");
const DIFFERENCES: Statement = statement!("rebuilds_differences");
const EXCHANGE: Statement = statement!("rebuilds_exchange");
const BURY: Statement = statement!("rebuilds_bury");
const LETTERS: Statement = statement!("rebuilds_letters");
const COMMIT: Statement = statement!("rebuilds_commit");

pub(super) struct PgMeeting {
    transaction: OpenTransaction,
    view: ViewName,
    lease: Lease,
    live: Position,
    beside: Position,
    left_out: LeftOut,
    outdated: bool,
}

impl PgMeeting {
    pub(super) async fn new(postgres: &Postgres, view: ViewName, lease: Lease, how: Meet) -> Result<Result<Self, Fenced>, PortError> {
        let (isolation, positions) = match how {
            Meet::Snapshot => ("BEGIN ISOLATION LEVEL REPEATABLE READ", SNAPSHOT),
            // What comes after the lock was waited for must be seen.
            Meet::Still => ("BEGIN ISOLATION LEVEL READ COMMITTED", STILL),
        };
        let transaction = OpenTransaction::begin(postgres, isolation).await?;
        let held = transaction.query(MEET, &[&view.as_str(), &lease.holder, &rows::number(lease.epoch)?]).await?;
        if held.is_empty() {
            return Ok(Err(Fenced { epoch: lease.epoch }));
        }
        let rows = transaction.query(positions, &[&view.as_str()]).await?;
        let row = rows::only(&rows, "rebuild.view_checkpoints")?;
        let (live, beside, outdated) = (rows::position(row, "live")?, rows::position(row, "beside")?, rows::value(row, "outdated")?);
        let rows = transaction.query(STANDING, &[&view.as_str()]).await?;
        let left_out = rows::standing(rows::only(&rows, "view_checkpoints")?)?.left_out;
        Ok(Ok(Self { transaction, view, lease, live, beside, left_out, outdated }))
    }
}

#[async_trait]
impl Meeting for PgMeeting {
    fn live(&self) -> Position {
        self.live
    }

    fn beside(&self) -> Position {
        self.beside
    }

    fn left_out(&self) -> &LeftOut {
        &self.left_out
    }

    fn is_outdated(&self) -> bool {
        self.outdated
    }

    async fn take(&mut self, batch: Batch<'_>) -> Result<(), PortError> {
        let (epoch, after, upto) = (rows::number(self.lease.epoch)?, rows::number(self.beside.0)?, rows::number(batch.upto.0)?);
        let changes = Changes::of(self.view, batch)?;
        let moved = self.transaction.query(STEP, &[&self.view.as_str(), &self.lease.holder, &epoch, &after, &upto]).await?;
        rows::only(&moved, "rebuild.view_checkpoints")?;
        for (statement, parameters) in changes.parameters() {
            self.transaction.query(statement, &parameters).await.map_err(poison)?;
        }
        self.beside = batch.upto;
        Ok(())
    }

    async fn compare(&mut self) -> Result<Vec<TableCheck>, PortError> {
        let check = |row: &Row| {
            Ok(TableCheck {
                table: rows::value(row, "name")?,
                live: rows::count(row, "live")?,
                rebuilt: rows::count(row, "rebuilt")?,
                buckets: rows::value(row, "buckets")?,
                digest: rows::value(row, "digest")?,
            })
        };
        self.transaction.query(COMPARE, &[&self.view.as_str()]).await?.iter().map(check).collect()
    }

    async fn differences(&mut self, table: &TableCheck, most: usize) -> Result<(Vec<Difference>, u64), PortError> {
        // One at least, which tells how many there are.
        let limit = i64::try_from(most.max(1)).unwrap_or(i64::MAX);
        let rows = self.transaction.query(DIFFERENCES, &[&table.table, &table.buckets, &limit]).await?;
        let total = rows.first().map_or(Ok(0), |row| rows::count(row, "total"))?;
        let difference = |row: &Row| {
            let (key, live, rebuilt) = (rows::value(row, "key")?, rows::value(row, "live")?, rows::value(row, "rebuilt")?);
            Ok(Difference { table: table.table.clone(), key, live, rebuilt })
        };
        Ok((rows.iter().take(most).map(difference).collect::<Result<_, PortError>>()?, total))
    }

    async fn exchange(&mut self, table: &TableCheck) -> Result<Exchanged, PortError> {
        let rows = self.transaction.query(EXCHANGE, &[&table.table, &table.buckets]).await?;
        let row = rows::only(&rows, "rebuild.exchange")?;
        Ok(Exchanged { table: table.table.clone(), removed: rows::count(row, "removed")?, added: rows::count(row, "added")? })
    }

    async fn commit(self: Box<Self>) -> Result<(), PortError> {
        let Self { transaction, view, beside, .. } = *self;
        transaction.query(BURY, &[&view.as_str()]).await?;
        transaction.query(LETTERS, &[&view.as_str()]).await?;
        transaction.query(COMMIT, &[&view.as_str(), &rows::number(beside.0)?]).await?;
        transaction.commit().await
    }
}

/// A transaction that is not limited in time. Dropped, it is rolled back with its connection.
struct OpenTransaction(Option<Object>);

#[expect(clippy::disallowed_methods, reason = "a transaction is begun and ended by words that are no statement and have no types")]
impl OpenTransaction {
    async fn begin(postgres: &Postgres, isolation: &'static str) -> Result<Self, PortError> {
        let transaction = Self(Some(postgres.connection().await?));
        transaction.connection().batch_execute(isolation).await.map_err(|error| port_error("begin", error))?;
        Ok(transaction)
    }

    fn connection(&self) -> &Object {
        self.0.as_ref().expect("there until it is committed")
    }

    async fn query(&self, statement: Statement, parameters: Parameters<'_>) -> Result<Vec<Row>, PortError> {
        let answer = async {
            let prepared = self.connection().prepare_cached(statement.sql).await?;
            self.connection().query(&prepared, parameters).await
        };
        answer.await.map_err(|error| port_error(statement.name, error))
    }

    async fn commit(mut self) -> Result<(), PortError> {
        self.connection().batch_execute("COMMIT").await.map_err(|error| port_error("commit", error))?;
        // It can be used again.
        drop(self.0.take());
        Ok(())
    }
}

impl Drop for OpenTransaction {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(Object::take(connection));
        }
    }
}
