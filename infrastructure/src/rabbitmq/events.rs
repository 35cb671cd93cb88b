//! Single events for durable consumers, each under its own routing key.

use std::collections::HashSet;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Confirmation};
use posthaste_application::port::PortError;
use posthaste_application::recorded::{Position, Recorded};

use super::link::Link;
use super::{SERVICE, failed, topology, wire};

/// A queue on disk keeps it when the broker goes down.
const PERSISTENT: u8 = 2;

/// Publishes events to [`topology::EVENTS`]. When anything fails on it, it is thrown away and the events are published again over a
/// new one; consumers dedupe by the message id, which is the event's.
pub struct EventPublisher {
    channel: Channel,
    _link: Link,
}

impl EventPublisher {
    pub(super) async fn open(link: Link) -> Result<Self, PortError> {
        let channel = link.new_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await.map_err(failed)?;
        Ok(Self { channel, _link: link })
    }

    /// Publishes each event as a message of its own, under its type as the routing key, and waits until every queue that is bound to
    /// it has stored it. Gives the positions of those that no queue is bound to.
    ///
    /// # Errors
    /// At least one was not stored. Publishing all of them again is safe.
    pub async fn publish(&mut self, events: &[Recorded]) -> Result<Vec<Position>, PortError> {
        let mut confirms = Vec::with_capacity(events.len());
        for event in events {
            let properties = BasicProperties::default()
                .with_content_type(wire::CONTENT_TYPE.into())
                .with_message_id(event.id().to_string().into())
                .with_type(event.event_type.as_str().into())
                .with_delivery_mode(PERSISTENT);
            // An unroutable message is confirmed like any other; only this tells.
            let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
            let (exchange, key) = (topology::EVENTS.into(), event.event_type.as_str().into());
            let body = wire::encode(std::slice::from_ref(event));
            confirms.push(self.channel.basic_publish(exchange, key, options, &body, properties).await.map_err(failed)?);
        }
        // A returned message can come with the confirmation of another one. All of them together name all that were returned.
        let mut returned = HashSet::new();
        for confirm in confirms {
            match confirm.await.map_err(failed)? {
                Confirmation::Ack(None) => {}
                Confirmation::Ack(Some(message)) => {
                    returned.extend(message.properties.message_id().as_ref().map(ToString::to_string));
                }
                Confirmation::Nack(_) => return Err(PortError::unavailable(SERVICE, "it refused an event")),
                Confirmation::NotRequested => return Err(PortError::unavailable(SERVICE, "it does not confirm on this channel")),
            }
        }
        let unrouted = events.iter().filter(|event| returned.contains(&event.id().to_string()));
        Ok(unrouted.map(|event| event.position).collect())
    }
}
