//! How sockets are treated.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use posthaste_application::deliver::Window;
use posthaste_application::origin::Origins;
use posthaste_application::presence::PresenceTiming;
use posthaste_infrastructure::ws::GatewaySettings;
use serde::{Deserialize, Serialize};

/// How sockets are treated.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GatewayConfig {
    pub(crate) heartbeat_s: NonZeroU64,
    pub(crate) hello_timeout_s: NonZeroU64,
    pub(crate) ack_timeout_s: NonZeroU64,
    pub(crate) write_timeout_s: NonZeroU64,
    pub(crate) feed_timeout_s: NonZeroU64,
    pub(crate) drain_spread_s: u64,
    pub(crate) window_events: usize,
    pub(crate) window_bytes: usize,
    pub(crate) sockets_per_user: usize,
    pub(crate) presence_lease_s: NonZeroU64,
    pub(crate) connects_per_s: NonZeroU32,
    pub(crate) connects_waiting: usize,
    pub(crate) origins: Vec<String>,
}

impl GatewayConfig {
    /// As the gateway takes it.
    pub(crate) fn settings(&self) -> GatewaySettings {
        GatewaySettings {
            heartbeat: Duration::from_secs(self.heartbeat_s.get()),
            hello: Duration::from_secs(self.hello_timeout_s.get()),
            ack: Duration::from_secs(self.ack_timeout_s.get()),
            write: Duration::from_secs(self.write_timeout_s.get()),
            feed: Duration::from_secs(self.feed_timeout_s.get()),
            drain_spread: Duration::from_secs(self.drain_spread_s),
            window: Window { events: self.window_events, bytes: self.window_bytes },
            sockets_per_user: self.sockets_per_user,
            connects_per_s: self.connects_per_s,
            connects_waiting: self.connects_waiting,
            ..GatewaySettings::default()
        }
    }

    /// Web pages that may connect and call.
    ///
    /// # Errors
    /// What no browser sends.
    pub(crate) fn origins(&self) -> Result<Origins, String> {
        Origins::new(self.origins.clone()).map_err(|wrong| format!("gateway.origins: {wrong}"))
    }

    /// As presence is kept.
    pub(crate) fn presence(&self) -> PresenceTiming {
        PresenceTiming { lease: Duration::from_secs(self.presence_lease_s.get()), ..PresenceTiming::default() }
    }
}
