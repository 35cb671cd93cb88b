//! A durable consumer's side: a quorum queue that keeps each event until it is accepted, or was rejected too often.

use async_trait::async_trait;
use futures::{FutureExt as _, StreamExt as _};
use lapin::message::Delivery as Message;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions, BasicRejectOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Consumer as Messages};
use posthaste_application::port::queue::{Consumer, Consumption, Delivery};
use posthaste_application::port::{EventQueue, PortError};
use posthaste_application::recorded::{Position, Recorded};

use super::link::Link;
use super::{RabbitMq, SERVICE, events, failed, topology, wire};

/// Events that are on their way to us and not settled yet.
const PREFETCH: u16 = 512;

/// The queue of one consumer.
pub(super) struct RabbitQueue {
    pub(super) broker: RabbitMq,
    pub(super) consumer: Consumer,
}

#[async_trait]
impl EventQueue for RabbitQueue {
    async fn consume(&self) -> Result<Box<dyn Consumption>, PortError> {
        let link = self.broker.open("consumer").await?;
        let channel = link.new_channel().await?;
        let messages = consume(&channel, &topology::queue(&self.consumer)).await.map_err(failed)?;
        let digest = events::digest(&events::types(&self.broker.consumers));
        Ok(Box::new(Open { messages, channel, digest, _link: link }))
    }
}

async fn consume(channel: &Channel, queue: &str) -> lapin::Result<Messages> {
    channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
    channel.basic_consume(queue.into(), "".into(), BasicConsumeOptions::default(), FieldTable::default()).await
}

/// Dropped from the top: first the consumer, last the connection.
struct Open {
    messages: Messages,
    channel: Channel,
    digest: String,
    _link: Link,
}

#[async_trait]
impl Consumption for Open {
    async fn next(&mut self, most: usize) -> Result<Vec<Delivery>, PortError> {
        let mut deliveries = Vec::new();
        loop {
            // Waits only for the first, so that nothing that was taken from the stream is lost when this is dropped.
            let message = if deliveries.is_empty() {
                self.messages.next().await
            } else {
                match self.messages.next().now_or_never() {
                    Some(message) => message,
                    None => return Ok(deliveries),
                }
            };
            let message = match message {
                Some(Ok(message)) => message,
                Some(Err(error)) => return Err(failed(error)),
                None => return Err(PortError::unavailable(SERVICE, "the queue or its connection is gone")),
            };
            match self.read(&message) {
                Ok(delivery) => deliveries.push(delivery),
                Err(error) => {
                    let id = message.properties.message_id().as_ref().map_or("", |id| id.as_str());
                    tracing::error!(error, rabbitmq.message_id = id, "giving up a message that cannot be read; the log has what was in it");
                    // Sent by the first poll. If it is lost, so is the connection.
                    let _ = self.channel.basic_reject(message.delivery_tag, BasicRejectOptions { requeue: false }).now_or_never();
                }
            }
            if deliveries.len() >= most {
                return Ok(deliveries);
            }
        }
    }

    async fn accept(&mut self, upto: u64) -> Result<(), PortError> {
        self.channel.basic_ack(upto, BasicAckOptions { multiple: true }).await.map_err(failed)
    }

    async fn reject(&mut self, tag: u64) -> Result<(), PortError> {
        // Not a nack, which newer brokers do not count: that would go on for ever.
        self.channel.basic_reject(tag, BasicRejectOptions { requeue: true }).await.map_err(failed)
    }
}

impl Open {
    fn read(&self, message: &Message) -> Result<Delivery, String> {
        let content_type = message.properties.content_type().as_ref().map_or("", |content_type| content_type.as_str());
        let events = wire::decode(content_type, &message.data).map_err(|error| error.to_string())?;
        let [event]: [Recorded; 1] = events.try_into().map_err(|_| "it is not one event".to_owned())?;
        let headers = message.properties.headers().as_ref();
        let header = |name: &str| headers.and_then(|headers| headers.inner().get(name));
        let same_types = matches!(header(events::TYPES), Some(AMQPValue::LongString(types)) if types.as_bytes() == self.digest.as_bytes());
        // Of other types, it says nothing about ours.
        let follows = header(events::FOLLOWS).and_then(number).filter(|_| same_types).map(Position);
        let rejected = header("x-delivery-count").and_then(number).and_then(|count| u32::try_from(count).ok()).unwrap_or(0);
        Ok(Delivery { tag: message.delivery_tag, event, follows, rejected })
    }
}

fn number(value: &AMQPValue) -> Option<u64> {
    #[allow(clippy::wildcard_enum_match_arm, reason = "nothing else is a number that we or the broker write")]
    match value {
        AMQPValue::LongLongInt(number) => u64::try_from(*number).ok(),
        AMQPValue::LongInt(number) => u64::try_from(*number).ok(),
        AMQPValue::LongUInt(number) => Some(u64::from(*number)),
        AMQPValue::ShortInt(number) => u64::try_from(*number).ok(),
        AMQPValue::ShortUInt(number) => Some(u64::from(*number)),
        AMQPValue::ShortShortInt(number) => u64::try_from(*number).ok(),
        AMQPValue::ShortShortUInt(number) => Some(u64::from(*number)),
        _ => None,
    }
}
