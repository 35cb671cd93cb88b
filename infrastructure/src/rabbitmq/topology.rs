//! The exchanges, and the queue for what nobody could handle. Declaring them again changes nothing, so every connection does.

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, ExchangeKind};
use posthaste_application::port::queue::{Consumer, TRIES};

/// Fans every run out to the gateways.
pub const FEED: &str = "posthaste.feed";
/// Single events, by the routing key `<category>.<event_name>`: exactly two words, so that `message.*` gets all of messages.
pub const EVENTS: &str = "posthaste.events";
/// What durable consumers have given up: the exchange their queues name as `x-dead-letter-exchange`. Nothing of that is lost: it is in the log,
/// or the log knows nothing of it.
pub const DEAD: &str = "posthaste.dead";
/// The queue behind it, to look at.
pub const GIVEN_UP: &str = "posthaste.given-up";
/// So many are kept there, the latest.
pub const MOST_GIVEN_UP: u32 = 1_000;

/// A queue that nobody has consumed from or declared for so long is removed: its consumer is not configured any more, or reads from the
/// log what it has missed.
const UNUSED_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// The queue of a durable consumer.
pub(super) fn queue(consumer: &Consumer) -> String {
    format!("posthaste.{}", consumer.name)
}

/// Something that is declared.
pub(super) enum Part {
    /// An exchange.
    Exchange(&'static str, ExchangeKind),
    /// A queue with its arguments.
    Queue(String, FieldTable),
}

impl Part {
    /// Declares it, which changes nothing when it is there as it must be; if `passive`, changes nothing in any case.
    pub(super) async fn declare(&self, channel: &Channel, passive: bool) -> lapin::Result<()> {
        match self {
            Self::Exchange(name, kind) => {
                let options = ExchangeDeclareOptions { durable: true, passive, ..ExchangeDeclareOptions::default() };
                channel.exchange_declare((*name).into(), kind.clone(), options, FieldTable::default()).await
            }
            Self::Queue(name, arguments) => {
                let options = QueueDeclareOptions { durable: true, passive, ..QueueDeclareOptions::default() };
                channel.queue_declare(name.as_str().into(), options, arguments.clone()).await.map(drop)
            }
        }
    }
}

/// Everything there is with these consumers.
pub(super) fn parts(consumers: &[Consumer]) -> Vec<Part> {
    let exchanges = [(FEED, ExchangeKind::Fanout), (EVENTS, ExchangeKind::Topic), (DEAD, ExchangeKind::Fanout)];
    let exchanges = exchanges.into_iter().map(|(name, kind)| Part::Exchange(name, kind));
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    arguments.insert("x-max-length".into(), AMQPValue::LongLongInt(i64::from(MOST_GIVEN_UP)));
    arguments.insert("x-overflow".into(), AMQPValue::LongString("drop-head".into()));
    let queues = consumers.iter().map(|consumer| Part::Queue(queue(consumer), arguments_of_consumers()));
    exchanges.chain([Part::Queue(GIVEN_UP.to_owned(), arguments)]).chain(queues).collect()
}

pub(super) async fn declare(channel: &Channel, consumers: &[Consumer]) -> lapin::Result<()> {
    for part in parts(consumers) {
        part.declare(channel, false).await?;
    }
    channel.queue_bind(GIVEN_UP.into(), DEAD.into(), "".into(), QueueBindOptions::default(), FieldTable::default()).await?;
    // The queue of earlier versions had no bound, and a queue that is there cannot be given one.
    channel.queue_unbind(DEAD.into(), DEAD.into(), "".into(), FieldTable::default()).await?;
    for consumer in consumers {
        let queue = queue(consumer);
        for event_type in &consumer.types {
            let (queue, key) = (queue.as_str().into(), event_type.as_str().into());
            channel.queue_bind(queue, EVENTS.into(), key, QueueBindOptions::default(), FieldTable::default()).await?;
        }
    }
    Ok(())
}

fn arguments_of_consumers() -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    arguments.insert("x-dead-letter-exchange".into(), AMQPValue::LongString(DEAD.into()));
    // What was rejected once more than this is a dead letter.
    arguments.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(i64::from(TRIES) - 1));
    arguments.insert("x-expires".into(), AMQPValue::LongLongInt(UNUSED_MS));
    arguments
}
