//! The queue of a durable consumer: single events of the types it wants, each until it is accepted or has been rejected too often.
//!
//! Like the feed it may repeat, reorder and even lose: whoever consumes dedupes by position, and finds holes by what each delivery says
//! about the events before it ([`Delivery::follows`]), and reads them from the log.

#[cfg(feature = "contract")]
pub mod contract;

use std::collections::BTreeSet;

use async_trait::async_trait;

use super::PortError;
use crate::recorded::{Position, Recorded};

/// How often an event may be rejected; after that it is given up and kept aside.
pub const TRIES: u32 = 10;

/// Somebody who must get every event of some types, sooner or later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumer {
    /// Names its queue: `webhooks`.
    pub name: String,
    /// The types it wants, each `<category>.<event_name>`.
    pub types: BTreeSet<String>,
}

/// An event on its way to a consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Names it among the deliveries of its consumption; grows.
    pub tag: u64,
    /// The event.
    pub event: Recorded,
    /// Between this position and the event's own the log has none of the consumer's types. `None`: nobody knows.
    pub follows: Option<Position>,
    /// How often it was delivered and not accepted before.
    pub rejected: u32,
}

/// The queue of one consumer.
#[async_trait]
pub trait EventQueue: Send + Sync {
    /// Begins to consume. Whatever was not accepted before is delivered, and whatever comes.
    async fn consume(&self) -> Result<Box<dyn Consumption>, PortError>;
}

/// One connection to a queue. When anything fails on it, it is thrown away, and what was not accepted on it is delivered again.
#[async_trait]
pub trait Consumption: Send + Sync {
    /// Waits for deliveries, and gives up to `most` of those that are there. Can be dropped at any point without losing one.
    async fn next(&mut self, most: usize) -> Result<Vec<Delivery>, PortError>;

    /// Everything that was delivered up to this tag is done, but for what was rejected.
    async fn accept(&mut self, upto: u64) -> Result<(), PortError>;

    /// This one cannot be handled now. It is delivered again, not necessarily at once nor in its place, until it was rejected
    /// [`TRIES`] times.
    async fn reject(&mut self, tag: u64) -> Result<(), PortError>;
}
