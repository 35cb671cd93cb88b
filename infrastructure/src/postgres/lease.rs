//! The relay's lease, on the database's clock.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use posthaste_application::port::lease::{Fenced, Lease, RelayStatus};
use posthaste_application::port::{PortError, RelayLease};
use posthaste_application::recorded::Position;
use uuid::Uuid;

use super::connect::Postgres;
use super::door::{Statement, statement};
use super::rows;

const ACQUIRE: Statement = statement!("lease_acquire");
const CHECKPOINT: Statement = statement!("lease_checkpoint");
const CONFIRMED_AT: Statement = statement!("lease_confirmed_at");
const RELEASE: Statement = statement!("lease_release");
const STATUS: Statement = statement!("lease_status");

/// The lease row in PostgreSQL.
#[derive(Clone, Debug)]
pub struct PgLease(Postgres);

impl PgLease {
    /// The lease of this database.
    #[must_use]
    pub const fn new(postgres: Postgres) -> Self {
        Self(postgres)
    }
}

#[async_trait]
impl RelayLease for PgLease {
    async fn acquire(&self, holder: Uuid, ttl: Duration) -> Result<Option<(Lease, Position)>, PortError> {
        let rows = self.0.query(ACQUIRE, &[&holder, &ttl.as_secs_f64()]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let epoch = rows::count(row, "epoch")?;
        Ok(Some((Lease { holder, epoch }, rows::position(row, "checkpoint")?)))
    }

    async fn checkpoint(&self, lease: Lease, position: Position, ttl: Duration) -> Result<Result<(), Fenced>, PortError> {
        let (epoch, position) = (rows::number(lease.epoch)?, rows::number(position.0)?);
        let held = self.0.query(CHECKPOINT, &[&lease.holder, &epoch, &position, &ttl.as_secs_f64()]).await?;
        Ok(if held.is_empty() { Err(Fenced { epoch: lease.epoch }) } else { Ok(()) })
    }

    async fn release(&self, lease: Lease) -> Result<(), PortError> {
        self.0.execute(RELEASE, &[&lease.holder, &rows::number(lease.epoch)?]).await?;
        Ok(())
    }

    async fn confirmed_at(&self, position: Position) -> Result<Option<DateTime<Utc>>, PortError> {
        let rows = self.0.query(CONFIRMED_AT, &[&rows::number(position.0)?]).await?;
        rows.first().map(|row| rows::value(row, "at")).transpose()
    }

    async fn status(&self) -> Result<RelayStatus, PortError> {
        let rows = self.0.query(STATUS, &[]).await?;
        let row = rows::only(&rows, "relay_lease")?;
        Ok(RelayStatus {
            epoch: rows::count(row, "epoch")?,
            holder: rows::optional(row, "holder")?,
            checkpoint: rows::position(row, "checkpoint")?,
        })
    }
}
