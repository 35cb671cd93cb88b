//! An event, ready to be sent to any number of devices.

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use posthaste_domain::message::MessageEvent;
use posthaste_domain::user::UserEvent;
use posthaste_domain::{Audience, CommandId, Event, SessionId, ThreadId, UserId};
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
    /// Ties it to the request that set it off.
    pub correlation: Uuid,
    /// When it was recorded, by the log's clock.
    pub at: DateTime<Utc>,
    /// To whom it is owed, as the hub has to know. Nobody, if it was read from the log for one device.
    pub audience: Audience,
    /// Of a message: its thread and who wrote it, who is told when it arrives.
    pub posted: Option<(ThreadId, UserId)>,
    /// Whose sockets it ends.
    pub ends: Option<Ends>,
    /// The fields of its `ev` frame that are the same for every device, as JSON without the opening brace: they follow
    /// the one field that differs, `prev`.
    pub fields: Bytes,
}

/// What an event ends: sockets that speak for it are closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// One login of a user.
    Login(UserId, SessionId),
    /// Every login of a user.
    Logins(UserId),
    /// All that a user does.
    Everything(UserId),
}

impl Ends {
    fn of(event: &Event) -> Option<Self> {
        let Event::User(event) = event else { return None };
        match event {
            UserEvent::SessionRevoked { user, session } => Some(Self::Login(*user, *session)),
            UserEvent::DeletionRequested { user, .. } => Some(Self::Logins(*user)),
            UserEvent::Suspended { user, .. } | UserEvent::Erased { user } => Some(Self::Everything(*user)),
            UserEvent::Registered { .. }
            | UserEvent::PrivacySet { .. }
            | UserEvent::EmailVerified { .. }
            | UserEvent::RoleGranted { .. }
            | UserEvent::RoleWithdrawn { .. }
            | UserEvent::Reinstated { .. }
            | UserEvent::TwoFactorEnabled { .. }
            | UserEvent::TwoFactorDisabled { .. }
            | UserEvent::DeletionCancelled { .. } => None,
        }
    }
}

/// The fields of an `ev` frame, but for `t` and `prev`.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Fields<'a> {
    /// Where it stands in the log.
    position: Position,
    /// The event's own id, the same wherever it is seen.
    id: Uuid,
    /// What happened.
    #[serde(rename = "type")]
    event_type: &'a str,
    /// The version of the shape of `body`.
    v: u16,
    /// The thread whose members receive it.
    #[serde(skip_serializing_if = "Option::is_none")]
    thread: Option<ThreadId>,
    /// Who caused it; null is the server itself.
    actor: Option<UserId>,
    /// When the log took it, by the log's clock. Orders nothing.
    #[cfg_attr(feature = "schema", schemars(with = "chrono::DateTime<chrono::Utc>"))]
    at: String,
    /// The command that led to it: who sent that replaces its optimistic copy.
    key: CommandId,
    /// The facts, and under `content` what is personal, unless it was erased.
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Map<String, serde_json::Value>"))]
    body: &'a RawValue,
}

impl Push {
    /// Renders an event once, for all.
    ///
    /// # Errors
    /// This program cannot read the event, so it cannot tell to whom it is owed.
    pub fn new(recorded: &Recorded) -> Result<Self, codec::Undecodable> {
        let event = recorded.event()?;
        Self::render(recorded, event.audience(), Some(event))
    }

    /// Renders an event that only a newer program can read, as it is stored. To whom it is owed was decided when it was recorded, and the
    /// log tells.
    ///
    /// # Errors
    /// What is stored is not JSON.
    pub fn raw(recorded: &Recorded, audience: Audience) -> Result<Self, codec::Undecodable> {
        Self::render(recorded, audience, codec::guess(recorded).ok().as_ref())
    }

    fn render(recorded: &Recorded, audience: Audience, event: Option<&Event>) -> Result<Self, codec::Undecodable> {
        let posted =
            if let Some(Event::Message(MessageEvent::Posted { thread, author, .. })) = event { Some((*thread, *author)) } else { None };
        let ends = event.and_then(Ends::of);
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
        let (position, correlation, at) = (recorded.position, recorded.correlation, recorded.at);
        Ok(Self { position, correlation, at, audience, posted, ends, fields: json.into() })
    }

    /// The schema of the fields of any `ev` frame, but for `t` and `prev`.
    #[cfg(feature = "schema")]
    #[must_use]
    pub fn schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        <Fields<'_> as schemars::JsonSchema>::json_schema(generator)
    }

    /// The whole `ev` frame for a device whose previous one was at `prev`.
    #[must_use]
    pub fn frame(&self, prev: Position) -> String {
        let fields = std::str::from_utf8(&self.fields).expect("rendered by serde_json");
        format!("{{\"t\":\"ev\",\"prev\":{prev},{fields}")
    }
}
