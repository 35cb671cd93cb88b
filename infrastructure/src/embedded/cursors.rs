//! The cursors of the devices in SQLite.

use std::sync::Arc;

use async_trait::async_trait;
use posthaste_application::port::cursors::{Connect, Connected, CursorMove, Device, Generation, KnownDevice, Receipt, SentMark, Welcome};
use posthaste_application::port::log::Memberships;
use posthaste_application::port::{Cursors, PortError};
use posthaste_application::recorded::Position;
use posthaste_domain::{DeviceId, SessionId, UserId};
use rusqlite::{OptionalExtension as _, Transaction, params};
use uuid::Uuid;

use super::database::{Database, Durability};
use super::failure::Failure;
use super::log::{read_head, windows};
use super::row::{self, Id, Micros, Unsigned, integer};
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
    async fn connect(&self, connect: Connect) -> Result<Connected, PortError> {
        let writer = self.database.writer()?;
        // Which of its connections is the newest need not outlive the machine: no connection does.
        let known = writer.write(Durability::Process, move |transaction| connect_known(transaction, connect)).await?;
        match known {
            Some(connected) => Ok(connected),
            None => writer.write(Durability::Machine, move |transaction| connect_new(transaction, connect)).await,
        }
    }

    async fn advance(&self, moves: &[CursorMove]) -> Result<Vec<(Device, Generation)>, PortError> {
        if moves.is_empty() {
            return Ok(Vec::new());
        }
        let moves = moves.to_vec();
        let advance = move |transaction: &Transaction<'_>| {
            let mut connected = Vec::with_capacity(moves.len());
            for moved in &moves {
                connected.extend(advance(transaction, moved)?.map(|generation| (moved.device, generation)));
            }
            Ok(connected)
        };
        self.database.writer()?.write(Durability::Process, advance).await
    }

    async fn generations(&self, devices: &[Device]) -> Result<Vec<(Device, Generation)>, PortError> {
        let devices = devices.to_vec();
        self.database.readers().read(move |snapshot| generations(snapshot, devices.into_iter())).await
    }

    async fn devices(&self, user: Option<UserId>, after: Option<Device>, limit: usize) -> Result<Vec<KnownDevice>, PortError> {
        self.database.readers().read(move |snapshot| devices(snapshot, user, after, limit)).await
    }

    async fn count(&self) -> Result<u64, PortError> {
        let count = |snapshot: &Transaction<'_>| Ok(snapshot.query_row(statements::CENSUS_DEVICES, (), |row| row.get(0))?);
        let Unsigned(devices) = self.database.readers().read(count).await?;
        Ok(devices)
    }

    async fn mark_sent(&self, marks: &[SentMark]) -> Result<(), PortError> {
        if marks.is_empty() {
            return Ok(());
        }
        let marks = marks.to_vec();
        let mark = move |transaction: &Transaction<'_>| marks.iter().try_for_each(|mark| mark_sent(transaction, mark));
        self.database.writer()?.write(Durability::Process, mark).await
    }

    async fn receipts(&self, users: &[UserId], position: Position) -> Result<Vec<Receipt>, PortError> {
        self.read(statements::RECEIPTS, users, position).await
    }

    async fn sends(&self, users: &[UserId], position: Position) -> Result<Vec<Receipt>, PortError> {
        self.read(statements::SENDS, users, position).await
    }
}

