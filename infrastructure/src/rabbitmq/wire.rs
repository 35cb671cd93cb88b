//! The bytes of a message: events in postcard, without anything that depends on how this program names or orders its types.
//!
//! A change of shape needs a new [`CONTENT_TYPE`], and readers that know both, before anybody writes it: nodes of two versions
//! run side by side during an upgrade. What a node cannot read it skips, and reads from the log.

use std::sync::Arc;

use chrono::DateTime;
use posthaste_application::recorded::{Decoded, Hash, Position, Recorded, StreamId};
use posthaste_domain::{Category, CommandId, ThreadId, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub(super) const CONTENT_TYPE: &str = "application/vnd.posthaste.run.v1+postcard";

/// Why a message cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("the content type {0:?} is unknown: it may come from a newer version")]
    ContentType(String),
    #[error("it is damaged: {0}")]
    Damaged(#[from] postcard::Error),
    #[error("{0:?} is not the name of a category")]
    Category(String),
    #[error("{0} is not a time")]
    Time(i64),
}

#[derive(Serialize, Deserialize)]
struct Event<'a> {
    position: u64,
    category: &'a str,
    stream: Uuid,
    version: u64,
    event_type: &'a str,
    schema: u16,
    facts: &'a str,
    #[serde(borrow)]
    content: Option<&'a [u8]>,
    thread: Option<Uuid>,
    actor: Option<Uuid>,
    command: Uuid,
    ordinal: u16,
    fingerprint: Hash,
    correlation: Uuid,
    causation: Option<Uuid>,
    /// Microseconds since 1970.
    at: i64,
    hash: Hash,
}

/// What identifies a message of these events to a person who looks at the broker: `<first>-<last>`.
pub(super) fn message_id(run: &[Arc<Recorded>]) -> String {
    let position = |event: Option<&Arc<Recorded>>| event.map_or(Position::START, |event| event.position);
    format!("{}-{}", position(run.first()), position(run.last()))
}

pub(super) fn encode(run: &[Arc<Recorded>]) -> Vec<u8> {
    let events: Vec<_> = run.iter().map(|event| Event::from(&**event)).collect();
    postcard::to_stdvec(&events).expect("memory is enough, and every length is known")
}

pub(super) fn decode(content_type: &str, body: &[u8]) -> Result<Vec<Recorded>, Unreadable> {
    if content_type != CONTENT_TYPE {
        return Err(Unreadable::ContentType(content_type.to_owned()));
    }
    postcard::from_bytes::<Vec<Event<'_>>>(body)?.into_iter().map(Recorded::try_from).collect()
}

impl<'a> From<&'a Recorded> for Event<'a> {
    fn from(event: &'a Recorded) -> Self {
        Self {
            position: event.position.0,
            category: event.stream.category.as_str(),
            stream: event.stream.id,
            version: event.version,
            event_type: &event.event_type,
            schema: event.schema,
            facts: &event.facts,
            content: event.content.as_deref(),
            thread: event.thread.map(ThreadId::uuid),
            actor: event.actor.map(UserId::uuid),
            command: event.command.uuid(),
            ordinal: event.ordinal,
            fingerprint: event.fingerprint,
            correlation: event.correlation,
            causation: event.causation,
            at: event.at.timestamp_micros(),
            hash: event.hash,
        }
    }
}

impl TryFrom<Event<'_>> for Recorded {
    type Error = Unreadable;

    fn try_from(event: Event<'_>) -> Result<Self, Unreadable> {
        let category = Category::parse(event.category).ok_or_else(|| Unreadable::Category(event.category.to_owned()))?;
        Ok(Self {
            position: Position(event.position),
            stream: StreamId { category, id: event.stream },
            version: event.version,
            event_type: event.event_type.to_owned(),
            schema: event.schema,
            facts: event.facts.to_owned(),
            content: event.content.map(ToOwned::to_owned),
            thread: event.thread.map(ThreadId::new),
            actor: event.actor.map(UserId::new),
            command: CommandId::new(event.command),
            ordinal: event.ordinal,
            fingerprint: event.fingerprint,
            correlation: event.correlation,
            causation: event.causation,
            at: DateTime::from_timestamp_micros(event.at).ok_or(Unreadable::Time(event.at))?,
            hash: event.hash,
            decoded: Decoded::default(),
        })
    }
}

#[cfg(test)]
mod tests;
