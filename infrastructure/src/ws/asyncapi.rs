//! The AsyncAPI document of the socket, made from the types of the frames, of the commands and of the events.
//!
//! A new frame, operation, event, error code or close code is in it as soon as it is in its type. What the server sends is closed: a
//! client may rely on knowing every field. What a client sends is as open as it is read.
//!
//! Every schema of a frame is a component: `server.live`, `client.ack`; of an event `server.ev.message.posted`, of a command
//! `client.cmd.message.post`.

mod schemas;

use poem::endpoint::make_sync;
use poem::{Response, RouteMethod};
use posthaste_application::problem::Code;
use posthaste_domain::text::MessageBody;
use serde_json::{Map, Value, json};

use self::schemas::{Frame, Schemas};
use super::close::Close;
use super::connection::IN_FLIGHT;
use super::handshake::HELLO_BYTES;
use super::{GatewaySettings, HARD_LIMIT, SUBPROTOCOL};

const DESCRIPTION: &str = "\
JSON text frames, one object for each frame; the field `t` names the frame. Unknown fields of a client's frame are ignored, unknown fields \
of a command's `body` are refused, and an unknown `t` or `op` is refused with `unsupported_op`. The server sends nothing that is not \
described here.

**Events.** `prev` is the position of the `ev` before it on this connection, and `welcome.cursor` for the first: anything else is a hole. \
Apply an event and move the cursor in one local step, then ack. Drop an event at or below the cursor. Personal content is under \
`body.content`, absent when erased.

**Commands** are recorded in the order they were sent in on a connection. Choose the `key` before the first try and keep it until it is \
answered; the answers may come in another order.

**Closing.** An `err` with the same name comes before every close the server chooses. 40xx resume, 41xx do something first, 42xx do not \
reconnect. Reconnect with full jitter, base 1 s, cap 60 s, jitter after the cap; name the cursor.";

/// The AsyncAPI document, as it is served at `/v1/asyncapi.json`.
#[must_use]
pub fn document() -> String {
    let Schemas { client, server, components } = Schemas::new();
    let messages: Map<String, Value> = client.iter().chain(&server).map(|frame| (frame.schema(), message(frame))).collect();
    let listed: Map<String, Value> =
        messages.keys().map(|name| (name.clone(), json!({ "$ref": format!("#/components/messages/{name}") }))).collect();
    let mut operations: Map<String, Value> = client.iter().map(|frame| (frame.name.clone(), asked(frame))).collect();
    operations.insert(
        "serve".to_owned(),
        json!({
            "action": "send",
            "channel": CHANNEL.reference(),
            "summary": "What the server sends by itself and in answer.",
            "messages": server.iter().map(|frame| on_channel(&frame.schema())).collect::<Vec<_>>(),
        }),
    );
    let document = json!({
        "asyncapi": "3.0.0",
        "info": { "title": "Posthaste", "version": "1", "description": DESCRIPTION },
        "defaultContentType": "application/json",
        "channels": { (CHANNEL.0): {
            "address": "/v1/ws",
            "title": SUBPROTOCOL,
            "description": "One connection of one device. The subprotocol is its version.",
            "messages": listed,
            "bindings": { "ws": { "method": "GET", "bindingVersion": "0.1.0" } },
            "x-subprotocol": SUBPROTOCOL,
            "x-close-codes": closes(),
            "x-error-codes": errors(),
            "x-limits": limits(),
        }},
        "operations": operations,
        "components": { "messages": messages, "schemas": components },
    });
    let mut document = serde_json::to_string_pretty(&document).expect("a value has string keys");
    document.push('\n');
    document
}

/// Serves the [`document`].
#[must_use]
pub fn document_endpoint() -> RouteMethod {
    let document = document();
    poem::get(make_sync(move |_| Response::builder().content_type("application/json").body(document.clone())))
}

/// The one channel.
struct Channel(&'static str);
const CHANNEL: Channel = Channel("socket");

impl Channel {
    fn reference(&self) -> Value {
        json!({ "$ref": format!("#/channels/{}", self.0) })
    }
}

fn on_channel(message: &str) -> Value {
    json!({ "$ref": format!("#/channels/{}/messages/{message}", CHANNEL.0) })
}

fn message(frame: &Frame) -> Value {
    let payload = json!({ "$ref": format!("#/components/schemas/{}", frame.schema()) });
    json!({ "name": frame.name, "summary": frame.description, "payload": payload })
}

/// The operation of a frame that a client sends.
fn asked(frame: &Frame) -> Value {
    let mut operation = json!({
        "action": "receive",
        "channel": CHANNEL.reference(),
        "summary": frame.description,
        "messages": [on_channel(&frame.schema())],
    });
    if !frame.answers.is_empty() {
        let answers: Vec<_> = frame.answers.iter().map(|answer| on_channel(&format!("server.{answer}"))).collect();
        operation["reply"] = json!({ "channel": CHANNEL.reference(), "messages": answers });
    }
    operation
}

fn closes() -> Value {
    let close = |close: &Close| json!({ "code": close.code(), "name": close.name(), "title": close.title(), "retry": close.retry() });
    Close::ALL.iter().map(close).collect()
}

fn errors() -> Value {
    let error = |code: &Code| json!({ "code": code.as_str(), "type": code.uri(), "title": code.title(), "retry": code.retry().as_str() });
    Code::ALL.iter().map(error).collect()
}

/// As they are unless the server is told otherwise.
fn limits() -> Value {
    let settings = GatewaySettings::default();
    let milliseconds = |duration: std::time::Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    json!({
        "hello_bytes": HELLO_BYTES,
        "hello_ms": milliseconds(settings.hello),
        "frame_bytes": settings.frame_bytes,
        "frame_bytes_before_the_connection_ends": settings.frame_bytes * HARD_LIMIT,
        "message_characters": MessageBody::MAX_CHARACTERS,
        "bad_frames": settings.bad_frames,
        "commands_in_flight": IN_FLIGHT,
        "window_events": settings.window.events,
        "window_bytes": settings.window.bytes,
        "watched_users": posthaste_application::presence::WATCHED,
        "sockets_per_user": settings.sockets_per_user,
        "connects_per_s": settings.connects_per_s,
        "connects_waiting": settings.connects_waiting,
        "heartbeat_ms": milliseconds(settings.heartbeat),
        "ack_ms": milliseconds(settings.ack),
        "write_ms": milliseconds(settings.write),
        "feed_ms": milliseconds(settings.feed),
        "drain_spread_ms": milliseconds(settings.drain_spread),
    })
}
