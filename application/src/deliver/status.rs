//! What became of an event for each of its recipients, computed from the history of the cursors.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use posthaste_domain::{DeviceId, UserId};

use crate::port::{Cursors, PortError};
use crate::recorded::Position;

/// How far an event has come on its way to a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryStatus {
    /// Owed since its commit; no device has acknowledged it.
    Pending,
    /// A device has stored it.
    Delivered {
        /// The first that did.
        device: DeviceId,
        /// When it said so.
        at: DateTime<Utc>,
    },
}

/// The status of the event at a position for each of these users.
///
/// # Errors
/// The cursors cannot be read.
pub async fn delivery_statuses(
    cursors: &dyn Cursors,
    users: &[UserId],
    position: Position,
) -> Result<Vec<(UserId, DeliveryStatus)>, PortError> {
    let mut first = HashMap::new();
    for receipt in cursors.receipts(users, position).await? {
        first.entry(receipt.device.user).or_insert(DeliveryStatus::Delivered { device: receipt.device.device, at: receipt.at });
    }
    Ok(users.iter().map(|user| (*user, first.get(user).copied().unwrap_or(DeliveryStatus::Pending))).collect())
}
