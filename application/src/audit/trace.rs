//! The proof of delivery of one event, such as a message: its way from the command to everybody's devices, put together from what is stored
//! of it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use posthaste_domain::{Category, CommandId, DeviceId, MessageId, ThreadId, UserId};
use serde::Serialize;
use uuid::Uuid;

use crate::chain;
use crate::deliver::{StatusError, deliveries, recipients};
use crate::hex;
use crate::port::{Cursors, EventLog, PortError, RelayLease};
use crate::recorded::{Hash, Position, Recorded, StreamId};
use crate::verify::hash_at;

/// Recipients that are looked at together.
const AT_ONCE: usize = 512;

/// The way of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trace {
    /// Its id.
    pub event: Uuid,
    /// What happened.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The message that it is about, if it is about one.
    pub message: Option<MessageId>,
    /// In which thread.
    pub thread: Option<ThreadId>,
    /// What was asked.
    pub command: Asked,
    /// What was recorded of it.
    pub commit: Committed,
    /// What the broker has of it.
    pub relay: Relayed,
    /// What became of it, for everybody it is owed to, in the order of their ids. Its author is among them: other devices of theirs get it.
    pub recipients: Vec<Recipient>,
}

/// The command that an event came of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// Its id, the same on every retry.
    pub id: CommandId,
    /// By whom.
    pub by: Option<UserId>,
    /// What the logs of the server have of the request.
    pub correlation: Uuid,
    /// The digest of what was asked.
    #[serde(with = "hex")]
    pub fingerprint: Hash,
}

/// Where an event stands in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Committed {
    /// Its position.
    pub position: Position,
    /// When, by the clock of the log.
    pub at: DateTime<Utc>,
    /// The hash that ties it to everything before it.
    #[serde(with = "hex")]
    pub hash: Hash,
    /// Whether that is the hash of what is stored, after the event that is stored before it.
    pub linked: bool,
}

/// How far the broker has confirmed the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Relayed {
    /// Whether that includes the event.
    pub confirmed: bool,
    /// By when it had, by the clock of the store: the relay notes it with its checkpoint, a fraction of a second later. Null when it has
    /// not, or did before that was kept.
    pub at: Option<DateTime<Utc>>,
    /// Everything up to here.
    pub checkpoint: Position,
}

/// What became of an event for somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Recipient {
    /// Whom.
    pub user: UserId,
    /// `pending`, `sent`, `delivered` or `read`.
    pub status: &'static str,
    /// Their devices that it was sent to, the first first.
    pub devices: Vec<OnDevice>,
    /// When they said that they have read it.
    pub read: Option<DateTime<Utc>>,
}

/// What became of an event on a device. A time is the one that the node had which served the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct OnDevice {
    /// Which.
    pub device: DeviceId,
    /// By when it was handed to the socket. Not written down where it was acknowledged soon: it was by then.
    pub sent: Option<DateTime<Utc>>,
    /// When it was acknowledged.
    pub acknowledged: Option<DateTime<Utc>>,
}

impl OnDevice {
    fn first(&self) -> Option<DateTime<Utc>> {
        [self.sent, self.acknowledged].into_iter().flatten().min()
    }
}

/// The event by which a message was posted; `None` when there is no message of this id.
///
/// # Errors
/// The log cannot be read.
pub async fn posting(log: &dyn EventLog, message: MessageId) -> Result<Option<Recorded>, PortError> {
    let stream = StreamId { category: Category::Message, id: message.uuid() };
    Ok(log.read_stream(stream, 0, 1).await?.pop())
}

/// Follows an event.
///
/// # Errors
/// See [`StatusError`].
pub async fn trace(log: &dyn EventLog, cursors: &dyn Cursors, relay: &dyn RelayLease, event: &Recorded) -> Result<Trace, StatusError> {
    let checkpoint = relay.status().await?.checkpoint;
    let before = hash_at(log, Position(event.position.0.saturating_sub(1))).await?;
    Ok(Trace {
        event: event.id(),
        event_type: event.event_type.clone(),
        message: (event.stream.category == Category::Message).then(|| MessageId::new(event.stream.id)),
        thread: event.thread,
        command: Asked { id: event.command, by: event.actor, correlation: event.correlation, fingerprint: event.fingerprint },
        commit: Committed {
            position: event.position,
            at: event.at,
            hash: event.hash,
            linked: before.is_some_and(|before| chain::hash(&before, event) == event.hash),
        },
        relay: Relayed { confirmed: checkpoint >= event.position, at: relay.confirmed_at(event.position).await?, checkpoint },
        recipients: everybody(log, cursors, event).await?,
    })
}

async fn everybody(log: &dyn EventLog, cursors: &dyn Cursors, event: &Recorded) -> Result<Vec<Recipient>, StatusError> {
    let mut everybody: Vec<Recipient> = Vec::new();
    loop {
        let users = recipients(log, event, everybody.last().map(|last| last.user), AT_ONCE).await?;
        let mut devices = devices(cursors, event.position, &users).await?;
        for delivery in deliveries(log, cursors, event, &users).await? {
            let devices = devices.remove(&delivery.user).unwrap_or_default();
            let (status, read) = (delivery.stage().as_str(), delivery.read.map(|read| read.at));
            everybody.push(Recipient { user: delivery.user, status, devices, read });
        }
        if users.len() < AT_ONCE {
            return Ok(everybody);
        }
    }
}

/// What became of an event on the devices of these users.
async fn devices(cursors: &dyn Cursors, position: Position, users: &[UserId]) -> Result<BTreeMap<UserId, Vec<OnDevice>>, PortError> {
    let mut found: BTreeMap<_, OnDevice> = BTreeMap::new();
    let unknown = |device| OnDevice { device, sent: None, acknowledged: None };
    for send in cursors.sends(users, position).await? {
        found.entry(send.device).or_insert(unknown(send.device.device)).sent = Some(send.at);
    }
    for receipt in cursors.receipts(users, position).await? {
        found.entry(receipt.device).or_insert(unknown(receipt.device.device)).acknowledged = Some(receipt.at);
    }
    let mut by_user: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (device, on_device) in found {
        by_user.entry(device.user).or_default().push(on_device);
    }
    by_user.values_mut().for_each(|devices| devices.sort_by_key(|on_device| (on_device.first(), on_device.device)));
    Ok(by_user)
}
