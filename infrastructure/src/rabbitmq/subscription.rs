//! A gateway's side of the feed: a queue of its own, which goes when the connection goes.

use std::sync::Arc;

use futures::stream::{self, BoxStream};
use futures::{FutureExt as _, StreamExt as _};
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Consumer};
use posthaste_application::port::PortError;
use posthaste_application::port::broker::Run;

use super::link::Link;
use super::{SERVICE, failed, topology, wire};

/// Runs that are on their way to us and not taken yet.
const PREFETCH: u16 = 16;
/// What the broker keeps for a gateway that does not keep up: so many runs and so many bytes. The oldest are dropped beyond that;
/// positions show the hole, and the log has what was in it.
const KEPT_RUNS: i64 = 10_000;
const KEPT_BYTES: i64 = 64 * 1024 * 1024;

pub(super) async fn open(link: Link) -> Result<BoxStream<'static, Result<Run, PortError>>, PortError> {
    let channel = link.new_channel().await?;
    let consumer = consume(&channel).await.map_err(failed)?;
    let subscription = Subscription { consumer, _channel: channel, _link: link };
    let runs = stream::unfold(Some(subscription), |subscription| async {
        let mut subscription = subscription?;
        match subscription.next().await {
            Ok(run) => Some((Ok(run), Some(subscription))),
            Err(error) => Some((Err(error), None)),
        }
    });
    Ok(runs.boxed())
}

async fn consume(channel: &Channel) -> lapin::Result<Consumer> {
    let options = QueueDeclareOptions { exclusive: true, auto_delete: true, ..QueueDeclareOptions::default() };
    let mut arguments = FieldTable::default();
    arguments.insert("x-max-length".into(), KEPT_RUNS.into());
    arguments.insert("x-max-length-bytes".into(), KEPT_BYTES.into());
    let queue = channel.queue_declare("".into(), options, arguments).await?.name().clone();
    let none = FieldTable::default;
    channel.queue_bind(queue.clone(), topology::FEED.into(), "".into(), QueueBindOptions::default(), none()).await?;
    channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
    channel.basic_consume(queue, "".into(), BasicConsumeOptions::default(), none()).await
}

/// Dropped from the top: first the consumer, last the connection.
struct Subscription {
    consumer: Consumer,
    _channel: Channel,
    _link: Link,
}

impl Subscription {
    async fn next(&mut self) -> Result<Run, PortError> {
        loop {
            let delivery = match self.consumer.next().await {
                Some(Ok(delivery)) => delivery,
                Some(Err(error)) => return Err(failed(error)),
                None => return Err(PortError::unavailable(SERVICE, "the subscription has ended: its queue or its connection is gone")),
            };
            // Sent by the first poll. There is nothing to wait for: if it is lost, so is the connection.
            let _ = delivery.acker.ack(BasicAckOptions::default()).now_or_never();
            match decode(&delivery) {
                Ok(run) if !run.is_empty() => return Ok(run),
                Ok(_) => {}
                Err(error) => {
                    let message = delivery.properties.message_id().as_ref().map_or("", |id| id.as_str());
                    tracing::warn!(%error, rabbitmq.message_id = message, "skipping a message of the feed that cannot be read");
                }
            }
        }
    }
}

fn decode(delivery: &Delivery) -> Result<Run, wire::Unreadable> {
    let content_type = delivery.properties.content_type().as_ref().map_or("", |content_type| content_type.as_str());
    Ok(wire::decode(content_type, &delivery.data)?.into_iter().map(Arc::new).collect())
}
