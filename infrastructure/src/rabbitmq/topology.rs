//! The exchanges, and the queue for what nobody could handle. Declaring them again changes nothing, so every connection does.

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, ExchangeKind};

/// Fans every run out to the gateways.
pub const FEED: &str = "posthaste.feed";
/// Single events, by the routing key `<category>.<event_name>`: exactly two words, so that `message.*` gets all of messages.
pub const EVENTS: &str = "posthaste.events";
/// What durable consumers have given up: the exchange their queues name as `x-dead-letter-exchange`, and the queue behind it.
pub const DEAD: &str = "posthaste.dead";

pub(super) async fn declare(channel: &Channel) -> lapin::Result<()> {
    for (exchange, kind) in [(FEED, ExchangeKind::Fanout), (EVENTS, ExchangeKind::Topic), (DEAD, ExchangeKind::Fanout)] {
        let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        channel.exchange_declare(exchange.into(), kind, options, FieldTable::default()).await?;
    }
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(DEAD.into(), options, arguments).await?;
    channel.queue_bind(DEAD.into(), DEAD.into(), "".into(), QueueBindOptions::default(), FieldTable::default()).await
}
