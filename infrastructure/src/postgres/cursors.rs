//! Device cursors and the history of their moves.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use posthaste_application::port::cursors::{CursorMove, Device, Receipt};
use posthaste_application::port::{Cursors, PortError};
use posthaste_application::recorded::Position;
use posthaste_domain::{DeviceId, UserId};
use uuid::Uuid;

use super::connect::Postgres;
use super::door::{Statement, statement};
use super::rows;

const OPEN: Statement = statement!("cursors_open");
const ADVANCE: Statement = statement!("cursors_advance");
const RECEIPTS: Statement = statement!("cursors_receipts");

/// The cursors in PostgreSQL.
#[derive(Clone, Debug)]
pub struct PgCursors(Postgres);

impl PgCursors {
    /// The cursors of this database.
    #[must_use]
    pub const fn new(postgres: Postgres) -> Self {
        Self(postgres)
    }
}

#[async_trait]
impl Cursors for PgCursors {
    async fn open(&self, device: Device, first: Position, at: DateTime<Utc>) -> Result<Position, PortError> {
        let (user, device, first) = (device.user.uuid(), device.device.uuid(), rows::number(first.0)?);
        let mut rows = self.0.query(OPEN, &[&user, &device, &first, &at]).await?;
        if rows.is_empty() {
            // It was opened elsewhere at the same moment; now it can be seen.
            rows = self.0.query(OPEN, &[&user, &device, &first, &at]).await?;
        }
        rows::position(rows::only(&rows, "cursors")?, "position")
    }

    async fn advance(&self, moves: &[CursorMove]) -> Result<(), PortError> {
        if moves.is_empty() {
            return Ok(());
        }
        let users: Vec<Uuid> = moves.iter().map(|moved| moved.device.user.uuid()).collect();
        let devices: Vec<Uuid> = moves.iter().map(|moved| moved.device.device.uuid()).collect();
        let positions = moves.iter().map(|moved| rows::number(moved.to.0)).collect::<Result<Vec<_>, _>>()?;
        let times: Vec<DateTime<Utc>> = moves.iter().map(|moved| moved.at).collect();
        self.0.execute(ADVANCE, &[&users, &devices, &positions, &times]).await?;
        Ok(())
    }

    async fn receipts(&self, users: &[UserId], position: Position) -> Result<Vec<Receipt>, PortError> {
        let users: Vec<Uuid> = users.iter().map(|user| user.uuid()).collect();
        let rows = self.0.query(RECEIPTS, &[&users, &rows::number(position.0)?]).await?;
        rows.iter()
            .map(|row| {
                let user = UserId::new(rows::value(row, "user_id")?);
                let device = DeviceId::new(rows::value(row, "device_id")?);
                Ok(Receipt { device: Device { user, device }, at: rows::value(row, "moved_at")? })
            })
            .collect()
    }
}
