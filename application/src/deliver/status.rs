//! What became of an event for each of its recipients, computed from the log, the history of the cursors and the sent marks.
//!
//! Each of these only grows, and what is computed from them only goes forward: whoever asks again, of any node, sees the same or more.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use futures::try_join;
use posthaste_domain::{Audience, DeviceId, UserId};

use crate::codec::Undecodable;
use crate::port::cursors::Receipt;
use crate::port::{Cursors, EventLog, PortError};
use crate::recorded::{Position, Recorded};
use crate::view::Views;

/// Recipients that are looked at together when only some of them are wanted.
const AT_ONCE: usize = 512;

/// When something first happened on any device of a user, and on which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnDevice {
    /// When.
    pub at: DateTime<Utc>,
    /// On which.
    pub device: DeviceId,
}

/// When a user said that they had read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadAt {
    /// When; not before it was delivered.
    pub at: DateTime<Utc>,
    /// On which device, if they said it on one.
    pub device: Option<DeviceId>,
}

/// How far an event has come on its way to a user, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryStatus {
    /// Owed since its commit.
    Pending,
    /// Handed to the socket of a device.
    Sent(OnDevice),
    /// A device has stored it.
    Delivered(OnDevice),
    /// They have read it.
    Read(ReadAt),
}

/// How far an event has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// See [`DeliveryStatus::Pending`].
    Pending,
    /// See [`DeliveryStatus::Sent`].
    Sent,
    /// See [`DeliveryStatus::Delivered`].
    Delivered,
    /// See [`DeliveryStatus::Read`].
    Read,
}

impl Stage {
    /// In a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
        }
    }
}

/// What became of an event for one of its recipients. Whatever happened later is there only with what came before it, and no time is before
/// the one of what came before it, whatever clocks say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// To whom it is owed.
    pub user: UserId,
    /// Since when.
    pub committed: DateTime<Utc>,
    /// When it was first handed to the socket of a device. What a device acknowledges soon is not written down as sent: it was by then.
    pub sent: Option<OnDevice>,
    /// When a device first said that it has stored it.
    pub delivered: Option<OnDevice>,
    /// When they said that they have read it.
    pub read: Option<ReadAt>,
}

impl Delivery {
    /// How far it has come, and since when.
    #[must_use]
    pub const fn status(&self) -> DeliveryStatus {
        match (self.read, self.delivered, self.sent) {
            (Some(read), ..) => DeliveryStatus::Read(read),
            (None, Some(delivered), _) => DeliveryStatus::Delivered(delivered),
            (None, None, Some(sent)) => DeliveryStatus::Sent(sent),
            (None, None, None) => DeliveryStatus::Pending,
        }
    }

    /// How far it has come.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        match self.status() {
            DeliveryStatus::Pending => Stage::Pending,
            DeliveryStatus::Sent(_) => Stage::Sent,
            DeliveryStatus::Delivered(_) => Stage::Delivered,
            DeliveryStatus::Read(_) => Stage::Read,
        }
    }
}

/// Why it cannot be said.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// The log or the cursors cannot be read.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The event cannot be read.
    #[error(transparent)]
    Undecodable(#[from] Undecodable),
}

/// To whom an event is owed: as it says itself, or as the log says if only a newer program can read it.
///
/// # Errors
/// See [`StatusError`].
pub async fn audience(log: &dyn EventLog, event: &Recorded) -> Result<Audience, StatusError> {
    match event.event() {
        Err(error) if error.is_newer() => {
            let named = log.addressees(&[event.position]).await?;
            Ok(Audience { thread: event.thread, users: named.into_iter().map(|(_, addressee)| addressee).collect() })
        }
        read => Ok(read?.audience()),
    }
}

/// Up to `limit` of those to whom an event is owed, in the order of their ids, those above `after`: who was in its thread at its position,
/// and whom it names.
///
/// # Errors
/// See [`StatusError`].
pub async fn recipients(log: &dyn EventLog, event: &Recorded, after: Option<UserId>, limit: usize) -> Result<Vec<UserId>, StatusError> {
    let audience = audience(log, event).await?;
    let named = audience.users.iter().map(|addressee| addressee.user).filter(|user| after.is_none_or(|after| *user > after));
    let mut users: BTreeSet<UserId> = named.collect();
    if let Some(thread) = audience.thread {
        users.extend(log.members_at(thread, event.position, after, limit).await?);
    }
    Ok(users.into_iter().take(limit).collect())
}

