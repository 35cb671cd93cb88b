//! Why the server closes a socket, and what the client should make of it: 40xx resume, 41xx do something first, 42xx do not reconnect.

use schemars::JsonSchema;

macro_rules! closes {
    ($($(#[$doc:meta])* $variant:ident, $code:literal, $name:literal, $title:literal;)+) => {
        /// A reason to close.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
        #[schemars(rename = "CloseName")]
        pub(super) enum Close {
            $($(#[$doc])* #[schemars(rename = $name)] $variant,)+
        }

        impl Close {
            /// Every reason, in the order of the codes.
            pub(super) const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The close code.
            pub(super) const fn code(self) -> u16 {
                match self { $(Self::$variant => $code,)+ }
            }

            /// Its name: the close reason, and the `code` of the `err` before it.
            pub(super) const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What the client should do about it, in words.
            pub(super) const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)+ }
            }
        }
    };
}

closes! {
    /// The client said `bye`.
    Bye, 1000, "bye", "Goodbye";
    /// The node is leaving.
    Draining, 4000, "draining", "The node is leaving; reconnect and resume";
    /// Nothing was heard from the client.
    HeartbeatTimeout, 4001, "heartbeat_timeout", "Nothing was heard from the client; reconnect and resume";
    /// The window is full and nothing was acked.
    AckStalled, 4002, "ack_stalled", "The window is full and nothing was acknowledged; reconnect and resume";
    /// The server failed.
    ServerError, 4003, "server_error", "The server failed; reconnect after a while and resume";
    /// The log moves on and this socket does not.
    FeedStalled, 4003, "feed_stalled", "The socket was not served in time; reconnect and resume";
    /// Too many connect at once, or the client sends too much and does not listen.
    RateLimited, 4004, "rate_limited", "Too much at once; wait, then resume";
    /// The socket takes no more.
    WriteTimeout, 4005, "write_timeout", "The socket took no more; reconnect and resume";
    /// The access token ran out.
    TokenExpired, 4100, "token_expired", "The access token has expired; get a new one and resume";
    /// The `hello` was not accepted.
    Unauthorized, 4100, "unauthorized", "The hello was not accepted; log in and resume";
    /// No `hello` in time.
    HelloTimeout, 4102, "hello_timeout", "No hello came in time";
    /// The client does not speak `posthaste.v1`.
    UnsupportedVersion, 4200, "unsupported_version", "This server speaks posthaste.v1";
    /// Too much that cannot be understood.
    ProtocolViolation, 4201, "protocol_violation", "Too many frames that make no sense";
    /// The login was ended.
    SessionRevoked, 4202, "session_revoked", "The session was revoked";
    /// The user was suspended.
    AccountSuspended, 4203, "account_suspended", "The account is suspended";
    /// The same device connected again.
    Replaced, 4204, "replaced_by_same_device", "The same device has connected again";
    /// The user has too many sockets.
    TooManyConnections, 4205, "too_many_connections", "The user has too many connections";
    /// The page is not on the allow-list.
    ForbiddenOrigin, 4206, "forbidden_origin", "This origin may not connect";
}

impl Close {
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

#[cfg(test)]
mod tests {
    use posthaste_application::meter::{METRICS, Series};

    use super::*;

    #[test]
    fn every_reason_is_counted_by_its_name() {
        let metric = METRICS.iter().find(|metric| metric.name == "posthaste_closes_total").unwrap();
        let Series::Of("reason", counted) = metric.series else { panic!("{metric:?}") };
        let mut counted = counted.to_vec();
        assert_eq!(counted.remove(0), "gone");
        assert_eq!(counted, Close::ALL.iter().map(|close| close.name()).collect::<Vec<_>>());
    }
}
