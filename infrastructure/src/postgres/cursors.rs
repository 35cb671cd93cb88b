//! Device cursors and the history of their moves.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use posthaste_application::port::cursors::{Connect, Connected, CursorMove, Device, Generation, KnownDevice, Receipt, SentMark, Welcome};
use posthaste_application::port::log::Memberships;
use posthaste_application::port::{Cursors, PortError};
use posthaste_application::recorded::Position;
use posthaste_domain::{DeviceId, SessionId, UserId};
use tokio_postgres::Row;
use uuid::Uuid;

use super::connect::Postgres;
use super::door::{Statement, statement};
use super::rows;

const CONNECT: Statement = statement!("cursors_connect");
const ADVANCE: Statement = statement!("cursors_advance");
const GENERATIONS: Statement = statement!("cursors_generations");
const DEVICES: Statement = statement!("cursors_devices");
const COUNT: Statement = statement!("cursors_count");
const MARK_SENT: Statement = statement!("cursors_mark_sent");
const RECEIPTS: Statement = statement!("cursors_receipts");
const SENDS: Statement = statement!("cursors_sends");

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
    async fn connect(&self, connect: Connect) -> Result<Connected, PortError> {
        let Connect { device, session, cursor, at } = connect;
        let cursor = cursor.map(|cursor| rows::number(cursor.0)).transpose()?;
        let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
            [&device.user.uuid(), &device.device.uuid(), &session.to_string(), &cursor, &at];
        let rows = self.0.query(CONNECT, &parameters).await?;
        let first = rows::only(&rows, "log_head")?;
        let as_of = rows::position(first, "as_of")?;
        if rows::value(first, "revoked")? {
            return Ok(Connected::Revoked);
        }
        if rows::value(first, "suspended")? {
            return Ok(Connected::Suspended);
        }
        let (Some(cursor), Some(generation)) =
            (rows::optional_position(first, "cursor")?, rows::value::<Option<i64>>(first, "generation")?)
        else {
            return Ok(Connected::BeyondHead { head: as_of });
        };
        let generation = Generation(u64::try_from(generation).map_err(|error| PortError::corrupt("cursors.generation", error))?);
        let memberships = Memberships { as_of, windows: rows::windows(&rows)? };
        Ok(Connected::Welcome(Welcome { cursor, generation, memberships }))
    }

    async fn advance(&self, moves: &[CursorMove]) -> Result<Vec<(Device, Generation)>, PortError> {
        if moves.is_empty() {
            return Ok(Vec::new());
        }
        let users: Vec<Uuid> = moves.iter().map(|moved| moved.device.user.uuid()).collect();
        let devices: Vec<Uuid> = moves.iter().map(|moved| moved.device.device.uuid()).collect();
        let positions = moves.iter().map(|moved| rows::number(moved.to.0)).collect::<Result<Vec<_>, _>>()?;
        let times: Vec<DateTime<Utc>> = moves.iter().map(|moved| moved.at).collect();
        let rows = self.0.query(ADVANCE, &[&users, &devices, &positions, &times]).await?;
        rows.iter().map(generation).collect()
    }

    async fn devices(&self, user: Option<UserId>, after: Option<Device>, limit: usize) -> Result<Vec<KnownDevice>, PortError> {
        let (first, last) = user.map_or((Uuid::nil(), Uuid::max()), |user| (user.uuid(), user.uuid()));
        let (after_user, after_device) = after.map_or((Uuid::nil(), Uuid::nil()), |after| (after.user.uuid(), after.device.uuid()));
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = self.0.query(DEVICES, &[&first, &last, &after_user, &after_device, &limit]).await?;
        let known = |row| {
            let (device, generation) = generation(row)?;
            let (cursor, session) = (rows::position(row, "position")?, rows::optional(row, "session_id")?.map(SessionId::new));
            Ok(KnownDevice { device, cursor, generation, session, connected_at: rows::value(row, "connected_at")? })
        };
        rows.iter().map(known).collect()
    }

    async fn count(&self) -> Result<u64, PortError> {
        let rows = self.0.query(COUNT, &[]).await?;
        rows::count(rows::only(&rows, "cursors")?, "devices")
    }

    async fn mark_sent(&self, marks: &[SentMark]) -> Result<(), PortError> {
        if marks.is_empty() {
            return Ok(());
        }
        let users: Vec<Uuid> = marks.iter().map(|mark| mark.device.user.uuid()).collect();
        let devices: Vec<Uuid> = marks.iter().map(|mark| mark.device.device.uuid()).collect();
        let positions = marks.iter().map(|mark| rows::number(mark.to.0)).collect::<Result<Vec<_>, _>>()?;
        let times: Vec<DateTime<Utc>> = marks.iter().map(|mark| mark.at).collect();
        self.0.execute(MARK_SENT, &[&users, &devices, &positions, &times]).await?;
        Ok(())
    }

    async fn generations(&self, devices: &[Device]) -> Result<Vec<(Device, Generation)>, PortError> {
        let users: Vec<Uuid> = devices.iter().map(|device| device.user.uuid()).collect();
        let devices: Vec<Uuid> = devices.iter().map(|device| device.device.uuid()).collect();
        let rows = self.0.query(GENERATIONS, &[&users, &devices]).await?;
        rows.iter().map(generation).collect()
    }

    async fn receipts(&self, users: &[UserId], position: Position) -> Result<Vec<Receipt>, PortError> {
        self.read(RECEIPTS, "moved_at", users, position).await
    }

    async fn sends(&self, users: &[UserId], position: Position) -> Result<Vec<Receipt>, PortError> {
        self.read(SENDS, "sent_at", users, position).await
    }
}

impl PgCursors {
    /// What the history has of a position for the devices of these users.
    async fn read(
        &self,
        statement: Statement,
        time: &'static str,
        users: &[UserId],
        position: Position,
    ) -> Result<Vec<Receipt>, PortError> {
        let users: Vec<Uuid> = users.iter().map(|user| user.uuid()).collect();
        let rows = self.0.query(statement, &[&users, &rows::number(position.0)?]).await?;
        rows.iter().map(|row| Ok(Receipt { device: device(row)?, at: rows::value(row, time)? })).collect()
    }
}

fn device(row: &Row) -> Result<Device, PortError> {
    Ok(Device { user: UserId::new(rows::value(row, "user_id")?), device: DeviceId::new(rows::value(row, "device_id")?) })
}

fn generation(row: &Row) -> Result<(Device, Generation), PortError> {
    Ok((device(row)?, Generation(rows::count(row, "generation")?)))
}
