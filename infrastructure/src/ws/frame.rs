//! The frames of `posthaste.v1`, as they are on the wire. `ev` is rendered by `posthaste_application::deliver::Push`, once for all devices.

use chrono::{DateTime, Utc};
use posthaste_application::presence::WATCHED;
use posthaste_application::problem::{Code, Problem, Retry};
use posthaste_application::recorded::Position;
use posthaste_domain::{CommandId, DeviceId, ThreadId, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::SUBPROTOCOL;
use super::close::Close;

/// What a client can send. Each names the frames that answer it.
#[derive(Debug, JsonSchema)]
#[schemars(tag = "t", rename_all = "snake_case")]
pub(super) enum ClientFrame {
    /// The first frame: who it is, and where its device stands.
    #[schemars(extend("x-answers" = ["welcome", "err"]))]
    Hello(Hello),
    /// Everything meant for the device up to here is stored there. Cumulative; an older one does nothing.
    #[schemars(extend("x-answers" = []))]
    Ack(Ack),
    /// A command. Safe to repeat for ever under the same key, on any connection, node or day.
    #[schemars(extend("x-answers" = ["ok", "err"]))]
    Cmd(Cmd),
    /// Everything in a thread up to a position is read. What was read stays read.
    #[schemars(extend("x-answers" = ["ok", "err"]))]
    Read(Read),
    /// The user types in a thread, or has ended; told to those who are in it. To be said again every two to three seconds while it goes on.
    #[schemars(extend("x-answers" = []))]
    Typing(Typing),
    /// Whom one wants to know to be online: how each of them is comes first, and then what changes. Replaces those watched before; nobody
    /// ends it.
    #[schemars(extend("x-answers" = ["presence", "err"]))]
    Watch(Watch),
    /// A newer access token for the open socket.
    #[schemars(extend("x-answers" = ["ok", "err"]))]
    Auth(Auth),
    /// Is anybody there.
    #[schemars(extend("x-answers" = ["pong"]))]
    Ping(Ping),
    /// The client leaves; the server closes with 1000.
    #[schemars(extend("x-answers" = []))]
    Bye,
}

/// The fields of `hello`.
#[derive(Deserialize, JsonSchema)]
#[schemars(inline, extend("oneOf" = [{ "required": ["ticket"] }, { "required": ["token"] }]))]
pub(super) struct Hello {
    /// A one-time ticket from `POST /v1/ws/tickets`; either this or `token`.
    pub(super) ticket: Option<String>,
    /// An access token; either this or `ticket`.
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
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(super) struct Cmd {
    /// The client's number for it; the answer carries it as `re`.
    pub(super) id: u64,
    /// The command id: a UUID, best version 7, chosen before the first try and kept on every retry.
    pub(super) key: CommandId,
    /// What is asked.
    pub(super) op: String,
    /// With what.
    #[schemars(with = "serde_json::Value")]
    pub(super) body: Box<RawValue>,
}

/// The fields of `read`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(super) struct Read {
    /// The client's number for it; the answer carries it as `re`.
    pub(super) id: u64,
    /// Which thread.
    pub(super) thread: ThreadId,
    /// Up to where, inclusive; at most the end of the log.
    pub(super) upto: Position,
}

/// The fields of `typing`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(super) struct Typing {
    /// Where.
    pub(super) thread: ThreadId,
    /// Whether they type.
    pub(super) on: bool,
}

/// The fields of `ack`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(super) struct Ack {
    /// Up to where; at most what was pushed.
    pub(super) position: Position,
}

/// The fields of `watch`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(super) struct Watch {
    /// Those who are watched from now on.
    #[schemars(length(max = WATCHED))]
    pub(super) users: Vec<UserId>,
}

/// The fields of `auth`.
#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
pub(super) struct Auth {
    /// The new access token.
    pub(super) token: String,
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth").finish_non_exhaustive()
    }
}

/// The fields of `ping`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(super) struct Ping {
    /// Any number; comes back in `pong`.
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
            Some("read") => serde_json::from_str(text).map(Self::Read).map_err(invalid),
            Some("typing") => serde_json::from_str(text).map(Self::Typing).map_err(invalid),
            Some("watch") => serde_json::from_str(text).map(Self::Watch).map_err(invalid),
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
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub(super) struct Limits {
    /// The longest frame a client may send, in bytes.
    pub(super) frame_bytes: usize,
    /// The longest message, in characters.
    pub(super) message_characters: usize,
}