impl SqliteCursors {
    async fn read(&self, statement: &'static str, users: &[UserId], position: Position) -> Result<Vec<Receipt>, PortError> {
        let users = users.to_vec();
        let read = move |snapshot: &Transaction<'_>| {
            let mut statement = snapshot.prepare_cached(statement)?;
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

/// Connects a device if it is known, or may not connect.
fn connect_known(transaction: &Transaction<'_>, connect: Connect) -> Result<Option<Connected>, Failure> {
    let Connect { device, session, cursor, at } = connect;
    let user = device.user.uuid();
    let mut revoked = transaction.prepare_cached(statements::SESSION_REVOKED)?;
    if revoked.exists(params![user.as_bytes(), session.to_string()])? {
        return Ok(Some(Connected::Revoked));
    }
    let mut suspended = transaction.prepare_cached(statements::SUSPENDED)?;
    if suspended.query_row([user.as_bytes()], |row| row.get(0))? {
        return Ok(Some(Connected::Suspended));
    }
    let head = read_head(transaction)?.position;
    if cursor > Some(head) {
        return Ok(Some(Connected::BeyondHead { head }));
    }
    let mut reconnect = transaction.prepare_cached(statements::CURSOR_CONNECT)?;
    let (device_id, session) = (device.device.uuid(), session.uuid());
    let row = params![user.as_bytes(), device_id.as_bytes(), session.as_bytes(), at.timestamp_micros()];
    let known = reconnect.query_row(row, |row| Ok((row.get(0)?, row.get(1)?)));
    let Some((Unsigned(cursor), Unsigned(generation))) = known.optional()? else { return Ok(None) };
    let memberships = Memberships { as_of: head, windows: windows(transaction, device.user)? };
    Ok(Some(Connected::Welcome(Welcome { cursor: Position(cursor), generation: Generation(generation), memberships })))
}

/// Connects a device, which is registered if it is not known.
fn connect_new(transaction: &Transaction<'_>, connect: Connect) -> Result<Connected, Failure> {
    // Somebody may have registered it just now.
    if let Some(connected) = connect_known(transaction, connect)? {
        return Ok(connected);
    }
    let Connect { device, session, cursor, at } = connect;
    let cursor = cursor.unwrap_or_default();
    transaction.prepare_cached(statements::CURSOR_REGISTER)?.execute(params![
        device.user.uuid().as_bytes(),
        device.device.uuid().as_bytes(),
        integer(cursor.0),
        at.timestamp_micros(),
        session.uuid().as_bytes(),
    ])?;
    let memberships = Memberships { as_of: read_head(transaction)?.position, windows: windows(transaction, device.user)? };
    Ok(Connected::Welcome(Welcome { cursor, generation: Generation::FIRST, memberships }))
}

fn devices(snapshot: &Transaction<'_>, user: Option<UserId>, after: Option<Device>, limit: usize) -> Result<Vec<KnownDevice>, Failure> {
    let (first, last) = user.map_or((Uuid::nil(), Uuid::max()), |user| (user.uuid(), user.uuid()));
    let (after_user, after_device) = after.map_or((Uuid::nil(), Uuid::nil()), |after| (after.user.uuid(), after.device.uuid()));
    let range = [first, last, after_user, after_device].map(Uuid::into_bytes);
    let mut statement = snapshot.prepare_cached(statements::DEVICES)?;
    let known = statement.query_map(params![range[0], range[1], range[2], range[3], row::limit(limit)], |row| {
        let (Id(user), Id(device), Unsigned(cursor), Unsigned(generation)) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        let (session, connected_at): (Option<Id>, Option<Micros>) = (row.get(4)?, row.get(5)?);
        Ok(KnownDevice {
            device: Device { user: UserId::new(user), device: DeviceId::new(device) },
            cursor: Position(cursor),
            generation: Generation(generation),
            session: session.map(|Id(session)| SessionId::new(session)),
            connected_at: connected_at.map(|Micros(at)| at),
        })
    });
    Ok(known?.collect::<Result<_, _>>()?)
}

fn generations(transaction: &Transaction<'_>, devices: impl Iterator<Item = Device>) -> Result<Vec<(Device, Generation)>, Failure> {
    let mut statement = transaction.prepare_cached(statements::CURSOR_GENERATION)?;
    let mut generations = Vec::new();
    for device in devices {
        let (user, device_id) = (device.user.uuid(), device.device.uuid());
        let generation = statement.query_row(params![user.as_bytes(), device_id.as_bytes()], |row| row.get(0)).optional()?;
        generations.extend(generation.map(|Unsigned(generation)| (device, Generation(generation))));
    }
    Ok(generations)
}

fn mark_sent(transaction: &Transaction<'_>, mark: &SentMark) -> Result<(), Failure> {
    let (user, device) = (mark.device.user.uuid(), mark.device.device.uuid());
    let mut marked = transaction.prepare_cached(statements::CURSOR_MARKED)?;
    let marked = marked.query_row(params![user.as_bytes(), device.as_bytes()], |row| row.get(0)).optional()?;
    let Some(from) = marked.map(|Unsigned(from)| from).filter(|from| *from < mark.to.0) else { return Ok(()) };
    let (from, to) = (integer(from), integer(mark.to.0));
    transaction.prepare_cached(statements::CURSOR_MARK)?.execute(params![user.as_bytes(), device.as_bytes(), to])?;
    let mut history = transaction.prepare_cached(statements::CURSOR_SEND_INSERT)?;
    history.execute(params![user.as_bytes(), device.as_bytes(), from, to, mark.at.timestamp_micros()])?;
    Ok(())
}

/// Moves a cursor forward, if there is one and it is not there yet. Gives the device's connection.
fn advance(transaction: &Transaction<'_>, moved: &CursorMove) -> Result<Option<Generation>, Failure> {
    let (user, device) = (moved.device.user.uuid(), moved.device.device.uuid());
    let mut cursor = transaction.prepare_cached(statements::CURSOR_READ)?;
    let found = cursor.query_row(params![user.as_bytes(), device.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)));
    let Some((Unsigned(from), Unsigned(generation))) = found.optional()? else { return Ok(None) };
    if from < moved.to.0 {
        let (from, to) = (integer(from), integer(moved.to.0));
        transaction.prepare_cached(statements::CURSOR_MOVE)?.execute(params![user.as_bytes(), device.as_bytes(), to])?;
        let mut history = transaction.prepare_cached(statements::CURSOR_MOVE_INSERT)?;
        history.execute(params![user.as_bytes(), device.as_bytes(), from, to, moved.at.timestamp_micros()])?;
    }
    Ok(Some(Generation(generation)))
}
