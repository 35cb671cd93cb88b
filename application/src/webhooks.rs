//! Webhooks: every event of the types an endpoint wants is sent to it, in the order of the log, until it says that it has it.
//!
//! Two cursors one after the other, each of which can be killed anywhere. [`Intake`] takes single events from a queue and puts what is
//! owed into the inboxes; [`Dispatcher`] sends from one inbox. What is sent and not yet settled is sent again, under the same id.

mod dispatch;
mod enable;
mod intake;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

pub use self::dispatch::{Dispatch, DispatchError, Dispatcher, Patience};
pub use self::enable::{NotEnabled, enable};
pub use self::intake::Intake;
use crate::codec;
use crate::port::queue::Consumer;
use crate::port::{EventQueue, Poster, Randomness, Webhooks};
use crate::recorded::Recorded;

/// The name of this consumer, and of its queue.
pub const CONSUMER: &str = "webhooks";

/// Who is told, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its name; unique.
    pub name: String,
    /// The types of events it wants.
    pub types: BTreeSet<String>,
}

/// What webhooks ask of the world.
#[derive(Clone)]
pub struct WebhookPorts {
    /// The inboxes.
    pub store: Arc<dyn Webhooks>,
    /// Where single events come from.
    pub queue: Arc<dyn EventQueue>,
    /// Chance.
    pub randomness: Arc<dyn Randomness>,
    /// Each endpoint, and the way to it.
    pub endpoints: Vec<(Endpoint, Arc<dyn Poster>)>,
    /// How patiently they are treated.
    pub patience: Patience,
}

/// The consumer that gets what all these endpoints want together; none when there is no endpoint.
#[must_use]
pub fn consumer(endpoints: &[Endpoint]) -> Option<Consumer> {
    let types = endpoints.iter().flat_map(|endpoint| endpoint.types.iter().cloned()).collect();
    (!endpoints.is_empty()).then(|| Consumer { name: CONSUMER.to_owned(), types })
}

#[derive(Serialize)]
struct Envelope<'a> {
    id: Uuid,
    #[serde(rename = "type")]
    event_type: &'a str,
    position: u64,
    at: String,
    thread: Option<Uuid>,
    actor: Option<Uuid>,
    body: &'a RawValue,
}

/// What an endpoint is sent of an event.
///
/// # Errors
/// The stored bytes are not JSON.
pub fn envelope(event: &Recorded) -> Result<String, serde_json::Error> {
    let body = RawValue::from_string(codec::body(event))?;
    serde_json::to_string(&Envelope {
        id: event.id(),
        event_type: &event.event_type,
        position: event.position.0,
        at: event.at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
        thread: event.thread.map(posthaste_domain::ThreadId::uuid),
        actor: event.actor.map(posthaste_domain::UserId::uuid),
        body: &body,
    })
}

#[cfg(test)]
mod tests;
