//! How an event is shown.

use chrono::SecondsFormat;
use posthaste_application::audit::time;
use posthaste_application::recorded::Recorded;
use posthaste_application::{codec, hex};
use serde::Serialize;
use serde_json::{Value, json};

/// One event as one JSON object, personal content included.
pub(super) fn to_json(event: &Recorded) -> Value {
    json!({
        "position": event.position,
        "id": event.id(),
        "type": event.event_type,
        "schema": event.schema,
        "stream": event.stream.to_string(),
        "version": event.version,
        "thread": event.thread,
        "actor": event.actor,
        "command": event.command,
        "correlation": event.correlation,
        "causation": event.causation,
        "at": time(event.at),
        "hash": hex::encode(&event.hash),
        "body": serde_json::from_str::<Value>(&codec::body(event)).unwrap_or(Value::Null),
    })
}

/// One event as one line, without what it says.
pub(super) fn to_line(event: &Recorded) -> String {
    let at = event.at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let actor = event.actor.map_or_else(|| "-".to_owned(), |actor| actor.to_string());
    format!("{:>8}  {at}  {:<20}  {}@{}  by {actor}", event.position, event.event_type, event.stream, event.version)
}

/// A value of few words, as it is written elsewhere.
pub(super) fn word(value: impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(ToOwned::to_owned)).unwrap_or_default()
}
