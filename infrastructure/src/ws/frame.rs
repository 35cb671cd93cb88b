//! The frames of `posthaste.v1`, as they are on the wire. `ev` is rendered by `posthaste_application::deliver::Push`, once for all devices.

use posthaste_application::problem::Problem;
use posthaste_application::recorded::Position;
use posthaste_domain::message::MessageContent;
use posthaste_domain::{CommandId, DeviceId, ThreadId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

/// What a client can send.
#[derive(Debug, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub(super) enum ClientFrame {
    /// The first frame: who it is, and where its device stands.
    Hello(Hello),
    /// Everything up to here is stored on the device.
    Ack { position: Position },
    /// A command.
    Cmd(Cmd),
    /// A newer access token for the open socket.
    Auth { token: String },
    /// Is anybody there.
    Ping { n: u64 },
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

/// What can be told of a frame that could not be read whole.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Outline {
    pub(super) t: Option<String>,
    pub(super) id: Option<u64>,
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
