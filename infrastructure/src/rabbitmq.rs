//! RabbitMQ: the broker of the distributed profile.
//!
//! - [`topology`]: what is declared, on every connection before anything else.
//! - `link`: one connection, and how it ends.
//! - `publisher`, `subscription`: the feed from the relay to the gateways, one message per run.
//! - [`events`]: one message per event, for durable consumers.
//! - `wire`: the bytes of a message.
//!
//! There is no recovery here. When anything fails on a connection, all of it fails, and the caller asks for a new one.

pub mod events;
mod link;
mod publisher;
mod subscription;
pub mod topology;
mod wire;

use async_trait::async_trait;
use futures::stream::BoxStream;
use lapin::uri::AMQPUri;
use posthaste_application::port::broker::{Publisher, Run};
use posthaste_application::port::{Broker, PortError};

use self::events::EventPublisher;
use self::link::Link;

/// How errors and logs call it.
const SERVICE: &str = "rabbitmq";

/// The broker. It connects when it is asked for something.
pub struct RabbitMq {
    uri: AMQPUri,
}

impl RabbitMq {
    /// The broker at `amqp://user:password@host:port/vhost`, vhost percent-encoded, none for `/`. See the
    /// [URI specification](https://www.rabbitmq.com/docs/uri-spec) for what may follow.
    ///
    /// # Errors
    /// The address is not one. The error does not repeat it: it holds a password.
    pub fn new(url: &str) -> Result<Self, PortError> {
        let mut uri: AMQPUri = url.parse().map_err(|reason| {
            PortError::rejected(SERVICE, format!("the address is not like amqp://user:password@host:5672/vhost: {reason}"))
        })?;
        uri.query.heartbeat.get_or_insert(link::HEARTBEAT_SECONDS);
        Ok(Self { uri })
    }

    /// Connects once and declares the topology, to find out at start whether it can be used.
    ///
    /// # Errors
    /// Where it tried to connect, and what came of it.
    pub async fn declare(&self) -> Result<(), PortError> {
        self.open("start").await.map(drop)
    }

    /// A connection to publish single events over, for durable consumers.
    ///
    /// # Errors
    /// The broker cannot be reached.
    pub async fn event_publisher(&self) -> Result<EventPublisher, PortError> {
        EventPublisher::open(self.open("events").await?).await
    }

    async fn open(&self, purpose: &str) -> Result<Link, PortError> {
        Link::open(&self.uri, purpose).await
    }
}

#[async_trait]
impl Broker for RabbitMq {
    async fn publisher(&self) -> Result<Box<dyn Publisher>, PortError> {
        publisher::open(self.open("feed publisher").await?).await
    }

    async fn subscribe(&self) -> Result<BoxStream<'static, Result<Run, PortError>>, PortError> {
        subscription::open(self.open("feed subscriber").await?).await
    }
}

fn failed(error: lapin::Error) -> PortError {
    PortError::unavailable(SERVICE, error)
}
