//! `/metrics`, read as Prometheus does.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail, ensure};
use posthaste_application::meter::{ENDPOINT, Kind, METRICS, Metric, Series};

/// What a process has measured.
#[derive(Debug)]
pub(crate) struct Scrape {
    /// The value of each series, by its name with its labels: `posthaste_closes_total{reason="bye"}`.
    samples: BTreeMap<String, f64>,
    kinds: BTreeMap<String, String>,
    helped: BTreeSet<String>,
}

impl Scrape {
    pub(crate) async fn of(base: &str) -> anyhow::Result<Self> {
        let response = posthaste_tests::http::get(format!("{base}/metrics")).await?.error_for_status()?;
        let kind = response.headers()["content-type"].to_str()?.to_owned();
        ensure!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
        Self::read(&response.text().await?)
    }

    fn read(text: &str) -> anyhow::Result<Self> {
        let mut scrape = Self { samples: BTreeMap::new(), kinds: BTreeMap::new(), helped: BTreeSet::new() };
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(help) = line.strip_prefix("# HELP ") {
                scrape.helped.extend(help.split_once(' ').map(|(name, _)| name.to_owned()));
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').context("a kind")?;
                ensure!(scrape.kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "{name} twice");
            } else {
                let (series, value) = line.rsplit_once(' ').with_context(|| line.to_owned())?;
                ensure!(scrape.samples.insert(series.to_owned(), value.parse()?).is_none(), "{series} twice");
            }
        }
        Ok(scrape)
    }

    /// The value of a series, without the `posthaste_` before its name.
    pub(crate) fn get(&self, series: &str) -> anyhow::Result<f64> {
        self.samples.get(&format!("posthaste_{series}")).copied().with_context(|| format!("there is no series {series}"))
    }

    /// By how much it has grown since an earlier look.
    pub(crate) fn since(&self, before: &Self, series: &str) -> anyhow::Result<f64> {
        Ok(self.get(series)? - before.get(series)?)
    }

    /// Every metric of the table is there, of its kind, with its help and all its series, and there is nothing else.
    pub(crate) fn is_the_table(&self, endpoints: &[&str]) -> anyhow::Result<()> {
        let known: BTreeSet<_> = METRICS.iter().map(|metric| metric.name.to_owned()).collect();
        let shown: BTreeSet<_> = self.kinds.keys().cloned().collect();
        ensure!(shown == known, "shown and not in the table or the other way round: {:?}", shown.symmetric_difference(&known));
        ensure!(self.helped == known, "without help: {:?}", known.difference(&self.helped));
        let mut expected = BTreeSet::new();
        for metric in METRICS {
            let kind = match metric.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Histogram => "histogram",
            };
            ensure!(self.kinds[metric.name] == kind, "{} is a {}", metric.name, self.kinds[metric.name]);
            expected.extend(series(metric, endpoints));
        }
        let shown: BTreeSet<_> = self.samples.keys().map(|series| without_bucket(series)).collect::<Result<_, _>>()?;
        ensure!(shown == expected, "shown and not expected or the other way round: {:?}", shown.symmetric_difference(&expected));
        Ok(())
    }
}

/// The series of a metric.
fn series(metric: &Metric, endpoints: &[&str]) -> Vec<String> {
    let labels: Vec<String> = match metric.series {
        Series::One => vec![String::new()],
        Series::Of(label, values) => values.iter().map(|value| format!("{{{label}=\"{value}\"}}")).collect(),
        Series::PerEndpoint => endpoints.iter().map(|value| format!("{{{ENDPOINT}=\"{value}\"}}")).collect(),
    };
    let parts: &[&str] = if metric.kind == Kind::Histogram { &["_bucket", "_sum", "_count"] } else { &[""] };
    labels.iter().flat_map(|labels| parts.iter().map(move |part| format!("{}{part}{labels}", metric.name))).collect()
}

/// Buckets of one series are one: a histogram here has no label but its bounds.
fn without_bucket(series: &str) -> anyhow::Result<String> {
    match series.split_once("_bucket{le=\"") {
        None => Ok(series.to_owned()),
        Some((name, bound)) if bound.ends_with("\"}") => Ok(format!("{name}_bucket")),
        Some(_) => bail!("{series} has more than a bound"),
    }
}
