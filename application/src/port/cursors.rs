//! How far each device has come. A device owes nothing at or below its cursor.

#[cfg(feature = "contract")]
pub mod contract;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use posthaste_domain::{DeviceId, UserId};

use super::PortError;
use crate::recorded::Position;

/// A device of a user. The same installation under another user is another device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Device {
    /// Whose.
    pub user: UserId,
    /// Which of theirs.
    pub device: DeviceId,
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

/// A device that took in an event: the first move of its cursor that reached the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Which device.
    pub device: Device,
    /// When it acknowledged the event.
    pub at: DateTime<Utc>,
}

/// The cursors, and the history of their moves, which only grows.
#[async_trait]
pub trait Cursors: Send + Sync {
    /// The cursor of a device. A device not seen before is registered and starts at `first`.
    async fn open(&self, device: Device, first: Position, at: DateTime<Utc>) -> Result<Position, PortError>;

    /// Moves cursors forward, in one transaction, each with one row of history (user, device, from, to, at).
    /// A move to or below where a cursor is does nothing and leaves no history. Several moves of one device may be in one batch.
    /// A device that was never opened is not moved.
    async fn advance(&self, moves: &[CursorMove]) -> Result<(), PortError>;

    /// The devices of these users that have taken in the event at this position, in the order of their acknowledgement.
    /// A device that was opened beyond the position never took it in, and is not among them.
    async fn receipts(&self, users: &[UserId], position: Position) -> Result<Vec<Receipt>, PortError>;
}
