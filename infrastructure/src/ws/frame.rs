//! The frames of `posthaste.v1`, as they are on the wire. `ev` is rendered by `posthaste_application::deliver::Push`, once for all devices.

use posthaste_application::problem::{Code, Problem};
use posthaste_application::recorded::Position;
use posthaste_domain::message::MessageContent;
use posthaste_domain::{CommandId, DeviceId, ThreadId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::SUBPROTOCOL;

/// What a client can send.
#[derive(Debug)]
pub(super) enum ClientFrame {
    /// The first frame: who it is, and where its device stands.
    Hello(Hello),
    /// Everything up to here is stored on the device.
    Ack(Ack),
    /// A command.
    Cmd(Cmd),
    /// A newer access token for the open socket.
    Auth(Auth),
    /// Is anybody there.
    Ping(Ping),
    /// The client leaves.
    Bye,
}

/// The fields of `hello`.
#[derive(Deserialize)]
pub(super) struct Hello {
    /// A one-time ticket, or
    pub(super) ticket: Option<String>,
    /// an access token.
    pub(super) token: Option<String>,
    /// Which installation this is.
    pub(super) device: DeviceId,
    /// How far the device has stored what is meant for it, if it knows.
    pub(super) cursor: Option<Position>,
    /// The most events it wants un-acked, up to the server's own limit.
    pub(super) window: Option<usize>,
    /// What it calls itself, for the logs.
    pub(super) client: Option<String>,
}

impl std::fmt::Debug for Hello {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hello")
            .field("device", &self.device)
            .field("cursor", &self.cursor)
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

/// The fields of `cmd`. The body is read once the `op` is known.
#[derive(Debug, Deserialize)]
pub(super) struct Cmd {
    /// The client's number for it; the answer carries it as `re`.
    pub(super) id: u64,
    /// The command id.
    pub(super) key: CommandId,
    /// What is asked.
    pub(super) op: String,
    /// With what.
    pub(super) body: Box<RawValue>,
}

/// The body of `message.post`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PostMessage {
    pub(super) thread: ThreadId,
    pub(super) content: MessageContent,
}

/// The fields of `ack`.
#[derive(Debug, Deserialize)]
pub(super) struct Ack {
    pub(super) position: Position,
}

/// The fields of `auth`.
#[derive(Deserialize)]
pub(super) struct Auth {
    pub(super) token: String,
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth").finish_non_exhaustive()
    }
}

/// The fields of `ping`.
#[derive(Debug, Deserialize)]
pub(super) struct Ping {
    pub(super) n: u64,
}

/// What can be told of any frame.
#[derive(Debug, Default, Deserialize)]
struct Outline {
    t: Option<String>,
    id: Option<u64>,
}

/// A frame that cannot be read, and its number if it has one.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) re: Option<u64>,
    pub(super) problem: Problem,
}

impl ClientFrame {
    /// Reads a frame: its name first, then what belongs to it.
    pub(super) fn parse(text: &str) -> Result<Self, Unreadable> {
        let invalid = |re| move |error: serde_json::Error| Unreadable { re, problem: Problem::with(Code::Validation, error.to_string()) };
        let outline: Outline = serde_json::from_str(text).map_err(invalid(None))?;
        let invalid = invalid(outline.id);
        match outline.t.as_deref() {
            Some("hello") => serde_json::from_str(text).map(Self::Hello).map_err(invalid),
            Some("ack") => serde_json::from_str(text).map(Self::Ack).map_err(invalid),
            Some("cmd") => serde_json::from_str(text).map(Self::Cmd).map_err(invalid),
            Some("auth") => serde_json::from_str(text).map(Self::Auth).map_err(invalid),
            Some("ping") => serde_json::from_str(text).map(Self::Ping).map_err(invalid),
            Some("bye") => Ok(Self::Bye),
            Some(unknown) => {
                let problem = Problem::with(Code::UnsupportedOp, format!("there is no frame '{unknown}' in {SUBPROTOCOL}"));
                Err(Unreadable { re: outline.id, problem })
            }
            None => Err(Unreadable { re: outline.id, problem: Problem::with(Code::Validation, "a frame needs its name, t") }),
        }
    }

    /// The number of a frame that is not to be read whole.
    pub(super) fn number(text: &str) -> Option<u64> {
        serde_json::from_str::<Outline>(text).ok().and_then(|outline| outline.id)
    }
}

/// The limits of a connection, as `welcome` tells them.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Limits {
    /// The longest frame a client may send.
    pub(super) frame_bytes: usize,
    /// The longest message.
    pub(super) message_characters: usize,
}

/// What a server can send, but for `ev`.
#[derive(Debug, Serialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub(super) enum ServerFrame<'a> {
    /// The answer to `hello`.
    Welcome {
        session: Uuid,
        device: DeviceId,
        cursor: Position,
        head: Position,
        heartbeat_ms: u128,
        window: usize,
        limits: Limits,
        now: String,
        expires_at: String,
    },
    /// The backlog is done.
    Live { position: Position },
    /// A command was carried out.
    Ok {
        #[serde(skip_serializing_if = "Option::is_none")]
        re: Option<u64>,
        dup: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        result: Option<Executed>,
    },
    /// Something was refused.
    Err {
        #[serde(skip_serializing_if = "Option::is_none")]
        re: Option<u64>,
        code: &'a str,
        title: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        detail: Option<&'a str>,
        retry: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u64>,
    },
    /// A sign of life, with the head of the log.
    Hb { n: u64, head: Position },
    /// The answer to `ping`.
    Pong { n: u64 },
    /// The node is leaving.
    Drain { after_ms: u64, spread_ms: u64 },
}

/// What a command came to.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Executed {
    pub(super) id: Uuid,
    pub(super) position: Position,
}

impl ServerFrame<'_> {
    /// As text.
    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).expect("frames are plain structs with string keys")
    }
}

/// The `err` frame of a problem.
pub(super) fn error(re: Option<u64>, problem: &Problem) -> String {
    let Problem { code, detail, retry_after_ms } = problem;
    ServerFrame::Err {
        re,
        code: code.as_str(),
        title: code.title(),
        detail: detail.as_deref(),
        retry: code.retry().as_str(),
        retry_after_ms: *retry_after_ms,
    }
    .text()
}
