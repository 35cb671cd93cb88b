//! What is owed to webhooks: an inbox for each endpoint, what is set aside behind [dead letters](super::dead), and who sends from it.
//!
//! Both hold positions only. The event is read from the log when it is sent, so there is no second copy of what people said.

#[cfg(feature = "contract")]
pub mod contract;

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

pub use super::lease::{Fenced, Lease};

use super::PortError;
use crate::recorded::Position;

/// An event that an endpoint must get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owed {
    /// Whom.
    pub endpoint: String,
    /// What.
    pub position: Position,
}

/// The oldest that wait in an inbox, and how their endpoint is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Since when nothing is sent.
    pub disabled_at: Option<DateTime<Utc>>,
    /// Since when nothing was delivered although it was tried.
    pub failing_since: Option<DateTime<Utc>>,
    /// In the order of the log.
    pub waiting: Vec<Waiting>,
}

/// An event in an inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Which.
    pub position: Position,
    /// How often it was sent in vain.
    pub tries: u32,
    /// Not to be sent before.
    pub due_at: DateTime<Utc>,
    /// Its stream is parked: it waits behind a dead letter, and is to be set aside.
    pub parked: bool,
}

/// What came of sending an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// The endpoint has it.
    Delivered,
    /// It has not, and gets it again.
    Retry {
        /// When.
        due_at: DateTime<Utc>,
        /// When it was tried.
        at: DateTime<Utc>,
    },
    /// It has not, and it was tried often enough: a dead letter, with which its stream is parked.
    Dead {
        /// What it answered last.
        reason: String,
        /// When that was.
        at: DateTime<Utc>,
    },
}

/// How an endpoint is doing, for operators.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EndpointStatus {
    /// Its name.
    pub endpoint: String,
    /// What was recorded up to here is not for it: it was configured later.
    pub since: Position,
    /// How many events wait to be sent.
    pub waiting: u64,
    /// The oldest of them.
    pub oldest: Option<Position>,
    /// How often that one was sent in vain.
    pub tries: u32,
    /// How many streams are parked, each with an event that was given up.
    pub dead: u64,
    /// How many events were set aside behind those.
    pub aside: u64,
    /// Since when nothing was delivered although it was tried.
    pub failing_since: Option<DateTime<Utc>>,
    /// Since when nothing is sent.
    pub disabled_at: Option<DateTime<Utc>>,
}

/// The inboxes.
#[async_trait]
pub trait Webhooks: Send + Sync {
    /// Makes endpoints known, and gives for each from where on events are owed to it. One that is new is owed what is recorded after
    /// `head`; if there never was one before, that is also from where on events are taken in.
    async fn register(&self, endpoints: &[String], head: Position) -> Result<Vec<(String, Position)>, PortError>;

    /// Everything that is owed up to here is in the inboxes, or was. The start of the log if no endpoint was ever registered.
    async fn taken(&self) -> Result<Position, PortError>;

    /// Puts into the inboxes what is owed after one position up to another, all or nothing and to be sent at once. Gives `false`, and does nothing, when not
    /// everything up to the first, or more, was taken in.
    async fn take_in(&self, after: Position, upto: Position, owed: &[Owed]) -> Result<bool, PortError>;

    /// Takes the right to send to an endpoint, if it is free, has run out, or is held by `holder` already, who then keeps its epoch.
    /// `None` when another holds it, or the endpoint is not known.
    async fn acquire(&self, endpoint: &str, holder: Uuid, ttl: Duration) -> Result<Option<Lease>, PortError>;

    /// The oldest events in the inbox.
    async fn work(&self, endpoint: &str, lease: Lease, most: usize) -> Result<Result<Work, Fenced>, PortError>;

    /// Keeps what came of sending an event. A failure makes the endpoint failing since then, a delivery ends that.
    async fn settle(&self, endpoint: &str, lease: Lease, position: Position, came: &Settlement) -> Result<Result<(), Fenced>, PortError>;

    /// Sets events aside whose streams are parked, to wait behind the dead letters; those whose streams are parked no more stay in the inbox.
    async fn set_aside(&self, endpoint: &str, lease: Lease, positions: &[Position]) -> Result<Result<(), Fenced>, PortError>;

    /// Stops sending to an endpoint until it is enabled. Its inbox goes on filling.
    async fn disable(&self, endpoint: &str, lease: Lease, at: DateTime<Utc>) -> Result<Result<(), Fenced>, PortError>;

    /// Gives the lease up, so that another sends at once. Nothing happens if it is not ours.
    async fn release(&self, endpoint: &str, lease: Lease) -> Result<(), PortError>;

    /// Every endpoint there ever was, by name.
    async fn status(&self) -> Result<Vec<EndpointStatus>, PortError>;

    /// Goes on sending to an endpoint that was disabled, the oldest event at once. Gives whether it was.
    async fn enable(&self, endpoint: &str) -> Result<bool, PortError>;
}
