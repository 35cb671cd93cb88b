//! The relay's lease, on the database's clock.

use std::time::Duration;

use async_trait::async_trait;
use posthaste_application::port::lease::{Fenced, Lease, RelayStatus};
use posthaste_application::port::{PortError, RelayLease};
use posthaste_application::recorded::Position;
use uuid::Uuid;

use super::connect::Postgres;
use super::door::{Statement, statement};
use super::rows;

const ACQUIRE: Statement = statement!("lease_acquire");
const CHECKPOINT: Statement = statement!("lease_checkpoint");
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
        let touched = self.0.execute(CHECKPOINT, &[&lease.holder, &epoch, &position, &ttl.as_secs_f64()]).await?;
        Ok(if touched == 1 { Ok(()) } else { Err(Fenced { epoch: lease.epoch }) })
    }

    async fn release(&self, lease: Lease) -> Result<(), PortError> {
        self.0.execute(RELEASE, &[&lease.holder, &rows::number(lease.epoch)?]).await?;
        Ok(())
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
