//! Where spans go.

use std::collections::BTreeMap;
use std::time::Duration;

use posthaste_infrastructure::otlp::OtlpSettings;
use serde::{Deserialize, Serialize};

use super::Secret;

/// Where spans go. Nowhere without an endpoint.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TelemetryConfig {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    endpoint: Option<String>,
    service: String,
    sampling: f64,
    #[serde(default)]
    headers: BTreeMap<String, Secret>,
    flush_ms: u64,
}

impl TelemetryConfig {
    /// As the exporter takes them, if spans are to be exported.
    pub(crate) fn settings(&self) -> Option<OtlpSettings<'_>> {
        let headers = self.headers.iter().map(|(name, value)| (name.clone(), value.reveal().to_owned()));
        Some(OtlpSettings {
            endpoint: self.endpoint.as_deref()?,
            service: &self.service,
            version: env!("CARGO_PKG_VERSION"),
            sampling: self.sampling,
            headers: headers.collect(),
        })
    }

    /// How long a process that stops may take to export its last spans.
    pub(crate) const fn flush(&self) -> Duration {
        Duration::from_millis(self.flush_ms)
    }
}
