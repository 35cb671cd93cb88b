//! An event, ready to be sent to any number of devices.

use bytes::Bytes;
use chrono::SecondsFormat;
use posthaste_domain::{Audience, CommandId, ThreadId, UserId};
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::codec;
use crate::recorded::{Position, Recorded};

/// An event with its rendering, shared by all devices that receive it.
#[derive(Debug)]
pub struct Push {
    /// Where it stands in the log.
    pub position: Position,
    /// To whom it is owed.
    pub audience: Audience,
    /// The fields of its `ev` frame that are the same for every device, as JSON without the opening brace: they follow
    /// the one field that differs, `prev`.
    pub fields: Bytes,
}

/// The fields of an `ev` frame, but for `t` and `prev`.
#[derive(Serialize)]
struct Fields<'a> {
    position: Position,
    id: Uuid,
    #[serde(rename = "type")]
    event_type: &'a str,
    v: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread: Option<ThreadId>,
    actor: Option<UserId>,
    at: String,
    key: CommandId,
    body: &'a RawValue,
}

impl Push {
    /// Renders an event once, for all.
    ///
    /// # Errors
    /// This program cannot read the event, so it cannot tell to whom it is owed.
    pub fn new(recorded: &Recorded) -> Result<Self, codec::Undecodable> {
        let audience = recorded.event()?.audience();
        let body = codec::body(recorded);
        let undecodable = |source| codec::Undecodable::new(recorded, source);
        let fields = Fields {
            position: recorded.position,
            id: recorded.id(),
            event_type: &recorded.event_type,
            v: recorded.schema,
            thread: recorded.thread,
            actor: recorded.actor,
            at: recorded.at.to_rfc3339_opts(SecondsFormat::Micros, true),
            key: recorded.command,
            body: serde_json::from_str(&body).map_err(undecodable)?,
        };
        let mut json = serde_json::to_vec(&fields).map_err(undecodable)?;
        json.remove(0);
        Ok(Self { position: recorded.position, audience, fields: json.into() })
    }

    /// The whole `ev` frame for a device whose previous one was at `prev`.
    #[must_use]
    pub fn frame(&self, prev: Position) -> String {
        let fields = std::str::from_utf8(&self.fields).expect("rendered by serde_json");
        format!("{{\"t\":\"ev\",\"prev\":{prev},{fields}")
    }
}