/// What a server can send, but for `ev`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "t", rename_all = "snake_case")]
pub(super) enum ServerFrame<'a> {
    /// The answer to `hello`.
    Welcome {
        /// This connection, for the logs.
        session: Uuid,
        /// As it was named in `hello`.
        device: DeviceId,
        /// Where the device stands; the `prev` of the first `ev`.
        cursor: Position,
        /// The end of the log when it connected.
        head: Position,
        /// Between two signs of life, in milliseconds. A client that is silent for two of them is let go.
        heartbeat_ms: u128,
        /// The most events that may be un-acked.
        window: usize,
        /// What is taken.
        limits: Limits,
        /// The server's time.
        #[schemars(with = "DateTime<Utc>")]
        now: String,
        /// When the access token runs out; `auth` renews it.
        #[schemars(with = "DateTime<Utc>")]
        expires_at: String,
    },
    /// The backlog is done; said once.
    Live {
        /// Everything up to here was sent. May be acked.
        position: Position,
    },
    /// A command or a read was carried out and committed, or the new token was taken.
    Ok {
        /// The `id` of the command or read.
        #[serde(skip_serializing_if = "Option::is_none")]
        re: Option<u64>,
        /// Nothing was recorded now: it had been before.
        dup: bool,
        /// What a command or a read came to.
        #[serde(skip_serializing_if = "Option::is_none")]
        result: Option<Executed>,
    },
    /// Something was refused, or the server is about to close.
    Err {
        /// The `id` of what was refused, if it has one.
        #[serde(skip_serializing_if = "Option::is_none")]
        re: Option<u64>,
        /// What happened, for programs.
        #[schemars(with = "ErrCode")]
        code: &'a str,
        /// What happened, for people; the same few words every time.
        title: &'a str,
        /// What it is about this time, for people.
        #[serde(skip_serializing_if = "Option::is_none")]
        detail: Option<&'a str>,
        /// What to do about it.
        #[schemars(with = "Retry")]
        retry: &'a str,
        /// With `retry: after`: how long to wait, in milliseconds.
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u64>,
    },
    /// Somebody else types in a thread, or has ended. A signal: it may be lost, and is never repeated.
    Typing {
        /// Where.
        thread: ThreadId,
        /// Who.
        user: UserId,
        /// Whether they type. That they have ended is told also when nothing was heard of it for 5 s.
        on: bool,
    },
    /// How far somebody else has come in a thread. A signal: it may be lost, and is never repeated; on a connection it only grows.
    Receipt {
        /// Which thread.
        thread: ThreadId,
        /// Who.
        user: UserId,
        /// A device of theirs has stored everything up to here.
        #[serde(skip_serializing_if = "Option::is_none")]
        delivered: Option<Position>,
        /// They have read everything up to here.
        #[serde(skip_serializing_if = "Option::is_none")]
        read: Option<Position>,
    },
    /// A sign of life.
    Hb {
        /// How many there were on this connection.
        n: u64,
        /// The end of the log, read from the log and not from the push path.
        head: Position,
    },
    /// The answer to `ping`.
    Pong {
        /// As it was sent.
        n: u64,
    },
    /// Somebody who is watched is online, or is not. Whoever may not be seen is offline. A signal: it may be lost, and only the latest of each
    /// user counts.
    Presence {
        /// Who.
        user: UserId,
        /// Whether they are online.
        online: bool,
        /// When they were online last, to the minute or the hour, if that is shown.
        #[serde(skip_serializing_if = "Option::is_none")]
        last_seen: Option<DateTime<Utc>>,
    },
    /// The node is leaving: reconnect at a random moment within the spread.
    Drain {
        /// Not before this, in milliseconds.
        after_ms: u64,
        /// Over how long, in milliseconds.
        spread_ms: u64,
    },
}

/// The `code` of an `err`.
#[derive(JsonSchema)]
#[schemars(untagged, inline)]
#[expect(dead_code, reason = "a name for the document")]
enum ErrCode {
    /// A request was refused.
    Refused(Code),
    /// The server closes.
    Closing(Close),
}

/// What a command or a read came to.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub(super) struct Executed {
    /// Of what it made or was about.
    pub(super) id: Uuid,
    /// Of the last event it led to.
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
