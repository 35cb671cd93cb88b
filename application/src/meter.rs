//! What is measured: one table of every metric, and the handles through which the code counts.
//!
//! A handle is found once, when the process starts, so counting takes neither a lock nor an allocation. Without a recorder, as in tests and in
//! the commands of an operator, counting does nothing. What a series is called, what it counts and in what unit stands here and nowhere else:
//! `/metrics` has exactly these series, and dashboards, alerts and docs may name no others.
//!
//! To add one: a line in the table, and the place that counts.

mod handle;
mod table;

use std::sync::LazyLock;

use metrics::Unit;

pub use self::handle::{Labelled, PerEndpoint};
pub use self::table::{METRICS, Meters};

/// What a metric does over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, until the process ends.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How values are spread, in the buckets of its unit.
    Histogram,
}

/// Which series a metric has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Series {
    /// One, without a label.
    One,
    /// One for each of these values of a label, from the start on.
    Of(&'static str, &'static [&'static str]),
    /// One for each webhook that is configured, by the label `endpoint`.
    PerEndpoint,
}

/// A metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name. Those of counters end with `_total`, those of times with `_seconds`.
    pub name: &'static str,
    /// What it does over time.
    pub kind: Kind,
    /// In what it is counted.
    pub unit: Unit,
    /// Which series it has.
    pub series: Series,
    /// What it says, in one sentence.
    pub help: &'static str,
}

/// The label of a metric that there is once for each webhook.
pub const ENDPOINT: &str = "endpoint";

/// Upper bounds of times, in seconds: from what a local commit takes to what somebody gives up on.
const TIMES: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];
/// Upper bounds of numbers of things that are done together.
const NUMBERS: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

impl Metric {
    /// The upper bounds of its buckets, if it is a histogram.
    #[must_use]
    pub fn buckets(&self) -> Option<&'static [f64]> {
        let bounds: &[f64] = if self.unit == Unit::Seconds { &TIMES } else { &NUMBERS };
        (self.kind == Kind::Histogram).then_some(bounds)
    }
}

/// The handles. The first call finds them, so a recorder has to be installed before it.
pub fn meters() -> &'static Meters {
    static METERS: LazyLock<Meters> = LazyLock::new(Meters::new);
    &METERS
}

/// Tells the recorder what every metric means, and begins every series that is known by now, at zero: what does not exist raises no alarm.
pub fn describe() {
    for metric in METRICS {
        match metric.kind {
            Kind::Counter => metrics::describe_counter!(metric.name, metric.unit, metric.help),
            Kind::Gauge => metrics::describe_gauge!(metric.name, metric.unit, metric.help),
            Kind::Histogram => metrics::describe_histogram!(metric.name, metric.unit, metric.help),
        }
    }
    meters();
}

/// Begins every series of a webhook, at zero.
pub fn begin_endpoint(endpoint: &str) {
    for metric in METRICS.iter().filter(|metric| metric.series == Series::PerEndpoint) {
        // To name it is to begin it.
        match metric.kind {
            Kind::Counter => drop(metrics::counter!(metric.name, ENDPOINT => endpoint.to_owned())),
            Kind::Gauge => drop(metrics::gauge!(metric.name, ENDPOINT => endpoint.to_owned())),
            Kind::Histogram => drop(metrics::histogram!(metric.name, ENDPOINT => endpoint.to_owned())),
        }
    }
}

/// A number as gauges take it: exact up to 2^53, which no log reaches.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "gauges are floating-point numbers")]
pub const fn gauged(number: u64) -> f64 {
    number as f64
}

/// The same for what is counted in memory.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "gauges are floating-point numbers")]
pub const fn counted(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::view::ViewName;

    #[test]
    fn every_metric_is_named_as_prometheus_wants_it_and_once() {
        let mut names = BTreeSet::new();
        for Metric { name, kind, unit, help, .. } in METRICS {
            assert!(names.insert(name), "{name} twice");
            assert!(name.starts_with("posthaste_"), "{name}");
            assert!(name.chars().all(|character| matches!(character, 'a'..='z' | '_')), "{name}");
            assert_eq!(*kind == Kind::Counter, name.ends_with("_total"), "{name}");
            assert_eq!(*unit == Unit::Seconds, name.ends_with("_seconds"), "{name}");
            assert!(help.ends_with('.') && help.len() > 10, "{name}: {help}");
        }
    }

    #[test]
    fn every_view_is_counted_by_its_name() {
        const VIEWS: [&str; 3] = [ViewName::ALL[0].as_str(), ViewName::ALL[1].as_str(), ViewName::ALL[2].as_str()];
        for metric in METRICS.iter().filter(|metric| metric.name.starts_with("posthaste_view_")) {
            assert_eq!(metric.series, Series::Of("view", &VIEWS), "{}", metric.name);
        }
    }

    #[test]
    fn counting_without_a_recorder_does_nothing() {
        describe();
        meters().events_appended.increment(1);
        meters().closes.of("bye").increment(1);
        meters().webhook_sent.of("crm").increment(1);
    }

    #[test]
    fn what_the_table_does_not_have_is_not_counted_and_breaks_nothing() {
        meters().closes.of("no value").increment(1);
    }
}
