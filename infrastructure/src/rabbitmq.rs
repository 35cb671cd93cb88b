//! RabbitMQ: the broker of the distributed profile.
//!
//! - [`topology`]: what is declared, on every connection before anything else.
//! - `link`: one connection, and how it ends.
//! - `publisher`, `subscription`: the feed from the relay to the gateways, one message per run.
//! - [`events`], `consumption`: one message per event, for durable consumers, of the types they want.
//! - `doctor`: whether what is there is as it is declared.
//! - `wire`: the bytes of a message.
//!
//! There is no recovery here. When anything fails on a connection, all of it fails, and the caller asks for a new one.

mod consumption;
mod doctor;
pub mod events;
mod link;
mod publisher;
mod subscription;
pub mod topology;
mod wire;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use lapin::uri::AMQPUri;
use posthaste_application::port::broker::{Publisher, Run};
use posthaste_application::port::queue::Consumer;
use posthaste_application::port::{Broker, EventQueue, PortError};

use self::consumption::RabbitQueue;
use self::events::EventPublisher;
use self::link::Link;

/// How errors and logs call it.
const SERVICE: &str = "rabbitmq";

/// The broker. It connects when it is asked for something.
#[derive(Clone)]
pub struct RabbitMq {
    uri: AMQPUri,
    consumers: Vec<Consumer>,
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
        Ok(Self { uri, consumers: Vec::new() })
    }

    /// The same, with durable consumers: their queues are declared, what they want is published, and a run counts as confirmed only when
    /// their queues have stored it too.
    #[must_use]
    pub fn with_consumers(mut self, consumers: Vec<Consumer>) -> Self {
        self.consumers = consumers;
        self
    }

    /// The queue of one of them.
    #[must_use]
    pub fn queue(&self, consumer: &Consumer) -> Arc<dyn EventQueue> {
        Arc::new(RabbitQueue { broker: self.clone(), consumer: consumer.clone() })
    }

    /// Connects once and declares the topology, to find out at start whether it can be used.
    ///
    /// # Errors
    /// Where it tried to connect, and what came of it.
    pub async fn declare(&self) -> Result<(), PortError> {
        self.open("start").await.map(drop)
    }

    /// A connection to publish single events of these types over, by itself.
    ///
    /// # Errors
    /// The broker cannot be reached.
    pub async fn event_publisher(&self, types: BTreeSet<String>) -> Result<EventPublisher, PortError> {
        EventPublisher::open(self.open("events").await?, types).await
    }

    async fn open(&self, purpose: &str) -> Result<Link, PortError> {
        Link::open(&self.uri, &self.consumers, purpose).await
    }
}

#[async_trait]
impl Broker for RabbitMq {
    async fn publisher(&self) -> Result<Box<dyn Publisher>, PortError> {
        publisher::open(self.open("feed publisher").await?, events::types(&self.consumers)).await
    }

    async fn subscribe(&self) -> Result<BoxStream<'static, Result<Run, PortError>>, PortError> {
        subscription::open(self.open("feed subscriber").await?).await
    }
}

fn failed(error: lapin::Error) -> PortError {
    PortError::unavailable(SERVICE, error)
}
