//! The cursors of the devices in SQLite.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use posthaste_application::port::cursors::{CursorMove, Device, Receipt};
use posthaste_application::port::{Cursors, PortError};
use posthaste_application::recorded::Position;
use posthaste_domain::{DeviceId, UserId};
use rusqlite::{OptionalExtension as _, Transaction, params};

use super::database::{Database, Durability};
use super::failure::Failure;
use super::row::{Id, Micros, Unsigned, integer};
use super::statements;

/// The cursors of the embedded profile.
///
/// That a device exists is on the disk before it is answered: a device that was forgotten would start anew beyond what it is owed.
/// Its moves outlive the process but perhaps not the machine: if one is lost, the device is pushed again what it had acknowledged,
/// takes it for the duplicate it is, and acknowledges it again.
pub struct SqliteCursors {
    database: Arc<Database>,
}

impl SqliteCursors {
    /// The cursors in this file.
    #[must_use]
    pub fn new(database: Arc<Database>) -> Self {
        Self { database }
    }
}

#[async_trait]
impl Cursors for SqliteCursors {
    async fn open(&self, device: Device, first: Position, at: DateTime<Utc>) -> Result<Position, PortError> {
        if let Some(known) = self.database.readers().read(move |snapshot| cursor(snapshot, device)).await? {
            return Ok(known);
        }
        let open = move |transaction: &Transaction<'_>| {
            transaction.prepare_cached(statements::CURSOR_OPEN)?.execute(params![
                device.user.uuid().as_bytes(),
                device.device.uuid().as_bytes(),
                integer(first.0),
                at.timestamp_micros(),
            ])?;
            Ok(cursor(transaction, device)?.unwrap_or(first))
        };
        self.database.writer()?.write(Durability::Machine, open, |_| {}).await
    }

    async fn advance(&self, moves: &[CursorMove]) -> Result<(), PortError> {
        if moves.is_empty() {
            return Ok(());
        }
        let moves = moves.to_vec();
        let advance = move |transaction: &Transaction<'_>| moves.iter().try_for_each(|moved| advance(transaction, moved));
        self.database.writer()?.write(Durability::Process, advance, |()| {}).await
    }

    async fn receipts(&self, users: &[UserId], position: Position) -> Result<Vec<Receipt>, PortError> {
        let users = users.to_vec();
        let read = move |snapshot: &Transaction<'_>| {
            let mut statement = snapshot.prepare_cached(statements::RECEIPTS)?;
            let mut receipts = Vec::new();
            for user in users {
                let mut rows = statement.query(params![user.uuid().as_bytes(), integer(position.0)])?;
                while let Some(row) = rows.next()? {
                    let (Id(device), Micros(at)) = (row.get(0)?, row.get(1)?);
                    receipts.push(Receipt { device: Device { user, device: DeviceId::new(device) }, at });
                }
            }
            receipts.sort_unstable_by_key(|receipt| (receipt.at, receipt.device));
            // Whoever asks for a user twice gets them once.
            receipts.dedup();
            Ok(receipts)
        };
        self.database.readers().read(read).await
    }
}

fn cursor(transaction: &Transaction<'_>, device: Device) -> Result<Option<Position>, Failure> {
    let mut statement = transaction.prepare_cached(statements::CURSOR_READ)?;
    let position = statement.query_row(params![device.user.uuid().as_bytes(), device.device.uuid().as_bytes()], |row| row.get(0));
    Ok(position.optional()?.map(|Unsigned(position)| Position(position)))
}

fn advance(transaction: &Transaction<'_>, moved: &CursorMove) -> Result<(), Failure> {
    let Some(from) = cursor(transaction, moved.device)?.filter(|from| *from < moved.to) else { return Ok(()) };
    let (user, device) = (moved.device.user.uuid(), moved.device.device.uuid());
    let (from, to) = (integer(from.0), integer(moved.to.0));
    transaction.prepare_cached(statements::CURSOR_MOVE)?.execute(params![user.as_bytes(), device.as_bytes(), to])?;
    let mut history = transaction.prepare_cached(statements::CURSOR_MOVE_INSERT)?;
    history.execute(params![user.as_bytes(), device.as_bytes(), from, to, moved.at.timestamp_micros()])?;
    Ok(())
}
