//! Single events for durable consumers, each under its own routing key.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, PublisherConfirm};
use posthaste_application::port::PortError;
use posthaste_application::port::queue::Consumer;
use posthaste_application::recorded::{Position, Recorded};
use sha2::{Digest as _, Sha256};

use super::link::Link;
use super::{SERVICE, failed, topology, wire};

/// A queue on disk keeps it when the broker goes down.
const PERSISTENT: u8 = 2;
/// The header that says after which position the log has none of the published types before this event.
pub(super) const FOLLOWS: &str = "posthaste-follows";
/// The header that says which types those are; see [`digest`].
pub(super) const TYPES: &str = "posthaste-types";

/// Tells one set of types from another.
pub(super) fn digest(types: &BTreeSet<String>) -> String {
    let mut hash = Sha256::new();
    for event_type in types {
        hash.update(event_type);
        hash.update(" ");
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Every type that one of these wants.
pub(super) fn types(consumers: &[Consumer]) -> BTreeSet<String> {
    consumers.iter().flat_map(|consumer| consumer.types.iter().cloned()).collect()
}

/// Publishes the events of some types, one message each, from runs that come one after the other. One task must own it.
pub(super) struct Singles {
    channel: Channel,
    types: BTreeSet<String>,
    digest: String,
    /// The last event that was published, or where the first run began.
    follows: Option<Position>,
}

impl Singles {
    pub(super) async fn open(link: &Link, types: BTreeSet<String>) -> Result<Self, PortError> {
        let channel = link.new_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await.map_err(failed)?;
        Ok(Self { channel, digest: digest(&types), types, follows: None })
    }

    /// Sends those of a run that are of the types, and gives their confirmations.
    pub(super) async fn send(&mut self, run: &[Arc<Recorded>]) -> lapin::Result<Vec<PublisherConfirm>> {
        let mut confirms = Vec::new();
        for event in run {
            let before = Position(event.position.0.saturating_sub(1));
            let follows = *self.follows.get_or_insert(before);
            if !self.types.contains(&event.event_type) {
                continue;
            }
            let mut headers = FieldTable::default();
            headers.insert(FOLLOWS.into(), AMQPValue::LongLongInt(i64::try_from(follows.0).unwrap_or(i64::MAX)));
            headers.insert(TYPES.into(), AMQPValue::LongString(self.digest.as_str().into()));
            let properties = BasicProperties::default()
                .with_content_type(wire::CONTENT_TYPE.into())
                .with_message_id(event.id().to_string().into())
                .with_type(event.event_type.as_str().into())
                .with_headers(headers)
                .with_delivery_mode(PERSISTENT);
            // An unroutable message is confirmed like any other; only this tells.
            let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
            let (exchange, key) = (topology::EVENTS.into(), event.event_type.as_str().into());
            let body = wire::encode(std::slice::from_ref(event));
            confirms.push(self.channel.basic_publish(exchange, key, options, &body, properties).await?);
            self.follows = Some(event.position);
        }
        Ok(confirms)
    }
}

/// Waits until every queue that is bound to their types has stored these messages. Gives the ids of events that no queue is bound to.
pub(super) async fn stored(confirms: Vec<PublisherConfirm>) -> Result<HashSet<String>, PortError> {
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
    Ok(returned)
}

/// Publishes events to [`topology::EVENTS`] by itself, whatever their type.
pub struct EventPublisher {
    singles: Singles,
    _link: Link,
}

impl EventPublisher {
    pub(super) async fn open(link: Link, types: BTreeSet<String>) -> Result<Self, PortError> {
        Ok(Self { singles: Singles::open(&link, types).await?, _link: link })
    }

    /// Publishes each event of the publisher's types as a message of its own, and waits until every queue that is bound to its type has
    /// stored it. Gives the positions of those that no queue is bound to.
    ///
    /// # Errors
    /// At least one was not stored. Publishing all of them again is safe.
    pub async fn publish(&mut self, events: &[Arc<Recorded>]) -> Result<Vec<Position>, PortError> {
        let returned = stored(self.singles.send(events).await.map_err(failed)?).await?;
        let unrouted = events.iter().filter(|event| returned.contains(&event.id().to_string()));
        Ok(unrouted.map(|event| event.position).collect())
    }
}
