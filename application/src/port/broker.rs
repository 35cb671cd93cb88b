//! The way from the relay to the gateways. It may lose, repeat and reorder what it likes: readers dedupe by position and
//! read what is missing from the log.

#[cfg(feature = "contract")]
pub mod contract;

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::BoxFuture;
use futures::stream::BoxStream;

use super::PortError;
use crate::recorded::Recorded;

/// Consecutive events, as the relay read them together.
pub type Run = Arc<[Arc<Recorded>]>;

/// Ends with `Ok` when the broker has taken the run into its care.
pub type Confirm = BoxFuture<'static, Result<(), PortError>>;

/// The broker.
#[async_trait]
pub trait Broker: Send + Sync {
    /// A connection to publish over. When anything fails on it, it is thrown away and everything unconfirmed is published
    /// again over a new one.
    async fn publisher(&self) -> Result<Box<dyn Publisher>, PortError>;

    /// Every run that is published from now on, until the connection fails: then the stream ends with the error, and the
    /// subscriber subscribes again and fills the hole from the log.
    async fn subscribe(&self) -> Result<BoxStream<'static, Result<Run, PortError>>, PortError>;
}

/// Publishes runs in the order it is given them.
#[async_trait]
pub trait Publisher: Send {
    /// Sends a run and gives its confirmation to wait for. Waits itself only while the broker does not take more.
    async fn publish(&mut self, run: Run) -> Result<Confirm, PortError>;
}
