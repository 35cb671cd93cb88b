//! The door every statement goes through: named, prepared once for each connection, limited in time, measured.

use std::time::Instant;

use deadpool_postgres::{Object, PoolError, Transaction};
use futures::future::maybe_done;
use futures::poll;
use posthaste_application::port::PortError;
use tokio::time::timeout;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::connect::Postgres;
use super::error::{Failure, SERVICE, port_error};

/// A statement of `sql/`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Statement {
    /// The name of its file.
    pub(super) name: &'static str,
    /// Its text.
    pub(super) sql: &'static str,
}

/// The statement in the file of this name.
macro_rules! statement {
    ($name:literal) => {
        $crate::postgres::door::Statement {
            name: $name,
            sql: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/postgres/sql/", $name, ".sql")),
        }
    };
}
pub(super) use statement;

/// Values for the parameters of a statement.
pub(super) type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

impl Postgres {
    /// Runs a statement by itself, in a transaction of its own, and gives its rows.
    ///
    /// A connection that turns out to be dead is thrown away. The statement is not tried again here: whoever asked knows whether its
    /// outcome matters.
    pub(super) async fn query(&self, statement: Statement, parameters: Parameters<'_>) -> Result<Vec<Row>, PortError> {
        let connection = self.connection().await?;
        let begun = Instant::now();
        let answer = timeout(self.patience(), async {
            let prepared = connection.prepare_cached(statement.sql).await?;
            connection.query(&prepared, parameters).await
        })
        .await;
        self.close_door(statement, connection, begun, answer)
    }

    /// Runs a statement by itself, in a transaction of its own, and gives how many rows it touched.
    pub(super) async fn execute(&self, statement: Statement, parameters: Parameters<'_>) -> Result<u64, PortError> {
        let connection = self.connection().await?;
        let begun = Instant::now();
        let answer = timeout(self.patience(), async {
            let prepared = connection.prepare_cached(statement.sql).await?;
            connection.execute(&prepared, parameters).await
        })
        .await;
        self.close_door(statement, connection, begun, answer)
    }

    /// Runs statements in one transaction: the first by itself, and if it gives a row the others, all sent before the first of them is
    /// answered. Gives whether it did; if not, nothing was changed.
    pub(super) async fn transaction(
        &self,
        (first, parameters): (Statement, Parameters<'_>),
        others: &[(Statement, Vec<&(dyn ToSql + Sync)>)],
    ) -> Result<bool, PortError> {
        let mut connection = self.connection().await?;
        let begun = Instant::now();
        // The one that is being waited for, to be named if it fails.
        let mut current = first;
        let answer = timeout(self.patience(), async {
            let transaction = connection.transaction().await?;
            let prepared = transaction.prepare_cached(first.sql).await?;
            if transaction.query_opt(&prepared, parameters).await?.is_none() {
                transaction.rollback().await?;
                return Ok(false);
            }
            pipeline(&transaction, others, &mut current).await?;
            transaction.commit().await?;
            Ok(true)
        })
        .await;
        self.close_door(current, connection, begun, answer)
    }

    /// A connection that was alive a moment ago.
    pub(super) async fn connection(&self) -> Result<Object, PortError> {
        self.pool().get().await.map_err(|error| match error {
            PoolError::Backend(source) => port_error("connect", source),
            error @ (PoolError::Timeout(_) | PoolError::Closed | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_)) => {
                PortError::unavailable(SERVICE, error)
            }
        })
    }

    fn close_door<T>(
        &self,
        statement: Statement,
        connection: Object,
        begun: Instant,
        answer: Result<Result<T, tokio_postgres::Error>, tokio::time::error::Elapsed>,
    ) -> Result<T, PortError> {
        traced(statement, begun);
        match answer {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                if Failure::of(&error) == Failure::Stale {
                    self.discard(connection);
                }
                Err(port_error(statement.name, error))
            }
            // The server's own limit is shorter: it, or the way to it, is gone.
            Err(elapsed) => {
                self.discard(connection);
                Err(PortError::unavailable(SERVICE, elapsed))
            }
        }
    }

    /// Closes a connection instead of giving it back.
    fn discard(&self, connection: Object) {
        drop(Object::take(connection));
    }
}

/// Sends statements in their order, and then waits for their answers.
async fn pipeline(
    transaction: &Transaction<'_>,
    statements: &[(Statement, Vec<&(dyn ToSql + Sync)>)],
    current: &mut Statement,
) -> Result<(), tokio_postgres::Error> {
    let mut prepared = Vec::with_capacity(statements.len());
    for (statement, _) in statements {
        *current = *statement;
        prepared.push(transaction.prepare_cached(statement.sql).await?);
    }
    let mut sent = Vec::with_capacity(statements.len());
    for ((_, parameters), prepared) in statements.iter().zip(&prepared) {
        let mut execution = Box::pin(maybe_done(transaction.execute(prepared, parameters)));
        // It goes out when it is first polled.
        let _ = poll!(&mut execution);
        sent.push(execution);
    }
    for ((statement, _), mut execution) in statements.iter().zip(sent) {
        *current = *statement;
        let begun = Instant::now();
        execution.as_mut().await;
        execution.as_mut().take_output().transpose()?;
        traced(*statement, begun);
    }
    Ok(())
}

fn traced(statement: Statement, begun: Instant) {
    let elapsed_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
    tracing::trace!(statement = statement.name, elapsed_us, "statement");
}