/// What became of an event for these of its recipients, in their order.
///
/// # Errors
/// The log or the cursors cannot be read.
pub async fn deliveries(log: &dyn EventLog, cursors: &dyn Cursors, event: &Recorded, users: &[UserId]) -> Result<Vec<Delivery>, PortError> {
    let Recorded { position, thread, at: committed, .. } = *event;
    let readings = async {
        match thread {
            Some(thread) => log.readings(thread, position, users).await,
            None => Ok(Vec::new()),
        }
    };
    let (readings, receipts, sends) = try_join!(readings, cursors.receipts(users, position), cursors.sends(users, position))?;
    let readings: HashMap<_, _> = readings.into_iter().map(|reading| (reading.user, reading)).collect();
    let (delivered, sent) = (first(receipts), first(sends));
    let delivery = |user: &UserId| {
        let (delivered, sent) = (delivered.get(user).copied(), sent.get(user).copied());
        // What was acknowledged was sent, marked or not.
        let sent = [sent, delivered].into_iter().flatten().min_by_key(|first| (first.at, first.device));
        let since = |first: OnDevice| OnDevice { at: first.at.max(committed), ..first };
        let (sent, delivered) = (sent.map(since), delivered.map(since));
        let read = readings.get(user).zip(delivered);
        let read = read.map(|(reading, delivered)| ReadAt { at: reading.at.max(delivered.at), device: reading.device });
        Delivery { user: *user, committed, sent, delivered, read }
    };
    Ok(users.iter().map(delivery).collect())
}

/// The first for each user.
fn first(receipts: Vec<Receipt>) -> HashMap<UserId, OnDevice> {
    let mut first = HashMap::new();
    for Receipt { device, at } in receipts {
        first.entry(device.user).or_insert(OnDevice { at, device: device.device });
    }
    first
}

/// Which of the deliveries of an event are wanted, in the order of the recipients' ids.
#[derive(Clone, Copy, Debug)]
pub struct Deliveries {
    /// Everybody's but theirs.
    pub except: Option<UserId>,
    /// Only those that have come exactly this far.
    pub stage: Option<Stage>,
    /// Those of recipients above this one.
    pub after: Option<UserId>,
    /// At most so many.
    pub limit: usize,
}

impl Deliveries {
    /// Looks through the recipients of the event at a position until there are as many as wanted. None when there is no such event. With the
    /// views, it is what others may be told: somebody who does not let it be told has read nothing.
    ///
    /// # Errors
    /// See [`StatusError`].
    pub async fn of(
        self,
        log: &dyn EventLog,
        cursors: &dyn Cursors,
        views: Option<&dyn Views>,
        position: Position,
    ) -> Result<Vec<Delivery>, StatusError> {
        let before = Position(position.0.saturating_sub(1));
        let Some(event) = log.read(before, 1).await?.pop().filter(|event| event.position == position) else { return Ok(Vec::new()) };
        // One more, for who is left out.
        let at_once = if self.stage.is_none() { self.limit.saturating_add(1) } else { AT_ONCE };
        let (mut after, mut wanted) = (self.after, Vec::new());
        loop {
            let users = recipients(log, &event, after, at_once).await?;
            let mut of_users = deliveries(log, cursors, &event, &users).await?;
            if let Some(views) = views {
                for (delivery, privacy) in of_users.iter_mut().zip(views.privacy(&users).await?) {
                    delivery.read = delivery.read.filter(|_| privacy.read_receipts);
                }
            }
            let fits = |delivery: &Delivery| self.except != Some(delivery.user) && self.stage.is_none_or(|stage| delivery.stage() == stage);
            wanted.extend(of_users.into_iter().filter(fits));
            if wanted.len() >= self.limit || users.len() < at_once {
                wanted.truncate(self.limit);
                return Ok(wanted);
            }
            after = users.last().copied();
        }
    }
}
