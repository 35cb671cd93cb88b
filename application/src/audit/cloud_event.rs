//! Events as [CloudEvents 1.0](https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md) in their JSON format, one on a line.
//!
//! `source` and `id` together name an event for ever: the id is derived from the command, so it is the same in every export, in every copy of
//! the log and in what webhooks are sent. Names of extensions are lower-case letters and digits, as the specification demands. Positions
//! and versions are strings: an `Integer` of CloudEvents has 32 bits.

use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::time;
use crate::codec::{self, Undecodable};
use crate::hex;
use crate::recorded::Recorded;

/// Where all events come from, unless something else is asked for.
pub const SOURCE: &str = "/posthaste/log";

#[derive(Serialize)]
struct CloudEvent<'a> {
    specversion: &'static str,
    id: Uuid,
    source: &'a str,
    #[serde(rename = "type")]
    event_type: &'a str,
    subject: String,
    time: String,
    datacontenttype: &'static str,
    position: String,
    streamversion: String,
    schemaversion: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<Uuid>,
    command: Uuid,
    ordinal: u16,
    correlation: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    causation: Option<Uuid>,
    hash: String,
    data: &'a RawValue,
}

/// Adds an event as one line, with its end. Its data are what clients see of it: the facts, and the content (if it is wanted) under its own
/// key.
///
/// # Errors
/// What is stored is not JSON.
pub fn write(bytes: &mut Vec<u8>, event: &Recorded, source: &str, content: bool) -> Result<(), Undecodable> {
    let undecodable = |error| Undecodable::new(event, error);
    let body = if content { codec::body(event) } else { event.facts.clone() };
    let mut data = RawValue::from_string(body).map_err(undecodable)?;
    if data.get().contains(['\n', '\r']) {
        // A line must not end within an event.
        let value: serde_json::Value = serde_json::from_str(data.get()).map_err(undecodable)?;
        data = serde_json::value::to_raw_value(&value).map_err(undecodable)?;
    }
    let cloud_event = CloudEvent {
        specversion: "1.0",
        id: event.id(),
        source,
        event_type: &event.event_type,
        subject: event.stream.to_string(),
        time: time(event.at),
        datacontenttype: "application/json",
        position: event.position.to_string(),
        streamversion: event.version.to_string(),
        schemaversion: event.schema,
        thread: event.thread.map(Into::into),
        actor: event.actor.map(Into::into),
        command: event.command.uuid(),
        ordinal: event.ordinal,
        correlation: event.correlation,
        causation: event.causation,
        hash: hex::encode(&event.hash),
        data: &data,
    };
    serde_json::to_writer(&mut *bytes, &cloud_event).map_err(undecodable)?;
    bytes.push(b'\n');
    Ok(())
}
