//! How far each device has come. A device owes nothing at or below its cursor.

#[cfg(feature = "contract")]
pub mod contract;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use posthaste_domain::{DeviceId, SessionId, UserId};
use serde::{Deserialize, Serialize};

use super::PortError;
use super::log::Memberships;
use crate::recorded::Position;

/// A device of a user. The same installation under another user is another device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Device {
    /// Whose.
    pub user: UserId,
    /// Which of theirs.
    pub device: DeviceId,
}

/// Counts the connections of a device, over all nodes and for ever: of two of them, the one of the higher generation is the newer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generation(pub u64);

impl Generation {
    /// That of the first connection of a device.
    pub const FIRST: Self = Self(1);
}

/// A device asks to be connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connect {
    /// Which device.
    pub device: Device,
    /// The login it speaks for.
    pub session: SessionId,
    /// Up to where it says that it has stored everything, if it knows. A device not seen before starts there, or at the beginning.
    pub cursor: Option<Position>,
    /// When it asked.
    pub at: DateTime<Utc>,
}

/// What came of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Connected {
    /// It is connected, and no older connection of it is any more.
    Welcome(Welcome),
    /// Its login was ended. Nothing has changed.
    Revoked,
    /// Its user is suspended. Nothing has changed.
    Suspended,
    /// It names a cursor that no log of ours has reached. Nothing has changed.
    BeyondHead {
        /// The end of the log.
        head: Position,
    },
}

/// Where a device stands that was just connected, as of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// Its cursor as it was stored.
    pub cursor: Position,
    /// Its connection.
    pub generation: Generation,
    /// The end of the log, and the threads of its user there.
    pub memberships: Memberships,
}

/// A device has stored everything meant for it up to here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CursorMove {
    /// Which device.
    pub device: Device,
    /// Up to where, inclusive.
    pub to: Position,
    /// When it said so.
    pub at: DateTime<Utc>,
}

/// Everything meant for a device up to here was handed to its socket. Kept only where the device does not acknowledge it soon: what it has
/// acknowledged was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SentMark {
    /// Which device.
    pub device: Device,
    /// Up to where, inclusive.
    pub to: Position,
    /// By when.
    pub at: DateTime<Utc>,
}

/// A device that an event has come to: the first move of its cursor, or the first of its sent marks, that reached the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Which device.
    pub device: Device,
    /// When it acknowledged the event, or by when it was sent.
    pub at: DateTime<Utc>,
}

/// A device, and what is known of its newest connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownDevice {
    /// Which device.
    pub device: Device,
    /// Everything up to here it has stored.
    pub cursor: Position,
    /// How often it was connected.
    pub generation: Generation,
    /// The login its newest connection came with; `None` when that was before logins were noted.
    pub session: Option<SessionId>,
    /// When it came.
    pub connected_at: Option<DateTime<Utc>>,
}

/// The cursors, and the history of their moves and of what was sent, which only grows.
#[async_trait]
pub trait Cursors: Send + Sync {
    /// Connects a device: everything that is to be known for it, from one look at the store, and the generation of the connection. A
    /// device not seen before is registered.
    async fn connect(&self, connect: Connect) -> Result<Connected, PortError>;

    /// Moves cursors forward, in one transaction, each with one row of history (user, device, from, to, at).
    /// A move to or below where a cursor is does nothing and leaves no history. Several moves of one device may be in one batch.
    /// A device that was never connected is not moved. Gives the newest connection of each device in the batch, in any order: who acked
    /// over an older one told the truth, but is not to be served any more.
    async fn advance(&self, moves: &[CursorMove]) -> Result<Vec<(Device, Generation)>, PortError>;

    /// The newest connection of each of these devices that was ever connected, in any order.
    async fn generations(&self, devices: &[Device]) -> Result<Vec<(Device, Generation)>, PortError>;

    /// Up to `limit` of the devices that were ever connected, those of one user or of all, above one of them; in the order of users and devices.
    async fn devices(&self, user: Option<UserId>, after: Option<Device>, limit: usize) -> Result<Vec<KnownDevice>, PortError>;

    /// How many devices were ever connected. Takes longer the more there are.
    async fn count(&self) -> Result<u64, PortError>;

    /// Takes note of what was sent, in one transaction, each with one row of history (user, device, from, to, at). A mark to or below where
    /// the cursor is or an earlier mark was does nothing and leaves no history. Several marks of one device may be in one batch, in their
    /// order. A device that was never opened is left out.
    async fn mark_sent(&self, marks: &[SentMark]) -> Result<(), PortError>;

    /// The devices of these users that have taken in the event at this position, in the order of their acknowledgement.
    /// A device that started beyond the position never took it in, and is not among them.
    async fn receipts(&self, users: &[UserId], position: Position) -> Result<Vec<Receipt>, PortError>;

    /// The devices of these users that the event at this position was sent to, as far as marks were written, in the order of time. One that
    /// acknowledged it before it was marked is not among them, nor one that was opened beyond the position.
    async fn sends(&self, users: &[UserId], position: Position) -> Result<Vec<Receipt>, PortError>;
}
