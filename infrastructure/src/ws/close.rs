//! Why the server closes a socket, and what the client should make of it: 40xx resume, 41xx do something first, 42xx do not reconnect.

/// A reason to close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Close {
    /// The client said `bye`.
    Bye,
    /// The node is leaving.
    Draining,
    /// Nothing was heard from the client.
    HeartbeatTimeout,
    /// The window is full and nothing was acked.
    AckStalled,
    /// The server failed.
    ServerError,
    /// The log moves on and this socket does not.
    FeedStalled,
    /// The socket takes no more.
    WriteTimeout,
    /// The access token ran out.
    TokenExpired,
    /// No `hello` in time.
    HelloTimeout,
    /// The client does not speak `posthaste.v1`.
    UnsupportedVersion,
    /// Too much that cannot be understood.
    ProtocolViolation,
    /// The `hello` was not accepted.
    Unauthorized,
    /// The same device connected again.
    Replaced,
    /// The user has too many sockets.
    TooManyConnections,
    /// The page is not on the allow-list.
    ForbiddenOrigin,
}

impl Close {
    /// The close code.
    pub(super) const fn code(self) -> u16 {
        match self {
            Self::Bye => 1000,
            Self::Draining => 4000,
            Self::HeartbeatTimeout => 4001,
            Self::AckStalled => 4002,
            Self::ServerError | Self::FeedStalled => 4003,
            Self::WriteTimeout => 4005,
            Self::TokenExpired | Self::Unauthorized => 4100,
            Self::HelloTimeout => 4102,
            Self::UnsupportedVersion => 4200,
            Self::ProtocolViolation => 4201,
            Self::Replaced => 4204,
            Self::TooManyConnections => 4205,
            Self::ForbiddenOrigin => 4206,
        }
    }

    /// Its name: the close reason, and the `code` of the `err` before it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Bye => "bye",
            Self::Draining => "draining",
            Self::HeartbeatTimeout => "heartbeat_timeout",
            Self::AckStalled => "ack_stalled",
            Self::ServerError => "server_error",
            Self::FeedStalled => "feed_stalled",
            Self::WriteTimeout => "write_timeout",
            Self::TokenExpired => "token_expired",
            Self::HelloTimeout => "hello_timeout",
            Self::UnsupportedVersion => "unsupported_version",
            Self::ProtocolViolation => "protocol_violation",
            Self::Unauthorized => "unauthorized",
            Self::Replaced => "replaced_by_same_device",
            Self::TooManyConnections => "too_many_connections",
            Self::ForbiddenOrigin => "forbidden_origin",
        }
    }

    /// What the client should do about it, in words.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Bye => "Goodbye",
            Self::Draining => "The node is leaving; reconnect and resume",
            Self::HeartbeatTimeout => "Nothing was heard from the client; reconnect and resume",
            Self::AckStalled => "The window is full and nothing was acknowledged; reconnect and resume",
            Self::ServerError => "The server failed; reconnect after a while and resume",
            Self::FeedStalled => "The socket was not served in time; reconnect and resume",
            Self::WriteTimeout => "The socket took no more; reconnect and resume",
            Self::TokenExpired => "The access token has expired; get a new one and resume",
            Self::HelloTimeout => "No hello came in time",
            Self::UnsupportedVersion => "This server speaks posthaste.v1",
            Self::ProtocolViolation => "Too many frames that make no sense",
            Self::Unauthorized => "The hello was not accepted; log in and resume",
            Self::Replaced => "The same device has connected again",
            Self::TooManyConnections => "The user has too many connections",
            Self::ForbiddenOrigin => "This origin may not connect",
        }
    }

    /// The `retry` of the `err` before it.
    pub(super) const fn retry(self) -> &'static str {
        match self.code() {
            4000..=4099 => "after",
            4100 => "reauth",
            4101..=4199 => "after",
            _ => "never",
        }
    }
}
