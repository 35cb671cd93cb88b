//! What was measured, as Prometheus reads it: the only place that knows how.

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use posthaste_application::meter::{self, METRICS};

/// Why nothing can be measured.
#[derive(Debug, thiserror::Error)]
#[error("the recorder of metrics cannot be installed")]
pub struct Uninstalled(#[from] BuildError);

/// The text of `/metrics`. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Prometheus(PrometheusHandle);

impl Prometheus {
    /// Has everything measured from here on. Once for each process, before the first thing that is measured.
    ///
    /// # Errors
    /// It was called before.
    pub fn install() -> Result<Self, Uninstalled> {
        let mut builder = PrometheusBuilder::new();
        for metric in METRICS {
            if let Some(bounds) = metric.buckets() {
                builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), bounds)?;
            }
        }
        let handle = builder.install_recorder()?;
        meter::describe();
        Ok(Self(handle))
    }

    /// Everything as of now.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.render()
    }

    /// Puts what was measured since the last time into its buckets. To be called every few seconds: until then each value is kept by itself.
    pub fn gather(&self) {
        self.0.run_upkeep();
    }
}
