//! The exchanges, and the queue for what nobody could handle. Declaring them again changes nothing, so every connection does.

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, ExchangeKind};
use posthaste_application::port::queue::{Consumer, TRIES};

/// Fans every run out to the gateways.
pub const FEED: &str = "posthaste.feed";
/// Single events, by the routing key `<category>.<event_name>`: exactly two words, so that `message.*` gets all of messages.
pub const EVENTS: &str = "posthaste.events";
/// What durable consumers have given up: the exchange their queues name as `x-dead-letter-exchange`, and the queue behind it.
pub const DEAD: &str = "posthaste.dead";

/// A queue that nobody has consumed from or declared for so long is removed: its consumer is not configured any more, or reads from the
/// log what it has missed.
const UNUSED_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// The queue of a durable consumer.
pub(super) fn queue(consumer: &Consumer) -> String {
    format!("posthaste.{}", consumer.name)
}

pub(super) async fn declare(channel: &Channel, consumers: &[Consumer]) -> lapin::Result<()> {
    for (exchange, kind) in [(FEED, ExchangeKind::Fanout), (EVENTS, ExchangeKind::Topic), (DEAD, ExchangeKind::Fanout)] {
        let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        channel.exchange_declare(exchange.into(), kind, options, FieldTable::default()).await?;
    }
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(DEAD.into(), options, arguments).await?;
    channel.queue_bind(DEAD.into(), DEAD.into(), "".into(), QueueBindOptions::default(), FieldTable::default()).await?;
    for consumer in consumers {
        declare_queue(channel, consumer).await?;
    }
    Ok(())
}

async fn declare_queue(channel: &Channel, consumer: &Consumer) -> lapin::Result<()> {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    arguments.insert("x-dead-letter-exchange".into(), AMQPValue::LongString(DEAD.into()));
    // What was rejected once more than this is a dead letter.
    arguments.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(i64::from(TRIES) - 1));
    arguments.insert("x-expires".into(), AMQPValue::LongLongInt(UNUSED_MS));
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    let queue = queue(consumer);
    channel.queue_declare(queue.as_str().into(), options, arguments).await?;
    for event_type in &consumer.types {
        let (queue, key) = (queue.as_str().into(), event_type.as_str().into());
        channel.queue_bind(queue, EVENTS.into(), key, QueueBindOptions::default(), FieldTable::default()).await?;
    }
    Ok(())
}
