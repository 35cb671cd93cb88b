//! When a process says that it is not ready.

use posthaste_application::health::LagLimits;
use serde::{Deserialize, Serialize};

/// When a process says that it is not ready.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReadinessConfig {
    pub(crate) relay_lag: u64,
    pub(crate) view_lag: u64,
}

impl ReadinessConfig {
    /// As it is looked at.
    pub(crate) const fn limits(&self) -> LagLimits {
        LagLimits { relay: self.relay_lag, views: self.view_lag }
    }
}
