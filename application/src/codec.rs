//! Between events and their stored bytes. Facts and personal content are stored apart.

use posthaste_domain::{Addressee, Category, Event};
use serde_json::{Map, Value};

use crate::recorded::{NewEvent, Recorded, StreamId};

/// Stored bytes that are not an event this program knows: corrupt, or written by a newer version.
#[derive(Debug, thiserror::Error)]
#[error("the event at position {position} ({event_type} v{schema}) cannot be read")]
pub struct Undecodable {
    /// Where it stands.
    pub position: u64,
    /// Its type as stored.
    pub event_type: String,
    /// Its schema version as stored.
    pub schema: u16,
    /// What is wrong with it.
    #[source]
    pub source: serde_json::Error,
}

impl Undecodable {
    pub(crate) fn new(recorded: &Recorded, source: serde_json::Error) -> Self {
        Self { position: recorded.position.0, event_type: recorded.event_type.clone(), schema: recorded.schema, source }
    }
}

const CONTENT: &str = "content";
const TYPE: &str = "type";

/// The stored form of an event that becomes this version of its stream.
#[must_use]
pub fn encode(stream: StreamId, version: u64, event: &Event) -> NewEvent {
    let mut facts = match event {
        Event::User(event) => to_object(event),
        Event::Claim(event) => to_object(event),
        Event::Friendship(event) => to_object(event),
        Event::Thread(event) => to_object(event),
        Event::Message(event) => to_object(event),
        Event::Subscription(event) => to_object(event),
    };
    facts.remove(TYPE);
    let content = facts.remove(CONTENT).filter(|content| !content.is_null()).map(|content| content.to_string().into_bytes());
    let audience = event.audience();
    NewEvent {
        stream,
        version,
        event_type: event.event_type().to_owned(),
        schema: event.schema(),
        facts: Value::Object(facts).to_string(),
        content,
        thread: audience.thread,
        addressees: audience.users,
    }
}

/// What a recorded event says.
///
/// # Errors
/// [`Undecodable`], with the position.
pub fn decode(recorded: &Recorded) -> Result<Event, Undecodable> {
    read(recorded, recorded.content.as_deref())
}

/// The users whom a recorded event names. Its facts alone tell, so it does not matter whether its content can be read.
///
/// # Errors
/// [`Undecodable`], with the position.
pub fn addressees(recorded: &Recorded) -> Result<Vec<Addressee>, Undecodable> {
    Ok(read(recorded, None)?.audience().users)
}

fn read(recorded: &Recorded, content: Option<&[u8]>) -> Result<Event, Undecodable> {
    let undecodable = |source| Undecodable::new(recorded, source);
    let mut facts: Map<String, Value> = serde_json::from_str(&recorded.facts).map_err(undecodable)?;
    facts.insert(TYPE.to_owned(), Value::String(recorded.event_type.clone()));
    if let Some(content) = content {
        facts.insert(CONTENT.to_owned(), serde_json::from_slice(content).map_err(undecodable)?);
    }
    let value = Value::Object(facts);
    match recorded.stream.category {
        Category::User => serde_json::from_value(value).map(Event::User),
        Category::Claim => serde_json::from_value(value).map(Event::Claim),
        Category::Friendship => serde_json::from_value(value).map(Event::Friendship),
        Category::Thread => serde_json::from_value(value).map(Event::Thread),
        Category::Message => serde_json::from_value(value).map(Event::Message),
        Category::Subscription => serde_json::from_value(value).map(Event::Subscription),
    }
    .map_err(undecodable)
}

/// The body of an event as clients see it: the facts, and the content under its own key. Joined as text, so the
/// stored bytes are what is shown.
#[must_use]
pub fn body(recorded: &Recorded) -> String {
    let facts = recorded.facts.trim_end();
    let Some(content) = recorded.content.as_deref().and_then(|content| std::str::from_utf8(content).ok()) else {
        return facts.to_owned();
    };
    let open = facts.strip_suffix('}').unwrap_or(facts);
    let comma = if open.trim_end().ends_with('{') { "" } else { "," };
    format!("{open}{comma}\"{CONTENT}\":{content}}}")
}

fn to_object(event: &impl serde::Serialize) -> Map<String, Value> {
    match serde_json::to_value(event) {
        Ok(Value::Object(object)) => object,
        Ok(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) | Err(_) => {
            unreachable!("every event is an enum of structs with string keys")
        }
    }
}
