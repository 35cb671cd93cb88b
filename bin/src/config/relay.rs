//! How the relay holds its lease.

use std::time::Duration;

use posthaste_application::relay::RelayTiming;
use serde::{Deserialize, Serialize};

/// How the relay holds its lease.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RelayConfig {
    pub(crate) lease_s: u64,
    pub(crate) checkpoint_ms: u64,
}

impl RelayConfig {
    /// As the relay takes it.
    pub(crate) fn timing(&self) -> RelayTiming {
        RelayTiming {
            lease: Duration::from_secs(self.lease_s),
            checkpoint: Duration::from_millis(self.checkpoint_ms),
            ..RelayTiming::default()
        }
    }
}
